/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages outside the list of their queue: taken by somebody, and returned ones.
 *
 * Each of them has a struct stacq_lease beside it. A returned message is in a tree, in
 * the order of the queue: so it has its old place, and nobody looks for that. The next
 * message is the first of the list or the first of the tree, whichever comes first in
 * that order.
 */
#ifndef _STACQ_RETURNED_H
#define _STACQ_RETURNED_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "core/store.h"

struct stacq_holder;
struct stacq_queue;

/**
 * struct stacq_lease - a message that is held, leased or returned
 * @node: in stacq_returned.root, in stacq_holder.by_seq, or cleared
 * @next: the next spare one
 * @of_holder: in stacq_holder.granted
 * @of_queue: in stacq_queue.leases
 * @msg: the message
 * @holder: the open file that has it under lease, or NULL
 * @nr: counts all that the queue ever granted or extended
 * @since: jiffies (64 bits) when that was
 *
 * The queue's lock guards it.
 */
struct stacq_lease {
	union {
		struct rb_node node;
		struct stacq_lease *next;
	};
	struct list_head of_holder;
	struct list_head of_queue;
	struct stacq_msg *msg;
	struct stacq_holder *holder;
	u64 nr;
	u64 since;
};

static inline struct stacq_lease *stacq_node_lease(struct rb_node *node)
{
	return rb_entry(node, struct stacq_lease, node);
}

/**
 * struct stacq_returned - the returned messages of a queue
 * @root: their leases, in the order of the queue
 * @spare: leases to be used next
 * @nr_spare: how many
 *
 * The queue's lock guards it.
 */
struct stacq_returned {
	struct rb_root root;
	struct stacq_lease *spare;
	unsigned int nr_spare;
};

int stacq_lease_alloc(struct stacq_lease **spare);
void stacq_leases_trim(struct stacq_queue *q);

bool __stacq_lease_spare(struct stacq_queue *q, struct stacq_lease **spare);
void __stacq_lease_add(struct stacq_queue *q, struct stacq_msg *m,
		       struct stacq_lease *l);
void __stacq_lease_drop(struct stacq_queue *q, struct stacq_msg *m);
void __stacq_moved(struct stacq_store *st, struct stacq_msg *old,
		   struct stacq_msg *m);

bool __stacq_comes_before(struct stacq_queue *q, const struct stacq_msg *a,
			  const struct stacq_msg *b);
struct stacq_msg *__stacq_returned_first(struct stacq_queue *q);
struct stacq_msg *__stacq_returned_last(struct stacq_queue *q);
struct stacq_msg *__stacq_returned_after(struct stacq_queue *q,
					 const struct stacq_msg *m);
void __stacq_returned_add(struct stacq_queue *q, struct stacq_msg *m);
void __stacq_returned_del(struct stacq_queue *q, struct stacq_msg *m);

#endif /* _STACQ_RETURNED_H */
