/* SPDX-License-Identifier: GPL-2.0 */
/* Sleeping up to a deadline, which does not come: that is for tests/device/deadline.c. */
#ifndef _MODEL_LINUX_HRTIMER_H
#define _MODEL_LINUX_HRTIMER_H

#include <linux/ktime.h>
#include <linux/sched.h>

#define HRTIMER_MODE_ABS	0

static inline int schedule_hrtimeout(ktime_t *deadline, int mode)
{
	schedule();
	return -EINTR;
}

#endif
