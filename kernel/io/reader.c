// SPDX-License-Identifier: GPL-2.0
/*
 * What an open file remembers of its reading: its mode, and the message in its
 * hands, of which a part has been read.
 *
 * A message in hand is in state HELD, and goes back to its place if the reader
 * ends. It is read in transfer.c and frame.c.
 *
 * Locking: stacq_reader.mutex, then the queue's lock.
 */
#include <linux/err.h>
#include <linux/mutex.h>

#include "core/queue.h"
#include "io/transfer.h"

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
	r->mode = 0;
	r->priority = 0;
	r->read_timeout = 0;
	r->write_timeout = 0;
	INIT_HLIST_HEAD(&r->notices);
	stacq_holder_init(&r->holder);
	mutex_init(&r->mutex);
}

/**
 * stacq_reader_end() - stop reading; what it holds, or has at hand, goes back
 * @r: the reader, which nobody else uses any more
 */
void stacq_reader_end(struct stacq_reader *r)
{
	unsigned int whom = 0;

	stacq_holder_end(r->q, &r->holder);
	stacq_lock(r->q);
	if (r->msg)
		whom = __stacq_give_back(r->q, r->msg, true);
	r->msg = NULL;
	stacq_unlock(r->q);
	stacq_wake(r->q, whom);
	mutex_destroy(&r->mutex);
}

/**
 * stacq_reader_set_mode() - how an open file reads and writes
 * @r: the reader
 * @m: how, valid
 *
 * Context: Sleeps.
 * Return: 0; -EBUSY if a mode changes with part of a message read; -ERESTARTSYS for
 *	a signal.
 */
int stacq_reader_set_mode(struct stacq_reader *r, const struct stacq_mode *m)
{
	unsigned int mode = m->flags;
	bool wake;
	int ret = 0;

	if (m->priority)
		mode |= STACQ_READER_PRIORITY;
	if (m->read_timeout_ns || m->write_timeout_ns)
		mode |= STACQ_READER_TIMED;
	if (mutex_lock_interruptible(&r->mutex))
		return -ERESTARTSYS;
	if (r->msg && (mode ^ r->mode) & ~(STACQ_READER_PRIORITY | STACQ_READER_TIMED)) {
		ret = -EBUSY;
		goto unlock;
	}
	WRITE_ONCE(r->mode, mode);
	WRITE_ONCE(r->priority, m->priority);
	WRITE_ONCE(r->read_timeout, m->read_timeout_ns);
	WRITE_ONCE(r->write_timeout, m->write_timeout_ns);
	stacq_lock(r->q);
	wake = __stacq_holder_full(&r->holder);
	WRITE_ONCE(r->holder.on, m->flags & STACQ_MODE_LEASE);
	WRITE_ONCE(r->holder.max_inflight, m->max_inflight);
	stacq_unlock(r->q);
	/* It may be that those who wait through this file may now have more. */
	if (wake)
		stacq_wake(r->q, STACQ_WAKE_READERS);
unlock:
	mutex_unlock(&r->mutex);
	return ret;
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
		__stacq_describe(r->q, r->msg, peek);
		peek->position = r->off;
		ret = 0;
	}
	stacq_unlock(r->q);
	return ret;
}

/**
 * stacq_take_in_hand() - see that there is a message in the reader's hands
 * @r: the reader
 * @room: a new one is not taken if its frame is longer than so many bytes: given back, it
 *	would come after those that others take in the meantime
 *
 * Context: stacq_reader.mutex is held. Takes the queue's lock.
 * Return: 1; 0 at the end of a sealed queue; -EAGAIN, -EIDRM, -EMSGSIZE or -ENOMEM.
 */
int stacq_take_in_hand(struct stacq_reader *r, size_t room)
{
	struct stacq_lease **spare = &r->holder.spare;
	struct stacq_lease *fresh = NULL;
	struct stacq_msg *m;
	int ret;

again:
	ret = 1;
	stacq_lock(r->q);
	if (!*spare)
		swap(*spare, fresh);
	m = __stacq_receive_begin(r->q);
	if (m == ERR_PTR(-EIDRM)) {
		ret = -EIDRM;
	} else if (!r->msg) {
		if (IS_ERR_OR_NULL(m)) {
			ret = PTR_ERR_OR_ZERO(m);
		} else if (__stacq_holder_full(&r->holder)) {
			ret = -EAGAIN;
		} else if (STACQ_FRAME_SIZE(m->len) > room) {
			ret = -EMSGSIZE;
		} else if (!__stacq_lease_spare(r->q, spare)) {
			ret = -ENOBUFS;
		} else {
			__stacq_hold(r->q, m, spare);
			r->msg = m;
			r->off = 0;
		}
	}
	stacq_unlock(r->q);
	if (ret == -ENOBUFS) {
		ret = stacq_lease_alloc(&fresh);
		if (!ret)
			goto again;
	}
	return ret;
}

/**
 * stacq_put_in_hand() - note what has been read of the message in hand
 * @r: the reader
 * @off: so many bytes of it. It goes back after none; after all it is gone, or
 *	under lease.
 *
 * Context: stacq_reader.mutex is held. Takes the queue's lock.
 */
void stacq_put_in_hand(struct stacq_reader *r, u32 off)
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
		if (r->holder.on)
			__stacq_lease(r->q, &r->holder, m);
		else
			whom = __stacq_held_done(r->q, m);
	}
	stacq_unlock(r->q);
	stacq_wake(r->q, whom);
}
