/* SPDX-License-Identifier: GPL-2.0 */
/* Messages between a queue and the memory of a caller, for all doors. */
#ifndef _STACQ_TRANSFER_H
#define _STACQ_TRANSFER_H

#include <linux/mutex.h>
#include <linux/types.h>

struct iov_iter;
struct stacq_msg;
struct stacq_peek;
struct stacq_queue;

/**
 * struct stacq_reader - what an open file remembers of its reading
 * @q: the queue
 * @mutex: held while bytes of @msg are copied; taken before the queue's lock
 * @msg: the message at hand, of which part has been read, or NULL. Changes
 *	with @mutex and the queue's lock held, so either is enough to look.
 * @off: bytes of it that have been read; guarded by @mutex and, for changes,
 *	the queue's lock as well
 */
struct stacq_reader {
	struct stacq_queue *q;
	struct mutex mutex;	/* before the queue's lock */
	struct stacq_msg *msg;
	u32 off;
};

/* Do not wait for room or a message: -EAGAIN. */
#define STACQ_XFER_NOWAIT	0x1

ssize_t stacq_send_user(struct stacq_queue *q, const char __user *buf,
			size_t len, unsigned int flags);
ssize_t stacq_send_iter(struct stacq_queue *q, struct iov_iter *from,
			unsigned int flags);
ssize_t stacq_send_kernel(struct stacq_queue *q, const void *buf, size_t len,
			  gfp_t gfp, unsigned int flags);

void stacq_reader_init(struct stacq_reader *r, struct stacq_queue *q);
void stacq_reader_end(struct stacq_reader *r);
ssize_t stacq_receive_user(struct stacq_reader *r, char __user *buf, size_t len,
			   unsigned int flags);
ssize_t stacq_receive_iter(struct stacq_reader *r, struct iov_iter *to,
			   unsigned int flags);
ssize_t stacq_receive_kernel(struct stacq_queue *q, void *buf, size_t size,
			     unsigned int flags);

bool stacq_reader_idle(struct stacq_reader *r);
int stacq_reader_peek(struct stacq_reader *r, struct stacq_peek *peek);
int stacq_reader_next(struct stacq_reader *r, u64 *len);

#endif /* _STACQ_TRANSFER_H */
