// SPDX-License-Identifier: GPL-2.0
/* Time, as messages carry it: clock.h. */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/kernel.h>
#include <linux/timekeeping.h>

#include "core/clock.h"

/**
 * __stacq_clock_read() - read the clocks
 * @clock: set
 *
 * Context: The queue's lock is held, or nobody else uses the queue.
 */
void __stacq_clock_read(struct stacq_clock *clock)
{
	/* Before the clocks: if a tick comes now, they are read once more. */
	clock->tick = READ_ONCE(jiffies);
	clock->real_ns = ktime_to_ns(ktime_get_coarse_real());
	clock->age = STACQ_AGE_ORIGIN +
		     (ktime_to_ns(ktime_get_coarse_boottime()) >> STACQ_AGE_SHIFT);
}

/**
 * stacq_clock_init() - start a clock
 * @clock: set to the present time
 */
void stacq_clock_init(struct stacq_clock *clock)
{
	__stacq_clock_read(clock);
}

/**
 * stacq_age_of_ms() - the age at which a lifetime is over
 * @ms: the lifetime in milliseconds
 *
 * Return: units of lifetimes, so many that a message was there for at least @ms: the
 *	tick in which it was sent, and its first unit, were not whole ones.
 */
u64 stacq_age_of_ms(u32 ms)
{
	u64 ns = (u64)ms * NSEC_PER_MSEC + TICK_NSEC;

	return ((ns - 1) >> STACQ_AGE_SHIFT) + 2;
}

/**
 * stacq_age_to_jiffies() - how long to wait
 * @age: units of lifetimes
 *
 * Return: jiffies, not less, and at most what a timer takes.
 */
unsigned long stacq_age_to_jiffies(u64 age)
{
	u64 most = (u64)MAX_JIFFY_OFFSET;

	age = min_t(u64, age, U64_MAX >> (STACQ_AGE_SHIFT + 1));
	return min_t(u64, div_u64(age << STACQ_AGE_SHIFT, TICK_NSEC) + 1, most);
}
