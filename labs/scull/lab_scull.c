// SPDX-License-Identifier: GPL-2.0
/*
 * A byte store that grows: a chain of sets, each with pointers to qset quanta.
 *
 * Locking: scull->lock guards all of its device. File operations take it, functions
 * named __scull_... expect it. lock=0 leaves it out, to show what is lost then; the
 * machine survives that as long as nobody truncates, which frees.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define MAX_SIZE	(256 << 20) /* the chain is walked from its start, so it is bounded */

static unsigned int devices = 4;
module_param(devices, uint, 0444);
MODULE_PARM_DESC(devices, "how many devices, 1 to 16");
static unsigned int quantum = 4000;
module_param(quantum, uint, 0444);
MODULE_PARM_DESC(quantum, "bytes in a quantum, 64 to 1048576");
static unsigned int qset = 1000;
module_param(qset, uint, 0444);
MODULE_PARM_DESC(qset, "quanta in a set, 16 to 65536");
static bool lock = true;
module_param(lock, bool, 0444);
MODULE_PARM_DESC(lock, "0 leaves out the lock, for the demonstration only");
static unsigned int window;
module_param(window, uint, 0444);
MODULE_PARM_DESC(window, "microseconds between finding room missing and adding it, 0 to 10000");

struct scull_set {
	struct scull_set *next;
	void *quanta[];
};

#define SET_SIZE	(sizeof(struct scull_set) + qset * sizeof(void *))

static struct scull {
	struct mutex lock;	/* guards the rest */
	struct scull_set *sets;
	loff_t size;
} sculls[16];			/* by minor number */
static dev_t first;
static struct cdev cdev;
static atomic64_t allocated, freed;	/* bytes, of sets and quanta */

static int scull_lock(struct scull *scull)
{
	return lock ? mutex_lock_interruptible(&scull->lock) : 0;
}

static void scull_unlock(struct scull *scull)
{
	if (lock)
		mutex_unlock(&scull->lock);
}

/*
 * What the pointer at place leads to. If it is NULL: that many new bytes, unless 0.
 * Without the lock two writers find NULL, both allocate, and what the first put
 * there is lost when the second overwrites it. The window makes that likely.
 */
static void *__scull_get(struct scull *scull, void *place, size_t size)
{
	void *object = *(void **)place;

	if (lock)
		lockdep_assert_held(&scull->lock);
	if (object || !size)
		return object;
	if (window)
		usleep_range(window, 2 * window);
	/* A mutex lets its holder sleep, so GFP_KERNEL; under a spin lock: GFP_ATOMIC. */
	object = kzalloc(size, GFP_KERNEL);
	if (object) {
		atomic64_add(size, &allocated);
		/* For who comes without the lock: zeros are behind the pointer that it sees. */
		smp_store_release((void **)place, object);
	}
	return object;
}

/* The quantum that holds pos, and where in it. NULL: not there, or not to be made. */
static void *__scull_quantum(struct scull *scull, loff_t pos, bool make, u32 *offset)
{
	size_t size = make ? SET_SIZE : 0;
	struct scull_set *set = __scull_get(scull, &scull->sets, size);
	u32 in_set;
	u64 sets = div_u64_rem(div_u64_rem(pos, quantum, offset), qset, &in_set);

	for (; set && sets; sets--)
		set = __scull_get(scull, &set->next, size);
	return set ? __scull_get(scull, &set->quanta[in_set], make ? quantum : 0) : NULL;
}

static void scull_free(void *object, size_t size)
{
	atomic64_add(object ? size : 0, &freed);
	kfree(object);
}

static void __scull_truncate(struct scull *scull)
{
	struct scull_set *set;
	unsigned int i;

	if (lock)
		lockdep_assert_held(&scull->lock);
	while ((set = scull->sets)) {
		for (i = 0; i < qset; i++)
			scull_free(set->quanta[i], quantum);
		scull->sets = set->next;
		scull_free(set, SET_SIZE);
	}
	scull->size = 0;
}

/* Write-only truncates, as `echo text >/dev/scull0` expects; `<>` does not. */
static int scull_open(struct inode *inode, struct file *file)
{
	struct scull *scull = &sculls[iminor(inode)];
	bool truncate = (file->f_flags & O_ACCMODE) == O_WRONLY;
	int ret = truncate ? scull_lock(scull) : 0;

	file->private_data = scull;
	if (truncate && !ret) {
		__scull_truncate(scull);
		scull_unlock(scull);
	}
	return ret;
}

/* To the end of a quantum; callers come again for more. What was never written is 0. */
static ssize_t scull_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	struct scull *scull = file->private_data;
	ssize_t ret = scull_lock(scull);
	void *bytes;
	u32 offset;

	if (ret)
		return ret;
	if (*pos < scull->size) {
		bytes = __scull_quantum(scull, *pos, false, &offset);
		ret = min_t(u64, count, min_t(u64, scull->size - *pos, quantum - offset));
		if (bytes ? copy_to_user(to, bytes + offset, ret) : clear_user(to, ret))
			ret = -EFAULT;
		else
			*pos += ret;
	}
	scull_unlock(scull);
	return ret;
}

static ssize_t scull_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	struct scull *scull = file->private_data;
	ssize_t ret = *pos < MAX_SIZE ? scull_lock(scull) : -EFBIG;
	void *bytes;
	u32 offset;

	if (ret)
		return ret;
	bytes = __scull_quantum(scull, *pos, true, &offset);
	ret = min_t(u64, count, quantum - offset);
	if (!bytes) {
		ret = -ENOMEM;
	} else if (copy_from_user(bytes + offset, from, ret)) {
		ret = -EFAULT;
	} else {
		*pos += ret;
		scull->size = max(scull->size, *pos);
	}
	scull_unlock(scull);
	return ret;
}

static loff_t scull_llseek(struct file *file, loff_t offset, int whence)
{
	struct scull *scull = file->private_data;
	loff_t ret = scull_lock(scull);

	if (!ret) {
		ret = generic_file_llseek_size(file, offset, whence, MAX_SIZE, scull->size);
		scull_unlock(scull);
	}
	return ret;
}

static const struct file_operations scull_fops = {
	.owner	= THIS_MODULE,
	.open	= scull_open,
	.read	= scull_read,
	.write	= scull_write,
	.llseek	= scull_llseek,
};

static int __init scull_init(void)
{
	int ret = -EINVAL, i;

	if (!devices || devices > ARRAY_SIZE(sculls) || quantum < 64 || quantum > 1048576 ||
	    qset < 16 || qset > 65536 || window > 10000)
		goto say_why;
	for (i = 0; i < ARRAY_SIZE(sculls); i++)
		mutex_init(&sculls[i].lock);
	ret = alloc_chrdev_region(&first, 0, devices, "scull");
	if (ret)
		goto say_why;
	cdev_init(&cdev, &scull_fops);
	cdev.owner = THIS_MODULE;
	ret = cdev_add(&cdev, first, devices);
	if (ret)
		goto unregister_region;
	return 0;

unregister_region:
	unregister_chrdev_region(first, devices);
say_why:
	pr_err("not loaded, error %d; modinfo says what parameters may be\n", ret);
	return ret;
}

static void __exit scull_exit(void)
{
	s64 got = atomic64_read(&allocated);
	int i;

	cdev_del(&cdev);
	unregister_chrdev_region(first, devices);
	for (i = 0; i < ARRAY_SIZE(sculls); i++) {
		mutex_lock(&sculls[i].lock);
		__scull_truncate(&sculls[i]);
		mutex_unlock(&sculls[i].lock);
	}
	pr_info("lock=%d allocated=%lld leaked=%lld\n", lock, got, got - atomic64_read(&freed));
}

module_init(scull_init);
module_exit(scull_exit);
MODULE_DESCRIPTION("Lab: a device that loses memory when its lock is left out");
MODULE_LICENSE("GPL");
