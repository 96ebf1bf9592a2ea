// SPDX-License-Identifier: GPL-2.0
/* Framed mode: what is no frame, and memory that is not there. */
#include <sys/mman.h>

#include "frames.h"

#define PAGE	4096

static struct batch out, in;

/* For each way in the module: short and long messages, from a buffer and from vectors. */
#define FOR_EACH_WAY(len, vectors)					\
	for (int vectors = 0; vectors < 2; vectors++)			\
		for (size_t len = 10; len < 10000; len += 5000)

static ssize_t send_by(int vectors, int fd, void *from, size_t size)
{
	struct iovec v[2] = { { from, size / 3 }, { from + size / 3, size - size / 3 } };

	return vectors ? writev(fd, v, 2) : write(fd, from, size);
}

static ssize_t receive_by(int vectors, int fd, void *to, size_t size)
{
	struct iovec v[2] = { { to, size / 3 }, { to + size / 3, size - size / 3 } };

	return vectors ? readv(fd, v, 2) : read(fd, to, size);
}

/*
 * No frames
 */

/* Spoil a frame, the last one of @b. */
static void spoil(struct stacq_frame *f, struct batch *b, int how)
{
	switch (how) {
	case 0:
		f->magic = 0;
		break;
	case 1:
		f->magic = htole16(0x5371);	/* the other byte order */
		break;
	case 2:
		f->magic = htole16(STACQ_FRAME_MAGIC ^ 0x8000);
		break;
	case 3:
		f->ttl_ms = htole32(~0u);
		break;
	case 4:
		f->ttl_ms = htole32(0x80000000);
		break;
	case 5:
		f->len = 0;
		break;
	case 6:
		f->priority = htole16(32768);
		break;
	case 7:
		f->priority = 0xffff;
		break;
	case 8:
		f->deliveries = htole32(256);
		break;
	case 9:
		f->deliveries = ~0u;
		break;
	case 10:
		f->sent_ns = htole64(1ull << 63);
		break;
	case 11:
		f->sent_ns = ~0ull;
		break;
	case 12:
		b->size -= FRAME(le32toh(f->len)) - 1;	/* one byte of the header */
		break;
	case 13:
		b->size -= FRAME(le32toh(f->len)) - (HEAD - 1);
		break;
	case 14:
		b->size -= FRAME(le32toh(f->len)) - HEAD;
		break;
	case 15:
		b->size -= FRAME(le32toh(f->len)) - (HEAD + le32toh(f->len) - 1);
		break;
	case 16:
		b->size -= 1;	/* of the bytes that fill it up */
		break;
	case 17:
		f->len = htole32(le32toh(f->len) + 7);	/* beyond the end */
		break;
	case 18:
		f->len = htole32(0x7fffffff);
		break;
	case 19:
		f->len = ~0u;	/* rounded up, 2^32 */
		break;
	case 20:
		f->len = htole32(0xffffffd8);	/* with the header, 2^32 */
		break;
	default:
		FAIL("no such kind");
	}
}
#define NR_SPOILT	21

/* No other error is tried before: the queue has no limits. */
static struct queue queue_without_limits(void)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	c.max_msgs = c.max_bytes = c.max_msg_size = STACQ_UNLIMITED;
	return queue_from(&c);
}

TEST(what_is_no_frame_is_einval_and_changes_nothing)
{
	struct queue q = queue_without_limits();
	int fd = framed(&q, NONBLOCK), blocking = framed(&q, O_WRONLY);

	FOR_EACH_WAY(len, vectors)
		for (int how = 0; how < NR_SPOILT; how++) {
			out.size = 0;
			spoil(add(&out, len, 1), &out, how);
			ASSERT_REFUSED(fd, send_by(vectors, fd, out.bytes, out.size),
				       EINVAL);
			ASSERT_REFUSED(fd, send_by(vectors, blocking, out.bytes, out.size),
				       EINVAL);
		}
}

TEST(frames_after_one_that_is_none_are_not_taken)
{
	struct queue q = queue_without_limits();
	int fd = framed(&q, NONBLOCK);

	FOR_EACH_WAY(len, vectors)
		/* those that do not say that they reach beyond the end */
		for (int how = 0; how < 12; how++) {
			out.size = 0;
			spoil(add(&out, len, 1), &out, how);
			add(&out, len, 2);
			ASSERT_REFUSED(fd, send_by(vectors, fd, out.bytes, out.size),
				       EINVAL);
		}
}

TEST(frames_before_one_that_is_none_are_sent)
{
	struct queue q = queue_without_limits();
	int fd = framed(&q, NONBLOCK);

	FOR_EACH_WAY(len, vectors)
		for (int how = 0; how < NR_SPOILT; how++) {
			add_some(&out, 2, len);
			spoil(add(&out, len, 3), &out, how);
			if (how < 12)
				add(&out, len, 4);
			ASSERT_EQ(send_by(vectors, fd, out.bytes, out.size),
				  2 * FRAME(len));
			/* the next call begins with it */
			ASSERT_REFUSED(fd, send_by(vectors, fd, out.bytes + 2 * FRAME(len),
						   out.size - 2 * FRAME(len)), EINVAL);
			ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), 2 * FRAME(len));
			NEXT(&in, len, 1);
			NEXT(&in, len, 2);
		}
}

TEST(a_message_without_a_header_is_einval)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	fill(out.bytes, 1000, 1);
	for (size_t len = 1; len <= 1000; len++)
		ASSERT_REFUSED(fd, write(fd, out.bytes, len), EINVAL);
}

TEST(what_is_no_frame_takes_no_room)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	ASSERT_OK(set_capacity(fd, 4));
	FOR_EACH_WAY(len, vectors)
		for (int how = 0; how < NR_SPOILT; how++) {
			out.size = 0;
			spoil(add(&out, len, 1), &out, how);
			ASSERT_ERRNO(send_by(vectors, fd, out.bytes, out.size), EINVAL);
		}
	add_some(&out, 4, 16);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(info(fd).capacity, 4);
	ASSERT_EQ(info(fd).growths, 0);
}

/* The kernel cuts a write of more than 2 GiB; this one is not so long, but says so. */
TEST(a_frame_longer_than_memory_is_not_believed)
{
	struct queue q = queue_without_limits();
	int fd = framed(&q, NONBLOCK);
	volatile size_t said = 0x7fffe000;
	char *p = mmap(NULL, said, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ssize_t n;

	ASSERT_TRUE(p != MAP_FAILED);
	*(struct stacq_frame *)p = (struct stacq_frame){
		.magic = htole16(STACQ_FRAME_MAGIC), .len = htole32(said - HEAD),
	};
	n = write(fd, p, said);
	if (n > 0)
		SKIP("this machine has too much memory");
	ASSERT_EQ(n, -1);
	ASSERT_EQ(errno, ENOMEM);
	ASSERT_EQ(info(fd).depth, 0);
}

/*
 * Memory
 */

enum kind { UNMAPPED, NO_ACCESS, READ_ONLY, NR_KINDS };

/* Memory of @size bytes that are good, and nothing good behind them. */
static unsigned char *ends(enum kind kind, size_t size)
{
	size_t whole = (size + PAGE - 1) / PAGE * PAGE;
	unsigned char *p = mmap(NULL, whole + 2 * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_TRUE(p != MAP_FAILED);
	memset(p, POISON, whole + 2 * PAGE);
	if (kind == UNMAPPED)
		ASSERT_OK(munmap(p + whole, 2 * PAGE));
	else
		ASSERT_OK(mprotect(p + whole, 2 * PAGE,
				   kind == READ_ONLY ? PROT_READ : PROT_NONE));
	return p + whole - size;
}

static void ended(unsigned char *p, size_t size)
{
	size_t whole = (size + PAGE - 1) / PAGE * PAGE;

	munmap(p + size - whole, whole + 2 * PAGE);
}

static const size_t lens[] = { 10, 100, 3000, 5010, 70000 };
#define NR_LENS	5

/* Offsets in a frame before the last byte of its message. */
static size_t end_in(int which, size_t len)
{
	const size_t ends_at[] = { 0, 1, HEAD - 1, HEAD, HEAD + 1, HEAD + len - 1 };

	return ends_at[which];
}
#define NR_ENDS	6

TEST(a_write_whose_first_frame_is_not_there_is_efault)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	for (int vectors = 0; vectors < 2; vectors++)
		for (int l = 0; l < NR_LENS; l++)
			for (int e = 0; e < NR_ENDS; e++) {
				size_t there = end_in(e, lens[l]);
				unsigned char *p = ends(e % 2, there);

				add_some(&out, 2, lens[l]);
				memcpy(p, out.bytes, there);
				ASSERT_REFUSED(fd, send_by(vectors, fd, p, out.size),
					       EFAULT);
				ended(p, there);
			}
}

TEST(a_write_stops_before_a_frame_that_is_not_there)
{
	for (int vectors = 0; vectors < 2; vectors++)
		for (int l = 0; l < NR_LENS; l++)
			for (int e = 0; e < NR_ENDS; e++) {
				size_t there = 2 * FRAME(lens[l]) + end_in(e, lens[l]);
				unsigned char *p = ends(e % 2, there);
				struct queue q = queue_new(STACQ_FIFO);
				int fd = framed(&q, NONBLOCK);

				add_some(&out, 4, lens[l]);
				memcpy(p, out.bytes, there);
				ASSERT_EQ(send_by(vectors, fd, p, out.size),
					  2 * FRAME(lens[l]));
				ASSERT_EQ(info(fd).sent, 2);
				read_batch(fd, &in, sizeof(in.bytes));
				NEXT(&in, lens[l], 1);
				NEXT(&in, lens[l], 2);
				ended(p, there);
				close(fd);
				queue_remove(q.name);
			}
}

TEST(frames_that_are_not_there_take_no_room)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	ASSERT_OK(set_capacity(fd, 4));
	for (int e = 0; e < NR_ENDS; e++) {
		size_t there = end_in(e, 10);
		unsigned char *p = ends(UNMAPPED, there);

		add_some(&out, 1, 10);
		memcpy(p, out.bytes, there);
		for (int i = 0; i < 5; i++)
			ASSERT_REFUSED(fd, write(fd, p, out.size), EFAULT);
	}
	add_some(&out, 4, 10);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(info(fd).capacity, 4);
	ASSERT_EQ(info(fd).growths, 0);
}

TEST(a_read_whose_first_frame_has_no_room_in_memory_is_efault)
{
	for (int vectors = 0; vectors < 2; vectors++)
		for (int l = 0; l < NR_LENS; l++)
			for (int e = 0; e <= NR_ENDS; e++) {
				/* the last time, but for the bytes that fill it up */
				size_t there = e == NR_ENDS ? FRAME(lens[l]) - 1 :
					       end_in(e, lens[l]);
				unsigned char *p = ends(e % NR_KINDS, there);
				struct queue q = queue_new(STACQ_FIFO);
				int fd = framed(&q, NONBLOCK);
				struct stacq_peek peeked;

				if (e == NR_ENDS && lens[l] % 8 == 0) {
					ended(p, there);
					continue;
				}
				add_some(&out, 2, lens[l]);
				WRITE_ALL(fd, &out);
				ASSERT_REFUSED(fd, receive_by(vectors, fd, p, out.size),
					       EFAULT);
				ASSERT_OK(peek(fd, 0, NULL, 0, &peeked));
				ASSERT_EQ(peeked.deliveries, 0);
				ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), out.size);
				NEXT(&in, lens[l], 1);
				NEXT(&in, lens[l], 2);
				ended(p, there);
				close(fd);
				queue_remove(q.name);
			}
}

TEST(a_read_stops_before_a_frame_that_has_no_room_in_memory)
{
	for (int vectors = 0; vectors < 2; vectors++)
		for (int l = 0; l < NR_LENS; l++)
			for (int e = 0; e < NR_ENDS; e++) {
				size_t there = 2 * FRAME(lens[l]) + end_in(e, lens[l]);
				unsigned char *p = ends(e % NR_KINDS, there);
				struct queue q = queue_new(STACQ_FIFO);
				int fd = framed(&q, NONBLOCK);

				add_some(&out, 4, lens[l]);
				WRITE_ALL(fd, &out);
				ASSERT_EQ(receive_by(vectors, fd, p, out.size),
					  2 * FRAME(lens[l]));
				in.size = 2 * FRAME(lens[l]);
				in.off = 0;
				memcpy(in.bytes, p, in.size);
				NEXT(&in, lens[l], 1);
				NEXT(&in, lens[l], 2);
				ASSERT_EQ(info(fd).depth, 2);
				ASSERT_EQ(info(fd).held + info(fd).requeued, 0);
				read_batch(fd, &in, sizeof(in.bytes));
				NEXT(&in, lens[l], 3);
				NEXT(&in, lens[l], 4);
				ended(p, there);
				close(fd);
				queue_remove(q.name);
			}
}

TEST(addresses_that_are_none_are_efault)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	SEND(queue_open(&q, O_WRONLY), 10, 1);
	ASSERT_REFUSED(fd, write(fd, null_pointer, 100), EFAULT);
	ASSERT_REFUSED(fd, write(fd, kernel_pointer, 100), EFAULT);
	ASSERT_REFUSED(fd, read(fd, null_pointer, 100), EFAULT);
	ASSERT_REFUSED(fd, read(fd, kernel_pointer, 100), EFAULT);
	ASSERT_REFUSED(fd, send_by(1, fd, null_pointer, 100), EFAULT);
	ASSERT_REFUSED(fd, receive_by(1, fd, null_pointer, 100), EFAULT);
	/* where a message would not be looked for */
	ASSERT_EQ(read_batch(fd, &in, 1000), FRAME(10));
	ASSERT_REFUSED(fd, read(fd, null_pointer, 100), EAGAIN);
}

TEST(a_buffer_may_be_bad_behind_what_is_read)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	for (int vectors = 0; vectors < 2; vectors++)
		for (int l = 0; l < NR_LENS; l++) {
			size_t there = 2 * FRAME(lens[l]);
			unsigned char *p = ends(UNMAPPED, there);

			add_some(&out, 2, lens[l]);
			WRITE_ALL(fd, &out);
			ASSERT_EQ(receive_by(vectors, fd, p, there + PAGE), there);
			ended(p, there);
		}
}

/* Nobody has touched it: each page has to be faulted in, in the middle of a frame. */
TEST(memory_not_yet_there_works)
{
	const size_t room = 600 * PAGE;

	for (int vectors = 0; vectors < 2; vectors++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, NONBLOCK);
		unsigned char *p = mmap(NULL, room, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ASSERT_TRUE(p != MAP_FAILED);
		out.size = 0;
		for (unsigned int i = 1; i <= 500; i++)
			add(&out, i % 9 ? i * 3 : 4000 + i, i);
		WRITE_ALL(fd, &out);
		ASSERT_EQ(receive_by(vectors, fd, p, room), out.size);
		in.size = out.size;
		in.off = 0;
		memcpy(in.bytes, p, in.size);
		for (unsigned int i = 1; i <= 500; i++)
			NEXT(&in, i % 9 ? i * 3 : 4000 + i, i);
		ASSERT_EQ(info(fd).requeued, 0);
		ASSERT_EQ(info(fd).received, 500);
		munmap(p, room);
	}
}

TEST(frames_straight_from_a_file_mapping_work)
{
	int file = memfd_create("frames", 0);
	unsigned char *p;

	out.size = 0;
	for (unsigned int i = 1; i <= 500; i++)
		add(&out, i % 9 ? i * 3 : 4000 + i, i);
	WRITE_ALL(file, &out);
	for (int vectors = 0; vectors < 2; vectors++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, NONBLOCK);

		p = mmap(NULL, out.size, PROT_READ, MAP_PRIVATE, file, 0);
		ASSERT_TRUE(p != MAP_FAILED);
		ASSERT_EQ(send_by(vectors, fd, p, out.size), out.size);
		ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), out.size);
		for (unsigned int i = 1; i <= 500; i++)
			NEXT(&in, i % 9 ? i * 3 : 4000 + i, i);
		munmap(p, out.size);
	}
}
