/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stacq for other kernel modules: find a queue by name, send it buffers,
 * receive from it. The queues are the ones under /dev/stacq; programs and
 * modules may be at either end of one.
 *
 * Contract: any number of senders and receivers, from any number of CPUs and
 * without a lock of their own. Each call takes the queue's spin lock, which is
 * not an interrupt-safe one: never call from interrupt or softirq context.
 * With STACQ_NOWAIT, stacq_send() and stacq_receive() do not sleep if the gfp
 * flags of the former do not allow it either, and may be called with
 * preemption off or a spin lock held (on PREEMPT_RT: not a raw one).
 */
#ifndef _LINUX_STACQ_H
#define _LINUX_STACQ_H

#include <linux/gfp.h>
#include <linux/types.h>

struct stacq_queue;

/* Return -EAGAIN where the call would otherwise wait for room or a message. */
#define STACQ_NOWAIT	0x1

struct stacq_queue *stacq_get(const char *name);
void stacq_put(struct stacq_queue *q);
int stacq_send(struct stacq_queue *q, const void *data, size_t len, gfp_t gfp,
	       unsigned int flags);
ssize_t stacq_receive(struct stacq_queue *q, void *buf, size_t size,
		      unsigned int flags);

#endif /* _LINUX_STACQ_H */
