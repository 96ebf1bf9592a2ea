// SPDX-License-Identifier: GPL-2.0
/* Lease mode: what is read is in flight until it is acknowledged, given back, or its holder is gone. */
#include <poll.h>
#include <sys/mman.h>

#include "frames.h"

static int lease_mode(int fd, unsigned int flags, unsigned int max_inflight)
{
	struct stacq_mode request = {
		.flags = STACQ_MODE_LEASE | flags, .max_inflight = max_inflight,
	};

	return ioctl(fd, STACQ_IOC_SET_MODE, &request);
}

static int leasing(const struct queue *q, int flags)
{
	int fd = queue_open(q, flags);

	ASSERT_OK(lease_mode(fd, 0, 0));
	return fd;
}

static int settle(int fd, unsigned long request, unsigned long long id, unsigned int flags)
{
	struct stacq_settlement s = { .id = id, .count = POISON, .flags = flags };
	int ret = ioctl(fd, request, &s);

	ASSERT_EQ(s.count, ret < 0 ? POISON : (int)s.count);
	return ret < 0 ? ret : (int)s.count;
}

#define ACK(fd, id, flags)	settle(fd, STACQ_IOC_ACK, id, flags)
#define GIVE_BACK(fd, id, flags) settle(fd, STACQ_IOC_GIVE_BACK, id, flags)
#define EXTEND(fd, id, flags)	settle(fd, STACQ_IOC_EXTEND, id, flags)
#define ALL	STACQ_SETTLE_ALL
#define UP_TO	STACQ_SETTLE_UP_TO
#define TO_BACK	STACQ_SETTLE_TO_BACK
/* Of a message that has never been given back. */
#define ID(seq)	STACQ_LEASE_ID(seq, 0)

static void set_lease_ms(int fd, unsigned long long ms)
{
	struct stacq_delivery d = { .set = STACQ_SET_LEASE_MS, .lease_ms = ms };

	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_DELIVERY, &d));
}

static struct stacq_peek leased_last(int fd)
{
	struct stacq_peek p = { .flags = STACQ_PEEK_LEASED };

	ASSERT_OK(ioctl(fd, STACQ_IOC_PEEK, &p));
	return p;
}

/* Messages 1 to @n, which are their numbers, of @size bytes. */
static void send_numbers(int fd, unsigned int n, size_t size)
{
	for (unsigned int i = 1; i <= n; i++)
		SEND(fd, size, i);
}

static void receive_numbers(int fd, unsigned int from, unsigned int to, size_t size)
{
	for (unsigned int i = from; i <= to; i++)
		RECEIVE(fd, size, i);
}

TEST(a_leased_message_is_in_flight_and_not_stored)
{
	FOR_EACH_SIZE(s) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
		struct stacq_info i;
		char c;

		SEND(fd, *s, 7);
		RECEIVE(fd, *s, 7);
		i = info(fd);
		ASSERT_EQ(i.depth, 0);
		ASSERT_EQ(i.held, 0);
		ASSERT_EQ(i.inflight, 1);
		ASSERT_EQ(i.inflight_bytes, *s);
		ASSERT_EQ(i.received, 0);
		ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
		ASSERT_ERRNO(read(other, &c, 1), EAGAIN);
		ASSERT_EQ(available(other), 0);
		ASSERT_EQ(ACK(fd, ID(1), 0), 1);
		i = info(fd);
		ASSERT_EQ(i.inflight, 0);
		ASSERT_EQ(i.inflight_bytes, 0);
		ASSERT_EQ(i.received, 1);
		close(fd);
		ASSERT_ERRNO(read(other, &c, 1), EAGAIN);
	}
}

TEST(closing_gives_all_back_in_their_order)
{
	static const unsigned int wanted[3][6] = {
		{ 1, 2, 3, 4, 5, 6 }, { 6, 5, 4, 3, 2, 1 }, { 1, 2, 3, 4, 5, 6 },
	};

	for (unsigned int order = 0; order < 3; order++) {
		struct queue q = queue_new(order);
		int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
		struct stacq_peek p;

		send_numbers(other, 4, 100);
		for (unsigned int i = 0; i < 4; i++)
			RECEIVE(fd, 100, order == STACQ_LIFO ? 4 - i : i + 1);
		SEND(other, 100, 5);
		SEND(other, 100, 6);
		close(fd);
		ASSERT_EQ(info(other).requeued, 4);
		ASSERT_EQ(info(other).depth, 6);
		for (unsigned int i = 0; i < 6; i++) {
			ASSERT_OK(peek(other, i, NULL, 0, &p));
			ASSERT_EQ(p.seq, wanted[order][i]);
			ASSERT_EQ(p.deliveries, p.seq <= 4);
		}
		ASSERT_ERRNO(peek(other, 6, NULL, 0, &p), ENOMSG);
		for (unsigned int i = 0; i < 6; i++)
			RECEIVE(other, 100, wanted[order][i]);
		ASSERT_EQ(info(other).depth, 0);
	}
}

TEST(priorities_come_back_among_the_others)
{
	static const unsigned int priorities[] = { 1, 9, 5, 9, 1 }, wanted[] = { 10, 2, 4, 3, 11, 1, 5 };
	struct queue q = queue_new(STACQ_PRIORITY);
	int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	struct stacq_mode m = { 0 };
	struct stacq_peek p;

	for (unsigned int i = 0; i < 5; i++) {
		m.priority = priorities[i];
		ASSERT_OK(ioctl(other, STACQ_IOC_SET_MODE, &m));
		SEND(other, 10, i + 1);
	}
	RECEIVE(fd, 10, 2);
	RECEIVE(fd, 10, 4);
	RECEIVE(fd, 10, 3);
	RECEIVE(fd, 10, 1);
	m.priority = 12;
	ASSERT_OK(ioctl(other, STACQ_IOC_SET_MODE, &m));
	SEND(other, 10, 10);
	m.priority = 3;
	ASSERT_OK(ioctl(other, STACQ_IOC_SET_MODE, &m));
	SEND(other, 10, 11);
	close(fd);
	ASSERT_OK(peek(other, 3, NULL, 0, &p));
	ASSERT_EQ(p.priority, 5);
	for (unsigned int i = 0; i < 7; i++)
		RECEIVE(other, 10, wanted[i]);
}

TEST(death_of_the_holder_gives_back_and_wakes_a_reader)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t holder, reader;

	SEND(fd, 5000, 3);
	holder = start();
	if (!holder) {
		int own = leasing(&q, O_RDONLY);

		RECEIVE(own, 5000, 3);
		pause();
	}
	WAIT_FOR(info(fd).inflight == 1);
	reader = start();
	if (!reader) {
		RECEIVE(fd, 5000, 3);
		done();
	}
	WAIT_READERS(fd, 1);
	kill_now(holder);
	join(reader);
	ASSERT_EQ(info(fd).requeued, 1);
	ASSERT_EQ(info(fd).inflight, 0);
}

TEST(death_wakes_as_many_readers_as_messages_come_back)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t holder, readers[3];

	send_numbers(fd, 3, 20);
	holder = start();
	if (!holder) {
		int own = leasing(&q, O_RDONLY);

		receive_numbers(own, 1, 3, 20);
		pause();
	}
	WAIT_FOR(info(fd).inflight == 3);
	for (int i = 0; i < 3; i++) {
		readers[i] = start();
		if (!readers[i]) {
			char buf[20];

			ASSERT_EQ(read(fd, buf, 20), 20);
			done();
		}
	}
	WAIT_READERS(fd, 3);
	kill_now(holder);
	for (int i = 0; i < 3; i++)
		join(readers[i]);
}

TEST(given_back_by_id_it_is_in_its_place_again)
{
	for (unsigned int order = 0; order < 2; order++) {
		struct queue q = queue_new(order);
		int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);

		send_numbers(fd, 5, 30);
		if (order == STACQ_FIFO) {
			receive_numbers(fd, 1, 3, 30);
			ASSERT_EQ(GIVE_BACK(fd, ID(2), 0), 1);
			RECEIVE(other, 30, 2);
			RECEIVE(other, 30, 4);
			ASSERT_EQ(GIVE_BACK(fd, ID(3), 0), 1);
			ASSERT_EQ(GIVE_BACK(fd, ID(1), 0), 1);
			RECEIVE(other, 30, 1);
			RECEIVE(other, 30, 3);
			RECEIVE(other, 30, 5);
		} else {
			RECEIVE(fd, 30, 5);
			RECEIVE(fd, 30, 4);
			SEND(fd, 30, 6);
			ASSERT_EQ(GIVE_BACK(fd, ID(5), 0), 1);
			RECEIVE(other, 30, 6);
			RECEIVE(other, 30, 5);
			RECEIVE(other, 30, 3);
			ASSERT_EQ(GIVE_BACK(fd, ID(4), 0), 1);
			RECEIVE(other, 30, 4);
			RECEIVE(other, 30, 2);
		}
	}
}

TEST(given_back_to_the_end_it_comes_last)
{
	static const unsigned int orders[] = { STACQ_FIFO, STACQ_PRIORITY };

	for (int o = 0; o < 2; o++) {
		struct queue q = queue_new(orders[o]);
		int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
		struct stacq_peek p;

		send_numbers(fd, 3, 80);
		RECEIVE(fd, 80, 1);
		ASSERT_EQ(GIVE_BACK(fd, ID(1), TO_BACK), 1);
		ASSERT_EQ(info(fd).sent, 3);
		ASSERT_OK(peek(fd, 2, NULL, 0, &p));
		ASSERT_EQ(p.seq, 4);
		ASSERT_EQ(p.deliveries, 1);
		RECEIVE(fd, 80, 2);
		RECEIVE(fd, 80, 3);
		RECEIVE(fd, 80, 1);
		ASSERT_EQ(GIVE_BACK(fd, 0, ALL | TO_BACK), 3);
		RECEIVE(other, 80, 2);
		RECEIVE(other, 80, 3);
		RECEIVE(other, 80, 1);
	}
}

TEST(a_stack_has_no_end_to_give_back_to)
{
	struct queue q = queue_new(STACQ_LIFO);
	int fd = leasing(&q, NONBLOCK);

	SEND(fd, 3, 1);
	RECEIVE(fd, 3, 1);
	ASSERT_REFUSED(fd, GIVE_BACK(fd, ID(1), TO_BACK), EINVAL);
	ASSERT_EQ(ACK(fd, ID(1), 0), 1);
}

TEST(up_to_an_id_and_all)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);

	send_numbers(fd, 300, 12);
	receive_numbers(fd, 1, 300, 12);
	ASSERT_EQ(ACK(fd, ID(100), UP_TO), 100);
	ASSERT_EQ(ACK(fd, ID(150), 0), 1);
	ASSERT_EQ(GIVE_BACK(fd, ID(200), UP_TO), 99);
	ASSERT_EQ(info(fd).inflight, 100);
	receive_numbers(other, 101, 149, 12);
	receive_numbers(other, 151, 200, 12);
	ASSERT_EQ(ACK(fd, 0, ALL), 100);
	ASSERT_EQ(ACK(fd, 0, ALL), 0);
	ASSERT_EQ(info(fd).received, 300);
	ASSERT_EQ(info(fd).inflight, 0);
}

TEST(ids_that_do_not_stand_for_a_lease)
{
	static const unsigned long requests[] = {
		STACQ_IOC_ACK, STACQ_IOC_GIVE_BACK, STACQ_IOC_EXTEND,
	};
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK), other = leasing(&q, NONBLOCK);

	send_numbers(fd, 3, 9);
	RECEIVE(fd, 9, 1);
	RECEIVE(other, 9, 2);
	for (int r = 0; r < 3; r++) {
		/* never was, somebody else's, not handed out, another delivery of it */
		ASSERT_REFUSED(fd, settle(fd, requests[r], 0, 0), EINVAL);
		ASSERT_REFUSED(fd, settle(fd, requests[r], ID(4), 0), EINVAL);
		ASSERT_REFUSED(fd, settle(fd, requests[r], ID(4), UP_TO), EINVAL);
		ASSERT_REFUSED(fd, settle(fd, requests[r], ID(2), 0), ESTALE);
		ASSERT_REFUSED(fd, settle(fd, requests[r], ID(3), UP_TO), ESTALE);
		ASSERT_REFUSED(fd, settle(fd, requests[r], STACQ_LEASE_ID(1, 1), 0), ESTALE);
		ASSERT_REFUSED(fd, settle(fd, requests[r], ~0ull, 0), EINVAL);
		/* what does not go together */
		ASSERT_REFUSED(fd, settle(fd, requests[r], ID(1), ALL), EINVAL);
		ASSERT_REFUSED(fd, settle(fd, requests[r], 0, ALL | UP_TO), EINVAL);
		ASSERT_REFUSED(fd, settle(fd, requests[r], ID(1), 8), EINVAL);
		ASSERT_REFUSED(fd, settle(fd, requests[r], ID(1), 1u << 31), EINVAL);
	}
	ASSERT_REFUSED(fd, ACK(fd, ID(1), TO_BACK), EINVAL);
	ASSERT_REFUSED(fd, EXTEND(fd, ID(1), TO_BACK), EINVAL);
	ASSERT_EQ(ACK(fd, ID(1), 0), 1);
	ASSERT_REFUSED(fd, ACK(fd, ID(1), 0), ESTALE);
	ASSERT_EQ(GIVE_BACK(other, ID(2), 0), 1);
	RECEIVE(other, 9, 2);
	ASSERT_REFUSED(fd, ACK(other, ID(2), 0), ESTALE);
	ASSERT_EQ(ACK(other, STACQ_LEASE_ID(2, 1), 0), 1);
}

/* The answer can't be written, so nothing is done. */
TEST(settling_whose_answer_cant_be_written_does_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);
	struct stacq_settlement *s = page_pair();

	s->flags = ALL;
	SEND(fd, 4, 1);
	RECEIVE(fd, 4, 1);
	ASSERT_OK(mprotect(s, 4096, PROT_READ));
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_ACK, s), EFAULT);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_GIVE_BACK, s), EFAULT);
	ASSERT_EQ(ACK(fd, ID(1), 0), 1);
}

TEST(settling_needs_read_permission_and_a_lease)
{
	struct queue q = queue_new(STACQ_FIFO);
	int writer = queue_open(&q, O_WRONLY), fd = queue_open(&q, NONBLOCK);

	ASSERT_ERRNO(ACK(writer, 0, ALL), EBADF);
	ASSERT_ERRNO(GIVE_BACK(writer, 0, ALL), EBADF);
	ASSERT_ERRNO(EXTEND(writer, 0, ALL), EBADF);
	PUT(fd, "x");
	GET(fd, "x");
	ASSERT_ERRNO(ACK(fd, ID(1), 0), ESTALE);
	ASSERT_EQ(ACK(fd, 0, ALL), 0);
}

TEST(a_message_read_in_parts_is_leased_with_its_last_byte)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	struct stacq_peek p = { .flags = STACQ_PEEK_LEASED };
	char buf[8];

	PUT(fd, "message");
	ASSERT_EQ(read(fd, buf, 3), 3);
	ASSERT_EQ(info(fd).held, 1);
	ASSERT_EQ(info(fd).inflight, 0);
	ASSERT_ERRNO(ioctl(fd, STACQ_IOC_PEEK, &p), ENOMSG);
	ASSERT_REFUSED(fd, lease_mode(fd, STACQ_MODE_FRAMED, 0), EBUSY);
	ASSERT_EQ(read(fd, buf, 8), 4);
	ASSERT_EQ(info(fd).held, 0);
	ASSERT_EQ(info(fd).inflight, 1);
	p = leased_last(fd);
	ASSERT_EQ(p.seq, 1);
	ASSERT_EQ(p.len, 7);
	ASSERT_EQ(p.deliveries, 0);
	/* given back, it may be read in parts by others, too, and go back once more */
	ASSERT_EQ(GIVE_BACK(fd, STACQ_LEASE_ID(p.seq, p.deliveries), 0), 1);
	ASSERT_EQ(read(other, buf, 2), 2);
	ASSERT_EQ(info(fd).held, 1);
	ASSERT_ERRNO(read(fd, buf, 1), EAGAIN);
	close(other);
	GET(fd, "message");
	ASSERT_EQ(leased_last(fd).deliveries, 2);
	ASSERT_EQ(GIVE_BACK(fd, 0, ALL), 1);
	other = queue_open(&q, NONBLOCK);
	ASSERT_EQ(read(other, buf, 2), 2);
	ASSERT_EQ(read(other, buf, 8), 5);
	ASSERT_EQ(info(fd).received, 1);
	ASSERT_EQ(info(fd).depth, 0);
}

TEST(frames_tell_the_ids)
{
	static struct batch out, in;
	static const size_t sizes[] = { 1, 64, 65, 5000 };

	for (int n = 0; n < 4; n++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK), other = framed(&q, NONBLOCK);
		unsigned long long id = 0;

		ASSERT_OK(lease_mode(fd, STACQ_MODE_FRAMED, 0));
		add_some(&out, 40, sizes[n]);
		WRITE_ALL(other, &out);
		ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), out.size);
		for (unsigned int i = 1; i <= 40; i++) {
			struct stacq_frame *f = NEXT(&in, sizes[n], i);

			ASSERT_EQ(le64toh(f->seq), i);
			if (i == 25)
				id = STACQ_LEASE_ID(le64toh(f->seq), le32toh(f->deliveries));
		}
		ASSERT_EQ(info(fd).inflight, 40);
		ASSERT_EQ(ACK(fd, id, UP_TO), 25);
		close(fd);
		ASSERT_EQ(info(other).depth, 15);
		ASSERT_EQ(read_batch(other, &in, sizeof(in.bytes)), 15 * FRAME(sizes[n]));
		for (unsigned int i = 26; i <= 40; i++)
			ASSERT_EQ(le32toh(NEXT(&in, sizes[n], i)->deliveries), 1);
	}
}

/* Short ones in one go, as without leases: what came back is still first. */
TEST(frames_of_what_came_back_are_in_their_places)
{
	static struct batch out, in;

	for (unsigned int order = 0; order < 2; order++) {
		struct queue q = queue_new(order);
		int fd = leasing(&q, NONBLOCK), other = framed(&q, NONBLOCK);

		add_some(&out, 9, 40);
		WRITE_ALL(other, &out);
		for (unsigned int i = 1; i <= 5; i++)
			RECEIVE(fd, 40, order == STACQ_LIFO ? 10 - i : i);
		ASSERT_EQ(GIVE_BACK(fd, ID(order == STACQ_LIFO ? 6 : 4), 0), 1);
		ASSERT_EQ(GIVE_BACK(fd, ID(order == STACQ_LIFO ? 8 : 2), 0), 1);
		ASSERT_EQ(read_batch(other, &in, sizeof(in.bytes)), 6 * FRAME(40));
		for (unsigned int i = 0; i < 6; i++) {
			static const unsigned int wanted[2][6] = {
				{ 2, 4, 6, 7, 8, 9 }, { 8, 6, 4, 3, 2, 1 },
			};

			NEXT(&in, 40, wanted[order][i]);
		}
		ALL_SEEN(&in);
		ASSERT_EQ(ACK(fd, 0, ALL), 3);
		/* and the quick way is open again */
		WRITE_ALL(other, &out);
		ASSERT_EQ(read_batch(other, &in, sizeof(in.bytes)), out.size);
	}
}

TEST(an_old_lease_is_given_back_and_its_acknowledgement_too_late)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK), other = queue_open(&q, O_RDWR);

	set_lease_ms(fd, 300);
	ASSERT_EQ(info(fd).lease_ms, 300);
	SEND(fd, 70, 1);
	RECEIVE(fd, 70, 1);
	ASSERT_EQ(info(fd).inflight, 1);
	RECEIVE(other, 70, 1); /* waits for it */
	ASSERT_EQ(info(fd).lapsed, 1);
	ASSERT_REFUSED(fd, ACK(fd, ID(1), 0), ESTALE);
	ASSERT_REFUSED(fd, GIVE_BACK(fd, ID(1), 0), ESTALE);
	ASSERT_REFUSED(fd, EXTEND(fd, ID(1), 0), ESTALE);
}

TEST(a_lease_that_is_extended_goes_on)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);

	set_lease_ms(fd, 4000);
	send_numbers(fd, 2, 8);
	receive_numbers(fd, 1, 2, 8);
	for (int i = 0; info(fd).lapsed == 0; i++) {
		ASSERT_TRUE(i < 1000);
		ASSERT_EQ(EXTEND(fd, ID(1), 0), 1);
		usleep(20000);
	}
	/* the other one lapsed */
	RECEIVE(fd, 8, 2);
	ASSERT_EQ(ACK(fd, ID(1), 0), 1);
	ASSERT_EQ(EXTEND(fd, 0, ALL), 1);
	ASSERT_EQ(ACK(fd, STACQ_LEASE_ID(2, 1), 0), 1);
}

TEST(a_lease_does_not_end_before_its_time)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);

	/* one without end, then all get one */
	SEND(fd, 8, 1);
	RECEIVE(fd, 8, 1);
	usleep(100000);
	ASSERT_EQ(info(fd).lapsed, 0);
	set_lease_ms(fd, 3600000);
	usleep(100000);
	ASSERT_EQ(info(fd).lapsed, 0);
	set_lease_ms(fd, 1);
	WAIT_FOR(info(fd).lapsed == 1);
	RECEIVE(fd, 8, 1);
	WAIT_FOR(info(fd).lapsed == 2);
	set_lease_ms(fd, 0);
	RECEIVE(fd, 8, 1);
	usleep(100000);
	ASSERT_EQ(info(fd).lapsed, 2);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_DELIVERY, &(struct stacq_delivery){ .lease_ms = 5 }));
	ASSERT_EQ(info(fd).lease_ms, 0);
}

TEST(leases_end_one_after_the_other)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);

	set_lease_ms(fd, 400);
	SEND(fd, 8, 1);
	SEND(fd, 8, 2);
	RECEIVE(fd, 8, 1);
	usleep(200000);
	RECEIVE(fd, 8, 2);
	WAIT_FOR(info(fd).lapsed == 2);
	ASSERT_EQ(info(fd).depth, 2);
}

TEST(who_holds_as_many_as_it_may_gets_no_more)
{
	static const unsigned int flags[] = { 0, STACQ_MODE_FRAMED };
	static struct batch in;

	for (int f = 0; f < 2; f++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char c;

		ASSERT_OK(lease_mode(fd, flags[f], 2));
		send_numbers(other, 4, 16);
		if (f)
			ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), 2 * FRAME(16));
		else
			receive_numbers(fd, 1, 2, 16);
		ASSERT_ERRNO(read(fd, f ? (char *)in.bytes : &c, f ? 1000 : 1), EAGAIN);
		ASSERT_EQ(poll(&p, 1, 0), 0);
		RECEIVE(other, 16, 3);
		ASSERT_EQ(ACK(fd, ID(1), 0), 1);
		ASSERT_EQ(poll(&p, 1, 0), 1);
		if (f)
			ASSERT_EQ(read_batch(fd, &in, sizeof(in.bytes)), FRAME(16));
		else
			RECEIVE(fd, 16, 4);
		ASSERT_EQ(info(fd).inflight, 2);
		/* the limit goes away, and comes back */
		SEND(other, 16, 5);
		ASSERT_EQ(poll(&p, 1, 0), 0);
		ASSERT_OK(lease_mode(fd, flags[f], 0));
		ASSERT_EQ(poll(&p, 1, 0), 1);
	}
}

TEST(a_full_holder_waits_until_it_acknowledges)
{
	for (int f = 0; f < 2; f++) {
		struct queue q = queue_new(STACQ_FIFO);
		int fd = queue_open(&q, O_RDWR);
		pid_t reader;

		ASSERT_OK(lease_mode(fd, f ? STACQ_MODE_FRAMED : 0, 1));
		if (f) {
			int plain = queue_open(&q, O_WRONLY);
			char buf[100];

			send_numbers(plain, 2, 16);
			ASSERT_EQ(read(fd, buf, 100), FRAME(16));
		} else {
			send_numbers(fd, 2, 16);
			RECEIVE(fd, 16, 1);
		}
		reader = start();
		if (!reader) {
			char buf[100];

			ASSERT_EQ(read(fd, buf, 100), f ? FRAME(16) : 16);
			done();
		}
		WAIT_READERS(fd, 1);
		usleep(SETTLE_US);
		ASSERT_TRUE(running(reader));
		ASSERT_EQ(ACK(fd, ID(1), 0), 1);
		join(reader);
		ASSERT_EQ(info(fd).inflight, 1);
	}
}

/* It waits first, so it would be woken first: the wake-up must go to the other one. */
TEST(a_full_holder_keeps_no_wake_up_from_others)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), plain = queue_open(&q, O_RDWR);
	pid_t full, other;

	ASSERT_OK(lease_mode(fd, 0, 1));
	SEND(plain, 16, 1);
	RECEIVE(fd, 16, 1);
	full = start();
	if (!full) {
		RECEIVE(fd, 16, 3);
		done();
	}
	WAIT_READERS(plain, 1);
	other = start();
	if (!other) {
		RECEIVE(plain, 16, 2);
		done();
	}
	WAIT_READERS(plain, 2);
	SEND(plain, 16, 2);
	join(other);
	ASSERT_TRUE(running(full));
	ASSERT_EQ(ACK(fd, ID(1), 0), 1);
	SEND(plain, 16, 3);
	join(full);
}

TEST(a_sealed_queue_ends_when_all_is_acknowledged)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	char c;

	send_numbers(fd, 2, 4);
	receive_numbers(fd, 1, 2, 4);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_ERRNO(read(other, &c, 1), EAGAIN);
	ASSERT_EQ(GIVE_BACK(fd, ID(1), 0), 1);
	RECEIVE(other, 4, 1);
	ASSERT_ERRNO(read(other, &c, 1), EAGAIN);
	ASSERT_EQ(ACK(fd, ID(2), 0), 1);
	ASSERT_EQ(read(other, &c, 1), 0);
	ASSERT_EQ(read(fd, &c, 1), 0);
}

TEST(removal_with_messages_in_flight)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);

	send_numbers(fd, 5, 5000);
	receive_numbers(fd, 1, 4, 5000);
	ASSERT_EQ(GIVE_BACK(fd, ID(2), 0), 1);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(ACK(fd, ID(1), 0), EIDRM);
	ASSERT_ERRNO(GIVE_BACK(fd, 0, ALL), EIDRM);
	close(fd);
}

TEST(limits_count_what_is_in_flight)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);

	ASSERT_OK(set_limits(fd, 2, KEEP, KEEP));
	send_numbers(fd, 2, 10);
	receive_numbers(fd, 1, 2, 10);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
	ASSERT_REFUSED(fd, set_capacity(fd, 1), EBUSY);
	ASSERT_EQ(ACK(fd, ID(2), 0), 1);
	SEND(fd, 10, 3);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
}

TEST(acknowledging_wakes_a_writer)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);
	pid_t writer;

	ASSERT_OK(set_limits(fd, 1, KEEP, KEEP));
	SEND(fd, 10, 1);
	RECEIVE(fd, 10, 1);
	writer = start();
	if (!writer) {
		SEND(queue_open(&q, O_WRONLY), 10, 2);
		done();
	}
	WAIT_WRITERS(fd, 1);
	ASSERT_EQ(ACK(fd, ID(1), 0), 1);
	join(writer);
	RECEIVE(fd, 10, 2);
}

TEST(purge_takes_what_came_back_and_not_what_is_in_flight)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);
	struct stacq_purge p = { 0 };

	send_numbers(fd, 300, 100);
	receive_numbers(fd, 1, 200, 100);
	ASSERT_EQ(GIVE_BACK(fd, ID(150), UP_TO), 150);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &p));
	ASSERT_EQ(p.discarded, 250);
	ASSERT_EQ(info(fd).depth, 0);
	ASSERT_EQ(info(fd).inflight, 50);
	ASSERT_EQ(GIVE_BACK(fd, 0, ALL), 50);
	receive_numbers(fd, 151, 200, 100);
}

/* What is in flight stays where it is in memory; what came back moves. */
TEST(room_shrinks_around_leases)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
	unsigned long long before = info(fd).memory;

	send_numbers(fd, 100, 50);
	receive_numbers(fd, 1, 100, 50);
	ASSERT_EQ(ACK(fd, ID(70), UP_TO), 70);
	ASSERT_EQ(GIVE_BACK(fd, ID(90), UP_TO), 20);
	ASSERT_OK(set_capacity(fd, 30));
	receive_numbers(other, 71, 80, 50);
	ASSERT_OK(set_capacity(fd, 20));
	close(fd);
	ASSERT_OK(set_capacity(other, 20));
	receive_numbers(other, 81, 100, 50);
	ASSERT_OK(set_capacity(other, 1));
	WAIT_FOR(info(other).memory == before);
}

TEST(thousands_of_leases_come_back_in_their_order)
{
	const unsigned int nr = 5000;

	for (unsigned int order = 0; order < 2; order++) {
		struct queue q = queue_new(order);
		int fd = leasing(&q, NONBLOCK), other = queue_open(&q, NONBLOCK);
		struct stacq_peek p;

		send_numbers(fd, nr, 8);
		for (unsigned int i = 1; i <= nr; i++)
			RECEIVE(fd, 8, order == STACQ_LIFO ? nr + 1 - i : i);
		close(fd);
		for (unsigned int i = 0; i < nr; i += 997) {
			ASSERT_OK(peek(other, i, NULL, 0, &p));
			ASSERT_EQ(p.seq, order == STACQ_LIFO ? nr - i : i + 1);
		}
		ASSERT_ERRNO(peek(other, nr, NULL, 0, &p), ENOMSG);
		for (unsigned int i = 1; i <= nr; i++)
			RECEIVE(other, 8, order == STACQ_LIFO ? nr + 1 - i : i);
	}
}

TEST(leases_outlive_lease_mode)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = leasing(&q, NONBLOCK);
	struct stacq_mode plain = { 0 };

	send_numbers(fd, 2, 8);
	RECEIVE(fd, 8, 1);
	ASSERT_OK(ioctl(fd, STACQ_IOC_SET_MODE, &plain));
	RECEIVE(fd, 8, 2);
	ASSERT_EQ(info(fd).received, 1);
	ASSERT_EQ(info(fd).inflight, 1);
	ASSERT_EQ(ACK(fd, ID(1), 0), 1);
}

/* That nothing is lost by it, the scan for leaks says; of one object alone it does not always. */
TEST(holders_that_found_nothing_leave_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	char c;

	for (int i = 0; i < 32; i++) {
		int fd = leasing(&q, NONBLOCK);

		ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
		close(fd);
	}
}

TEST(lease_mode_refuses_what_it_does_not_know)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_mode m = { .max_inflight = 1 };
	struct stacq_delivery d = { .set = STACQ_SET_LEASE_MS, .lease_ms = 1ull << 31 };
	struct stacq_peek p = { .flags = STACQ_PEEK_LEASED | STACQ_PEEK_HELD };

	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_MODE, &m), EINVAL);
	m = (struct stacq_mode){ .flags = STACQ_MODE_LEASE, .reserved = 1 };
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_MODE, &m), EINVAL);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_DELIVERY, &d), EINVAL);
	d = (struct stacq_delivery){ .set = STACQ_SET_DEAD_LETTER << 1 };
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_DELIVERY, &d), EINVAL);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PEEK, &p), EINVAL);
	p = (struct stacq_peek){ .flags = STACQ_PEEK_LEASED, .buf_len = 1 };
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PEEK, &p), EINVAL);
	p = (struct stacq_peek){ .flags = STACQ_PEEK_LEASED };
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_PEEK, &p), ENOMSG);
}

TEST(only_the_owner_sets_how_long_leases_last)
{
	struct stacq_create request = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t bob;

	request.mode = 0666;
	q = queue_from(&request);
	bob = start();
	if (!bob) {
		struct stacq_delivery d = { .set = STACQ_SET_LEASE_MS, .lease_ms = 5 };
		int fd;

		become(BOB);
		fd = queue_open(&q, O_RDWR);
		ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_DELIVERY, &d), EPERM);
		ASSERT_OK(lease_mode(fd, 0, 0));
		done();
	}
	join(bob);
}
