// SPDX-License-Identifier: GPL-2.0
/*
 * Sending and receiving with a deadline, for the door /dev/stacq/NAME.
 *
 * The functions of transfer.c and frame.c are called so that they do not wait
 * (STACQ_XFER_ONCE), and all waiting is done here. The clock is looked at after
 * each try, so a caller whose message has come when its time is up takes it, and
 * one whose deadline has passed before the call tries once.
 *
 * A file without timeouts never comes here, but for the requests that name a
 * deadline themselves.
 */
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "core/queue.h"
#include "io/transfer.h"

/**
 * struct call - a read or write
 * @r: of the open file
 * @mode: how it reads and writes; another mode does not concern a call that has begun
 * @buf: the caller's memory, or else
 * @iter: what describes it
 * @len: bytes of it
 */
struct call {
	struct stacq_reader *r;
	unsigned int mode;
	char __user *buf;
	struct iov_iter *iter;
	size_t len;
};

/**
 * struct direction - what differs between reading and writing
 * @once: tries it
 * @wait: sleeps until that is worth it, as stacq_wait_readable_until()
 */
struct direction {
	ssize_t (*once)(const struct call *c, unsigned int flags);
	int (*wait)(const struct call *c, ktime_t *deadline);
};

static ssize_t receive_once(const struct call *c, unsigned int flags)
{
	if (c->mode & STACQ_MODE_FRAMED)
		return c->iter ?
		       stacq_receive_frames_iter(c->r, c->iter, flags) :
		       stacq_receive_frames_user(c->r, c->buf, c->len, flags);
	if (c->mode & STACQ_MODE_LEASE)
		return c->iter ? stacq_lease_iter(c->r, c->iter, flags) :
				 stacq_lease_user(c->r, c->buf, c->len, flags);
	return c->iter ? stacq_receive_iter(c->r, c->iter, flags) :
			 stacq_receive_user(c->r, c->buf, c->len, flags);
}

static int wait_receive(const struct call *c, ktime_t *deadline)
{
	return stacq_wait_readable_until(c->r->q, &c->r->holder, deadline);
}

static ssize_t send_once(const struct call *c, unsigned int flags)
{
	u16 priority = READ_ONCE(c->r->priority);

	if (c->mode & STACQ_MODE_FRAMED)
		return c->iter ?
		       stacq_send_frames_iter(c->r->q, c->iter, flags) :
		       stacq_send_frames_user(c->r->q, c->buf, c->len, flags);
	return c->iter ? stacq_send_iter(c->r->q, c->iter, priority, flags) :
			 stacq_send_user_priority(c->r->q, c->buf, c->len,
						  priority, flags);
}

static int wait_send(const struct call *c, ktime_t *deadline)
{
	ssize_t len = c->len;

	/* Only the first of many waits. */
	if (c->mode & STACQ_MODE_FRAMED)
		len = stacq_first_frame(c->buf, c->iter);
	return len < 0 ? len : stacq_wait_writable_until(c->r->q, len, deadline);
}

static const struct direction receiving = {
	.once = receive_once,
	.wait = wait_receive,
};

static const struct direction sending = {
	.once = send_once,
	.wait = wait_send,
};

/* A try in vain may have fetched the bytes. */
static void rewind(const struct call *c)
{
	if (c->iter && iov_iter_count(c->iter) < c->len)
		iov_iter_revert(c->iter, c->len - iov_iter_count(c->iter));
}

static ssize_t until(const struct direction *d, const struct call *c,
		     unsigned int flags, ktime_t deadline)
{
	bool waited = false;
	ssize_t ret;

	if (flags & STACQ_XFER_NOWAIT || deadline == KTIME_MAX)
		return d->once(c, flags);
	for (;;) {
		ret = d->once(c, flags | STACQ_XFER_ONCE);
		if (ret >= 0)
			return ret;
		/* What it was woken for, others may have. */
		if (waited)
			stacq_pass_on(c->r->q);
		if (ret != -EAGAIN)
			return ret;
		if (ktime_get() >= deadline)
			return -ETIMEDOUT;
		rewind(c);
		ret = d->wait(c, &deadline);
		if (ret)
			return ret;
		waited = true;
		cond_resched();
	}
}

static ktime_t to_ktime(u64 ns)
{
	return ns_to_ktime(min_t(u64, ns, KTIME_MAX));
}

/* With the timeout of the open file, if it has one. */
static ssize_t within(const struct direction *d, struct call *c,
		      unsigned int flags, u64 timeout)
{
	ktime_t deadline = KTIME_MAX;
	ssize_t ret;

	c->mode = READ_ONCE(c->r->mode);
	if (timeout)
		deadline = ktime_add_safe(ktime_get(), to_ktime(timeout));
	ret = until(d, c, flags, deadline);
	/* Restarted, it would have all of its time again. */
	return timeout && ret == -ERESTARTSYS ? -EINTR : ret;
}

/**
 * stacq_receive_timed_user() - receive into user memory, with the file's timeout
 * @r: the reader
 * @buf: where to
 * @len: room there
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: what a read returns in the mode of the open file; -ETIMEDOUT.
 */
ssize_t stacq_receive_timed_user(struct stacq_reader *r, char __user *buf,
				 size_t len, unsigned int flags)
{
	struct call c = { .r = r, .buf = buf, .len = len };

	return within(&receiving, &c, flags, READ_ONCE(r->read_timeout));
}

/**
 * stacq_receive_timed_iter() - receive into what an iterator describes, likewise
 * @r: the reader
 * @to: the iterator
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: as stacq_receive_timed_user().
 */
ssize_t stacq_receive_timed_iter(struct stacq_reader *r, struct iov_iter *to,
				 unsigned int flags)
{
	struct call c = { .r = r, .iter = to, .len = iov_iter_count(to) };

	return within(&receiving, &c, flags, READ_ONCE(r->read_timeout));
}

/**
 * stacq_send_timed_user() - send from user memory, with the file's timeout
 * @r: the reader
 * @buf: the message, or frames
 * @len: bytes of it
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: what a write returns in the mode of the open file; -ETIMEDOUT.
 */
ssize_t stacq_send_timed_user(struct stacq_reader *r, const char __user *buf,
			      size_t len, unsigned int flags)
{
	struct call c = { .r = r, .buf = (char __user *)buf, .len = len };

	return within(&sending, &c, flags, READ_ONCE(r->write_timeout));
}

/**
 * stacq_send_timed_iter() - send what an iterator describes, likewise
 * @r: the reader
 * @from: the iterator
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: as stacq_send_timed_user().
 */
ssize_t stacq_send_timed_iter(struct stacq_reader *r, struct iov_iter *from,
			      unsigned int flags)
{
	struct call c = { .r = r, .iter = from, .len = iov_iter_count(from) };

	return within(&sending, &c, flags, READ_ONCE(r->write_timeout));
}

/**
 * stacq_receive_until() - receive into user memory, up to a deadline
 * @r: the reader
 * @buf: where to
 * @len: room there
 * @deadline_ns: CLOCK_MONOTONIC in nanoseconds, 0 is without end
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: as stacq_receive_timed_user(). What a signal interrupts may be restarted.
 */
ssize_t stacq_receive_until(struct stacq_reader *r, char __user *buf, size_t len,
			    u64 deadline_ns, unsigned int flags)
{
	const struct call c = {
		.r = r, .mode = READ_ONCE(r->mode), .buf = buf, .len = len,
	};

	return until(&receiving, &c, flags,
		     deadline_ns ? to_ktime(deadline_ns) : KTIME_MAX);
}

/**
 * stacq_send_until() - send from user memory, up to a deadline
 * @r: the reader
 * @buf: the message, or frames
 * @len: bytes of it
 * @deadline_ns: CLOCK_MONOTONIC in nanoseconds, 0 is without end
 * @flags: STACQ_XFER_NOWAIT or 0
 *
 * Context: Process context, may sleep.
 * Return: as stacq_send_timed_user(). What a signal interrupts may be restarted.
 */
ssize_t stacq_send_until(struct stacq_reader *r, const char __user *buf,
			 size_t len, u64 deadline_ns, unsigned int flags)
{
	const struct call c = {
		.r = r, .mode = READ_ONCE(r->mode), .buf = (char __user *)buf,
		.len = len,
	};

	return until(&sending, &c, flags,
		     deadline_ns ? to_ktime(deadline_ns) : KTIME_MAX);
}
