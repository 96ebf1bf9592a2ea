// SPDX-License-Identifier: GPL-2.0
/*
 * Messages outside the list of their queue: returned.h.
 *
 * Locking: the queue's lock guards all of it.
 */
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "core/queue.h"
#include "core/returned.h"

/* Leases kept for later. */
#define SPARE_LEASES	64

/*
 * Leases
 */

/**
 * stacq_lease_alloc() - make a lease
 * @spare: set to it
 *
 * Context: Sleeps.
 * Return: 0 or -ENOMEM.
 */
int stacq_lease_alloc(struct stacq_lease **spare)
{
	*spare = kmalloc(sizeof(**spare), GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
			 __GFP_RETRY_MAYFAIL);
	return *spare ? 0 : -ENOMEM;
}

/**
 * __stacq_lease_spare() - have a lease for the next message that is taken
 * @q: the queue
 * @spare: where to keep it; NULL there if there is none
 *
 * Context: The lock is held.
 * Return: false if there is none: stacq_lease_alloc() makes one.
 */
bool __stacq_lease_spare(struct stacq_queue *q, struct stacq_lease **spare)
{
	struct stacq_lease *l = q->returned.spare;

	stacq_assert_locked(q);
	if (*spare)
		return true;
	if (!l)
		return false;
	q->returned.spare = l->next;
	q->returned.nr_spare--;
	*spare = l;
	return true;
}

/**
 * __stacq_lease_add() - a message gets a lease
 * @q: the queue
 * @m: the message, in no list
 * @l: the lease, or NULL for a message that never comes back
 *
 * Context: The lock is held.
 */
void __stacq_lease_add(struct stacq_queue *q, struct stacq_msg *m,
		       struct stacq_lease *l)
{
	stacq_assert_locked(q);
	m->lease = l;
	if (!l)
		return;
	l->msg = m;
	l->holder = NULL;
	RB_CLEAR_NODE(&l->node);
	q->store.bytes += sizeof(*l);
}

/**
 * __stacq_lease_drop() - a message needs its lease no more
 * @q: the queue
 * @m: the message, neither returned nor leased
 *
 * The leases of messages count as memory of the queue, spare ones do not.
 *
 * Context: The lock is held, or nobody else uses the queue.
 */
void __stacq_lease_drop(struct stacq_queue *q, struct stacq_msg *m)
{
	struct stacq_lease *l = m->lease;

	if (!l)
		return;
	q->store.bytes -= sizeof(*l);
	if (q->returned.nr_spare == SPARE_LEASES) {
		kfree(l);
		return;
	}
	l->next = q->returned.spare;
	q->returned.spare = l;
	q->returned.nr_spare++;
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
	l = q->returned.spare;
	q->returned.spare = NULL;
	q->returned.nr_spare = 0;
	stacq_unlock(q);
	for (; l; l = next) {
		next = l->next;
		kfree(l);
	}
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
	if (m->state == STACQ_MSG_RETURNED || m->state == STACQ_MSG_LEASED)
		m->lease->msg = m;
	else if (m->state == STACQ_MSG_READY && q->order == STACQ_PRIORITY)
		__stacq_level_moved(q, old, m);
	if (q->special & STACQ_SPECIAL_NOTED)
		__stacq_note_moved(q, m);
}

/*
 * The tree
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
 * __stacq_returned_first() - the returned message that is taken first
 * @q: the queue
 *
 * Context: The lock is held, or nobody else uses the queue.
 * Return: the message, or NULL if there is none.
 */
struct stacq_msg *__stacq_returned_first(struct stacq_queue *q)
{
	struct rb_node *node = rb_first(&q->returned.root);

	return node ? stacq_node_lease(node)->msg : NULL;
}

/**
 * __stacq_returned_last() - the returned message that is taken last
 * @q: the queue
 *
 * Context: The lock is held.
 * Return: the message, or NULL if there is none.
 */
struct stacq_msg *__stacq_returned_last(struct stacq_queue *q)
{
	struct rb_node *node = rb_last(&q->returned.root);

	return node ? stacq_node_lease(node)->msg : NULL;
}

/**
 * __stacq_returned_after() - the returned message that is taken after another
 * @q: the queue
 * @m: the other, or NULL for the first of all
 *
 * Context: The lock is held.
 * Return: the message, or NULL if there is none.
 */
struct stacq_msg *__stacq_returned_after(struct stacq_queue *q,
					 const struct stacq_msg *m)
{
	struct rb_node *node = q->returned.root.rb_node;
	struct stacq_msg *found = NULL;

	stacq_assert_locked(q);
	while (node) {
		if (!m || __stacq_comes_before(q, m, stacq_node_lease(node)->msg)) {
			found = stacq_node_lease(node)->msg;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/**
 * __stacq_returned_add() - put a message among the returned ones
 * @q: the queue
 * @m: the message, with a lease that is in no tree
 *
 * Context: The lock is held.
 */
void __stacq_returned_add(struct stacq_queue *q, struct stacq_msg *m)
{
	struct rb_node **place = &q->returned.root.rb_node, *parent = NULL;

	stacq_assert_locked(q);
	while (*place) {
		parent = *place;
		place = __stacq_comes_before(q, m, stacq_node_lease(parent)->msg) ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&m->lease->node, parent, place);
	rb_insert_color(&m->lease->node, &q->returned.root);
	q->special |= STACQ_SPECIAL_RETURNED;
}

/**
 * __stacq_returned_del() - take a message from the returned ones
 * @q: the queue
 * @m: the message
 *
 * Context: The lock is held, or nobody else uses the queue.
 */
void __stacq_returned_del(struct stacq_queue *q, struct stacq_msg *m)
{
	rb_erase(&m->lease->node, &q->returned.root);
	RB_CLEAR_NODE(&m->lease->node);
	if (RB_EMPTY_ROOT(&q->returned.root))
		q->special &= ~STACQ_SPECIAL_RETURNED;
}
