// SPDX-License-Identifier: GPL-2.0
/*
 * The door /dev/stacq/NAME: open, read, write, poll; and the device itself.
 *
 * An open file is a struct stacq_reader. It holds the queue; the queue's
 * device does not hold files, it only leads new ones to the queue.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/uio.h>

#include "iface/chardev.h"
#include "compat.h"
#include "iface/notice.h"
#include "core/queue.h"
#include "iface/registry.h"
#include "io/transfer.h"

static dev_t first_devt;
static struct cdev *stacq_cdev;
static struct class *stacq_class;

/* Devices not released yet, which may be a while after they were removed. */
static atomic_t nr_devices;
static DECLARE_WAIT_QUEUE_HEAD(devices_gone);

static int stacq_open(struct inode *inode, struct file *file)
{
	struct stacq_reader *r = kmalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	struct stacq_queue *q;

	if (!r)
		return -ENOMEM;
	q = stacq_registry_find_minor(iminor(inode));
	if (!q) {
		kfree(r);
		return -ENXIO;
	}
	stacq_reader_init(r, q);
	file->private_data = r;
	/* Calls without waiting can be told so one by one, by io_uring. */
	file->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, file);
}

static int stacq_release(struct inode *inode, struct file *file)
{
	struct stacq_reader *r = file->private_data;

	stacq_notices_end(r);
	stacq_reader_end(r);
	stacq_queue_put(r->q);
	kfree(r);
	return 0;
}

static unsigned int file_flags(const struct file *file)
{
	return file->f_flags & STACQ_XFER_NOWAIT;
}

static unsigned int kiocb_flags(const struct kiocb *iocb)
{
	return iocb->ki_flags & IOCB_NOWAIT ? STACQ_XFER_NOWAIT :
					      file_flags(iocb->ki_filp);
}

/*
 * The plain calls stand beside those with an iterator because setting one up
 * takes a tenth of a short message's time.
 */
static ssize_t stacq_read(struct file *file, char __user *buf, size_t len,
			  loff_t *pos)
{
	struct stacq_reader *r = file->private_data;

	unsigned int mode = READ_ONCE(r->mode);

	if (likely(!mode))
		return stacq_receive_user(r, buf, len, file_flags(file));
	if (mode & STACQ_READER_TIMED)
		return stacq_receive_timed_user(r, buf, len, file_flags(file));
	if (mode & STACQ_MODE_FRAMED)
		return stacq_receive_frames_user(r, buf, len, file_flags(file));
	if (mode & STACQ_MODE_LEASE)
		return stacq_lease_user(r, buf, len, file_flags(file));
	return stacq_receive_user(r, buf, len, file_flags(file));
}

static ssize_t stacq_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct stacq_reader *r = file->private_data;

	unsigned int mode = READ_ONCE(r->mode);

	if (likely(!mode))
		return stacq_send_user(r->q, buf, len, file_flags(file));
	if (mode & STACQ_READER_TIMED)
		return stacq_send_timed_user(r, buf, len, file_flags(file));
	if (mode & STACQ_MODE_FRAMED)
		return stacq_send_frames_user(r->q, buf, len, file_flags(file));
	return stacq_send_user_priority(r->q, buf, len, READ_ONCE(r->priority),
					file_flags(file));
}

static ssize_t stacq_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct stacq_reader *r = iocb->ki_filp->private_data;

	unsigned int mode = READ_ONCE(r->mode);

	if (mode & STACQ_READER_TIMED)
		return stacq_receive_timed_iter(r, to, kiocb_flags(iocb));
	if (mode & STACQ_MODE_FRAMED)
		return stacq_receive_frames_iter(r, to, kiocb_flags(iocb));
	if (mode & STACQ_MODE_LEASE)
		return stacq_lease_iter(r, to, kiocb_flags(iocb));
	return stacq_receive_iter(r, to, kiocb_flags(iocb));
}

static ssize_t stacq_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct stacq_reader *r = iocb->ki_filp->private_data;

	unsigned int mode = READ_ONCE(r->mode);

	if (mode & STACQ_READER_TIMED)
		return stacq_send_timed_iter(r, from, kiocb_flags(iocb));
	if (mode & STACQ_MODE_FRAMED)
		return stacq_send_frames_iter(r->q, from, kiocb_flags(iocb));
	return stacq_send_iter(r->q, from, READ_ONCE(r->priority),
			       kiocb_flags(iocb));
}

/* Splicing does not keep where a message ends, so frames have to say it. */
static ssize_t stacq_splice_read(struct file *file, loff_t *pos,
				 struct pipe_inode_info *pipe, size_t len,
				 unsigned int flags)
{
	struct stacq_reader *r = file->private_data;

	if (!(READ_ONCE(r->mode) & STACQ_MODE_FRAMED))
		return -EINVAL;
	return stacq_splice_read_iter(file, pos, pipe, len, flags);
}

static ssize_t stacq_splice_write(struct pipe_inode_info *pipe,
				  struct file *file, loff_t *pos, size_t len,
				  unsigned int flags)
{
	struct stacq_reader *r = file->private_data;

	if (!(READ_ONCE(r->mode) & STACQ_MODE_FRAMED))
		return -EINVAL;
	return iter_file_splice_write(pipe, file, pos, len, flags);
}

/**
 * stacq_poll_reader() - poll for a door
 * @file: the open file
 * @r: its reader
 * @wait: from the caller of poll
 *
 * Return: the events, as docs/abi.md says.
 */
__poll_t stacq_poll_reader(struct file *file, struct stacq_reader *r,
			   poll_table *wait)
{
	struct stacq_queue *q = r->q;
	__poll_t events = 0;

	if (file->f_mode & FMODE_READ)
		poll_wait(file, &q->read_wait, wait);
	if (file->f_mode & FMODE_WRITE)
		poll_wait(file, &q->write_wait, wait);

	stacq_lock(q);
	if (file->f_mode & FMODE_READ && (r->msg || __stacq_readable(q, &r->holder)))
		events |= EPOLLIN | EPOLLRDNORM;
	if (file->f_mode & FMODE_WRITE && __stacq_writable(q))
		events |= EPOLLOUT | EPOLLWRNORM;
	if (__stacq_ended(q) && __stacq_drained(q))
		events |= EPOLLHUP;
	if (q->special & STACQ_ENDED_REMOVED)
		events |= EPOLLHUP | EPOLLERR;
	stacq_unlock(q);
	return events;
}

static __poll_t stacq_poll(struct file *file, poll_table *wait)
{
	return stacq_poll_reader(file, file->private_data, wait);
}

static const struct file_operations stacq_fops = {
	.owner		= THIS_MODULE,
	.open		= stacq_open,
	.release	= stacq_release,
	.read		= stacq_read,
	.write		= stacq_write,
	.read_iter	= stacq_read_iter,
	.write_iter	= stacq_write_iter,
	.splice_read	= stacq_splice_read,
	.splice_write	= stacq_splice_write,
	.poll		= stacq_poll,
	.unlocked_ioctl	= stacq_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

/**
 * stacq_file_queue() - the queue of an open file
 * @file: any file
 *
 * Return: the queue, as long as the file is held; NULL if it is no queue's.
 */
struct stacq_queue *stacq_file_queue(const struct file *file)
{
	const struct stacq_reader *r = file->private_data;

	return file->f_op == &stacq_fops ? r->q : NULL;
}

/* Attributes in sysfs belong to the owner of the queue. */
static void stacq_ownership(STACQ_DEVNODE_CONST struct device *dev, kuid_t *uid,
			    kgid_t *gid)
{
	struct stacq_queue *q = dev_get_drvdata(dev);

	*uid = q->node.uid;
	*gid = q->node.gid;
}

static char *stacq_devnode(STACQ_DEVNODE_CONST struct device *dev, umode_t *mode,
			   kuid_t *uid, kgid_t *gid)
{
	struct stacq_queue *q = dev_get_drvdata(dev);

	/* Only asked for when the node is made. */
	if (mode)
		/* Without the type, 0 would stand for a default. */
		*mode = S_IFCHR | q->node.mode;
	if (uid)
		*uid = q->node.uid;
	if (gid)
		*gid = q->node.gid;
	/*
	 * Without a name from here the node would be /dev/NAME, and one in
	 * /dev/stacq would outlive its queue: nobody looks at an error.
	 */
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, "stacq/%s", dev_name(dev));
}

static const struct device_type stacq_device_type = {
	.name		= "queue",
	.devnode	= stacq_devnode,
};

static void stacq_device_release(struct device *dev)
{
	kfree(dev);
	if (atomic_dec_and_test(&nr_devices))
		wake_up(&devices_gone);
}

/**
 * stacq_device_add() - make the device of a queue
 * @q: the queue, with its minor number, owner, group and mode set
 *
 * Context: Sleeps.
 * Return: 0 or a negative error.
 */
int stacq_device_add(struct stacq_queue *q)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!dev)
		return -ENOMEM;
	atomic_inc(&nr_devices);
	device_initialize(dev);
	dev->class = stacq_class;
	dev->type = &stacq_device_type;
	dev->groups = stacq_groups;
	dev->devt = MKDEV(MAJOR(first_devt), q->node.minor);
	dev->release = stacq_device_release;
	dev_set_drvdata(dev, q);
	ret = dev_set_name(dev, "%s", q->name);
	if (!ret)
		ret = device_add(dev);
	if (ret) {
		put_device(dev);
		return ret;
	}
	q->node.dev = dev;
	return 0;
}

/**
 * stacq_device_del() - remove the device of a queue
 * @q: the queue
 *
 * Its node and attributes are gone on return, and nobody is in the latter.
 *
 * Context: Sleeps.
 */
void stacq_device_del(struct stacq_queue *q)
{
	device_unregister(q->node.dev);
	q->node.dev = NULL;
}

/**
 * stacq_chardev_init() - get ready for devices of queues
 *
 * Context: Sleeps.
 * Return: 0 or a negative error.
 */
int stacq_chardev_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&first_devt, 0, MINORMASK + 1, "stacq");
	if (ret)
		return ret;
	stacq_class = stacq_class_create("stacq");
	if (IS_ERR(stacq_class)) {
		ret = PTR_ERR(stacq_class);
		goto unregister_region;
	}
	stacq_class->get_ownership = stacq_ownership;
	ret = -ENOMEM;
	stacq_cdev = cdev_alloc();
	if (!stacq_cdev)
		goto destroy_class;
	stacq_cdev->ops = &stacq_fops;
	stacq_cdev->owner = THIS_MODULE;
	ret = cdev_add(stacq_cdev, first_devt, MINORMASK + 1);
	if (ret)
		goto put_cdev;
	return 0;

put_cdev:
	kobject_put(&stacq_cdev->kobj);
destroy_class:
	class_destroy(stacq_class);
unregister_region:
	unregister_chrdev_region(first_devt, MINORMASK + 1);
	return ret;
}

/**
 * stacq_chardev_exit() - undo stacq_chardev_init()
 *
 * Context: Sleeps. No device of a queue is left.
 */
void stacq_chardev_exit(void)
{
	/* stacq_device_release() is in this module. */
	wait_event(devices_gone, !atomic_read(&nr_devices));
	cdev_del(stacq_cdev);
	class_destroy(stacq_class);
	unregister_chrdev_region(first_devt, MINORMASK + 1);
}
