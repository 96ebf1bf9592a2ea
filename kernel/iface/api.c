// SPDX-License-Identifier: GPL-2.0
/* The door for other kernel modules. The contract: include/linux/stacq.h. */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/stacq.h>

#include "core/queue.h"
#include "iface/registry.h"
#include "io/transfer.h"

/**
 * stacq_get() - find a queue by name and hold it
 * @name: its name, as under /dev/stacq
 *
 * Holding it does not keep it from being removed: then sending and receiving
 * fail with -EIDRM.
 *
 * Context: Process context, may sleep.
 * Return: the queue, to be given to stacq_put(), or -ENOENT.
 */
struct stacq_queue *stacq_get(const char *name)
{
	return stacq_registry_find(name) ?: ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_GPL(stacq_get);

/**
 * stacq_put() - let go of a queue
 * @q: from stacq_get()
 *
 * Context: Process context, may sleep.
 */
void stacq_put(struct stacq_queue *q)
{
	stacq_queue_put(q);
}
EXPORT_SYMBOL_GPL(stacq_put);

static int api_flags(unsigned int flags, unsigned int *xfer)
{
	if (flags & ~STACQ_NOWAIT)
		return -EINVAL;
	*xfer = flags & STACQ_NOWAIT ? STACQ_XFER_NOWAIT : 0;
	return 0;
}

/**
 * stacq_send() - send a message
 * @q: from stacq_get()
 * @data: its bytes
 * @len: how many, at least 1
 * @gfp: allocation flags, used when the queue has to grow. GFP_KERNEL where
 *	sleeping is allowed. With GFP_NOWAIT or GFP_ATOMIC, and STACQ_NOWAIT,
 *	the call does not sleep; it may then fail with -EAGAIN also while
 *	somebody else makes the queue grow.
 * @flags: STACQ_NOWAIT or 0
 *
 * Context: Process context. May sleep unless @gfp and @flags both say not to.
 * Return: 0; -EINVAL for no bytes or unknown flags; -EMSGSIZE, -ENOMEM, -EPIPE
 *	(sealed) or -EIDRM (removed); -EAGAIN with STACQ_NOWAIT if it is full, or
 *	-ENOSPC if the queue is one that fails then;
 *	-ERESTARTSYS for a signal while waiting. On error the queue is
 *	unchanged.
 */
int stacq_send(struct stacq_queue *q, const void *data, size_t len, gfp_t gfp,
	       unsigned int flags)
{
	unsigned int xfer;
	ssize_t ret;

	if (!len || api_flags(flags, &xfer))
		return -EINVAL;
	ret = stacq_send_kernel(q, data, len, gfp, xfer);
	return ret < 0 ? ret : 0;
}
EXPORT_SYMBOL_GPL(stacq_send);

/**
 * stacq_receive() - receive a message
 * @q: from stacq_get()
 * @buf: where to
 * @size: room there. A longer message stays in the queue.
 * @flags: STACQ_NOWAIT or 0
 *
 * Context: Process context. May sleep unless @flags says not to.
 * Return: its length; 0 if the queue is sealed and holds nothing; -EINVAL for
 *	unknown flags; -EMSGSIZE if @size is too small; -EIDRM (removed);
 *	-EAGAIN with STACQ_NOWAIT if there is none; -ERESTARTSYS for a signal
 *	while waiting.
 */
ssize_t stacq_receive(struct stacq_queue *q, void *buf, size_t size,
		      unsigned int flags)
{
	unsigned int xfer;

	if (api_flags(flags, &xfer))
		return -EINVAL;
	return stacq_receive_kernel(q, buf, size, xfer);
}
EXPORT_SYMBOL_GPL(stacq_receive);
