/* SPDX-License-Identifier: GPL-2.0 */
/* Default limits of new queues, and how far who may go. */
#ifndef _STACQ_LIMITS_H
#define _STACQ_LIMITS_H

#include <linux/types.h>

struct stacq_limits;
struct stacq_queue;

void stacq_limits_default(struct stacq_limits *limits);
int stacq_limits_may(struct stacq_queue *q, const struct stacq_limits *limits);
int stacq_capacity_may(struct stacq_queue *q, u64 capacity);
unsigned int stacq_max_queues(void);

#endif /* _STACQ_LIMITS_H */
