// SPDX-License-Identifier: MIT
/* libstacq: waiting up to a deadline, and being told by an eventfd. */
#include "stacq.h"

#include <sys/ioctl.h>

ssize_t stacq_read_until(int fd, void *buf, size_t len, uint64_t deadline_ns)
{
	struct stacq_transfer req = {
		.buf = (uintptr_t)buf, .len = len, .deadline_ns = deadline_ns,
	};

	return ioctl(fd, STACQ_IOC_READ, &req);
}

ssize_t stacq_write_until(int fd, const void *buf, size_t len, uint64_t deadline_ns)
{
	struct stacq_transfer req = {
		.buf = (uintptr_t)buf, .len = len, .deadline_ns = deadline_ns,
	};

	return ioctl(fd, STACQ_IOC_WRITE, &req);
}

int stacq_notify(int fd, int eventfd, uint32_t events, uint64_t depth)
{
	struct stacq_notice req = { .fd = eventfd, .events = events, .depth = depth };

	return ioctl(fd, STACQ_IOC_NOTIFY, &req);
}
