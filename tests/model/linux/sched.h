/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks: who sleeps, and is told of a signal. */
#ifndef _MODEL_LINUX_SCHED_H
#define _MODEL_LINUX_SCHED_H

#include <linux/kernel.h>

#define TASK_RUNNING		0
#define TASK_INTERRUPTIBLE	1

struct task_struct {
	unsigned int state;
	bool signal;
	bool killed;
};

#define current			(standin.current_task)

static inline bool fatal_signal_pending(struct task_struct *task)
{
	return standin.killed || task->killed;
}

static inline void cond_resched(void)
{
	must(!standin.spins);
	standin_preempt();
}

static inline void schedule(void)
{
	must(!standin.spins);
	if (current->state != TASK_RUNNING)
		standin_sleep();
}

#endif
