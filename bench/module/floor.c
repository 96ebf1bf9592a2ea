// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/floor: a character device that does nothing. A read or write returns its
 * length and touches no byte. What it costs is what no device can go below.
 *
 * It also measures the kernel's allocator by itself: see floor.h.
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/uaccess.h>

#include "floor.h"

static ssize_t floor_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	return len;
}

static ssize_t floor_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	return len;
}

static int allocate(u64 bytes, u64 *ticks)
{
	void **first = NULL, **piece;
	cycles_t start;

	*ticks = 0;
	while (bytes) {
		size_t size = min_t(u64, max_t(u64, bytes, sizeof(piece)),
				    FLOOR_PIECE);

		start = get_cycles();
		piece = kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN |
				__GFP_NORETRY);
		*ticks += get_cycles() - start;
		if (!piece)
			break;
		*piece = first;
		first = piece;
		bytes -= min_t(u64, bytes, size);
		cond_resched();
	}
	while (first) {
		piece = first;
		first = *piece;
		kfree(piece);
	}
	return bytes ? -ENOMEM : 0;
}

static long floor_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	u64 __user *user = (u64 __user *)arg;
	u64 bytes, ticks;
	int ret;

	if (cmd != FLOOR_ALLOCATE)
		return -ENOTTY;
	if (get_user(bytes, user))
		return -EFAULT;
	ret = allocate(bytes, &ticks);
	return ret ? ret : put_user(ticks, user);
}

static const struct file_operations floor_fops = {
	.owner = THIS_MODULE,
	.read = floor_read,
	.write = floor_write,
	.unlocked_ioctl = floor_ioctl,
};

static struct miscdevice floor_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "floor",
	.fops = &floor_fops,
	.mode = 0600,
};

module_misc_device(floor_device);
MODULE_DESCRIPTION("A device that does nothing, to measure what it costs");
MODULE_LICENSE("GPL");
