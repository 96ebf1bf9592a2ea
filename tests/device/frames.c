// SPDX-License-Identifier: GPL-2.0
/* Framed mode: many messages a call. What is no frame is in frames_bad.c. */
#include <poll.h>
#include <time.h>

#include "frames.h"

static struct batch out, in;

/*
 * Many a call
 */

TEST(one_write_is_many_messages_to_a_plain_reader)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_WRONLY), plain = queue_open(&q, NONBLOCK);

	out.size = 0;
	for (unsigned int i = 1; i <= 100; i++)
		add(&out, i * 3, i);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(info(fd).depth, 100);
	ASSERT_EQ(info(fd).sent, 100);
	for (unsigned int i = 1; i <= 100; i++)
		RECEIVE(plain, i * 3, i);
}

TEST(one_read_returns_many_messages_of_a_plain_writer)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDONLY), plain = queue_open(&q, NONBLOCK);

	for (unsigned int i = 1; i <= 100; i++)
		SEND(plain, i * 3, i);
	ASSERT_TRUE(read_batch(fd, &in, sizeof(in.bytes)) > 0);
	for (unsigned int i = 1; i <= 100; i++)
		NEXT(&in, i * 3, i);
	ALL_SEEN(&in);
	ASSERT_EQ(info(fd).received, 100);
	ASSERT_EQ(info(fd).depth + info(fd).held, 0);
}

TEST(every_size_arrives_as_it_was_sent)
{
	for (unsigned int order = STACQ_FIFO; order <= STACQ_LIFO; order++) {
		struct queue q = queue_new(order);
		int fd = framed(&q, NONBLOCK);

		FOR_EACH_SIZE(s) {
			add_some(&out, 2, *s);
			WRITE_ALL(fd, &out);
			ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), out.size);
			NEXT(&in, *s, order == STACQ_FIFO ? 1 : 2);
			NEXT(&in, *s, order == STACQ_FIFO ? 2 : 1);
		}
	}
}

/* Each length up to two words, and beyond what is short: the bytes that fill up are looked at. */
TEST(lengths_are_filled_up_with_zeros)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	for (size_t first = 1; first < 100; first += 60) {
		out.size = 0;
		for (size_t len = first; len <= first + 17; len++)
			add(&out, len, len);
		WRITE_ALL(fd, &out);
		ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), out.size);
		for (size_t len = first; len <= first + 17; len++)
			NEXT(&in, len, len);
	}
}

TEST(large_and_small_messages_in_one_call)
{
	static const size_t sizes[] = {
		5, 5000, 4096, 1, 70000, 4097, 64, LARGEST, 65, 5000, 5000, 8,
	};
	const unsigned int count = sizeof(sizes) / sizeof(sizes[0]);
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), plain = queue_open(&q, NONBLOCK);

	out.size = 0;
	for (unsigned int i = 0; i < count; i++)
		add(&out, sizes[i], i);
	WRITE_ALL(fd, &out);
	for (unsigned int i = 0; i < count; i++)
		RECEIVE(plain, sizes[i], i);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read_batch(fd, &in, out.size), out.size);
	for (unsigned int i = 0; i < count; i++)
		NEXT(&in, sizes[i], i);
	ALL_SEEN(&in);
	ASSERT_EQ(info(fd).requeued, 0);
}

TEST(a_stack_gives_the_newest_frame_first)
{
	struct queue q = queue_new(STACQ_LIFO);
	int fd = framed(&q, NONBLOCK);

	add_some(&out, 3, 20);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read_batch(fd, &in, FRAME(20)), FRAME(20));
	NEXT(&in, 20, 3);
	add_some(&out, 1, 30);
	WRITE_ALL(fd, &out);
	read_batch(fd, &in, sizeof(in.bytes));
	NEXT(&in, 30, 1);
	NEXT(&in, 20, 2);
	NEXT(&in, 20, 1);
	ALL_SEEN(&in);
}

/*
 * What fits
 */

TEST(a_read_returns_as_many_whole_frames_as_fit)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, NONBLOCK);

		if (3 * FRAME(*s) > sizeof(out.bytes))
			break;
		add_some(&out, 3, *s);
		WRITE_ALL(fd, &out);
		/* two fit exactly */
		ASSERT_EQ(read_batch(fd, &in, 2 * FRAME(*s)), 2 * FRAME(*s));
		NEXT(&in, *s, 1);
		NEXT(&in, *s, 2);
		ASSERT_EQ(info(fd).depth, 1);
		read_batch(fd, &in, FRAME(*s));
		NEXT(&in, *s, 3);
		/* one byte less than for three */
		WRITE_ALL(fd, &out);
		ASSERT_EQ(read_batch(fd, &in, 3 * FRAME(*s) - 1), 2 * FRAME(*s));
		NEXT(&in, *s, 1);
		NEXT(&in, *s, 2);
		ASSERT_EQ(info(fd).depth, 1);
		ASSERT_EQ(info(fd).held, 0);
	}
}

TEST(room_for_no_frame_is_emsgsize_and_the_message_stays)
{
	FOR_EACH_SIZE(s) {
		const size_t rooms[] = { 1, HEAD - 1, HEAD, HEAD + *s - 1, FRAME(*s) - 1 };
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, NONBLOCK), blocking = framed(&q, O_RDONLY);
		struct stacq_peek p;

		SEND(queue_open(&q, O_WRONLY), *s, 1);
		SEND(queue_open(&q, O_WRONLY), 1, 2);	/* that one would fit */
		for (int i = 0; i < 5; i++) {
			ASSERT_REFUSED(fd, read(fd, in.bytes, rooms[i]), EMSGSIZE);
			ASSERT_REFUSED(fd, read(blocking, in.bytes, rooms[i]), EMSGSIZE);
		}
		ASSERT_OK(peek(fd, 0, NULL, 0, &p));
		ASSERT_EQ(p.deliveries, 0);
		ASSERT_EQ(read_batch(fd, &in, FRAME(*s)), FRAME(*s));
		NEXT(&in, *s, 1);
	}
}

TEST(a_read_does_not_look_for_a_later_message_that_fits)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	out.size = 0;
	add(&out, 8, 1);
	add(&out, 500, 2);
	add(&out, 8, 3);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read_batch(fd, &in, 2 * FRAME(8)), FRAME(8));
	ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), FRAME(500) + FRAME(8));
	NEXT(&in, 500, 2);
	NEXT(&in, 8, 3);
}

TEST(fionread_tells_the_next_frame_which_fits)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), plain = queue_open(&q, NONBLOCK);

	ASSERT_EQ(available(fd), 0);
	FOR_EACH_SIZE(s) {
		SEND(plain, *s, 1);
		SEND(plain, 3, 2);
		ASSERT_EQ(available(fd), FRAME(*s));
		ASSERT_EQ(available(plain), *s);
		ASSERT_EQ(read_batch(fd, &in, available(fd)), FRAME(*s));
		NEXT(&in, *s, 1);
		ASSERT_EQ(available(fd), 40);
		RECEIVE(plain, 3, 2);
	}
	ASSERT_EQ(available(fd), 0);
}

TEST(lengths_of_zero_do_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR);
	struct iovec none[2] = { { 0 } };
	struct stacq_info before, after;

	/* not even wait */
	ASSERT_EQ(read(fd, in.bytes, 0), 0);
	ASSERT_EQ(readv(fd, none, 2), 0);
	SEND(queue_open(&q, O_WRONLY), 5, 1);
	before = info(fd);
	ASSERT_EQ(read(fd, null_pointer, 0), 0);
	ASSERT_EQ(write(fd, null_pointer, 0), 0);
	ASSERT_EQ(writev(fd, none, 2), 0);
	after = info(fd);
	ASSERT_SAME(before, after);
}

/*
 * The header
 */

TEST(a_header_is_laid_out_as_documented)
{
	static const unsigned char first[] = {
		'S', 'q', 0x34, 0x12, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		8, 7, 6, 5, 4, 3, 2, 1, 0x99, 0, 0, 0, 0, 0, 0, 0,
		'a', 'b', 'c', 'x', 'x', 'x', 'x', 'x',
	};
	unsigned char wanted[sizeof(first)];
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	ASSERT_EQ(write(fd, first, sizeof(first)), sizeof(first));
	ASSERT_EQ(read_batch(fd, &in, 1000), sizeof(first));
	memcpy(wanted, first, sizeof(first));
	wanted[8] = 1;		/* seq */
	memset(wanted + 35, 0, 5);
	ASSERT_MEM(in.bytes, wanted, sizeof(first));
}

TEST(seq_counts_messages_and_is_not_looked_at_in_a_write)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	out.size = 0;
	for (unsigned int i = 1; i <= 3; i++)
		add(&out, 10, i)->seq = htole64(77 - i);
	add(&out, 5000, 4)->seq = ~0ull;
	WRITE_ALL(fd, &out);
	read_batch(fd, &in, sizeof(in.bytes));
	for (unsigned int i = 1; i <= 4; i++)
		ASSERT_EQ(le64toh(NEXT(&in, i < 4 ? 10 : 5000, i)->seq), i);
}

static unsigned long long clock_now(void)
{
	struct timespec ts;

	ASSERT_OK(clock_gettime(CLOCK_REALTIME, &ts));
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

TEST(sent_ns_of_zero_is_now)
{
	/* told as fine as the kernel's tick, which comes late on a busy machine */
	const unsigned long long ticks = 10000000000;
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);
	unsigned long long before, after, sent;

	out.size = 0;
	add(&out, 10, 1);
	add(&out, 5000, 2);
	before = clock_now();
	WRITE_ALL(fd, &out);
	after = clock_now();
	usleep(3 * SETTLE_US);
	read_batch(fd, &in, sizeof(in.bytes));
	for (unsigned int i = 1; i <= 2; i++) {
		sent = le64toh(NEXT(&in, i == 1 ? 10 : 5000, i)->sent_ns);
		ASSERT_TRUE(sent + ticks > before && sent < after + ticks);
	}
}

/* As reads and peeks tell them; for the way with the lock, and the one without. */
TEST(priority_and_sent_ns_are_told_as_they_were_written)
{
	static const unsigned long long times[] = { 1, 1234567890123456789, ~0ull >> 1 };
	static const unsigned int priorities[] = { 0, 1, 32767 };
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	for (size_t len = 10; len < 10000; len += 5000) {
		out.size = 0;
		for (int i = 0; i < 3; i++) {
			struct stacq_frame *f = add(&out, len, i);

			f->sent_ns = htole64(times[i]);
			f->priority = htole16(priorities[i]);
		}
		WRITE_ALL(fd, &out);
		for (int i = 0; i < 3; i++) {
			struct stacq_peek p;

			ASSERT_OK(peek(fd, i, NULL, 0, &p));
			ASSERT_EQ(p.sent_ns, times[i]);
			ASSERT_EQ(p.priority, priorities[i]);
			ASSERT_EQ(p.deliveries, 0);
		}
		ASSERT_EQ(read_batch(fd, &in, out.size), out.size);
		for (int i = 0; i < 3; i++) {
			struct stacq_frame *f = NEXT(&in, len, i);

			ASSERT_EQ(le64toh(f->sent_ns), times[i]);
			ASSERT_EQ(le16toh(f->priority), priorities[i]);
		}
	}
}

TEST(deliveries_begin_where_the_frame_says)
{
	static const unsigned int begin[] = { 0, 7, 254, 255 };
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	for (size_t len = 10; len < 10000; len += 5000)
		for (int i = 0; i < 4; i++) {
			int reader = queue_open(&q, O_RDONLY);
			struct stacq_peek p;
			char c;

			out.size = 0;
			add(&out, len, i)->deliveries = htole32(begin[i]);
			WRITE_ALL(fd, &out);
			ASSERT_OK(peek(fd, 0, NULL, 0, &p));
			ASSERT_EQ(p.deliveries, begin[i]);
			/* given back once more */
			ASSERT_EQ(read(reader, &c, 1), 1);
			close(reader);
			read_batch(fd, &in, out.size);
			ASSERT_EQ(le32toh(NEXT(&in, len, i)->deliveries),
				  begin[i] < 255 ? begin[i] + 1 : 255);
		}
}

TEST(what_was_read_can_be_written_to_another_queue)
{
	struct queue a = queue_new(STACQ_FIFO), b = queue_new(STACQ_FIFO);
	int from = framed(&a, NONBLOCK), to = framed(&b, NONBLOCK);
	static unsigned char once[20000];

	SEND(queue_open(&b, O_WRONLY), 1, 9);
	ASSERT_EQ(read(to, once, sizeof(once)), FRAME(1));
	out.size = 0;
	for (unsigned int i = 1; i <= 20; i++) {
		struct stacq_frame *f = add(&out, i * 40, i);

		f->priority = htole16(i * 100);
		f->deliveries = htole32(i * 10);
		f->sent_ns = htole64(i * 1000000007ull);
	}
	WRITE_ALL(from, &out);
	ASSERT_EQ(read_batch(from, &in, sizeof(once)), out.size);
	memcpy(once, in.bytes, in.size);
	WRITE_ALL(to, &in);
	ASSERT_EQ(read_batch(to, &in, sizeof(once)), out.size);
	for (unsigned int i = 1; i <= 20; i++) {
		struct stacq_frame *f = NEXT(&in, i * 40, i);

		ASSERT_EQ(le64toh(f->seq), i + 1);
		f->seq = htole64(i);
	}
	ASSERT_MEM(in.bytes, once, out.size);
}

/* In room that is used again, and to a reader of frames. */
TEST(a_plain_message_has_no_priority_and_no_deliveries_of_another)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	for (size_t len = 10; len < 10000; len += 5000) {
		struct stacq_frame *f;

		out.size = 0;
		f = add(&out, len, 1);
		f->priority = htole16(99);
		f->deliveries = htole32(9);
		f->sent_ns = htole64(5);
		WRITE_ALL(fd, &out);
		read_batch(fd, &in, sizeof(in.bytes));
		SEND(queue_open(&q, O_WRONLY), len, 2);
		read_batch(fd, &in, sizeof(in.bytes));
		f = NEXT(&in, len, 2);
		ASSERT_EQ(f->priority, 0);
		ASSERT_EQ(f->deliveries, 0);
		ASSERT_TRUE(le64toh(f->sent_ns) > 1ull << 32);
	}
}

/* Growing and shrinking, which moves messages. */
TEST(headers_survive_changes_of_the_capacity)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	out.size = 0;
	for (unsigned int i = 0; i < 200; i++) {
		struct stacq_frame *f = add(&out, i % 3 ? 30 : 300, i);

		f->priority = htole16(i);
		f->deliveries = htole32(i);
		f->sent_ns = htole64(i + 1);
	}
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read_batch(fd, &in, 150 * FRAME(30)) % 8, 0);
	ASSERT_OK(set_capacity(fd, info(fd).depth));
	for (unsigned int i = 200 - info(fd).depth; i < 200; i++) {
		struct stacq_frame *f;

		read_batch(fd, &in, FRAME(i % 3 ? 30 : 300));
		f = NEXT(&in, i % 3 ? 30 : 300, i);
		ASSERT_EQ(le16toh(f->priority), i);
		ASSERT_EQ(le32toh(f->deliveries), i);
		ASSERT_EQ(le64toh(f->sent_ns), i + 1);
	}
}

TEST(priority_does_not_change_the_order)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	out.size = 0;
	for (unsigned int i = 0; i < 5; i++)
		add(&out, 10, i)->priority = htole16(i * 100);
	WRITE_ALL(fd, &out);
	read_batch(fd, &in, sizeof(in.bytes));
	for (unsigned int i = 0; i < 5; i++)
		NEXT(&in, 10, i);
}

/*
 * The end, and the limits
 */

TEST(a_sealed_queue_refuses_frames_and_ends_after_the_last)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), blocking = framed(&q, O_RDWR);

	add_some(&out, 2, 100);
	WRITE_ALL(fd, &out);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_REFUSED(fd, write(fd, out.bytes, out.size), EPIPE);
	ASSERT_REFUSED(fd, write(blocking, out.bytes, out.size), EPIPE);
	ASSERT_EQ(read_batch(blocking, &in, sizeof(in.bytes)), out.size);
	ASSERT_EQ(read(blocking, in.bytes, 1000), 0);
	ASSERT_EQ(read(fd, in.bytes, 1), 0);
	ASSERT_EQ(read_batch(fd, &in, 1000), 0);
}

TEST(a_removed_queue_is_eidrm)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, O_RDWR);

	add_some(&out, 2, 100);
	WRITE_ALL(fd, &out);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(write(fd, out.bytes, out.size), EIDRM);
	ASSERT_ERRNO(read(fd, in.bytes, 1000), EIDRM);
	ASSERT_ERRNO(set_mode(fd, 0), EIDRM);
}

TEST(an_empty_queue_is_eagain)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), blocking = framed(&q, O_RDWR);
	struct iovec v = { in.bytes, 1000 };

	ASSERT_REFUSED(fd, read(fd, in.bytes, 1000), EAGAIN);
	ASSERT_REFUSED(fd, readv(fd, &v, 1), EAGAIN);
	ASSERT_REFUSED(fd, preadv2(blocking, &v, 1, -1, RWF_NOWAIT), EAGAIN);
}

/* A limit on messages, or on bytes, that lets three in. */
TEST(a_full_queue_is_eagain_for_the_first_frame_and_a_short_count_for_a_later)
{
	for (int by_bytes = 0; by_bytes < 2; by_bytes++)
		for (size_t len = 10; len < 10000; len += 5000) {
			struct queue q = queue_new(STACQ_FIFO);
			int fd = framed(&q, NONBLOCK), blocking = framed(&q, O_RDWR);
			struct iovec v = { out.bytes, 0 };

			if (by_bytes)
				ASSERT_OK(set_limits(fd, KEEP, 4 * len - 1, len));
			else
				ASSERT_OK(set_limits(fd, 3, KEEP, KEEP));
			add_some(&out, 5, len);
			v.iov_len = out.size;
			ASSERT_EQ(write(fd, out.bytes, out.size), 3 * FRAME(len));
			ASSERT_REFUSED(fd, write(fd, out.bytes, out.size), EAGAIN);
			ASSERT_REFUSED(fd, writev(fd, &v, 1), EAGAIN);
			ASSERT_REFUSED(fd, pwritev2(blocking, &v, 1, -1, RWF_NOWAIT), EAGAIN);
			RECEIVE(queue_open(&q, O_RDONLY), len, 1);
			/* it would wait for the first one only */
			ASSERT_EQ(write(blocking, out.bytes, out.size), FRAME(len));
			ASSERT_EQ(info(fd).depth, 3);
			read_batch(fd, &in, sizeof(in.bytes));
			NEXT(&in, len, 2);
			NEXT(&in, len, 3);
			NEXT(&in, len, 1);
			ALL_SEEN(&in);
		}
}

TEST(a_message_that_is_too_long_is_emsgsize_when_it_is_first)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = framed(&q, NONBLOCK), blocking = framed(&q, O_RDWR);

		if (*s < 3 || *s == LARGEST)
			continue;
		ASSERT_OK(set_limits(fd, KEEP, KEEP, *s - 1));
		add_some(&out, 1, *s);
		add(&out, 1, 2);
		ASSERT_REFUSED(fd, write(fd, out.bytes, out.size), EMSGSIZE);
		ASSERT_REFUSED(fd, write(blocking, out.bytes, out.size), EMSGSIZE);
		/* later, those before it are sent and none after it */
		add_some(&out, 2, *s - 1);
		add(&out, *s, 3);
		add(&out, 1, 4);
		ASSERT_EQ(write(fd, out.bytes, out.size), 2 * FRAME(*s - 1));
		read_batch(fd, &in, sizeof(in.bytes));
		NEXT(&in, *s - 1, 1);
		NEXT(&in, *s - 1, 2);
		ALL_SEEN(&in);
	}
}

TEST(polling_is_as_without_frames)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLOUT);
	ASSERT_OK(set_limits(fd, 2, KEEP, KEEP));
	add_some(&out, 2, 10);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLIN);
	read_batch(fd, &in, sizeof(in.bytes));
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLOUT);
}
