/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Time, as messages carry it: the moment of sending on CLOCK_REALTIME, which is
 * only told, and on CLOCK_BOOTTIME, which lifetimes count on. So neither setting the
 * clock nor a suspend shortens or lengthens a lifetime.
 *
 * Both clocks are read once a tick for each queue, coarsely; a message costs a
 * comparison with jiffies.
 */
#ifndef _STACQ_CLOCK_H
#define _STACQ_CLOCK_H

#include <linux/jiffies.h>
#include <linux/types.h>

/*
 * Lifetimes are counted in units of 2^20 ns, about a millisecond. They start at
 * STACQ_AGE_ORIGIN, so that a message can be older than the kernel; a claim can
 * reach back for 73 years.
 */
#define STACQ_AGE_SHIFT		20
#define STACQ_AGE_BITS		42
#define STACQ_AGE_ORIGIN	BIT_ULL(STACQ_AGE_BITS - 1)
#define STACQ_AGE_SECOND	(NSEC_PER_SEC >> STACQ_AGE_SHIFT)

/**
 * struct stacq_clock - the present time, not older than a tick
 * @tick: jiffies when the clocks were read
 * @real_ns: CLOCK_REALTIME in nanoseconds
 * @age: CLOCK_BOOTTIME in units of lifetimes, from STACQ_AGE_ORIGIN on
 *
 * The queue's lock guards it.
 */
struct stacq_clock {
	unsigned long tick;
	u64 real_ns;
	u64 age;
};

void stacq_clock_init(struct stacq_clock *clock);
void __stacq_clock_read(struct stacq_clock *clock);

u64 stacq_age_of_ms(u32 ms);
unsigned long stacq_age_to_jiffies(u64 age);

/**
 * __stacq_clock_now() - have the present time
 * @clock: the clock, read again if a tick has passed
 *
 * Context: The queue's lock is held.
 * Return: @clock.
 */
static __always_inline const struct stacq_clock *
__stacq_clock_now(struct stacq_clock *clock)
{
	if (unlikely(clock->tick != READ_ONCE(jiffies)))
		__stacq_clock_read(clock);
	return clock;
}

/**
 * stacq_age_claimed() - when was a message sent whose sender says it?
 * @clock: the present time
 * @sent_ns: CLOCK_REALTIME in nanoseconds, as the sender says
 *
 * Return: units of lifetimes. A claim of the future counts as the present.
 */
static __always_inline u64 stacq_age_claimed(const struct stacq_clock *clock,
					     u64 sent_ns)
{
	u64 before;

	if (sent_ns >= clock->real_ns)
		return clock->age;
	before = (clock->real_ns - sent_ns) >> STACQ_AGE_SHIFT;
	return clock->age - (before < clock->age ? before : clock->age);
}

#endif /* _STACQ_CLOCK_H */
