// SPDX-License-Identifier: GPL-2.0
/* Each call on /dev/stacq/NAME, with each allocation and user copy in it made to fail. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>

#include "inject.h"

#define PAGE	4096

/*
 * What is there before
 */

static void message_to_send(const struct call *c)
{
	fill(at.in, c->len, 7);
}

/* Three messages: short, longer, with a buffer of its own. */
static void some_messages(const struct call *c)
{
	ASSERT_OK(set_capacity(at.watch, c->capacity > 4 ? c->capacity : 4));
	SEND(at.watch, 8, 1);
	SEND(at.watch, 300, 2);
	SEND(at.watch, 3000, 3);
	message_to_send(c);
}

static void room_used_up(const struct call *c)
{
	for (unsigned int n = 0; n < (c->capacity ?: 1); n++)
		SEND(at.watch, n % 5 ? 10 : 100, n);
	message_to_send(c);
}

/* Buffers that were used and are not now. */
static void leave_spare(size_t len)
{
	SEND(at.watch, len, 4);
	SEND(at.watch, len, 5);
	RECEIVE(at.watch, len, 4);
	RECEIVE(at.watch, len, 5);
}

static void spare_buffers_of_that_size(const struct call *c)
{
	ASSERT_OK(set_capacity(at.watch, 4));
	leave_spare(c->len);
	SEND(at.watch, 8, 1);
	message_to_send(c);
}

static void spare_buffers_of_other_sizes(const struct call *c)
{
	ASSERT_OK(set_capacity(at.watch, 4));
	leave_spare(c->len > 20000 ? 20000 : 2 * c->len);
	SEND(at.watch, 8, 1);
	message_to_send(c);
}

/* The message to receive comes first, and others after it. */
static void message_to_receive(const struct call *c)
{
	ASSERT_OK(set_capacity(at.watch, 4));
	SEND(at.watch, c->len, 6);
	SEND(at.watch, 20, 1);
	SEND(at.watch, 2000, 2);
}

static void half_of_it_read(const struct call *c)
{
	message_to_receive(c);
	ASSERT_EQ(read(at.fd, at.in, c->len / 2), c->len / 2);
}

static void sealed_and_empty(const struct call *c)
{
	(void)c;
	ASSERT_OK(ioctl(at.watch, STACQ_IOC_SEAL, 0));
}

/* Memory that has no pages yet. */
static char *untouched;

static void renew_untouched(void)
{
	if (untouched)
		ASSERT_OK(munmap(untouched, 16 * PAGE));
	untouched = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_TRUE(untouched != MAP_FAILED);
}

static void untouched_and_some_messages(const struct call *c)
{
	some_messages(c);
	renew_untouched();
}

static void untouched_and_message(const struct call *c)
{
	message_to_receive(c);
	renew_untouched();
}

/*
 * open and close
 */

static int opened = -1;

static long do_open(const struct call *c)
{
	(void)c;
	opened = open(at.q.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return opened;
}

/* What was opened works, and is not counted. */
static long close_opened(const struct call *c, long result)
{
	(void)c;
	if (result < 0)
		return result;
	info(opened);
	close(opened);
	return 0;
}

TEST_WITHIN(opening, 900)
{
	struct call c = {
		.what = "open", .ready = some_messages, .call = do_open,
		.after = close_opened, .allocations = 4, .copies = copies_of_names(),
	};

	inject(&c);
}

static long do_close(const struct call *c)
{
	(void)c;
	return close(at.fd);
}

static long closed(const struct call *c, long result)
{
	(void)c;
	at.fd = -1;
	return result;
}

/* There is nothing in it that could fail; if there ever is, this tells. */
TEST_WITHIN(closing_with_a_message_half_read, 900)
{
	struct call c = {
		.ready = half_of_it_read, .call = do_close, .after = closed,
	};

	FOR_LENGTHS(c, "close", 8, 64, 500, 40000);
}

/*
 * write
 */

static long do_write(const struct call *c)
{
	return write(at.fd, at.in, c->len);
}

static void writes(struct call *c, const char *name)
{
	static const size_t lens[] = { 1, 64, 65, 1000, 4096, 5000, 40000 };
	char what[128];

	c->call = do_write;
	c->copies = 1;
	for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
		snprintf(what, sizeof(what), "write%s, %zu bytes", name, lens[n]);
		c->what = what;
		c->len = lens[n];
		c->result = c->len;
		inject(c);
	}
}

TEST_WITHIN(sending_into_room, 900)
{
	struct call c = { .ready = some_messages, };

	writes(&c, "");
}

TEST_WITHIN(sending_to_a_stack, 900)
{
	struct call c = { .ready = some_messages, .lifo = true, };

	writes(&c, " to a stack");
}

TEST_WITHIN(sending_makes_the_first_room_double, 900)
{
	struct call c = { .ready = room_used_up, .allocations = 2, };

	writes(&c, " into 1 -> 2");
}

/* A block of more than a page: when it is not to be had, two smaller ones do. */
TEST_WITHIN(sending_makes_64_become_128, 900)
{
	struct call c = {
		.ready = room_used_up, .capacity = 64, .allocations = 2,
	};

	writes(&c, " into 64 -> 128");
}

TEST_WITHIN(sending_with_spare_buffers_at_hand, 900)
{
	struct call c = { .ready = spare_buffers_of_that_size, };

	writes(&c, " with spares");
}

/* When no memory is to be had for a buffer, that of the spare ones is. */
TEST_WITHIN(sending_with_spare_buffers_of_other_sizes, 900)
{
	struct call c = {
		.ready = spare_buffers_of_other_sizes, .spares = true,
	};

	writes(&c, " with other spares");
}

static long write_nowhere(const struct call *c)
{
	return write(at.fd, null_pointer, c->len);
}

TEST_WITHIN(sending_from_where_there_is_no_memory, 900)
{
	struct call c = {
		.ready = room_used_up, .call = write_nowhere,
		.result = -EFAULT, .allocations = 1,
	};

	FOR_LENGTHS(c, "write from nowhere", 8, 1000, 5000, 40000);
}

static long write_untouched(const struct call *c)
{
	return write(at.fd, untouched, c->len);
}

/* A page that is not to be had while the message is copied is EFAULT. */
TEST_WITHIN(sending_from_pages_not_there_yet, 900)
{
	static const size_t lens[] = { 8, 1000, 5000, 40000 };
	struct call c = {
		.what = "write of new pages", .ready = untouched_and_some_messages,
		.call = write_untouched, .also = EFAULT, .copies = 1,
		.allocations = 1,
	};

	for (int n = 0; n < 4; n++) {
		c.len = c.result = lens[n];
		inject(&c);
	}
}

#define MOST_PARTS	12
static struct iovec part[MOST_PARTS];

/* @number parts, the last one takes the rest. */
static void cut_up(const struct call *c, char *buf)
{
	size_t each = c->len / c->number;

	for (unsigned int n = 0; n < c->number; n++)
		part[n] = (struct iovec){ buf + n * each, each };
	part[c->number - 1].iov_len += c->len % c->number;
}

static void parts_to_send(const struct call *c)
{
	room_used_up(c);
	cut_up(c, at.in);
}

static long do_writev(const struct call *c)
{
	return writev(at.fd, part, c->number);
}

TEST_WITHIN(sending_several_parts_as_one_message, 900)
{
	static const size_t lens[] = { 60, 1000, 5000, 40000 };
	struct call c = {
		.what = "writev", .ready = parts_to_send, .call = do_writev,
		.copies = 2, .allocations = 2,
	};

	for (int n = 0; n < 4; n++) {
		c.len = c.result = lens[n];
		c.number = 3;
		inject(&c);
		/* more than the kernel has room for on its stack */
		c.number = MOST_PARTS;
		inject(&c);
	}
}

/*
 * read
 */

static long do_read(const struct call *c)
{
	return read(at.fd, at.out, c->number);
}

TEST_WITHIN(receiving, 900)
{
	static const size_t lens[] = { 1, 64, 65, 1000, 4096, 5000, 40000 };
	struct call c = {
		.what = "read", .ready = message_to_receive, .call = do_read,
		.copies = 1, .number = BUF_SIZE,
	};

	for (int n = 0; n < 7; n++) {
		c.len = c.result = lens[n];
		inject(&c);
	}
}

TEST_WITHIN(receiving_a_first_part, 900)
{
	static const size_t lens[] = { 8, 64, 1000, 5000, 40000 };
	struct call c = {
		.what = "read of a part", .ready = message_to_receive,
		.call = do_read, .copies = 1,
	};

	for (int n = 0; n < 5; n++) {
		c.len = lens[n];
		c.number = c.result = lens[n] / 3;
		inject(&c);
	}
}

/* It stays in hand, as far as it was read. */
TEST_WITHIN(receiving_the_rest, 900)
{
	static const size_t lens[] = { 8, 64, 1000, 5000, 40000 };
	struct call c = {
		.what = "read of the rest", .ready = half_of_it_read,
		.call = do_read, .copies = 1, .number = BUF_SIZE,
	};

	for (int n = 0; n < 5; n++) {
		c.len = lens[n];
		c.result = lens[n] / 2;
		inject(&c);
	}
}

static void in_hand_and_its_room_retired(const struct call *c)
{
	for (int n = 0; n < 8; n++)
		SEND(at.watch, n % 2 ? 30 : 200, n);
	for (int n = 0; n < 7; n++)
		RECEIVE(at.watch, n % 2 ? 30 : 200, n);
	ASSERT_EQ(read(at.fd, at.in, 10), 10);
	ASSERT_OK(set_capacity(at.watch, 1));
	(void)c;
}

TEST_WITHIN(receiving_the_rest_after_shrinking, 900)
{
	struct call c = {
		.what = "read of the rest, its room retired",
		.ready = in_hand_and_its_room_retired, .call = do_read,
		.copies = 1, .number = BUF_SIZE, .result = 20, .capacity = 1,
	};

	inject(&c);
}

static long read_untouched(const struct call *c)
{
	return read(at.fd, untouched, c->number);
}

static long untouched_was_filled(const struct call *c, long result)
{
	if (result > 0) {
		ASSERT_EQ(result, c->len);
		ASSERT_TRUE(filled(untouched, c->len, 6));
	}
	return result;
}

TEST_WITHIN(receiving_into_pages_not_there_yet, 900)
{
	static const size_t lens[] = { 8, 1000, 5000, 40000 };
	struct call c = {
		.what = "read into new pages", .ready = untouched_and_message,
		.call = read_untouched, .after = untouched_was_filled,
		.also = EFAULT, .copies = 1, .allocations = 1,
		.number = 16 * PAGE,
	};

	for (int n = 0; n < 4; n++) {
		c.len = c.result = lens[n];
		inject(&c);
	}
}

static void parts_to_receive(const struct call *c)
{
	message_to_receive(c);
	cut_up(c, at.out);
}

static long do_readv(const struct call *c)
{
	return readv(at.fd, part, c->number);
}

/* The first parts may have been filled when the next one can't be. */
static long but_parts(const struct call *c, long result)
{
	if (result < 0)
		memset(at.out, POISON, c->len);
	return result;
}

TEST_WITHIN(receiving_in_several_parts, 900)
{
	static const size_t lens[] = { 60, 1000, 5000, 40000 };
	struct call c = {
		.what = "readv", .ready = parts_to_receive, .call = do_readv,
		.after = but_parts, .copies = 2,
	};

	for (int n = 0; n < 4; n++) {
		c.len = c.result = lens[n];
		c.number = 3;
		inject(&c);
		c.number = MOST_PARTS;
		inject(&c);
	}
}

TEST_WITHIN(receiving_where_there_is_nothing, 900)
{
	struct call c = {
		.what = "read of nothing", .call = do_read, .number = 100,
		.result = -EAGAIN,
	};

	inject(&c);
	c.what = "read of end of file";
	c.ready = sealed_and_empty;
	c.result = 0;
	inject(&c);
}

/*
 * poll and the like
 */

#define MOST_POLLED	48
static struct pollfd polled[MOST_POLLED];

/* Many, so that the kernel needs memory for them; the last one is ready. */
static void files_to_poll(const struct call *c)
{
	(void)c;
	for (int n = 0; n < MOST_POLLED; n++)
		polled[n] = (struct pollfd){ at.fd, POLLIN, 0 };
	polled[MOST_POLLED - 1] = (struct pollfd){ at.watch, POLLOUT, 0 };
}

static long do_poll(const struct call *c)
{
	(void)c;
	return poll(polled, MOST_POLLED, 1000);
}

TEST_WITHIN(polling, 900)
{
	struct call c = {
		.what = "poll", .ready = files_to_poll, .call = do_poll,
		.result = 1, .allocations = 1, .copies = 1,
	};

	inject(&c);
}

static fd_set to_read, to_write;

static void files_to_select(const struct call *c)
{
	(void)c;
	FD_ZERO(&to_read);
	FD_ZERO(&to_write);
	FD_SET(at.fd, &to_read);
	FD_SET(at.watch, &to_write);
}

static long do_select(const struct call *c)
{
	struct timeval second = { 1, 0 };

	(void)c;
	return select(FD_SETSIZE, &to_read, &to_write, NULL, &second);
}

TEST_WITHIN(selecting, 900)
{
	struct call c = {
		.what = "select", .ready = files_to_select, .call = do_select,
		.result = 1, .copies = 3,
	};

	inject(&c);
}

static int epoll = -1;
static struct epoll_event event = { .events = EPOLLIN | EPOLLET, };

static void epoll_of_nothing(const struct call *c)
{
	some_messages(c);
	if (epoll >= 0)
		close(epoll);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	ASSERT_OK(epoll);
}

static long do_epoll_add(const struct call *c)
{
	(void)c;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, at.fd, &event);
}

/* It is in it and reports, or is not in it. */
static long epoll_reports(const struct call *c, long result)
{
	struct epoll_event seen;

	(void)c;
	ASSERT_EQ(epoll_wait(epoll, &seen, 1, 0), result == 0);
	return result;
}

TEST_WITHIN(adding_to_epoll, 900)
{
	struct call c = {
		.what = "epoll_ctl", .ready = epoll_of_nothing,
		.call = do_epoll_add, .after = epoll_reports,
		.allocations = 2, .copies = 1,
	};

	inject(&c);
}

static void file_in_epoll(const struct call *c)
{
	epoll_of_nothing(c);
	ASSERT_OK(do_epoll_add(c));
}

static long do_epoll_wait(const struct call *c)
{
	(void)c;
	return epoll_wait(epoll, (struct epoll_event *)at.out, 1, 0);
}

TEST_WITHIN(waiting_with_epoll, 900)
{
	struct call c = {
		.what = "epoll_wait", .ready = file_in_epoll,
		.call = do_epoll_wait, .result = 1,
	};

	inject(&c);
}

/*
 * ioctl. The structure is in at.in before, and compared in at.out after.
 */

static long do_ioctl(const struct call *c)
{
	return ioctl(at.fd, c->number, at.out);
}

static long do_ioctl_without(const struct call *c)
{
	return ioctl(at.fd, c->number, 0);
}

#define REQUEST(type, ...) (*(type *)at.out = (type){ __VA_ARGS__ })

TEST_WITHIN(asking_for_the_length, 900)
{
	struct call c = {
		.what = "FIONREAD", .ready = some_messages, .call = do_ioctl,
		.number = FIONREAD,
	};

	inject(&c);
}

/* The memory taken may differ by what was left over. */
static long but_memory(const struct call *c, long result)
{
	struct stacq_info *i = (struct stacq_info *)at.out;

	(void)c;
	if (result == 0)
		i->memory = 0;
	return result;
}

TEST_WITHIN(asking_for_information, 900)
{
	struct call c = {
		.what = "INFO", .ready = some_messages, .call = do_ioctl,
		.after = but_memory, .number = STACQ_IOC_INFO, .copies = 1,
		.place = NEW_QUEUE,
	};

	inject(&c);
	c.what = "INFO of a later version";
	c.number = _IOC(_IOC_READ, STACQ_IOC_MAGIC, 0x10, 400);
	inject(&c);
}

static void capacity_to_set(const struct call *c)
{
	room_used_up(c);
	REQUEST(struct stacq_capacity, .capacity = c->len);
}

TEST_WITHIN(setting_the_capacity, 900)
{
	/* 341 is two blocks, of which the second can't be made smaller. */
	static const size_t to[] = { 6, 7, 12, 100, 341, 2000 };
	struct call c = {
		.ready = capacity_to_set, .call = do_ioctl, .capacity = 6,
		.number = STACQ_IOC_SET_CAPACITY, .copies = 2,
	};
	char what[64];

	for (int n = 0; n < 6; n++) {
		snprintf(what, sizeof(what), "SET_CAPACITY 6 -> %zu", to[n]);
		c.what = what;
		c.len = to[n];
		c.allocations = to[n] > 6 ? 2 : 0;
		inject(&c);
	}
}

/* Messages are moved to other room, and spare buffers go. */
static void capacity_to_lower(const struct call *c)
{
	for (int n = 0; n < 100; n++)
		SEND(at.watch, n % 3 ? 10 : 200, n);
	for (int n = 0; n < 90; n++)
		RECEIVE(at.watch, n % 3 ? 10 : 200, n);
	REQUEST(struct stacq_capacity, .capacity = c->len);
}

TEST_WITHIN(lowering_the_capacity, 900)
{
	static const size_t to[] = { 10, 16, 50, 90 };
	struct call c = {
		.ready = capacity_to_lower, .call = do_ioctl,
		.number = STACQ_IOC_SET_CAPACITY, .copies = 2,
	};
	char what[64];

	for (int n = 0; n < 4; n++) {
		snprintf(what, sizeof(what), "SET_CAPACITY 128 -> %zu", to[n]);
		c.what = what;
		c.len = to[n];
		/* powers of two are made of room that is there */
		c.allocations = to[n] == 16 ? 0 : 2;
		inject(&c);
	}
}

static void limits_to_set(const struct call *c)
{
	some_messages(c);
	REQUEST(struct stacq_limits, .max_msgs = 1000, .max_bytes = 2000000,
		.max_msg_size = 3000);
}

TEST_WITHIN(setting_the_limits, 900)
{
	struct call c = {
		.what = "SET_LIMITS", .ready = limits_to_set, .call = do_ioctl,
		.number = STACQ_IOC_SET_LIMITS, .copies = 1,
	};

	inject(&c);
}

static void message_to_peek_at(const struct call *c)
{
	message_to_receive(c);
	REQUEST(struct stacq_peek, .buf = (unsigned long)at.out + PAGE,
		.buf_len = c->len);
}

static void one_to_peek_at_by_description(const struct call *c)
{
	message_to_receive(c);
	REQUEST(struct stacq_peek, .position = 1);
}

static void one_in_hand_to_peek_at(const struct call *c)
{
	half_of_it_read(c);
	REQUEST(struct stacq_peek, .flags = STACQ_PEEK_HELD);
}

static long but_time(const struct call *c, long result)
{
	struct stacq_peek *p = (struct stacq_peek *)at.out;

	(void)c;
	if (result == 0) {
		p->sent_ns = 0;
		p->seq -= at.base.sent;
	}
	return result;
}

/* The bytes may have been copied when the description can't be. */
static long but_time_and_bytes(const struct call *c, long result)
{
	if (result < 0)
		memset(at.out + PAGE, POISON, c->len);
	return but_time(c, result);
}

TEST_WITHIN(peeking, 900)
{
	struct call c = {
		.ready = message_to_peek_at, .call = do_ioctl,
		.after = but_time_and_bytes, .number = STACQ_IOC_PEEK,
		.copies = 3, .allocations = 1,
	};

	FOR_LENGTHS(c, "PEEK", 8, 64, 1000, 5000, 40000);
	c.what = "PEEK without bytes";
	c.ready = one_to_peek_at_by_description;
	c.copies = 2;
	c.allocations = 0;
	inject(&c);
	c.ready = one_in_hand_to_peek_at;
	FOR_LENGTHS(c, "PEEK at what is in hand", 8, 1000, 40000);
}

static void messages_to_purge(const struct call *c)
{
	for (int n = 0; n < 80; n++)
		SEND(at.watch, n % 3 ? 10 : 200, n);
	REQUEST(struct stacq_purge, .flags = 0);
	(void)c;
}

TEST_WITHIN(purging, 900)
{
	struct call c = {
		.what = "PURGE", .ready = messages_to_purge, .call = do_ioctl,
		.number = STACQ_IOC_PURGE, .copies = 2,
	};

	inject(&c);
}

TEST_WITHIN(sealing_and_unsealing, 900)
{
	struct call c = {
		.what = "SEAL", .ready = some_messages,
		.call = do_ioctl_without, .number = STACQ_IOC_SEAL,
	};

	inject(&c);
	c.what = "UNSEAL";
	c.ready = sealed_and_empty;
	c.number = STACQ_IOC_UNSEAL;
	inject(&c);
}
