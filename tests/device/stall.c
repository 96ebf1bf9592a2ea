// SPDX-License-Identifier: GPL-2.0
/*
 * Callers whose pages never come (userfaultfd) hold up nobody else, and leave
 * nothing behind when they are killed. For small and for large messages.
 */
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "frames.h"

#define PAGE		4096

/* Memory with @good bytes; first use of the others sends the caller to sleep for good. */
static char *good_and_never_come(size_t good, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	size_t before;
	char *p;

	if (uffd < 0)
		SKIP("userfaultfd: %s", strerrorname_np(errno));
	ASSERT_OK(ioctl(uffd, UFFDIO_API, &api));
	size = (size + PAGE - 1) / PAGE * PAGE;
	before = (good + PAGE - 1) / PAGE * PAGE;
	p = mmap(NULL, before + size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(p != MAP_FAILED);
	reg.range.start = (unsigned long)p + before;
	reg.range.len = size;
	ASSERT_OK(ioctl(uffd, UFFDIO_REGISTER, &reg));
	memset(p, POISON, before);
	return p + before - good;
}

static char *pages_that_never_come(size_t size)
{
	return good_and_never_come(0, size);
}

/* True when the process sleeps in a page fault. */
static bool faulting(pid_t pid)
{
	char path[64], line[128] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	if (strstr(line, "userfault"))
		return true;
	/* without wchan: give it time and hope for the best */
	if (!line[0] || !strcmp(line, "0")) {
		usleep(SETTLE_US);
		return true;
	}
	return false;
}

#define SIZES(s)							\
	(size_t s = 16; s <= 262144; s *= 64)

TEST(a_writer_without_its_pages_stalls_nobody)
{
	for SIZES(size) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		pid_t pid = start();

		if (!pid) {
			int mine = queue_open(&q, O_WRONLY);

			if (write(mine, pages_that_never_come(size), size))
				FAIL("the page came");
			done();
		}
		WAIT_FOR(faulting(pid));
		for (unsigned int i = 0; i < 20; i++) {
			SEND(fd, size, i);
			RECEIVE(fd, size, i);
			ASSERT_OK(set_capacity(fd, 10 + i));
		}
		ASSERT_TRUE(running(pid));
		kill_now(pid);
		ASSERT_EQ(info(fd).depth, 0);
		ASSERT_EQ(info(fd).sent, 20);
		SEND(fd, size, 3);
		RECEIVE(fd, size, 3);
	}
}

TEST(a_reader_without_its_pages_stalls_nobody)
{
	for SIZES(size) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		struct stacq_info i;
		pid_t pid;

		SEND(fd, size, 0);
		pid = start();
		if (!pid) {
			int mine = queue_open(&q, O_RDONLY);

			if (read(mine, pages_that_never_come(size), size))
				FAIL("the page came");
			done();
		}
		WAIT_FOR(faulting(pid));
		for (unsigned int n = 1; n < 20; n++)
			SEND(fd, size, n);
		/* the first may be with the stalled reader, or not */
		i = info(fd);
		ASSERT_EQ(i.depth + i.held, 20);
		ASSERT_TRUE(i.held <= 1);
		for (unsigned int n = i.held; n < 19; n++)
			RECEIVE(fd, size, n);
		ASSERT_OK(set_capacity(fd, 2));
		ASSERT_TRUE(running(pid));
		kill_now(pid);
		WAIT_FOR(info(fd).held == 0);
		if (i.held)
			RECEIVE(fd, size, 0);
		RECEIVE(fd, size, 19);
		ASSERT_EQ(info(fd).received, 20);
	}
}

TEST(a_reader_stalled_in_the_middle_of_a_message_stalls_nobody)
{
	for SIZES(size) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		pid_t pid;

		SEND(fd, size, 0);
		SEND(fd, size, 1);
		pid = start();
		if (!pid) {
			int mine = queue_open(&q, O_RDONLY);
			char c;

			ASSERT_EQ(read(mine, &c, 1), 1);
			if (read(mine, pages_that_never_come(size), size))
				FAIL("the page came");
			done();
		}
		WAIT_FOR(info(fd).held == 1);
		WAIT_FOR(faulting(pid));
		RECEIVE(fd, size, 1);
		SEND(fd, size, 2);
		RECEIVE(fd, size, 2);
		ASSERT_TRUE(running(pid));
		kill_now(pid);
		WAIT_FOR(info(fd).held == 0);
		RECEIVE(fd, size, 0);
	}
}

/*
 * Frames, of which the pages end in the middle of the third: so much of it is
 * there. What comes before it has been done by then.
 */
#define FOR_EACH_STALL(size, there)					\
	for (size_t size = 16; size <= 262144; size *= 64)		\
		for (size_t there = 0; there <= HEAD + 8; there += 20)

TEST(a_writer_of_frames_without_its_pages_stalls_nobody)
{
	static struct batch out;

	FOR_EACH_STALL(size, there) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		size_t good = 2 * FRAME(size) + there;
		pid_t pid;

		add_some(&out, 4, size);
		pid = start();
		if (!pid) {
			int mine = framed(&q, O_WRONLY);
			char *p = good_and_never_come(good, 3 * FRAME(size));

			memcpy(p, out.bytes, good);
			if (write(mine, p, out.size))
				FAIL("the page came");
			done();
		}
		WAIT_FOR(info(fd).depth == 2);
		WAIT_FOR(faulting(pid));
		for (unsigned int i = 1; i <= 10; i++) {
			SEND(fd, size, i + 2);
			RECEIVE(fd, size, i);
			ASSERT_OK(set_capacity(fd, 10 + i));
		}
		ASSERT_TRUE(running(pid));
		kill_now(pid);
		ASSERT_EQ(info(fd).sent, 12);
		RECEIVE(fd, size, 11);
		RECEIVE(fd, size, 12);
		ASSERT_EQ(info(fd).depth, 0);
		close(fd);
	}
}

TEST(a_reader_of_frames_without_its_pages_stalls_nobody)
{
	FOR_EACH_STALL(size, there) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		size_t good = 2 * FRAME(size) + there;
		struct stacq_peek p;
		pid_t pid;

		for (unsigned int i = 1; i <= 4; i++)
			SEND(fd, size, i);
		pid = start();
		if (!pid) {
			int mine = framed(&q, O_RDONLY);

			if (read(mine, good_and_never_come(good, 3 * FRAME(size)),
				 4 * FRAME(size)))
				FAIL("the page came");
			done();
		}
		/* two are received, the third is in hand */
		WAIT_FOR(info(fd).held == 1);
		WAIT_FOR(faulting(pid));
		ASSERT_EQ(info(fd).received, 2);
		RECEIVE(fd, size, 4);
		SEND(fd, size, 5);
		ASSERT_OK(set_capacity(fd, 2));
		ASSERT_TRUE(running(pid));
		kill_now(pid);
		WAIT_FOR(info(fd).held == 0);
		/* nothing of it was told to anybody */
		ASSERT_OK(peek(fd, 0, NULL, 0, &p));
		ASSERT_EQ(p.deliveries, 0);
		RECEIVE(fd, size, 3);
		RECEIVE(fd, size, 5);
		close(fd);
	}
}

/* Another thread of the same open file waits, and can be told not to. */
TEST(a_stalled_reader_of_frames_holds_up_only_its_own_file)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), mine = framed(&q, O_RDWR);
	char buf[1000];
	struct iovec v = { buf, sizeof(buf) };
	pid_t pid;

	for (unsigned int i = 1; i <= 3; i++)
		SEND(fd, 100, i);
	pid = start();
	if (!pid) {
		if (read(mine, pages_that_never_come(1000), 1000))
			FAIL("the page came");
		done();
	}
	WAIT_FOR(info(fd).held == 1);
	WAIT_FOR(faulting(pid));
	ASSERT_REFUSED(fd, preadv2(mine, &v, 1, -1, RWF_NOWAIT), EAGAIN);
	RECEIVE(fd, 100, 2);
	kill_now(pid);
	WAIT_FOR(info(fd).held == 0);
	ASSERT_EQ(read(mine, buf, sizeof(buf)), 2 * FRAME(100));
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Messages there and back: the time for each. */
static double exchange(int fd, size_t size, unsigned int count)
{
	double begun = now();

	for (unsigned int i = 1; i <= count; i++) {
		SEND(fd, size, i);
		RECEIVE(fd, size, i);
	}
	return (now() - begun) / count;
}

/* With a stalled writer and a stalled reader at once, as many as ever pass. */
TEST(messages_pass_a_stalled_writer_and_a_stalled_reader)
{
	const unsigned int count = 500;

	for SIZES(size) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		double alone = exchange(fd, size, count), past;
		pid_t pid[2];

		SEND(fd, size, 0);
		for (unsigned int i = 0; i < 2; i++) {
			char *pages;

			pid[i] = start();
			if (pid[i])
				continue;
			pages = pages_that_never_come(size);
			if (i ? write(fd, pages, size) : read(fd, pages, size))
				FAIL("the page came");
			done();
		}
		WAIT_FOR(faulting(pid[0]) && faulting(pid[1]));
		WAIT_FOR(info(fd).held == 1);
		/* The one at hand is of the file that the reader shares. */
		past = exchange(queue_open(&q, NONBLOCK), size, count);
		ASSERT_TRUE(running(pid[0]) && running(pid[1]));
		test_note("figure: %u messages of %zu bytes: %.3f ms each past two stalled callers, %.3f alone",
			  count, size, past * 1e3, alone * 1e3);
		kill_now(pid[0]);
		kill_now(pid[1]);
		WAIT_FOR(info(fd).held == 0);
		RECEIVE(queue_open(&q, NONBLOCK), size, 0);
	}
}

TEST(a_stalled_ioctl_stalls_nobody)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	static const unsigned long requests[] = {
		STACQ_IOC_INFO, STACQ_IOC_SET_CAPACITY, STACQ_IOC_SET_LIMITS,
		STACQ_IOC_PEEK, STACQ_IOC_PURGE, STACQ_IOC_SET_MODE, FIONREAD,
		STACQ_IOC_ACK, STACQ_IOC_GIVE_BACK, STACQ_IOC_EXTEND, STACQ_IOC_SET_DELIVERY,
	};

	for (size_t r = 0; r < sizeof(requests) / sizeof(requests[0]); r++) {
		pid_t pid = start();

		if (!pid) {
			ioctl(queue_open(&q, O_RDWR), requests[r],
			      pages_that_never_come(PAGE));
			FAIL("the page came");
		}
		WAIT_FOR(faulting(pid));
		SEND(fd, 100, r);
		ASSERT_TRUE(running(pid));
		kill_now(pid);
		RECEIVE(fd, 100, r);
	}
}

TEST(a_stalled_peek_stalls_nobody)
{
	for SIZES(size) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		pid_t pid;

		SEND(fd, size, 0);
		pid = start();
		if (!pid) {
			peek(queue_open(&q, O_RDONLY), 0,
			     pages_that_never_come(size), size, NULL);
			FAIL("the page came");
		}
		WAIT_FOR(faulting(pid));
		RECEIVE(fd, size, 0);
		SEND(fd, size, 1);
		ASSERT_TRUE(running(pid));
		kill_now(pid);
		RECEIVE(fd, size, 1);
	}
}

TEST(removal_does_not_wait_for_stalled_callers)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	pid_t reader, writer;

	SEND(fd, 5000, 0);
	reader = start();
	if (!reader) {
		if (read(fd, pages_that_never_come(5000), 5000))
			FAIL("the page came");
		done();
	}
	writer = start();
	if (!writer) {
		if (write(fd, pages_that_never_come(5000), 5000))
			FAIL("the page came");
		done();
	}
	WAIT_FOR(faulting(reader) && faulting(writer));
	ASSERT_OK(queue_remove(q.name));
	ASSERT_TRUE(running(reader) && running(writer));
	kill_now(reader);
	kill_now(writer);
}

TEST(a_stalled_request_to_control_stalls_nobody)
{
	static const unsigned long requests[] = {
		STACQ_IOC_CREATE, STACQ_IOC_REMOVE,
	};

	for (size_t r = 0; r < 2; r++) {
		pid_t pid = start();
		struct queue q;

		if (!pid) {
			ioctl(open(CONTROL, O_RDWR), requests[r],
			      pages_that_never_come(PAGE));
			FAIL("the page came");
		}
		WAIT_FOR(faulting(pid));
		q = queue_new(STACQ_FIFO);
		ASSERT_OK(queue_remove(q.name));
		ASSERT_TRUE(running(pid));
		kill_now(pid);
	}
}

/*
 * The file in /proc can't be freed while a call on it lasts, but its name goes,
 * and whoever removes its queue is not held up. Last, since the door is gone
 * then.
 */
TEST(removing_the_door_does_not_wait_for_a_stalled_caller)
{
	pid_t stalled = start(), remover;
	struct queue q;
	struct stat st;

	if (!stalled) {
		int door = open("/proc/msg_queue", O_WRONLY);

		ASSERT_OK(door);
		if (write(door, pages_that_never_come(1000), 1000))
			FAIL("the page came");
		done();
	}
	WAIT_FOR(faulting(stalled));
	remover = start();
	if (!remover) {
		ASSERT_OK(queue_remove("msg_queue"));
		done();
	}
	join(remover);
	ASSERT_TRUE(stat("/dev/stacq/msg_queue", &st) < 0);
	WAIT_FOR(stat("/proc/msg_queue", &st) < 0);
	q = queue_new(STACQ_FIFO);
	SEND(queue_open(&q, NONBLOCK), 5, 1);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_TRUE(running(stalled));
	kill_now(stalled);
}
