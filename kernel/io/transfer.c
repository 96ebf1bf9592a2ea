// SPDX-License-Identifier: GPL-2.0
/*
 * Messages between a queue and the memory of a caller.
 *
 * Short messages are copied straight to or from their place with the queue's
 * lock held and page faults off. Long ones, and those whose memory faults, are
 * copied without the lock: to send, into a spare buffer, before room is made
 * for the message and it takes its place; to receive, out of a message put into
 * the reader's hands. So a caller whose memory takes its time, or never comes,
 * holds up nobody.
 *
 * send() and receive() are written once and compiled for each kind of memory:
 * see copy.h. Calls that carry many messages are in frame.c; what an open file
 * has in hand is in reader.c.
 *
 * Locking: stacq_reader.mutex, then the queue's lock. The mutex is held while
 * a caller's memory may fault: that makes those wait who read the same open
 * file, and they can be interrupted.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "io/copy.h"
#include "core/queue.h"
#include "io/transfer.h"

/* After a send that could not be: 0 to try again, or how the call ends. */
static int send_retry(struct stacq_queue *q, int why, size_t len, gfp_t gfp,
		      unsigned int flags, bool *waited)
{
	if (why == -ENOBUFS)
		return stacq_make_room(q, gfp);
	if (why != -EAGAIN || flags & STACQ_XFER_TRY)
		return why;
	*waited = true;
	return stacq_wait_writable(q, len);
}

/* Send from a copy of the message: it needs no memory of the caller any more. */
static int send_copied(struct stacq_queue *q, void *buf, size_t len, gfp_t gfp,
		       unsigned int flags, const struct stacq_attr *attr,
		       bool *waited)
{
	struct stacq_msg *m;
	unsigned int whom;
	int ret;

	do {
		stacq_lock(q);
		m = __stacq_send_begin(q, len, buf);
		if (m == ERR_PTR(-ENOBUFS) && q->special & STACQ_SPECIAL_FULL) {
			__stacq_evict(q, len);
			m = __stacq_send_begin(q, len, buf);
		}
		if (!IS_ERR(m)) {
			if (len <= STACQ_INLINE_SIZE) {
				memcpy(m->data, buf, len);
				__stacq_store_buf_free(&q->store, buf, len);
			}
			if (attr)
				__stacq_send_tell(q, m, attr);
			if (attr && attr->note)
				__stacq_note_add(q, m, attr->note);
			whom = __stacq_send_commit(q, m);
			stacq_unlock(q);
			stacq_wake(q, whom);
			return 0;
		}
		stacq_unlock(q);
		ret = send_retry(q, PTR_ERR(m), len, gfp, flags, waited);
	} while (!ret);
	stacq_store_buf_free(&q->store, buf, len);
	return ret;
}

/**
 * stacq_send_buffered() - send by way of a buffer, copying without the lock
 * @q: the queue
 * @len: length of the message
 * @gfp: allocation flags
 * @flags: STACQ_XFER_NOWAIT or 0
 * @copy: fetches the bytes
 * @from: where from, for @copy
 * @attr: more about the message, or NULL; its note is the queue's, or freed
 *
 * Context: Sleeps, unless @gfp, @flags and @copy do not.
 * Return: 0 or a negative error as docs/abi.md says for write.
 */
int stacq_send_buffered(struct stacq_queue *q, size_t len, gfp_t gfp,
			unsigned int flags, stacq_copy_fn copy,
			const void *from, const struct stacq_attr *attr)
{
	bool waited = false;
	bool sent = false;
	void *buf;
	int ret;

	/* Do not copy what can't be sent, and wait with empty hands. */
	do {
		stacq_lock(q);
		ret = __stacq_may_send(q, len);
		stacq_unlock(q);
		/* Room, and what else is needed for it, comes after the bytes. */
		if (ret == -ENOBUFS || ret == -EXFULL)
			ret = 0;
		if (!ret)
			break;
		ret = send_retry(q, ret, len, gfp, flags, &waited);
	} while (!ret);
	if (ret)
		goto out;
	ret = -ENOMEM;
	buf = stacq_send_buf(q, len, gfp);
	if (!buf)
		goto out;
	if (copy(buf, from, len)) {
		ret = send_copied(q, buf, len, gfp, flags, attr, &waited);
		sent = !ret;
	} else {
		stacq_store_buf_free(&q->store, buf, len);
		ret = -EFAULT;
	}
out:
	if (!sent && attr)
		kfree(attr->note);
	if (ret && waited)
		stacq_pass_on(q);
	return stacq_turned_away(q, ret);
}

/*
 * Send at once: 0, or what __stacq_may_send() says, or why it has to be done by
 * way of a buffer: -ENOBUFS if there is no room, -EFAULT if the memory faults. What is
 * turned away since the queue is full goes that way, too, and is counted there.
 */
static __always_inline int try_send(struct stacq_queue *q, size_t len,
				    u16 priority, stacq_copy_fn copy,
				    const void *from)
{
	struct stacq_msg *m;
	unsigned int whom;
	bool ok;

	stacq_lock(q);
	m = __stacq_send_begin(q, len, NULL);
	if (IS_ERR(m)) {
		stacq_unlock(q);
		return PTR_ERR(m);
	}
	pagefault_disable();
	ok = copy(stacq_msg_data(m), from, len);
	pagefault_enable();
	if (unlikely(!ok)) {
		__stacq_send_abort(q, m);
		stacq_unlock(q);
		return -EFAULT;
	}
	if (unlikely(priority))
		m->priority = priority;
	whom = __stacq_send_commit(q, m);
	stacq_unlock(q);
	stacq_wake(q, whom);
	return 0;
}

/*
 * Go on with a send that could not be done at once, because of @ret; @waited if
 * that was after waiting. Returns 0 after waiting for room, to try again.
 */
static noinline ssize_t send_slowly(struct stacq_queue *q, size_t len,
				    u16 priority, gfp_t gfp, unsigned int flags,
				    stacq_copy_fn copy, const void *from,
				    int ret, bool waited)
{
	const struct stacq_attr attr = { .priority = priority };

	if (ret == -EAGAIN && !(flags & STACQ_XFER_TRY))
		return stacq_wait_writable(q, len);
	if (waited)
		stacq_pass_on(q);
	/* Room is made when the bytes are known to be there. */
	if (ret == -ENOBUFS || ret == -EFAULT || ret == -ENOSPC || ret == -EXFULL)
		ret = stacq_send_buffered(q, len, gfp, flags, copy, from, &attr);
	return ret ?: len;
}

static __always_inline ssize_t send(struct stacq_queue *q, size_t len,
				    u16 priority, gfp_t gfp, unsigned int flags,
				    stacq_copy_fn copy, const void *from)
{
	bool waited = false;
	ssize_t ret;

	if (unlikely(len > STACQ_COPY_LOCKED))
		return send_slowly(q, len, priority, gfp, flags, copy, from,
				   -ENOBUFS, false);
	for (;;) {
		ret = try_send(q, len, priority, copy, from);
		if (likely(!ret))
			return len;
		ret = send_slowly(q, len, priority, gfp, flags, copy, from, ret,
				  waited);
		if (ret)
			return ret;
		waited = true;
	}
}

/**
 * stacq_send_user() - send from user memory
 * @q: the queue
 * @buf: the message
 * @len: its length
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: @len, or a negative error as docs/abi.md says for write.
 */
ssize_t stacq_send_user(struct stacq_queue *q, const char __user *buf,
			size_t len, unsigned int flags)
{
	if (unlikely(!len))
		return 0;
	return send(q, len, 0, GFP_KERNEL, flags, stacq_from_user,
		    (const char __force *)buf);
}

/**
 * stacq_send_user_priority() - send from user memory, with a priority
 * @q: the queue
 * @buf: the message
 * @len: its length
 * @priority: its priority
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: as stacq_send_user().
 */
ssize_t stacq_send_user_priority(struct stacq_queue *q, const char __user *buf,
				 size_t len, u16 priority, unsigned int flags)
{
	if (unlikely(!len))
		return 0;
	return send(q, len, priority, GFP_KERNEL, flags, stacq_from_user,
		    (const char __force *)buf);
}

/**
 * stacq_send_iter() - send what an iterator describes, as one message
 * @q: the queue
 * @from: the iterator
 * @priority: its priority
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: the length, or a negative error as docs/abi.md says for write.
 */
ssize_t stacq_send_iter(struct stacq_queue *q, struct iov_iter *from,
			u16 priority, unsigned int flags)
{
	size_t len = iov_iter_count(from);

	if (unlikely(!len))
		return 0;
	return send(q, len, priority, GFP_KERNEL, flags, stacq_from_iter, from);
}

/**
 * stacq_send_kernel() - send from kernel memory
 * @q: the queue
 * @buf: the message
 * @len: its length
 * @gfp: allocation flags for room
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context; sleeps unless @flags and @gfp say otherwise.
 * Return: @len, or a negative error as docs/abi.md says for write.
 */
ssize_t stacq_send_kernel(struct stacq_queue *q, const void *buf, size_t len,
			  gfp_t gfp, unsigned int flags)
{
	if (unlikely(!len))
		return 0;
	return send(q, len, 0, gfp, flags, stacq_from_kernel, buf);
}

/* Receive a long message, or a part of one, or a lease. */
static ssize_t receive_held(struct stacq_reader *r, size_t len,
			    unsigned int flags, stacq_copy_fn copy, void *to)
{
	bool ok;
	int ret;

	if (flags & STACQ_XFER_NOWAIT) {
		if (!mutex_trylock(&r->mutex))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&r->mutex)) {
		return -ERESTARTSYS;
	}
	/* It was switched to framed mode since this call began. */
	ret = r->mode & STACQ_MODE_FRAMED ? -EBUSY : stacq_take_in_hand(r, SIZE_MAX);
	if (ret > 0) {
		len = min_t(size_t, len, r->msg->len - r->off);
		ok = copy(to, stacq_msg_data(r->msg) + r->off, len);
		stacq_put_in_hand(r, ok ? r->off + len : r->off);
		ret = ok ? 0 : -EFAULT;
	} else {
		len = 0;
	}
	mutex_unlock(&r->mutex);
	return ret ?: len;
}

/*
 * Receive at once: what receive() returns, or -ENOBUFS for what has to be taken in
 * hand.
 */
static __always_inline ssize_t try_receive(struct stacq_reader *r, size_t len,
					   stacq_copy_fn copy, void *to)
{
	struct stacq_queue *q = r->q;
	ssize_t ret = -ENOBUFS;
	struct stacq_msg *m;
	unsigned int whom;
	bool ok;

	stacq_lock(q);
	m = __stacq_receive_begin(q);
	if (unlikely(r->msg))
		goto unlock;
	if (IS_ERR_OR_NULL(m)) {
		ret = PTR_ERR_OR_ZERO(m);
		goto unlock;
	}
	if (unlikely(m->len > len || m->len > STACQ_COPY_LOCKED))
		goto unlock;
	len = m->len;
	pagefault_disable();
	ok = copy(to, stacq_msg_data(m), len);
	pagefault_enable();
	if (unlikely(!ok))
		goto unlock;
	whom = __stacq_receive_done(q, m);
	stacq_unlock(q);
	stacq_wake(q, whom);
	return len;

unlock:
	stacq_unlock(q);
	return ret;
}

/*
 * After a receive that could not be done at once, because of @ret; @waited if
 * that was after waiting. Returns -EAGAIN if there is no message.
 */
static noinline ssize_t receive_slowly(struct stacq_reader *r, size_t len,
				       unsigned int flags, stacq_copy_fn copy,
				       void *to, ssize_t ret, bool waited)
{
	if (ret == -ENOBUFS)
		ret = receive_held(r, len, flags, copy, to);
	if (ret < 0 && ret != -EAGAIN && waited)
		stacq_pass_on(r->q);
	return ret;
}

static __always_inline ssize_t receive(struct stacq_reader *r, size_t len,
				       unsigned int flags, stacq_copy_fn copy,
				       stacq_copy_fn slow_copy, void *to)
{
	bool waited = false;
	ssize_t ret;

	if (unlikely(!len))
		return 0;
	for (;;) {
		ret = try_receive(r, len, copy, to);
		if (likely(ret > 0))
			return ret;
		if (ret != -EAGAIN)
			ret = receive_slowly(r, len, flags, slow_copy, to, ret,
					     waited);
		if (ret != -EAGAIN || flags & STACQ_XFER_TRY)
			return ret;
		ret = stacq_wait_readable(r->q, NULL);
		if (ret)
			return ret;
		waited = true;
	}
}

/* Receive what is under lease then. */
static ssize_t receive_leased(struct stacq_reader *r, size_t len,
			      unsigned int flags, stacq_copy_fn copy, void *to)
{
	bool waited = false;
	ssize_t ret;

	if (!len)
		return 0;
	for (;;) {
		ret = receive_held(r, len, flags, copy, to);
		if (ret >= 0)
			return ret;
		/* There may be a message, which only this caller may not have. */
		if (waited)
			stacq_pass_on(r->q);
		if (ret != -EAGAIN || flags & STACQ_XFER_TRY)
			return ret;
		ret = stacq_wait_readable(r->q, &r->holder);
		if (ret)
			return ret;
		waited = true;
	}
}

/**
 * stacq_lease_user() - receive into user memory, in lease mode
 * @r: the reader
 * @buf: where to
 * @len: room there
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: as stacq_receive_user().
 */
ssize_t stacq_lease_user(struct stacq_reader *r, char __user *buf, size_t len,
			 unsigned int flags)
{
	return receive_leased(r, len, flags, stacq_to_user_whole,
			      (char __force *)buf);
}

/**
 * stacq_lease_iter() - receive into what an iterator describes, in lease mode
 * @r: the reader
 * @to: the iterator
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: as stacq_receive_iter().
 */
ssize_t stacq_lease_iter(struct stacq_reader *r, struct iov_iter *to,
			 unsigned int flags)
{
	return receive_leased(r, iov_iter_count(to), flags, stacq_to_iter, to);
}

/**
 * stacq_receive_user() - receive into user memory
 * @r: the reader
 * @buf: where to
 * @len: room there
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: bytes received, 0 at the end of a sealed queue, or a negative error
 *	as docs/abi.md says for read.
 */
ssize_t stacq_receive_user(struct stacq_reader *r, char __user *buf, size_t len,
			   unsigned int flags)
{
	return receive(r, len, flags, stacq_to_user, stacq_to_user_whole,
		       (char __force *)buf);
}

/**
 * stacq_receive_iter() - receive into what an iterator describes
 * @r: the reader
 * @to: the iterator
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: bytes received, 0 at the end of a sealed queue, or a negative error
 *	as docs/abi.md says for read.
 */
ssize_t stacq_receive_iter(struct stacq_reader *r, struct iov_iter *to,
			   unsigned int flags)
{
	return receive(r, iov_iter_count(to), flags, stacq_to_iter,
		       stacq_to_iter, to);
}

static ssize_t try_receive_kernel(struct stacq_queue *q, void *buf, size_t size)
{
	struct stacq_msg *m;
	unsigned int whom = 0;
	ssize_t ret;

	stacq_lock(q);
	m = __stacq_receive_begin(q);
	if (IS_ERR_OR_NULL(m)) {
		ret = PTR_ERR_OR_ZERO(m);
		goto unlock;
	}
	ret = m->len;
	if (ret > size) {
		ret = -EMSGSIZE;
		goto unlock;
	}
	if (ret <= STACQ_COPY_LOCKED) {
		stacq_to_kernel(buf, stacq_msg_data(m), ret);
		whom = __stacq_receive_done(q, m);
		goto unlock;
	}
	__stacq_hold(q, m, NULL);
	stacq_unlock(q);
	stacq_to_kernel(buf, stacq_msg_data(m), ret);
	stacq_lock(q);
	whom = __stacq_held_done(q, m);
unlock:
	stacq_unlock(q);
	stacq_wake(q, whom);
	return ret;
}

/**
 * stacq_receive_kernel() - receive into kernel memory
 * @q: the queue
 * @buf: where to
 * @size: room there; a longer message stays in the queue (-EMSGSIZE)
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context; sleeps unless @flags says otherwise.
 * Return: the length, 0 at the end of a sealed queue, or a negative error.
 */
ssize_t stacq_receive_kernel(struct stacq_queue *q, void *buf, size_t size,
			     unsigned int flags)
{
	bool waited = false;
	ssize_t ret;

	for (;;) {
		ret = try_receive_kernel(q, buf, size);
		if (ret != -EAGAIN || flags & STACQ_XFER_NOWAIT)
			break;
		waited = true;
		ret = stacq_wait_readable(q, NULL);
		if (ret)
			break;
	}
	if (ret < 0 && waited)
		stacq_pass_on(q);
	return ret;
}
