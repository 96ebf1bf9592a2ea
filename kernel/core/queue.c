// SPDX-License-Identifier: GPL-2.0
/*
 * The queue. What it is and how it is used: queue.h. Waiting is in wait.c,
 * looking in inspect.c.
 *
 * Locking: one spin lock a queue, stacq_queue.store.lock, guards the list of
 * messages, all counts and limits, and the store. It is never held across
 * anything that sleeps, and not taken from interrupts. room_mutex is taken
 * before it: see room.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "core/level.h"
#include "core/queue.h"
#include "trace.h"

/* How much is done in one go with the lock held. */
#define PURGE_STEPS	64
#define EXPIRE_BATCH	64

/*
 * States
 */

/* The changes that there are: see __stacq_change(). */
static const u8 changes[STACQ_MSG_STATES] = {
	[STACQ_MSG_FREE]	= BIT(STACQ_MSG_RESERVED),
	[STACQ_MSG_RESERVED]	= BIT(STACQ_MSG_READY) | BIT(STACQ_MSG_FREE),
	[STACQ_MSG_READY]	= BIT(STACQ_MSG_HELD) | BIT(STACQ_MSG_DEAD) |
				  BIT(STACQ_MSG_FREE),
	[STACQ_MSG_RETURNED]	= BIT(STACQ_MSG_HELD) | BIT(STACQ_MSG_DEAD) |
				  BIT(STACQ_MSG_FREE),
	[STACQ_MSG_HELD]	= BIT(STACQ_MSG_LEASED) | BIT(STACQ_MSG_RETURNED) |
				  BIT(STACQ_MSG_FREE),
	[STACQ_MSG_LEASED]	= BIT(STACQ_MSG_READY) | BIT(STACQ_MSG_RETURNED) |
				  BIT(STACQ_MSG_FREE),
	[STACQ_MSG_DEAD]	= BIT(STACQ_MSG_FREE),
};

/**
 * __stacq_check_change() - in debug builds: may the state of a message change so?
 * @q: the queue
 * @m: the message
 * @from: the state that it is to have
 * @to: the state that it gets
 *
 * Context: The lock is held.
 */
void __stacq_check_change(const struct stacq_queue *q, const struct stacq_msg *m,
			  enum stacq_state from, enum stacq_state to)
{
	u64 nr = 0, bytes = 0;
	int i;

	stacq_assert(m->state == from && changes[from] & BIT(to));
	for (i = STACQ_MSG_READY + 1; i < STACQ_MSG_STATES; i++) {
		nr += q->count[i].nr;
		bytes += q->count[i].bytes;
	}
	stacq_assert(q->others.nr == nr && q->others.bytes == bytes);
}

/*
 * Limits
 */

static u64 none_is_max(u64 limit)
{
	return limit == STACQ_UNLIMITED ? U64_MAX : limit;
}

static void __set_limits(struct stacq_queue *q, const struct stacq_limits *l)
{
	if (l->max_msgs != STACQ_UNCHANGED)
		q->msgs_max = none_is_max(l->max_msgs);
	if (l->max_bytes != STACQ_UNCHANGED)
		q->bytes_max = none_is_max(l->max_bytes);
	if (l->max_msg_size != STACQ_UNCHANGED)
		q->max_msg_size = none_is_max(l->max_msg_size);
	/* A longer write() arrives here cut to MAX_RW_COUNT: not whole. */
	q->msg_max = min3(q->max_msg_size, q->bytes_max,
			  (u64)MAX_RW_COUNT - 1);
}

/*
 * Life
 */

/**
 * stacq_queue_alloc() - make a queue
 * @name: its name, valid
 * @order: STACQ_FIFO, STACQ_LIFO or STACQ_PRIORITY
 * @limits: its limits
 * @capacity: messages to make room for, at least 1
 *
 * Context: May sleep.
 * Return: the queue with one reference, or NULL if there is no memory.
 */
struct stacq_queue *stacq_queue_alloc(const char *name, unsigned int order,
				      const struct stacq_limits *limits,
				      u64 capacity)
{
	struct stacq_queue *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);

	if (!q)
		return NULL;
	if (stacq_store_init(&q->store, capacity, GFP_KERNEL)) {
		kfree(q);
		return NULL;
	}
	INIT_LIST_HEAD(&q->msgs);
	stacq_clock_init(&q->clock);
	__set_limits(q, limits);
	q->order = order;
	if (order == STACQ_PRIORITY)
		q->special |= STACQ_SPECIAL_PRIORITY;
	q->store.moved = __stacq_moved;
	stacq_leases_init(q);
	stacq_dead_init(q);
	q->floor = capacity;
	init_waitqueue_head(&q->read_wait);
	init_waitqueue_head(&q->write_wait);
	mutex_init(&q->room_mutex);
	stacq_room_init(q);
	ratelimit_state_init(&q->log, 5 * HZ, 64);
	kref_init(&q->ref);
	strscpy(q->name, name, sizeof(q->name));
	return q;
}

/**
 * stacq_queue_get() - hold a queue
 * @q: the queue, held already
 */
void stacq_queue_get(struct stacq_queue *q)
{
	kref_get(&q->ref);
}

static void free_msg(struct stacq_queue *q, struct stacq_msg *m)
{
	pr_debug("%s: removed message of size %u\n", q->name, m->len);
	if (m->len > STACQ_INLINE_SIZE)
		kvfree(m->buf);
	cond_resched();
}

static void free_queue(struct kref *ref)
{
	struct stacq_queue *q = container_of(ref, struct stacq_queue, ref);
	struct stacq_msg *m, *next;

	/* Files give back what they have taken before they let go of the queue. */
	stacq_assert(!q->count[STACQ_MSG_HELD].nr && !q->count[STACQ_MSG_LEASED].nr);
	cancel_delayed_work_sync(&q->idle_work);
	stacq_dead_end(q);
	list_splice(&q->dead.expired, &q->msgs);
	list_splice(&q->dead.exhausted, &q->msgs);
	list_for_each_entry_safe(m, next, &q->msgs, link)
		free_msg(q, m);
	while ((m = __stacq_returned_first(q))) {
		__stacq_returned_del(q, m);
		__stacq_lease_drop(q, m);
		free_msg(q, m);
	}
	stacq_leases_destroy(q);
	stacq_leases_trim(q);
	stacq_notes_destroy(q);
	stacq_levels_destroy(q);
	stacq_store_destroy(&q->store);
	mutex_destroy(&q->room_mutex);
	kfree(q);
}

/**
 * stacq_queue_put() - let go of a queue
 * @q: the queue; freed with all its messages when nobody else holds it
 *
 * Context: May sleep.
 */
void stacq_queue_put(struct stacq_queue *q)
{
	kref_put(&q->ref, free_queue);
}

/**
 * stacq_queue_end() - mark a queue as removed and wake all who wait
 * @q: the queue
 * @msgs: set to the number of messages that are lost with it
 * @bytes: set to their bytes
 *
 * Context: Any that may take the lock.
 */
void stacq_queue_end(struct stacq_queue *q, u64 *msgs, u64 *bytes)
{
	stacq_lock(q);
	q->special |= STACQ_ENDED_REMOVED;
	*msgs = __stacq_stored(q);
	*bytes = __stacq_stored_bytes(q);
	stacq_unlock(q);
	stacq_wake(q, STACQ_WAKE_READERS | STACQ_WAKE_WRITERS);
}

/*
 * Messages in and out
 */

/**
 * __stacq_may_send_specially() - __stacq_may_send() of a queue with something special
 * @q: the queue
 * @len: as there
 *
 * Context: The lock is held.
 * Return: as there.
 */
int __stacq_may_send_specially(struct stacq_queue *q, size_t len)
{
	stacq_assert_locked(q);
	if (__stacq_ended(q))
		return q->special & STACQ_ENDED_REMOVED ? -EIDRM : -EPIPE;
	if (len > q->msg_max)
		return -EMSGSIZE;
	if (q->special & STACQ_SPECIAL_TTL)
		__stacq_dead_arm_ttl(q);
	if (__stacq_full(q, len))
		return __stacq_when_full(q, len);
	return __stacq_lacks_level(q) ? -ENOBUFS : 0;
}

/**
 * __stacq_receive_begin_specially() - __stacq_receive_begin() likewise
 * @q: the queue
 *
 * Messages whose time is over die here. If those are too many to go on, it is as if
 * there were none, and readers are woken when the rest has died, too.
 *
 * Context: The lock is held.
 * Return: as there.
 */
struct stacq_msg *__stacq_receive_begin_specially(struct stacq_queue *q)
{
	struct stacq_msg *m;
	int i;

	stacq_assert_locked(q);
	if (q->special & STACQ_ENDED_REMOVED)
		return ERR_PTR(-EIDRM);
	for (i = 0; i < EXPIRE_BATCH && __stacq_depth(q); i++) {
		m = __stacq_next(q);
		if (!(q->special & (STACQ_SPECIAL_TTL | STACQ_SPECIAL_NOTED)) ||
		    !__stacq_expired(q, m))
			return m;
		__stacq_die(q, m, STACQ_CAUSE_EXPIRED);
	}
	if (__stacq_ended(q) && __stacq_drained(q))
		return NULL;
	return ERR_PTR(-EAGAIN);
}

/* Take a message out of the list. */
static void __unlist(struct stacq_queue *q, struct stacq_msg *m)
{
	if (q->order == STACQ_PRIORITY)
		__stacq_level_del(q, m);
	__list_del_entry(&m->link);
}

/**
 * __stacq_leave_place() - take a message from where its state has it
 * @q: the queue
 * @m: the message: READY, RETURNED, HELD, or no longer with the file that leased it
 *
 * Context: The lock is held.
 */
void __stacq_leave_place(struct stacq_queue *q, struct stacq_msg *m)
{
	stacq_assert_locked(q);
	if (m->state == STACQ_MSG_READY) {
		__unlist(q, m);
		return;
	}
	if (m->state == STACQ_MSG_RETURNED)
		__stacq_returned_del(q, m);
	__stacq_lease_drop(q, m);
}

/**
 * __stacq_unlink_specially() - a message is about to go
 * @q: the queue, with something special
 * @m: the message, at its place
 *
 * Context: The lock is held.
 */
void __stacq_unlink_specially(struct stacq_queue *q, struct stacq_msg *m)
{
	if (q->special & STACQ_SPECIAL_NOTED)
		__stacq_note_drop(q, m);
	__stacq_leave_place(q, m);
}

/**
 * __stacq_send_abort() - give up a message not filled
 * @q: the queue
 * @m: from __stacq_send_begin()
 *
 * Context: The lock is held.
 */
void __stacq_send_abort(struct stacq_queue *q, struct stacq_msg *m)
{
	__stacq_change(q, m, STACQ_MSG_RESERVED, STACQ_MSG_FREE);
	__stacq_store_put(&q->store, m);
}

/**
 * __stacq_hold() - a file begins to take a message
 * @q: the queue
 * @m: from __stacq_receive_begin(). It leaves its place: nobody steps over it.
 * @spare: from __stacq_lease_spare(), cleared if it is used; NULL if the message will
 *	not be given back
 *
 * Context: The lock is held, since __stacq_receive_begin().
 */
void __stacq_hold(struct stacq_queue *q, struct stacq_msg *m,
		  struct stacq_lease **spare)
{
	enum stacq_state from = m->state;

	stacq_assert_locked(q);
	if (from == STACQ_MSG_RETURNED) {
		__stacq_returned_del(q, m);
	} else {
		__unlist(q, m);
		__stacq_lease_add(q, m, spare ? *spare : NULL);
		if (spare)
			*spare = NULL;
	}
	__stacq_change(q, m, from, STACQ_MSG_HELD);
}

/**
 * __stacq_held_done() - a message that a file has taken is gone
 * @q: the queue
 * @m: HELD, or no longer leased; gone after this
 *
 * Context: The lock is held.
 * Return: whom to wake.
 */
unsigned int __stacq_held_done(struct stacq_queue *q, struct stacq_msg *m)
{
	unsigned int whom = __stacq_receive_done(q, m);

	__stacq_reap_soon(q);
	return whom;
}

static void __count_delivery(struct stacq_queue *q, struct stacq_msg *m)
{
	q->requeued++;
	if (m->deliveries < U8_MAX)
		m->deliveries++;
	trace_stacq_requeue(q->name, m->seq, m->len, m->deliveries);
}

/* A message is for others again, unless it dies. */
static unsigned int __for_others(struct stacq_queue *q, struct stacq_msg *m,
				 bool delivered)
{
	if (__stacq_dies_given_back(q, m, delivered))
		return 0;
	if (m != q->peeked)
		__stacq_store_settle(&q->store, m);
	__stacq_reap_soon(q);
	return __stacq_wake_reader(q);
}

/**
 * __stacq_give_back() - a message is for others again
 * @q: the queue
 * @m: HELD with a lease, or no longer leased
 * @delivered: the reader may have seen something of it, so it counts
 *
 * Context: The lock is held.
 * Return: whom to wake.
 */
unsigned int __stacq_give_back(struct stacq_queue *q, struct stacq_msg *m,
			       bool delivered)
{
	stacq_assert_locked(q);
	if (delivered)
		__count_delivery(q, m);
	__stacq_change(q, m, m->state, STACQ_MSG_RETURNED);
	__stacq_returned_add(q, m);
	return __for_others(q, m, delivered);
}

/**
 * __stacq_give_back_to_end() - a message is for others again, after all there are
 * @q: the queue, with a spare level in order priority
 * @m: no longer leased, with its new number
 *
 * Context: The lock is held.
 * Return: whom to wake.
 */
unsigned int __stacq_give_back_to_end(struct stacq_queue *q, struct stacq_msg *m)
{
	stacq_assert_locked(q);
	__count_delivery(q, m);
	__stacq_lease_drop(q, m);
	__stacq_change(q, m, STACQ_MSG_LEASED, STACQ_MSG_READY);
	__stacq_enqueue(q, m);
	return __for_others(q, m, true);
}

/**
 * stacq_set_limits() - set the limits
 * @q: the queue
 * @limits: the limits; STACQ_UNCHANGED leaves one as it is
 *
 * Context: Any that may take the lock.
 * Return: 0 or -EIDRM.
 */
int stacq_set_limits(struct stacq_queue *q, const struct stacq_limits *limits)
{
	int ret = 0;

	stacq_lock(q);
	if (q->special & STACQ_ENDED_REMOVED)
		ret = -EIDRM;
	else
		__set_limits(q, limits);
	stacq_unlock(q);
	if (!ret)
		stacq_wake(q, STACQ_WAKE_WRITERS);
	return ret;
}

/*
 * All at once
 */

/**
 * stacq_purge() - discard the messages that are stored now
 * @q: the queue
 *
 * Messages that somebody has taken, and those sent after the call began, stay.
 *
 * Context: Sleeps.
 * Return: how many that were.
 */
u64 stacq_purge(struct stacq_queue *q)
{
	struct stacq_walk w = { };
	u64 n = 0, bytes = 0;
	struct stacq_msg *m;
	unsigned int whom;

	stacq_lock(q);
	w.last = q->seq;
	stacq_unlock(q);
	do {
		whom = 0;
		stacq_lock(q);
		w.steps = PURGE_STEPS;
		while ((m = __stacq_walk(q, &w))) {
			n++;
			bytes += m->len;
			q->discarded++;
			pr_debug("%s: removed message of size %u\n", q->name, m->len);
			whom |= __stacq_take_out(q, m);
		}
		stacq_unlock(q);
		stacq_wake(q, whom);
		cond_resched();
	} while (!w.steps);
	if (n && __ratelimit(&q->log))
		pr_info("%s: purged, %llu messages of %llu bytes discarded\n",
			q->name, n, bytes);
	return n;
}

/**
 * stacq_removed() - has the queue been removed?
 * @q: the queue
 *
 * Context: Takes the lock.
 * Return: true if it has.
 */
bool stacq_removed(struct stacq_queue *q)
{
	bool removed;

	stacq_lock(q);
	removed = q->special & STACQ_ENDED_REMOVED;
	stacq_unlock(q);
	return removed;
}

/**
 * stacq_seal() - seal or unseal a queue
 * @q: the queue
 * @seal: which of the two
 *
 * Context: Any that may take the lock.
 * Return: 0 or -EIDRM.
 */
int stacq_seal(struct stacq_queue *q, bool seal)
{
	int ret = 0;

	stacq_lock(q);
	if (q->special & STACQ_ENDED_REMOVED)
		ret = -EIDRM;
	else if (seal)
		q->special |= STACQ_ENDED_SEALED;
	else
		q->special &= ~STACQ_ENDED_SEALED;
	stacq_unlock(q);
	if (!ret && seal)
		stacq_wake(q, STACQ_WAKE_READERS | STACQ_WAKE_WRITERS);
	return ret;
}
