// SPDX-License-Identifier: GPL-2.0
/*
 * Makes one mistake, chosen by the parameter how, to prove that vm/run and the
 * detectors of the debug kernels notice. With how=none everything else that is
 * done around the mistakes is done, rightly: then there is nothing to notice.
 *
 * Most mistakes are made while the module is loaded, those about the memory of
 * user space when /dev/runner_test is read.
 */

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

#define OBJECT_SIZE	64

static char *how = "";
module_param(how, charp, 0444);
MODULE_PARM_DESC(how, "which mistake, or none");

static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);
static DEFINE_MUTEX(mutex);

/* An object whose size the compiler has forgotten: it knows some mistakes. */
static void *object(void)
{
	void *p = kmalloc(OBJECT_SIZE, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	return p;
}

/*
 * The kernel in trouble
 */

static void warn(bool wrong)
{
	WARN(wrong, "runner_test: a warning, as asked for\n");
}

static void oops(bool wrong)
{
	if (wrong)
		WRITE_ONCE(*(int *)8, 1);
}

static void lockup(bool wrong)
{
	preempt_disable();
	while (wrong)
		cpu_relax();
	preempt_enable();
}

static void hung(bool wrong)
{
	if (!wrong)
		return;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

/*
 * Memory
 */

static void use_after_free(bool wrong)
{
	char *p = object();

	if (!p)
		return;
	*p = 0;
	if (wrong)
		kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	pr_info("read: %d\n", READ_ONCE(*p));
	if (!wrong)
		kfree(p);
}

static void out_of_bounds(bool wrong)
{
	char *p = object();

	if (p)
		WRITE_ONCE(p[OBJECT_SIZE - !wrong], 1);
	kfree(p);
}

static void double_free(bool wrong)
{
	void *p = object();

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	if (wrong)
		kfree(p);
}

/* Several, since a stale copy of one address may hide that one. */
static void leak(bool wrong)
{
	void *p;
	int i;

	for (i = 0; i < 16; i++) {
		p = object();
		if (!wrong)
			kfree(p);
	}
}

static void list_corruption(bool wrong)
{
	struct list_head item;
	LIST_HEAD(list);

	list_add(&item, &list);
	list_del(&item);
	if (wrong)
		list_del(&item);
}

static void on_time(struct timer_list *timer)
{
}

static void active_timer_freed(bool wrong)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, on_time, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	if (!wrong)
		timer_delete_sync(timer);
	kfree(timer);
}

static void refcount_from_zero(bool wrong)
{
	refcount_t count = REFCOUNT_INIT(1);

	if (refcount_dec_and_test(&count) && wrong)
		refcount_inc(&count);
}

static void bad_shift(bool wrong)
{
	int bits = wrong ? 40 : 4;

	OPTIMIZER_HIDE_VAR(bits);
	pr_info("shifted: %d\n", 1 << bits);
}

/*
 * Locks
 */

static void lock_order(bool wrong)
{
	spin_lock(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_b);
	spin_unlock(&lock_a);
	if (!wrong)
		return;
	spin_lock(&lock_b);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	spin_unlock(&lock_b);
}

static void sleep_in_lock(bool wrong)
{
	void *p;

	spin_lock(&lock_a);
	p = kmalloc(OBJECT_SIZE, wrong ? GFP_KERNEL : GFP_ATOMIC);
	spin_unlock(&lock_a);
	kfree(p);
}

static void lock_kept(bool wrong)
{
	mutex_lock(&mutex);
	if (!wrong)
		mutex_unlock(&mutex);
}

static void rcu_unguarded(bool wrong)
{
	static int __rcu *pointer;
	bool set;

	if (wrong) {
		set = rcu_dereference(pointer);
	} else {
		rcu_read_lock();
		set = rcu_dereference(pointer);
		rcu_read_unlock();
	}
	pr_info("pointer is set: %d\n", set);
}

static int counter;

static int count_up(void *wrong)
{
	while (!kthread_should_stop()) {
		if (wrong) {
			counter++;
		} else {
			spin_lock(&lock_a);
			counter++;
			spin_unlock(&lock_a);
		}
		cond_resched();
	}
	return 0;
}

/* The detector looks at one access in a thousand or so: give it time. */
static void race(bool wrong)
{
	struct task_struct *thread[2];
	int i;

	for (i = 0; i < 2; i++)
		thread[i] = kthread_run(count_up, wrong ? &counter : NULL,
					"runner_test/%d", i);
	msleep(wrong ? 3000 : 300);
	for (i = 0; i < 2; i++)
		if (!IS_ERR(thread[i]))
			kthread_stop(thread[i]);
}

static const struct mistake {
	const char *name;
	void (*make)(bool wrong);
} mistakes[] = {
	{ "warn", warn },
	{ "oops", oops },
	{ "lockup", lockup },
	{ "hung", hung },
	{ "useafterfree", use_after_free },
	{ "outofbounds", out_of_bounds },
	{ "doublefree", double_free },
	{ "leak", leak },
	{ "list", list_corruption },
	{ "object", active_timer_freed },
	{ "refcount", refcount_from_zero },
	{ "shift", bad_shift },
	{ "lockorder", lock_order },
	{ "sleepinlock", sleep_in_lock },
	{ "lockkept", lock_kept },
	{ "rcu", rcu_unguarded },
	{ "race", race },
};

/*
 * Bytes to user space
 */

static ssize_t give(char __user *to, const void *from, size_t size)
{
	return copy_to_user(to, from, size) ? -EFAULT : size;
}

static ssize_t uninitialised(char __user *to, bool wrong)
{
	void *p = object();
	ssize_t ret;

	if (!p)
		return -ENOMEM;
	if (!wrong)
		memset(p, 0, OBJECT_SIZE);
	ret = give(to, p, OBJECT_SIZE);
	kfree(p);
	return ret;
}

static ssize_t padding(char __user *to, bool wrong)
{
	struct {
		char one;
		long two;
	} holed;

	if (!wrong)
		memset(&holed, 0, sizeof(holed));
	holed.one = 1;
	holed.two = 2;
	return give(to, &holed, sizeof(holed));
}

static ssize_t beyond_the_object(char __user *to, bool wrong)
{
	size_t size = wrong ? 2 * OBJECT_SIZE : OBJECT_SIZE;
	void *p = object();
	ssize_t ret;

	if (!p)
		return -ENOMEM;
	memset(p, 0, OBJECT_SIZE);
	ret = give(to, p, size);
	kfree(p);
	return ret;
}

static const struct read_mistake {
	const char *name;
	ssize_t (*make)(char __user *to, bool wrong);
} read_mistakes[] = {
	{ "uninit", uninitialised },
	{ "padding", padding },
	{ "usercopy", beyond_the_object },
};

static ssize_t runner_test_read(struct file *file, char __user *to, size_t size,
				loff_t *pos)
{
	ssize_t ret = 0;
	int i;

	if (size < 2 * OBJECT_SIZE)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(read_mistakes) && ret >= 0; i++)
		ret = read_mistakes[i].make(to, !strcmp(how, read_mistakes[i].name));
	return ret;
}

static const struct file_operations runner_test_fops = {
	.owner	= THIS_MODULE,
	.read	= runner_test_read,
};

static struct miscdevice runner_test_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "runner_test",
	.fops	= &runner_test_fops,
};

static bool known(const char *name)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++)
		if (!strcmp(name, mistakes[i].name))
			return true;
	for (i = 0; i < ARRAY_SIZE(read_mistakes); i++)
		if (!strcmp(name, read_mistakes[i].name))
			return true;
	return !strcmp(name, "none");
}

static int __init runner_test_init(void)
{
	int i;

	if (!known(how))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(mistakes); i++)
		mistakes[i].make(!strcmp(how, mistakes[i].name));
	return misc_register(&runner_test_device);
}

static void __exit runner_test_exit(void)
{
	misc_deregister(&runner_test_device);
}

module_init(runner_test_init);
module_exit(runner_test_exit);
MODULE_DESCRIPTION("Makes a mistake on request, to test the VM runner");
MODULE_LICENSE("GPL");
