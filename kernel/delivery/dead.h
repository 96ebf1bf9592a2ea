/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dead letters: messages that are not to be delivered any more, because their time is
 * over or because they were given back too often.
 *
 * A message dies with the lock held: it leaves its place, counts as held from then on,
 * and waits in a list for the queue's work. That carries it to the dead-letter queue,
 * if there is one, or throws it away. While the dead-letter queue is full the dead
 * wait, and take room: writers of this queue are held up, and nothing is lost.
 *
 * Nobody is handed a message whose time is over: who receives looks at that of the
 * next message. The work is for those that nobody comes for. It starts when the first
 * time is over, and looks at the oldest messages.
 */
#ifndef _STACQ_DEAD_H
#define _STACQ_DEAD_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct stacq_msg;
struct stacq_queue;

/**
 * struct stacq_dead - what a queue knows of its dead letters
 * @expired: those whose time was over, in the order in which they died
 * @exhausted: those that were given back too often, likewise
 * @nr_expired: messages that ever died so
 * @nr_exhausted: likewise
 * @buried: those of both that went to another queue
 * @max_deliveries: how often a message may be given back, 0 is without end
 * @ttl_ms: milliseconds after which a message is not delivered; 0 is without end
 * @ttl: the same in units of lifetimes, see stacq_age_of_ms()
 * @next: units of lifetimes at which the work is to run; 0 if it is not
 * @letter: the queue where they go, held; or NULL
 * @full: the queue that @wait is on, held; or NULL
 * @wait: starts the work when there is room in that queue
 * @work: lets messages die whose time is over, and buries them
 *
 * The queue's lock guards what is not said to be guarded otherwise.
 */
struct stacq_dead {
	struct list_head expired;
	struct list_head exhausted;
	u64 nr_expired;
	u64 nr_exhausted;
	u64 buried;
	unsigned int max_deliveries;
	unsigned int ttl_ms;
	u64 ttl;
	u64 next;
	struct stacq_queue *letter;
	struct stacq_queue *full;
	struct wait_queue_entry wait;
	struct delayed_work work;
};

void stacq_dead_init(struct stacq_queue *q);
void stacq_dead_end(struct stacq_queue *q);
void stacq_dead_forget(struct stacq_queue *q, struct stacq_queue *letter);

u64 __stacq_end_after(const struct stacq_msg *m, u32 ms);
void __stacq_dead_arm(struct stacq_queue *q, u64 when);
void __stacq_dead_arm_ttl(struct stacq_queue *q);
void __stacq_dead_arm_told(struct stacq_queue *q, const struct stacq_msg *m);
bool __stacq_expired(struct stacq_queue *q, const struct stacq_msg *m);
void __stacq_die(struct stacq_queue *q, struct stacq_msg *m, unsigned int cause);
bool __stacq_dies_given_back(struct stacq_queue *q, struct stacq_msg *m,
			     bool delivered);

#endif /* _STACQ_DEAD_H */
