// SPDX-License-Identifier: GPL-2.0
/* The door in /proc: one message for each open file, end of file after it. */
#include <poll.h>
#include <sys/epoll.h>

#include "common.h"

#define DOOR		"/proc/msg_queue"
#define NONBLOCK	(O_RDWR | O_NONBLOCK)

static const struct queue behind = {
	.name = "msg_queue", .path = "/dev/stacq/msg_queue",
};

/* Open after throwing away what an earlier test has left. */
static int door(int flags)
{
	int fd = open(DOOR, flags | O_CLOEXEC);

	ASSERT_OK(fd);
	return fd;
}

static int emptied(void)
{
	int fd = queue_open(&behind, NONBLOCK);
	struct stacq_purge purge = { 0 };

	ASSERT_OK(ioctl(fd, STACQ_IOC_UNSEAL, 0));
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	return fd;
}

TEST(it_is_a_fifo_with_the_mode_and_size_of_the_parameters)
{
	int fd = emptied();
	struct stat st;

	ASSERT_OK(stat(DOOR, &st));
	ASSERT_TRUE(S_ISREG(st.st_mode));
	ASSERT_EQ(st.st_mode & 07777, 0660);
	ASSERT_EQ(info(fd).order, STACQ_FIFO);
	ASSERT_EQ(info(fd).max_msg_size, 1024);
}

TEST(an_empty_door_ends_at_once_and_never_waits)
{
	char c = 'x';

	emptied();
	ASSERT_EQ(read(door(O_RDONLY), &c, 1), 0);
	ASSERT_EQ(read(door(O_RDONLY | O_NONBLOCK), &c, 1), 0);
	ASSERT_EQ(c, 'x');
}

TEST(an_open_file_receives_one_message_and_then_ends)
{
	int in = door(O_WRONLY), out;
	char buf[16];

	emptied();
	PUT(in, "one");
	PUT(in, "two");
	out = door(O_RDONLY);
	GET(out, "one");
	ASSERT_EQ(read(out, buf, sizeof(buf)), 0);
	ASSERT_EQ(read(out, buf, sizeof(buf)), 0);
	close(out);
	out = door(O_RDONLY);
	GET(out, "two");
}

TEST(a_buffer_of_3_bytes_gets_the_first_3_bytes)
{
	int fd = emptied(), out;
	char buf[3];

	PUT(fd, "hello 1");
	out = door(O_RDONLY);
	ASSERT_EQ(read(out, buf, 3), 3);
	ASSERT_MEM(buf, "hel", 3);
	ASSERT_EQ(read(out, buf, 3), 3);
	ASSERT_MEM(buf, "lo ", 3);
	ASSERT_EQ(read(out, buf, 3), 1);
	ASSERT_EQ(buf[0], '1');
	ASSERT_EQ(read(out, buf, 3), 0);
}

TEST(closing_in_the_middle_gives_the_message_back)
{
	int fd = emptied(), out = door(O_RDONLY);
	unsigned long long requeued = info(fd).requeued;
	char buf[3];

	PUT(fd, "hello 1");
	PUT(fd, "hello 2");
	ASSERT_EQ(read(out, buf, 3), 3);
	ASSERT_EQ(info(fd).held, 1);
	close(out);
	ASSERT_EQ(info(fd).requeued, requeued + 1);
	out = door(O_RDONLY);
	GET(out, "hello 1");
}

TEST(both_doors_lead_to_one_queue)
{
	int fd = emptied(), in = door(O_WRONLY), out = door(O_RDONLY);

	PUT(in, "from proc");
	GET(fd, "from proc");
	PUT(fd, "from dev");
	GET(out, "from dev");
}

TEST(a_message_of_1024_is_taken_and_of_1025_is_emsgsize)
{
	static char buf[1025];
	int fd = emptied(), in = door(O_WRONLY);

	ASSERT_REFUSED(fd, write(in, buf, 1025), EMSGSIZE);
	ASSERT_EQ(write(in, buf, 1024), 1024);
	ASSERT_EQ(info(fd).bytes, 1024);
}

TEST(bad_addresses_are_efault_and_lose_nothing)
{
	int fd = emptied(), in = door(O_WRONLY), out = door(O_RDONLY);

	ASSERT_REFUSED(fd, write(in, null_pointer, 10), EFAULT);
	ASSERT_REFUSED(fd, write(in, kernel_pointer, 10), EFAULT);
	PUT(in, "hello");
	ASSERT_REFUSED(fd, read(out, null_pointer, 10), EFAULT);
	ASSERT_REFUSED(fd, read(out, kernel_pointer, 10), EFAULT);
	/* the file has not had its message yet */
	GET(out, "hello");
}

TEST(zero_length_reads_and_writes_do_nothing)
{
	int fd = emptied(), in = door(O_WRONLY), out = door(O_RDONLY);
	char c;

	ASSERT_EQ(write(in, "x", 0), 0);
	ASSERT_EQ(info(fd).depth, 0);
	PUT(in, "hello");
	ASSERT_EQ(read(out, &c, 0), 0);
	GET(out, "hello");
}

TEST(a_full_door_blocks_or_is_eagain)
{
	int fd = emptied(), in = door(O_WRONLY | O_NONBLOCK);
	pid_t pid;

	ASSERT_OK(set_limits(fd, 1, STACQ_UNCHANGED, STACQ_UNCHANGED));
	PUT(in, "one");
	ASSERT_REFUSED(fd, write(in, "two", 3), EAGAIN);
	pid = start();
	if (!pid) {
		PUT(door(O_WRONLY), "two");
		done();
	}
	WAIT_WRITERS(fd, 1);
	GET(fd, "one");
	join(pid);
	GET(fd, "two");
	ASSERT_OK(set_limits(fd, parameter("default_max_msgs"),
			     STACQ_UNCHANGED, STACQ_UNCHANGED));
}

TEST(poll_works_in_both_directions)
{
	int fd = emptied();
	struct pollfd p = { .fd = door(O_RDWR), .events = POLLIN | POLLOUT };
	pid_t pid;

	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLOUT);
	pid = start();
	if (!pid) {
		struct pollfd in = { .fd = door(O_RDONLY), .events = POLLIN };

		ASSERT_EQ(poll(&in, 1, -1), 1);
		ASSERT_EQ(in.revents, POLLIN);
		GET(in.fd, "x");
		done();
	}
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	PUT(fd, "x");
	join(pid);
}

TEST(a_sealed_door_is_epipe)
{
	int fd = emptied(), in = door(O_WRONLY);

	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0));
	ASSERT_REFUSED(fd, write(in, "x", 1), EPIPE);
	ASSERT_OK(ioctl(fd, STACQ_IOC_UNSEAL, 0));
	PUT(in, "x");
}

/*
 * Those who poll the file are in the queue's wait queues until they close it, or
 * until they have waited enough. Last, since it takes the door away.
 */
TEST(removing_the_queue_removes_the_file)
{
	int fd = emptied(), in = door(O_WRONLY), epoll = epoll_create1(0);
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd nothing = { .fd = in };
	pid_t poller = start();
	struct stat st;

	if (!poller) {
		/* For no event but those that can't be left out. */
		poll(&nothing, 1, 2000);
		done();
	}
	ASSERT_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, in, &event));
	usleep(SETTLE_US);
	PUT(fd, "hello");
	ASSERT_OK(queue_remove("msg_queue"));
	ASSERT_ERRNO(stat(DOOR, &st), ENOENT);
	ASSERT_ERRNO(stat(behind.path, &st), ENOENT);
	ASSERT_ERRNO(write(in, "x", 1), EIDRM);
	ASSERT_ERRNO(read(fd, &st, 1), EIDRM);
	close(fd);
	ASSERT_EQ(epoll_wait(epoll, &event, 1, 0), 1);
	ASSERT_TRUE(event.events & EPOLLERR);
	close(in);
	join(poller);
}
