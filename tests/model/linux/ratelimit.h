/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MODEL_LINUX_RATELIMIT_H
#define _MODEL_LINUX_RATELIMIT_H

#include <linux/jiffies.h>

struct ratelimit_state {
	int burst;
};

static inline void ratelimit_state_init(struct ratelimit_state *rs, int interval,
					int burst)
{
	(void)interval;
	rs->burst = burst;
}

static inline bool __ratelimit(struct ratelimit_state *rs)
{
	return rs->burst > 0;
}

#endif
