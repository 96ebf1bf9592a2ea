/* SPDX-License-Identifier: GPL-2.0 */
/* Binary trees, of whatever shape comes: balance changes nothing that is seen. */
#ifndef _MODEL_LINUX_RBTREE_H
#define _MODEL_LINUX_RBTREE_H

#include <linux/kernel.h>

struct rb_node {
	struct rb_node *parent;
	struct rb_node *rb_left;
	struct rb_node *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_CLEAR_NODE(node)	((node)->parent = (node))
#define RB_EMPTY_NODE(node)	((node)->parent == (node))
#define RB_EMPTY_ROOT(root) (!(root)->rb_node)
#define rb_entry(node, type, member) container_of(node, type, member)

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent,
				struct rb_node **place)
{
	must(!*place);
	must(!parent || place == &parent->rb_left || place == &parent->rb_right);
	*node = (struct rb_node){ .parent = parent };
	*place = node;
}

static inline void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	must(node->parent || root->rb_node == node);
}

/* @with takes the place of @node below its parent. */
static inline void rb_replace_below(struct rb_node *node, struct rb_node *with,
				    struct rb_root *root)
{
	struct rb_node *parent = node->parent;

	if (!parent)
		root->rb_node = with;
	else if (parent->rb_left == node)
		parent->rb_left = with;
	else
		parent->rb_right = with;
	if (with)
		with->parent = parent;
}

static inline void rb_erase(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *next = node->rb_right;

	must(node->parent || root->rb_node == node);
	if (!node->rb_left || !next) {
		rb_replace_below(node, next ? next : node->rb_left, root);
		return;
	}
	while (next->rb_left)
		next = next->rb_left;
	if (next != node->rb_right) {
		rb_replace_below(next, next->rb_right, root);
		next->rb_right = node->rb_right;
		next->rb_right->parent = next;
	}
	rb_replace_below(node, next, root);
	next->rb_left = node->rb_left;
	next->rb_left->parent = next;
}

static inline struct rb_node *rb_prev(const struct rb_node *node)
{
	struct rb_node *at = node->rb_left;

	if (at) {
		while (at->rb_right)
			at = at->rb_right;
		return at;
	}
	while (node->parent && node->parent->rb_left == node)
		node = node->parent;
	return node->parent;
}

static inline struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *at = root->rb_node;

	while (at && at->rb_left)
		at = at->rb_left;
	return at;
}

static inline struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *at = root->rb_node;

	while (at && at->rb_right)
		at = at->rb_right;
	return at;
}

/* A node that has none below it, beginning from one that may have some. */
static inline struct rb_node *rb_deepest(struct rb_node *at)
{
	while (at && (at->rb_left || at->rb_right))
		at = at->rb_left ? at->rb_left : at->rb_right;
	return at;
}

static inline struct rb_node *rb_next_postorder(struct rb_node *node)
{
	struct rb_node *parent = node->parent;

	if (parent && parent->rb_left == node && parent->rb_right)
		return rb_deepest(parent->rb_right);
	return parent;
}

#define rb_entry_or_null(node, type, member) \
	({ struct rb_node *_n = (node); _n ? rb_entry(_n, type, member) : NULL; })

#define rbtree_postorder_for_each_entry_safe(pos, n, root, member)	\
	for (pos = rb_entry_or_null(rb_deepest((root)->rb_node), typeof(*pos), member); \
	     pos && (n = rb_entry_or_null(rb_next_postorder(&pos->member),	\
					  typeof(*pos), member), true);		\
	     pos = n)

#endif
