// SPDX-License-Identifier: GPL-2.0
/* Reads and writes that end with ETIMEDOUT: timeouts of an open file, deadlines of one call. */
#include <limits.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

#include "common.h"

#define MS	1000000ull
/* Longer than any test may take. */
#define LONG	(1000 * 1000 * MS)
#define KEEP	STACQ_UNCHANGED

static unsigned long long now(void)
{
	struct timespec t;

	ASSERT_OK(clock_gettime(CLOCK_MONOTONIC, &t));
	return t.tv_sec * 1000 * MS + t.tv_nsec;
}

static int set_timeouts(int fd, unsigned int flags, unsigned long long read_ns,
		    unsigned long long write_ns)
{
	struct stacq_mode m = {
		.flags = flags, .read_timeout_ns = read_ns, .write_timeout_ns = write_ns,
	};

	return ioctl(fd, STACQ_IOC_SET_MODE, &m);
}

static int timed(const struct queue *q, unsigned int flags, unsigned long long ns)
{
	int fd = queue_open(q, O_RDWR);

	ASSERT_OK(set_timeouts(fd, flags, ns, ns));
	return fd;
}

static long read_until(int fd, void *buf, size_t len, unsigned long long deadline)
{
	struct stacq_transfer t = {
		.buf = (unsigned long)buf, .len = len, .deadline_ns = deadline,
	};

	return ioctl(fd, STACQ_IOC_READ, &t);
}

static long write_until(int fd, const void *buf, size_t len, unsigned long long deadline)
{
	struct stacq_transfer t = {
		.buf = (unsigned long)buf, .len = len, .deadline_ns = deadline,
	};

	return ioctl(fd, STACQ_IOC_WRITE, &t);
}

/* The ways to read and write with an end. */
enum way { PLAIN, VECTORS, REQUEST, NR_WAYS };
#define FOR_EACH_WAY(w)	for (enum way w = 0; w < NR_WAYS; w++)

/* Through a file whose timeout, if that is the way, is @ns as well. */
static long read_by(enum way w, int fd, void *buf, size_t len, unsigned long long ns)
{
	struct iovec v[2] = { { buf, len / 2 }, { (char *)buf + len / 2, len - len / 2 } };

	if (w == REQUEST)
		return read_until(fd, buf, len, now() + ns);
	return w == PLAIN ? read(fd, buf, len) : readv(fd, v, 2);
}

static long write_by(enum way w, int fd, void *buf, size_t len, unsigned long long ns)
{
	struct iovec v[2] = { { buf, len / 2 }, { (char *)buf + len / 2, len - len / 2 } };

	if (w == REQUEST)
		return write_until(fd, buf, len, now() + ns);
	return w == PLAIN ? write(fd, buf, len) : writev(fd, v, 2);
}

static const unsigned int modes[] = {
	0, STACQ_MODE_FRAMED, STACQ_MODE_LEASE, STACQ_MODE_FRAMED | STACQ_MODE_LEASE,
};
#define FOR_EACH_MODE(m) \
	for (const unsigned int *m = modes; m < modes + sizeof(modes) / sizeof(modes[0]); m++)

/* A queue with room for one message. */
static struct queue small_queue(unsigned int order)
{
	struct stacq_create c = create_defaults(order);

	c.max_msgs = 1;
	return queue_from(&c);
}

/* The message "x" as a file in that mode sends and receives it. */
static size_t put_x(unsigned int flags, char *buf)
{
	struct stacq_frame f = { .magic = STACQ_FRAME_MAGIC, .len = 1 };

	if (!(flags & STACQ_MODE_FRAMED)) {
		buf[0] = 'x';
		return 1;
	}
	memset(buf, 0, STACQ_FRAME_SIZE(1));
	memcpy(buf, &f, sizeof(f));
	buf[sizeof(f)] = 'x';
	return STACQ_FRAME_SIZE(1);
}

TEST(a_read_ends_when_its_time_is_up)
{
	FOR_EACH_MODE(m)
		FOR_EACH_WAY(w) {
			struct queue q = queue_new(STACQ_FIFO);
			int fd = timed(&q, *m, 40 * MS);
			unsigned long long begun = now();
			char buf[100];

			ASSERT_REFUSED(fd, read_by(w, fd, buf, sizeof(buf), 40 * MS), ETIMEDOUT);
			ASSERT_TRUE(now() - begun >= 40 * MS);
		}
}

TEST(a_write_ends_when_its_time_is_up)
{
	FOR_EACH_MODE(m)
		FOR_EACH_WAY(w) {
			struct queue q = small_queue(STACQ_PRIORITY);
			int fd = timed(&q, *m, 40 * MS);
			unsigned long long begun = now();
			char buf[100];
			size_t n = put_x(*m, buf);

			ASSERT_EQ(write_by(w, fd, buf, n, 40 * MS), n);
			ASSERT_REFUSED(fd, write_by(w, fd, buf, n, 40 * MS), ETIMEDOUT);
			ASSERT_TRUE(now() - begun >= 40 * MS);
		}
}

TEST(a_message_in_time_is_received)
{
	FOR_EACH_MODE(m)
		FOR_EACH_WAY(w) {
			struct queue q = queue_new(STACQ_FIFO);
			int fd = timed(&q, *m, LONG), other = queue_open(&q, O_RDWR);
			pid_t pid = start();

			if (!pid) {
				char buf[100], wanted[100];
				size_t n = put_x(*m, wanted);

				ASSERT_EQ(read_by(w, fd, buf, sizeof(buf), LONG), n);
				ASSERT_EQ(buf[n == 1 ? 0 : sizeof(struct stacq_frame)], 'x');
				done();
			}
			WAIT_READERS(other, 1);
			PUT(other, "x");
			join(pid);
			ASSERT_EQ(info(other).depth, 0);
			ASSERT_EQ(info(other).readers_waiting, 0);
		}
}

TEST(room_in_time_is_used)
{
	FOR_EACH_MODE(m)
		FOR_EACH_WAY(w) {
			struct queue q = small_queue(STACQ_PRIORITY);
			int fd = timed(&q, *m, LONG), other = queue_open(&q, O_RDWR);
			pid_t pid;

			PUT(other, "1");
			pid = start();
			if (!pid) {
				char buf[100];
				size_t n = put_x(*m, buf);

				ASSERT_EQ(write_by(w, fd, buf, n, LONG), n);
				done();
			}
			WAIT_WRITERS(other, 1);
			GET(other, "1");
			join(pid);
			GET(other, "x");
			ASSERT_EQ(info(other).writers_waiting, 0);
		}
}

TEST(large_messages_in_time_go_through)
{
	FOR_EACH_SIZE(s)
		FOR_EACH_WAY(w) {
			struct queue q = small_queue(STACQ_FIFO);
			int fd = timed(&q, 0, LONG), other = timed(&q, 0, LONG);
			unsigned char *buf = malloc(*s);
			pid_t pid = start();

			if (!pid) {
				for (unsigned int i = 1; i <= 3; i++) {
					fill(buf, *s, i);
					ASSERT_EQ(write_by(w, fd, buf, *s, LONG), *s);
				}
				done();
			}
			for (unsigned int i = 1; i <= 3; i++) {
				ASSERT_EQ(read_by(w, other, buf, *s, LONG), *s);
				ASSERT_TRUE(filled(buf, *s, i));
			}
			join(pid);
			free(buf);
		}
}

/* Whoever loses the race for the room has fetched the bytes already, and tries again. */
TEST(what_is_tried_again_is_sent_as_it_is)
{
	enum { WRITERS = 4, EACH = 60, SIZE = 9000 };
	struct queue q = small_queue(STACQ_FIFO);
	int other = queue_open(&q, O_RDWR);
	static char buf[SIZE + 1];
	pid_t pid[WRITERS];

	for (int w = 0; w < WRITERS; w++) {
		pid[w] = start();
		if (!pid[w]) {
			int fd = timed(&q, 0, LONG);

			for (unsigned int i = 0; i < EACH; i++) {
				fill(buf, SIZE, 9);
				ASSERT_EQ(write_by(VECTORS, fd, buf, SIZE, LONG), SIZE);
			}
			done();
		}
	}
	for (unsigned int i = 0; i < WRITERS * EACH; i++)
		RECEIVE(other, SIZE, 9);
	for (int w = 0; w < WRITERS; w++)
		join(pid[w]);
}

TEST(a_deadline_in_the_past_tries_once)
{
	FOR_EACH_MODE(m) {
		struct queue q = small_queue(STACQ_FIFO);
		int fd = timed(&q, *m, 0);
		char buf[100];
		size_t n;

		ASSERT_REFUSED(fd, read_until(fd, buf, sizeof(buf), 1), ETIMEDOUT);
		n = put_x(*m, buf);
		ASSERT_EQ(write_until(fd, buf, n, 1), n);
		ASSERT_REFUSED(fd, write_until(fd, buf, n, 1), ETIMEDOUT);
		ASSERT_EQ(read_until(fd, buf, sizeof(buf), 1), n);
	}
}

/* The file's own timeouts do not count for the requests. */
TEST(without_a_deadline_or_with_one_far_away_it_waits)
{
	static const unsigned long long far[] = { 0, 1ull << 63, ULLONG_MAX };
	struct queue q = queue_new(STACQ_FIFO);
	int fd = timed(&q, 0, 1), other = queue_open(&q, O_RDWR);

	for (int i = 0; i < 3; i++) {
		pid_t pid = start();

		if (!pid) {
			char c;

			ASSERT_EQ(read_until(fd, &c, 1, far[i]), 1);
			done();
		}
		WAIT_READERS(other, 1);
		usleep(SETTLE_US);
		ASSERT_TRUE(running(pid));
		PUT(other, "x");
		join(pid);
	}
}

TEST(one_timeout_leaves_the_other_way_without_end)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, O_RDWR);
	pid_t pid;
	char c;

	ASSERT_OK(set_timeouts(fd, 0, 0, 1));
	pid = start();
	if (!pid) {
		GET(fd, "x");
		done();
	}
	WAIT_READERS(other, 1);
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	PUT(other, "x");
	join(pid);
	/* as long as there may be is without end, too, and 0 sets it back */
	ASSERT_OK(set_timeouts(fd, 0, ULLONG_MAX, 0));
	pid = start();
	if (!pid) {
		GET(fd, "x");
		done();
	}
	WAIT_READERS(other, 1);
	PUT(other, "x");
	join(pid);
	ASSERT_OK(set_timeouts(fd, 0, 1, 0));
	ASSERT_ERRNO(read(fd, &c, 1), ETIMEDOUT);
}

TEST(nonblocking_wins_over_a_deadline)
{
	FOR_EACH_MODE(m) {
		struct queue q = small_queue(STACQ_FIFO);
		int fd = timed(&q, *m, LONG);
		char buf[100];
		struct iovec v = { buf, sizeof(buf) };
		size_t n;

		ASSERT_REFUSED(fd, preadv2(fd, &v, 1, -1, RWF_NOWAIT), EAGAIN);
		ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
		ASSERT_REFUSED(fd, read(fd, buf, sizeof(buf)), EAGAIN);
		ASSERT_REFUSED(fd, read_until(fd, buf, sizeof(buf), now() + LONG), EAGAIN);
		n = put_x(*m, buf);
		ASSERT_EQ(write(fd, buf, n), n);
		ASSERT_REFUSED(fd, write(fd, buf, n), EAGAIN);
		ASSERT_REFUSED(fd, write_until(fd, buf, n, now() + LONG), EAGAIN);
		ASSERT_OK(fcntl(fd, F_SETFL, 0));
		v.iov_len = n;
		ASSERT_REFUSED(fd, pwritev2(fd, &v, 1, -1, RWF_NOWAIT), EAGAIN);
	}
}

/* What read() and write() return, the requests do. */
TEST(the_requests_return_what_read_and_write_would)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	char buf[100] = "hello";
	int fd;

	c.max_msg_size = 50;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	ASSERT_EQ(write_until(fd, buf, 0, LONG), 0);
	ASSERT_EQ(read_until(fd, buf, 0, LONG), 0);
	ASSERT_REFUSED(fd, write_until(fd, buf, 51, 0), EMSGSIZE);
	ASSERT_EQ(write_until(fd, buf, 5, 0), 5);
	ASSERT_EQ(read_until(fd, buf, 2, 0), 2);
	ASSERT_MEM(buf, "he", 2);
	ASSERT_EQ(info(fd).held, 1);
	ASSERT_EQ(read_until(fd, buf, sizeof(buf), 0), 3);
	ASSERT_MEM(buf, "llo", 3);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_REFUSED(fd, write_until(fd, buf, 5, 0), EPIPE);
	ASSERT_EQ(read_until(fd, buf, sizeof(buf), 0), 0);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(write_until(fd, buf, 5, 0), EIDRM);
	ASSERT_ERRNO(read_until(fd, buf, 5, 0), EIDRM);
}

TEST(the_requests_refuse_what_is_not_asked_rightly)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), reader = queue_open(&q, O_RDONLY);
	int writer = queue_open(&q, O_WRONLY);
	struct stacq_transfer t;
	char buf[8];

	/* the address is looked at first, as by read() */
	ASSERT_REFUSED(fd, read(fd, kernel_pointer, 8), EFAULT);
	ASSERT_REFUSED(fd, read_until(fd, kernel_pointer, 8, 1), EFAULT);
	PUT(fd, "x");
	ASSERT_REFUSED(fd, read_until(writer, buf, 8, 0), EBADF);
	ASSERT_REFUSED(fd, write_until(reader, buf, 8, 0), EBADF);
	for (int i = 0; i < 2; i++) {
		unsigned long request = i ? STACQ_IOC_READ : STACQ_IOC_WRITE;

		t = (struct stacq_transfer){ .buf = (unsigned long)buf, .len = 8, .flags = 1 };
		ASSERT_REFUSED(fd, ioctl(fd, request, &t), EINVAL);
		t.flags = 0;
		t.reserved = 1;
		ASSERT_REFUSED(fd, ioctl(fd, request, &t), EINVAL);
		t.reserved = 0;
		t.len = 1ull << 63;
		ASSERT_REFUSED(fd, ioctl(fd, request, &t), EINVAL);
		t.len = 8;
		t.buf = (unsigned long)kernel_pointer;
		ASSERT_REFUSED(fd, ioctl(fd, request, &t), EFAULT);
		t.buf = 16;
		ASSERT_REFUSED(fd, ioctl(fd, request, &t), EFAULT);
	}
	GET(fd, "x");
}

/* As the kernel does for write() itself, and then that may be a part of a message. */
TEST(what_is_longer_than_a_write_may_be_is_not_sent)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR | O_NONBLOCK);
	size_t size = (size_t)3 << 30;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ASSERT_TRUE(p != MAP_FAILED);
	ASSERT_OK(set_limits(fd, KEEP, 0, 0));
	ASSERT_REFUSED(fd, write_until(fd, p, size, 0), EMSGSIZE);
	PUT(fd, "x");
	ASSERT_EQ(read_until(fd, p, size, 0), 1);
}

TEST(sealing_and_removal_end_the_wait)
{
	for (int removed = 0; removed < 2; removed++) {
		struct queue q = small_queue(STACQ_FIFO);
		int fd = timed(&q, 0, LONG);
		pid_t pid[2];
		char c = 'x';

		pid[0] = start();
		if (!pid[0]) {
			if (removed)
				ASSERT_ERRNO(read(fd, &c, 1), EIDRM);
			else
				ASSERT_EQ(read(fd, &c, 1), 0);
			done();
		}
		WAIT_READERS(fd, 1);
		if (removed)
			ASSERT_OK(queue_remove(q.name));
		else
			ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
		join(pid[0]);
		q = small_queue(STACQ_FIFO);
		fd = timed(&q, 0, LONG);
		PUT(fd, "x");
		pid[1] = start();
		if (!pid[1]) {
			ASSERT_ERRNO(write(fd, &c, 1), removed ? EIDRM : EPIPE);
			done();
		}
		WAIT_WRITERS(fd, 1);
		if (removed)
			ASSERT_OK(queue_remove(q.name));
		else
			ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
		join(pid[1]);
	}
}

/* Of frames only the first waits: what follows it and finds no room is for the next call. */
TEST(a_write_of_frames_that_moved_some_returns_them)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	char buf[3 * STACQ_FRAME_SIZE(1)];
	size_t n;
	int fd;

	c.max_msgs = 2;
	q = queue_from(&c);
	fd = timed(&q, STACQ_MODE_FRAMED, 10 * MS);
	n = put_x(STACQ_MODE_FRAMED, buf);
	put_x(STACQ_MODE_FRAMED, buf + n);
	put_x(STACQ_MODE_FRAMED, buf + 2 * n);
	ASSERT_EQ(write(fd, buf, 3 * n), 2 * n);
	ASSERT_REFUSED(fd, write(fd, buf + 2 * n, n), ETIMEDOUT);
	ASSERT_EQ(read(fd, buf, sizeof(buf)), 2 * n);
}

/* A large first frame waits for room for itself, not for any. */
TEST(a_large_frame_waits_for_all_of_its_room)
{
	FOR_EACH_WAY(w) {
		struct stacq_create c = create_defaults(STACQ_FIFO);
		static char buf[STACQ_FRAME_SIZE(600)];
		struct stacq_frame f = { .magic = STACQ_FRAME_MAGIC, .len = 600 };
		struct queue q;
		int fd, other;
		pid_t pid;

		c.max_bytes = 1000;
		q = queue_from(&c);
		fd = timed(&q, STACQ_MODE_FRAMED, LONG);
		other = queue_open(&q, O_RDWR);
		SEND(other, 300, 1);
		SEND(other, 300, 2);
		memcpy(buf, &f, sizeof(f));
		fill(buf + sizeof(f), 600, 3);
		pid = start();
		if (!pid) {
			ASSERT_EQ(write_by(w, fd, buf, sizeof(buf), LONG), sizeof(buf));
			done();
		}
		WAIT_WRITERS(other, 1);
		SEND(other, 10, 4);
		/* it sleeps, and does not try again and again */
		for (int i = 0; i < 300; i++)
			ASSERT_EQ(info(other).writers_waiting, 1);
		RECEIVE(other, 300, 1);
		join(pid);
		RECEIVE(other, 300, 2);
		RECEIVE(other, 10, 4);
		RECEIVE(other, 600, 3);
	}
}

TEST(a_full_holder_waits_for_a_lease_to_end_and_no_longer)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, O_RDWR);
	struct stacq_mode m = {
		.flags = STACQ_MODE_LEASE, .max_inflight = 1, .read_timeout_ns = 20 * MS,
	};
	struct stacq_settlement s = { .flags = STACQ_SETTLE_ALL };
	pid_t pid;
	char c;

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
	PUT(fd, "1");
	PUT(fd, "2");
	GET(fd, "1");
	ASSERT_REFUSED(fd, read(fd, &c, 1), ETIMEDOUT);
	m.read_timeout_ns = LONG;
	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
	pid = start();
	if (!pid) {
		GET(fd, "2");
		done();
	}
	WAIT_READERS(other, 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_ACK, &s));
	join(pid);
}

TEST(a_priority_goes_with_a_timeout)
{
	struct queue q = small_queue(STACQ_PRIORITY);
	int fd = queue_open(&q, O_RDWR);
	struct stacq_mode m = { .priority = 77, .write_timeout_ns = 10 * MS };
	struct stacq_peek p;

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
	PUT(fd, "x");
	ASSERT_OK(peek(fd, 0, NULL, 0, &p));
	ASSERT_EQ(p.priority, 77);
	ASSERT_REFUSED(fd, write(fd, "y", 1), ETIMEDOUT);
	GET(fd, "x");
	ASSERT_EQ(write_until(fd, "z", 1, 1), 1);
	ASSERT_OK(peek(fd, 0, NULL, 0, &p));
	ASSERT_EQ(p.priority, 77);
}

TEST(timeouts_may_change_with_part_of_a_message_read)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	char c;

	PUT(fd, "ab");
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(set_timeouts(fd, 0, 10 * MS, 10 * MS));
	ASSERT_ERRNO(set_timeouts(fd, STACQ_MODE_FRAMED, 10 * MS, 0), EBUSY);
	ASSERT_ERRNO(set_timeouts(fd, STACQ_MODE_LEASE, 0, 0), EBUSY);
	GET(fd, "b");
	ASSERT_ERRNO(read(fd, &c, 1), ETIMEDOUT);
	PUT(fd, "cd");
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(set_timeouts(fd, 0, 0, 0));
	GET(fd, "d");
}

static volatile sig_atomic_t signals;

static void count_signal(int n)
{
	(void)n;
	signals++;
}

static void handle(int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	ASSERT_OK(sigaction(SIGUSR1, &action, NULL));
}

/* Started again it would wait for all of its time again. */
TEST(a_timeout_is_not_restarted_by_a_signal)
{
	struct queue q = small_queue(STACQ_FIFO);
	int fd = timed(&q, 0, LONG);
	pid_t pid = start();

	if (!pid) {
		char c;

		handle(SA_RESTART);
		ASSERT_ERRNO(read(fd, &c, 1), EINTR);
		done();
	}
	WAIT_READERS(fd, 1);
	kill(pid, SIGUSR1);
	join(pid);
	PUT(fd, "x");
	pid = start();
	if (!pid) {
		handle(SA_RESTART);
		ASSERT_ERRNO(write(fd, "y", 1), EINTR);
		done();
	}
	WAIT_WRITERS(fd, 1);
	kill(pid, SIGUSR1);
	join(pid);
	ASSERT_EQ(info(fd).sent, 1);
}

TEST(a_deadline_is_kept_across_signals)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid;

	handle(SA_RESTART);
	pid = start();
	if (!pid) {
		unsigned long long deadline = now() + 400 * MS;
		char c;

		/* (a slow machine may deliver none until then) */
		do {
			ASSERT_ERRNO(read_until(fd, &c, 1, deadline), ETIMEDOUT);
			ASSERT_TRUE(now() >= deadline);
			deadline = now() + 4000 * MS;
		} while (!signals);
		done();
	}
	while (running(pid)) {
		kill(pid, SIGUSR1);
		usleep(20000);
	}
	join(pid);
	/* and without SA_RESTART the call ends */
	pid = start();
	if (!pid) {
		char c;

		handle(0);
		ASSERT_ERRNO(read_until(fd, &c, 1, now() + LONG), EINTR);
		done();
	}
	WAIT_READERS(fd, 1);
	kill(pid, SIGUSR1);
	join(pid);
}

/* A writer that is woken and can't use the room leaves it to the next. */
TEST(who_fails_after_waiting_passes_the_wake_up_on)
{
	FOR_EACH_WAY(w) {
		struct queue q = small_queue(STACQ_FIFO);
		int fd = timed(&q, 0, LONG), other = queue_open(&q, O_RDWR);
		pid_t pid[2];

		PUT(other, "1");
		pid[0] = start();
		if (!pid[0]) {
			ASSERT_ERRNO(write_by(w, fd, (void *)16, 8, LONG), EFAULT);
			done();
		}
		WAIT_WRITERS(other, 1);
		pid[1] = start();
		if (!pid[1]) {
			PUT(other, "2");
			done();
		}
		WAIT_WRITERS(other, 2);
		GET(other, "1");
		join(pid[0]);
		join(pid[1]);
		GET(other, "2");
	}
}

static void share_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	ASSERT_OK(sched_setaffinity(0, sizeof(set), &set));
}

/* Its time is up before it runs, but the message came first. */
TEST(a_message_that_came_before_the_reader_ran_is_received)
{
	struct sched_param p = { .sched_priority = 1 };
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, O_RDWR);
	unsigned long long wait = 750 * MS, deadline;
	pid_t pid;

	share_one_processor();
	/* A slow machine needs more time until the reader waits. */
	do {
		wait *= 2;
		deadline = now() + wait;
		pid = start();
		if (!pid) {
			char c;

			ASSERT_EQ(read_until(fd, &c, 1, deadline), 1);
			done();
		}
		while (info(other).readers_waiting == 0 && running(pid))
			usleep(1000);
		if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &p))
			SKIP("SCHED_FIFO: %s", strerrorname_np(errno));
		if (now() > deadline - 50 * MS) {
			ASSERT_OK(sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 }));
			kill_now(pid);
			pid = 0;
		}
	} while (!pid);
	usleep((deadline - now()) / 1000 - 20000);
	/* its time is up in here, and nobody else runs */
	while (now() <= deadline)
		;
	PUT(other, "x");
	join(pid);
	ASSERT_EQ(info(other).received, 1);
}
