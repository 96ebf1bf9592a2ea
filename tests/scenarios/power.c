// SPDX-License-Identifier: GPL-2.0
/* A processor goes and comes, and the machine is put to sleep, under traffic. */
#include <poll.h>

#include "scenario.h"

#define TIMES		20
#define WRITERS		2
#define READERS		2
#define ENOUGH		200	/* messages between two steps */
#define CPU		"/sys/devices/system/cpu/cpu1/online"

struct message {
	unsigned int writer, number, pad[6];
};

static struct shared {
	bool stop;
	unsigned long long sent[WRITERS], received[WRITERS];
} *shared;

static void writer(const struct queue *q, unsigned int id)
{
	struct message m = { .writer = id };
	int fd = queue_open(q, O_WRONLY);

	while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
		ASSERT_EQ(write(fd, &m, sizeof(m)), sizeof(m));
		m.number++;
	}
	shared->sent[id] = m.number;
}

/* Each reader sees the messages of each writer in their order. */
static void reader(const struct queue *q)
{
	long long last[WRITERS] = { -1, -1 };
	int fd = queue_open(q, O_RDONLY);
	struct message m;
	ssize_t n;

	while ((n = read(fd, &m, sizeof(m))) > 0) {
		ASSERT_EQ(n, sizeof(m));
		ASSERT_TRUE(m.writer < WRITERS);
		ASSERT_TRUE(m.number > last[m.writer]);
		last[m.writer] = m.number;
		__atomic_fetch_add(&shared->received[m.writer], 1,
				   __ATOMIC_RELAXED);
	}
	ASSERT_EQ(n, 0);
}

static void begin(const struct queue *q, pid_t pid[WRITERS + READERS])
{
	shared = shared_memory(sizeof(*shared));
	for (unsigned int i = 0; i < WRITERS + READERS; i++) {
		pid[i] = start();
		if (pid[i])
			continue;
		if (i < WRITERS)
			writer(q, i);
		else
			reader(q);
		done();
	}
}

/*
 * Each reader's order and as many received as sent: none came twice, since
 * numbers only rise with a reader, and two readers can't have the same one
 * without the counts being off.
 */
static unsigned long long end(int fd, pid_t pid[WRITERS + READERS])
{
	unsigned long long sum = 0;

	__atomic_store_n(&shared->stop, true, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < WRITERS; i++)
		join(pid[i]);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	for (unsigned int i = 0; i < READERS; i++)
		join(pid[WRITERS + i]);
	for (unsigned int i = 0; i < WRITERS; i++) {
		ASSERT_EQ(shared->received[i], shared->sent[i]);
		sum += shared->sent[i];
	}
	ASSERT_EQ(info(fd).sent, sum);
	ASSERT_EQ(info(fd).received, sum);
	return sum;
}

static struct queue small_queue(void)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	c.max_msgs = 20;
	return queue_from(&c);
}

static void go_on(int fd)
{
	unsigned long long enough = info(fd).received + ENOUGH;

	WAIT_FOR(info(fd).received >= enough);
}

TEST_WITHIN(a_processor_goes_and_comes_during_traffic, LIMIT)
{
	struct queue q = small_queue();
	int fd = queue_open(&q, NONBLOCK);
	pid_t pid[WRITERS + READERS];
	unsigned int times = scaled(TIMES);
	unsigned long long sum, before, off = 0;
	double begun;

	if (access(CPU, W_OK))
		SKIP("there is no second processor that could go");
	put_text(CPU, "1");
	begin(&q, pid);
	go_on(fd);
	begun = now();
	for (unsigned int i = 0; i < times; i++) {
		put_text(CPU, "0");
		before = info(fd).received;
		go_on(fd);
		off += info(fd).received - before;
		put_text(CPU, "1");
		go_on(fd);
	}
	begun = now() - begun;
	sum = end(fd, pid);
	FIGURE("a processor went and came back %u%s times in %.1f s", times,
	       of_full(times, TIMES), begun);
	FIGURE("%llu messages, %llu of them meanwhile, each once and in order",
	       sum, off);
}

static bool offers(const char *path, const char *word)
{
	char line[256] = "";
	FILE *f = fopen(path, "r");

	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return strstr(line, word);
}

static void poller(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ASSERT_EQ(poll(&p, 1, -1), 1);
	ASSERT_EQ(p.revents, POLLIN);
}

/* Somebody waits in each way; the machine sleeps; then they get their turn. */
static void sleep_and_wake(const char *level)
{
	struct queue q = small_queue(), full = small_queue();
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&full, NONBLOCK);
	pid_t pid[3];

	ASSERT_OK(set_limits(other, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	PUT(other, "first");
	for (unsigned int i = 0; i < 3; i++) {
		pid[i] = start();
		if (pid[i])
			continue;
		if (i == 0)
			GET(queue_open(&q, O_RDONLY), "good morning");
		else if (i == 1)
			PUT(queue_open(&full, O_WRONLY), "second");
		else
			poller(queue_open(&q, O_RDONLY));
		done();
	}
	WAIT_READERS(fd, 1);
	WAIT_WRITERS(other, 1);
	put_text("/sys/power/pm_test", level);
	put_text("/sys/power/state", "mem");
	WAIT_READERS(fd, 1);
	WAIT_WRITERS(other, 1);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_TRUE(running(pid[i]));
	GET(other, "first");
	join(pid[1]);
	GET(other, "second");
	PUT(fd, "good morning");
	join(pid[0]);
	PUT(fd, "for the poller");
	join(pid[2]);
}

TEST_WITHIN(the_machine_sleeps_while_callers_wait, LIMIT)
{
	static const char *const levels[] = {
		"freezer", "devices", "platform", "processors", "core",
	};
	unsigned int slept = 0;

	if (access("/sys/power/pm_test", W_OK))
		SKIP("this kernel has no test of suspending");
	if (!offers("/sys/power/state", "mem"))
		SKIP("this machine can't be suspended");
	if (!access("/sys/module/suspend/parameters/pm_test_delay", W_OK))
		put_text("/sys/module/suspend/parameters/pm_test_delay", "0");
	for (unsigned int i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (!offers("/sys/power/pm_test", levels[i]))
			continue;
		sleep_and_wake(levels[i]);
		slept++;
	}
	ASSERT_TRUE(slept > 0);
	put_text("/sys/power/pm_test", "none");
	FIGURE("suspended %u times, to as many depths, while three waited", slept);
}

TEST_WITHIN(the_machine_sleeps_during_traffic, LIMIT)
{
	struct queue q = small_queue();
	int fd = queue_open(&q, NONBLOCK);
	pid_t pid[WRITERS + READERS];
	unsigned long long sum;

	if (access("/sys/power/pm_test", W_OK))
		SKIP("this kernel has no test of suspending");
	if (!offers("/sys/power/state", "mem"))
		SKIP("this machine can't be suspended");
	put_text("/sys/power/pm_test", "core");
	begin(&q, pid);
	for (unsigned int i = 0; i < 3; i++) {
		go_on(fd);
		put_text("/sys/power/state", "mem");
	}
	go_on(fd);
	put_text("/sys/power/pm_test", "none");
	sum = end(fd, pid);
	FIGURE("suspended 3 times among %llu messages; each once and in order", sum);
}
