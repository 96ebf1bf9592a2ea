// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer that knows the contract. Several processes, root and not, call all
 * there is to call with hostile arguments; each result is held against what
 * docs/abi.md says of such a call: its errors, its lengths, the bytes that it
 * may write. Two queues carry messages that describe themselves, so that a torn,
 * lost or doubled one shows.
 *
 * What a process calls depends on the seed, its number and the number of the
 * step, never on results. Only the order between processes is left to chance.
 *
 * STACQ_FUZZ_CALLS	steps in all, each a call or a few (1,000,000; 15,000 on a
 *			debug kernel)
 * STACQ_FUZZ_SEED	the seed of an earlier run, to repeat it
 * STACQ_FUZZ_PROCESSES	1 to 8 (4); 1 is without a second thread: the very same
 *			calls, in the same order
 * STACQ_FUZZ_LOG	a file, /dev/kmsg for one: each call is written to it
 *			before it is made, for when the machine dies
 */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>

#include "parts/parts.h"

static unsigned long long steps_in_all;

static const struct step {
	void (*run)(void);
	unsigned int weight;
} all_steps[] = {
	{ step_read, 130 }, { step_write, 170 }, { step_vector, 70 },
	{ step_bad_vector, 8 }, { step_positioned, 6 },
	{ step_ioctl, 190 }, { step_control, 24 }, { step_fionread, 20 },
	{ step_unknown_ioctl, 24 }, { step_misplaced_ioctl, 8 },
	{ step_open, 30 }, { step_close, 12 }, { step_dup, 8 },
	{ step_poll, 20 }, { step_select, 8 }, { step_epoll, 20 },
	{ step_refused, 12 }, { step_splice, 4 }, { step_flags, 12 }, { step_flock, 3 },
	{ step_fork, 1 }, { step_parameter, 4 },
	{ step_send, 80 }, { step_send_bad, 14 }, { step_receive, 60 },
	{ step_receive_bad, 14 }, { step_receive_parts, 8 }, { step_look, 14 },
	{ step_meddle, 14 }, { step_send_frames, 60 }, { step_receive_frames, 60 },
	{ step_frames_anywhere, 60 }, { step_mode, 14 }, { step_splice_frames, 10 },
};

static void one_step(unsigned long long n)
{
	unsigned int sum = 0, at;

	chance = mix(seed ^ mix(me->id + 1)) ^ mix(n + 0x5eed);
	this_step = n;
	for (unsigned int i = 0; i < ARRAY_SIZE(all_steps); i++)
		sum += all_steps[i].weight;
	at = below(sum);
	for (unsigned int i = 0; i < ARRAY_SIZE(all_steps); i++) {
		if (at < all_steps[i].weight) {
			all_steps[i].run();
			return;
		}
		at -= all_steps[i].weight;
	}
}

static void write_parameter(const char *name, const char *value)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/module/stacq/parameters/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	HOLDS(fd >= 0 && write(fd, value, strlen(value)) > 0);
	close(fd);
}

static struct stacq_create usual_queue(const char *name)
{
	struct stacq_create c = {
		.order = STACQ_FIFO, .max_msgs = 200, .max_bytes = 3 << 20,
		.max_msg_size = 1 << 20, .uid = STACQ_CALLER, .gid = STACQ_CALLER,
		.mode = 0666,
	};

	strcpy(c.name, name);
	return c;
}

/*
 * Root may have taken away all limits, and removed all queues. Every now and then
 * all is put back, so that the machine's memory lasts and there is something to
 * play with.
 */
static void put_back(void)
{
	struct stacq_limits l = { 200, 3 << 20, 1 << 20, 0, 0 };

	write_parameter("max_queues", "16");
	write_parameter("default_max_bytes", "100000");
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		struct stacq_create c = usual_queue(names[i]);
		char path[128];
		int fd;

		c.order = i % 3;
		ioctl(FD(3), STACQ_IOC_CREATE, &c);
		snprintf(path, sizeof(path), "/dev/stacq/%s", names[i]);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		ioctl(fd, STACQ_IOC_SET_LIMITS, &l);
		ioctl(fd, STACQ_IOC_UNSEAL, 0);
		close(fd);
	}
	ioctl(FD(0), STACQ_IOC_SET_LIMITS, &l);
	ioctl(FD(0), STACQ_IOC_UNSEAL, 0);
}

/* Deep enough for a PEEK far into it to let others in on its way. */
static void deepen(void)
{
	struct stacq_limits l = { 1500, 3 << 20, 1 << 20, 0, 0 };

	ioctl(FD(0), STACQ_IOC_SET_LIMITS, &l);
	for (int i = 0; i < 1000; i++)
		if (write(FD(2), "x", 1) < 0)
			break;
}

/* The second thread: takes memory and files away while they are used. */
static void flip_memory(void)
{
	const struct region *r = &regions[FLIPPING];
	static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	uint64_t page = r->start + below(14) * PAGE, len = (1 + below(2)) * PAGE;

	switch (below(4)) {
	case 0:
		munmap((void *)page, len);
		break;
	case 1:
		mprotect((void *)page, len, ANY_OF(protections));
		break;
	default:
		madvise((void *)page, len, MADV_DONTNEED);
		return;
	}
	if (below(3))
		usleep(below(50));
	map_at(page, len, PROT_READ | PROT_WRITE, MAP_SHARED, MEMORY_FD, page - MEMORY);
}

static void flip_files(void)
{
	int place = SHARED_PLACES + below(PLACES - SHARED_PLACES);
	char path[128];

	switch (below(3)) {
	case 0:
		close(FD(place));
		break;
	case 1:
		place = 5 + below(17);
		dup2(FD(place), FD(place + 4));
		break;
	default:
		pick_path(place, path, sizeof(path));
		put_in_place(open(path, mode_of(place) | O_NONBLOCK | O_CLOEXEC), place);
	}
}

static void *second_thread(void *unused)
{
	uint64_t *scribble = (void *)seen_at(regions[SCRIBBLED].start, PAGE);

	(void)unused;
	chance = mix(seed ^ mix(me->id + 1000));
	for (;;) {
		for (unsigned int n = below(8); n; n--)
			flip_memory();
		for (unsigned int n = below(4); n; n--)
			flip_files();
		for (unsigned int n = below(32); n; n--)
			scribble[below(PAGE / 8)] = one_in(2) ? 0 : next();
		usleep(below(1500));
	}
	return NULL;
}

static void interrupted(int signal)
{
	(void)signal;
}

/* Interrupts whatever waits in the main thread. */
static void start_timer(void)
{
	struct sigaction act = { .sa_handler = interrupted };
	struct itimerval often = { { 0, 4000 }, { 0, 4000 } };

	ASSERT_OK(sigaction(SIGALRM, &act, NULL));
	ASSERT_OK(setitimer(ITIMER_REAL, &often, NULL));
}

static void start_second_thread(void)
{
	sigset_t alarm, before;
	pthread_t thread;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &before);
	ASSERT_EQ(pthread_create(&thread, NULL, second_thread, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void fuzz(unsigned int id)
{
	char path[128];

	me = &fuzzers[id];
	me->id = id;
	chance = mix(seed + id);
	make_memory();
	put_in_place(epoll_create1(EPOLL_CLOEXEC), EPOLL_FD - 100);
	for (int place = SHARED_PLACES; place < PLACES; place++) {
		pick_path(place, path, sizeof(path));
		put_in_place(open(path, mode_of(place) | O_NONBLOCK | O_CLOEXEC), place);
	}
	reopen_check(CHECK_FD);
	reopen_check(CHECK_FD + 1);
	open_framed();
	if (!ROOTS(id))
		become(id % 2 ? BOB : ALICE);
	start_timer();
	if (processes > 1)
		start_second_thread();
	for (unsigned long long n = 0; n < steps; n++) {
		if (ROOTS(id) && n % 512 == 0)
			put_back();
		if (ROOTS(id) && n % 8192 == 8)
			deepen();
		/* Towards the end, the file in /proc goes while it is in use. */
		if (id == 0 && processes > 1 && n == steps / 8 * 7)
			queue_remove("msg_queue");
		one_step(n);
	}
	done();
}

/* The queues, and the files that all processes share. */
static void prepare(void)
{
	struct stacq_create c;
	char path[128];

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], "stack"))
			remember(names[i]);
	for (unsigned int i = 0; i < 3; i++) {
		c = usual_queue(i == 0 ? KEEP : i == 1 ? CHECK_FIFO : CHECK_LIFO);
		c.order = i == 2;
		if (i)
			c.max_bytes = 200000;
		remember(c.name);
		ASSERT_OK(create(&c));
	}
	set_parameter("max_queues", 16);
	set_parameter("idle_ms", 1);
	set_parameter("default_max_msgs", 100);
	set_parameter("default_max_bytes", 100000);
	set_parameter("default_max_msg_size", 4096);
	set_parameter("ceiling_max_msgs", 1000);
	set_parameter("ceiling_max_bytes", 200000);
	set_parameter("ceiling_max_msg_size", 65536);
	chmod("/proc/msg_queue", 0666);
	put_in_place(open(CONTROL, O_WRONLY | O_CLOEXEC), 3);
	me = &fuzzers[0];
	put_back();
	for (int place = 0; place < SHARED_PLACES; place++) {
		chance = mix(seed + place);
		pick_path(place, path, sizeof(path));
		if (place < STRICT_QUEUES)
			snprintf(path, sizeof(path), "/dev/stacq/" KEEP);
		put_in_place(open(path, mode_of(place) | O_NONBLOCK | O_CLOEXEC), place);
	}
}

static unsigned long long number_from(const char *name, unsigned long long fallback)
{
	const char *value = getenv(name);

	return value && *value ? strtoull(value, NULL, 0) : fallback;
}

static void set_up(unsigned long long calls, unsigned int nr)
{
	const char *log = getenv("STACQ_FUZZ_LOG");

	steps_in_all = calls;
	processes = nr;
	steps = calls / nr ?: 1;
	fuzzers = mmap(NULL, MOST_PROCESSES * sizeof(*fuzzers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	traffic = mmap(NULL, nr * steps * MESSAGES_A_STEP, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_TRUE(fuzzers != MAP_FAILED && traffic != MAP_FAILED);
	if (log && *log && log_fd < 0) {
		FILE *unlimited = fopen("/proc/sys/kernel/printk_devkmsg", "w");

		log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		ASSERT_OK(log_fd);
		if (unlimited && fputs("on\n", unlimited) >= 0)
			fclose(unlimited);
	}
}

static unsigned long long calls_made(void)
{
	unsigned long long n = 0;

	for (unsigned int i = 0; i < processes; i++)
		n += __atomic_load_n(&fuzzers[i].calls, __ATOMIC_RELAXED);
	return n;
}

/* Wait for all; the first that fails ends the rest. */
static void wait_for_all(pid_t *pids)
{
	unsigned long long calls = 0;
	unsigned int left = processes;
	time_t told = time(NULL);
	int status;

	while (left) {
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0)
			FAIL("waitpid: %s", strerrorname_np(errno));
		if (pid == 0) {
			usleep(20000);
			if (time(NULL) < told + 30)
				continue;
			told = time(NULL);
			if (calls_made() == calls) {
				for (unsigned int i = 0; i < processes; i++)
					print_last(&fuzzers[i], 4);
				FAIL("no call has returned for 30 s");
			}
			calls = calls_made();
			test_note("%llu calls", calls);
			continue;
		}
		left--;
		if (WIFEXITED(status) && !WEXITSTATUS(status))
			continue;
		for (unsigned int i = 0; i < processes; i++) {
			if (pids[i] == pid && WIFSIGNALED(status))
				test_note("process %u was killed by signal %d", i,
					  WTERMSIG(status));
			else if (pids[i] != pid)
				kill(pids[i], SIGKILL);
			print_last(&fuzzers[i], pids[i] == pid && WIFSIGNALED(status) ? 16 : 4);
		}
		FAIL("replay with STACQ_FUZZ_SEED=%llu STACQ_FUZZ_CALLS=%llu STACQ_FUZZ_PROCESSES=%u",
		     (unsigned long long)seed, steps_in_all, processes);
	}
}

/* Of each queue that is left, the counters add up: info() looks. */
static void check_all_queues(void)
{
	char path[128];

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		int fd;

		snprintf(path, sizeof(path), "/dev/stacq/%s", names[i]);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			info(fd);
		close(fd);
	}
	info(FD(0));
}

static unsigned long long run(void)
{
	unsigned long long hash = 0;
	pid_t pids[MOST_PROCESSES] = { 0 };

	prepare();
	for (unsigned int i = 0; i < processes; i++) {
		pids[i] = start();
		if (!pids[i])
			fuzz(i);
	}
	wait_for_all(pids);
	drain(CHECK_FIFO);
	drain(CHECK_LIFO);
	check_all_queues();
	for (int place = 0; place < PLACES; place++)
		close(FD(place));
	for (unsigned int i = 0; i < processes; i++)
		hash = mix(hash ^ fuzzers[i].hash);
	return hash;
}

#define LIMIT	(24 * 3600)

/* Or else a seed would say nothing. */
TEST_WITHIN(the_same_seed_makes_the_same_calls, LIMIT)
{
	unsigned long long calls = debug_kernel() ? 500 : 3000, first, again, other;

	seed = 1;
	set_up(calls, 1);
	first = run();
	test_after_each();
	set_up(calls, 1);
	again = run();
	test_after_each();
	seed = 2;
	set_up(calls, 1);
	other = run();
	ASSERT_EQ(again, first);
	ASSERT_TRUE(other != first);
}

TEST_WITHIN(hostile_calls_are_answered_as_documented, LIMIT)
{
	unsigned long long hash, well = 0, sent;
	struct timespec begun, ended;
	uint64_t fresh;

	ASSERT_EQ(getrandom(&fresh, sizeof(fresh), 0), sizeof(fresh));
	seed = number_from("STACQ_FUZZ_SEED", fresh >> 32);
	set_up(number_from("STACQ_FUZZ_CALLS", debug_kernel() ? 15000 : 1000000),
	       number_from("STACQ_FUZZ_PROCESSES", 4) % (MOST_PROCESSES + 1) ?: 1);
	test_note("seed %llu", (unsigned long long)seed);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	hash = run();
	clock_gettime(CLOCK_MONOTONIC, &ended);
	sent = account();
	for (unsigned int i = 0; i < processes; i++)
		well += fuzzers[i].went_well;
	test_note("%llu calls in %ld s, %llu went well, %llu messages checked, sequence %016llx",
		  calls_made(), (long)(ended.tv_sec - begun.tv_sec), well, sent, hash);
	ASSERT_TRUE(calls_made() >= steps_in_all / 2);
	ASSERT_TRUE(sent > 0 && well > calls_made() / 10);
}
