// SPDX-License-Identifier: GPL-2.0
/*
 * Breaks the kernel in a chosen way when it is loaded, to prove that vm/run notices.
 */

#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *how = "";
module_param(how, charp, 0444);
MODULE_PARM_DESC(how, "warn, oops, lockup, hung, lockorder, useafterfree or leak");

static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);

static void lockup(void)
{
	preempt_disable();
	for (;;)
		cpu_relax();
}

static void hung(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void lock_order(void)
{
	spin_lock(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_b);
	spin_unlock(&lock_a);

	spin_lock(&lock_b);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	spin_unlock(&lock_b);
}

static void use_after_free(void)
{
	int *value = kmalloc(sizeof(*value), GFP_KERNEL);

	if (!value)
		return;
	kfree(value);
	/* READ_ONCE keeps the compiler from dropping the read. */
	pr_info("read after free: %d\n", READ_ONCE(*value));
}

static void leak(void)
{
	int i;

	/* Several, since a stale copy of one address may hide that one. */
	for (i = 0; i < 16; i++)
		if (!kmalloc(123, GFP_KERNEL))
			return;
}

static int __init runner_test_init(void)
{
	if (!strcmp(how, "warn"))
		WARN(1, "runner_test: a warning, as asked for\n");
	else if (!strcmp(how, "oops"))
		WRITE_ONCE(*(int *)8, 1);
	else if (!strcmp(how, "lockup"))
		lockup();
	else if (!strcmp(how, "hung"))
		hung();
	else if (!strcmp(how, "lockorder"))
		lock_order();
	else if (!strcmp(how, "useafterfree"))
		use_after_free();
	else if (!strcmp(how, "leak"))
		leak();
	else
		return -EINVAL;
	return 0;
}

static void __exit runner_test_exit(void)
{
}

module_init(runner_test_init);
module_exit(runner_test_exit);
MODULE_DESCRIPTION("Breaks the kernel on request, to test the VM runner");
MODULE_LICENSE("GPL");
