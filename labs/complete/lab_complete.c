// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/complete: a reader sleeps until somebody writes. Each write lets one reader
 * through, who reads the text below and then end of file. Writes that come while
 * nobody reads are counted, and let later readers through.
 *
 * Locking: none of our own. The completion has a count and a queue of sleepers, and
 * guards both. What an open file has read so far is its position.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>

static const char text[] = "somebody wrote\n";

static DECLARE_COMPLETION(written);
static dev_t number;
static struct cdev *cdev;

/* A signal ends the wait. The system call is then made again, or fails with EINTR. */
static ssize_t complete_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	if (*pos == 0 && !try_wait_for_completion(&written)) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		pr_info("reader=%d sleeps\n", task_pid_nr(current));
		if (wait_for_completion_interruptible(&written)) {
			pr_info("reader=%d interrupted=1\n", task_pid_nr(current));
			return -ERESTARTSYS;
		}
		pr_info("reader=%d woken=1\n", task_pid_nr(current));
	}
	/* Without the zero that ends a string in C, and not a byte that is not its own. */
	return simple_read_from_buffer(to, count, pos, text, strlen(text));
}

/* What is written does not matter, that it is written does: so all is taken. */
static ssize_t complete_write(struct file *file, const char __user *from, size_t count,
			      loff_t *pos)
{
	pr_info("writer=%d wakes=1\n", task_pid_nr(current));
	complete(&written);
	return count;
}

static const struct file_operations complete_fops = {
	.owner	= THIS_MODULE,
	.read	= complete_read,
	.write	= complete_write,
};

static int __init complete_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&number, 0, 1, "complete");
	if (ret)
		goto say_why;
	ret = -ENOMEM;
	cdev = cdev_alloc();
	if (!cdev)
		goto unregister_number;
	cdev->ops = &complete_fops;
	cdev->owner = THIS_MODULE;
	ret = cdev_add(cdev, number, 1);
	if (ret)
		goto put_cdev;
	pr_info("length=%zu\n", strlen(text));
	return 0;

put_cdev:
	cdev_del(cdev);
unregister_number:
	unregister_chrdev_region(number, 1);
say_why:
	pr_err("not loaded: error %d\n", ret);
	return ret;
}

/* Nobody sleeps here any more: whoever reads has the file open, which keeps the module. */
static void __exit complete_exit(void)
{
	cdev_del(cdev);
	unregister_chrdev_region(number, 1);
}

module_init(complete_init);
module_exit(complete_exit);
MODULE_DESCRIPTION("Lab: a reader that sleeps until somebody writes");
MODULE_LICENSE("GPL");
