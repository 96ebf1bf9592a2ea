// SPDX-License-Identifier: GPL-2.0
/* Default limits of new queues, and how far who may go. */
#include <linux/capability.h>
#include <linux/moduleparam.h>

#include "iface/limits.h"
#include "core/queue.h"

static unsigned long default_max_msgs = 1UL << 20;
module_param(default_max_msgs, ulong, 0644);
MODULE_PARM_DESC(default_max_msgs,
		 "Most messages in a new queue; 0 no limit (default 1048576)");

static unsigned long default_max_bytes = 16UL << 20;
module_param(default_max_bytes, ulong, 0644);
MODULE_PARM_DESC(default_max_bytes,
		 "Most bytes in a new queue; 0 no limit (default 16777216)");

static unsigned long default_max_msg_size = 1UL << 20;
module_param(default_max_msg_size, ulong, 0644);
MODULE_PARM_DESC(default_max_msg_size,
		 "Longest message in a new queue; 0 no limit (default 1048576)");

static unsigned long ceiling_max_msgs = 1UL << 20;
module_param(ceiling_max_msgs, ulong, 0644);
MODULE_PARM_DESC(ceiling_max_msgs,
		 "Highest max_msgs without CAP_SYS_RESOURCE; 0 any (default 1048576)");

static unsigned long ceiling_max_bytes = 64UL << 20;
module_param(ceiling_max_bytes, ulong, 0644);
MODULE_PARM_DESC(ceiling_max_bytes,
		 "Highest max_bytes without CAP_SYS_RESOURCE; 0 any (default 67108864)");

static unsigned long ceiling_max_msg_size = 16UL << 20;
module_param(ceiling_max_msg_size, ulong, 0644);
MODULE_PARM_DESC(ceiling_max_msg_size,
		 "Highest max_msg_size without CAP_SYS_RESOURCE; 0 any (default 16777216)");

static unsigned int max_queues = 16384;
module_param(max_queues, uint, 0644);
MODULE_PARM_DESC(max_queues, "Most queues at once (default 16384)");

/**
 * stacq_limits_default() - fill in the limits not asked for
 * @limits: those that are STACQ_UNCHANGED are set
 */
void stacq_limits_default(struct stacq_limits *limits)
{
	if (limits->max_msgs == STACQ_UNCHANGED)
		limits->max_msgs = READ_ONCE(default_max_msgs);
	if (limits->max_bytes == STACQ_UNCHANGED)
		limits->max_bytes = READ_ONCE(default_max_bytes);
	if (limits->max_msg_size == STACQ_UNCHANGED)
		limits->max_msg_size = READ_ONCE(default_max_msg_size);
}

/* Is a limit of @want above @ceiling, and above what it is @now? */
static bool raises(u64 want, u64 now, u64 ceiling)
{
	if (want == STACQ_UNCHANGED || !ceiling)
		return false;
	/* No limit, 0, becomes the highest. */
	return want - 1 > ceiling - 1 && want - 1 > now - 1;
}

/**
 * stacq_limits_may() - may the caller set these limits?
 * @q: the queue, or NULL for a new one
 * @limits: the limits; STACQ_UNCHANGED is always allowed
 *
 * Return: 0 or -EPERM.
 */
int stacq_limits_may(struct stacq_queue *q, const struct stacq_limits *limits)
{
	struct stacq_info now = { .max_msgs = 1, .max_bytes = 1, .max_msg_size = 1 };

	if (q)
		stacq_get_info(q, &now);
	if (!raises(limits->max_msgs, now.max_msgs, READ_ONCE(ceiling_max_msgs)) &&
	    !raises(limits->max_bytes, now.max_bytes, READ_ONCE(ceiling_max_bytes)) &&
	    !raises(limits->max_msg_size, now.max_msg_size,
		    READ_ONCE(ceiling_max_msg_size)))
		return 0;
	return capable(CAP_SYS_RESOURCE) ? 0 : -EPERM;
}

/**
 * stacq_capacity_may() - may the caller make so much room?
 * @q: the queue, or NULL for a new one
 * @capacity: messages to make room for
 *
 * Return: 0 or -EPERM.
 */
int stacq_capacity_may(struct stacq_queue *q, u64 capacity)
{
	struct stacq_info now = { .capacity = 1 };

	if (q)
		stacq_get_info(q, &now);
	if (!capacity || !raises(capacity, now.capacity, READ_ONCE(ceiling_max_msgs)))
		return 0;
	return capable(CAP_SYS_RESOURCE) ? 0 : -EPERM;
}

/**
 * stacq_max_queues() - how many queues there may be
 *
 * Return: their number.
 */
unsigned int stacq_max_queues(void)
{
	return READ_ONCE(max_queues);
}
