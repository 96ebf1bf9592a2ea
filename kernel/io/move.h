/* SPDX-License-Identifier: GPL-2.0 */
/* Messages from one queue to another. */
#ifndef _STACQ_MOVE_H
#define _STACQ_MOVE_H

#include <linux/types.h>

struct stacq_attr;
struct stacq_msg;
struct stacq_queue;

int stacq_hand_over(struct stacq_queue *to, struct stacq_msg *m, bool wait,
		    const struct stacq_attr *attr);
int stacq_move(struct stacq_queue *from, struct stacq_queue *to, u64 most,
	       bool wait, u64 *moved);

#endif /* _STACQ_MOVE_H */
