// SPDX-License-Identifier: GPL-2.0
/*
 * Leases. What they are: lease.h.
 *
 * A file takes a message (state HELD), and with its last byte the message is leased
 * to that file (LEASED). It is acknowledged and gone, or returned.
 *
 * Locking: the queue's lock guards all of it. What may be many is done in batches,
 * with others let in between.
 */
#include <linux/jiffies.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "delivery/lease.h"
#include "core/queue.h"

/* How much is done in one go with the lock held. */
#define LEASE_BATCH	64
/* The number of the message in STACQ_LEASE_ID(). */
#define LEASE_SEQ	(BIT_ULL(56) - 1)

/*
 * Holders
 */

/**
 * stacq_holder_init() - start holding
 * @h: the holder
 */
void stacq_holder_init(struct stacq_holder *h)
{
	memset(h, 0, sizeof(*h));
	INIT_LIST_HEAD(&h->granted);
}

static u64 lease_jiffies(struct stacq_queue *q)
{
	/* The tick it began in was not a whole one. */
	return msecs_to_jiffies(q->leases.ms) + 1;
}

/* See that the first lease to end does so in its time. */
static void __arm(struct stacq_queue *q)
{
	struct stacq_lease *l = list_first_entry_or_null(&q->leases.by_time,
							 struct stacq_lease, of_queue);
	u64 now = get_jiffies_64(), end;

	if (!l || !q->leases.ms)
		return;
	end = l->since + lease_jiffies(q);
	mod_delayed_work(stacq_wq, &q->leases.work, end > now ? end - now : 0);
}

static void __note(struct stacq_queue *q, struct stacq_lease *l)
{
	l->nr = ++q->leases.nr;
	l->since = get_jiffies_64();
	list_add_tail(&l->of_holder, &l->holder->granted);
	list_add_tail(&l->of_queue, &q->leases.by_time);
	if (q->leases.by_time.next == &l->of_queue)
		__arm(q);
}

/**
 * __stacq_lease() - a message that has been read is under lease
 * @q: the queue
 * @h: the holder
 * @m: from __stacq_hold(), with a lease
 *
 * Context: The lock is held.
 */
void __stacq_lease(struct stacq_queue *q, struct stacq_holder *h,
		   struct stacq_msg *m)
{
	struct rb_node **place = &h->by_seq.rb_node, *parent = NULL;
	struct stacq_lease *l = m->lease;

	stacq_assert_locked(q);
	__stacq_change(q, m, STACQ_MSG_HELD, STACQ_MSG_LEASED);
	l->holder = h;
	while (*place) {
		parent = *place;
		place = m->seq < stacq_node_lease(parent)->msg->seq ? &parent->rb_left :
							      &parent->rb_right;
	}
	rb_link_node(&l->node, parent, place);
	rb_insert_color(&l->node, &h->by_seq);
	/* The wake function of wait.c reads it without the lock. */
	WRITE_ONCE(h->inflight, h->inflight + 1);
	__note(q, l);
}

/* A lease ends. Whom to wake: those who wait because its holder was full. */
static unsigned int __end_lease(struct stacq_queue *q, struct stacq_lease *l)
{
	struct stacq_holder *h = l->holder;
	unsigned int whom = __stacq_holder_full(h) ? STACQ_WAKE_READERS : 0;

	stacq_assert_locked(q);
	rb_erase(&l->node, &h->by_seq);
	RB_CLEAR_NODE(&l->node);
	list_del(&l->of_holder);
	list_del(&l->of_queue);
	l->holder = NULL;
	WRITE_ONCE(h->inflight, h->inflight - 1);
	return whom;
}

static unsigned int __acknowledge(struct stacq_queue *q, struct stacq_lease *l)
{
	struct stacq_msg *m = l->msg;

	return __end_lease(q, l) | __stacq_held_done(q, m);
}

static unsigned int __give_back(struct stacq_queue *q, struct stacq_lease *l)
{
	struct stacq_msg *m = l->msg;

	return __end_lease(q, l) | __stacq_give_back(q, m, true);
}

static unsigned int __to_the_back(struct stacq_queue *q, struct stacq_lease *l)
{
	struct stacq_msg *m = l->msg;
	unsigned int whom = __end_lease(q, l);

	if (q->special & STACQ_SPECIAL_NOTED)
		__stacq_note_renumber(q, m, q->seq + 1);
	m->seq = ++q->seq;
	q->resent++;
	return whom | __stacq_give_back_to_end(q, m);
}

static unsigned int __extend(struct stacq_queue *q, struct stacq_lease *l)
{
	list_del(&l->of_holder);
	list_del(&l->of_queue);
	__note(q, l);
	return 0;
}

static unsigned int __settle(struct stacq_queue *q, struct stacq_lease *l,
			     enum stacq_settle what, unsigned int flags)
{
	if (what == STACQ_ACKNOWLEDGE)
		return __acknowledge(q, l);
	if (what == STACQ_EXTEND)
		return __extend(q, l);
	return flags & STACQ_SETTLE_TO_BACK ? __to_the_back(q, l) : __give_back(q, l);
}

/* The lease that an id stands for: -ESTALE if it has ended, -EINVAL if it never was. */
static struct stacq_lease *find_lease(struct stacq_queue *q,
				      struct stacq_holder *h, u64 id)
{
	u64 seq = id & LEASE_SEQ, deliveries = id >> 56;
	struct rb_node *node = h->by_seq.rb_node;

	while (node && stacq_node_lease(node)->msg->seq != seq)
		node = seq < stacq_node_lease(node)->msg->seq ? node->rb_left : node->rb_right;
	if (node && stacq_node_lease(node)->msg->deliveries == deliveries)
		return stacq_node_lease(node);
	return ERR_PTR(seq && seq <= q->seq ? -ESTALE : -EINVAL);
}

/* Wake for several what one would have been woken for. */
static unsigned int several(unsigned int whom)
{
	if (whom & STACQ_WAKE_READER)
		whom |= STACQ_WAKE_READERS;
	if (whom & STACQ_WAKE_WRITER)
		whom |= STACQ_WAKE_WRITERS;
	return whom;
}

/**
 * stacq_settle() - say what becomes of messages under lease
 * @q: the queue
 * @h: the holder
 * @what: what
 * @id: of a lease; 0 with STACQ_SETTLE_ALL
 * @flags: STACQ_SETTLE_* bits
 * @count: set to how many that were
 *
 * Context: Sleeps.
 * Return: 0; -EINVAL for flags that do not go together or an id that never was;
 *	-ESTALE if the lease has ended; -EIDRM; -ENOMEM.
 */
int stacq_settle(struct stacq_queue *q, struct stacq_holder *h,
		 enum stacq_settle what, u64 id, unsigned int flags, u64 *count)
{
	bool many = flags & (STACQ_SETTLE_UP_TO | STACQ_SETTLE_ALL);
	bool back = flags & STACQ_SETTLE_TO_BACK;
	struct stacq_lease *l;
	unsigned int whom = 0;
	int ret = 0, i = 0;
	u64 last;

	*count = 0;
	if (flags & STACQ_SETTLE_ALL && (id || flags & STACQ_SETTLE_UP_TO))
		return -EINVAL;
	/* A stack has no back that anything is taken from last. */
	if (back && (what != STACQ_RETURN || q->order == STACQ_LIFO))
		return -EINVAL;
	stacq_lock(q);
	if (q->special & STACQ_ENDED_REMOVED) {
		ret = -EIDRM;
		goto unlock;
	}
	last = q->leases.nr;
	if (!(flags & STACQ_SETTLE_ALL)) {
		l = find_lease(q, h, id);
		if (IS_ERR(l)) {
			ret = PTR_ERR(l);
			goto unlock;
		}
		last = l->nr;
	}
	for (;;) {
		/* Without the lock any may have ended. */
		if (many)
			l = list_first_entry_or_null(&h->granted, struct stacq_lease,
						     of_holder);
		else
			l = *count ? NULL : find_lease(q, h, id);
		if (IS_ERR(l))
			ret = PTR_ERR(l);
		if (IS_ERR_OR_NULL(l) || l->nr > last)
			break;
		if (i == LEASE_BATCH || (back && __stacq_lacks_level(q))) {
			stacq_unlock(q);
			stacq_wake(q, several(whom));
			if (i < LEASE_BATCH)
				ret = stacq_level_alloc(q, GFP_KERNEL);
			cond_resched();
			whom = 0;
			i = 0;
			stacq_lock(q);
			if (ret)
				break;
			continue;
		}
		whom |= __settle(q, l, what, flags);
		++*count;
		i++;
	}
	if (*count)
		ret = 0;
unlock:
	stacq_unlock(q);
	stacq_wake(q, i > 1 ? several(whom) : whom);
	return ret;
}

/**
 * stacq_holder_peek() - describe the message leased last
 * @q: the queue
 * @h: the holder
 * @peek: as by __stacq_describe()
 *
 * Context: Takes the lock.
 * Return: 0 or -ENOMSG.
 */
int stacq_holder_peek(struct stacq_queue *q, struct stacq_holder *h,
		      struct stacq_peek *peek)
{
	int ret = -ENOMSG;

	stacq_lock(q);
	if (!list_empty(&h->granted)) {
		__stacq_describe(q, list_last_entry(&h->granted, struct stacq_lease,
						    of_holder)->msg, peek);
		ret = 0;
	}
	stacq_unlock(q);
	return ret;
}

/**
 * stacq_holder_end() - stop holding; all leases end
 * @q: the queue
 * @h: the holder, which nobody else uses any more
 *
 * Context: Sleeps.
 */
void stacq_holder_end(struct stacq_queue *q, struct stacq_holder *h)
{
	bool lifo = q->order == STACQ_LIFO;
	unsigned int whom;
	int i;

	do {
		whom = 0;
		stacq_lock(q);
		/* Nobody waits through it any more, so it can't have been full. */
		h->on = false;
		for (i = 0; i < LEASE_BATCH && h->by_seq.rb_node; i++)
			whom |= __give_back(q, stacq_node_lease(lifo ? rb_last(&h->by_seq) :
							       rb_first(&h->by_seq)));
		stacq_unlock(q);
		stacq_wake(q, i > 1 ? several(whom) : whom);
		cond_resched();
	} while (i == LEASE_BATCH);
	kfree(h->spare);
}

/*
 * Of the queue
 */

static void lease_work(struct work_struct *work)
{
	struct stacq_queue *q = container_of(to_delayed_work(work),
					     struct stacq_queue, leases.work);
	struct stacq_lease *l;
	unsigned int whom;
	int i;

	do {
		whom = 0;
		stacq_lock(q);
		for (i = 0; i < LEASE_BATCH && q->leases.ms; i++) {
			l = list_first_entry_or_null(&q->leases.by_time,
						     struct stacq_lease, of_queue);
			if (!l || time_before64(get_jiffies_64(),
						l->since + lease_jiffies(q)))
				break;
			q->leases.lapsed++;
			whom |= __give_back(q, l);
		}
		if (i < LEASE_BATCH)
			__arm(q);
		stacq_unlock(q);
		stacq_wake(q, i > 1 ? several(whom) : whom);
		cond_resched();
	} while (i == LEASE_BATCH);
}

/**
 * stacq_leases_init() - be ready for leases
 * @q: the queue
 */
void stacq_leases_init(struct stacq_queue *q)
{
	INIT_LIST_HEAD(&q->leases.by_time);
	INIT_DELAYED_WORK(&q->leases.work, lease_work);
}

/**
 * stacq_leases_destroy() - end no leases any more
 * @q: the queue, which nobody uses any more
 *
 * Context: Sleeps.
 */
void stacq_leases_destroy(struct stacq_queue *q)
{
	cancel_delayed_work_sync(&q->leases.work);
}

/**
 * __stacq_set_lease_ms() - set how long leases last
 * @q: the queue
 * @ms: milliseconds from granting or extending, 0 is without end; holds for those
 *	there are as well
 *
 * Context: The lock is held.
 */
void __stacq_set_lease_ms(struct stacq_queue *q, unsigned int ms)
{
	stacq_assert_locked(q);
	q->leases.ms = ms;
	__arm(q);
}
