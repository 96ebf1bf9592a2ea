// SPDX-License-Identifier: GPL-2.0
/* Sending and receiving whole messages. */
#include <sys/uio.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

TEST(fifo_gives_the_oldest_first)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "one");
	PUT(fd, "two");
	PUT(fd, "three");
	GET(fd, "one");
	PUT(fd, "four");
	GET(fd, "two");
	GET(fd, "three");
	GET(fd, "four");
	ASSERT_EQ(info(fd).depth, 0);
}

TEST(lifo_gives_the_newest_first)
{
	struct queue q = queue_new(STACQ_LIFO);
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "one");
	PUT(fd, "two");
	PUT(fd, "three");
	GET(fd, "three");
	PUT(fd, "four");
	GET(fd, "four");
	GET(fd, "two");
	GET(fd, "one");
	ASSERT_EQ(info(fd).depth, 0);
}

TEST(fifo_order_holds_through_many_turns_of_the_ring)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	unsigned int in = 0, out = 0;

	/* 3 in, 2 out: the ring wraps at each size it grows through */
	while (in < 300) {
		for (int i = 0; i < 3; i++, in++)
			SEND(fd, 20, in);
		for (int i = 0; i < 2; i++, out++)
			RECEIVE(fd, 20, out);
	}
	while (out < in) {
		RECEIVE(fd, 20, out);
		out++;
	}
	ASSERT_EQ(info(fd).received, in);
}

TEST(one_read_never_returns_two_messages)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char buf[100];

	PUT(fd, "abc");
	PUT(fd, "defg");
	memset(buf, POISON, sizeof(buf));
	ASSERT_EQ(read(fd, buf, sizeof(buf)), 3);
	ASSERT_MEM(buf, "abc\xcc\xcc", 5);
	ASSERT_EQ(info(fd).depth, 1);
	GET(fd, "defg");
}

TEST(info_counts_messages_and_bytes)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_info i = info(fd);

	ASSERT_EQ(strcmp(i.name, q.name), 0);
	ASSERT_EQ(i.order, STACQ_FIFO);
	ASSERT_EQ(i.state, 0);
	ASSERT_EQ(i.depth + i.bytes + i.held + i.held_bytes, 0);
	ASSERT_EQ(i.high_water + i.sent + i.received + i.requeued, 0);
	ASSERT_EQ(i.discarded + i.growths + i.shrinks, 0);
	ASSERT_EQ(i.capacity, 1);
	ASSERT_TRUE(i.memory > 0);
	SEND(fd, 10, 1);
	SEND(fd, 5000, 2);
	i = info(fd);
	ASSERT_EQ(i.depth, 2);
	ASSERT_EQ(i.bytes, 5010);
	ASSERT_EQ(i.held, 0);
	ASSERT_EQ(i.sent, 2);
	ASSERT_EQ(i.high_water, 2);
	ASSERT_TRUE(i.memory > 5010);
	RECEIVE(fd, 10, 1);
	i = info(fd);
	ASSERT_EQ(i.depth, 1);
	ASSERT_EQ(i.bytes, 5000);
	ASSERT_EQ(i.received, 1);
	ASSERT_EQ(i.high_water, 2);
	RECEIVE(fd, 5000, 2);
	i = info(fd);
	ASSERT_EQ(i.depth + i.bytes + i.held + i.held_bytes, 0);
	ASSERT_EQ(i.received, 2);
	ASSERT_EQ(i.high_water, 2);
}

TEST(zero_length_write_returns_0_and_stores_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct iovec none[2] = { { 0 } };
	struct stacq_info before = info(fd), after;

	ASSERT_EQ(write(fd, "x", 0), 0);
	ASSERT_EQ(write(fd, null_pointer, 0), 0);
	ASSERT_EQ(writev(fd, none, 2), 0);
	after = info(fd);
	ASSERT_SAME(before, after);
	/* also when it is full */
	ASSERT_OK(set_limits(fd, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	PUT(fd, "x");
	ASSERT_EQ(write(fd, "x", 0), 0);
}

TEST(zero_length_read_returns_0_and_takes_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	struct stacq_info before, after;
	char c = POISON;

	ASSERT_EQ(read(fd, &c, 0), 0);	/* empty and blocking */
	PUT(fd, "hello");
	before = info(fd);
	ASSERT_EQ(read(fd, &c, 0), 0);
	ASSERT_EQ(read(fd, null_pointer, 0), 0);
	after = info(fd);
	ASSERT_SAME(before, after);
	ASSERT_EQ((unsigned char)c, POISON);
	GET(fd, "hello");
}

TEST(every_size_arrives_as_it_was_sent)
{
	for (unsigned int order = STACQ_FIFO; order <= STACQ_LIFO; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, NONBLOCK);

		FOR_EACH_SIZE(s) {
			SEND(fd, *s, *s);
			RECEIVE(fd, *s, *s);
		}
		FOR_EACH_SIZE(s)
			SEND(fd, *s, *s + 1);
		for (int i = 0; i < NR_SIZES; i++) {
			size_t size = test_sizes[order == STACQ_FIFO ?
						 i : NR_SIZES - 1 - i];

			RECEIVE(fd, size, size + 1);
		}
	}
}

/* Same slot, different sizes: no byte of an earlier message shows. */
TEST(recycled_room_shows_nothing_of_the_message_before)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	for (unsigned int turn = 0; turn < 3; turn++)
		FOR_EACH_SIZE(s) {
			SEND(fd, *s, turn);
			RECEIVE(fd, *s, turn);
			SEND(fd, *s / 2 + 1, turn + 7);
			RECEIVE(fd, *s / 2 + 1, turn + 7);
		}
}

TEST(random_sizes_agree_with_a_model)
{
	enum { MOST = 64, STEPS = 3000 };

	for (unsigned int order = STACQ_FIFO; order <= STACQ_LIFO; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, NONBLOCK);
		struct { size_t size; unsigned int seed; } model[MOST];
		unsigned int n = 0;
		size_t bytes = 0;

		srandom(order + 1);
		for (unsigned int step = 0; step < STEPS; step++) {
			if (n < MOST && (n == 0 || random() % 100 < 51)) {
				size_t size = 1 + random() % 9000;

				if (random() % 4 == 0)
					size = 1 + random() % 64;
				else if (random() % 50 == 0)
					size = 1 + random() % 70000;
				model[n].size = size;
				model[n].seed = step;
				n++;
				bytes += size;
				SEND(fd, size, step);
			} else {
				unsigned int at = order == STACQ_FIFO ?
						  0 : n - 1;

				RECEIVE(fd, model[at].size, model[at].seed);
				bytes -= model[at].size;
				n--;
				memmove(model + at, model + at + 1,
					(n - at) * sizeof(model[0]));
			}
			if (step % 100 == 0) {
				struct stacq_info i = info(fd);

				ASSERT_EQ(i.depth, n);
				ASSERT_EQ(i.bytes, bytes);
			}
		}
	}
}

TEST(message_of_exactly_max_msg_size_is_taken)
{
	FOR_EACH_SIZE(s) {
		struct stacq_create c = create_defaults(STACQ_FIFO);
		struct queue q;
		int fd;

		c.max_msg_size = *s;
		q = queue_from(&c);
		fd = queue_open(&q, NONBLOCK);
		SEND(fd, *s, 3);
		RECEIVE(fd, *s, 3);
	}
}

TEST(message_longer_than_max_msg_size_is_emsgsize)
{
	static char buf[LARGEST + 1];

	FOR_EACH_SIZE(s) {
		struct stacq_create c = create_defaults(STACQ_FIFO);
		struct queue q;
		int fd, blocking;

		c.max_msg_size = *s;
		q = queue_from(&c);
		fd = queue_open(&q, NONBLOCK);
		blocking = queue_open(&q, O_WRONLY);
		ASSERT_REFUSED(fd, write(fd, buf, *s + 1), EMSGSIZE);
		ASSERT_REFUSED(fd, write(blocking, buf, *s + 1), EMSGSIZE);
		SEND(fd, *s, 1);
		ASSERT_REFUSED(fd, write(fd, buf, *s + 1), EMSGSIZE);
		RECEIVE(fd, *s, 1);
	}
}

TEST(message_longer_than_max_bytes_is_emsgsize)
{
	static char buf[LARGEST + 1];

	FOR_EACH_SIZE(s) {
		struct stacq_create c = create_defaults(STACQ_FIFO);
		struct queue q;
		int fd, blocking;

		c.max_bytes = *s;
		c.max_msg_size = STACQ_UNLIMITED;
		q = queue_from(&c);
		fd = queue_open(&q, NONBLOCK);
		blocking = queue_open(&q, O_WRONLY);
		ASSERT_REFUSED(fd, write(fd, buf, *s + 1), EMSGSIZE);
		ASSERT_REFUSED(fd, write(blocking, buf, *s + 1), EMSGSIZE);
		SEND(fd, *s, 1);
		/* full, but it would not fit an empty queue either */
		ASSERT_REFUSED(fd, write(fd, buf, *s + 1), EMSGSIZE);
		RECEIVE(fd, *s, 1);
	}
}

/* The kernel cuts longer writes short; a part of a message is none. */
TEST(length_beyond_what_one_call_can_pass_is_refused)
{
	static const size_t lengths[] = {
		0x7ffff000, 1ul << 31, 1ul << 32, 1ul << 40,
	};
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	/* nothing is there, but the kernel does not get that far */
	void *volatile low = (void *)0x10000;
	volatile size_t most = -1;
	int fd;

	c.max_bytes = STACQ_UNLIMITED;
	c.max_msg_size = STACQ_UNLIMITED;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	PUT(fd, "still here");
	for (int i = 0; i < 4; i++)
		ASSERT_REFUSED(fd, write(fd, low, lengths[i]), EMSGSIZE);
	ASSERT_EQ(write(fd, low, most), -1);
	ASSERT_TRUE(errno == EINVAL || errno == EFAULT);
	GET(fd, "still here");
}

TEST(length_that_there_is_no_memory_for_is_enomem)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	/* nothing is there; so many bytes end below the end of user space */
	void *volatile low = (void *)0x10000;
	ssize_t result;
	int fd;

	c.max_bytes = STACQ_UNLIMITED;
	c.max_msg_size = STACQ_UNLIMITED;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	PUT(fd, "still here");
	result = write(fd, low, 0x7fffe000);
	ASSERT_EQ(result, -1);
	if (errno == EFAULT)
		SKIP("this machine has too much memory");
	ASSERT_EQ(errno, ENOMEM);
	GET(fd, "still here");
}

TEST(writev_is_one_message)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct iovec v[4] = {
		{ "hello ", 6 }, { NULL, 0 }, { "w", 1 }, { "orld", 4 },
	};

	ASSERT_EQ(writev(fd, v, 4), 11);
	ASSERT_EQ(info(fd).depth, 1);
	GET(fd, "hello world");
}

TEST(writev_of_every_size_is_one_message)
{
	static char buf[LARGEST];
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	FOR_EACH_SIZE(s) {
		size_t third = *s / 3;
		struct iovec v[3] = {
			{ buf, third }, { buf + third, third },
			{ buf + 2 * third, *s - 2 * third },
		};

		fill(buf, *s, 5);
		ASSERT_EQ(writev(fd, v, 3), *s);
		RECEIVE(fd, *s, 5);
	}
}

TEST(readv_of_every_size_fills_the_vectors)
{
	static char buf[LARGEST];
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	FOR_EACH_SIZE(s) {
		size_t third = *s / 3;
		struct iovec v[3] = {
			{ buf, third }, { buf + third, third },
			{ buf + 2 * third, sizeof(buf) - 2 * third },
		};

		SEND(fd, *s, 6);
		memset(buf, POISON, sizeof(buf));
		ASSERT_EQ(readv(fd, v, 3), *s);
		ASSERT_TRUE(filled(buf, *s, 6));
		ASSERT_EQ(info(fd).received, info(fd).sent);
	}
}

TEST(readv_shorter_than_the_message_leaves_the_rest)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char a[2], b[3];
	struct iovec v[2] = { { a, 2 }, { b, 3 } };

	PUT(fd, "0123456789");
	ASSERT_EQ(readv(fd, v, 2), 5);
	ASSERT_MEM(a, "01", 2);
	ASSERT_MEM(b, "234", 3);
	GET(fd, "56789");
}

TEST(pwrite_and_pread_and_lseek_are_espipe)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char buf[8];

	PUT(fd, "hello");
	ASSERT_REFUSED(fd, pread(fd, buf, 5, 0), ESPIPE);
	ASSERT_REFUSED(fd, pwrite(fd, buf, 5, 0), ESPIPE);
	ASSERT_REFUSED(fd, lseek(fd, 0, SEEK_SET), ESPIPE);
	ASSERT_REFUSED(fd, lseek(fd, 1, SEEK_CUR), ESPIPE);
	ASSERT_REFUSED(fd, lseek(fd, 0, SEEK_END), ESPIPE);
	GET(fd, "hello");
}

TEST(empty_nonblocking_read_is_eagain)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char buf[8];

	ASSERT_REFUSED(fd, read(fd, buf, sizeof(buf)), EAGAIN);
	PUT(fd, "a");
	GET(fd, "a");
	ASSERT_REFUSED(fd, read(fd, buf, sizeof(buf)), EAGAIN);
}

TEST(full_nonblocking_write_is_eagain)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_OK(set_limits(fd, 2, STACQ_UNCHANGED, STACQ_UNCHANGED));
	PUT(fd, "a");
	PUT(fd, "b");
	ASSERT_REFUSED(fd, write(fd, "c", 1), EAGAIN);
	GET(fd, "a");
	PUT(fd, "c");
	GET(fd, "b");
	GET(fd, "c");
}

TEST(o_nonblock_can_be_switched_on_and_off)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	int other = queue_open(&q, NONBLOCK);
	char buf[8];
	pid_t pid;

	ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
	ASSERT_ERRNO(read(fd, buf, sizeof(buf)), EAGAIN);
	ASSERT_OK(fcntl(fd, F_SETFL, 0));
	pid = start();
	if (!pid) {
		GET(fd, "x");
		done();
	}
	WAIT_READERS(other, 1);
	PUT(other, "x");
	join(pid);
}

TEST(preadv2_nowait_is_eagain_instead_of_waiting)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	char buf[8];
	struct iovec v = { buf, sizeof(buf) };

	ASSERT_ERRNO(preadv2(fd, &v, 1, -1, RWF_NOWAIT), EAGAIN);
	PUT(fd, "x");
	ASSERT_EQ(preadv2(fd, &v, 1, -1, RWF_NOWAIT), 1);
	ASSERT_OK(set_limits(fd, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	PUT(fd, "x");
	v.iov_len = 1;
	ASSERT_REFUSED(fd, pwritev2(fd, &v, 1, -1, RWF_NOWAIT), EAGAIN);
}

TEST(two_files_share_one_queue)
{
	struct queue q = queue_new(STACQ_FIFO);
	int writer = queue_open(&q, O_WRONLY), reader = queue_open(&q, O_RDONLY);

	PUT(writer, "through");
	GET(reader, "through");
}

TEST(two_queues_share_nothing)
{
	struct queue a = queue_new(STACQ_FIFO), b = queue_new(STACQ_LIFO);
	int x = queue_open(&a, NONBLOCK), y = queue_open(&b, NONBLOCK);
	char buf[8];

	PUT(x, "for a");
	ASSERT_REFUSED(y, read(y, buf, sizeof(buf)), EAGAIN);
	PUT(y, "for b");
	GET(x, "for a");
	GET(y, "for b");
	ASSERT_EQ(info(x).sent, 1);
	ASSERT_EQ(info(y).sent, 1);
}
