// SPDX-License-Identifier: GPL-2.0
/* Eventfds that are told when a queue is not empty, not full, empty, or so deep. */
#include <poll.h>
#include <sys/eventfd.h>

#include "frames.h"

#define NOT_EMPTY	STACQ_NOTICE_NOT_EMPTY
#define NOT_FULL	STACQ_NOTICE_NOT_FULL
#define EMPTY		STACQ_NOTICE_EMPTY
#define DEPTH		STACQ_NOTICE_DEPTH
#define MOST		16

static int event_new(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	ASSERT_OK(fd);
	return fd;
}

static int notify(int fd, int event, unsigned int events, unsigned long long depth)
{
	struct stacq_notice n = { .fd = event, .events = events, .depth = depth };

	return ioctl(fd, STACQ_IOC_NOTIFY, &n);
}

/* How often it was told since the last time. */
static int told(int event)
{
	unsigned long long n;

	if (read(event, &n, sizeof(n)) < 0) {
		ASSERT_EQ(errno, EAGAIN);
		return 0;
	}
	return n;
}

/* An eventfd that is told, and was not yet. */
static int listen_to(int fd, unsigned int events, unsigned long long depth)
{
	int event = event_new();

	ASSERT_OK(notify(fd, event, events, depth));
	return event;
}

static struct queue limited(unsigned long long msgs)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	c.max_msgs = msgs;
	return queue_from(&c);
}

static int leasing(const struct queue *q)
{
	struct stacq_mode m = { .flags = STACQ_MODE_LEASE };
	int fd = queue_open(q, NONBLOCK);

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
	return fd;
}

static void settle(int fd, unsigned long request)
{
	struct stacq_settlement s = { .flags = STACQ_SETTLE_ALL };

	ASSERT_OK(ioctl(fd, request, &s));
}

/* @n messages with one write. */
static void send_frames(const struct queue *q, unsigned int n)
{
	struct stacq_mode m = { .flags = STACQ_MODE_FRAMED };
	struct stacq_frame f = { .magic = STACQ_FRAME_MAGIC, .len = 8 };
	int fd = queue_open(q, NONBLOCK);
	char buf[20 * STACQ_FRAME_SIZE(8)] = "";

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
	for (unsigned int i = 0; i < n; i++)
		memcpy(buf + i * STACQ_FRAME_SIZE(8), &f, sizeof(f));
	ASSERT_EQ(write(fd, buf, n * STACQ_FRAME_SIZE(8)), n * STACQ_FRAME_SIZE(8));
	close(fd);
}

TEST(not_empty_is_told_of_each_message_that_comes)
{
	for (unsigned int order = 0; order < 3; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, NONBLOCK), event = listen_to(fd, NOT_EMPTY, 0);

		ASSERT_EQ(told(event), 0);
		PUT(fd, "1");
		ASSERT_EQ(told(event), 1);
		SEND(fd, 5000, 2);
		SEND(fd, LARGEST, 3);
		ASSERT_EQ(told(event), 2);
		send_frames(&q, 5);
		ASSERT_EQ(told(event), 5);
		for (int i = 0; i < 8; i++) {
			static char buf[LARGEST];

			ASSERT_TRUE(read(fd, buf, sizeof(buf)) > 0);
		}
		ASSERT_EQ(told(event), 0);
	}
}

TEST(not_empty_is_told_of_what_comes_back)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	int event = event_new(), lease;
	char c;

	PUT(fd, "ab");
	ASSERT_EQ(read(other, &c, 1), 1);
	ASSERT_OK(notify(fd, event, NOT_EMPTY, 0));
	ASSERT_EQ(told(event), 0);
	close(other);
	ASSERT_EQ(told(event), 1);
	lease = leasing(&q);
	GET(lease, "ab");
	settle(lease, STACQ_IOC_GIVE_BACK);
	ASSERT_EQ(told(event), 1);
	GET(lease, "ab");
	settle(lease, STACQ_IOC_ACK);
	ASSERT_EQ(told(event), 0);
}

TEST(not_full_is_told_of_room)
{
	struct queue q = limited(2);
	int fd = queue_open(&q, NONBLOCK), event;
	struct stacq_purge purge = { 0 };

	PUT(fd, "1");
	PUT(fd, "2");
	event = listen_to(fd, NOT_FULL, 0);
	ASSERT_EQ(told(event), 0);
	GET(fd, "1");
	ASSERT_EQ(told(event), 1);
	PUT(fd, "3");
	ASSERT_EQ(told(event), 0);
	ASSERT_OK(set_limits(fd, 3, KEEP, KEEP));
	ASSERT_EQ(told(event), 1);
	PUT(fd, "4");
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	ASSERT_TRUE(told(event) >= 1);
}

TEST(not_full_is_not_told_while_the_queue_is_full_still)
{
	struct queue q = limited(3);
	int fd = queue_open(&q, NONBLOCK), lease = leasing(&q), event;

	PUT(fd, "1");
	PUT(fd, "2");
	PUT(fd, "3");
	ASSERT_OK(set_limits(fd, 2, KEEP, KEEP));
	event = listen_to(fd, NOT_FULL, 0);
	GET(fd, "1");
	ASSERT_EQ(told(event), 0);
	/* what is in flight takes room */
	GET(lease, "2");
	ASSERT_EQ(told(event), 0);
	settle(lease, STACQ_IOC_ACK);
	ASSERT_EQ(told(event), 1);
}

TEST(empty_is_told_when_the_last_message_has_gone)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), lease = leasing(&q), event;
	struct stacq_purge purge = { 0 };
	char c;

	PUT(fd, "1");
	PUT(fd, "23");
	event = listen_to(fd, EMPTY, 0);
	ASSERT_EQ(told(event), 0);
	GET(fd, "1");
	ASSERT_EQ(told(event), 0);
	/* in hand or in flight it has not gone */
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_EQ(told(event), 0);
	GET(fd, "3");
	ASSERT_EQ(told(event), 1);
	PUT(fd, "4");
	GET(lease, "4");
	ASSERT_EQ(told(event), 0);
	settle(lease, STACQ_IOC_ACK);
	ASSERT_EQ(told(event), 1);
	PUT(fd, "5");
	PUT(fd, "6");
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	ASSERT_EQ(told(event), 1);
	/* nothing goes here */
	ASSERT_OK(set_limits(fd, 5, KEEP, KEEP));
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	ASSERT_EQ(told(event), 0);
}

TEST(depth_is_told_when_it_is_reached_from_below)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), event = listen_to(fd, DEPTH, 3);

	PUT(fd, "1");
	PUT(fd, "2");
	ASSERT_EQ(told(event), 0);
	PUT(fd, "3");
	ASSERT_EQ(told(event), 1);
	PUT(fd, "4");
	GET(fd, "1");
	PUT(fd, "5");
	ASSERT_EQ(told(event), 0);
	GET(fd, "2");
	GET(fd, "3");
	ASSERT_EQ(told(event), 0);
	PUT(fd, "6");
	ASSERT_EQ(told(event), 1);
	for (int i = 0; i < 3; i++) {
		char c;

		ASSERT_EQ(read(fd, &c, 1), 1);
	}
	send_frames(&q, 7);
	ASSERT_EQ(told(event), 1);
}

/* Nobody is woken when a message is taken in hand or under lease. */
TEST(depth_is_told_again_after_messages_went_unseen)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), lease = leasing(&q);
	int event = listen_to(fd, DEPTH, 2);
	char c;

	PUT(fd, "1");
	PUT(fd, "23");
	ASSERT_EQ(told(event), 1);
	GET(lease, "1");
	PUT(fd, "4");
	ASSERT_EQ(told(event), 1);
	GET(lease, "23");
	settle(lease, STACQ_IOC_GIVE_BACK);
	/* depth 1, then 2 and 3 */
	ASSERT_EQ(told(event), 1);
	GET(fd, "1");
	ASSERT_EQ(read(fd, &c, 1), 1);
	PUT(fd, "5");
	ASSERT_EQ(told(event), 1);
}

TEST(what_holds_already_is_told_at_once)
{
	struct queue q = limited(3);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_EQ(told(listen_to(fd, NOT_EMPTY, 0)), 0);
	ASSERT_EQ(told(listen_to(fd, NOT_FULL, 0)), 1);
	ASSERT_EQ(told(listen_to(fd, EMPTY, 0)), 1);
	ASSERT_EQ(told(listen_to(fd, DEPTH, 1)), 0);
	PUT(fd, "1");
	PUT(fd, "2");
	PUT(fd, "3");
	ASSERT_EQ(told(listen_to(fd, NOT_EMPTY, 0)), 1);
	ASSERT_EQ(told(listen_to(fd, NOT_FULL, 0)), 0);
	ASSERT_EQ(told(listen_to(fd, EMPTY, 0)), 0);
	ASSERT_EQ(told(listen_to(fd, DEPTH, 3)), 1);
	ASSERT_EQ(told(listen_to(fd, DEPTH, 4)), 0);
	ASSERT_EQ(told(listen_to(fd, NOT_EMPTY | NOT_FULL | EMPTY | DEPTH, 4)), 1);
}

TEST(empty_once_told_is_not_told_again_without_a_message)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), event = listen_to(fd, EMPTY, 0);

	ASSERT_EQ(told(event), 1);
	ASSERT_OK(set_limits(fd, 5, KEEP, KEEP));
	ASSERT_EQ(told(event), 0);
	PUT(fd, "1");
	GET(fd, "1");
	ASSERT_EQ(told(event), 1);
}

TEST(one_eventfd_may_be_told_of_several_events_and_queues)
{
	struct queue a = queue_new(STACQ_FIFO), b = queue_new(STACQ_LIFO);
	int first = queue_open(&a, NONBLOCK), second = queue_open(&b, NONBLOCK);
	int again = queue_open(&a, NONBLOCK), event = event_new();

	ASSERT_OK(notify(first, event, NOT_EMPTY | DEPTH | EMPTY, 5));
	ASSERT_OK(notify(second, event, NOT_EMPTY, 0));
	ASSERT_OK(notify(again, event, NOT_EMPTY, 0));
	told(event);
	PUT(second, "x");
	ASSERT_EQ(told(event), 1);
	PUT(first, "x");
	ASSERT_EQ(told(event), 2);
	GET(first, "x");
	ASSERT_EQ(told(event), 1);
	/* each ends by itself */
	ASSERT_OK(notify(first, event, 0, 0));
	PUT(first, "y");
	ASSERT_EQ(told(event), 1);
	close(again);
	PUT(first, "z");
	ASSERT_EQ(told(event), 0);
	PUT(second, "x");
	ASSERT_EQ(told(event), 1);
}

TEST(what_is_asked_last_holds)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), event = listen_to(fd, NOT_EMPTY, 0);
	int same = dup(event);

	ASSERT_OK(notify(fd, event, EMPTY, 0));
	ASSERT_EQ(told(event), 1);
	PUT(fd, "x");
	ASSERT_EQ(told(event), 0);
	GET(fd, "x");
	ASSERT_EQ(told(event), 1);
	/* by another number it is the same one */
	ASSERT_OK(notify(fd, same, DEPTH, 2));
	PUT(fd, "x");
	GET(fd, "x");
	ASSERT_EQ(told(event), 0);
	ASSERT_OK(notify(fd, same, 0, 0));
	ASSERT_ERRNO(notify(fd, event, 0, 0), ENOENT);
	PUT(fd, "x");
	PUT(fd, "x");
	ASSERT_EQ(told(event), 0);
}

TEST(it_ends_with_the_last_descriptor_of_the_open_file)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	int event = listen_to(fd, NOT_EMPTY, 0), copy = dup(fd);

	close(fd);
	PUT(other, "x");
	ASSERT_EQ(told(event), 1);
	close(copy);
	PUT(other, "x");
	ASSERT_EQ(told(event), 0);
}

TEST(an_eventfd_closed_before_the_queue_does_no_harm)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	close(listen_to(fd, NOT_EMPTY | EMPTY, 0));
	PUT(fd, "x");
	GET(fd, "x");
	ASSERT_OK(queue_remove(q.name));
	close(fd);
}

TEST(sealing_tells_those_who_wait_for_what_will_not_come)
{
	struct queue q = limited(1);
	int fd = queue_open(&q, NONBLOCK), message, depth, room, empty;

	PUT(fd, "x");
	message = listen_to(fd, NOT_EMPTY, 0);
	depth = listen_to(fd, DEPTH, 9);
	room = listen_to(fd, NOT_FULL, 0);
	empty = listen_to(fd, EMPTY, 0);
	ASSERT_EQ(told(message), 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_EQ(told(message), 1);
	ASSERT_EQ(told(depth), 1);
	ASSERT_EQ(told(room), 1);
	ASSERT_EQ(told(empty), 0);
	/* the end: a read returns 0 now */
	GET(fd, "x");
	ASSERT_EQ(told(message), 1);
	ASSERT_EQ(told(depth), 1);
	ASSERT_EQ(told(empty), 1);
	ASSERT_EQ(told(listen_to(fd, DEPTH, 9)), 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_UNSEAL, 0));
	ASSERT_EQ(told(message), 0);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_EQ(told(message), 1);
}

TEST(removal_tells_all)
{
	struct queue q = limited(1);
	int fd = queue_open(&q, NONBLOCK), event[4];

	PUT(fd, "x");
	event[0] = listen_to(fd, NOT_EMPTY, 0);
	event[1] = listen_to(fd, DEPTH, 9);
	event[2] = listen_to(fd, NOT_FULL, 0);
	event[3] = listen_to(fd, EMPTY, 0);
	told(event[0]);
	ASSERT_OK(queue_remove(q.name));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(told(event[i]), 1);
	ASSERT_ERRNO(notify(fd, event[0], NOT_EMPTY, 0), EIDRM);
	ASSERT_ERRNO(notify(fd, event[0], 0, 0), EIDRM);
}

TEST(what_is_not_asked_rightly_is_refused)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), reader = queue_open(&q, O_RDONLY);
	int writer = queue_open(&q, O_WRONLY), event = event_new();
	struct stacq_notice n = { .fd = event, .events = NOT_EMPTY };

	ASSERT_REFUSED(fd, notify(fd, -1, NOT_EMPTY, 0), EBADF);
	ASSERT_REFUSED(fd, notify(fd, 999, NOT_EMPTY, 0), EBADF);
	ASSERT_REFUSED(fd, notify(fd, fd, NOT_EMPTY, 0), EINVAL);
	ASSERT_REFUSED(fd, notify(fd, event, 0x10, 0), EINVAL);
	ASSERT_REFUSED(fd, notify(fd, event, 0x80000000, 0), EINVAL);
	ASSERT_REFUSED(fd, notify(fd, event, DEPTH, 0), EINVAL);
	ASSERT_REFUSED(fd, notify(fd, event, NOT_EMPTY, 1), EINVAL);
	ASSERT_REFUSED(fd, notify(fd, event, 0, 1), EINVAL);
	ASSERT_REFUSED(fd, notify(fd, event, 0, 0), ENOENT);
	n.flags = 1;
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_NOTIFY, &n), EINVAL);
	n.flags = 0;
	n.reserved = 1;
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_NOTIFY, &n), EINVAL);
	ASSERT_REFUSED(fd, notify(writer, event, NOT_EMPTY, 0), EBADF);
	ASSERT_REFUSED(fd, notify(writer, event, DEPTH, 1), EBADF);
	ASSERT_REFUSED(fd, notify(reader, event, NOT_FULL, 0), EBADF);
	ASSERT_REFUSED(fd, notify(reader, event, NOT_EMPTY | NOT_FULL, 0), EBADF);
	ASSERT_OK(notify(reader, event, EMPTY | NOT_EMPTY | DEPTH, 1));
	ASSERT_OK(notify(writer, event, EMPTY | NOT_FULL, 0));
	ASSERT_EQ(told(event), 2);
}

TEST(an_open_file_has_sixteen_at_most)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	int event[MOST], more = event_new();

	for (int i = 0; i < MOST; i++)
		event[i] = listen_to(fd, NOT_EMPTY, 0);
	ASSERT_REFUSED(fd, notify(fd, more, NOT_EMPTY, 0), ENOSPC);
	ASSERT_OK(notify(other, more, NOT_EMPTY, 0));
	PUT(fd, "x");
	for (int i = 0; i < MOST; i++)
		ASSERT_EQ(told(event[i]), 1);
	ASSERT_EQ(told(more), 1);
	/* one in place of another is none more */
	ASSERT_OK(notify(fd, event[3], EMPTY, 0));
	ASSERT_OK(notify(fd, event[4], 0, 0));
	ASSERT_OK(notify(fd, more, NOT_EMPTY, 0));
}

TEST(those_who_wait_are_woken_as_ever)
{
	struct queue q = limited(1);
	int fd = queue_open(&q, O_RDWR), event = listen_to(fd, NOT_EMPTY | NOT_FULL, 0);
	pid_t pid = start();

	if (!pid) {
		GET(fd, "1");
		done();
	}
	WAIT_READERS(fd, 1);
	PUT(fd, "1");
	join(pid);
	PUT(fd, "2");
	pid = start();
	if (!pid) {
		PUT(fd, "3");
		done();
	}
	WAIT_WRITERS(fd, 1);
	GET(fd, "2");
	join(pid);
	GET(fd, "3");
	ASSERT_TRUE(told(event) >= 6);
}

TEST(poll_sees_the_eventfd)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), event = listen_to(fd, NOT_EMPTY, 0);
	struct pollfd p = { .fd = event, .events = POLLIN };
	pid_t pid = start();

	if (!pid) {
		ASSERT_EQ(poll(&p, 1, -1), 1);
		ASSERT_EQ(told(event), 1);
		done();
	}
	usleep(SETTLE_US);
	PUT(fd, "x");
	join(pid);
}

/* Who sleeps until told, and then takes what there is, misses nothing. */
static void wait_told(int event)
{
	struct pollfd p = { .fd = event, .events = POLLIN };

	ASSERT_EQ(poll(&p, 1, 30000), 1);
	told(event);
}

TEST(nobody_who_sleeps_until_told_is_forgotten)
{
	enum { WRITERS = 3, READERS = 2, EACH = 400, BATCH = 4 };
	struct queue q = limited(5);
	int watch = queue_open(&q, O_RDWR);
	pid_t writer[WRITERS], reader[READERS];

	for (int w = 0; w < WRITERS; w++) {
		writer[w] = start();
		if (!writer[w]) {
			int fd = queue_open(&q, O_WRONLY | O_NONBLOCK);
			int event = listen_to(fd, NOT_FULL, 0);

			for (unsigned int i = 0; i < EACH; i++)
				while (write(fd, "x", 1) != 1) {
					ASSERT_EQ(errno, EAGAIN);
					wait_told(event);
				}
			done();
		}
	}
	for (int r = 0; r < READERS; r++) {
		reader[r] = start();
		if (!reader[r]) {
			int fd = queue_open(&q, O_RDONLY | O_NONBLOCK);
			/* the end is told to one who waits for many, too */
			int event = listen_to(fd, r ? DEPTH : NOT_EMPTY, r ? BATCH : 0);
			char c;

			for (;;) {
				ssize_t n = read(fd, &c, 1);

				if (!n)
					break;
				if (n < 0) {
					ASSERT_EQ(errno, EAGAIN);
					wait_told(event);
				}
			}
			done();
		}
	}
	for (int w = 0; w < WRITERS; w++)
		join(writer[w]);
	ASSERT_OK(ioctl(watch, STACQ_IOC_SEAL, 0));
	for (int r = 0; r < READERS; r++)
		join(reader[r]);
	ASSERT_EQ(info(watch).received, WRITERS * EACH);
}

TEST(a_batch_is_told_to_one_who_takes_it_under_lease)
{
	enum { ROUNDS = 300, BATCH = 3 };
	struct queue q = limited(BATCH);
	int fd = leasing(&q), event = listen_to(fd, DEPTH, BATCH);
	pid_t pid = start();

	if (!pid) {
		int to = queue_open(&q, O_WRONLY);

		for (unsigned int i = 0; i < ROUNDS * BATCH; i++)
			PUT(to, "x");
		done();
	}
	for (unsigned int i = 0; i < ROUNDS; i++) {
		wait_told(event);
		for (unsigned int n = 0; n < BATCH; n++)
			GET(fd, "x");
		settle(fd, STACQ_IOC_ACK);
	}
	join(pid);
}

TEST(asking_and_closing_while_messages_come_and_go)
{
	enum { ROUNDS = 300 };
	struct queue q = queue_new(STACQ_FIFO);
	pid_t traffic[2], asking[2];

	for (int i = 0; i < 2; i++) {
		traffic[i] = start();
		if (!traffic[i]) {
			int fd = queue_open(&q, O_RDWR);

			for (;;) {
				PUT(fd, "x");
				GET(fd, "x");
			}
		}
		asking[i] = start();
		if (!asking[i]) {
			int event = event_new();

			for (unsigned int n = 0; n < ROUNDS; n++) {
				int fd = queue_open(&q, O_RDWR);

				ASSERT_OK(notify(fd, event, NOT_EMPTY | EMPTY | DEPTH, 1 + n % 3));
				ASSERT_OK(notify(fd, event, NOT_FULL, 0));
				if (n % 2)
					ASSERT_OK(notify(fd, event, 0, 0));
				close(fd);
			}
			done();
		}
	}
	for (int i = 0; i < 2; i++)
		join(asking[i]);
	for (int i = 0; i < 2; i++)
		kill_now(traffic[i]);
}
