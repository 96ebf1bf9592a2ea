// SPDX-License-Identifier: GPL-2.0
/*
 * Leases. What they are: lease.h.
 *
 * A message that was ever under lease and is still the queue's is in one of three
 * states, and has its lease in all of them: with a holder, in flight; in the tree
 * of those that came back; or out of the tree in the hands of a reader, and then
 * it goes back to the tree, on to a holder, or away.
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
/* Leases kept for later. */
#define SPARE_LEASES	64

static struct stacq_lease *to_lease(struct rb_node *node)
{
	return rb_entry(node, struct stacq_lease, node);
}

/*
 * Keep a lease that is in no tree or list for later, or free it. Those of messages
 * count as memory of the queue, spare ones do not.
 */
static void recycle(struct stacq_queue *q, struct stacq_lease *l)
{
	q->store.bytes -= sizeof(*l);
	if (q->leases.nr_spare == SPARE_LEASES) {
		kfree(l);
		return;
	}
	l->next = q->leases.spare;
	q->leases.spare = l;
	q->leases.nr_spare++;
}

/* A message that was under lease is not out of the list any more, or gone. */
static void __end_unlisted(struct stacq_queue *q, struct stacq_msg *m)
{
	if (!--q->leases.unlisted)
		q->special &= ~STACQ_SPECIAL_LEASED;
	recycle(q, m->lease);
}

/*
 * Order
 */

/**
 * __stacq_comes_before() - is one message taken before another?
 * @q: their queue
 * @a: the one
 * @b: the other
 *
 * Context: The lock is held.
 * Return: true if it is, by the order of the queue.
 */
bool __stacq_comes_before(struct stacq_queue *q, const struct stacq_msg *a,
			  const struct stacq_msg *b)
{
	stacq_assert_locked(q);
	if (q->order == STACQ_LIFO)
		return a->seq > b->seq;
	if (q->order == STACQ_PRIORITY && a->priority != b->priority)
		return a->priority > b->priority;
	return a->seq < b->seq;
}

/**
 * __stacq_returned_first() - the first message that came back
 * @q: the queue
 *
 * Context: The lock is held, or nobody else uses the queue.
 * Return: the message, or NULL if there is none.
 */
struct stacq_msg *__stacq_returned_first(struct stacq_queue *q)
{
	struct rb_node *node = rb_first(&q->leases.returned);

	return node ? to_lease(node)->msg : NULL;
}

/**
 * __stacq_returned_last() - the last message that came back
 * @q: the queue
 *
 * Context: The lock is held.
 * Return: the message, or NULL if there is none.
 */
struct stacq_msg *__stacq_returned_last(struct stacq_queue *q)
{
	struct rb_node *node = rb_last(&q->leases.returned);

	return node ? to_lease(node)->msg : NULL;
}

/**
 * __stacq_next_of_both() - the next message, of the list or of those that came back
 * @q: the queue, with some that came back
 *
 * Context: The lock is held.
 * Return: the message.
 */
struct stacq_msg *__stacq_next_of_both(struct stacq_queue *q)
{
	struct stacq_msg *back = __stacq_returned_first(q);
	struct stacq_msg *m;

	stacq_assert_locked(q);
	list_for_each_entry(m, &q->msgs, link)
		if (!m->held)
			return __stacq_comes_before(q, m, back) ? m : back;
	return back;
}

/**
 * __stacq_returned_after() - the first message that came back and comes after another
 * @q: the queue
 * @m: the other, or NULL for the first of all
 *
 * Context: The lock is held.
 * Return: the message, or NULL if there is none.
 */
struct stacq_msg *__stacq_returned_after(struct stacq_queue *q,
					 const struct stacq_msg *m)
{
	struct rb_node *node = q->leases.returned.rb_node;
	struct stacq_msg *found = NULL;

	stacq_assert_locked(q);
	while (node) {
		if (!m || __stacq_comes_before(q, m, to_lease(node)->msg)) {
			found = to_lease(node)->msg;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/**
 * __stacq_returned_add() - a message that was under lease is for others again
 * @q: the queue
 * @m: the message, with nobody
 *
 * Context: The lock is held.
 */
void __stacq_returned_add(struct stacq_queue *q, struct stacq_msg *m)
{
	struct rb_node **place = &q->leases.returned.rb_node, *parent = NULL;

	stacq_assert_locked(q);
	while (*place) {
		parent = *place;
		place = __stacq_comes_before(q, m, to_lease(parent)->msg) ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&m->lease->node, parent, place);
	rb_insert_color(&m->lease->node, &q->leases.returned);
}

/**
 * __stacq_returned_del() - a message that came back is taken
 * @q: the queue
 * @m: the message
 *
 * Context: The lock is held, or nobody else uses the queue.
 */
void __stacq_returned_del(struct stacq_queue *q, struct stacq_msg *m)
{
	rb_erase(&m->lease->node, &q->leases.returned);
	RB_CLEAR_NODE(&m->lease->node);
}

/**
 * __stacq_lease_drop() - a message that was under lease once is about to go
 * @q: the queue
 * @m: the message, with no holder
 *
 * Context: The lock is held, or nobody else uses the queue.
 */
void __stacq_lease_drop(struct stacq_queue *q, struct stacq_msg *m)
{
	if (!RB_EMPTY_NODE(&m->lease->node))
		__stacq_returned_del(q, m);
	__end_unlisted(q, m);
}

/**
 * __stacq_moved() - a message has moved within memory
 * @st: the store of its queue
 * @old: where it was
 * @m: where it is
 *
 * Context: The lock is held.
 */
void __stacq_moved(struct stacq_store *st, struct stacq_msg *old,
		   struct stacq_msg *m)
{
	struct stacq_queue *q = container_of(st, struct stacq_queue, store);

	stacq_assert_locked(q);
	if (!stacq_msg_listed(m))
		m->lease->msg = m;
	else if (q->order == STACQ_PRIORITY)
		__stacq_level_moved(q, old, m);
	if (q->special & STACQ_SPECIAL_NOTED)
		__stacq_note_moved(q, m);
}

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

/**
 * stacq_holder_prepare() - have a lease for what is read next
 * @q: the queue
 * @h: the holder
 *
 * Context: Sleeps. stacq_reader.mutex is held.
 * Return: 0 or -ENOMEM.
 */
int stacq_holder_prepare(struct stacq_queue *q, struct stacq_holder *h)
{
	struct stacq_lease *l;

	if (h->spare)
		return 0;
	stacq_lock(q);
	l = q->leases.spare;
	if (l) {
		q->leases.spare = l->next;
		q->leases.nr_spare--;
	}
	stacq_unlock(q);
	if (!l) {
		l = kmalloc(sizeof(*l), GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
			    __GFP_RETRY_MAYFAIL);
		if (!l)
			return -ENOMEM;
	}
	h->spare = l;
	return 0;
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
 * @h: the holder, after stacq_holder_prepare()
 * @m: from __stacq_hold()
 *
 * Context: The lock is held.
 */
void __stacq_lease(struct stacq_queue *q, struct stacq_holder *h,
		   struct stacq_msg *m)
{
	struct rb_node **place = &h->by_seq.rb_node, *parent = NULL;
	struct stacq_lease *l = h->spare;

	stacq_assert_locked(q);
	if (stacq_msg_listed(m)) {
		h->spare = NULL;
		q->store.bytes += sizeof(*l);
		if (q->order == STACQ_PRIORITY)
			__stacq_level_del(q, m);
		__list_del_entry(&m->link);
		q->leases.unlisted++;
		q->special |= STACQ_SPECIAL_LEASED;
		m->listed = NULL;
		m->lease = l;
		l->msg = m;
	} else {
		l = m->lease;
	}
	l->holder = h;
	while (*place) {
		parent = *place;
		place = m->seq < to_lease(parent)->msg->seq ? &parent->rb_left :
							      &parent->rb_right;
	}
	rb_link_node(&l->node, parent, place);
	rb_insert_color(&l->node, &h->by_seq);
	/* The wake function of wait.c reads it without the lock. */
	WRITE_ONCE(h->inflight, h->inflight + 1);
	q->leases.inflight++;
	q->leases.bytes += m->len;
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
	q->leases.inflight--;
	q->leases.bytes -= l->msg->len;
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

	__end_unlisted(q, m);
	if (q->special & STACQ_SPECIAL_NOTED)
		__stacq_note_renumber(q, m, q->seq + 1);
	m->seq = ++q->seq;
	q->resent++;
	__stacq_enqueue(q, m);
	return whom | __stacq_give_back(q, m, true);
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

	while (node && to_lease(node)->msg->seq != seq)
		node = seq < to_lease(node)->msg->seq ? node->rb_left : node->rb_right;
	if (node && to_lease(node)->msg->deliveries == deliveries)
		return to_lease(node);
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
			whom |= __give_back(q, to_lease(lifo ? rb_last(&h->by_seq) :
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
 * stacq_leases_trim() - free the spare leases
 * @q: the queue
 *
 * Context: Takes the lock.
 */
void stacq_leases_trim(struct stacq_queue *q)
{
	struct stacq_lease *l, *next;

	stacq_lock(q);
	l = q->leases.spare;
	q->leases.spare = NULL;
	q->leases.nr_spare = 0;
	stacq_unlock(q);
	for (; l; l = next) {
		next = l->next;
		kfree(l);
	}
}

/**
 * stacq_leases_destroy() - free what is known of leases
 * @q: the queue, which nobody uses any more
 *
 * The messages that came back must be gone: see __stacq_lease_drop().
 *
 * Context: Sleeps.
 */
void stacq_leases_destroy(struct stacq_queue *q)
{
	cancel_delayed_work_sync(&q->leases.work);
	stacq_leases_trim(q);
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
