// SPDX-License-Identifier: GPL-2.0
/*
 * Two mistakes with locks, chosen by the parameter how. Neither hangs the machine:
 * the threads run one after the other, so they never wait for each other, and the
 * allocation finds room and does not sleep. Only a kernel with the lock checker
 * says what could have happened.
 *
 * Locking: lock_a and lock_b guard nothing. The right order is lock_a first.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static char *how = "none";
module_param(how, charp, 0444);
MODULE_PARM_DESC(how, "none, order (two locks in both orders) or sleep (under a spin lock)");

static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);
static DECLARE_COMPLETION(done);

static int a_then_b(void *unused)
{
	spin_lock(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_b);
	spin_unlock(&lock_a);
	complete(&done);
	return 0;
}

/* Wrong on purpose: had the other thread lock_a by now, both would wait forever. */
static int b_then_a(void *unused)
{
	spin_lock(&lock_b);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	spin_unlock(&lock_b);
	complete(&done);
	return 0;
}

/* Has its end seen before the next one begins. */
static int run_alone(int (*run)(void *unused), const char *name)
{
	struct task_struct *thread = kthread_create(run, NULL, "%s", name);

	if (IS_ERR(thread))
		return PTR_ERR(thread);
	/* It may be gone when kthread_stop() looks at it; so keep what that looks at. */
	get_task_struct(thread);
	reinit_completion(&done);
	wake_up_process(thread);
	wait_for_completion(&done);
	kthread_stop(thread);
	put_task_struct(thread);
	return 0;
}

static int both_orders(void)
{
	int ret = run_alone(a_then_b, "a_then_b");

	return ret ?: run_alone(b_then_a, "b_then_a");
}

/*
 * Wrong on purpose: GFP_KERNEL may sleep, with everybody else spinning on lock_a.
 * noinline, for the name to be in the report.
 */
static noinline int sleep_under_lock(void)
{
	void *object;

	spin_lock(&lock_a);
	object = kmalloc(64, GFP_KERNEL);
	spin_unlock(&lock_a);
	if (!object)
		return -ENOMEM;
	kfree(object);
	return 0;
}

/* The same two things done right. */
static int nothing_wrong(void)
{
	void *object = kmalloc(64, GFP_KERNEL);
	int ret;

	if (!object)
		return -ENOMEM;
	kfree(object);
	ret = run_alone(a_then_b, "a_then_b");
	return ret ?: run_alone(a_then_b, "a_then_b");
}

static int __init deadlock_init(void)
{
	int ret = -EINVAL;

	if (!strcmp(how, "order"))
		ret = both_orders();
	else if (!strcmp(how, "sleep"))
		ret = sleep_under_lock();
	else if (!strcmp(how, "none"))
		ret = nothing_wrong();
	if (ret)
		pr_err("how=%s: not loaded, error %d\n", how, ret);
	else
		pr_info("how=%s hung=0: done, and nothing hangs\n", how);
	return ret;
}

static void __exit deadlock_exit(void)
{
}

module_init(deadlock_init);
module_exit(deadlock_exit);
MODULE_DESCRIPTION("Lab: locks in two orders, sleeping under a spin lock");
MODULE_LICENSE("GPL");
