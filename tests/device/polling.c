// SPDX-License-Identifier: GPL-2.0
/* poll, select and epoll, level and edge, in every state of a queue. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define KEEP		STACQ_UNCHANGED
#define BOTH		(POLLIN | POLLOUT)

static int polled(int fd)
{
	struct pollfd p = { .fd = fd, .events = BOTH };

	ASSERT_OK(poll(&p, 1, 0));
	/* the other names of the same two */
	return p.revents & ~(POLLRDNORM | POLLWRNORM);
}

static struct queue queue_of_one(void)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	c.max_msgs = 1;
	return queue_from(&c);
}

/* An epoll file that watches @fd. */
static int watch(int fd, unsigned int events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_OK(ep);
	ASSERT_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	return ep;
}

/* The events it reports within @ms; 0 for none. */
static unsigned int events(int ep, int ms)
{
	struct epoll_event e = { 0 };
	int n = epoll_wait(ep, &e, 1, ms);

	ASSERT_OK(n);
	return n ? e.events : 0;
}

#define LONG_MS		20000

TEST(empty_queue_is_writable_only)
{
	struct queue q = queue_of_one();

	ASSERT_EQ(polled(queue_open(&q, NONBLOCK)), POLLOUT);
}

TEST(full_queue_is_readable_only)
{
	struct queue q = queue_of_one();
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "x");
	ASSERT_EQ(polled(fd), POLLIN);
	GET(fd, "x");
	ASSERT_EQ(polled(fd), POLLOUT);
}

TEST(queue_with_some_is_both)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "x");
	ASSERT_EQ(polled(fd), BOTH);
}

TEST(events_are_for_what_the_file_is_open_for)
{
	struct queue q = queue_new(STACQ_FIFO);
	int reader = queue_open(&q, O_RDONLY), writer = queue_open(&q, O_WRONLY);

	ASSERT_EQ(polled(reader), 0);
	PUT(writer, "x");
	ASSERT_EQ(polled(reader), POLLIN);
	ASSERT_EQ(polled(writer), POLLOUT);
}

TEST(rest_of_a_message_is_readable_for_its_holder_only)
{
	struct queue q = queue_of_one();
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	char c;

	PUT(fd, "xy");
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_EQ(polled(fd), POLLIN);
	ASSERT_EQ(polled(other), 0);	/* in hand counts as stored */
	GET(fd, "y");
	ASSERT_EQ(polled(fd), POLLOUT);
	ASSERT_EQ(polled(other), POLLOUT);
}

/* Writable means that any allowed length has room. */
TEST(writable_means_room_for_the_longest_message)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;

	c.max_bytes = 1000;
	c.max_msg_size = 100;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	for (int i = 0; i < 9; i++) {
		ASSERT_TRUE(polled(fd) & POLLOUT);
		SEND(fd, 100, i);
	}
	ASSERT_TRUE(polled(fd) & POLLOUT);
	SEND(fd, 1, 9);
	ASSERT_EQ(polled(fd), POLLIN);	/* 99 left: 100 would not fit */
	RECEIVE(fd, 100, 0);
	ASSERT_EQ(polled(fd), BOTH);
}

TEST(without_max_msg_size_writable_means_room_for_4096)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;

	c.max_bytes = 10000;
	c.max_msg_size = 0;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	SEND(fd, 10000 - 4096, 1);
	ASSERT_EQ(polled(fd), BOTH);
	SEND(fd, 1, 2);
	ASSERT_EQ(polled(fd), POLLIN);
}

TEST(empty_queue_is_writable_whatever_its_limits_are)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;

	c.max_bytes = 100;
	c.max_msg_size = 5000;	/* can never be reached */
	q = queue_from(&c);
	ASSERT_EQ(polled(queue_open(&q, NONBLOCK)), POLLOUT);
}

TEST(sealed_queue_is_writable_and_hangs_up_when_empty)
{
	struct queue q = queue_of_one();
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "x");
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_EQ(polled(fd), BOTH);	/* a write would fail at once */
	GET(fd, "x");
	ASSERT_EQ(polled(fd), BOTH | POLLHUP);
	ASSERT_OK(ioctl(fd, STACQ_IOC_UNSEAL, 0));
	ASSERT_EQ(polled(fd), POLLOUT);
}

TEST(sealed_queue_does_not_hang_up_while_a_message_is_in_hand)
{
	struct queue q = queue_of_one();
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	char c;

	PUT(fd, "xy");
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_EQ(polled(other), POLLOUT);
	ASSERT_EQ(polled(fd), BOTH);
	GET(fd, "y");
	ASSERT_EQ(polled(other), BOTH | POLLHUP);
}

TEST(removed_queue_reports_everything)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_OK(queue_remove(q.name));
	ASSERT_EQ(polled(fd), BOTH | POLLHUP | POLLERR);
}

/* Each way to learn of readiness, for a reader and for a writer that wait. */
static void wait_by_poll(int fd, short wanted)
{
	struct pollfd p = { .fd = fd, .events = wanted };

	ASSERT_EQ(poll(&p, 1, -1), 1);
	ASSERT_TRUE(p.revents & wanted);
}

static void wait_by_select(int fd, short wanted)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	ASSERT_EQ(select(fd + 1, wanted == POLLIN ? &set : NULL,
			 wanted == POLLOUT ? &set : NULL, NULL, NULL), 1);
	ASSERT_TRUE(FD_ISSET(fd, &set));
}

static void wait_by_epoll(int fd, short wanted)
{
	int ep = watch(fd, wanted);

	ASSERT_TRUE(events(ep, -1) & wanted);
}

static void wait_by_edge(int fd, short wanted)
{
	int ep = watch(fd, (unsigned short)wanted | EPOLLET);

	ASSERT_TRUE(events(ep, -1) & wanted);
}

static void wait_by_exclusive(int fd, short wanted)
{
	int ep = watch(fd, (unsigned short)wanted | EPOLLEXCLUSIVE);

	ASSERT_TRUE(events(ep, -1) & wanted);
}

static void reader_and_writer_wake(void (*wait)(int fd, short wanted))
{
	struct queue q = queue_of_one();
	int fd = queue_open(&q, NONBLOCK);
	pid_t pid = start();

	if (!pid) {
		int mine = queue_open(&q, NONBLOCK);

		wait(mine, POLLIN);
		GET(mine, "one");
		done();
	}
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	PUT(fd, "one");
	join(pid);

	PUT(fd, "two");
	pid = start();
	if (!pid) {
		int mine = queue_open(&q, NONBLOCK);

		wait(mine, POLLOUT);
		PUT(mine, "three");
		done();
	}
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	GET(fd, "two");
	join(pid);
	GET(fd, "three");
}

TEST(poll_wakes_reader_and_writer)
{
	reader_and_writer_wake(wait_by_poll);
}

TEST(select_wakes_reader_and_writer)
{
	reader_and_writer_wake(wait_by_select);
}

TEST(epoll_wakes_reader_and_writer)
{
	reader_and_writer_wake(wait_by_epoll);
}

TEST(epoll_edge_wakes_reader_and_writer)
{
	reader_and_writer_wake(wait_by_edge);
}

TEST(epoll_exclusive_wakes_reader_and_writer)
{
	reader_and_writer_wake(wait_by_exclusive);
}

TEST(epoll_level_reports_again_until_taken)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), ep = watch(fd, EPOLLIN);

	ASSERT_EQ(events(ep, 0), 0);
	PUT(fd, "a");
	PUT(fd, "b");
	ASSERT_EQ(events(ep, 0), EPOLLIN);
	ASSERT_EQ(events(ep, 0), EPOLLIN);
	GET(fd, "a");
	ASSERT_EQ(events(ep, 0), EPOLLIN);
	GET(fd, "b");
	ASSERT_EQ(events(ep, 0), 0);
}

TEST(epoll_edge_reports_each_message_sent_after_draining)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), ep = watch(fd, EPOLLIN | EPOLLET);
	char c;

	for (int i = 0; i < 10; i++) {
		PUT(fd, "x");
		ASSERT_EQ(events(ep, LONG_MS), EPOLLIN);
		ASSERT_EQ(events(ep, 0), 0);	/* once */
		GET(fd, "x");
		ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
	}
}

/* Also without draining: a message more is news. */
TEST(epoll_edge_reports_a_message_more)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), ep = watch(fd, EPOLLIN | EPOLLET);

	PUT(fd, "x");
	ASSERT_EQ(events(ep, LONG_MS), EPOLLIN);
	ASSERT_EQ(events(ep, 0), 0);
	PUT(fd, "y");
	ASSERT_EQ(events(ep, LONG_MS), EPOLLIN);
}

TEST(epoll_edge_reports_room_each_time_it_was_full)
{
	struct queue q = queue_of_one();
	int fd = queue_open(&q, NONBLOCK), ep = watch(fd, EPOLLOUT | EPOLLET);

	ASSERT_EQ(events(ep, 0), EPOLLOUT);
	ASSERT_EQ(events(ep, 0), 0);
	for (int i = 0; i < 10; i++) {
		PUT(fd, "x");
		ASSERT_ERRNO(write(fd, "y", 1), EAGAIN);
		ASSERT_EQ(events(ep, 0), 0);
		GET(fd, "x");
		ASSERT_EQ(events(ep, LONG_MS), EPOLLOUT);
	}
}

TEST(epoll_edge_reports_room_made_by_other_means)
{
	struct queue q = queue_of_one();
	int fd = queue_open(&q, NONBLOCK), reader = queue_open(&q, NONBLOCK);
	int ep = watch(fd, EPOLLOUT | EPOLLET);
	struct stacq_purge purge = { 0 };
	char c;

	ASSERT_EQ(events(ep, 0), EPOLLOUT);
	PUT(fd, "ab");
	ASSERT_ERRNO(write(fd, "y", 1), EAGAIN);
	ASSERT_EQ(events(ep, 0), 0);
	ASSERT_OK(set_limits(fd, 2, KEEP, KEEP));
	ASSERT_EQ(events(ep, LONG_MS), EPOLLOUT);

	PUT(fd, "cd");
	ASSERT_ERRNO(write(fd, "y", 1), EAGAIN);
	ASSERT_EQ(events(ep, 0), 0);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	ASSERT_EQ(events(ep, LONG_MS), EPOLLOUT);

	PUT(fd, "ef");
	PUT(fd, "gh");
	ASSERT_EQ(read(reader, &c, 1), 1);
	ASSERT_ERRNO(write(fd, "y", 1), EAGAIN);
	ASSERT_EQ(events(ep, 0), 0);
	GET(reader, "f");
	ASSERT_EQ(events(ep, LONG_MS), EPOLLOUT);

	PUT(fd, "ij");
	ASSERT_ERRNO(write(fd, "y", 1), EAGAIN);
	ASSERT_EQ(events(ep, 0), 0);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_EQ(events(ep, LONG_MS), EPOLLOUT);
}

TEST(epoll_edge_reports_a_message_given_back)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), reader = queue_open(&q, NONBLOCK);
	int ep = watch(fd, EPOLLIN | EPOLLET);
	char c;

	PUT(fd, "ab");
	ASSERT_EQ(events(ep, LONG_MS), EPOLLIN);
	ASSERT_EQ(read(reader, &c, 1), 1);
	ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
	ASSERT_EQ(events(ep, 0), 0);
	close(reader);
	ASSERT_EQ(events(ep, LONG_MS), EPOLLIN);
	GET(fd, "ab");
}

TEST(epoll_edge_reports_seal_and_removal)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), ep = watch(fd, EPOLLIN | EPOLLET);

	ASSERT_EQ(events(ep, 0), 0);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_EQ(events(ep, LONG_MS), EPOLLIN | EPOLLHUP);
	ASSERT_EQ(events(ep, 0), 0);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_EQ(events(ep, LONG_MS), EPOLLIN | EPOLLHUP | EPOLLERR);
}

/* The last message leaves a sealed queue: those who poll learn of the end. */
TEST(pollers_of_a_sealed_queue_wake_when_it_becomes_empty)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	int ep;
	pid_t pid;
	char c;

	PUT(fd, "ab");
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ep = watch(other, EPOLLIN | EPOLLET);
	ASSERT_EQ(events(ep, 0), 0);
	pid = start();
	if (!pid) {
		struct pollfd p = { .fd = other, .events = POLLIN };

		ASSERT_EQ(poll(&p, 1, -1), 1);
		ASSERT_EQ(p.revents, POLLIN | POLLHUP);
		done();
	}
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	GET(fd, "b");
	join(pid);
	ASSERT_EQ(events(ep, LONG_MS), EPOLLIN | EPOLLHUP);
}

/* One wake-up for one waiter: with EPOLLEXCLUSIVE, each message finds one. */
TEST(exclusive_readers_lose_nothing)
{
	enum { READERS = 4, MESSAGES = 400 };
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	pid_t pid[READERS];

	for (int i = 0; i < READERS; i++) {
		pid[i] = start();
		if (!pid[i]) {
			int mine = queue_open(&q, NONBLOCK);
			int ep = watch(mine, EPOLLIN | EPOLLEXCLUSIVE);
			char c;

			for (;;) {
				events(ep, -1);
				if (read(mine, &c, 1) < 0)
					ASSERT_EQ(errno, EAGAIN);
			}
		}
	}
	for (int i = 0; i < MESSAGES; i++) {
		PUT(fd, "x");
		if (i % 10 == 0)
			WAIT_FOR(info(fd).depth == 0);
	}
	WAIT_FOR(info(fd).received == MESSAGES);
	for (int i = 0; i < READERS; i++)
		kill_now(pid[i]);
}

/* A thread in poll and one in read wait side by side; both have to wake. */
TEST(a_poller_does_not_take_a_blocked_reader_s_wake_up)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	pid_t poller = start(), reader;

	if (!poller) {
		wait_by_poll(queue_open(&q, NONBLOCK), POLLIN);
		done();
	}
	usleep(SETTLE_US);
	reader = start();
	if (!reader) {
		/* slow, so that the poller sees it */
		int mine = queue_open(&q, O_RDWR);
		char c;

		ASSERT_EQ(read(mine, &c, 1), 1);
		wait_by_poll(mine, POLLIN);
		usleep(SETTLE_US);
		GET(mine, "b");
		done();
	}
	WAIT_READERS(fd, 1);
	PUT(fd, "ab");
	PUT(fd, "next");	/* whichever came too late has this */
	join(reader);
	join(poller);
}
