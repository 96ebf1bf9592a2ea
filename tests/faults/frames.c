// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that carry many messages, with each allocation and user copy in them made
 * to fail. A fault in the first frame is reported, and nothing is done; a fault in
 * a later one makes the call short, and the next call does the rest.
 */
#include "frames.h"
#include "inject.h"

/* The frames to write are at @at.in, and so many bytes. */
static ssize_t frames_size;

static void make_frames(const struct call *c)
{
	static struct batch b;

	b.size = 0;
	for (unsigned int n = 0; n < c->number; n++) {
		struct stacq_frame *f = add(&b, c->len, 10 + n);

		f->priority = htole16(100 + n);
		f->deliveries = htole32(n);
	}
	ASSERT_TRUE(b.size <= BUF_SIZE);
	memcpy(at.in, b.bytes, b.size);
	frames_size = b.size;
	ASSERT_OK(set_mode(at.fd, STACQ_MODE_FRAMED));
}

static void frames_and_room(const struct call *c)
{
	ASSERT_OK(set_capacity(at.watch, 8));
	SEND(at.watch, 8, 1);
	SEND(at.watch, 300, 2);
	make_frames(c);
}

static void frames_and_no_room(const struct call *c)
{
	SEND(at.watch, 100, 1);
	make_frames(c);
}

/* One call, or, when a later frame failed, another one with what is left. */
static long write_frames(const struct call *c)
{
	ssize_t done = 0;

	(void)c;
	while (done < frames_size) {
		ssize_t n = write(at.fd, at.in + done, frames_size - done);

		if (n < 0)
			return done ?: n;
		done += n;
	}
	return done;
}

static long write_frames_in_parts(const struct call *c)
{
	ssize_t done = 0;

	(void)c;
	while (done < frames_size) {
		size_t left = frames_size - done, third = left / 3;
		struct iovec v[3] = {
			{ at.in + done, third }, { at.in + done + third, third },
			{ at.in + done + 2 * third, left - 2 * third },
		};
		ssize_t n = writev(at.fd, v, 3);

		if (n < 0)
			return done ?: n;
		done += n;
	}
	return done;
}

/* How many copies there are at least. @at_once: short frames are one, all of them together. */
static unsigned int copies_of(const struct call *c, bool at_once)
{
	return at_once && c->len <= 64 ? 1 : 2 * c->number;
}

static void writes(struct call *c, const char *name, bool at_once)
{
	static const size_t lens[] = { 10, 100, 5000, 20000 };
	char what[128];

	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++)
		for (c->number = 1; c->number <= 3; c->number += 2) {
			snprintf(what, sizeof(what), "%s of %llu frames, %zu bytes",
				 name, c->number, lens[n]);
			c->what = what;
			c->len = lens[n];
			c->result = c->number * FRAME(c->len);
			c->copies = copies_of(c, at_once);
			inject(c);
		}
}

TEST_WITHIN(writing_frames_into_room, 900)
{
	struct call c = { .ready = frames_and_room, .call = write_frames };

	writes(&c, "write", true);
}

TEST_WITHIN(writing_frames_to_a_stack, 900)
{
	struct call c = {
		.ready = frames_and_room, .call = write_frames, .lifo = true,
	};

	writes(&c, "write to a stack", true);
}

TEST_WITHIN(writing_frames_makes_room, 900)
{
	struct call c = {
		.ready = frames_and_no_room, .call = write_frames,
		.allocations = 2,
	};

	writes(&c, "write into 1 -> 2", false);
}

TEST_WITHIN(writing_frames_in_parts, 900)
{
	struct call c = {
		.ready = frames_and_no_room, .call = write_frames_in_parts,
		.allocations = 2,
	};

	writes(&c, "writev", false);
}

/*
 * Reading
 */

/* @number frames to receive, and one more message that has no room. */
static void messages_to_receive(const struct call *c)
{
	ASSERT_OK(set_capacity(at.watch, 8));
	for (unsigned int n = 0; n < c->number; n++)
		SEND(at.watch, c->len, 10 + n);
	SEND(at.watch, 20, 1);
	ASSERT_OK(set_mode(at.fd, STACQ_MODE_FRAMED));
}

static long read_frames_to(const struct call *c, char *to)
{
	ssize_t done = 0, all = c->number * FRAME(c->len);

	while (done < all) {
		ssize_t n = read(at.fd, to + done, all - done);

		if (n < 0)
			return done ?: n;
		done += n;
	}
	return done;
}

static long read_frames(const struct call *c)
{
	return read_frames_to(c, at.out);
}

static long read_frames_in_parts(const struct call *c)
{
	ssize_t done = 0, all = c->number * FRAME(c->len);

	while (done < all) {
		size_t left = all - done, third = left / 3;
		struct iovec v[3] = {
			{ at.out + done, third }, { at.out + done + third, third },
			{ at.out + done + 2 * third, left - 2 * third },
		};
		ssize_t n = readv(at.fd, v, 3);

		if (n < 0)
			return done ?: n;
		done += n;
	}
	return done;
}

/*
 * They are right, and what differs from time to time is taken out. A part of a
 * frame may have been copied by a call that failed.
 */
static long frames_were_read(const struct call *c, long result)
{
	static struct batch b;

	if (result < 0) {
		memset(at.out, POISON, BUF_SIZE);
		return result;
	}
	b.size = result;
	b.off = 0;
	memcpy(b.bytes, at.out, result);
	for (unsigned int n = 0; b.off < b.size; n++) {
		struct stacq_frame *f = NEXT(&b, c->len, 10 + n);

		ASSERT_EQ(f->deliveries, 0);
		f->sent_ns = 0;
		f->seq -= at.base.sent;
	}
	memcpy(at.out, b.bytes, result);
	return result;
}

static void reads(struct call *c, const char *name, bool at_once)
{
	static const size_t lens[] = { 10, 100, 5000, 20000 };
	char what[128];

	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++)
		for (c->number = 1; c->number <= 3; c->number += 2) {
			snprintf(what, sizeof(what), "%s of %llu frames, %zu bytes",
				 name, c->number, lens[n]);
			c->what = what;
			c->len = lens[n];
			c->result = c->number * FRAME(c->len);
			c->copies = copies_of(c, at_once);
			inject(c);
		}
}

TEST_WITHIN(reading_frames, 900)
{
	struct call c = {
		.ready = messages_to_receive, .call = read_frames,
		.after = frames_were_read,
	};

	reads(&c, "read", true);
}

TEST_WITHIN(reading_frames_in_parts, 900)
{
	struct call c = {
		.ready = messages_to_receive, .call = read_frames_in_parts,
		.after = frames_were_read,
	};

	reads(&c, "readv", false);
}

/* Memory that has no pages yet. */
static char *untouched;

static void messages_and_untouched(const struct call *c)
{
	messages_to_receive(c);
	if (untouched)
		ASSERT_OK(munmap(untouched, BUF_SIZE));
	untouched = mmap(NULL, BUF_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(untouched != MAP_FAILED);
}

static long read_untouched(const struct call *c)
{
	return read_frames_to(c, untouched);
}

static long untouched_was_read(const struct call *c, long result)
{
	if (result > 0)
		memcpy(at.out, untouched, result);
	return frames_were_read(c, result);
}

/* A page that is not to be had while a frame is copied is EFAULT. */
TEST_WITHIN(reading_frames_into_pages_not_there_yet, 900)
{
	struct call c = {
		.ready = messages_and_untouched, .call = read_untouched,
		.after = untouched_was_read, .also = EFAULT, .allocations = 1,
	};

	reads(&c, "read into new pages", false);
}

static long read_too_little(const struct call *c)
{
	return read(at.fd, at.out, FRAME(c->len) - 1);
}

TEST_WITHIN(reading_without_room_for_a_frame, 900)
{
	struct call c = {
		.ready = messages_to_receive, .call = read_too_little,
		.result = -EMSGSIZE, .number = 2,
	};

	FOR_LENGTHS(c, "read with too little room", 8, 1000, 20000);
}

/*
 * The mode
 */

static void mode_to_set(const struct call *c)
{
	(void)c;
	SEND(at.watch, 8, 1);
	*(struct stacq_mode *)at.out = (struct stacq_mode){
		.flags = STACQ_MODE_FRAMED,
	};
}

static long do_set_mode(const struct call *c)
{
	(void)c;
	return ioctl(at.fd, STACQ_IOC_SET_MODE, at.out);
}

/* The length that it tells shows the mode. */
static long mode_is_set(const struct call *c, long result)
{
	(void)c;
	ASSERT_EQ(available(at.fd), result ? 8 : FRAME(8));
	return result;
}

TEST_WITHIN(setting_the_mode, 900)
{
	struct call c = {
		.what = "SET_MODE", .ready = mode_to_set, .call = do_set_mode,
		.after = mode_is_set, .copies = 1,
	};

	inject(&c);
}
