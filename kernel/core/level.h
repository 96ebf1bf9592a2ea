/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Levels: where in a queue with order priority the messages of each priority end.
 *
 * The messages of such a queue are in one list, like those of any other, in the
 * order in which they are taken. A level says which is the last one of its
 * priority, so a message finds its place without a walk: after the last one of its
 * own priority or else of the next higher one. The levels are in a tree, one for
 * each priority in use; what a message costs does not depend on how many there are
 * of its priority.
 *
 * A queue has a level spare before it takes room for a message, so that taking
 * effect can't fail. Levels are recycled.
 */
#ifndef _STACQ_LEVEL_H
#define _STACQ_LEVEL_H

#include <linux/rbtree.h>

#include "core/store.h"

struct stacq_queue;

/**
 * struct stacq_level - the messages of one priority
 * @node: in stacq_levels.root, the highest first
 * @next: the next spare one, while it is no priority's
 * @last: the last one of its messages; there is one
 * @priority: of all of them
 *
 * Owned by its queue, whose lock guards it.
 */
struct stacq_level {
	union {
		struct rb_node node;
		struct stacq_level *next;
	};
	struct stacq_msg *last;
	u16 priority;
};

/**
 * struct stacq_levels - the priorities in use
 * @root: their levels
 * @spare: levels to be used next
 */
struct stacq_levels {
	struct rb_root root;
	struct stacq_level *spare;
};

int stacq_level_alloc(struct stacq_queue *q, gfp_t gfp);
void stacq_levels_trim(struct stacq_queue *q);
void stacq_levels_destroy(struct stacq_queue *q);
void __stacq_level_add(struct stacq_queue *q, struct stacq_msg *m);
void __stacq_level_del(struct stacq_queue *q, struct stacq_msg *m);
struct stacq_msg *__stacq_level_oldest(struct stacq_queue *q,
				       const struct stacq_msg *after);
void __stacq_level_moved(struct stacq_queue *q, struct stacq_msg *old,
			 struct stacq_msg *m);

#endif /* _STACQ_LEVEL_H */
