// SPDX-License-Identifier: GPL-2.0
/*
 * Order: which message is taken next, and which one is the oldest. Messages are in the
 * list of their queue (READY) and in the tree of returned ones (RETURNED), and both are
 * in the order of the queue; so the answer is the better one of two.
 *
 * Locking: the queue's lock guards all of it.
 */
#include <linux/list.h>

#include "core/order.h"
#include "core/queue.h"

/**
 * __stacq_next() - the message that is taken next
 * @q: the queue
 *
 * Context: The lock is held.
 * Return: the message, or NULL if there is none.
 */
struct stacq_msg *__stacq_next(struct stacq_queue *q)
{
	struct stacq_msg *m = list_first_entry_or_null(&q->msgs, struct stacq_msg, link);
	struct stacq_msg *back = __stacq_returned_first(q);

	if (!m || !back)
		return m ?: back;
	return __stacq_comes_before(q, m, back) ? m : back;
}

/* The last message in the list, or the first one. */
static struct stacq_msg *__at_the_end(struct stacq_queue *q, bool last)
{
	if (list_empty(&q->msgs))
		return NULL;
	return last ? list_last_entry(&q->msgs, struct stacq_msg, link) :
		      list_first_entry(&q->msgs, struct stacq_msg, link);
}

static struct stacq_msg *older(struct stacq_msg *a, struct stacq_msg *b)
{
	if (!a || !b)
		return a ?: b;
	return a->seq < b->seq ? a : b;
}

static struct stacq_msg *__oldest_of_lowest(struct stacq_queue *q)
{
	struct stacq_msg *m = __at_the_end(q, true), *back = __stacq_returned_last(q);
	u16 lowest = min(m ? m->priority : STACQ_PRIORITY_MAX,
			 back ? back->priority : STACQ_PRIORITY_MAX);
	struct stacq_msg key = { .priority = lowest };

	/* No message has the number 0: what comes after the key is the first one. */
	if (back)
		back = back->priority == lowest ? __stacq_returned_after(q, &key) : NULL;
	if (!m || m->priority != lowest)
		return back;
	key.priority++;
	m = __stacq_level_oldest(q, lowest < STACQ_PRIORITY_MAX ? &key : NULL);
	return older(m, back);
}

/**
 * __stacq_oldest() - the message that was sent first
 * @q: the queue
 *
 * With order priority: of the lowest priority in use.
 *
 * Context: The lock is held.
 * Return: the message; NULL if there is none.
 */
struct stacq_msg *__stacq_oldest(struct stacq_queue *q)
{
	bool lifo = q->order == STACQ_LIFO;

	stacq_assert_locked(q);
	if (!__stacq_depth(q))
		return NULL;
	if (q->order == STACQ_PRIORITY)
		return __oldest_of_lowest(q);
	return older(__at_the_end(q, lifo), lifo ? __stacq_returned_last(q) :
						   __stacq_returned_first(q));
}

/*
 * Of each priority from its oldest on, up to the newest that counts
 */

/* Of the list: pass over the rest of each priority whose messages are too new. */
static struct stacq_msg *__walk_list(struct stacq_queue *q, struct stacq_walk *w)
{
	struct stacq_msg *m;

	while ((m = __stacq_level_oldest(q, w->in_list.seq ? &w->in_list : NULL))) {
		if (m->seq <= w->last || !w->steps)
			break;
		w->steps--;
		w->in_list.seq = U64_MAX;
		w->in_list.priority = m->priority;
	}
	return m;
}

/* The same of the returned ones: nothing of a priority comes after U64_MAX. */
static struct stacq_msg *__walk_tree(struct stacq_queue *q, struct stacq_walk *w)
{
	struct stacq_msg *m;

	while ((m = __stacq_returned_after(q, w->in_tree.seq ? &w->in_tree : NULL))) {
		if (m->seq <= w->last || !w->steps)
			break;
		w->steps--;
		w->in_tree.seq = U64_MAX;
		w->in_tree.priority = m->priority;
	}
	return m;
}

/**
 * __stacq_walk() - find a message that is not newer than another
 * @q: the queue
 * @w: how far that has come; with @last and @steps set, and zero otherwise
 *
 * The messages are found in the order in which they were sent; in order priority, by
 * priority, and then so. What is found is taken out before this is called again.
 *
 * Context: The lock is held.
 * Return: the message; NULL if there is none, or with @steps 0 if that is not known yet.
 */
struct stacq_msg *__stacq_walk(struct stacq_queue *q, struct stacq_walk *w)
{
	struct stacq_msg *m, *back;

	stacq_assert_locked(q);
	if (!w->steps)
		return NULL;
	w->steps--;
	if (q->order != STACQ_PRIORITY) {
		m = __stacq_oldest(q);
		return m && m->seq <= w->last ? m : NULL;
	}
	m = __walk_list(q, w);
	back = __walk_tree(q, w);
	if (m && m->seq > w->last)
		m = NULL;
	if (back && back->seq > w->last)
		back = NULL;
	if (!m || !back)
		return m ?: back;
	return __stacq_comes_before(q, m, back) ? m : back;
}
