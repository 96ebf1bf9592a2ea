// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for messages and for room.
 *
 * A caller adds itself to a wait queue first and then asks, with the
 * lock held, whether it needs to wait. Whoever changes the answer does so with
 * the lock held and looks at the wait queue before dropping it:
 *
 *	waiter					changer
 *	prepare_to_wait()			lock
 *	lock					  change the answer
 *	  ask					  waitqueue_active()?
 *	unlock					unlock
 *	schedule()				wake up, if it was
 *
 * If the waiter asks first, its unlock orders its place in the wait queue
 * before the changer's look. If the changer goes first, the waiter sees the
 * new answer. That neither sees the other is impossible, and no barrier but
 * the lock is needed. Polling follows the same order.
 *
 * One message wakes one reader, and the room of one wakes one writer whose
 * message fits in it. A woken caller that goes away without taking what it was
 * woken for passes the wake-up on; a writer that leaves room behind wakes the
 * next. So a caller sleeps once and then tries; if it was too late, it comes
 * again.
 */
#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "core/queue.h"

/**
 * __stacq_readable() - would a receive return at once?
 * @q: the queue
 * @h: what the caller holds under lease, or NULL
 *
 * Context: The lock is held.
 * Return: true with a message that the caller may have, at the end of a sealed
 *	queue, or after removal.
 */
bool __stacq_readable(struct stacq_queue *q, const struct stacq_holder *h)
{
	struct stacq_msg *m = __stacq_receive_begin(q);

	if (IS_ERR_OR_NULL(m))
		return m != ERR_PTR(-EAGAIN);
	return !(h && __stacq_holder_full(h));
}

/**
 * __stacq_writable() - would a send of any allowed length return at once?
 * @q: the queue
 *
 * Where the length of messages is not limited, lengths up to a page of 4096
 * are what is promised.
 *
 * Context: The lock is held.
 * Return: true with room, or when it would fail because of sealing or removal.
 */
bool __stacq_writable(struct stacq_queue *q)
{
	u64 len = q->msg_max;

	stacq_assert_locked(q);
	if (q->max_msg_size == U64_MAX)
		len = min_t(u64, len, 4096);
	return __stacq_ended(q) || !__stacq_full(q, len) ||
	       __stacq_when_full(q, len) != -EAGAIN;
}

/**
 * stacq_wake_up() - wake those who wait
 * @q: the queue
 * @whom: STACQ_WAKE_* bits, some; else stacq_wake() is quicker
 *
 * Context: The lock is not held.
 */
void stacq_wake_up(struct stacq_queue *q, unsigned int whom)
{
	__poll_t in = EPOLLIN | EPOLLRDNORM, out = EPOLLOUT | EPOLLWRNORM;

	if (whom & STACQ_WAKE_READERS)
		__wake_up(&q->read_wait, TASK_INTERRUPTIBLE, 0,
			  poll_to_key(in | EPOLLHUP | EPOLLERR));
	else if (whom & STACQ_WAKE_READER)
		wake_up_interruptible_poll(&q->read_wait, in);
	if (whom & STACQ_WAKE_WRITERS)
		__wake_up(&q->write_wait, TASK_INTERRUPTIBLE, 0,
			  poll_to_key(out | EPOLLHUP | EPOLLERR));
	else if (whom & STACQ_WAKE_WRITER)
		wake_up_interruptible_poll(&q->write_wait, out);
}

struct stacq_writer {
	struct wait_queue_entry wait;
	struct stacq_queue *q;
	size_t len;
};

/* A writer whose message does not fit sleeps on, and the next one is asked. */
static int stacq_wake_writer(struct wait_queue_entry *wait, unsigned int mode,
			     int flags, void *key)
{
	struct stacq_writer *w = container_of(wait, struct stacq_writer, wait);

	if (!(key_to_poll(key) & EPOLLHUP) &&
	    (!READ_ONCE(w->q->room_msgs) || READ_ONCE(w->q->room_bytes) < w->len))
		return 0;
	return autoremove_wake_function(wait, mode, flags, key);
}

/**
 * stacq_pass_on() - wake others in place of a caller that goes away
 * @q: the queue
 *
 * For callers that waited and then did not send or receive.
 *
 * Context: The lock is not held.
 */
void stacq_pass_on(struct stacq_queue *q)
{
	unsigned int whom = 0;

	stacq_lock(q);
	if (__stacq_readable(q, NULL))
		whom |= __stacq_wake_reader(q);
	whom |= __stacq_wake_writer(q);
	stacq_unlock(q);
	stacq_wake(q, whom);
}

/*
 * How a caller that waited goes on. One that dies leaves what it was woken for to
 * others; one with another signal may take it, and learns of the signal when it
 * has to wait once more.
 */
static int woken(struct stacq_queue *q, bool ready, long ret)
{
	if (likely((ready || !ret) && !fatal_signal_pending(current)))
		return 0;
	stacq_pass_on(q);
	return -ERESTARTSYS;
}

/* Sleep until woken or, if there is one, the deadline; whoever waits looks at the clock. */
static void sleep_until(ktime_t *deadline)
{
	if (unlikely(deadline))
		schedule_hrtimeout(deadline, HRTIMER_MODE_ABS);
	else
		schedule();
}

struct stacq_waiting_holder {
	struct wait_queue_entry wait;
	struct stacq_holder *h;
};

/*
 * A holder that may have no more sleeps on, and the next reader is asked. Runs
 * without the lock, as stacq_wake_writer(): when a lease of a full holder ends,
 * everybody is woken.
 */
static int stacq_wake_holder(struct wait_queue_entry *wait, unsigned int mode,
			     int flags, void *key)
{
	struct stacq_waiting_holder *w =
		container_of(wait, struct stacq_waiting_holder, wait);

	if (!(key_to_poll(key) & EPOLLHUP) &&
	    READ_ONCE(w->h->inflight) >= READ_ONCE(w->h->max_inflight))
		return 0;
	return autoremove_wake_function(wait, mode, flags, key);
}

/**
 * stacq_wait_readable_until() - sleep until a receive is worth trying
 * @q: the queue
 * @h: what the caller holds under lease, or NULL
 * @deadline: when to wake at the latest (CLOCK_MONOTONIC), or NULL
 *
 * Context: Sleeps.
 * Return: 0, also when the time is up, or -ERESTARTSYS for a signal.
 */
int stacq_wait_readable_until(struct stacq_queue *q, struct stacq_holder *h,
			      ktime_t *deadline)
{
	struct stacq_waiting_holder w = { .h = h };
	bool ready;
	long ret;

	init_wait_entry(&w.wait, WQ_FLAG_EXCLUSIVE);
	if (unlikely(h && READ_ONCE(h->on) && READ_ONCE(h->max_inflight)))
		w.wait.func = stacq_wake_holder;
	atomic_inc(&q->readers_waiting);
	ret = prepare_to_wait_event(&q->read_wait, &w.wait, TASK_INTERRUPTIBLE);
	stacq_lock(q);
	ready = __stacq_readable(q, h);
	stacq_unlock(q);
	if (!ready && !ret)
		sleep_until(deadline);
	finish_wait(&q->read_wait, &w.wait);
	atomic_dec(&q->readers_waiting);
	return woken(q, ready, ret);
}

/**
 * stacq_wait_writable_until() - sleep until a send is worth trying
 * @q: the queue
 * @len: length of the message
 * @deadline: when to wake at the latest (CLOCK_MONOTONIC), or NULL
 *
 * Context: Sleeps.
 * Return: 0, also when the time is up, or -ERESTARTSYS for a signal.
 */
int stacq_wait_writable_until(struct stacq_queue *q, size_t len,
			      ktime_t *deadline)
{
	struct stacq_writer w = { .q = q, .len = len };
	bool ready;
	long ret;

	init_wait_entry(&w.wait, WQ_FLAG_EXCLUSIVE);
	w.wait.func = stacq_wake_writer;
	atomic_inc(&q->writers_waiting);
	ret = prepare_to_wait_event(&q->write_wait, &w.wait, TASK_INTERRUPTIBLE);
	stacq_lock(q);
	ready = __stacq_may_send(q, len) != -EAGAIN;
	stacq_unlock(q);
	if (!ready && !ret)
		sleep_until(deadline);
	finish_wait(&q->write_wait, &w.wait);
	atomic_dec(&q->writers_waiting);
	return woken(q, ready, ret);
}
