/* SPDX-License-Identifier: GPL-2.0 */
/* Messages between a queue and the memory of a caller, for all doors. */
#ifndef _STACQ_TRANSFER_H
#define _STACQ_TRANSFER_H

#include <linux/fcntl.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "io/copy.h"
#include "delivery/lease.h"

struct iov_iter;
struct stacq_attr;
struct stacq_mode;
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
 * @mode: STACQ_MODE_* bits, STACQ_READER_PRIORITY if @priority is not 0, and
 *	STACQ_READER_TIMED if one of the timeouts is not; 0 is what the quick ways are
 *	for. Changes with @mutex held, STACQ_MODE_* bits with no message at hand.
 * @holder: what it holds under lease
 * @priority: of the messages that a plain write sends. Changes with @mutex held.
 * @read_timeout: nanoseconds after which a read that waits ends, 0 is without end.
 *	Changes with @mutex held.
 * @write_timeout: likewise of a write
 * @notices: eventfds that are told of events: see notice.c
 */
struct stacq_reader {
	struct stacq_queue *q;
	struct mutex mutex;	/* before the queue's lock */
	struct stacq_msg *msg;
	u32 off;
	u8 mode;
	u16 priority;
	struct stacq_holder holder;
	u64 read_timeout;
	u64 write_timeout;
	struct hlist_head notices;
};

/* In stacq_reader.mode, beside STACQ_MODE_* bits. */
#define STACQ_READER_PRIORITY	0x80
#define STACQ_READER_TIMED	0x40

/* Do not wait for room or a message: -EAGAIN. The bit of an open file serves. */
#define STACQ_XFER_NOWAIT	O_NONBLOCK
/* Likewise, but others who use the same open file are waited for. */
#define STACQ_XFER_ONCE		0x1
#define STACQ_XFER_TRY		(STACQ_XFER_NOWAIT | STACQ_XFER_ONCE)

ssize_t stacq_send_user(struct stacq_queue *q, const char __user *buf,
			size_t len, unsigned int flags);
ssize_t stacq_send_user_priority(struct stacq_queue *q, const char __user *buf,
				 size_t len, u16 priority, unsigned int flags);
ssize_t stacq_send_iter(struct stacq_queue *q, struct iov_iter *from,
			u16 priority, unsigned int flags);
ssize_t stacq_send_kernel(struct stacq_queue *q, const void *buf, size_t len,
			  gfp_t gfp, unsigned int flags);
int stacq_send_buffered(struct stacq_queue *q, size_t len, gfp_t gfp,
			unsigned int flags, stacq_copy_fn copy,
			const void *from, const struct stacq_attr *attr);

ssize_t stacq_receive_user(struct stacq_reader *r, char __user *buf, size_t len,
			   unsigned int flags);
ssize_t stacq_receive_iter(struct stacq_reader *r, struct iov_iter *to,
			   unsigned int flags);
ssize_t stacq_receive_kernel(struct stacq_queue *q, void *buf, size_t size,
			     unsigned int flags);

ssize_t stacq_lease_user(struct stacq_reader *r, char __user *buf, size_t len,
			 unsigned int flags);
ssize_t stacq_lease_iter(struct stacq_reader *r, struct iov_iter *to,
			 unsigned int flags);

/* What an open file remembers: reader.c */
void stacq_reader_init(struct stacq_reader *r, struct stacq_queue *q);
void stacq_reader_end(struct stacq_reader *r);
int stacq_reader_set_mode(struct stacq_reader *r, const struct stacq_mode *m);
bool stacq_reader_idle(struct stacq_reader *r);
int stacq_reader_peek(struct stacq_reader *r, struct stacq_peek *peek);
int stacq_reader_next(struct stacq_reader *r, u64 *len);
int stacq_take_in_hand(struct stacq_reader *r, size_t room);
void stacq_put_in_hand(struct stacq_reader *r, u32 off);

/* Many messages a call: frame.c */
ssize_t stacq_send_frames_user(struct stacq_queue *q, const char __user *buf,
			       size_t len, unsigned int flags);
ssize_t stacq_send_frames_iter(struct stacq_queue *q, struct iov_iter *from,
			       unsigned int flags);
ssize_t stacq_receive_frames_user(struct stacq_reader *r, char __user *buf,
				  size_t len, unsigned int flags);
ssize_t stacq_receive_frames_iter(struct stacq_reader *r, struct iov_iter *to,
				  unsigned int flags);
ssize_t stacq_first_frame(const char __user *buf, struct iov_iter *iter);

/* With a deadline, in the mode of the open file: deadline.c */
ssize_t stacq_receive_timed_user(struct stacq_reader *r, char __user *buf,
				 size_t len, unsigned int flags);
ssize_t stacq_receive_timed_iter(struct stacq_reader *r, struct iov_iter *to,
				 unsigned int flags);
ssize_t stacq_receive_until(struct stacq_reader *r, char __user *buf, size_t len,
			    u64 deadline_ns, unsigned int flags);
ssize_t stacq_send_timed_user(struct stacq_reader *r, const char __user *buf,
			      size_t len, unsigned int flags);
ssize_t stacq_send_timed_iter(struct stacq_reader *r, struct iov_iter *from,
			      unsigned int flags);
ssize_t stacq_send_until(struct stacq_reader *r, const char __user *buf,
			 size_t len, u64 deadline_ns, unsigned int flags);

#endif /* _STACQ_TRANSFER_H */
