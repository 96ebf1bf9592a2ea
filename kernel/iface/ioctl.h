/* SPDX-License-Identifier: GPL-2.0 */
/* What the ioctls of queues and of the control node share. */
#ifndef _STACQ_IOCTL_H
#define _STACQ_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* A request's number without the size of its structure. */
#define STACQ_IOC_SIZELESS(cmd)	((cmd) & ~(_IOC_SIZEMASK << _IOC_SIZESHIFT))

struct stacq_delivery;
struct stacq_queue;

int stacq_dead_letter_get(const struct stacq_delivery *d, struct stacq_queue **letter);
int stacq_args_in(void *to, size_t size, size_t least, unsigned int cmd,
		  const void __user *from);

#endif /* _STACQ_IOCTL_H */
