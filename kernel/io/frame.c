// SPDX-License-Identifier: GPL-2.0
/*
 * Framed mode: many messages a call, each with a header. docs/abi.md says what
 * a frame is.
 *
 * Frames are copied one after another with the queue's lock held and page faults
 * off, up to so many bytes in one go. What is long, or faults, or needs room is
 * done alone and without the lock, as in transfer.c. Short ones in user memory
 * have a quicker way, which burst.c goes as far as it can.
 *
 * Locking: stacq_reader.mutex while receiving, and the queue's lock inside of
 * it. So nobody else has a message of this open file in hand.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "compat.h"
#include "io/copy.h"
#include "io/frame.h"
#include "core/queue.h"
#include "io/transfer.h"

/**
 * struct kind - a kind of memory
 * @copy: copies from or to it
 * @iter: it is described by an iterator, else by an address
 */
struct kind {
	stacq_copy_fn copy;
	bool iter;
};

static const struct kind from_user = { .copy = stacq_from_user };
static const struct kind to_user = { .copy = stacq_to_user };
static const struct kind from_iter = { .copy = stacq_from_iter, .iter = true };
static const struct kind to_iter = { .copy = stacq_to_iter, .iter = true };

/**
 * struct frames - a caller's memory full of frames
 * @at: where it is: an address or an iterator
 * @len: its size
 * @done: bytes of it that are done, always whole frames
 * @alone: each message is copied without the lock, since copying may sleep, or is
 *	leased
 */
struct frames {
	void *at;
	size_t len;
	size_t done;
	bool alone;
};

/* Where the bytes at @off of the next frame are, for copying one after another. */
static __always_inline void *place(const struct kind *k, struct frames *f,
				   size_t off)
{
	return k->iter ? f->at : f->at + f->done + off;
}

/* A frame of which @off bytes were copied is not done. */
static __always_inline void undo(const struct kind *k, struct frames *f,
				 size_t off)
{
	if (k->iter && off)
		iov_iter_revert(f->at, off);
}

/* Between one hold of the lock and the next. */
static bool go_on(void)
{
	cond_resched();
	return !fatal_signal_pending(current);
}

/*
 * Sending
 */

/* What a header says, if it is one and its frame is here as a whole. */
static __always_inline int parse(const struct stacq_head *head, size_t left,
				 u32 *len, struct stacq_attr *attr)
{
	if (!stacq_head_parse(head, U32_MAX, true, len, attr) ||
	    STACQ_FRAME_SIZE(*len) > left)
		return -EINVAL;
	return 0;
}

/* Pass over the bytes that fill a frame up. */
static __always_inline void frame_done(const struct kind *k, struct frames *f,
				       u32 len)
{
	if (k->iter)
		iov_iter_advance(f->at, -len & 7);
	f->done += STACQ_FRAME_SIZE(len);
}

/*
 * Send the next frame with the lock held: 0 with @whom to wake, -ENOBUFS if it
 * has to be sent alone, or why it can't be sent.
 */
static __always_inline int __send_frame(const struct kind *k,
					struct stacq_queue *q,
					struct frames *f, unsigned int *whom)
{
	struct stacq_head head;
	struct stacq_attr attr;
	struct stacq_msg *m;
	u32 len;
	int ret;

	if (f->len - f->done < sizeof(head))
		return -EINVAL;
	if (unlikely(!k->copy(&head, place(k, f, 0), sizeof(head))))
		return -ENOBUFS;
	ret = parse(&head, f->len - f->done, &len, &attr);
	if (unlikely(ret))
		goto undo_head;
	ret = -ENOBUFS;
	if (unlikely(len > STACQ_FRAMES_LOCKED || attr.ttl_ms))
		goto undo_head;
	m = __stacq_send_begin(q, len, NULL);
	ret = PTR_ERR_OR_ZERO(m);
	/* What is turned away since the queue is full is counted there. */
	if (unlikely(ret == -ENOSPC || ret == -EXFULL))
		ret = -ENOBUFS;
	if (unlikely(ret))
		goto undo_head;
	if (unlikely(!k->copy(stacq_msg_data(m), place(k, f, sizeof(head)), len))) {
		__stacq_send_abort(q, m);
		ret = -ENOBUFS;
		goto undo_head;
	}
	__stacq_send_tell(q, m, &attr);
	*whom = __stacq_send_commit(q, m);
	frame_done(k, f, len);
	return 0;

undo_head:
	undo(k, f, sizeof(head));
	return ret;
}

/* Send frames until something stops that: 0 to go on, or what __send_frame() says. */
static __always_inline int send_some(const struct kind *k,
				     struct stacq_queue *q, struct frames *f)
{
	size_t stop = min(f->len, f->done + STACQ_FRAMES_LOCKED);
	unsigned int whom = 0;
	int ret = 0;

	stacq_lock(q);
	pagefault_disable();
	if (!k->iter)
		f->done += __stacq_send_burst(q, (const char __user __force *)place(k, f, 0),
					      f->len - f->done);
	/* Each message wakes somebody of its own. */
	while (!ret && !whom && f->done < stop)
		ret = __send_frame(k, q, f, &whom);
	pagefault_enable();
	stacq_unlock(q);
	stacq_wake(q, whom);
	return ret;
}

/* Send the next frame alone: 0, or why it can't be sent. */
static int send_alone(const struct kind *k, struct stacq_queue *q,
		      struct frames *f, unsigned int flags)
{
	struct stacq_head head;
	struct stacq_attr attr;
	size_t left;
	u32 len;
	int ret;

	if (!k->copy(&head, place(k, f, 0), sizeof(head)))
		return -EFAULT;
	ret = parse(&head, f->len - f->done, &len, &attr);
	attr.note = NULL;
	if (!ret && attr.ttl_ms) {
		attr.note = stacq_note_alloc(attr.ttl_ms, NULL);
		if (!attr.note)
			ret = -ENOMEM;
	}
	if (!ret)
		ret = stacq_send_buffered(q, len, GFP_KERNEL, flags, k->copy,
					  place(k, f, sizeof(head)), &attr);
	if (!ret) {
		frame_done(k, f, len);
		return 0;
	}
	/* The iterator may have been advanced, or not. */
	left = k->iter ? iov_iter_count(f->at) : 0;
	undo(k, f, f->len - f->done - left);
	return ret;
}

static __always_inline ssize_t send_frames(const struct kind *k,
					   struct stacq_queue *q,
					   struct frames *f, unsigned int flags)
{
	int ret;

	if (!f->len)
		return 0;
	do {
		ret = send_some(k, q, f);
		/* It may wait if nothing has been sent yet. */
		if (ret == -EAGAIN && !f->done && !(flags & STACQ_XFER_TRY))
			ret = -ENOBUFS;
		if (ret == -ENOBUFS)
			ret = send_alone(k, q, f, f->done ? flags | STACQ_XFER_NOWAIT : flags);
	} while (!ret && f->done < f->len && go_on());
	return f->done ?: ret;
}

/**
 * stacq_send_frames_user() - send the messages of frames in user memory
 * @q: the queue
 * @buf: the frames
 * @len: bytes of them
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: bytes of the frames whose messages were sent, or a negative error as
 *	docs/abi.md says for write.
 */
ssize_t stacq_send_frames_user(struct stacq_queue *q, const char __user *buf,
			       size_t len, unsigned int flags)
{
	struct frames f = {
		.at = (char __force *)buf,
		.len = len,
	};

	return send_frames(&from_user, q, &f, flags);
}

/**
 * stacq_send_frames_iter() - send the messages of frames that an iterator yields
 * @q: the queue
 * @from: the iterator
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: bytes of the frames whose messages were sent, or a negative error as
 *	docs/abi.md says for write.
 */
ssize_t stacq_send_frames_iter(struct stacq_queue *q, struct iov_iter *from,
			       unsigned int flags)
{
	struct frames f = {
		.at = from,
		.len = iov_iter_count(from),
	};

	return send_frames(&from_iter, q, &f, flags);
}

/**
 * stacq_first_frame() - how long is the first message of frames?
 * @buf: the frames, in user memory, or else
 * @iter: the iterator that yields them
 *
 * Context: Process context, may sleep.
 * Return: its length, or a negative error as docs/abi.md says for write.
 */
ssize_t stacq_first_frame(const char __user *buf, struct iov_iter *iter)
{
	struct stacq_head head;
	struct stacq_attr attr;
	u32 len;

	if (!iter) {
		if (copy_from_user(&head, buf, sizeof(head)))
			return -EFAULT;
	} else {
		if (!stacq_from_iter(&head, iter, sizeof(head)))
			return -EFAULT;
		iov_iter_revert(iter, sizeof(head));
	}
	return stacq_head_parse(&head, U32_MAX, true, &len, &attr) ? len : -EINVAL;
}

/*
 * Receiving
 */

static __always_inline bool bring_frame(const struct kind *k, struct frames *f,
					struct stacq_msg *m, u32 ttl_ms)
{
	struct stacq_head head = stacq_head_of(m);
	static const u8 fill[8];
	size_t len = m->len, rest = -len & 7, off = 0;

	head.word[3] |= cpu_to_le64((u64)ttl_ms << 32);
	if (unlikely(!k->copy(place(k, f, off), &head, sizeof(head))))
		return false;
	off += sizeof(head);
	if (unlikely(!k->copy(place(k, f, off), stacq_msg_data(m), len)))
		goto undo;
	off += len;
	if (rest && unlikely(!k->copy(place(k, f, off), fill, rest)))
		goto undo;
	f->done += off + rest;
	return true;

undo:
	undo(k, f, off);
	return false;
}

/* The time of its own that a message has, or 0. */
static u32 __ttl_of(struct stacq_queue *q, struct stacq_msg *m)
{
	struct stacq_note *note = NULL;

	if (unlikely(q->special & STACQ_SPECIAL_NOTED))
		note = __stacq_note_of(q, m);
	return note ? note->ttl_ms : 0;
}

/*
 * Receive the next message with the lock held: 1 with @whom to wake, -ENOBUFS
 * if it has to be received alone, or why it can't be, as for receive().
 */
static __always_inline int __receive_frame(const struct kind *k,
					   struct stacq_queue *q,
					   struct frames *f,
					   unsigned int *whom)
{
	struct stacq_msg *m = __stacq_receive_begin(q);

	if (IS_ERR_OR_NULL(m))
		return PTR_ERR_OR_ZERO(m);
	if (STACQ_FRAME_SIZE(m->len) > f->len - f->done)
		return -EMSGSIZE;
	if (f->alone || m->len > STACQ_FRAMES_LOCKED ||
	    !bring_frame(k, f, m, __ttl_of(q, m)))
		return -ENOBUFS;
	*whom = __stacq_receive_done(q, m);
	return 1;
}

/* Receive until something stops that: 1 to go on, or as __receive_frame() says. */
static __always_inline int receive_some(const struct kind *k,
					struct stacq_queue *q, struct frames *f)
{
	size_t stop = f->done + STACQ_FRAMES_LOCKED;
	unsigned int whom = 0;
	int ret = 1;

	stacq_lock(q);
	pagefault_disable();
	if (!k->iter && !f->alone)
		f->done += __stacq_receive_burst(q, (char __user __force *)place(k, f, 0),
						 f->len - f->done);
	/* The room of each message wakes somebody of its own. */
	while (ret > 0 && !whom && f->done < stop)
		ret = __receive_frame(k, q, f, &whom);
	pagefault_enable();
	stacq_unlock(q);
	stacq_wake(q, whom);
	return ret;
}

/* Receive the next message alone, by way of the reader's hands. */
static int receive_alone(const struct kind *k, struct stacq_reader *r,
			 struct frames *f)
{
	int ret = stacq_take_in_hand(r, f->len - f->done);
	u32 off = 0, ttl_ms;

	if (ret <= 0)
		return ret;
	stacq_lock(r->q);
	ttl_ms = __ttl_of(r->q, r->msg);
	stacq_unlock(r->q);
	if (bring_frame(k, f, r->msg, ttl_ms))
		off = r->msg->len;
	else
		ret = -EFAULT;
	stacq_put_in_hand(r, off);
	return ret;
}

/* Receive what is there and fits, without waiting for a message. */
static __always_inline ssize_t try_receive_frames(const struct kind *k,
						  struct stacq_reader *r,
						  struct frames *f,
						  unsigned int flags)
{
	int ret;

	if (flags & STACQ_XFER_NOWAIT) {
		if (!mutex_trylock(&r->mutex))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&r->mutex)) {
		return -ERESTARTSYS;
	}
	/* It was switched off since this call began, and part of a message may be read. */
	if (unlikely(!(r->mode & STACQ_MODE_FRAMED))) {
		mutex_unlock(&r->mutex);
		return -EBUSY;
	}
	f->alone |= r->holder.on;
	do {
		ret = receive_some(k, r->q, f);
		if (ret == -ENOBUFS)
			ret = receive_alone(k, r, f);
	} while (ret > 0 && go_on());
	mutex_unlock(&r->mutex);
	return f->done ?: ret;
}

static __always_inline ssize_t receive_frames(const struct kind *k,
					      struct stacq_reader *r,
					      struct frames *f,
					      unsigned int flags)
{
	bool waited = false;
	ssize_t ret;

	if (!f->len)
		return 0;
	for (;;) {
		ret = try_receive_frames(k, r, f, flags);
		if (ret != -EAGAIN || flags & STACQ_XFER_TRY)
			break;
		/* There may be a message, which only this caller may not have. */
		if (waited && READ_ONCE(r->holder.on))
			stacq_pass_on(r->q);
		waited = true;
		ret = stacq_wait_readable(r->q, &r->holder);
		if (ret)
			break;
	}
	if (ret < 0 && waited)
		stacq_pass_on(r->q);
	return ret;
}

/**
 * stacq_receive_frames_user() - receive messages as frames into user memory
 * @r: the reader, in framed mode
 * @buf: where to
 * @len: room there
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: bytes of the frames received, 0 at the end of a sealed queue, or a
 *	negative error as docs/abi.md says for read.
 */
ssize_t stacq_receive_frames_user(struct stacq_reader *r, char __user *buf,
				  size_t len, unsigned int flags)
{
	struct frames f = {
		.at = (char __force *)buf,
		.len = len,
	};

	return receive_frames(&to_user, r, &f, flags);
}

/**
 * stacq_receive_frames_iter() - receive messages as frames into what an iterator
 *	describes
 * @r: the reader, in framed mode
 * @to: the iterator
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: bytes of the frames received, 0 at the end of a sealed queue, or a
 *	negative error as docs/abi.md says for read.
 */
ssize_t stacq_receive_frames_iter(struct stacq_reader *r, struct iov_iter *to,
				  unsigned int flags)
{
	struct frames f = {
		.at = to,
		.alone = stacq_iter_may_sleep(to),
		.len = iov_iter_count(to),
	};

	return receive_frames(&to_iter, r, &f, flags);
}
