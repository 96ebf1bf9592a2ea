// SPDX-License-Identifier: GPL-2.0
/*
 * The levels of a queue with order priority. What they are: level.h.
 *
 * Locking: the queue's lock guards them. Functions named __stacq_ expect it held,
 * the others take it.
 */
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "core/level.h"
#include "core/queue.h"

/* The message before one in the list, NULL for none. */
static struct stacq_msg *msg_before(struct stacq_queue *q, struct stacq_msg *m)
{
	return m->link.prev == &q->msgs ? NULL : list_prev_entry(m, link);
}

static struct stacq_level *to_level(struct rb_node *node)
{
	return rb_entry(node, struct stacq_level, node);
}

static struct stacq_level *find_level(struct stacq_queue *q, u16 priority)
{
	struct rb_node *node = q->levels.root.rb_node;

	while (node && to_level(node)->priority != priority)
		node = priority > to_level(node)->priority ? node->rb_left :
							     node->rb_right;
	return node ? to_level(node) : NULL;
}

/* Make the level of a message that is the first one of its priority. */
static struct stacq_level *add_level(struct stacq_queue *q, u16 priority)
{
	struct rb_node **place = &q->levels.root.rb_node, *parent = NULL;
	struct stacq_level *level = q->levels.spare;

	q->levels.spare = level->next;
	while (*place) {
		parent = *place;
		place = priority > to_level(parent)->priority ?
			&parent->rb_left : &parent->rb_right;
	}
	level->priority = priority;
	rb_link_node(&level->node, parent, place);
	rb_insert_color(&level->node, &q->levels.root);
	return level;
}

/**
 * stacq_level_alloc() - have a spare level
 * @q: the queue
 * @gfp: allocation flags
 *
 * Context: As @gfp says. Takes the lock.
 * Return: 0 or -ENOMEM.
 */
int stacq_level_alloc(struct stacq_queue *q, gfp_t gfp)
{
	struct stacq_level *level = kmalloc(sizeof(*level), gfp | __GFP_ACCOUNT |
					    __GFP_NOWARN);

	if (!level)
		return -ENOMEM;
	stacq_lock(q);
	level->next = q->levels.spare;
	q->levels.spare = level;
	q->store.bytes += sizeof(*level);
	stacq_unlock(q);
	return 0;
}

/**
 * stacq_levels_trim() - free the spare levels
 * @q: the queue
 *
 * Context: Takes the lock.
 */
void stacq_levels_trim(struct stacq_queue *q)
{
	struct stacq_level *level, *next;

	stacq_lock(q);
	level = q->levels.spare;
	q->levels.spare = NULL;
	for (next = level; next; next = next->next)
		q->store.bytes -= sizeof(*level);
	stacq_unlock(q);
	for (; level; level = next) {
		next = level->next;
		kfree(level);
	}
}

/**
 * stacq_levels_destroy() - free all levels
 * @q: the queue, which nobody uses any more
 */
void stacq_levels_destroy(struct stacq_queue *q)
{
	struct stacq_level *level, *next;

	stacq_levels_trim(q);
	rbtree_postorder_for_each_entry_safe(level, next, &q->levels.root, node)
		kfree(level);
}

/**
 * __stacq_level_add() - put a message in its place in the list
 * @q: the queue, with a spare level
 * @m: the message
 *
 * Context: The lock is held.
 */
void __stacq_level_add(struct stacq_queue *q, struct stacq_msg *m)
{
	struct stacq_level *level = find_level(q, m->priority);
	struct rb_node *higher;

	stacq_assert_locked(q);
	if (level) {
		list_add(&m->link, &level->last->link);
	} else {
		level = add_level(q, m->priority);
		higher = rb_prev(&level->node);
		list_add(&m->link, higher ? &to_level(higher)->last->link : &q->msgs);
	}
	level->last = m;
}

/**
 * __stacq_level_del() - a message is about to be taken out of the list
 * @q: the queue
 * @m: the message, still in the list
 *
 * Context: The lock is held.
 */
void __stacq_level_del(struct stacq_queue *q, struct stacq_msg *m)
{
	struct stacq_level *level = find_level(q, m->priority);
	struct stacq_msg *prev = msg_before(q, m);

	stacq_assert_locked(q);
	if (level->last != m)
		return;
	if (prev && prev->priority == m->priority) {
		level->last = prev;
		return;
	}
	rb_erase(&level->node, &q->levels.root);
	level->next = q->levels.spare;
	q->levels.spare = level;
}

/**
 * __stacq_level_oldest() - the oldest message of a priority
 * @q: the queue
 * @after: of the next lower priority than that of this message that there is; NULL for
 *	the highest
 *
 * Context: The lock is held.
 * Return: the first message in the list of that priority; NULL if there is none.
 */
struct stacq_msg *__stacq_level_oldest(struct stacq_queue *q,
				       const struct stacq_msg *after)
{
	struct rb_node *node = q->levels.root.rb_node;
	struct stacq_level *level = NULL;
	struct list_head *at = &q->msgs;

	stacq_assert_locked(q);
	/* The last level that is not lower than @after: what comes next is in the next. */
	while (after && node) {
		if (to_level(node)->priority >= after->priority) {
			level = to_level(node);
			node = node->rb_right;
		} else {
			node = node->rb_left;
		}
	}
	if (level)
		at = &level->last->link;
	return list_is_last(at, &q->msgs) ? NULL :
					    list_entry(at->next, struct stacq_msg, link);
}

/**
 * __stacq_level_moved() - a message has moved within memory
 * @q: its queue
 * @old: where it was
 * @m: where it is
 *
 * Context: The lock is held.
 */
void __stacq_level_moved(struct stacq_queue *q, struct stacq_msg *old,
			 struct stacq_msg *m)
{
	struct stacq_level *level = find_level(q, m->priority);

	stacq_assert_locked(q);
	if (level->last == old)
		level->last = m;
}
