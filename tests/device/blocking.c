// SPDX-License-Identifier: GPL-2.0
/* Callers that wait: for a message, for room; signals, death, many at once. */
#include <pthread.h>
#include <sched.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define KEEP		STACQ_UNCHANGED

static volatile sig_atomic_t signals;

static void count_signal(int n)
{
	(void)n;
	signals++;
}

static void handle(int flags)
{
	struct sigaction action = {
		.sa_handler = count_signal, .sa_flags = flags,
	};

	ASSERT_OK(sigaction(SIGUSR1, &action, NULL));
}

/* A queue with room for @most messages, all of it taken: "1", "2", ... */
static struct queue full_queue(unsigned int most)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;

	c.max_msgs = most;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	for (unsigned int i = 1; i <= most; i++) {
		char text[2] = { '0' + i, 0 };

		PUT(fd, text);
	}
	close(fd);
	return q;
}

TEST(blocked_reader_wakes_on_a_message)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		GET(fd, "wake up");
		done();
	}
	WAIT_READERS(fd, 1);
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	PUT(fd, "wake up");
	join(pid);
	ASSERT_EQ(info(fd).readers_waiting, 0);
}

TEST(blocked_writer_wakes_when_there_is_room)
{
	struct queue q = full_queue(2);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		PUT(fd, "3");
		done();
	}
	WAIT_WRITERS(fd, 1);
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	GET(fd, "1");
	join(pid);
	ASSERT_EQ(info(fd).writers_waiting, 0);
	GET(fd, "2");
	GET(fd, "3");
}

TEST(blocked_large_reader_and_writer_wake)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;
	pid_t pid;

	c.max_bytes = 100000;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	pid = start();
	if (!pid) {
		RECEIVE(fd, 65536, 1);
		done();
	}
	WAIT_READERS(fd, 1);
	SEND(fd, 65536, 1);
	join(pid);
	SEND(fd, 65536, 2);
	pid = start();
	if (!pid) {
		SEND(fd, 65536, 3);
		done();
	}
	WAIT_WRITERS(fd, 1);
	RECEIVE(fd, 65536, 2);
	join(pid);
	RECEIVE(fd, 65536, 3);
}

TEST(blocked_writer_wakes_when_the_message_at_hand_is_finished)
{
	struct queue q = full_queue(1);
	int fd = queue_open(&q, O_RDWR), reader = queue_open(&q, NONBLOCK);
	char c;
	pid_t pid;

	GET(fd, "1");
	PUT(fd, "ab");
	ASSERT_EQ(read(reader, &c, 1), 1);
	pid = start();
	if (!pid) {
		PUT(fd, "c");
		done();
	}
	WAIT_WRITERS(fd, 1);
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	GET(reader, "b");
	join(pid);
	GET(fd, "c");
}

TEST(blocked_writers_wake_when_a_limit_is_raised)
{
	struct queue q = full_queue(1);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid[2];

	for (int i = 0; i < 2; i++) {
		pid[i] = start();
		if (!pid[i]) {
			PUT(fd, "2");
			done();
		}
	}
	WAIT_WRITERS(fd, 2);
	ASSERT_OK(set_limits(fd, 3, KEEP, KEEP));
	join(pid[0]);
	join(pid[1]);
	ASSERT_EQ(info(fd).depth, 3);
}

TEST(blocked_writer_fails_when_a_limit_leaves_its_message_no_chance)
{
	struct queue q = full_queue(1);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		ASSERT_ERRNO(write(fd, "0123456789", 10), EMSGSIZE);
		done();
	}
	WAIT_WRITERS(fd, 1);
	ASSERT_OK(set_limits(fd, KEEP, KEEP, 5));
	GET(fd, "1");
	join(pid);
	ASSERT_EQ(info(fd).depth, 0);
}

TEST(blocked_writers_wake_on_a_purge)
{
	struct queue q = full_queue(3);
	int fd = queue_open(&q, O_RDWR);
	struct stacq_purge purge = { 0 };
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = start();
		if (!pid[i]) {
			PUT(fd, "x");
			done();
		}
	}
	WAIT_WRITERS(fd, 3);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	for (int i = 0; i < 3; i++)
		join(pid[i]);
	ASSERT_EQ(info(fd).depth, 3);
}

TEST(closing_another_file_does_not_disturb_a_blocked_reader)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		GET(fd, "for you");
		done();
	}
	WAIT_READERS(fd, 1);
	close(other);
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	PUT(fd, "for you");
	join(pid);
}

struct one_file {
	int fd;
	ssize_t result;
	char buf[16];
};

static void *read_in_thread(void *arg)
{
	struct one_file *f = arg;

	f->result = read(f->fd, f->buf, sizeof(f->buf));
	return NULL;
}

TEST(closing_the_file_a_thread_waits_on_does_not_hurt)
{
	struct queue q = queue_new(STACQ_FIFO);
	int other = queue_open(&q, NONBLOCK);
	struct one_file f = { .fd = queue_open(&q, O_RDWR) };
	pthread_t thread;

	ASSERT_EQ(pthread_create(&thread, NULL, read_in_thread, &f), 0);
	WAIT_READERS(other, 1);
	close(f.fd);
	usleep(SETTLE_US);
	ASSERT_EQ(info(other).readers_waiting, 1);
	PUT(other, "late");
	ASSERT_EQ(pthread_join(thread, NULL), 0);
	ASSERT_EQ(f.result, 4);
	ASSERT_MEM(f.buf, "late", 4);
}

TEST(signal_interrupts_a_blocked_reader)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		char buf[8];

		handle(0);
		ASSERT_ERRNO(read(fd, buf, sizeof(buf)), EINTR);
		ASSERT_EQ(signals, 1);
		done();
	}
	WAIT_READERS(fd, 1);
	kill(pid, SIGUSR1);
	join(pid);
	ASSERT_EQ(info(fd).readers_waiting, 0);
	PUT(fd, "still there");
	GET(fd, "still there");
}

TEST(signal_interrupts_a_blocked_writer_and_nothing_is_stored)
{
	struct queue q = full_queue(1);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		handle(0);
		ASSERT_ERRNO(write(fd, "2", 1), EINTR);
		ASSERT_EQ(signals, 1);
		done();
	}
	WAIT_WRITERS(fd, 1);
	kill(pid, SIGUSR1);
	join(pid);
	ASSERT_EQ(info(fd).writers_waiting, 0);
	ASSERT_EQ(info(fd).sent, 1);
	GET(fd, "1");
	ASSERT_EQ(info(fd).depth, 0);
}

TEST(sa_restart_goes_on_waiting_for_a_message)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		handle(SA_RESTART);
		GET(fd, "at last");
		ASSERT_TRUE(signals >= 1);
		done();
	}
	for (int i = 0; i < 5; i++) {
		WAIT_READERS(fd, 1);
		kill(pid, SIGUSR1);
		usleep(20000);
	}
	ASSERT_TRUE(running(pid));
	PUT(fd, "at last");
	join(pid);
}

TEST(sa_restart_goes_on_waiting_for_room_and_stores_once)
{
	struct queue q = full_queue(1);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		handle(SA_RESTART);
		PUT(fd, "2");
		ASSERT_TRUE(signals >= 1);
		done();
	}
	for (int i = 0; i < 5; i++) {
		WAIT_WRITERS(fd, 1);
		kill(pid, SIGUSR1);
		usleep(20000);
	}
	ASSERT_TRUE(running(pid));
	GET(fd, "1");
	join(pid);
	GET(fd, "2");
	ASSERT_EQ(info(fd).sent, 2);
}

TEST(sigkill_ends_a_blocked_reader_and_writer)
{
	struct queue q = full_queue(1);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid = start();
	char buf[8];

	if (!pid) {
		PUT(fd, "2");
		done();
	}
	WAIT_WRITERS(fd, 1);
	kill_now(pid);
	ASSERT_EQ(info(fd).writers_waiting, 0);
	GET(fd, "1");
	pid = start();
	if (!pid) {
		ASSERT_EQ(read(fd, buf, sizeof(buf)), 1);
		done();
	}
	WAIT_READERS(fd, 1);
	kill_now(pid);
	ASSERT_EQ(info(fd).readers_waiting, 0);
	ASSERT_EQ(info(fd).sent, 1);
}

TEST(each_of_many_blocked_readers_gets_exactly_one)
{
	enum { READERS = 20 };
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), pipes[2];
	pid_t pid[READERS];
	unsigned int seen = 0;

	ASSERT_OK(pipe(pipes));
	for (int i = 0; i < READERS; i++) {
		pid[i] = start();
		if (!pid[i]) {
			int mine = queue_open(&q, O_RDONLY);
			unsigned char c[2];

			ASSERT_EQ(read(mine, c, sizeof(c)), 1);
			ASSERT_EQ(write(pipes[1], c, 1), 1);
			done();
		}
	}
	WAIT_READERS(fd, READERS);
	for (int i = 0; i < READERS; i++) {
		unsigned char c = i;

		ASSERT_EQ(write(fd, &c, 1), 1);
	}
	for (int i = 0; i < READERS; i++) {
		unsigned char c;

		ASSERT_EQ(read(pipes[0], &c, 1), 1);
		ASSERT_TRUE(c < READERS && !(seen & 1u << c));
		seen |= 1u << c;
	}
	for (int i = 0; i < READERS; i++)
		join(pid[i]);
	ASSERT_EQ(info(fd).depth, 0);
}

TEST(each_of_many_blocked_writers_stores_once)
{
	enum { WRITERS = 20 };
	struct queue q = full_queue(1);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid[WRITERS];
	unsigned int seen = 0;

	for (int i = 0; i < WRITERS; i++) {
		pid[i] = start();
		if (!pid[i]) {
			unsigned char c = i;

			ASSERT_EQ(write(fd, &c, 1), 1);
			done();
		}
	}
	WAIT_WRITERS(fd, WRITERS);
	GET(fd, "1");
	for (int i = 0; i < WRITERS; i++) {
		unsigned char c;

		ASSERT_EQ(read(fd, &c, 1), 1);
		ASSERT_TRUE(c < WRITERS && !(seen & 1u << c));
		seen |= 1u << c;
	}
	for (int i = 0; i < WRITERS; i++)
		join(pid[i]);
	ASSERT_EQ(info(fd).sent, WRITERS + 1);
}

/* A reader that dies with the wake-up in its hands must not swallow it. */
TEST(killed_readers_do_not_eat_wake_ups)
{
	enum { READERS = 8, ROUNDS = 12 };

	srandom(1);
	for (int round = 0; round < ROUNDS; round++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		pid_t pid[READERS];
		struct stacq_info i;
		int sent = 0;

		for (int n = 0; n < READERS; n++) {
			pid[n] = start();
			if (!pid[n]) {
				int mine = queue_open(&q, O_RDONLY);
				char c;

				/* one is read at a time, whole */
				while (read(mine, &c, 1) == 1)
					;
				_exit(1);
			}
		}
		WAIT_READERS(fd, READERS);
		/* kill all but one, while sending */
		for (int n = 0; n < READERS - 1; n++) {
			if (random() % 2) {
				PUT(fd, "x");
				sent++;
			}
			kill(pid[n], SIGKILL);
			PUT(fd, "y");
			sent++;
		}
		/* the last one alone has to see to what is left */
		WAIT_FOR(info(fd).received == (unsigned int)sent);
		i = info(fd);
		ASSERT_EQ(i.depth + i.held, 0);
		for (int n = 0; n < READERS - 1; n++)
			ASSERT_EQ(waitpid(pid[n], NULL, 0), pid[n]);
		kill_now(pid[READERS - 1]);
		queue_remove(q.name);
	}
}

TEST(killed_writers_do_not_eat_wake_ups)
{
	enum { WRITERS = 8, ROUNDS = 10 };

	for (int round = 0; round < ROUNDS; round++) {
		struct queue q = full_queue(1);
		int fd = queue_open(&q, NONBLOCK);
		pid_t pid[WRITERS];
		char c;

		for (int n = 0; n < WRITERS; n++) {
			pid[n] = start();
			if (!pid[n]) {
				int mine = queue_open(&q, O_WRONLY);

				ASSERT_EQ(write(mine, "w", 1), 1);
				done();
			}
		}
		WAIT_WRITERS(fd, WRITERS);
		GET(fd, "1");
		for (int n = 0; n < WRITERS - 1; n++) {
			kill(pid[n], SIGKILL);
			if (read(fd, &c, 1) < 0)
				ASSERT_EQ(errno, EAGAIN);
		}
		for (int n = 0; n < WRITERS - 1; n++)
			ASSERT_EQ(waitpid(pid[n], NULL, 0), pid[n]);
		/* the last one is let in when what is there is taken */
		while (running(pid[WRITERS - 1])) {
			if (read(fd, &c, 1) < 0)
				ASSERT_EQ(errno, EAGAIN);
			usleep(1000);
		}
		join(pid[WRITERS - 1]);
		queue_remove(q.name);
	}
}

/*
 * The same, made certain: all on one processor, where this process can't be
 * preempted between waking one and killing it.
 */
static void share_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_OK(sched_setaffinity(0, sizeof(set), &set));
}

static void rule_it(void)
{
	struct sched_param p = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p))
		SKIP("SCHED_FIFO: %s", strerrorname_np(errno));
}

TEST(reader_killed_when_just_woken_passes_the_wake_up_on)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	pid_t pid[3];

	share_one_processor();
	for (unsigned int n = 0; n < 3; n++) {
		pid[n] = start();
		if (!pid[n]) {
			GET(queue_open(&q, O_RDONLY), "x");
			done();
		}
		WAIT_READERS(fd, n + 1);	/* they wait in this order */
	}
	rule_it();
	for (unsigned int n = 0; n < 2; n++) {
		PUT(fd, "x");
		kill(pid[n], SIGKILL);
	}
	/* two messages for the one that is left and for nobody */
	ASSERT_EQ(info(fd).depth, 2);
	WAIT_FOR(info(fd).received == 1);
	join(pid[2]);
	ASSERT_EQ(info(fd).depth, 1);
}

TEST(writer_killed_when_just_woken_passes_the_wake_up_on)
{
	struct queue q = full_queue(1);
	int fd = queue_open(&q, NONBLOCK);
	pid_t pid[3];

	share_one_processor();
	for (unsigned int n = 0; n < 3; n++) {
		pid[n] = start();
		if (!pid[n]) {
			PUT(queue_open(&q, O_WRONLY), "x");
			done();
		}
		WAIT_WRITERS(fd, n + 1);
	}
	rule_it();
	GET(fd, "1");
	kill(pid[0], SIGKILL);
	ASSERT_EQ(info(fd).depth, 0);
	WAIT_FOR(info(fd).depth == 1);
	GET(fd, "x");
	WAIT_FOR(info(fd).depth == 1);
	join(pid[1]);
	join(pid[2]);
	ASSERT_EQ(info(fd).sent, 3);
}

TEST(large_blocked_writer_does_not_stall_small_ones)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd, other;
	pid_t pid;

	c.max_bytes = 1000;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	other = queue_open(&q, NONBLOCK);
	SEND(fd, 500, 1);
	pid = start();
	if (!pid) {
		SEND(fd, 600, 2);
		done();
	}
	WAIT_WRITERS(fd, 1);
	SEND(other, 400, 3);
	ASSERT_TRUE(running(pid));
	RECEIVE(fd, 500, 1);
	join(pid);
	RECEIVE(fd, 400, 3);
	RECEIVE(fd, 600, 2);
}

/* Room for the small one only, and the large one is first in line. */
TEST(small_blocked_writer_wakes_though_a_large_one_waits_before_it)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;
	pid_t large, small;

	c.max_bytes = 1000;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	SEND(fd, 100, 1);
	SEND(fd, 900, 2);
	large = start();
	if (!large) {
		SEND(fd, 800, 3);
		done();
	}
	WAIT_WRITERS(fd, 1);
	small = start();
	if (!small) {
		SEND(fd, 50, 4);
		done();
	}
	WAIT_WRITERS(fd, 2);
	RECEIVE(fd, 100, 1);
	join(small);
	ASSERT_TRUE(running(large));
	RECEIVE(fd, 900, 2);
	join(large);
	RECEIVE(fd, 50, 4);
	RECEIVE(fd, 800, 3);
}

/* One large read makes room for several that wait. */
TEST(room_for_several_lets_several_writers_in)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;
	pid_t pid[5];

	c.max_bytes = 1000;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	SEND(fd, 1000, 1);
	for (int i = 0; i < 5; i++) {
		pid[i] = start();
		if (!pid[i]) {
			SEND(fd, 200, 2);
			done();
		}
	}
	WAIT_WRITERS(fd, 5);
	RECEIVE(fd, 1000, 1);
	for (int i = 0; i < 5; i++)
		join(pid[i]);
	ASSERT_EQ(info(fd).bytes, 1000);
}

TEST(ping_pong_never_hangs)
{
	struct queue there = queue_new(STACQ_FIFO), back = queue_new(STACQ_LIFO);
	int a = queue_open(&there, O_RDWR), b = queue_open(&back, O_RDWR);
	pid_t pid = start();

	if (!pid) {
		for (unsigned int i = 0; i < 2000; i++) {
			unsigned int n;

			ASSERT_EQ(read(a, &n, sizeof(n)), sizeof(n));
			ASSERT_EQ(n, i);
			ASSERT_EQ(write(b, &n, sizeof(n)), sizeof(n));
		}
		done();
	}
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int n;

		ASSERT_EQ(write(a, &i, sizeof(i)), sizeof(i));
		ASSERT_EQ(read(b, &n, sizeof(n)), sizeof(n));
		ASSERT_EQ(n, i);
	}
	join(pid);
}

TEST(a_queue_of_one_passes_thousands_both_ends_blocking)
{
	struct queue q = full_queue(1);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid[3];

	GET(fd, "1");
	for (int i = 0; i < 3; i++) {
		pid[i] = start();
		if (!pid[i]) {
			for (unsigned int n = 0; n < 1000; n++)
				ASSERT_EQ(write(fd, &n, 4), 4);
			done();
		}
	}
	for (unsigned int n = 0; n < 3000; n++) {
		unsigned int got;

		ASSERT_EQ(read(fd, &got, 4), 4);
	}
	for (int i = 0; i < 3; i++)
		join(pid[i]);
	ASSERT_EQ(info(fd).depth, 0);
	ASSERT_EQ(info(fd).capacity, 1);
}
