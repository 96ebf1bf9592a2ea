// SPDX-License-Identifier: GPL-2.0
/*
 * Each call on /dev/stacq/control, /sys/class/stacq/NAME/ and /proc/msg_queue, and by way of
 * io_uring, with each allocation and user copy in it made to fail.
 */
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/syscall.h>

#include "inject.h"

static void three_messages(const struct call *c)
{
	ASSERT_OK(set_capacity(at.watch, 4));
	SEND(at.watch, 8, 1);
	SEND(at.watch, 300, 2);
	SEND(at.watch, 600, 3);
	fill(at.in, c->len, 7);
}

static int opened = -1;

static long do_open(const struct call *c)
{
	opened = open(c->text, (int)c->number | O_CLOEXEC);
	return opened;
}

static long close_opened(const struct call *c, long result)
{
	(void)c;
	if (result < 0)
		return result;
	close(opened);
	return 0;
}

/*
 * /dev/stacq/control
 */

TEST_WITHIN(opening_control, 900)
{
	struct call c = {
		.what = "open of control", .call = do_open,
		.after = close_opened, .text = CONTROL, .number = O_RDWR,
		.place = NOWHERE, .allocations = 2, .copies = copies_of_names(),
	};

	inject(&c);
}

static struct stacq_create to_create;
static struct stacq_remove to_remove;

/* No queue may be counted that is not there: there is a place for one more. */
static void queue_to_create(const struct call *c)
{
	memset(&to_create, 0, sizeof(to_create));
	strcpy(to_create.name, c->text);
	to_create.order = c->lifo;
	to_create.capacity = c->len;
	to_create.max_bytes = STACQ_UNCHANGED;
	to_create.uid = ALICE;
	to_create.gid = STACQ_CALLER;
	to_create.mode = 0640;
}

static long do_create(const struct call *c)
{
	(void)c;
	return ioctl(at.control, STACQ_IOC_CREATE, &to_create);
}

TEST_WITHIN(creating, 900)
{
	struct call c = {
		.what = "CREATE", .ready = queue_to_create, .call = do_create,
		.place = NOWHERE, .text = "faulty", .lifo = true,
		.len = 970, .allocations = 100, .copies = 1,
	};

	/* stack and msg_queue are there; room for 970 is several blocks */
	set_parameter("max_queues", 3);
	inject(&c);
	c = (struct call){
		.what = "CREATE of one that is there", .ready = queue_to_create,
		.call = do_create, .place = NOWHERE, .text = "stack",
		.result = -EEXIST, .copies = 1,
	};
	inject(&c);
}

static void queue_to_remove(const struct call *c)
{
	memset(&to_remove, 0, sizeof(to_remove));
	strcpy(to_remove.name, c->text);
	if (c->place != NOWHERE)
		three_messages(c);
}

static long do_remove(const struct call *c)
{
	(void)c;
	return ioctl(at.control, STACQ_IOC_REMOVE, &to_remove);
}

TEST_WITHIN(removing, 900)
{
	struct call c = {
		.what = "REMOVE", .ready = queue_to_remove, .call = do_remove,
		.text = "faulty", .allocations = 1, .copies = 1,
	};

	inject(&c);
	c = (struct call){
		.what = "REMOVE of one that is not there",
		.ready = queue_to_remove, .call = do_remove, .text = "none",
		.place = NOWHERE, .result = -ENOENT, .copies = 1,
	};
	inject(&c);
}

/*
 * /sys/class/stacq/NAME/
 */

#define ATTRIBUTES	"/sys/class/stacq/faulty/"
static const char *const attributes[] = {
	"order", "depth", "bytes", "held", "capacity", "max_msgs", "max_bytes",
	"max_msg_size", "high_water", "memory", "sent", "received", "requeued",
	"discarded", "growths", "shrinks", "inflight", "lapsed", "lease_ms",
	"readers_waiting", "writers_waiting",
	"sealed",
};
#define NR_ATTRIBUTES	(sizeof(attributes) / sizeof(attributes[0]))

static int attribute = -1;

static void open_attribute(const struct call *c)
{
	three_messages(c);
	if (attribute >= 0)
		close(attribute);
	attribute = open(c->text, c->number ? O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC);
	ASSERT_OK(attribute);
	snprintf(at.in, BUF_SIZE, "%llu\n", c->number);
}

static long do_attribute_read(const struct call *c)
{
	(void)c;
	return pread(attribute, at.out, 64, 0) > 0 ? 0 : -1;
}

static long do_attribute_write(const struct call *c)
{
	(void)c;
	return pwrite(attribute, at.in, strlen(at.in), 0);
}

/* All of them are opened by the same code, which is not ours. */
TEST_WITHIN(opening_an_attribute, 900)
{
	struct call c = {
		.what = "open of an attribute", .call = do_open,
		.after = close_opened, .text = ATTRIBUTES "capacity",
		.number = O_RDWR, .allocations = 3, .copies = copies_of_names(),
	};

	inject(&c);
}

TEST_WITHIN(reading_attributes, 900)
{
	char path[64];

	for (size_t n = 0; n < NR_ATTRIBUTES; n++) {
		struct call c = {
			.what = path, .ready = open_attribute,
			.call = do_attribute_read, .place = NEW_QUEUE,
			.text = path, .allocations = 1, .copies = 1,
		};

		snprintf(path, sizeof(path), ATTRIBUTES "%s", attributes[n]);
		inject(&c);
	}
}

static void write_attribute(const char *name, unsigned long long value, unsigned int allocations)
{
	char path[64], text[32], what[64];
	struct call c = {
		.what = what, .ready = open_attribute,
		.call = do_attribute_write,
		.text = path, .number = value, .allocations = allocations,
		.copies = 1,
	};

	c.result = snprintf(text, sizeof(text), "%llu\n", value);
	snprintf(path, sizeof(path), ATTRIBUTES "%s", name);
	snprintf(what, sizeof(what), "write of %llu to %s", value, name);
	inject(&c);
}

TEST_WITHIN(writing_attributes, 900)
{
	write_attribute("capacity", 3, 1);
	write_attribute("capacity", 200, 4);
	write_attribute("max_msgs", 500, 1);
	write_attribute("max_bytes", 50000, 1);
	write_attribute("max_msg_size", 5000, 1);
	write_attribute("lease_ms", 60000, 1);
	write_attribute("ttl_ms", 60000, 1);
	write_attribute("max_deliveries", 5, 1);
}

/*
 * /proc/msg_queue
 */

TEST_WITHIN(opening_the_door, 900)
{
	struct call c = {
		.what = "open of /proc/msg_queue", .call = do_open,
		.ready = three_messages, .after = close_opened, .place = DOOR,
		.text = "/proc/msg_queue", .number = O_RDWR, .allocations = 4,
		.copies = copies_of_names(),
	};

	inject(&c);
}

static void door_full(const struct call *c)
{
	SEND(at.watch, 8, 1);
	fill(at.in, c->len, 7);
}

static long do_write(const struct call *c)
{
	return write(at.fd, at.in, c->len);
}

TEST_WITHIN(sending_through_the_door, 900)
{
	static const size_t lens[] = { 5, 64, 500, 1024 };
	struct call c = { .call = do_write, .place = DOOR, .copies = 1, };

	for (int n = 0; n < 4; n++) {
		c.len = c.result = lens[n];
		c.what = "write to /proc/msg_queue";
		c.ready = three_messages;
		c.allocations = 0;
		inject(&c);
		c.what = "write to /proc/msg_queue that makes it grow";
		c.ready = door_full;
		c.allocations = 2;
		inject(&c);
	}
}

static long do_read(const struct call *c)
{
	return read(at.fd, at.out, c->number);
}

static void one_message(const struct call *c)
{
	ASSERT_OK(set_capacity(at.watch, 2));
	SEND(at.watch, c->len, 6);
	SEND(at.watch, 30, 1);
}

static void half_read(const struct call *c)
{
	one_message(c);
	ASSERT_EQ(read(at.fd, at.in, c->len / 2), c->len / 2);
}

/* It is given back on closing if it was not read to the end, and not if it was. */
static long next_read(const struct call *c, long result)
{
	if (result > 0 && c->number == BUF_SIZE)
		ASSERT_EQ(read(at.fd, at.in, 10), 0);
	return result;
}

TEST_WITHIN(receiving_through_the_door, 900)
{
	static const size_t lens[] = { 8, 64, 500, 1024 };
	struct call c = {
		.call = do_read, .after = next_read, .place = DOOR, .copies = 1,
	};

	for (int n = 0; n < 4; n++) {
		c.len = lens[n];
		c.what = "read of /proc/msg_queue";
		c.ready = one_message;
		c.number = BUF_SIZE;
		c.result = lens[n];
		inject(&c);
		c.what = "read of the rest of /proc/msg_queue";
		c.ready = half_read;
		c.result = lens[n] / 2;
		inject(&c);
		c.what = "read of a part of /proc/msg_queue";
		c.ready = one_message;
		c.number = c.result = lens[n] / 4;
		inject(&c);
	}
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

TEST_WITHIN(closing_the_door_with_a_message_half_read, 900)
{
	struct call c = {
		.what = "close of /proc/msg_queue", .ready = half_read,
		.call = do_close, .after = closed, .place = DOOR, .len = 700,
	};

	inject(&c);
}

#define MOST_POLLED	48
static struct pollfd polled[MOST_POLLED];

static void door_to_poll(const struct call *c)
{
	(void)c;
	for (int n = 0; n < MOST_POLLED; n++)
		polled[n] = (struct pollfd){ at.fd, POLLIN, 0 };
	polled[MOST_POLLED - 1] = (struct pollfd){ at.fd, POLLOUT, 0 };
}

static long do_poll(const struct call *c)
{
	(void)c;
	return poll(polled, MOST_POLLED, 1000);
}

TEST_WITHIN(polling_the_door, 900)
{
	struct call c = {
		.what = "poll of /proc/msg_queue", .ready = door_to_poll,
		.call = do_poll, .result = 1, .place = DOOR, .allocations = 1,
		.copies = 1,
	};

	inject(&c);
}

static long do_ioctl(const struct call *c)
{
	(void)c;
	return ioctl(at.fd, STACQ_IOC_INFO, at.out);
}

TEST_WITHIN(ioctls_on_the_door, 900)
{
	struct call c = {
		.what = "ioctl on /proc/msg_queue", .ready = three_messages,
		.call = do_ioctl, .result = -ENOTTY, .place = DOOR,
	};

	inject(&c);
}

/*
 * io_uring, with a ring of its own for each call. What the request does not do
 * at once, a kernel thread does later, and in that nothing fails.
 */

static struct {
	int fd;
	struct io_uring_params p;
	unsigned char *rings;
	struct io_uring_sqe *sqe;
} ring = { .fd = -1, };

#define IN_RING(offset)	(*(volatile unsigned int *)(ring.rings + (offset)))

static void ring_up(void)
{
	if (ring.fd >= 0)
		close(ring.fd);
	memset(&ring.p, 0, sizeof(ring.p));
	ring.fd = syscall(SYS_io_uring_setup, 1, &ring.p);
	if (ring.fd < 0)
		SKIP("io_uring is not to be had: %s", strerrorname_np(errno));
	if (ring.rings) {
		munmap(ring.rings, 4096);
		munmap(ring.sqe, 4096);
	}
	ring.rings = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
	ring.sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
	ASSERT_TRUE(ring.rings != MAP_FAILED && ring.sqe != MAP_FAILED);
}

/* One request, to be made by io_uring_enter(). */
static void request(int op, const void *buf, size_t len, unsigned int flags)
{
	ring_up();
	memset(ring.sqe, 0, sizeof(*ring.sqe));
	ring.sqe->opcode = op;
	ring.sqe->fd = at.fd;
	ring.sqe->addr = (unsigned long)buf;
	ring.sqe->len = len;
	ring.sqe->off = op == IORING_OP_POLL_ADD ? 0 : -1;
	ring.sqe->rw_flags = flags;
	IN_RING(ring.p.sq_off.array) = 0;
	IN_RING(ring.p.sq_off.tail) = 1;
}

/*
 * Make the request and wait for its end. One that could not be taken from the
 * ring fails with EAGAIN, and may be made once more.
 */
static long do_request(const struct call *c)
{
	(void)c;
	return syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
}

static long request_result(const struct call *c, long result)
{
	struct io_uring_cqe *cqe;
	unsigned int head = IN_RING(ring.p.cq_off.head);

	(void)c;
	if (result < 0)
		return result;
	if (head == IN_RING(ring.p.cq_off.tail))
		return -EAGAIN;
	cqe = (struct io_uring_cqe *)(ring.rings + ring.p.cq_off.cqes) +
	      (head & IN_RING(ring.p.cq_off.ring_mask));
	result = cqe->res;
	IN_RING(ring.p.cq_off.head) = head + 1;
	/* The next attempt finds the request in the ring again. */
	if (result < 0)
		IN_RING(ring.p.sq_off.tail) = IN_RING(ring.p.sq_off.head) + 1;
	return result;
}

static void write_request(const struct call *c)
{
	three_messages(c);
	request(IORING_OP_WRITE, at.in, c->len, 0);
}

static void growing_write_request(const struct call *c)
{
	door_full(c);
	request(IORING_OP_WRITE, at.in, c->len, 0);
}

static void read_request(const struct call *c)
{
	one_message(c);
	request(IORING_OP_READ, at.out, BUF_SIZE, 0);
}

static void poll_request(const struct call *c)
{
	one_message(c);
	request(IORING_OP_POLL_ADD, NULL, 0, POLLIN);
}

TEST_WITHIN(sending_with_io_uring, 900)
{
	static const size_t lens[] = { 8, 1000, 5000, 40000 };
	struct call c = {
		.call = do_request, .after = request_result, .copies = 1,
		.also = EAGAIN,
	};

	for (int n = 0; n < 4; n++) {
		c.len = c.result = lens[n];
		c.what = "io_uring write";
		c.ready = write_request;
		inject(&c);
		c.what = "io_uring write that makes it grow";
		c.ready = growing_write_request;
		inject(&c);
	}
}

TEST_WITHIN(receiving_with_io_uring, 900)
{
	static const size_t lens[] = { 8, 1000, 5000, 40000 };
	struct call c = {
		.what = "io_uring read", .ready = read_request,
		.call = do_request, .after = request_result, .copies = 1,
		.also = EAGAIN,
	};

	for (int n = 0; n < 4; n++) {
		c.len = c.result = lens[n];
		inject(&c);
	}
}

TEST_WITHIN(polling_with_io_uring, 900)
{
	struct call c = {
		.what = "io_uring poll", .ready = poll_request,
		.call = do_request, .after = request_result, .len = 10,
		.result = POLLIN, .allocations = 1, .also = EAGAIN,
	};

	inject(&c);
}
