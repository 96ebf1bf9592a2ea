// SPDX-License-Identifier: GPL-2.0
/* Lease mode and order priority, with each allocation and user copy in their calls made to fail. */
#include "frames.h"
#include "inject.h"

static void mode(unsigned int flags, unsigned int priority)
{
	struct stacq_mode m = { .flags = flags, .priority = priority };

	ASSERT_OK(ioctl(at.fd, STACQ_IOC_SET_MODE, &m));
}

static void to_lease(const struct call *c)
{
	for (unsigned int i = 0; i < c->number; i++)
		SEND(at.watch, c->len, 1 + i);
	mode(STACQ_MODE_LEASE, 0);
}

static long read_it(const struct call *c)
{
	(void)c;
	return read(at.fd, at.out, BUF_SIZE);
}

TEST_WITHIN(reading_under_lease, 900)
{
	static const size_t lens[] = { 10, 64, 65, 5000, 20000 };
	struct call c = {
		.ready = to_lease, .call = read_it, .number = 2, .place = NEW_QUEUE,
		.allocations = 1, .copies = 1,
	};

	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
		c.what = "read under lease";
		c.len = lens[n];
		c.result = lens[n];
		inject(&c);
	}
}

static void framed_to_lease(const struct call *c)
{
	to_lease(c);
	mode(STACQ_MODE_LEASE | STACQ_MODE_FRAMED, 0);
}

static long read_frames(const struct call *c)
{
	ssize_t done = 0, n;

	while (done < (ssize_t)(c->number * FRAME(c->len))) {
		n = read(at.fd, at.out + done, BUF_SIZE - done);
		if (n < 0)
			return done ?: n;
		done += n;
	}
	return done;
}

/* What differs each time. */
static long frames_read(const struct call *c, long result)
{
	if (result < 0)
		memset(at.out, POISON, BUF_SIZE);
	for (long off = 0; off < result; off += FRAME(c->len)) {
		struct stacq_frame *f = (void *)(at.out + off);

		ASSERT_TRUE(f->sent_ns);
		f->sent_ns = 0;
		f->seq = 0;
	}
	return result;
}

TEST_WITHIN(reading_frames_under_lease, 900)
{
	static const size_t lens[] = { 10, 5000 };
	struct call c = {
		.ready = framed_to_lease, .call = read_frames, .after = frames_read, .number = 2,
		.place = NEW_QUEUE, .allocations = 2, .copies = 4,
	};

	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
		c.what = "framed read under lease";
		c.len = lens[n];
		c.result = c.number * FRAME(lens[n]);
		inject(&c);
	}
}

static void leased(const struct call *c)
{
	static char bytes[BUF_SIZE];

	to_lease(c);
	for (unsigned int i = 0; i < c->number; i++)
		ASSERT_EQ(read(at.fd, bytes, BUF_SIZE), c->len);
	*(struct stacq_settlement *)at.out = (struct stacq_settlement){
		.flags = STACQ_SETTLE_ALL,
	};
}

static long settle(unsigned long request)
{
	long ret = ioctl(at.fd, request, at.out);

	return ret ?: (long)((struct stacq_settlement *)at.out)->count;
}

static long acknowledge(const struct call *c)
{
	(void)c;
	return settle(STACQ_IOC_ACK);
}

static long give_back(const struct call *c)
{
	(void)c;
	return settle(STACQ_IOC_GIVE_BACK);
}

static long extend(const struct call *c)
{
	(void)c;
	return settle(STACQ_IOC_EXTEND);
}

TEST_WITHIN(settling, 900)
{
	struct call c = { .ready = leased, .len = 100, .number = 3, .result = 3, .copies = 2 };

	c.what = "ACK";
	c.call = acknowledge;
	inject(&c);
	c.what = "GIVE_BACK";
	c.call = give_back;
	inject(&c);
	c.what = "EXTEND";
	c.call = extend;
	inject(&c);
}

static void leased_for_the_back(const struct call *c)
{
	leased(c);
	ASSERT_OK(set_capacity(at.watch, 1)); /* nothing is spare now */
	((struct stacq_settlement *)at.out)->flags |= STACQ_SETTLE_TO_BACK;
}

/* The priority they had is in use by nobody now, so it needs a level of its own again. */
TEST_WITHIN(giving_back_to_the_end_of_a_priority, 900)
{
	struct call c = {
		.what = "GIVE_BACK to the end", .ready = leased_for_the_back, .call = give_back,
		.len = 100, .number = 1, .result = 1, .copies = 2, .allocations = 1, .place = NEW_QUEUE, .priority = true,
	};

	inject(&c);
}

static void delivery(const struct call *c)
{
	(void)c;
	*(struct stacq_delivery *)at.out = (struct stacq_delivery){
		.set = STACQ_SET_LEASE_MS, .lease_ms = 5000,
	};
}

static long set_delivery(const struct call *c)
{
	(void)c;
	return ioctl(at.fd, STACQ_IOC_SET_DELIVERY, at.out);
}

TEST_WITHIN(setting_how_long_leases_last, 900)
{
	struct call c = {
		.what = "SET_DELIVERY", .ready = delivery, .call = set_delivery, .copies = 1,
		.place = NEW_QUEUE,
	};

	inject(&c);
}

static void priority_to_write(const struct call *c)
{
	SEND(at.watch, 100, 1);
	mode(0, 500);
	fill(at.in, c->len, 7);
}

static long write_it(const struct call *c)
{
	return write(at.fd, at.in, c->len);
}

TEST_WITHIN(writing_with_a_priority, 900)
{
	static const size_t lens[] = { 10, 100, 5000 };
	struct call c = {
		.ready = priority_to_write, .call = write_it, .place = NEW_QUEUE, .priority = true,
		.allocations = 2, .copies = 1,
	};

	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
		c.what = "write with a priority";
		c.len = lens[n];
		c.result = lens[n];
		inject(&c);
	}
}
