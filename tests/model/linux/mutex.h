/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mutex, taken before any spin lock. Who would have to wait for it is told of
 * a fatal signal instead: in one thread, its owner goes on only after that.
 */
#ifndef _MODEL_LINUX_MUTEX_H
#define _MODEL_LINUX_MUTEX_H

#include <linux/sched.h>

struct mutex {
	bool held;
};

static inline void mutex_init(struct mutex *mutex)
{
	mutex->held = false;
}

static inline void mutex_destroy(struct mutex *mutex)
{
	must(!mutex->held);
}

static inline bool mutex_trylock(struct mutex *mutex)
{
	must(!standin.spins);
	if (mutex->held)
		return false;
	mutex->held = true;
	return true;
}

static inline int mutex_lock_killable(struct mutex *mutex)
{
	return fatal_signal_pending(current) || !mutex_trylock(mutex) ? -EINTR : 0;
}

static inline void mutex_lock(struct mutex *mutex)
{
	must(mutex_trylock(mutex));
}

static inline void mutex_unlock(struct mutex *mutex)
{
	must(mutex->held && !standin.spins);
	mutex->held = false;
}

#endif
