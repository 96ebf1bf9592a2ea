// SPDX-License-Identifier: GPL-2.0
/* Capacity: growth on demand, by hand, and room given back. */
#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

static const unsigned long long absurd[] = {
	1ull << 40, 1ull << 61, 1ull << 62, 1ull << 63, ~0ull,
};

TEST(capacity_doubles_on_demand)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	unsigned int capacity = 1, growths = 0;

	for (unsigned int n = 1; n <= 1000; n++) {
		struct stacq_info i;

		SEND(fd, 8, n);
		if (n > capacity) {
			capacity *= 2;
			growths++;
		}
		i = info(fd);
		ASSERT_EQ(i.depth, n);
		ASSERT_EQ(i.capacity, capacity);
		ASSERT_EQ(i.growths, growths);
		ASSERT_EQ(i.high_water, n);
	}
	for (unsigned int n = 1; n <= 1000; n++)
		RECEIVE(fd, 8, n);
}

TEST(growth_keeps_contents_wherever_the_ring_has_turned_to)
{
	for (unsigned int order = 0; order < 2; order++)
		for (unsigned int turn = 0; turn < 8; turn++) {
			struct queue q = queue_new(order);
			int fd = queue_open(&q, NONBLOCK);

			ASSERT_OK(set_capacity(fd, 8));
			for (unsigned int i = 0; i < turn; i++) {
				SEND(fd, 99, i);
				RECEIVE(fd, 99, i);
			}
			for (unsigned int i = 0; i < 40; i++)
				SEND(fd, 10 + i * 50, i);
			ASSERT_EQ(info(fd).capacity, 64);
			for (unsigned int i = 0; i < 40; i++) {
				unsigned int n = order == STACQ_FIFO ?
						 i : 39 - i;

				RECEIVE(fd, 10 + n * 50, n);
			}
		}
}

TEST(growth_with_messages_in_hand_keeps_them)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	int reader[3];
	char c;

	for (unsigned int i = 0; i < 4; i++)
		SEND(fd, 3000, i);
	for (int i = 0; i < 3; i++) {
		reader[i] = queue_open(&q, NONBLOCK);
		ASSERT_EQ(read(reader[i], &c, 1), 1);
	}
	for (unsigned int i = 4; i < 100; i++)
		SEND(fd, 3000, i);
	for (int i = 0; i < 3; i++) {
		unsigned char rest[3000];

		rest[0] = 0;
		ASSERT_EQ(read(reader[i], rest + 1, 2000), 2000);
		close(reader[i]);
	}
	for (unsigned int i = 0; i < 100; i++)
		RECEIVE(fd, 3000, i);
}

TEST(growth_stops_at_max_msgs)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;

	c.max_msgs = 5;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	for (unsigned int i = 0; i < 5; i++)
		SEND(fd, 8, i);
	ASSERT_EQ(info(fd).capacity, 5);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
	for (unsigned int i = 0; i < 5; i++)
		RECEIVE(fd, 8, i);
}

TEST(first_capacity_is_as_asked_for)
{
	struct stacq_create c = create_defaults(STACQ_LIFO);
	struct queue q;
	int fd;

	c.capacity = 12;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	ASSERT_EQ(info(fd).capacity, 12);
	for (unsigned int i = 0; i < 12; i++)
		SEND(fd, 8, i);
	ASSERT_EQ(info(fd).growths, 0);
	SEND(fd, 8, 12);
	ASSERT_EQ(info(fd).capacity, 24);
	ASSERT_EQ(info(fd).growths, 1);
}

TEST(capacity_can_be_set_up_and_down)
{
	static const unsigned int sizes[] = { 7, 1000, 3, 4, 100000, 2, 1 };
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	unsigned int previous = 1;

	PUT(fd, "kept");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct stacq_capacity c = {
			.capacity = sizes[i], .previous = POISON,
		};

		ASSERT_OK(ioctl(fd, STACQ_IOC_SET_CAPACITY, &c));
		ASSERT_EQ(c.previous, previous);
		ASSERT_EQ(c.capacity, sizes[i]);
		ASSERT_EQ(info(fd).capacity, sizes[i]);
		previous = sizes[i];
	}
	ASSERT_EQ(info(fd).growths, 0);
	ASSERT_EQ(info(fd).shrinks, 0);
	GET(fd, "kept");
}

TEST(capacity_of_0_is_einval)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_REFUSED(fd, set_capacity(fd, 0), EINVAL);
}

TEST(capacity_above_max_msgs_is_einval)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;

	c.max_msgs = 10;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	ASSERT_REFUSED(fd, set_capacity(fd, 11), EINVAL);
	ASSERT_OK(set_capacity(fd, 10));
	ASSERT_EQ(info(fd).capacity, 10);
}

TEST(capacity_below_what_is_stored_is_ebusy)
{
	for (unsigned int order = 0; order < 2; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, NONBLOCK);

		for (unsigned int i = 0; i < 5; i++)
			SEND(fd, 100, i);
		for (unsigned int n = 1; n < 5; n++)
			ASSERT_REFUSED(fd, set_capacity(fd, n), EBUSY);
		ASSERT_OK(set_capacity(fd, 5));
		for (unsigned int i = 0; i < 5; i++)
			RECEIVE(fd, 100, order == STACQ_FIFO ? i : 4 - i);
	}
}

TEST(capacity_below_stored_and_in_hand_is_ebusy)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), reader = queue_open(&q, NONBLOCK);
	char c;

	for (unsigned int i = 0; i < 4; i++)
		SEND(fd, 100, i);
	ASSERT_EQ(read(reader, &c, 1), 1);
	ASSERT_REFUSED(fd, set_capacity(fd, 3), EBUSY);
	ASSERT_OK(set_capacity(fd, 4));
	close(reader);
	for (unsigned int i = 0; i < 4; i++)
		RECEIVE(fd, 100, i);
}

TEST(absurd_capacity_fails_and_leaves_the_contents)
{
	for (unsigned int limited = 0; limited < 2; limited++) {
		struct stacq_create c = create_defaults(STACQ_FIFO);
		struct queue q;
		int fd;

		if (!limited)
			c.max_msgs = STACQ_UNLIMITED;
		q = queue_from(&c);
		fd = queue_open(&q, NONBLOCK);
		for (unsigned int i = 0; i < 10; i++)
			SEND(fd, 10 + 500 * i, i);
		for (size_t n = 0; n < sizeof(absurd) / 8; n++) {
			struct stacq_info before = info(fd), after;
			struct stacq_capacity request = {
				.capacity = absurd[n], .previous = POISON,
			};

			ASSERT_EQ(ioctl(fd, STACQ_IOC_SET_CAPACITY, &request),
				  -1);
			ASSERT_TRUE(errno == (limited ? EINVAL : ENOMEM) ||
				    errno == EINVAL);
			ASSERT_EQ(request.previous, POISON);
			after = info(fd);
			ASSERT_SAME(before, after);
		}
		for (unsigned int i = 0; i < 10; i++)
			RECEIVE(fd, 10 + 500 * i, i);
	}
}

TEST(absurd_first_capacity_fails_and_makes_no_queue)
{
	for (size_t n = 0; n < sizeof(absurd) / 8; n++) {
		struct stacq_create c = create_defaults(STACQ_FIFO);

		c.max_msgs = STACQ_UNLIMITED;
		c.capacity = absurd[n];
		ASSERT_EQ(create(&c), -1);
		ASSERT_TRUE(errno == ENOMEM || errno == EINVAL);
		ASSERT_ERRNO(queue_remove(c.name), ENOENT);
	}
}

TEST(shrinking_keeps_what_is_stored_wherever_it_is_in_the_ring)
{
	for (unsigned int order = 0; order < 2; order++)
		for (unsigned int turn = 0; turn < 16; turn += 3) {
			struct queue q = queue_new(order);
			int fd = queue_open(&q, NONBLOCK);

			ASSERT_OK(set_capacity(fd, 16));
			/* with something below it: a stack moves up, too */
			for (unsigned int i = 0; i < turn; i++)
				SEND(fd, 50, 900);
			for (unsigned int i = 0; i < turn; i++)
				RECEIVE(fd, 50, 900);
			for (unsigned int i = 0; i < 6; i++)
				SEND(fd, 20 + 300 * i, i);
			ASSERT_OK(set_capacity(fd, 6));
			ASSERT_EQ(info(fd).capacity, 6);
			SEND(fd, 77, 6);	/* and it grows again */
			for (unsigned int i = 0; i < 7; i++) {
				unsigned int n = order == STACQ_FIFO ? i : 6 - i;

				RECEIVE(fd, n == 6 ? 77 : 20 + 300 * n, n);
			}
		}
}

TEST(shrinking_keeps_what_readers_have_in_hand)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK);
		int finisher = queue_open(&q, NONBLOCK);
		int quitter = queue_open(&q, NONBLOCK);
		unsigned char *got = malloc(*s);
		char c;

		if (*s == 1)
			continue;
		ASSERT_OK(set_capacity(fd, 64));
		for (unsigned int i = 0; i < 5; i++)
			SEND(fd, *s, i);
		ASSERT_EQ(read(finisher, got, 1), 1);
		ASSERT_EQ(read(quitter, &c, 1), 1);
		ASSERT_OK(set_capacity(fd, 5));
		ASSERT_EQ(read(finisher, got + 1, *s), *s - 1);
		ASSERT_TRUE(filled(got, *s, 0));
		close(quitter);
		for (unsigned int i = 1; i < 5; i++)
			RECEIVE(fd, *s, i);
		free(got);
	}
}

TEST(set_capacity_gives_memory_back)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	unsigned long long small = info(fd).memory, large;

	for (unsigned int i = 0; i < 200; i++)
		SEND(fd, 4096, i);
	large = info(fd).memory;
	ASSERT_TRUE(large >= 200 * 4096);
	for (unsigned int i = 0; i < 200; i++)
		RECEIVE(fd, 4096, i);
	ASSERT_OK(set_capacity(fd, 1));
	ASSERT_TRUE(info(fd).memory < large / 10);
	ASSERT_TRUE(info(fd).memory <= small + 8192);
}

TEST(unused_room_is_given_back_by_itself)
{
	struct queue q;
	int fd;
	struct stacq_info i;

	set_parameter("idle_ms", 50);
	q = queue_new(STACQ_FIFO);
	fd = queue_open(&q, NONBLOCK);
	for (unsigned int n = 0; n < 500; n++)
		SEND(fd, 1000, n);
	for (unsigned int n = 0; n < 497; n++)
		RECEIVE(fd, 1000, n);
	/* a slow machine fills it for longer than a period: one goes first */
	WAIT_FOR(info(fd).capacity <= 16 && info(fd).memory < 100 * 1000);
	i = info(fd);
	ASSERT_TRUE(i.shrinks >= 1);
	ASSERT_EQ(i.depth, 3);
	for (unsigned int n = 497; n < 500; n++)
		RECEIVE(fd, 1000, n);
	/* and it is there again when it is needed */
	for (unsigned int n = 0; n < 100; n++)
		SEND(fd, 1000, n);
	for (unsigned int n = 0; n < 100; n++)
		RECEIVE(fd, 1000, n);
}

TEST(messages_in_hand_survive_room_given_back_by_itself)
{
	struct queue q;
	int fd, reader;
	unsigned char got[1000];

	set_parameter("idle_ms", 50);
	q = queue_new(STACQ_FIFO);
	fd = queue_open(&q, NONBLOCK);
	reader = queue_open(&q, NONBLOCK);
	for (unsigned int n = 0; n < 500; n++)
		SEND(fd, 1000, n);
	ASSERT_EQ(read(reader, got, 500), 500);
	for (unsigned int n = 1; n < 500; n++)
		RECEIVE(fd, 1000, n);
	WAIT_FOR(info(fd).capacity <= 16);
	ASSERT_EQ(read(reader, got + 500, 500), 500);
	ASSERT_TRUE(filled(got, 1000, 0));
}

TEST(idle_ms_of_0_keeps_the_room)
{
	struct queue q;
	int fd;

	set_parameter("idle_ms", 0);
	q = queue_new(STACQ_FIFO);
	fd = queue_open(&q, NONBLOCK);
	for (unsigned int n = 0; n < 100; n++)
		SEND(fd, 10, n);
	for (unsigned int n = 0; n < 100; n++)
		RECEIVE(fd, 10, n);
	usleep(1000000);
	ASSERT_EQ(info(fd).capacity, 128);
	ASSERT_EQ(info(fd).shrinks, 0);
}

/* Room for a million takes long enough to be killed in the middle of it. */
TEST(killed_while_room_is_made_leaves_the_old_or_the_new)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR | O_NONBLOCK);
	const unsigned long long many = 500000;

	SEND(fd, 100, 1);
	for (unsigned int i = 0; i < 20; i++) {
		struct stacq_info before = info(fd), after;
		pid_t pid = start();

		if (!pid) {
			set_capacity(fd, many);
			done();
		}
		usleep(500 * (i + 1));
		kill_now(pid);
		after = info(fd);
		if (after.capacity == many)
			ASSERT_OK(set_capacity(fd, 1));
		else
			ASSERT_SAME(before, after);
	}
	RECEIVE(fd, 100, 1);
}
