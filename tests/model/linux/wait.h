/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wait queues: who waits alone to be woken is behind those who are woken in any
 * case, and a wake-up ends with as many of the former as it is for.
 */
#ifndef _MODEL_LINUX_WAIT_H
#define _MODEL_LINUX_WAIT_H

#include <linux/list.h>
#include <linux/sched.h>

#define WQ_FLAG_EXCLUSIVE	0x1

#define EPOLLIN		((__poll_t)0x1)
#define EPOLLOUT	((__poll_t)0x4)
#define EPOLLERR	((__poll_t)0x8)
#define EPOLLHUP	((__poll_t)0x10)
#define EPOLLRDNORM	((__poll_t)0x40)
#define EPOLLWRNORM	((__poll_t)0x100)

struct wait_queue_entry {
	unsigned int flags;
	struct task_struct *task;
	int (*func)(struct wait_queue_entry *wait, unsigned int mode, int flags,
		    void *key);
	struct list_head entry;
};

typedef struct wait_queue_head {
	struct list_head head;
} wait_queue_head_t;

static inline void *poll_to_key(__poll_t events)
{
	return (void *)(uintptr_t)events;
}

static inline __poll_t key_to_poll(void *key)
{
	return (__poll_t)(uintptr_t)key;
}

static inline void init_waitqueue_head(wait_queue_head_t *wq)
{
	INIT_LIST_HEAD(&wq->head);
}

static inline bool waitqueue_active(wait_queue_head_t *wq)
{
	return !list_empty(&wq->head);
}

static inline int autoremove_wake_function(struct wait_queue_entry *wait,
					   unsigned int mode, int flags, void *key)
{
	(void)flags;
	(void)key;
	if (!(wait->task->state & mode))
		return 0;
	wait->task->state = TASK_RUNNING;
	list_del_init(&wait->entry);
	return 1;
}

static inline void init_wait_entry(struct wait_queue_entry *wait, int flags)
{
	wait->flags = flags;
	wait->task = current;
	wait->func = autoremove_wake_function;
	INIT_LIST_HEAD(&wait->entry);
}

static inline void init_waitqueue_func_entry(struct wait_queue_entry *wait,
	int (*func)(struct wait_queue_entry *wait, unsigned int mode, int flags,
		    void *key))
{
	*wait = (struct wait_queue_entry){ .func = func };
}

static inline void remove_wait_queue(wait_queue_head_t *wq,
				     struct wait_queue_entry *wait)
{
	(void)wq;
	list_del(&wait->entry);
}

#define DEFINE_WAIT(name)					\
	struct wait_queue_entry name = {			\
		.task = current,				\
		.func = autoremove_wake_function,		\
		.entry = { &(name).entry, &(name).entry },		\
	}

static inline void add_wait_queue(wait_queue_head_t *wq,
				  struct wait_queue_entry *wait)
{
	if (wait->flags & WQ_FLAG_EXCLUSIVE)
		list_add_tail(&wait->entry, &wq->head);
	else
		list_add(&wait->entry, &wq->head);
}

static inline long prepare_to_wait_event(wait_queue_head_t *wq,
					 struct wait_queue_entry *wait,
					 unsigned int state)
{
	must(!standin.spins);
	if (current->signal) {
		if (!list_empty(&wait->entry))
			list_del_init(&wait->entry);
		return -ERESTARTSYS;
	}
	if (list_empty(&wait->entry))
		add_wait_queue(wq, wait);
	current->state = state;
	return 0;
}

static inline void finish_wait(wait_queue_head_t *wq, struct wait_queue_entry *wait)
{
	(void)wq;
	current->state = TASK_RUNNING;
	if (!list_empty(&wait->entry))
		list_del_init(&wait->entry);
}

static inline void __wake_up(wait_queue_head_t *wq, unsigned int mode, int nr,
			     void *key)
{
	struct wait_queue_entry *wait, *next;

	must(!standin.spins);
	list_for_each_entry_safe(wait, next, &wq->head, entry) {
		bool exclusive = wait->flags & WQ_FLAG_EXCLUSIVE;

		if (wait->func(wait, mode, 0, key) && exclusive && !--nr)
			return;
	}
}

static inline void wake_up_interruptible_poll(wait_queue_head_t *wq,
					      __poll_t events)
{
	__wake_up(wq, TASK_INTERRUPTIBLE, 1, poll_to_key(events));
}

#endif
