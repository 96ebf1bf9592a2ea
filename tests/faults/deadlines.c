// SPDX-License-Identifier: GPL-2.0
/* Deadlines and notices, with each allocation and user copy in their calls made to fail. */
#include <sys/eventfd.h>

#include "frames.h"
#include "inject.h"

/* Far in the future: nothing here waits. */
#define FAR	(1ull << 60)

/* Without waiting there is no deadline. */
static void blocking(void)
{
	ASSERT_OK(fcntl(at.fd, F_SETFL, 0));
}

static void to_read(const struct call *c)
{
	struct stacq_mode m = { .flags = c->number, .read_timeout_ns = FAR };

	blocking();
	SEND(at.watch, c->len, 1);
	ASSERT_OK(ioctl(at.fd, STACQ_IOC_SET_MODE, &m));
}

static long read_it(const struct call *c)
{
	(void)c;
	return read(at.fd, at.out, BUF_SIZE);
}

TEST_WITHIN(reading_with_a_timeout, 900)
{
	static const size_t lens[] = { 10, 5000 };
	struct call c = {
		.what = "read with a timeout", .ready = to_read, .call = read_it,
		.place = NEW_QUEUE, .copies = 1,
	};

	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
		c.len = lens[n];
		c.result = lens[n];
		inject(&c);
	}
	c.number = STACQ_MODE_LEASE;
	c.allocations = 1;
	inject(&c);
}

static void to_write(const struct call *c)
{
	struct stacq_mode m = { .write_timeout_ns = FAR };

	blocking();
	SEND(at.watch, 100, 1);
	ASSERT_OK(ioctl(at.fd, STACQ_IOC_SET_MODE, &m));
	fill(at.in, c->len, 7);
}

static long write_it(const struct call *c)
{
	return write(at.fd, at.in, c->len);
}

TEST_WITHIN(writing_with_a_timeout, 900)
{
	static const size_t lens[] = { 10, 5000 };
	struct call c = {
		.what = "write with a timeout", .ready = to_write, .call = write_it,
		.place = NEW_QUEUE, .allocations = 2, .copies = 1,
	};

	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
		c.len = lens[n];
		c.result = lens[n];
		inject(&c);
	}
}

static struct stacq_transfer transfer;

static void to_transfer(const struct call *c)
{
	blocking();
	SEND(at.watch, 100, 1);
	fill(at.in, c->len, 7);
	transfer = (struct stacq_transfer){
		.buf = (unsigned long)(c->number ? at.out : at.in), .len = c->len, .deadline_ns = FAR,
	};
}

static long transfer_it(const struct call *c)
{
	return ioctl(at.fd, c->number ? STACQ_IOC_READ : STACQ_IOC_WRITE, &transfer);
}

TEST_WITHIN(reading_and_writing_by_request, 900)
{
	struct call c = {
		.what = "WRITE", .ready = to_transfer, .call = transfer_it, .len = 5000,
		.result = 5000, .place = NEW_QUEUE, .allocations = 2, .copies = 2,
	};

	inject(&c);
	c.what = "READ";
	c.number = 1;
	c.len = 100;
	c.result = 100;
	c.allocations = 0;
	inject(&c);
}

static struct stacq_notice notice;

static void to_notify(const struct call *c)
{
	(void)c;
	if (notice.fd)
		close(notice.fd);
	notice = (struct stacq_notice){
		.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), .events = STACQ_NOTICE_EMPTY,
	};
	ASSERT_OK(notice.fd);
}

static long notify(const struct call *c)
{
	(void)c;
	return ioctl(at.fd, STACQ_IOC_NOTIFY, &notice);
}

/* What failed is not told; what did not is, once. */
static long notified(const struct call *c, long result)
{
	unsigned long long n;

	(void)c;
	if (result < 0)
		ASSERT_ERRNO(read(notice.fd, &n, sizeof(n)), EAGAIN);
	else
		ASSERT_EQ(read(notice.fd, &n, sizeof(n)), sizeof(n));
	return result;
}

TEST_WITHIN(asking_for_notice, 900)
{
	struct call c = {
		.what = "NOTIFY", .ready = to_notify, .call = notify, .after = notified,
		.place = NEW_QUEUE, .allocations = 1, .copies = 1,
	};

	inject(&c);
}
