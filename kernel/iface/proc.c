// SPDX-License-Identifier: GPL-2.0
/*
 * The door /proc/msg_queue onto an ordinary queue of that name: each open file
 * receives one message at most and never waits for one, so that cat prints one
 * and ends.
 *
 * The kernel releases open files of /proc when their entry is removed, though
 * pollers may still be in the wait queues of what they lead to, and lets the
 * removal wait for calls on them. So an open file has operations of its own, and
 * goes when it is closed; it leads to /proc only for being opened.
 *
 * Locking: door_mutex guards the entry. stacq_door.mutex is taken before the
 * reader's, which is only tried here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

#include "iface/chardev.h"
#include "iface/limits.h"
#include "iface/proc.h"
#include "core/queue.h"
#include "iface/registry.h"
#include "io/transfer.h"

static char *procfs_name = "msg_queue";
module_param(procfs_name, charp, 0444);
MODULE_PARM_DESC(procfs_name,
		 "Name of the queue in /proc; empty for none (default msg_queue)");

static ushort procfs_mode = 0660;
module_param(procfs_mode, ushort, 0444);
MODULE_PARM_DESC(procfs_mode, "Mode of the queue in /proc (default 0660)");

static unsigned long procfs_max_msg = 1024;
module_param(procfs_max_msg, ulong, 0444);
MODULE_PARM_DESC(procfs_max_msg,
		 "Longest message of the queue in /proc, in bytes; 0 no limit (default 1024)");

static DEFINE_MUTEX(door_mutex);
static struct proc_dir_entry *door_entry;

/**
 * struct stacq_door - an open file
 * @reader: its reading, which holds the queue
 * @mutex: keeps readers of the same open file apart
 * @done: it has had its message; guarded by @mutex
 */
struct stacq_door {
	struct stacq_reader reader;
	struct mutex mutex;	/* one reader of this open file at a time */
	bool done;
};

static int door_release(struct inode *inode, struct file *file)
{
	struct stacq_door *d = file->private_data;

	stacq_reader_end(&d->reader);
	stacq_queue_put(d->reader.q);
	mutex_destroy(&d->mutex);
	kfree(d);
	return 0;
}

static ssize_t door_read(struct file *file, char __user *buf, size_t len,
			 loff_t *pos)
{
	struct stacq_door *d = file->private_data;
	ssize_t ret = 0;

	if (mutex_lock_interruptible(&d->mutex))
		return -ERESTARTSYS;
	if (!d->done)
		ret = stacq_receive_user(&d->reader, buf, len,
					 STACQ_XFER_NOWAIT);
	if (ret == -EAGAIN)
		ret = 0;
	else if (ret > 0)
		WRITE_ONCE(d->done, stacq_reader_idle(&d->reader));
	mutex_unlock(&d->mutex);
	return ret;
}

static ssize_t door_write(struct file *file, const char __user *buf, size_t len,
			  loff_t *pos)
{
	struct stacq_door *d = file->private_data;

	return stacq_send_user(d->reader.q, buf, len,
			       file->f_flags & O_NONBLOCK ? STACQ_XFER_NOWAIT : 0);
}

static __poll_t door_poll(struct file *file, poll_table *wait)
{
	struct stacq_door *d = file->private_data;
	__poll_t events = stacq_poll_reader(file, &d->reader, wait);

	/* Then a read says end of file. */
	if (READ_ONCE(d->done) && file->f_mode & FMODE_READ)
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static const struct file_operations door_fops = {
	.owner		= THIS_MODULE,
	.release	= door_release,
	.read		= door_read,
	.write		= door_write,
	.poll		= door_poll,
};

static int door_open(struct inode *inode, struct file *file)
{
	struct stacq_door *d;
	struct stacq_queue *q;
	int ret = -ENOMEM;

	/* An entry of /proc does not hold its module. */
	if (!try_module_get(THIS_MODULE))
		return -ENXIO;
	d = kmalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		goto put_module;
	ret = -ENXIO;
	q = stacq_registry_find(procfs_name);
	if (!q)
		goto free_door;
	stacq_reader_init(&d->reader, q);
	mutex_init(&d->mutex);
	d->done = false;
	file->private_data = d;
	/* These put the module when the file is closed. */
	replace_fops(file, &door_fops);
	return stream_open(inode, file);

free_door:
	kfree(d);
put_module:
	module_put(THIS_MODULE);
	return ret;
}

static const struct proc_ops door_ops = {
	.proc_open	= door_open,
};

/* Names of processes, and what /proc has already, are not for us. */
static int check_name(void)
{
	struct path path;
	unsigned int pid;
	char *full;
	int ret;

	if (!stacq_name_valid(procfs_name) || !kstrtouint(procfs_name, 10, &pid))
		return -EINVAL;
	full = kasprintf(GFP_KERNEL, "/proc/%s", procfs_name);
	if (!full)
		return -ENOMEM;
	ret = kern_path(full, 0, &path);
	kfree(full);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	path_put(&path);
	return -EEXIST;
}

/**
 * stacq_proc_init() - make the queue in /proc, if wanted
 *
 * Context: Sleeps.
 * Return: 0 or a negative error, with a line in the log.
 */
int stacq_proc_init(void)
{
	struct stacq_spec spec = {
		.name = procfs_name,
		.limits = { STACQ_UNCHANGED, STACQ_UNCHANGED, procfs_max_msg },
		.uid = GLOBAL_ROOT_UID,
		.gid = GLOBAL_ROOT_GID,
		.mode = procfs_mode,
	};
	struct proc_dir_entry *entry;
	int ret;

	if (!*procfs_name)
		return 0;
	ret = check_name();
	if (!ret && procfs_mode & ~0777)
		ret = -EINVAL;
	stacq_limits_default(&spec.limits);
	if (!ret)
		ret = stacq_registry_create(&spec);
	if (ret)
		goto fail;
	entry = proc_create(procfs_name, procfs_mode, NULL, &door_ops);
	if (!entry) {
		stacq_registry_remove(procfs_name);
		ret = -ENOMEM;
		goto fail;
	}
	mutex_lock(&door_mutex);
	door_entry = entry;
	mutex_unlock(&door_mutex);
	return 0;

fail:
	pr_err("can't make /proc/%s with mode %#o: error %d; see procfs_name and procfs_mode\n",
	       procfs_name, procfs_mode, ret);
	return ret;
}

/**
 * stacq_proc_exit() - remove the file in /proc, if it is there
 *
 * Its queue, if it is still there, stays, and so do open files.
 *
 * Context: Sleeps.
 */
void stacq_proc_exit(void)
{
	struct proc_dir_entry *entry;

	mutex_lock(&door_mutex);
	entry = door_entry;
	door_entry = NULL;
	mutex_unlock(&door_mutex);
	proc_remove(entry);
}

/**
 * stacq_proc_forget() - a queue was removed: remove its door
 * @name: name of the queue
 *
 * Context: Sleeps.
 */
void stacq_proc_forget(const char *name)
{
	if (!strcmp(name, procfs_name))
		stacq_proc_exit();
}
