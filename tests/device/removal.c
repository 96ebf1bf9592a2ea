// SPDX-License-Identifier: GPL-2.0
/* What callers see of a queue that is removed; what outlives whom. */
#include <poll.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

TEST(removal_wakes_blocked_readers_with_eidrm)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	pid_t pid[5];

	for (int i = 0; i < 5; i++) {
		pid[i] = start();
		if (!pid[i]) {
			char c;

			ASSERT_ERRNO(read(fd, &c, 1), EIDRM);
			done();
		}
	}
	WAIT_READERS(fd, 5);
	ASSERT_OK(queue_remove(q.name));
	for (int i = 0; i < 5; i++)
		join(pid[i]);
}

TEST(removal_wakes_blocked_writers_with_eidrm)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	struct queue q;
	pid_t pid[5];
	int fd;

	c.max_msgs = 1;
	q = queue_from(&c);
	fd = queue_open(&q, O_RDWR);
	PUT(fd, "1");
	for (int i = 0; i < 5; i++) {
		pid[i] = start();
		if (!pid[i]) {
			ASSERT_ERRNO(write(fd, "2", 1), EIDRM);
			done();
		}
	}
	WAIT_WRITERS(fd, 5);
	ASSERT_OK(queue_remove(q.name));
	for (int i = 0; i < 5; i++)
		join(pid[i]);
}

TEST(later_calls_on_open_files_are_eidrm)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), fast = queue_open(&q, NONBLOCK);
	struct stacq_info i;
	struct stacq_purge purge = { 0 };
	struct stat st;
	char buf[8];
	int n = 77;

	PUT(fd, "hello");
	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(stat(q.path, &st), ENOENT);
	for (int k = 0; k < 2; k++) {
		int f = k ? fast : fd;

		ASSERT_ERRNO(read(f, buf, sizeof(buf)), EIDRM);
		ASSERT_ERRNO(write(f, "x", 1), EIDRM);
		memset(&i, POISON, sizeof(i));
		ASSERT_ERRNO(ioctl(f, STACQ_IOC_INFO, &i), EIDRM);
		ASSERT_EQ((unsigned char)i.name[0], POISON);
		ASSERT_ERRNO(set_capacity(f, 5), EIDRM);
		ASSERT_ERRNO(set_limits(f, 5, 5, 5), EIDRM);
		ASSERT_ERRNO(peek(f, 0, buf, 8, NULL), EIDRM);
		ASSERT_ERRNO(ioctl(f, STACQ_IOC_PURGE, &purge), EIDRM);
		ASSERT_ERRNO(ioctl(f, STACQ_IOC_SEAL, 0), EIDRM);
		ASSERT_ERRNO(ioctl(f, STACQ_IOC_UNSEAL, 0), EIDRM);
		ASSERT_ERRNO(ioctl(f, FIONREAD, &n), EIDRM);
		ASSERT_EQ(n, 77);
	}
	ASSERT_ERRNO(open(q.path, O_RDWR), ENOENT);
}

TEST(the_message_at_hand_goes_with_the_queue)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);
	char buf[8];

	PUT(fd, "hello");
	ASSERT_EQ(read(fd, buf, 2), 2);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(read(fd, buf, 2), EIDRM);
	close(fd);
}

TEST(sysfs_goes_with_the_queue)
{
	struct queue q = queue_new(STACQ_FIFO);
	char path[128], buf[16];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/stacq/%s/depth", q.name);
	fd = open(path, O_RDONLY);
	ASSERT_OK(fd);
	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(stat(path, &st), ENOENT);
	ASSERT_EQ(read(fd, buf, sizeof(buf)), -1);
}

TEST(removal_raises_hup_and_err_for_pollers)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	pid_t pid = start();

	if (!pid) {
		ASSERT_EQ(poll(&p, 1, -1), 1);
		ASSERT_EQ(p.revents, POLLIN | POLLHUP | POLLERR);
		done();
	}
	usleep(SETTLE_US);
	ASSERT_TRUE(running(pid));
	ASSERT_OK(queue_remove(q.name));
	join(pid);
	p.events = POLLIN | POLLOUT;
	ASSERT_EQ(poll(&p, 1, 0), 1);
	ASSERT_EQ(p.revents, POLLIN | POLLOUT | POLLHUP | POLLERR);
}

TEST(messages_outlive_the_processes_that_sent_them)
{
	struct queue q = queue_new(STACQ_FIFO);
	pid_t pid = start();

	if (!pid) {
		int fd = queue_open(&q, O_WRONLY);

		PUT(fd, "from the");
		PUT(fd, "other side");
		done();
	}
	join(pid);
	GET(queue_open(&q, NONBLOCK), "from the");
	GET(queue_open(&q, NONBLOCK), "other side");
	ASSERT_EQ(info(queue_open(&q, NONBLOCK)).received, 2);
}

/* Opening, using and removing race; each call ends in one of these ways. */
TEST(removal_races_with_everything)
{
	struct stacq_create c = create_defaults(STACQ_FIFO);
	/* KCSAN looks at one access in a thousand */
	int rounds = access("/sys/kernel/debug/kcsan", F_OK) ? 100 : 400;
	char path[128];
	pid_t pid[5];

	c.max_msgs = 3;
	snprintf(path, sizeof(path), "/dev/stacq/%s", c.name);
	for (int i = 0; i < 5; i++) {
		pid[i] = start();
		if (pid[i])
			continue;
		for (;;) {
			int fd = open(path, O_RDWR | O_CLOEXEC);
			char buf[100] = "message";
			struct stacq_mode m = { 0 };

			if (fd < 0) {
				ASSERT_TRUE(errno == ENOENT || errno == ENXIO);
				continue;
			}
			if (i == 4) {
				while (!ioctl(fd, STACQ_IOC_SET_MODE, &m))
					;
				ASSERT_EQ(errno, EIDRM);
			}
			for (int n = 0; n < 3 && i < 4; n++) {
				ssize_t r = i < 2 ? write(fd, buf, 90) :
					    read(fd, buf, i == 2 ? 90 : 40);

				if (r < 0) {
					ASSERT_EQ(errno, EIDRM);
					break;
				}
				ASSERT_TRUE(r == 90 || r == 40 || r == 10);
			}
			close(fd);
		}
	}
	for (int round = 0; round < rounds; round++) {
		ASSERT_OK(create(&c));
		usleep(round % 100 * 100);
		ASSERT_OK(queue_remove(c.name));
	}
	for (int i = 0; i < 5; i++) {
		ASSERT_TRUE(running(pid[i]));
		kill_now(pid[i]);
	}
}
