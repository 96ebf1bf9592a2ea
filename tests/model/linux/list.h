/* SPDX-License-Identifier: GPL-2.0 */
/* Doubly linked lists with a head. What is taken out points nowhere. */
#ifndef _MODEL_LINUX_LIST_H
#define _MODEL_LINUX_LIST_H

#include <linux/kernel.h>

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_insert(struct list_head *at, struct list_head *before,
			       struct list_head *after)
{
	must(before->next == after && after->prev == before);
	at->prev = before;
	at->next = after;
	before->next = at;
	after->prev = at;
}

static inline void list_add(struct list_head *at, struct list_head *head)
{
	list_insert(at, head, head->next);
}

static inline void list_add_tail(struct list_head *at, struct list_head *head)
{
	list_insert(at, head->prev, head);
}

static inline void __list_del_entry(struct list_head *at)
{
	must(at->prev->next == at && at->next->prev == at);
	at->prev->next = at->next;
	at->next->prev = at->prev;
}

static inline void list_del(struct list_head *at)
{
	__list_del_entry(at);
	at->next = NULL;
	at->prev = NULL;
}

static inline void list_del_init(struct list_head *at)
{
	list_del(at);
	INIT_LIST_HEAD(at);
}

/* @at may have been copied from @old, links and all. */
static inline void list_replace(struct list_head *old, struct list_head *at)
{
	must(old->prev->next == old && old->next->prev == old);
	at->next = old->next;
	at->prev = old->prev;
	at->next->prev = at;
	at->prev->next = at;
}

#define list_entry(at, type, member) container_of(at, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member) \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_next_entry(m, member) list_entry((m)->member.next, typeof(*(m)), member)
#define list_is_last(at, head)	((at)->next == (head))
#define list_prev_entry(m, member) list_entry((m)->member.prev, typeof(*(m)), member)

#define list_for_each_entry(m, head, member)				\
	for (m = list_entry((head)->next, typeof(*m), member);		\
	     &m->member != (head);					\
	     m = list_entry(m->member.next, typeof(*m), member))

#define list_for_each_entry_continue(m, head, member)			\
	for (m = list_entry(m->member.next, typeof(*m), member);	\
	     &m->member != (head);					\
	     m = list_entry(m->member.next, typeof(*m), member))

static inline void list_splice(struct list_head *list, struct list_head *head)
{
	if (list_empty(list))
		return;
	list->next->prev = head;
	list->prev->next = head->next;
	head->next->prev = list->prev;
	head->next = list->next;
}

#define list_for_each_entry_safe(m, n, head, member)			\
	for (m = list_entry((head)->next, typeof(*m), member),		\
	     n = list_entry(m->member.next, typeof(*m), member);	\
	     &m->member != (head);					\
	     m = n, n = list_entry(n->member.next, typeof(*n), member))

#endif
