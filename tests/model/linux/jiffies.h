/* SPDX-License-Identifier: GPL-2.0 */
/* Time stands still until the test says otherwise. */
#ifndef _MODEL_LINUX_JIFFIES_H
#define _MODEL_LINUX_JIFFIES_H

#include <linux/kernel.h>

#define HZ		250
#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000L
#define TICK_NSEC	(NSEC_PER_SEC / HZ)

typedef s64 ktime_t;

#define jiffies			standin.ticks
#define MAX_JIFFY_OFFSET	((~0UL >> 1) - 1)

static inline u64 get_jiffies_64(void)
{
	return standin.ticks;
}

static inline bool time_before64(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

static inline bool time_after_eq64(u64 a, u64 b)
{
	return !time_before64(a, b);
}

static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
	return (ms * (u64)HZ + 999) / 1000;
}

static inline u64 jiffies64_to_nsecs(u64 j)
{
	return j * (NSEC_PER_SEC / HZ);
}

static inline ktime_t ktime_get_coarse_real(void)
{
	return jiffies64_to_nsecs(standin.ticks) + standin.suspended + standin.set;
}

static inline ktime_t ktime_get_coarse_boottime(void)
{
	return jiffies64_to_nsecs(standin.ticks) + standin.suspended;
}

static inline s64 ktime_to_ns(ktime_t t)
{
	return t;
}

#endif
