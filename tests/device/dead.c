// SPDX-License-Identifier: GPL-2.0
/* Lifetime and dead letters: what is not delivered any more, and where it goes. */
#include <poll.h>
#include <time.h>

#include "frames.h"

#define ALL	STACQ_SETTLE_ALL
#define TTL	STACQ_SET_TTL_MS
#define MOST	STACQ_SET_MAX_DELIVERIES
#define LETTER	STACQ_SET_DEAD_LETTER

static int set(int fd, struct stacq_delivery d)
{
	return ioctl(fd, STACQ_IOC_SET_DELIVERY, &d);
}

static void set_ttl(int fd, unsigned long long ms)
{
	ASSERT_OK(set(fd, (struct stacq_delivery){ .set = TTL, .ttl_ms = ms }));
}

static void set_letter(int fd, int letter)
{
	ASSERT_OK(set(fd, (struct stacq_delivery){ .set = LETTER, .dead_letter = letter }));
}

static void set_most(int fd, unsigned int n)
{
	ASSERT_OK(set(fd, (struct stacq_delivery){ .set = MOST, .max_deliveries = n }));
}

static void lease(int fd)
{
	struct stacq_mode m = { .flags = STACQ_MODE_LEASE };

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &m));
}

static int settle(int fd, unsigned long request, unsigned int flags)
{
	struct stacq_settlement s = { .flags = flags };

	return ioctl(fd, request, &s) ? -1 : (int)s.count;
}

static struct stacq_peek look(int fd, unsigned int position)
{
	struct stacq_peek p;

	ASSERT_OK(peek(fd, position, NULL, 0, &p));
	return p;
}

/* A queue with a dead-letter queue. */
struct pair {
	struct queue q, dead_q;
	int fd, dead;
};

static struct pair pair(unsigned int order)
{
	struct pair p = { .q = queue_new(order), .dead_q = queue_new(STACQ_FIFO) };

	p.fd = queue_open(&p.q, NONBLOCK);
	p.dead = queue_open(&p.dead_q, NONBLOCK);
	set_letter(p.fd, p.dead);
	ASSERT_EQ(strcmp(info(p.fd).dead_letter, p.dead_q.name), 0);
	return p;
}

/* Read the next message under lease and give it back. */
static void give_back(int fd)
{
	char buf[256];

	ASSERT_TRUE(read(fd, buf, sizeof(buf)) > 0);
	ASSERT_EQ(settle(fd, STACQ_IOC_GIVE_BACK, ALL), 1);
}

TEST(an_expired_message_is_not_delivered)
{
	for (unsigned int order = 0; order < 3; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, NONBLOCK);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char c;

		set_ttl(fd, 100);
		ASSERT_EQ(info(fd).ttl_ms, 100);
		SEND(fd, 8, 1);
		SEND(fd, 8, 2);
		usleep(120000);
		ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
		ASSERT_EQ(available(fd), 0);
		ASSERT_EQ(poll(&p, 1, 0), 0);
		ASSERT_EQ(info(fd).depth, 0);
		WAIT_FOR(info(fd).dead == 0);
		ASSERT_EQ(info(fd).expired, 2);
		ASSERT_EQ(info(fd).dead_lettered, 0);
		ASSERT_EQ(info(fd).bytes, 0);
		/* what has time is */
		set_ttl(fd, 3600000);
		SEND(fd, 8, 3);
		RECEIVE(fd, 8, 3);
	}
}

TEST(a_message_is_delivered_until_its_time_is_over)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	set_ttl(fd, 3600000);
	for (int i = 0; i < 200; i++) {
		SEND(fd, 8, i);
		usleep(1000);
	}
	for (int i = 0; i < 200; i++)
		RECEIVE(fd, 8, i);
	ASSERT_EQ(info(fd).expired, 0);
}

TEST(expired_messages_leave_when_nobody_reads)
{
	for (unsigned int order = 0; order < 3; order++) {
		struct pair p = pair(order);

		set_ttl(p.fd, 50);
		for (int i = 0; i < 300; i++)
			SEND(p.fd, 8, i);
		WAIT_FOR(info(p.dead).depth == 300);
		ASSERT_EQ(info(p.fd).depth, 0);
		ASSERT_EQ(info(p.fd).dead, 0);
		ASSERT_EQ(info(p.fd).expired, 300);
		ASSERT_EQ(info(p.fd).dead_lettered, 300);
		/* later ones, too */
		SEND(p.fd, 8, 5);
		WAIT_FOR(info(p.dead).depth == 301);
	}
}

TEST(a_time_set_later_holds_for_what_is_there)
{
	struct pair p = pair(STACQ_FIFO);

	for (int i = 0; i < 1000; i++)
		SEND(p.fd, 8, i);
	usleep(50000);
	set_ttl(p.fd, 1);
	WAIT_FOR(info(p.dead).depth == 1000);
	set_ttl(p.fd, 0);
	SEND(p.fd, 8, 1);
	usleep(SETTLE_US);
	RECEIVE(p.fd, 8, 1);
	for (int i = 0; i < 1000; i++)
		RECEIVE(p.dead, 8, i);
}

TEST(a_reader_that_waits_is_not_woken_by_what_expires)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t reader;

	set_ttl(fd, 3600000);
	reader = start();
	if (!reader) {
		RECEIVE(fd, 9, 2);
		done();
	}
	WAIT_READERS(fd, 1);
	set_ttl(fd, 30);
	usleep(SETTLE_US);
	ASSERT_TRUE(running(reader));
	set_ttl(fd, 3600000);
	SEND(fd, 9, 2);
	join(reader);
}

TEST(a_frame_gives_its_message_a_time_of_its_own)
{
	static struct batch out, in;

	for (unsigned int order = 0; order < 3; order++) {
		struct pair p = pair(order);
		int framer = framed(&p.q, NONBLOCK);
		struct stacq_frame *f;
		struct stacq_peek peeked;

		out.size = 0;
		add(&out, 8, 1)->ttl_ms = htole32(3600000);
		add(&out, 70, 2)->ttl_ms = htole32(60);
		add(&out, 5000, 3);
		WRITE_ALL(framer, &out);
		peeked = look(p.fd, order == STACQ_LIFO ? 2 : 0);
		ASSERT_EQ(peeked.ttl_ms, 3600000);
		ASSERT_EQ(peeked.cause, 0);
		ASSERT_EQ(peeked.origin[0], 0);
		WAIT_FOR(info(p.dead).depth == 1);
		ASSERT_EQ(look(p.dead, 0).ttl_ms, 0);
		ASSERT_EQ(look(p.dead, 0).cause, STACQ_CAUSE_EXPIRED);
		RECEIVE(p.dead, 70, 2);
		/* It is told to who reads frames, so it survives being saved. */
		ASSERT_EQ(read_batch(framer, &in, sizeof(in.bytes)), FRAME(8) + FRAME(5000));
		if (order == STACQ_LIFO)
			NEXT(&in, 5000, 3);
		f = (void *)(in.bytes + in.off);
		ASSERT_EQ(le32toh(f->ttl_ms), 3600000);
		f->ttl_ms = 0;
		NEXT(&in, 8, 1);
		if (order != STACQ_LIFO)
			NEXT(&in, 5000, 3);
		ALL_SEEN(&in);
		ASSERT_EQ(info(p.fd).expired, 1);
	}
}

TEST(the_shorter_of_both_times_holds)
{
	static struct batch out;
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	set_ttl(fd, 40);
	out.size = 0;
	add(&out, 8, 1)->ttl_ms = htole32(3600000);
	WRITE_ALL(fd, &out);
	WAIT_FOR(info(fd).expired == 1);
	set_ttl(fd, 3600000);
	out.size = 0;
	add(&out, 8, 1)->ttl_ms = htole32(40);
	WRITE_ALL(fd, &out);
	WAIT_FOR(info(fd).expired == 2);
}

TEST(the_time_counts_from_when_the_sender_says_it_was_sent)
{
	static struct batch out;
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	out.size = 0;
	add(&out, 8, 1)->ttl_ms = htole32(1000000);
	((struct stacq_frame *)out.bytes)->sent_ns = htole64(5);
	WRITE_ALL(fd, &out);
	WAIT_FOR(info(fd).expired == 1);
	set_ttl(fd, 1000000);
	out.size = 0;
	add(&out, 8, 1)->sent_ns = htole64(5);
	WRITE_ALL(fd, &out);
	WAIT_FOR(info(fd).expired == 2);
}

TEST(who_comes_before_the_expired_are_looked_for_gets_none_of_them)
{
	static struct batch out, in;
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK), plain = queue_open(&q, NONBLOCK);
	char buf[8];

	/* It looks again in a second. */
	set_ttl(fd, 3600000);
	SEND(plain, 8, 1);
	out.size = 0;
	add(&out, 8, 2)->sent_ns = htole64(5);
	add(&out, 8, 3)->sent_ns = htole64(5);
	add(&out, 8, 4);
	WRITE_ALL(fd, &out);
	RECEIVE(plain, 8, 1);
	RECEIVE(plain, 8, 4);
	ASSERT_ERRNO(read(plain, buf, 8), EAGAIN);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), FRAME(8));
	NEXT(&in, 8, 4);
	ASSERT_EQ(info(fd).expired, 4);
}

TEST(messages_in_the_middle_with_times_of_their_own_die_in_their_order)
{
	static struct batch out;
	struct pair p = pair(STACQ_FIFO);
	int framer = framed(&p.q, NONBLOCK);
	struct timespec now;

	out.size = 0;
	ASSERT_OK(clock_gettime(CLOCK_REALTIME, &now));
	for (unsigned int i = 0; i < 100; i++) {
		struct stacq_frame *f = add(&out, 8, i);

		f->sent_ns = htole64(now.tv_sec * 1000000000ull + now.tv_nsec);
		f->ttl_ms = htole32(i % 2 ? 2000 + 10 * (100 - i) : 3600000);
	}
	WRITE_ALL(framer, &out);
	WAIT_FOR(info(p.dead).depth == 50);
	for (unsigned int i = 0; i < 50; i++)
		RECEIVE(p.dead, 8, 99 - 2 * i);
	for (unsigned int i = 0; i < 100; i += 2)
		RECEIVE(p.fd, 8, i);
}

#define HOUR_MS	3600000

/* A message that says that it was sent so long ago. */
static void send_aged(int framer, size_t size, unsigned int tag, unsigned int priority,
		      unsigned long long age_ms)
{
	static struct batch out;
	struct stacq_frame *f;
	struct timespec now;

	ASSERT_OK(clock_gettime(CLOCK_REALTIME, &now));
	out.size = 0;
	f = add(&out, size, tag);
	f->sent_ns = htole64(now.tv_sec * 1000000000ull + now.tv_nsec - age_ms * 1000000);
	f->priority = htole16(priority);
	WRITE_ALL(framer, &out);
}

TEST(a_claim_of_the_future_does_not_lengthen_a_lifetime)
{
	static struct batch out;
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), framer = framed(&q, NONBLOCK);

	out.size = 0;
	/* the year 2200, and the latest that can be said */
	add(&out, 8, 1)->sent_ns = htole64(7258118400000000000ull);
	add(&out, 8, 2)->sent_ns = htole64((1ull << 63) - 1);
	add(&out, 8, 3);
	for (unsigned int i = 0; i < 3; i++)
		((struct stacq_frame *)(out.bytes + i * FRAME(8)))->ttl_ms = htole32(i ? 0 : 10);
	WRITE_ALL(framer, &out);
	WAIT_FOR(info(fd).expired == 1);
	ASSERT_EQ(look(fd, 0).sent_ns, (1ull << 63) - 1);
	set_ttl(fd, 10);
	WAIT_FOR(info(fd).expired == 3);
}

/* A time that was told does not change when the clock is set. */
TEST(setting_the_clock_changes_neither_times_nor_lifetimes)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct timespec set, now;
	unsigned long long sent;

	set_ttl(fd, HOUR_MS);
	SEND(fd, 8, 1);
	sent = look(fd, 0).sent_ns;
	for (int hours = -2; hours <= 2; hours += 4) {
		ASSERT_OK(clock_gettime(CLOCK_REALTIME, &now));
		set = now;
		set.tv_sec += hours * 3600;
		ASSERT_OK(clock_settime(CLOCK_REALTIME, &set));
		usleep(SETTLE_US);
		ASSERT_EQ(look(fd, 0).sent_ns, sent);
		SEND(fd, 8, 2);
		ASSERT_TRUE(look(fd, 1).sent_ns / 1000000000 + 3600 > (unsigned long long)set.tv_sec);
		ASSERT_TRUE(look(fd, 1).sent_ns / 1000000000 < (unsigned long long)set.tv_sec + 3600);
		ASSERT_OK(clock_settime(CLOCK_REALTIME, &now));
		ASSERT_EQ(info(fd).depth, 2);
		RECEIVE(fd, 8, 1);
		RECEIVE(fd, 8, 2);
		SEND(fd, 8, 1);
		sent = look(fd, 0).sent_ns;
	}
	ASSERT_EQ(info(fd).expired, 0);
}

TEST(what_is_in_hand_or_in_flight_is_not_taken_away)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), holder = queue_open(&q, NONBLOCK);
	int other = queue_open(&q, NONBLOCK), framer = framed(&q, NONBLOCK);
	char buf[8];

	lease(holder);
	for (int i = 1; i <= 3; i++)
		send_aged(framer, 8, i, 0, 2 * HOUR_MS);
	RECEIVE(holder, 8, 1);
	ASSERT_EQ(read(other, buf, 4), 4);
	RECEIVE(holder, 8, 3);
	send_aged(framer, 9, 99, 0, 0);
	set_ttl(fd, HOUR_MS);
	usleep(SETTLE_US);
	ASSERT_EQ(info(fd).expired, 0);
	ASSERT_EQ(info(fd).inflight, 2);
	ASSERT_EQ(info(fd).held, 1);
	ASSERT_EQ(read(other, buf + 4, 4), 4);
	ASSERT_TRUE(filled(buf, 8, 2));
	ASSERT_EQ(info(fd).received, 1);
	ASSERT_EQ(settle(holder, STACQ_IOC_GIVE_BACK, ALL), 2);
	RECEIVE(fd, 9, 99);
	ASSERT_EQ(info(fd).depth, 0);
	WAIT_FOR(info(fd).dead == 0);
	ASSERT_EQ(info(fd).expired, 2);
}

TEST(a_message_with_an_own_time_in_flight_dies_when_it_comes_back)
{
	static struct batch out;
	struct pair p = pair(STACQ_FIFO);
	int framer = framed(&p.q, NONBLOCK);

	for (unsigned int i = 0; i < 2; i++) {
		out.size = 0;
		add(&out, 8, i)->ttl_ms = htole32(500);
		WRITE_ALL(framer, &out);
	}
	lease(p.fd);
	RECEIVE(p.fd, 8, 0);
	WAIT_FOR(info(p.dead).depth == 1);
	usleep(SETTLE_US);
	ASSERT_EQ(info(p.fd).inflight, 1);
	ASSERT_EQ(settle(p.fd, STACQ_IOC_GIVE_BACK, ALL), 1);
	WAIT_FOR(info(p.dead).depth == 2);
	RECEIVE(p.dead, 8, 1);
	RECEIVE(p.dead, 8, 0);
}

TEST(what_came_back_expires_like_the_others)
{
	for (unsigned int order = 0; order < 3; order++) {
		struct pair p = pair(order);
		int holder = queue_open(&p.q, NONBLOCK), framer = framed(&p.q, NONBLOCK);
		char buf[8];

		lease(holder);
		for (int i = 0; i < 200; i++)
			send_aged(framer, 8, i, 0, 2 * HOUR_MS);
		for (int i = 0; i < 100; i++)
			ASSERT_EQ(read(holder, buf, 8), 8);
		ASSERT_EQ(settle(holder, STACQ_IOC_GIVE_BACK, ALL), 100);
		ASSERT_EQ(info(p.fd).depth, 200);
		/* No reader comes by those behind this one. */
		if (order == STACQ_PRIORITY)
			send_aged(framer, 9, 99, 1, 0);
		set_ttl(p.fd, HOUR_MS);
		WAIT_FOR(info(p.dead).depth == 200);
		ASSERT_EQ(info(p.fd).depth, order == STACQ_PRIORITY);
	}
}

TEST(a_message_given_back_too_often_is_a_dead_letter)
{
	for (unsigned int order = 0; order < 3; order++) {
		FOR_EACH_SIZE(s) {
			struct pair p = pair(order);
			struct stacq_peek peeked;
			unsigned long long sent_ns;
			unsigned char *buf = malloc(*s);

			lease(p.fd);
			set_most(p.fd, 3);
			ASSERT_EQ(info(p.fd).max_deliveries, 3);
			SEND(p.fd, *s, 1);
			sent_ns = look(p.fd, 0).sent_ns;
			for (int i = 0; i < 3; i++) {
				ASSERT_EQ(info(p.fd).depth, 1);
				ASSERT_EQ(read(p.fd, buf, *s), *s);
				ASSERT_EQ(settle(p.fd, STACQ_IOC_GIVE_BACK, ALL), 1);
			}
			ASSERT_EQ(info(p.fd).depth, 0);
			WAIT_FOR(info(p.dead).depth == 1);
			peeked = look(p.dead, 0);
			ASSERT_EQ(strcmp(peeked.origin, p.q.name), 0);
			ASSERT_EQ(peeked.cause, STACQ_CAUSE_EXHAUSTED);
			ASSERT_EQ(peeked.died_after, 3);
			ASSERT_EQ(peeked.deliveries, 0);
			/* as exact as the kernel's tick, which comes late on a busy machine */
			ASSERT_TRUE(peeked.first_ns - sent_ns + 10000000000 < 20000000000);
			RECEIVE(p.dead, *s, 1);
			WAIT_FOR(info(p.fd).dead == 0);
			ASSERT_EQ(info(p.fd).exhausted, 1);
			ASSERT_EQ(info(p.fd).dead_lettered, 1);
			ASSERT_EQ(info(p.fd).requeued, 3);
			free(buf);
		}
	}
}

TEST(a_message_that_nobody_has_seen_does_not_die_of_it)
{
	struct pair p = pair(STACQ_FIFO);
	static struct batch out;
	int framer = framed(&p.q, NONBLOCK);

	/* Given back often enough before it came here. */
	set_most(p.fd, 3);
	out.size = 0;
	add(&out, 5000, 1)->deliveries = htole32(5);
	WRITE_ALL(framer, &out);
	ASSERT_ERRNO(read(p.fd, null_pointer, 5000), EFAULT);
	ASSERT_EQ(info(p.fd).depth, 1);
	RECEIVE(p.fd, 5000, 1);
}

TEST(without_a_dead_letter_queue_it_is_thrown_away_and_counted)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	lease(fd);
	set_most(fd, 1);
	SEND(fd, 8, 1);
	SEND(fd, 8, 2);
	give_back(fd);
	give_back(fd);
	WAIT_FOR(info(fd).dead == 0);
	ASSERT_EQ(info(fd).exhausted, 2);
	ASSERT_EQ(info(fd).dead_lettered, 0);
	ASSERT_EQ(info(fd).depth, 0);
	ASSERT_EQ(info(fd).bytes, 0);
	ASSERT_EQ(info(fd).memory > 0, 1);
}

TEST(a_reader_that_dies_counts_as_giving_back)
{
	struct pair p = pair(STACQ_FIFO);

	set_most(p.fd, 2);
	SEND(p.fd, 100, 1);
	for (int i = 0; i < 2; i++) {
		/* under lease, and with a part of it read */
		pid_t reader = start();

		if (!reader) {
			int fd = queue_open(&p.q, O_RDWR);
			char buf[100];

			if (!i)
				lease(fd);
			ASSERT_TRUE(read(fd, buf, i ? 50 : 100) > 0);
			pause();
		}
		WAIT_FOR(info(p.fd).inflight + info(p.fd).held == 1);
		kill_now(reader);
		WAIT_FOR(info(p.fd).inflight + info(p.fd).held == 0);
	}
	WAIT_FOR(info(p.dead).depth == 1);
	ASSERT_EQ(look(p.dead, 0).died_after, 2);
	RECEIVE(p.dead, 100, 1);
}

TEST(the_dead_wait_while_the_dead_letter_queue_is_full)
{
	struct pair p = pair(STACQ_FIFO);

	ASSERT_OK(set_limits(p.dead, 2, STACQ_UNCHANGED, STACQ_UNCHANGED));
	lease(p.fd);
	set_most(p.fd, 1);
	for (int i = 0; i < 10; i++)
		SEND(p.fd, 8, i);
	for (int i = 0; i < 10; i++)
		give_back(p.fd);
	WAIT_FOR(info(p.dead).depth == 2 && info(p.fd).dead == 8);
	usleep(SETTLE_US);
	ASSERT_EQ(info(p.fd).dead, 8);
	ASSERT_EQ(info(p.fd).depth, 0);
	ASSERT_EQ(info(p.fd).held, 0);
	for (int i = 0; i < 10; i++) {
		WAIT_FOR(info(p.dead).depth == 2 || info(p.fd).dead == 0);
		RECEIVE(p.dead, 8, i);
	}
	WAIT_FOR(info(p.fd).dead == 0);
	ASSERT_EQ(info(p.fd).dead_lettered, 10);
	ASSERT_EQ(info(p.dead).depth, 0);
}

TEST(the_dead_that_wait_take_room_but_do_not_keep_a_sealed_queue_open)
{
	struct pair p = pair(STACQ_FIFO);
	struct pollfd poll_in = { .fd = p.fd, .events = POLLIN };
	int waiting = queue_open(&p.q, O_RDWR);
	pid_t reader;
	char c[8];

	ASSERT_OK(set_limits(p.dead, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	SEND(p.dead, 8, 9);
	ASSERT_OK(set_limits(p.fd, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	lease(p.fd);
	set_most(p.fd, 1);
	SEND(p.fd, 8, 1);
	ASSERT_EQ(read(p.fd, c, 8), 8);
	ASSERT_OK(ioctl(p.fd, STACQ_IOC_SEAL, 0));
	reader = start();
	if (!reader) {
		ASSERT_EQ(read(waiting, c, 8), 0);
		done();
	}
	WAIT_READERS(p.fd, 1);
	ASSERT_EQ(settle(p.fd, STACQ_IOC_GIVE_BACK, ALL), 1);
	join(reader);
	ASSERT_EQ(info(p.fd).dead, 1);
	ASSERT_EQ(poll(&poll_in, 1, 0), 1);
	ASSERT_TRUE(poll_in.revents & POLLHUP);
	ASSERT_OK(ioctl(p.fd, STACQ_IOC_UNSEAL, 0));
	ASSERT_ERRNO(write(p.fd, "x", 1), EAGAIN);
	RECEIVE(p.dead, 8, 9);
	WAIT_FOR(info(p.dead).depth == 1);
	WAIT_FOR(info(p.fd).dead == 0);
	PUT(p.fd, "x");
}

TEST(raising_the_limit_of_the_dead_letter_queue_makes_room_for_the_dead)
{
	struct pair p = pair(STACQ_FIFO);

	ASSERT_OK(set_limits(p.dead, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	set_ttl(p.fd, 1);
	for (int i = 0; i < 5; i++)
		SEND(p.fd, 8, i);
	WAIT_FOR(info(p.fd).dead == 4);
	ASSERT_OK(set_limits(p.dead, 5, STACQ_UNCHANGED, STACQ_UNCHANGED));
	WAIT_FOR(info(p.dead).depth == 5);
}

TEST(the_dead_go_to_another_queue_when_that_is_set)
{
	struct pair p = pair(STACQ_FIFO);
	struct queue other_q = queue_new(STACQ_FIFO);
	int other = queue_open(&other_q, NONBLOCK);

	ASSERT_OK(set_limits(p.dead, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	set_ttl(p.fd, 1);
	for (int i = 0; i < 5; i++)
		SEND(p.fd, 8, i);
	WAIT_FOR(info(p.fd).dead == 4);
	set_letter(p.fd, other);
	WAIT_FOR(info(other).depth == 4);
	ASSERT_EQ(info(p.fd).dead_lettered, 5);
	/* and nowhere */
	set_letter(p.fd, -1);
	ASSERT_EQ(info(p.fd).dead_letter[0], 0);
	SEND(p.fd, 8, 5);
	WAIT_FOR(info(p.fd).expired == 6 && info(p.fd).dead == 0);
	ASSERT_EQ(info(p.fd).dead_lettered, 5);
}

TEST(what_the_dead_letter_queue_can_not_take_is_thrown_away)
{
	struct pair p = pair(STACQ_FIFO);

	set_ttl(p.fd, 1);
	ASSERT_OK(set_limits(p.dead, STACQ_UNCHANGED, STACQ_UNCHANGED, 10));
	SEND(p.fd, 11, 1);
	WAIT_FOR(info(p.fd).expired == 1 && info(p.fd).dead == 0);
	ASSERT_OK(ioctl(p.dead, STACQ_IOC_SEAL, 0));
	SEND(p.fd, 8, 1);
	WAIT_FOR(info(p.fd).expired == 2 && info(p.fd).dead == 0);
	ASSERT_OK(ioctl(p.dead, STACQ_IOC_UNSEAL, 0));
	SEND(p.fd, 8, 1);
	WAIT_FOR(info(p.fd).dead_lettered == 1);
	ASSERT_OK(queue_remove(p.dead_q.name));
	ASSERT_EQ(info(p.fd).dead_letter[0], 0);
	SEND(p.fd, 8, 1);
	WAIT_FOR(info(p.fd).expired == 4 && info(p.fd).dead == 0);
	ASSERT_EQ(info(p.fd).dead_lettered, 1);
}

TEST(a_dead_letter_that_dies_once_more_keeps_its_history)
{
	struct pair p = pair(STACQ_FIFO);
	struct queue third_q = queue_new(STACQ_LIFO);
	int third = queue_open(&third_q, NONBLOCK);
	struct stacq_peek first, peeked;

	lease(p.fd);
	set_most(p.fd, 2);
	SEND(p.fd, 70, 1);
	give_back(p.fd);
	give_back(p.fd);
	WAIT_FOR(info(p.dead).depth == 1);
	first = look(p.dead, 0);
	set_letter(p.dead, third);
	set_ttl(p.dead, 10);
	WAIT_FOR(info(third).depth == 1);
	peeked = look(third, 0);
	ASSERT_EQ(strcmp(peeked.origin, p.q.name), 0);
	ASSERT_EQ(peeked.cause, STACQ_CAUSE_EXHAUSTED);
	ASSERT_EQ(peeked.died_after, 2);
	ASSERT_EQ(peeked.first_ns, first.first_ns);
	RECEIVE(third, 70, 1);
}

TEST(a_dead_letter_given_back_to_the_end_keeps_its_history)
{
	struct pair p = pair(STACQ_FIFO);
	struct stacq_peek first[2], peeked;
	char buf[64];

	lease(p.fd);
	set_most(p.fd, 1);
	for (unsigned int n = 0; n < 2; n++) {
		SEND(p.fd, 40 + n, n);
		give_back(p.fd);
	}
	WAIT_FOR(info(p.dead).depth == 2);
	first[0] = look(p.dead, 0);
	first[1] = look(p.dead, 1);
	lease(p.dead);
	ASSERT_EQ(read(p.dead, buf, sizeof(buf)), 40);
	ASSERT_EQ(settle(p.dead, STACQ_IOC_GIVE_BACK, ALL | STACQ_SETTLE_TO_BACK), 1);
	for (unsigned int n = 0; n < 2; n++) {
		peeked = look(p.dead, 1 - n);
		ASSERT_EQ(strcmp(peeked.origin, p.q.name), 0);
		ASSERT_EQ(peeked.cause, STACQ_CAUSE_EXHAUSTED);
		ASSERT_EQ(peeked.died_after, 1);
		ASSERT_EQ(peeked.first_ns, first[n].first_ns);
		ASSERT_EQ(peeked.len, 40 + n);
	}
	ASSERT_TRUE(look(p.dead, 1).seq > first[1].seq);
}

TEST(two_queues_may_be_each_others)
{
	struct pair p = pair(STACQ_FIFO);

	set_letter(p.dead, p.fd);
	set_ttl(p.fd, 20);
	set_ttl(p.dead, 20);
	SEND(p.fd, 8, 1);
	WAIT_FOR(info(p.fd).expired >= 2);
	set_ttl(p.fd, 0);
	set_ttl(p.dead, 0);
	WAIT_FOR(info(p.fd).depth + info(p.dead).depth == 1);
	/* removed after the test, and the leak scan finds nothing */
}

TEST(a_priority_stays_with_a_dead_letter)
{
	struct pair p = pair(STACQ_PRIORITY);
	struct stacq_mode m = { .priority = 77 };

	ASSERT_OK(ioctl(p.fd, STACQ_IOC_SET_MODE, &m));
	set_ttl(p.fd, 10);
	SEND(p.fd, 8, 1);
	WAIT_FOR(info(p.dead).depth == 1);
	ASSERT_EQ(look(p.dead, 0).priority, 77);
}

TEST(levels_of_priority_expire_each_from_its_oldest_on)
{
	struct pair p = pair(STACQ_PRIORITY);
	int framer = framed(&p.q, NONBLOCK);

	for (int i = 0; i < 300; i++)
		send_aged(framer, 8, i, i * 7 % 100, 3 * HOUR_MS);
	for (int i = 0; i < 50; i++)
		send_aged(framer, 9, i, i * 7 % 100, HOUR_MS);
	/* Nobody reads, so the low ones are not found by a reader. */
	send_aged(framer, 9, 99, 1000, 0);
	set_ttl(p.fd, 2 * HOUR_MS);
	WAIT_FOR(info(p.dead).depth == 300);
	set_ttl(p.fd, HOUR_MS / 2);
	WAIT_FOR(info(p.dead).depth == 350);
	for (int i = 0; i < 300; i++)
		ASSERT_EQ(look(p.dead, i).len, 8);
}

TEST(peek_and_purge_go_with_dying_messages)
{
	struct pair p = pair(STACQ_FIFO);
	struct stacq_purge purge = { 0 };
	struct stacq_peek peeked;
	pid_t peeker, purger;

	set_ttl(p.fd, 5);
	peeker = start();
	if (!peeker) {
		for (int i = 0; i < 300; i++)
			if (peek(p.fd, 600 + i % 300, NULL, 0, &peeked))
				ASSERT_EQ(errno, ENOMSG);
		done();
	}
	purger = start();
	if (!purger) {
		for (int i = 0; i < 30; i++) {
			ASSERT_OK(ioctl(p.fd, STACQ_IOC_PURGE, &purge));
			usleep(3000);
		}
		done();
	}
	for (int i = 0; i < 20000; i++)
		SEND(p.fd, 8, i);
	join(peeker);
	join(purger);
	WAIT_FOR(info(p.fd).depth == 0 && info(p.fd).dead == 0);
	ASSERT_EQ(info(p.dead).depth, info(p.fd).dead_lettered);
	ASSERT_EQ(info(p.fd).dead_lettered, info(p.fd).expired);
}

TEST(capacity_changes_while_messages_die)
{
	struct pair p = pair(STACQ_PRIORITY);
	static struct batch out;
	int framer = framed(&p.q, NONBLOCK);

	for (int round = 0; round < 20; round++) {
		out.size = 0;
		for (unsigned int i = 0; i < 100; i++) {
			struct stacq_frame *f = add(&out, 8, i);

			f->ttl_ms = htole32(1 + i % 10);
			f->priority = htole16(i % 7);
		}
		WRITE_ALL(framer, &out);
		set_capacity(p.fd, 2000 - 90 * round);
	}
	WAIT_FOR(info(p.dead).depth == 2000);
	ASSERT_EQ(info(p.fd).depth, 0);
}

TEST(a_queue_is_created_with_all_of_it)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue dead_q = queue_new(STACQ_FIFO), q;
	int dead = queue_open(&dead_q, O_WRONLY), fd;
	struct stacq_info i, after;

	c.delivery = (struct stacq_delivery){
		.set = STACQ_SET_FULL | STACQ_SET_LEASE_MS | TTL | MOST | LETTER,
		.full = STACQ_FULL_DROP_NEWEST, .lease_ms = 1000, .ttl_ms = 2000,
		.max_deliveries = 5, .dead_letter = dead,
	};
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	i = info(fd);
	ASSERT_EQ(i.full, STACQ_FULL_DROP_NEWEST);
	ASSERT_EQ(i.lease_ms, 1000);
	ASSERT_EQ(i.ttl_ms, 2000);
	ASSERT_EQ(i.max_deliveries, 5);
	ASSERT_EQ(strcmp(i.dead_letter, dead_q.name), 0);
	/* what is not named in set stays */
	ASSERT_OK(set(fd, (struct stacq_delivery){ .full = 1, .ttl_ms = 9, .dead_letter = 77 }));
	after = info(fd);
	ASSERT_SAME(i, after);
}

TEST(what_can_not_be_set_changes_nothing)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q = queue_new(STACQ_FIFO), dead_q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), dead = queue_open(&dead_q, O_RDONLY);
	int null = open("/dev/null", O_RDWR);
	const struct {
		struct stacq_delivery d;
		int error;
	} bad[] = {
		{ { .set = LETTER << 1 }, EINVAL },
		{ { .set = STACQ_SET_FULL, .full = 4 }, EINVAL },
		{ { .set = TTL, .ttl_ms = 1ull << 31 }, EINVAL },
		{ { .set = MOST, .max_deliveries = 256 }, EINVAL },
		{ { .set = LETTER, .dead_letter = 999 }, EBADF },
		{ { .set = LETTER, .dead_letter = -2 }, EBADF },
		{ { .set = LETTER, .dead_letter = dead }, EBADF },
		{ { .set = LETTER, .dead_letter = null }, EINVAL },
		{ { .set = LETTER | TTL, .dead_letter = null, .ttl_ms = 5 }, EINVAL },
	};

	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		ASSERT_REFUSED(fd, set(fd, bad[n].d), bad[n].error);
		c.delivery = bad[n].d;
		ASSERT_ERRNO(create(&c), bad[n].error);
	}
	ASSERT_REFUSED(fd, set(fd, (struct stacq_delivery){ .set = LETTER, .dead_letter = fd }), EINVAL);
	close(dead);
	dead = queue_open(&dead_q, O_RDWR);
	ASSERT_OK(queue_remove(dead_q.name));
	ASSERT_REFUSED(fd, set(fd, (struct stacq_delivery){ .set = LETTER, .dead_letter = dead }), EIDRM);
}

TEST(a_frame_with_an_impossible_time_is_refused)
{
	static struct batch out;
	struct queue q = queue_new(STACQ_FIFO);
	int fd = framed(&q, NONBLOCK);

	out.size = 0;
	add(&out, 8, 1)->ttl_ms = htole32(0x80000000);
	ASSERT_REFUSED(fd, write(fd, out.bytes, out.size), EINVAL);
	((struct stacq_frame *)out.bytes)->ttl_ms = htole32(0x7fffffff);
	WRITE_ALL(fd, &out);
	ASSERT_EQ(look(fd, 0).ttl_ms, 0x7fffffff);
}

TEST(only_the_owner_sets_it)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t bob;

	c.mode = 0666;
	q = queue_from(&c);
	bob = start();
	if (!bob) {
		int fd;

		become(BOB);
		fd = queue_open(&q, O_RDWR);
		ASSERT_REFUSED(fd, set(fd, (struct stacq_delivery){ .set = TTL, .ttl_ms = 5 }), EPERM);
		done();
	}
	join(bob);
}

TEST(removal_takes_the_dead_with_it)
{
	struct pair p = pair(STACQ_FIFO);

	ASSERT_OK(set_limits(p.dead, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	set_ttl(p.fd, 1);
	for (int i = 0; i < 100; i++)
		SEND(p.fd, i % 2 ? 8 : 5000, i);
	WAIT_FOR(info(p.fd).dead == 99);
	close(p.fd);
	ASSERT_OK(queue_remove(p.q.name));
	RECEIVE(p.dead, 5000, 0);
	usleep(SETTLE_US);
	ASSERT_EQ(info(p.dead).depth, 0);
}
