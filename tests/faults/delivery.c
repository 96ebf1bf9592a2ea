// SPDX-License-Identifier: GPL-2.0
/* Lifetimes, full queues and moving, with each allocation and user copy in their calls made to fail. */
#include "frames.h"
#include "inject.h"

/* Where messages are moved to; it is empty before each call. */
static struct queue other;
static int to = -1;

static void framed_with_a_time(const struct call *c)
{
	struct stacq_mode m = { .flags = STACQ_MODE_FRAMED };
	struct stacq_frame *f = (void *)at.in;

	ASSERT_OK(ioctl(at.fd, STACQ_IOC_SET_MODE, &m));
	*f = (struct stacq_frame){
		.magic = htole16(STACQ_FRAME_MAGIC), .len = htole32(c->len), .ttl_ms = htole32(3600000),
	};
	fill(f + 1, c->len, 7);
}

static long write_frame(const struct call *c)
{
	return write(at.fd, at.in, FRAME(c->len));
}

TEST_WITHIN(writing_a_frame_with_a_time_of_its_own, 900)
{
	static const size_t lens[] = { 10, 100, 5000 };
	struct call c = {
		.what = "write of a frame with ttl_ms", .ready = framed_with_a_time, .call = write_frame,
		.place = NEW_QUEUE, .allocations = 2, .copies = 2,
	};

	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
		c.len = lens[n];
		c.result = FRAME(lens[n]);
		inject(&c);
	}
}

static void full_ring(const struct call *c)
{
	struct stacq_delivery d = { .set = STACQ_SET_FULL, .full = c->number };

	ASSERT_OK(set_limits(at.watch, 2, STACQ_UNCHANGED, STACQ_UNCHANGED));
	ASSERT_OK(ioctl(at.watch, STACQ_IOC_SET_DELIVERY, &d));
	SEND(at.watch, c->len, 1);
	SEND(at.watch, c->len, 2);
	fill(at.in, c->len, 7);
}

static long write_it(const struct call *c)
{
	return write(at.fd, at.in, c->len);
}

/* What is thrown away for a message is so only if that comes. */
TEST_WITHIN(writing_to_a_full_queue_that_drops, 900)
{
	static const size_t lens[] = { 10, 100, 5000 };
	struct call c = { .ready = full_ring, .call = write_it, .place = NEW_QUEUE, .copies = 1, };

	for (c.number = STACQ_FULL_DROP_OLDEST; c.number <= STACQ_FULL_DROP_NEWEST; c.number++) {
		c.what = c.number == STACQ_FULL_DROP_OLDEST ? "write, drop_oldest" : "write, drop_newest";
		for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
			c.len = lens[n];
			c.result = lens[n];
			inject(&c);
		}
	}
}

static void some_to_move(const struct call *c)
{
	struct stacq_purge purge = { 0 };

	ASSERT_OK(ioctl(to, STACQ_IOC_PURGE, &purge));
	ASSERT_OK(set_capacity(to, 1)); /* nothing is spare now */
	for (unsigned int i = 0; i < c->number; i++)
		SEND(at.watch, c->len, i);
	*(struct stacq_move *)at.out = (struct stacq_move){ .to = to };
}

static long move(const struct call *c)
{
	long ret = ioctl(at.fd, STACQ_IOC_MOVE, at.out);

	(void)c;
	return ret ?: (long)((struct stacq_move *)at.out)->moved;
}

/* Each message is in the one queue or in the other. */
static long moved(const struct call *c, long result)
{
	unsigned int n = info(to).depth;

	ASSERT_EQ(info(at.watch).depth + n, c->number);
	if (result >= 0)
		ASSERT_EQ(n, result);
	for (unsigned int i = 0; i < n; i++)
		RECEIVE(to, c->len, i);
	return result;
}

TEST_WITHIN(moving, 900)
{
	static const size_t lens[] = { 10, 100, 5000 };
	struct call c = {
		.what = "MOVE", .ready = some_to_move, .call = move, .after = moved, .number = 1,
		.result = 1, .place = NEW_QUEUE, .allocations = 1, .copies = 2,
	};

	other = queue_new(STACQ_PRIORITY);
	to = queue_open(&other, NONBLOCK);
	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
		c.len = lens[n];
		inject(&c);
	}
}
