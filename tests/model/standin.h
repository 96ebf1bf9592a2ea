/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stands in for the kernel around the container: linux/ has headers with
 * just what kernel/{store,queue,level,lease,wait,inspect}.c use, this the state behind them.
 *
 * There is one thread. Others are played by whatever the test does when a lock
 * is dropped (standin_preempt()) or a caller sleeps (standin_sleep()).
 */
#ifndef _MODEL_STANDIN_H
#define _MODEL_STANDIN_H

#include <stdbool.h>
#include <stddef.h>

struct task_struct;

/**
 * struct standin - the kernel's state
 * @spins: spin locks held
 * @allocated: bytes allocated and not freed
 * @budget: no more than so many bytes can be
 * @fail_at: the allocation that fails, counted down from here; 0 for none
 * @kill_at: the allocation during which a fatal signal comes, likewise
 * @refused: allocations that failed
 * @ticks: the time, which jiffies tell
 * @suspended: nanoseconds for which they did not
 * @set: nanoseconds by which the real time was set, up or down
 * @killed: a fatal signal is pending, whoever runs
 * @current_task: who is running
 */
struct standin {
	int spins;
	size_t allocated;
	size_t budget;
	unsigned int fail_at;
	unsigned int kill_at;
	unsigned int refused;
	unsigned long ticks;
	unsigned long long suspended;
	long long set;
	bool killed;
	struct task_struct *current_task;
};

extern struct standin standin;

/* By the test. */
void standin_preempt(void);
void standin_sleep(void);

#ifdef __CPROVER__
#define must(cond)	__CPROVER_assert(cond, #cond)
#else
#define must(cond) \
	((cond) ? (void)0 : standin_fail(__FILE__, __LINE__, __func__, #cond))
#endif

/* Does not return, but saying so has coverage lose track of what follows. */
void standin_fail(const char *file, int line, const char *function,
		  const char *what);

#endif
