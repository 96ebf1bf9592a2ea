// SPDX-License-Identifier: GPL-2.0
/* What a call costs does not depend on how many messages others have in their hands. */
#include "hostile.h"

#define HELD	4096
/* Times within one run differ by less; with a step for each message it is ten and more. */
#define FACTOR	4

static struct queue small_queue(unsigned int order, unsigned int full)
{
	struct stacq_create c = create_defaults(order);

	c.delivery = (struct stacq_delivery){
		.set = STACQ_SET_FULL, .full = full, .dead_letter = -1,
	};
	return queue_from(&c);
}

/* @op, on a queue that @others hold @HELD messages of, and on one of which they hold none. */
static void costs_others_nothing(unsigned int order, unsigned int full, void (*prepare)(int fd),
				 void (*op)(int fd))
{
	double time[2];

	for (int held = 0; held < 2; held++) {
		struct queue q = small_queue(order, full);
		int fd = queue_open(&q, NONBLOCK);

		if (held)
			let_others_hold(&q, HELD);
		if (prepare)
			prepare(fd);
		time[held] = least_time(op, fd);
		close(fd);
	}
	test_note("figure: with %d messages held by others it takes %.2f times as long", HELD,
		  time[1] / time[0]);
	if (time[1] > FACTOR * time[0])
		FAIL("it takes %.1f times as long, wanted %d at most", time[1] / time[0], FACTOR);
}

static void send_one(int fd)
{
	PUT(fd, "one");
}

static void send_and_receive(int fd)
{
	char buf[8];

	PUT(fd, "one");
	ASSERT_EQ(read(fd, buf, sizeof(buf)), 3);
}

TEST(a_message_held_costs_other_readers_nothing)
{
	costs_others_nothing(STACQ_FIFO, STACQ_FULL_BLOCK, NULL, send_and_receive);
}

TEST(a_message_held_costs_other_readers_by_priority_nothing)
{
	costs_others_nothing(STACQ_PRIORITY, STACQ_FULL_BLOCK, NULL, send_and_receive);
}

static void ask_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ASSERT_EQ(poll(&p, 1, 0), 1);
}

TEST(a_message_held_costs_pollers_nothing)
{
	costs_others_nothing(STACQ_FIFO, STACQ_FULL_BLOCK, send_one, ask_poll);
}

static void look_at_the_first(int fd)
{
	ASSERT_OK(peek(fd, 0, NULL, 0, NULL));
}

TEST(a_message_held_costs_who_looks_at_the_first_nothing)
{
	costs_others_nothing(STACQ_FIFO, STACQ_FULL_BLOCK, send_one, look_at_the_first);
}

/* Full with those that are held and one more. */
static void fill_up(int fd)
{
	struct stacq_info i = info(fd);

	ASSERT_OK(set_limits(fd, i.depth + i.held + 1, KEEP, KEEP));
	PUT(fd, "one");
}

TEST(a_message_held_costs_who_drops_the_oldest_nothing)
{
	costs_others_nothing(STACQ_FIFO, STACQ_FULL_DROP_OLDEST, fill_up, send_one);
}

TEST(a_message_held_costs_who_drops_the_oldest_by_priority_nothing)
{
	costs_others_nothing(STACQ_PRIORITY, STACQ_FULL_DROP_OLDEST, fill_up, send_one);
}

static void send_and_purge(int fd)
{
	PUT(fd, "one");
	purge(fd);
}

TEST(a_message_held_costs_who_purges_nothing)
{
	costs_others_nothing(STACQ_FIFO, STACQ_FULL_BLOCK, NULL, send_and_purge);
}

static void hold_and_let_go(int fd)
{
	struct queue q = { 0 };
	char c;
	int other;

	PUT(fd, "one");
	strcpy(q.name, info(fd).name);
	snprintf(q.path, sizeof(q.path), "/dev/stacq/%s", q.name);
	other = queue_open(&q, NONBLOCK);
	ASSERT_EQ(read(other, &c, 1), 1);
	close(other);
	ASSERT_EQ(read(fd, &c, 1), 1);
	ASSERT_EQ(read(fd, (char[4]){ 0 }, 4), 2);
}

TEST(a_message_held_costs_who_gives_one_back_nothing)
{
	costs_others_nothing(STACQ_FIFO, STACQ_FULL_BLOCK, NULL, hold_and_let_go);
}
