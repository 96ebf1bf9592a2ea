/* SPDX-License-Identifier: GPL-2.0 */
/* A spin lock that must not be taken twice. Whoever drops it may be preempted. */
#ifndef _MODEL_LINUX_SPINLOCK_H
#define _MODEL_LINUX_SPINLOCK_H

#include <linux/kernel.h>

typedef struct {
	bool held;
} spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->held = false;
}

static inline void spin_lock(spinlock_t *lock)
{
	must(!lock->held);
	lock->held = true;
	standin.spins++;
}

static inline void spin_unlock(spinlock_t *lock)
{
	must(lock->held);
	lock->held = false;
	standin.spins--;
	standin_preempt();
}

#define lockdep_assert_held(lock)	must((lock)->held)

#endif
