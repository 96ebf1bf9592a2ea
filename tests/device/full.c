// SPDX-License-Identifier: GPL-2.0
/* What a full queue does: block, fail, drop_oldest, drop_newest. And moving messages to another queue. */
#include <poll.h>
#include <sys/mman.h>

#include "frames.h"

static void set_full(int fd, unsigned int full)
{
	struct stacq_delivery d = { .set = STACQ_SET_FULL, .full = full };

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_DELIVERY, &d));
	ASSERT_EQ(info(fd).full, full);
}

/* A queue for so many messages, and what it does then. */
static struct queue limited(unsigned int order, unsigned long long msgs, unsigned int full)
{
	struct stacq_create c = create_defaults(order);

	c.max_msgs = msgs;
	c.delivery.set = STACQ_SET_FULL;
	c.delivery.full = full;
	return queue_from(&c);
}

static void lease(int fd)
{
	struct stacq_mode m = { .flags = STACQ_MODE_LEASE };

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
}

static void priority(int fd, unsigned int n)
{
	struct stacq_mode m = { .priority = n };

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
}

TEST(a_queue_that_fails_says_enospc_and_counts)
{
	FOR_EACH_SIZE(s) {
		struct queue q = limited(STACQ_FIFO, 1, STACQ_FULL_FAIL);
		int fd = queue_open(&q, O_RDWR);
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		unsigned char *buf = calloc(1, *s);

		SEND(fd, *s, 1);
		for (int i = 1; i <= 3; i++) {
			ASSERT_ERRNO(write(fd, buf, *s), ENOSPC);
			ASSERT_EQ(info(fd).refused, i);
		}
		/* who would not wait is told that the queue is writable */
		ASSERT_EQ(poll(&p, 1, 0), 1);
		ASSERT_EQ(info(fd).sent, 1);
		RECEIVE(fd, *s, 1);
		SEND(fd, *s, 2);
		ASSERT_EQ(info(fd).refused, 3);
		free(buf);
	}
}

TEST(a_queue_that_drops_the_newest_says_all_is_well_and_counts)
{
	FOR_EACH_SIZE(s) {
		struct queue q = limited(STACQ_FIFO, 2, STACQ_FULL_DROP_NEWEST);
		int fd = queue_open(&q, NONBLOCK);

		for (int i = 1; i <= 5; i++)
			SEND(fd, *s, i);
		ASSERT_EQ(info(fd).dropped_newest, 3);
		ASSERT_EQ(info(fd).sent, 2);
		ASSERT_EQ(info(fd).depth, 2);
		/* bad memory is an error even so */
		ASSERT_REFUSED(fd, write(fd, null_pointer, *s), EFAULT);
		RECEIVE(fd, *s, 1);
		RECEIVE(fd, *s, 2);
	}
}

TEST(a_queue_that_drops_the_oldest_has_the_last_ones)
{
	for (unsigned int order = 0; order < 3; order++) {
		FOR_EACH_SIZE(s) {
			struct queue q = limited(order, 3, STACQ_FULL_DROP_OLDEST);
			int fd = queue_open(&q, NONBLOCK);

			for (int i = 1; i <= 10; i++) {
				SEND(fd, *s, i);
				ASSERT_EQ(info(fd).depth, i < 3 ? i : 3);
			}
			ASSERT_EQ(info(fd).dropped_oldest, 7);
			ASSERT_EQ(info(fd).sent, 10);
			ASSERT_REFUSED(fd, write(fd, null_pointer, *s), EFAULT);
			for (int i = 0; i < 3; i++)
				RECEIVE(fd, *s, order == STACQ_LIFO ? 10 - i : 8 + i);
			ASSERT_EQ(info(fd).depth, 0);
		}
	}
}

TEST(a_ring_in_steady_state_takes_no_more_memory)
{
	struct queue q = limited(STACQ_FIFO, 100, STACQ_FULL_DROP_OLDEST);
	int fd = queue_open(&q, NONBLOCK);
	unsigned long long memory;

	for (int i = 0; i < 1000; i++)
		SEND(fd, 300, i);
	memory = info(fd).memory;
	for (int i = 0; i < 5000; i++)
		SEND(fd, 300, i);
	ASSERT_EQ(info(fd).memory, memory);
	ASSERT_EQ(info(fd).growths <= 7, 1);
	for (int i = 4900; i < 5000; i++)
		RECEIVE(fd, 300, i);
}

TEST(many_small_ones_make_room_for_a_large_one)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	set_full(fd, STACQ_FULL_DROP_OLDEST);
	ASSERT_OK(set_limits(fd, KEEP, 10000, KEEP));
	for (int i = 0; i < 1000; i++)
		SEND(fd, 10, i);
	ASSERT_EQ(info(fd).dropped_oldest, 0);
	SEND(fd, 9000, 7);
	ASSERT_EQ(info(fd).dropped_oldest, 900);
	for (int i = 900; i < 1000; i++)
		RECEIVE(fd, 10, i);
	RECEIVE(fd, 9000, 7);
	ASSERT_REFUSED(fd, write(fd, page_pair(), 10001), EMSGSIZE);
}

TEST(the_oldest_of_the_lowest_priority_goes_first)
{
	struct queue q = limited(STACQ_PRIORITY, 4, STACQ_FULL_DROP_OLDEST);
	int fd = queue_open(&q, NONBLOCK);
	static const int prios[] = { 5, 3, 32767, 3, 5, 32767 };

	for (int i = 0; i < 6; i++) {
		priority(fd, prios[i]);
		SEND(fd, 8, i);
	}
	ASSERT_EQ(info(fd).dropped_oldest, 2);
	RECEIVE(fd, 8, 2);
	RECEIVE(fd, 8, 5);
	RECEIVE(fd, 8, 0);
	RECEIVE(fd, 8, 4);
	/* and when there is only the highest */
	priority(fd, 32767);
	for (int i = 0; i < 5; i++)
		SEND(fd, 8, i);
	RECEIVE(fd, 8, 1);
}

TEST(what_came_back_is_the_oldest)
{
	static const int wanted[3][3] = { { 3, 4, 5 }, { 5, 4, 3 }, { 3, 4, 5 } };

	for (unsigned int order = 0; order < 3; order++) {
		struct queue q = limited(order, 3, STACQ_FULL_DROP_OLDEST);
		int fd = queue_open(&q, NONBLOCK), holder = queue_open(&q, NONBLOCK);
		char buf[8];

		lease(holder);
		SEND(fd, 8, 1);
		SEND(fd, 8, 2);
		ASSERT_EQ(read(holder, buf, 8), 8);
		ASSERT_EQ(read(holder, buf, 8), 8);
		SEND(fd, 8, 3);
		close(holder);
		SEND(fd, 8, 4);
		ASSERT_EQ(info(fd).depth, 3);
		SEND(fd, 8, 5);
		for (int i = 0; i < 3; i++)
			RECEIVE(fd, 8, wanted[order][i]);
	}
}

TEST(what_is_held_is_not_dropped_and_a_ring_of_it_blocks)
{
	struct queue q = limited(STACQ_FIFO, 2, STACQ_FULL_DROP_OLDEST);
	int fd = queue_open(&q, NONBLOCK), holder = queue_open(&q, NONBLOCK);
	int part = queue_open(&q, NONBLOCK), waiting = queue_open(&q, O_RDWR);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	struct stacq_settlement s = { .flags = STACQ_SETTLE_ALL };
	pid_t writer;
	char buf[8];

	lease(holder);
	SEND(fd, 8, 1);
	SEND(fd, 8, 2);
	RECEIVE(holder, 8, 1);
	for (int i = 3; i < 10; i++)
		SEND(fd, 8, i);
	ASSERT_EQ(read(part, buf, 1), 1);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
	ASSERT_EQ(poll(&p, 1, 0), 0);
	writer = start();
	if (!writer) {
		SEND(waiting, 8, 10);
		done();
	}
	WAIT_WRITERS(fd, 1);
	ASSERT_OK(ioctl(holder, STACQ_IOC_ACK, &s));
	join(writer);
	ASSERT_EQ(read(part, buf + 1, 7), 7);
	ASSERT_TRUE(filled(buf, 8, 9));
	RECEIVE(fd, 8, 10);
}

TEST(a_message_too_long_beside_what_is_held_drops_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), holder = queue_open(&q, NONBLOCK);
	static char buf[900];

	set_full(fd, STACQ_FULL_DROP_OLDEST);
	ASSERT_OK(set_limits(fd, KEEP, 1000, KEEP));
	lease(holder);
	SEND(fd, 200, 1);
	RECEIVE(holder, 200, 1);
	SEND(fd, 100, 2);
	ASSERT_REFUSED(fd, write(fd, buf, 900), EAGAIN);
	SEND(fd, 800, 3);
	ASSERT_EQ(info(fd).dropped_oldest, 1);
}

TEST(frames_meet_the_same)
{
	static struct batch out, in;
	static const unsigned int counted[4][3] = { { 0, 0, 0 }, { 1, 0, 0 }, { 0, 6, 0 }, { 0, 0, 6 } };

	for (unsigned int full = 0; full < 4; full++) {
		struct queue q = limited(STACQ_FIFO, 4, full);
		int fd = framed(&q, NONBLOCK);
		bool all = full >= STACQ_FULL_DROP_OLDEST;
		struct stacq_info i;

		add_some(&out, 10, 100);
		ASSERT_EQ(write(fd, out.bytes, out.size), (all ? 10 : 4) * FRAME(100));
		i = info(fd);
		ASSERT_EQ(i.depth, 4);
		ASSERT_EQ(i.refused, counted[full][0]);
		ASSERT_EQ(i.dropped_oldest, counted[full][1]);
		ASSERT_EQ(i.dropped_newest, counted[full][2]);
		ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), 4 * FRAME(100));
		for (unsigned int n = 1; n <= 4; n++)
			NEXT(&in, 100, full == STACQ_FULL_DROP_OLDEST ? n + 6 : n);
		ALL_SEEN(&in);
	}
}

TEST(frames_of_several_pieces_meet_the_same)
{
	static struct batch out, in;

	for (unsigned int full = STACQ_FULL_DROP_OLDEST; full < 4; full++) {
		struct queue q = limited(STACQ_FIFO, 4, full);
		int fd = framed(&q, NONBLOCK);
		struct iovec v[3];

		add_some(&out, 10, 90);
		v[0] = (struct iovec){ out.bytes, 50 };
		v[1] = (struct iovec){ out.bytes + 50, 500 };
		v[2] = (struct iovec){ out.bytes + 550, out.size - 550 };
		ASSERT_EQ(writev(fd, v, 3), out.size);
		ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), 4 * FRAME(90));
		for (unsigned int n = 1; n <= 4; n++)
			NEXT(&in, 90, full == STACQ_FULL_DROP_OLDEST ? n + 6 : n);
	}
}

TEST(changing_the_policy_lets_writers_go_on)
{
	static const int error[] = { 0, ENOSPC, 0, 0 };

	for (unsigned int full = 1; full < 4; full++) {
		struct queue q = limited(STACQ_FIFO, 1, STACQ_FULL_BLOCK);
		int fd = queue_open(&q, O_RDWR);
		pid_t writer;

		SEND(fd, 8, 1);
		writer = start();
		if (!writer) {
			char buf[8];

			fill(buf, 8, 2);
			if (error[full])
				ASSERT_ERRNO(write(fd, buf, 8), error[full]);
			else
				ASSERT_EQ(write(fd, buf, 8), 8);
			done();
		}
		WAIT_WRITERS(fd, 1);
		set_full(fd, full);
		join(writer);
		RECEIVE(fd, 8, full == STACQ_FULL_DROP_OLDEST ? 2 : 1);
	}
}

TEST(readers_and_writers_of_a_ring_lose_only_what_is_counted)
{
	struct queue q = limited(STACQ_FIFO, 50, STACQ_FULL_DROP_OLDEST);
	int fd = queue_open(&q, NONBLOCK), waiting = queue_open(&q, O_RDWR);
	unsigned int *received = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct stacq_info i;
	pid_t writer[2], reader;

	reader = start();
	if (!reader) {
		unsigned int last[2] = { 0 }, got[2];

		while (read(waiting, got, 8) == 8) {
			ASSERT_TRUE(got[0] < 2 && got[1] > last[got[0]]);
			last[got[0]] = got[1];
			++*received;
		}
		done();
	}
	for (unsigned int w = 0; w < 2; w++) {
		writer[w] = start();
		if (!writer[w]) {
			for (unsigned int n = 1; n <= 5000; n++)
				ASSERT_EQ(write(waiting, (unsigned int[]){ w, n }, 8), 8);
			done();
		}
	}
	join(writer[0]);
	join(writer[1]);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	join(reader);
	i = info(fd);
	ASSERT_EQ(i.sent, 10000);
	ASSERT_EQ(i.received, *received);
	ASSERT_EQ(i.received + i.dropped_oldest, 10000);
}

/* Moving */

static int move(int from, int to, unsigned long long most)
{
	struct stacq_move m = { .most = most, .moved = POISON, .to = to };
	int ret = ioctl(from, STACQ_IOC_MOVE, &m);

	return ret ? ret : (int)m.moved;
}

TEST(nothing_moves_from_a_sealed_queue_that_is_empty)
{
	struct queue a = queue_new(STACQ_FIFO), b = queue_new(STACQ_FIFO);
	int from = queue_open(&a, NONBLOCK), to = queue_open(&b, NONBLOCK);

	SEND(from, 8, 1);
	ASSERT_OK(ioctl(from, STACQ_IOC_SEAL, 0));
	ASSERT_EQ(move(from, to, 0), 1);
	ASSERT_EQ(move(from, to, 0), 0);
	RECEIVE(to, 8, 1);
}

TEST(messages_move_in_the_order_of_reading)
{
	for (unsigned int order = 0; order < 2; order++) {
		FOR_EACH_SIZE(s) {
			struct queue a = queue_new(order), b = queue_new(STACQ_FIFO);
			int from = queue_open(&a, NONBLOCK), to = queue_open(&b, NONBLOCK);

			for (int i = 0; i < 5; i++)
				SEND(from, *s, i);
			ASSERT_EQ(move(from, to, 2), 2);
			ASSERT_EQ(info(from).depth, 3);
			ASSERT_EQ(move(from, to, 0), 3);
			ASSERT_EQ(move(from, to, 0), 0);
			ASSERT_EQ(info(from).received, 5);
			for (int i = 0; i < 5; i++)
				RECEIVE(to, *s, order == STACQ_LIFO ? 4 - i : i);
		}
	}
}

TEST(a_moved_message_is_as_if_sent_anew)
{
	struct queue a = queue_new(STACQ_PRIORITY), b = queue_new(STACQ_PRIORITY);
	int from = queue_open(&a, NONBLOCK), to = queue_open(&b, NONBLOCK);
	static struct batch out;
	struct stacq_frame *f;
	struct stacq_peek p;

	ASSERT_OK(set_mode(from, STACQ_MODE_FRAMED));
	out.size = 0;
	f = add(&out, 10, 1);
	f->sent_ns = htole64(5);
	f->deliveries = htole32(7);
	f->priority = htole16(9);
	WRITE_ALL(from, &out);
	ASSERT_EQ(move(from, to, 0), 1);
	ASSERT_OK(peek(to, 0, NULL, 0, &p));
	ASSERT_EQ(p.priority, 9);
	ASSERT_EQ(p.deliveries, 0);
	ASSERT_TRUE(p.sent_ns > 1000000000);
	ASSERT_EQ(p.ttl_ms, 0);
	RECEIVE(to, 10, 1);
}

TEST(moving_stops_at_a_full_queue_and_waits_for_the_first)
{
	struct queue a = queue_new(STACQ_FIFO), b = limited(STACQ_FIFO, 3, STACQ_FULL_BLOCK);
	int from = queue_open(&a, NONBLOCK), to = queue_open(&b, NONBLOCK);
	int waiting = queue_open(&a, O_RDWR);
	pid_t mover;

	for (int i = 0; i < 5; i++)
		SEND(from, 8, i);
	ASSERT_EQ(move(waiting, to, 0), 3);
	ASSERT_REFUSED(from, move(from, to, 0), EAGAIN);
	ASSERT_EQ(info(from).requeued, 0);
	mover = start();
	if (!mover) {
		ASSERT_EQ(move(waiting, to, 0), 1);
		done();
	}
	WAIT_WRITERS(to, 1);
	RECEIVE(to, 8, 0);
	join(mover);
	ASSERT_EQ(info(from).depth, 1);
	for (int i = 1; i < 4; i++)
		RECEIVE(to, 8, i);
	RECEIVE(from, 8, 4);
}

TEST(a_mover_that_is_killed_loses_nothing)
{
	struct queue a = queue_new(STACQ_FIFO), b = limited(STACQ_FIFO, 1, STACQ_FULL_BLOCK);
	int from = queue_open(&a, O_RDWR), to = queue_open(&b, NONBLOCK);
	pid_t mover;

	SEND(to, 8, 9);
	SEND(from, 8, 1);
	mover = start();
	if (!mover) {
		move(from, to, 0);
		done();
	}
	WAIT_WRITERS(to, 1);
	ASSERT_EQ(info(from).held, 1);
	kill_now(mover);
	ASSERT_EQ(info(from).depth, 1);
	RECEIVE(to, 8, 9);
	RECEIVE(from, 8, 1);
	ASSERT_EQ(info(to).depth, 0);
}

TEST(what_can_not_be_moved_stays)
{
	struct queue a = queue_new(STACQ_FIFO), b = queue_new(STACQ_FIFO);
	int from = queue_open(&a, NONBLOCK), to = queue_open(&b, NONBLOCK);
	int read_only = queue_open(&b, O_RDONLY), write_only = queue_open(&a, O_WRONLY);
	struct stacq_move m = { .to = to, .flags = 1 };

	SEND(from, 8, 1);
	ASSERT_REFUSED(from, ioctl(from, STACQ_IOC_MOVE, &m), EINVAL);
	ASSERT_REFUSED(from, move(from, from, 0), EINVAL);
	ASSERT_REFUSED(from, move(from, 999, 0), EBADF);
	ASSERT_REFUSED(from, move(from, read_only, 0), EBADF);
	ASSERT_REFUSED(from, move(from, open("/dev/null", O_RDWR), 0), EINVAL);
	ASSERT_REFUSED(from, move(write_only, to, 0), EBADF);
	ASSERT_OK(set_limits(to, KEEP, KEEP, 7));
	ASSERT_REFUSED(from, move(from, to, 0), EMSGSIZE);
	ASSERT_OK(ioctl(to, STACQ_IOC_SEAL, 0));
	ASSERT_REFUSED(from, move(from, to, 0), EPIPE);
	ASSERT_OK(queue_remove(b.name));
	ASSERT_REFUSED(from, move(from, to, 0), EIDRM);
	RECEIVE(from, 8, 1);
}
