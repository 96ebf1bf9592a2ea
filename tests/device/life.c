// SPDX-License-Identifier: GPL-2.0
/* The module under its queues: what keeps it, what it takes along. */
#include <sys/syscall.h>

#include "common.h"

#define NONBLOCK	(O_RDWR | O_NONBLOCK)

static int unload(void)
{
	return syscall(SYS_delete_module, "stacq", O_NONBLOCK);
}

TEST(module_cant_be_unloaded_while_a_queue_is_open)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_ERRNO(unload(), EWOULDBLOCK);
	PUT(fd, "still at work");
	GET(fd, "still at work");
}

TEST(module_cant_be_unloaded_while_a_removed_queue_is_open)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, NONBLOCK);

	ASSERT_OK(queue_remove(q.name));
	ASSERT_ERRNO(unload(), EWOULDBLOCK);
	ASSERT_ERRNO(write(fd, "x", 1), EIDRM);
}

TEST(module_cant_be_unloaded_while_control_is_open)
{
	ASSERT_OK(open(CONTROL, O_RDONLY));
	ASSERT_ERRNO(unload(), EWOULDBLOCK);
}

TEST(module_cant_be_unloaded_while_a_caller_is_blocked)
{
	struct queue q = queue_new(STACQ_FIFO);
	int fd = queue_open(&q, O_RDWR), other = queue_open(&q, NONBLOCK);
	pid_t pid = start();

	if (!pid) {
		close(other);
		GET(fd, "x");
		done();
	}
	close(fd);
	WAIT_READERS(other, 1);
	ASSERT_ERRNO(unload(), EWOULDBLOCK);
	PUT(other, "x");
	join(pid);
}

TEST(thousand_queues_come_and_go)
{
	struct queue q[1000];

	for (int i = 0; i < 1000; i++)
		q[i] = queue_new(i % 2);
	for (int i = 0; i < 1000; i++) {
		int fd = queue_open(&q[i], NONBLOCK);

		SEND(fd, i + 1, i);
		close(fd);
	}
	for (int i = 999; i >= 0; i--) {
		int fd = queue_open(&q[i], NONBLOCK);

		RECEIVE(fd, i + 1, i);
		close(fd);
		ASSERT_OK(queue_remove(q[i].name));
	}
}
