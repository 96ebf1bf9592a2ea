// SPDX-License-Identifier: GPL-2.0
/* The three limits, who may set them, and the module's ceilings. */
#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define KEEP		STACQ_UNCHANGED

/* A queue that alice owns. */
static struct queue queue_of_alice(void)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);

	c.uid = ALICE;
	c.gid = ALICE;
	return queue_from(&c);
}

/* An open file of alice, in a process that is alice from here on. */
static int as_alice(const struct queue *q)
{
	become(ALICE);
	return queue_open(q, NONBLOCK);
}

TEST(max_msgs_holds)
{
	for (unsigned int most = 1; most < 10; most++) {
		struct stacq_create c = create_defaults(STACQ_FIFO);
		struct queue q;
		int fd;

		c.max_msgs = most;
		q = queue_from(&c);
		fd = queue_open(&q, NONBLOCK);
		for (unsigned int i = 0; i < most; i++)
			SEND(fd, 5, i);
		ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
		RECEIVE(fd, 5, 0);
		SEND(fd, 5, most);
		ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
	}
}

TEST(max_bytes_holds_to_the_byte)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	int fd;

	c.max_bytes = 10000;
	q = queue_from(&c);
	fd = queue_open(&q, NONBLOCK);
	SEND(fd, 5000, 1);
	SEND(fd, 4000, 2);
	ASSERT_REFUSED(fd, write(fd, page_pair(), 1001), EAGAIN);
	SEND(fd, 1000, 3);
	ASSERT_EQ(info(fd).bytes, 10000);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
	RECEIVE(fd, 5000, 1);
	SEND(fd, 5000, 4);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
}

TEST(messages_in_hand_count_for_max_msgs)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), reader = queue_open(&q, NONBLOCK);
	char c;

	ASSERT_OK(set_limits(fd, 2, KEEP, KEEP));
	PUT(fd, "one");
	PUT(fd, "two");
	ASSERT_EQ(read(reader, &c, 1), 1);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
	GET(reader, "ne");
	PUT(fd, "three");
}

TEST(messages_in_hand_count_for_max_bytes)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), reader = queue_open(&q, NONBLOCK);
	char c;

	ASSERT_OK(set_limits(fd, KEEP, 10, KEEP));
	PUT(fd, "12345");
	PUT(fd, "6789");
	ASSERT_EQ(read(reader, &c, 1), 1);
	ASSERT_REFUSED(fd, write(fd, "xx", 2), EAGAIN);
	PUT(fd, "x");
	GET(reader, "2345");
	PUT(fd, "abcde");
}

TEST(a_message_given_back_is_never_refused)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), reader = queue_open(&q, NONBLOCK);
	char c;

	PUT(fd, "one");
	PUT(fd, "two");
	ASSERT_EQ(read(reader, &c, 1), 1);
	ASSERT_OK(set_limits(fd, 1, 3, 1));
	close(reader);
	ASSERT_EQ(info(fd).depth, 2);
	GET(fd, "one");
	GET(fd, "two");
}

TEST(lowering_a_limit_throws_nothing_away)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	for (unsigned int i = 0; i < 5; i++)
		SEND(fd, 100, i);
	ASSERT_OK(set_limits(fd, 2, 150, 120));
	ASSERT_EQ(info(fd).depth, 5);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EAGAIN);
	RECEIVE(fd, 100, 0);
	RECEIVE(fd, 100, 1);
	RECEIVE(fd, 100, 2);
	RECEIVE(fd, 100, 3);
	ASSERT_REFUSED(fd, write(fd, page_pair(), 51), EAGAIN);
	SEND(fd, 50, 9);
	RECEIVE(fd, 100, 4);
	RECEIVE(fd, 50, 9);
}

TEST(set_limits_changes_only_what_it_is_told_to)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_info i;

	ASSERT_OK(set_limits(fd, 11, KEEP, KEEP));
	ASSERT_OK(set_limits(fd, KEEP, 2222, KEEP));
	ASSERT_OK(set_limits(fd, KEEP, KEEP, 333));
	i = info(fd);
	ASSERT_EQ(i.max_msgs, 11);
	ASSERT_EQ(i.max_bytes, 2222);
	ASSERT_EQ(i.max_msg_size, 333);
	ASSERT_OK(set_limits(fd, 0, 0, 0));
	i = info(fd);
	ASSERT_EQ(i.max_msgs + i.max_bytes + i.max_msg_size, 0);
}

TEST(set_limits_refuses_flags_and_reserved_fields)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_limits l = { .max_msgs = 5, .flags = 1 };

	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_LIMITS, &l), EINVAL);
	l.flags = 0;
	l.reserved = 1;
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_LIMITS, &l), EINVAL);
}

TEST(set_capacity_refuses_flags_and_reserved_fields)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	struct stacq_capacity c = { .capacity = 5, .flags = 1u << 31 };

	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_CAPACITY, &c), EINVAL);
	c.flags = 0;
	c.reserved = 1;
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SET_CAPACITY, &c), EINVAL);
}

TEST(new_queues_have_the_module_s_defaults)
{
	struct queue q;
	struct stacq_info i;

	q = queue_new(STACQ_FIFO);
	i = info(queue_open(&q, NONBLOCK));
	ASSERT_EQ(i.max_msgs, parameter("default_max_msgs"));
	ASSERT_EQ(i.max_bytes, parameter("default_max_bytes"));
	ASSERT_EQ(i.max_msg_size, parameter("default_max_msg_size"));

	set_parameter("default_max_msgs", 77);
	set_parameter("default_max_bytes", 7777);
	set_parameter("default_max_msg_size", 777);
	q = queue_new(STACQ_FIFO);
	i = info(queue_open(&q, NONBLOCK));
	ASSERT_EQ(i.max_msgs, 77);
	ASSERT_EQ(i.max_bytes, 7777);
	ASSERT_EQ(i.max_msg_size, 777);
}

TEST(stack_made_at_load_has_no_limits)
{
	int fd = open("/dev/stacq/stack", NONBLOCK | O_CLOEXEC);
	struct stacq_info i;
	struct stat st;

	ASSERT_OK(fd);
	i = info(fd);
	ASSERT_EQ(i.order, STACQ_LIFO);
	ASSERT_EQ(i.max_msgs + i.max_bytes + i.max_msg_size, 0);
	ASSERT_OK(fstat(fd, &st));
	ASSERT_EQ(st.st_mode & 07777, 0600);
	ASSERT_EQ(st.st_uid, 0);
}

TEST(owner_may_raise_up_to_the_ceiling)
{
	struct queue q = queue_of_alice();
	unsigned long long msgs = parameter("ceiling_max_msgs");
	unsigned long long bytes = parameter("ceiling_max_bytes");
	unsigned long long size = parameter("ceiling_max_msg_size");
	pid_t pid = start();

	if (!pid) {
		int fd = as_alice(&q);

		ASSERT_OK(set_limits(fd, msgs, bytes, size));
		ASSERT_EQ(info(fd).max_msgs, msgs);
		ASSERT_EQ(info(fd).max_bytes, bytes);
		ASSERT_EQ(info(fd).max_msg_size, size);
		done();
	}
	join(pid);
}

TEST(above_the_ceiling_needs_cap_sys_resource)
{
	struct queue q = queue_of_alice();
	unsigned long long msgs = parameter("ceiling_max_msgs");
	unsigned long long bytes = parameter("ceiling_max_bytes");
	unsigned long long size = parameter("ceiling_max_msg_size");
	int root = queue_open(&q, NONBLOCK);
	pid_t pid = start();

	if (!pid) {
		int fd = as_alice(&q);

		ASSERT_REFUSED(fd, set_limits(fd, msgs + 1, KEEP, KEEP), EPERM);
		ASSERT_REFUSED(fd, set_limits(fd, KEEP, bytes + 1, KEEP), EPERM);
		ASSERT_REFUSED(fd, set_limits(fd, KEEP, KEEP, size + 1), EPERM);
		/* no limit is above every ceiling; all or nothing */
		ASSERT_REFUSED(fd, set_limits(fd, 0, KEEP, KEEP), EPERM);
		ASSERT_REFUSED(fd, set_limits(fd, KEEP, 0, KEEP), EPERM);
		ASSERT_REFUSED(fd, set_limits(fd, KEEP, KEEP, 0), EPERM);
		ASSERT_REFUSED(fd, set_limits(fd, 5, 5, 0), EPERM);
		done();
	}
	join(pid);
	ASSERT_OK(set_limits(root, 0, bytes + 1, size + 1));
}

TEST(lowering_from_above_the_ceiling_is_free)
{
	struct queue q = queue_of_alice();
	unsigned long long bytes = parameter("ceiling_max_bytes");
	int root = queue_open(&q, NONBLOCK);
	pid_t pid;

	ASSERT_OK(set_limits(root, KEEP, bytes * 3, KEEP));
	pid = start();
	if (!pid) {
		int fd = as_alice(&q);

		ASSERT_OK(set_limits(fd, KEEP, bytes * 3, KEEP));
		ASSERT_OK(set_limits(fd, KEEP, bytes * 2, KEEP));
		ASSERT_REFUSED(fd, set_limits(fd, KEEP, bytes * 2 + 1, KEEP),
			       EPERM);
		done();
	}
	join(pid);
}

TEST(capacity_above_the_ceiling_needs_cap_sys_resource)
{
	struct queue q = queue_of_alice();
	int root = queue_open(&q, NONBLOCK);
	pid_t pid;

	set_parameter("ceiling_max_msgs", 100);
	ASSERT_OK(set_limits(root, 0, KEEP, KEEP));
	pid = start();
	if (!pid) {
		int fd = as_alice(&q);

		ASSERT_OK(set_capacity(fd, 100));
		ASSERT_REFUSED(fd, set_capacity(fd, 101), EPERM);
		done();
	}
	join(pid);
	ASSERT_OK(set_capacity(root, 101));
}

TEST(a_ceiling_of_0_is_none)
{
	struct queue q = queue_of_alice();
	pid_t pid;

	set_parameter("ceiling_max_msgs", 0);
	pid = start();
	if (!pid) {
		int fd = as_alice(&q);

		ASSERT_OK(set_limits(fd, 1ull << 50, KEEP, KEEP));
		ASSERT_OK(set_limits(fd, 0, KEEP, KEEP));
		done();
	}
	join(pid);
}

TEST(only_the_owner_may_set)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t pid;

	c.uid = ALICE;
	c.mode = 0666;
	q = queue_from(&c);
	pid = start();
	if (!pid) {
		int fd;

		become(BOB);
		fd = queue_open(&q, NONBLOCK);
		ASSERT_REFUSED(fd, set_capacity(fd, 10), EPERM);
		ASSERT_REFUSED(fd, set_limits(fd, 10, KEEP, KEEP), EPERM);
		PUT(fd, "but send and receive");
		GET(fd, "but send and receive");
		done();
	}
	join(pid);
	pid = start();
	if (!pid) {
		int fd = as_alice(&q);

		ASSERT_OK(set_capacity(fd, 10));
		ASSERT_OK(set_limits(fd, 10, KEEP, KEEP));
		done();
	}
	join(pid);
}
