// SPDX-License-Identifier: GPL-2.0
/* Order priority: the highest first, and of each the oldest. */
#include "frames.h"

#define HIGHEST	STACQ_PRIORITY_MAX

static int set_priority(int fd, unsigned int priority)
{
	struct stacq_mode request = { .priority = priority };

	return ioctl(fd, STACQ_IOC_SET_MODE, &request);
}

/* Send a message that is its number, with a priority. */
static void send(int fd, unsigned int priority, unsigned int number)
{
	ASSERT_OK(set_priority(fd, priority));
	ASSERT_EQ(write(fd, &number, sizeof(number)), sizeof(number));
}

static unsigned int receive(int fd)
{
	unsigned int number;

	ASSERT_EQ(read(fd, &number, sizeof(number)), sizeof(number));
	return number;
}

TEST(the_highest_comes_first_and_of_each_the_oldest)
{
	static const unsigned int priorities[] = { 5, 0, HIGHEST, 5, 1, 0, 5, HIGHEST - 1, HIGHEST };
	static const unsigned int wanted[] = { 2, 8, 7, 0, 3, 6, 4, 1, 5 };
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p;
	char c;

	for (unsigned int i = 0; i < 9; i++)
		send(fd, priorities[i], i);
	for (unsigned int i = 0; i < 9; i++) {
		ASSERT_OK(peek(fd, i, NULL, 0, &p));
		ASSERT_EQ(p.seq, wanted[i] + 1);
		ASSERT_EQ(p.priority, priorities[wanted[i]]);
	}
	for (unsigned int i = 0; i < 9; i++)
		ASSERT_EQ(receive(fd), wanted[i]);
	ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
	ASSERT_EQ(info(fd).order, STACQ_PRIORITY);
}

TEST(priority_belongs_to_the_open_file)
{
	struct queue q = queue_new(STACQ_PRIORITY);
	int low = queue_open(&q, NONBLOCK), high = queue_open(&q, NONBLOCK);

	ASSERT_OK(set_priority(high, 3));
	/* the second time there is room, and all goes the quick way */
	for (int i = 0; i < 2; i++) {
		PUT(low, "low");
		PUT(high, "high");
		PUT(low, "low again");
		GET(low, "high");
		GET(high, "low");
		GET(low, "low again");
	}
}

TEST(other_orders_only_tell_the_priority)
{
	for (unsigned int order = STACQ_FIFO; order <= STACQ_LIFO; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, NONBLOCK);
		struct stacq_peek p;

		send(fd, 1, 1);
		send(fd, 9, 2);
		send(fd, 0, 3);
		ASSERT_OK(peek(fd, 1, NULL, 0, &p));
		ASSERT_EQ(p.priority, 9);
		ASSERT_EQ(receive(fd), order == STACQ_FIFO ? 1 : 3);
		ASSERT_EQ(receive(fd), 2);
	}
}

TEST(messages_of_every_size_and_way_carry_it)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_PRIORITY);
		int fd = queue_open(&q, NONBLOCK);
		unsigned char *bytes = malloc(*s);
		struct iovec v = { .iov_base = bytes, .iov_len = *s };
		struct stacq_peek p;

		SEND(fd, *s, 1);
		ASSERT_OK(set_priority(fd, 700));
		SEND(fd, *s, 2);
		fill(bytes, *s, 3);
		ASSERT_OK(set_priority(fd, 701));
		ASSERT_EQ(writev(fd, &v, 1), *s);
		ASSERT_OK(peek(fd, 0, NULL, 0, &p));
		ASSERT_EQ(p.priority, 701);
		RECEIVE(fd, *s, 3);
		RECEIVE(fd, *s, 2);
		RECEIVE(fd, *s, 1);
		free(bytes);
	}
}

TEST(a_blocked_write_keeps_its_priority)
{
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p;

	ASSERT_OK(set_limits(fd, 1, KEEP, KEEP));
	PUT(fd, "first");
	if (!start()) {
		int own = queue_open(&q, O_WRONLY);

		ASSERT_OK(set_priority(own, 12));
		PUT(own, "second");
		done();
	}
	WAIT_WRITERS(fd, 1);
	GET(fd, "first");
	WAIT_FOR(info(fd).depth == 1);
	ASSERT_OK(peek(fd, 0, NULL, 0, &p));
	ASSERT_EQ(p.priority, 12);
}

TEST(frames_have_their_own)
{
	static struct batch out, in;
	static const unsigned int priorities[] = { 2, 7, 2, 0, 7 };
	static const unsigned int wanted[] = { 1, 4, 0, 2, 3 };
	static const size_t sizes[] = { 1, 64, 65, 5000 };

	for (unsigned int n = 0; n < 4; n++) {
		struct queue q = queue_new(STACQ_PRIORITY);
		int fd = framed(&q, NONBLOCK);

		out.size = 0;
		for (unsigned int i = 0; i < 5; i++)
			add(&out, sizes[n], i)->priority = htole16(priorities[i]);
		WRITE_ALL(fd, &out);
		ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), out.size);
		for (unsigned int i = 0; i < 5; i++)
			ASSERT_EQ(le16toh(NEXT(&in, sizes[n], wanted[i])->priority),
				  priorities[wanted[i]]);
		ALL_SEEN(&in);
	}
}

TEST(what_is_given_back_is_first_of_its_priority_again)
{
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	char c;

	for (unsigned int i = 0; i < 3; i++)
		send(fd, 4, i);
	ASSERT_EQ(read(other, &c, 1), 1);
	send(fd, 5, 10);
	ASSERT_EQ(receive(fd), 10);
	ASSERT_EQ(receive(fd), 1);
	send(fd, 4, 3);
	close(other);
	ASSERT_EQ(receive(fd), 0);
	ASSERT_EQ(receive(fd), 2);
	ASSERT_EQ(receive(fd), 3);
}

/* The last of a priority is in hand, the only one of another, and more come. */
TEST(new_messages_find_their_place_behind_one_in_hand)
{
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	char c;

	send(fd, 4, 0);
	send(fd, 2, 20);
	ASSERT_EQ(read(other, &c, 1), 1);
	send(fd, 4, 1);
	send(fd, 3, 10);
	close(other);
	ASSERT_EQ(receive(fd), 0);
	ASSERT_EQ(receive(fd), 1);
	ASSERT_EQ(receive(fd), 10);
	ASSERT_EQ(receive(fd), 20);
}

TEST(the_last_of_a_priority_goes_before_one_in_hand)
{
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	char c;

	send(fd, 4, 0);
	ASSERT_EQ(read(other, &c, 1), 1);
	send(fd, 4, 1);
	ASSERT_EQ(receive(fd), 1);
	/* where it was may be used again by this one */
	send(fd, 3, 10);
	send(fd, 4, 2);
	send(fd, 4, 3);
	close(other);
	ASSERT_EQ(receive(fd), 0);
	ASSERT_EQ(receive(fd), 2);
	ASSERT_EQ(receive(fd), 3);
	ASSERT_EQ(receive(fd), 10);
}

TEST(every_priority_at_once_and_room_comes_and_goes)
{
	const unsigned int step = 37, nr = 2000;
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK);
	unsigned long long before = info(fd).memory;

	/* 37 and 32768 have no common divisor: no priority comes twice. */
	for (unsigned int i = 0; i < nr; i++)
		send(fd, i * step % (HIGHEST + 1), i * step % (HIGHEST + 1));
	for (unsigned int i = 0, last = HIGHEST + 1; i < nr / 2; i++) {
		unsigned int seen = receive(fd);

		ASSERT_TRUE(seen < last);
		last = seen;
	}
	/* What is stored moves, and the rest still comes in its order. */
	ASSERT_OK(set_capacity(fd, nr / 2));
	for (unsigned int i = 0, last = HIGHEST + 1; i < nr / 2; i++) {
		unsigned int seen = receive(fd);

		ASSERT_TRUE(seen < last);
		last = seen;
	}
	ASSERT_OK(set_capacity(fd, 1));
	ASSERT_EQ(info(fd).memory, before);
}

TEST(what_moved_is_still_the_last_of_its_priority)
{
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK);

	for (unsigned int i = 0; i < 64; i++)
		send(fd, i % 3, i);
	for (unsigned int i = 0; i < 56; i++)
		receive(fd);
	/* eight of priority 0 are left: 42, 45, ... 63 */
	ASSERT_OK(set_capacity(fd, 8));
	send(fd, 1, 100);
	send(fd, 0, 101);
	ASSERT_EQ(receive(fd), 100);
	for (unsigned int i = 42; i <= 63; i += 3)
		ASSERT_EQ(receive(fd), i);
	ASSERT_EQ(receive(fd), 101);
}

TEST(purge_takes_all_priorities_but_what_is_in_hand)
{
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	struct stacq_purge p = { 0 };
	unsigned int rest = 0;
	char c;

	for (unsigned int i = 0; i < 300; i++)
		send(fd, i % 5, i);
	ASSERT_EQ(read(other, &c, 1), 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &p));
	ASSERT_EQ(p.discarded, 299);
	send(fd, 4, 1000);
	close(other);
	ASSERT_EQ(read(fd, &rest, sizeof(rest)), sizeof(rest));
	ASSERT_EQ(rest, 4);
	ASSERT_EQ(receive(fd), 1000);
}

TEST(spare_levels_are_given_back_when_idle)
{
	struct stacq_create request = create_defaults(STACQ_PRIORITY);
	struct queue q;
	unsigned long long before;
	int fd;

	set_parameter("idle_ms", 50);
	request.capacity = 100;
	q = queue_from(&request);
	fd = queue_open(&q, NONBLOCK);
	before = info(fd).memory;
	for (unsigned int i = 0; i < 100; i++)
		send(fd, i, i);
	ASSERT_TRUE(info(fd).memory > before);
	for (unsigned int i = 0; i < 100; i++)
		receive(fd);
	WAIT_FOR(info(fd).memory == before);
	PUT(fd, "and again");
	GET(fd, "and again");
}

TEST(a_priority_out_of_range_is_einval_and_changes_nothing)
{
	static const unsigned int bad[] = { HIGHEST + 1, 65536, 1u << 31, ~0u };
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_peek p;

	ASSERT_OK(set_priority(fd, 6));
	for (unsigned int i = 0; i < 4; i++)
		ASSERT_REFUSED(fd, set_priority(fd, bad[i]), EINVAL);
	PUT(fd, "six");
	ASSERT_OK(peek(fd, 0, NULL, 0, &p));
	ASSERT_EQ(p.priority, 6);
}

TEST(it_may_be_set_with_part_of_a_message_read)
{
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, NONBLOCK);
	char c;

	PUT(fd, "in part");
	ASSERT_EQ(read(fd, &c, 1), 1);
	send(fd, 8, 1);
	GET(fd, "n part");
	ASSERT_EQ(receive(fd), 1);
}

/* Writers of four priorities, readers between them: each one's own stay in their order. */
TEST(each_writer_stays_in_its_order_among_many)
{
	const unsigned int writers = 4, each = 300;
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = queue_open(&q, O_RDWR);
	unsigned int next[4] = { 0 };

	for (unsigned int w = 0; w < writers; w++) {
		if (start())
			continue;
		fd = queue_open(&q, O_WRONLY);
		for (unsigned int i = 0; i < each; i++)
			send(fd, w * 100, w << 16 | i);
		done();
	}
	for (unsigned int i = 0; i < writers * each; i++) {
		unsigned int seen = receive(fd);

		ASSERT_EQ(seen & 0xffff, next[seen >> 16]++);
	}
	ASSERT_EQ(info(fd).depth, 0);
}
