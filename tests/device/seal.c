// SPDX-License-Identifier: GPL-2.0
/* Sealing: no more writes; readers drain and read end of file. */
#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)
#define SEAL(fd)	ASSERT_OK(ioctl(fd, STACQ_IOC_SEAL, 0))
#define UNSEAL(fd)	ASSERT_OK(ioctl(fd, STACQ_IOC_UNSEAL, 0))

static volatile sig_atomic_t pipes_broken;

static void count_signal(int n)
{
	(void)n;
	pipes_broken++;
}

TEST(write_to_a_sealed_queue_is_epipe_without_a_signal)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK), blocking = queue_open(&q, O_WRONLY);

	signal(SIGPIPE, count_signal);
	SEAL(fd);
	ASSERT_REFUSED(fd, write(fd, "x", 1), EPIPE);
	ASSERT_REFUSED(fd, write(blocking, "x", 1), EPIPE);
	ASSERT_EQ(pipes_broken, 0);
	ASSERT_EQ(info(fd).state, STACQ_STATE_SEALED);
}

TEST(sealed_queue_drains_and_then_ends)
{
	for (unsigned int order = 0; order < 2; order++) {
		struct queue q = queue_new(order);
		int fd = queue_open(&q, O_RDWR);
		char c;

		PUT(fd, "a");
		PUT(fd, "b");
		SEAL(fd);
		GET(fd, order == STACQ_FIFO ? "a" : "b");
		GET(fd, order == STACQ_FIFO ? "b" : "a");
		ASSERT_EQ(read(fd, &c, 1), 0);
		ASSERT_EQ(read(fd, &c, 1), 0);
		ASSERT_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
		ASSERT_EQ(read(fd, &c, 1), 0);
	}
}

TEST(the_rest_of_a_message_comes_before_the_end)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	char c;

	PUT(fd, "abc");
	ASSERT_EQ(read(fd, &c, 1), 1);
	SEAL(fd);
	GET(fd, "bc");
	ASSERT_EQ(read(fd, &c, 1), 0);
}

TEST(blocked_writers_wake_with_epipe)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t pid[3];
	int fd;

	c.max_msgs = 1;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	PUT(fd, "1");
	for (int i = 0; i < 3; i++) {
		pid[i] = start();
		if (!pid[i]) {
			ASSERT_ERRNO(write(fd, "2", 1), EPIPE);
			done();
		}
	}
	WAIT_WRITERS(fd, 3);
	SEAL(fd);
	for (int i = 0; i < 3; i++)
		join(pid[i]);
	ASSERT_EQ(info(fd).sent, 1);
	GET(fd, "1");
}

TEST(blocked_readers_wake_with_end_of_file)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = start();
		if (!pid[i]) {
			char c;

			ASSERT_EQ(read(fd, &c, 1), 0);
			done();
		}
	}
	WAIT_READERS(fd, 3);
	SEAL(fd);
	for (int i = 0; i < 3; i++)
		join(pid[i]);
}

TEST(end_of_file_is_withheld_while_a_message_is_in_other_hands)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), holder = queue_open(&q, NONBLOCK);
	int fast = queue_open(&q, NONBLOCK);
	pid_t pid;
	char c;

	PUT(fd, "ab");
	ASSERT_EQ(read(holder, &c, 1), 1);
	SEAL(fd);
	ASSERT_REFUSED(fd, read(fast, &c, 1), EAGAIN);
	pid = start();
	if (!pid) {
		ASSERT_EQ(read(fd, &c, 1), 0);
		done();
	}
	WAIT_READERS(fd, 1);
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	GET(holder, "b");
	join(pid);
}

TEST(a_message_given_back_to_a_sealed_queue_finds_a_reader)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), holder = queue_open(&q, NONBLOCK);
	pid_t pid;
	char c;

	PUT(fd, "ab");
	ASSERT_EQ(read(holder, &c, 1), 1);
	SEAL(fd);
	pid = start();
	if (!pid) {
		close(holder);
		GET(fd, "ab");
		ASSERT_EQ(read(fd, &c, 1), 0);
		done();
	}
	WAIT_READERS(fd, 1);
	close(holder);
	join(pid);
}

/* Several wait, one message comes back: one gets it, then all see the end. */
TEST(all_readers_of_a_sealed_queue_end)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), holder = queue_open(&q, NONBLOCK);
	pid_t pid[4];
	char c;

	PUT(fd, "ab");
	ASSERT_EQ(read(holder, &c, 1), 1);
	SEAL(fd);
	for (int i = 0; i < 4; i++) {
		pid[i] = start();
		if (!pid[i]) {
			int mine = queue_open(&q, O_RDONLY);
			char buf[8];
			ssize_t n;

			close(holder);
			while ((n = read(mine, buf, 1)) > 0)
				usleep(10000);
			ASSERT_EQ(n, 0);
			done();
		}
	}
	WAIT_READERS(fd, 4);
	close(holder);
	for (int i = 0; i < 4; i++)
		join(pid[i]);
	ASSERT_EQ(info(fd).received, 1);
}

TEST(purge_of_a_sealed_queue_ends_its_readers)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	struct stacq_purge purge = { 0 };
	char c;

	PUT(fd, "a");
	SEAL(fd);
	ASSERT_OK(ioctl(fd, STACQ_IOC_PURGE, &purge));
	ASSERT_EQ(purge.discarded, 1);
	ASSERT_EQ(read(fd, &c, 1), 0);
}

TEST(unseal_undoes_it)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char c;

	SEAL(fd);
	ASSERT_EQ(read(fd, &c, 1), 0);
	UNSEAL(fd);
	ASSERT_EQ(info(fd).state, 0);
	ASSERT_ERRNO(read(fd, &c, 1), EAGAIN);
	PUT(fd, "again");
	GET(fd, "again");
}

TEST(sealing_twice_and_unsealing_an_open_one_do_nothing)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	UNSEAL(fd);
	ASSERT_EQ(info(fd).state, 0);
	SEAL(fd);
	SEAL(fd);
	ASSERT_EQ(info(fd).state, STACQ_STATE_SEALED);
	UNSEAL(fd);
	PUT(fd, "x");
}

TEST(seal_with_an_argument_is_einval)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SEAL, 1), EINVAL);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_SEAL, -1), EINVAL);
	ASSERT_REFUSED(fd, ioctl(fd, STACQ_IOC_UNSEAL, 1), EINVAL);
}

TEST(capacity_and_limits_can_be_set_while_sealed)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	PUT(fd, "x");
	SEAL(fd);
	ASSERT_OK(set_capacity(fd, 40));
	ASSERT_OK(set_limits(fd, 50, 500, 50));
	ASSERT_EQ(info(fd).state, STACQ_STATE_SEALED);
	GET(fd, "x");
}
