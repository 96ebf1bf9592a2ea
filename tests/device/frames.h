/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of framed mode share: writing frames, and looking at those read. */
#ifndef STACQ_TEST_FRAMES_H
#define STACQ_TEST_FRAMES_H

#include <endian.h>
#include <sys/uio.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define KEEP		STACQ_UNCHANGED
#define HEAD		sizeof(struct stacq_frame)
#define FRAME(len)	((size_t)STACQ_FRAME_SIZE(len))

/* Frames one after another: to be written, or as they were read. */
struct batch {
	size_t size;		/* bytes that are there */
	size_t off;		/* where the next one to look at is */
	unsigned char bytes[3 << 20] __attribute__((aligned(8)));
};

static inline int set_mode(int fd, unsigned int flags)
{
	struct stacq_mode request = { .flags = flags };

	return ioctl(fd, STACQ_IOC_SET_MODE, &request);
}

static inline int framed(const struct queue *q, int flags)
{
	int fd = queue_open(q, flags);

	ASSERT_OK(set_mode(fd, STACQ_MODE_FRAMED));
	return fd;
}

/* Append a frame; what fills it up is no zeros, since a write may have anything there. */
static inline struct stacq_frame *add(struct batch *b, size_t len,
				      unsigned int seed)
{
	struct stacq_frame *f = (void *)(b->bytes + b->size);

	ASSERT_TRUE(b->size + FRAME(len) <= sizeof(b->bytes));
	memset(f, POISON, FRAME(len));
	*f = (struct stacq_frame){
		.magic = htole16(STACQ_FRAME_MAGIC), .len = htole32(len),
	};
	fill(f + 1, len, seed);
	b->size += FRAME(len);
	return f;
}

/* @count frames of @len bytes, with seeds from 1 on. */
static inline void add_some(struct batch *b, unsigned int count, size_t len)
{
	b->size = 0;
	for (unsigned int i = 1; i <= count; i++)
		add(b, len, i);
}

#define WRITE_ALL(fd, b)	ASSERT_EQ(write(fd, (b)->bytes, (b)->size), (b)->size)

/* Look at what a call has read: nothing behind it was written. */
static inline ssize_t got(struct batch *b, ssize_t n)
{
	b->off = 0;
	b->size = n < 0 ? 0 : n;
	for (size_t i = b->size; i < b->size + 100 && i < sizeof(b->bytes); i++)
		ASSERT_EQ(b->bytes[i], POISON);
	return n;
}

static inline ssize_t read_batch(int fd, struct batch *b, size_t room)
{
	ASSERT_TRUE(room <= sizeof(b->bytes));
	memset(b->bytes, POISON, room + 100 < sizeof(b->bytes) ?
	       room + 100 : sizeof(b->bytes));
	return got(b, read(fd, b->bytes, room));
}

/* The next frame read is well formed and has this message in it. */
#define NEXT(b, len, seed)	next_frame(__FILE__, __LINE__, b, len, seed)
static inline struct stacq_frame *next_frame(const char *file, int line,
					     struct batch *b, size_t len,
					     unsigned int seed)
{
	struct stacq_frame *f = (void *)(b->bytes + b->off);

	if (b->size - b->off < FRAME(len))
		test_fail(file, line, "%zu bytes are left, wanted %zu",
			  b->size - b->off, FRAME(len));
	if (f->magic != htole16(STACQ_FRAME_MAGIC) || f->ttl_ms)
		test_fail(file, line, "not a header");
	if (le32toh(f->len) != len)
		test_fail(file, line, "the message has %u bytes, wanted %zu",
			  le32toh(f->len), len);
	if (!filled(f + 1, len, seed))
		test_fail(file, line, "message of %zu bytes is not right", len);
	for (size_t i = HEAD + len; i < FRAME(len); i++)
		if (b->bytes[b->off + i])
			test_fail(file, line, "what fills the frame is not zero");
	b->off += FRAME(len);
	return f;
}

/* There is no more in it. */
#define ALL_SEEN(b)	ASSERT_EQ((b)->off, (b)->size)

#endif
