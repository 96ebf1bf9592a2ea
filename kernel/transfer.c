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
 * send() and receive() are written once and compiled for each kind of memory,
 * so that no call goes through a pointer.
 *
 * Locking: stacq_reader.mutex, then the queue's lock. The mutex is held while
 * a caller's memory may fault: that makes those wait who read the same open
 * file, and they can be interrupted.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "queue.h"
#include "transfer.h"

/* Up to here a copy takes less time than taking the lock once more. */
#define STACQ_COPY_LOCKED	1024

/*
 * Kinds of memory: each copies @len bytes, all or nothing, and says whether it
 * could.
 */

static __always_inline bool from_user(void *to, const void *from, size_t len)
{
	return !copy_from_user(to, (const char __user __force *)from, len);
}

static __always_inline bool to_user(void *to, const void *from, size_t len)
{
	return !copy_to_user((char __user __force *)to, from, len);
}

static __always_inline bool from_iter(void *to, const void *from, size_t len)
{
	return copy_from_iter_full(to, len, (struct iov_iter *)from);
}

static __always_inline bool to_iter(void *to, const void *from, size_t len)
{
	size_t done = copy_to_iter(from, len, to);

	if (likely(done == len))
		return true;
	iov_iter_revert(to, done);
	return false;
}

static __always_inline bool from_kernel(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	return true;
}

static __always_inline bool to_kernel(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
	return true;
}

typedef bool (*copy_fn)(void *to, const void *from, size_t len);

/* After a send that could not be: 0 to try again, or how the call ends. */
static int send_retry(struct stacq_queue *q, int why, size_t len, gfp_t gfp,
		      unsigned int flags, bool *waited)
{
	if (why == -ENOBUFS)
		return stacq_make_room(q, gfp);
	if (why != -EAGAIN || flags & STACQ_XFER_NOWAIT)
		return why;
	*waited = true;
	return stacq_wait_writable(q, len);
}

/* Send from a copy of the message: it needs no memory of the caller any more. */
static int send_copied(struct stacq_queue *q, void *buf, size_t len, gfp_t gfp,
		       unsigned int flags, bool *waited)
{
	struct stacq_msg *m;
	unsigned int whom;
	int ret;

	do {
		stacq_lock(q);
		m = __stacq_send_begin(q, len, buf);
		if (!IS_ERR(m)) {
			if (len <= STACQ_INLINE_SIZE) {
				memcpy(m->data, buf, len);
				__stacq_store_buf_free(&q->store, buf, len);
			}
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

/* Send by way of a buffer, copying without the lock. */
static __always_inline int send_buffered(struct stacq_queue *q, size_t len,
					 gfp_t gfp, unsigned int flags,
					 copy_fn copy, const void *from,
					 bool *waited)
{
	void *buf;
	int ret;

	/* Do not copy what can't be sent, and wait with empty hands. */
	do {
		stacq_lock(q);
		ret = __stacq_may_send(q, len);
		stacq_unlock(q);
		if (!ret)
			break;
		ret = send_retry(q, ret, len, gfp, flags, waited);
	} while (!ret);
	if (ret)
		return ret;
	buf = stacq_send_buf(q, len, gfp);
	if (!buf)
		return -ENOMEM;
	if (!copy(buf, from, len)) {
		stacq_store_buf_free(&q->store, buf, len);
		return -EFAULT;
	}
	return send_copied(q, buf, len, gfp, flags, waited);
}

static __always_inline ssize_t send(struct stacq_queue *q, size_t len,
				    gfp_t gfp, unsigned int flags,
				    copy_fn copy, const void *from)
{
	bool waited = false;
	struct stacq_msg *m;
	unsigned int whom;
	int ret = 0;

	while (likely(len <= STACQ_COPY_LOCKED && !ret)) {
		stacq_lock(q);
		m = __stacq_send_begin(q, len, NULL);
		if (!IS_ERR(m)) {
			bool ok;

			pagefault_disable();
			ok = copy(stacq_msg_data(m), from, len);
			pagefault_enable();
			if (likely(ok)) {
				whom = __stacq_send_commit(q, m);
				stacq_unlock(q);
				stacq_wake(q, whom);
				return len;
			}
			__stacq_send_abort(q, m);
			stacq_unlock(q);
			break;
		}
		stacq_unlock(q);
		/* Room is made when the bytes are known to be there. */
		if (PTR_ERR(m) == -ENOBUFS)
			break;
		ret = send_retry(q, PTR_ERR(m), len, gfp, flags, &waited);
	}
	if (!ret)
		ret = send_buffered(q, len, gfp, flags, copy, from, &waited);
	if (ret && waited)
		stacq_pass_on(q);
	return ret ?: len;
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
	return send(q, len, GFP_KERNEL, flags, from_user,
		    (const char __force *)buf);
}

/**
 * stacq_send_iter() - send what an iterator describes, as one message
 * @q: the queue
 * @from: the iterator
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: the length, or a negative error as docs/abi.md says for write.
 */
ssize_t stacq_send_iter(struct stacq_queue *q, struct iov_iter *from,
			unsigned int flags)
{
	size_t len = iov_iter_count(from);

	if (unlikely(!len))
		return 0;
	return send(q, len, GFP_KERNEL, flags, from_iter, from);
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
	return send(q, len, gfp, flags, from_kernel, buf);
}

/**
 * stacq_reader_init() - start reading
 * @r: the reader
 * @q: the queue, which outlives it
 */
void stacq_reader_init(struct stacq_reader *r, struct stacq_queue *q)
{
	r->q = q;
	r->msg = NULL;
	r->off = 0;
	mutex_init(&r->mutex);
}

/**
 * stacq_reader_end() - stop reading; a message at hand goes back to its place
 * @r: the reader, which nobody else uses any more
 */
void stacq_reader_end(struct stacq_reader *r)
{
	unsigned int whom = 0;

	stacq_lock(r->q);
	if (r->msg)
		whom = __stacq_give_back(r->q, r->msg, true);
	r->msg = NULL;
	stacq_unlock(r->q);
	stacq_wake(r->q, whom);
	mutex_destroy(&r->mutex);
}

/**
 * stacq_reader_idle() - is there no message at hand?
 * @r: the reader
 *
 * Context: Takes the queue's lock.
 * Return: true if there is none.
 */
bool stacq_reader_idle(struct stacq_reader *r)
{
	bool idle;

	stacq_lock(r->q);
	idle = !r->msg;
	stacq_unlock(r->q);
	return idle;
}

/**
 * stacq_reader_next() - how much a read could return
 * @r: the reader
 * @len: set to the bytes left of the message at hand, else the length of the
 *	next one, else 0
 *
 * Context: Takes the queue's lock.
 * Return: 0 or -EIDRM.
 */
int stacq_reader_next(struct stacq_reader *r, u64 *len)
{
	struct stacq_msg *m;
	int ret = 0;

	stacq_lock(r->q);
	m = __stacq_receive_begin(r->q);
	if (m == ERR_PTR(-EIDRM))
		ret = -EIDRM;
	else if (r->msg)
		*len = r->msg->len - r->off;
	else
		*len = IS_ERR_OR_NULL(m) ? 0 : m->len;
	stacq_unlock(r->q);
	return ret;
}

/**
 * stacq_reader_peek() - describe the message at hand
 * @r: the reader
 * @peek: @position is set to the bytes of it that have been read, the rest as
 *	by __stacq_describe()
 *
 * Context: Takes the queue's lock.
 * Return: 0 or -ENOMSG.
 */
int stacq_reader_peek(struct stacq_reader *r, struct stacq_peek *peek)
{
	int ret = -ENOMSG;

	stacq_lock(r->q);
	if (r->msg) {
		__stacq_describe(r->msg, peek);
		peek->position = r->off;
		ret = 0;
	}
	stacq_unlock(r->q);
	return ret;
}

/* Take the next message into the reader's hands, if there is none in them. */
static int take_in_hand(struct stacq_reader *r)
{
	struct stacq_msg *m;
	int ret = 1;

	stacq_lock(r->q);
	m = __stacq_receive_begin(r->q);
	if (m == ERR_PTR(-EIDRM)) {
		ret = -EIDRM;
	} else if (!r->msg) {
		if (IS_ERR_OR_NULL(m)) {
			ret = PTR_ERR_OR_ZERO(m);
		} else {
			__stacq_hold(r->q, m);
			r->msg = m;
			r->off = 0;
		}
	}
	stacq_unlock(r->q);
	return ret;
}

/* The reader has read up to @off. It keeps the message if some is left. */
static void put_in_hand(struct stacq_reader *r, u32 off)
{
	struct stacq_msg *m = r->msg;
	unsigned int whom = 0;

	stacq_lock(r->q);
	r->off = off;
	if (off == 0) {
		r->msg = NULL;
		whom = __stacq_give_back(r->q, m, false);
	} else if (off == m->len) {
		r->msg = NULL;
		whom = __stacq_held_done(r->q, m);
	}
	stacq_unlock(r->q);
	stacq_wake(r->q, whom);
}

/* Receive a long message, or a part of one. */
static __always_inline ssize_t receive_held(struct stacq_reader *r, size_t len,
					    unsigned int flags, copy_fn copy,
					    void *to)
{
	bool ok;
	int ret;

	if (flags & STACQ_XFER_NOWAIT) {
		if (!mutex_trylock(&r->mutex))
			return -EAGAIN;
	} else if (mutex_lock_interruptible(&r->mutex)) {
		return -ERESTARTSYS;
	}
	ret = take_in_hand(r);
	if (ret > 0) {
		len = min_t(size_t, len, r->msg->len - r->off);
		ok = copy(to, stacq_msg_data(r->msg) + r->off, len);
		put_in_hand(r, ok ? r->off + len : r->off);
		ret = ok ? 0 : -EFAULT;
	} else {
		len = 0;
	}
	mutex_unlock(&r->mutex);
	return ret ?: len;
}

/* Receive what is there, without waiting for a message. */
static __always_inline ssize_t try_receive(struct stacq_reader *r, size_t len,
					   unsigned int flags, copy_fn copy,
					   void *to)
{
	struct stacq_queue *q = r->q;
	unsigned int whom;
	struct stacq_msg *m;
	size_t n;
	bool ok;

	stacq_lock(q);
	m = __stacq_receive_begin(q);
	if (likely(!r->msg)) {
		if (IS_ERR_OR_NULL(m)) {
			stacq_unlock(q);
			return PTR_ERR_OR_ZERO(m);
		}
		n = m->len;
		if (likely(n <= len && n <= STACQ_COPY_LOCKED)) {
			pagefault_disable();
			ok = copy(to, stacq_msg_data(m), n);
			pagefault_enable();
			if (likely(ok)) {
				whom = __stacq_receive_done(q, m);
				stacq_unlock(q);
				stacq_wake(q, whom);
				return n;
			}
		}
	}
	stacq_unlock(q);
	return receive_held(r, len, flags, copy, to);
}

static __always_inline ssize_t receive(struct stacq_reader *r, size_t len,
				       unsigned int flags, copy_fn copy,
				       void *to)
{
	bool waited = false;
	ssize_t ret;

	if (unlikely(!len))
		return 0;
	for (;;) {
		ret = try_receive(r, len, flags, copy, to);
		if (likely(ret != -EAGAIN) || flags & STACQ_XFER_NOWAIT)
			break;
		waited = true;
		ret = stacq_wait_readable(r->q);
		if (ret)
			break;
	}
	if (unlikely(ret < 0 && waited))
		stacq_pass_on(r->q);
	return ret;
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
	return receive(r, len, flags, to_user, (char __force *)buf);
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
	return receive(r, iov_iter_count(to), flags, to_iter, to);
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
		to_kernel(buf, stacq_msg_data(m), ret);
		whom = __stacq_receive_done(q, m);
		goto unlock;
	}
	__stacq_hold(q, m);
	stacq_unlock(q);
	to_kernel(buf, stacq_msg_data(m), ret);
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
		ret = stacq_wait_readable(q);
		if (ret)
			break;
	}
	if (ret < 0 && waited)
		stacq_pass_on(q);
	return ret;
}
