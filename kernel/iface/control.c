// SPDX-License-Identifier: GPL-2.0
/*
 * The door /dev/stacq/control: create and remove. Whoever may write the node
 * may do both.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uidgid.h>

#include "iface/control.h"
#include "iface/ioctl.h"
#include "iface/limits.h"
#include "iface/proc.h"
#include "core/queue.h"
#include "iface/registry.h"

static bool terminated(const char *name)
{
	return strnlen(name, STACQ_NAME_SIZE) < STACQ_NAME_SIZE;
}

/* Who may own the new node: whom the caller could give a file to. */
static int set_owner(struct stacq_spec *spec, u32 uid, u32 gid)
{
	spec->uid = current_fsuid();
	spec->gid = current_fsgid();
	if (uid != STACQ_CALLER)
		spec->uid = make_kuid(current_user_ns(), uid);
	if (gid != STACQ_CALLER)
		spec->gid = make_kgid(current_user_ns(), gid);
	if (!uid_valid(spec->uid) || !gid_valid(spec->gid))
		return -EINVAL;
	if (uid_eq(spec->uid, current_fsuid()) && in_group_p(spec->gid))
		return 0;
	return capable(CAP_CHOWN) ? 0 : -EPERM;
}

static int ioctl_create(unsigned int cmd, const void __user *arg)
{
	struct stacq_create c;
	struct stacq_spec spec;
	int ret;

	ret = stacq_args_in(&c, sizeof(c), STACQ_CREATE_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (c.flags || c.reserved || c.mode & ~0777U || !terminated(c.name))
		return -EINVAL;
	spec = (struct stacq_spec){
		.name = c.name,
		.order = c.order,
		.limits.max_msgs = c.max_msgs,
		.limits.max_bytes = c.max_bytes,
		.limits.max_msg_size = c.max_msg_size,
		.capacity = c.capacity,
		.mode = c.mode,
		.delivery = c.delivery,
	};
	stacq_limits_default(&spec.limits);
	ret = stacq_limits_may(NULL, &spec.limits) ?:
	      stacq_capacity_may(NULL, c.capacity) ?:
	      set_owner(&spec, c.uid, c.gid) ?:
	      stacq_dead_letter_get(&c.delivery, &spec.dead_letter) ?:
	      stacq_registry_create(&spec);
	if (spec.dead_letter)
		stacq_queue_put(spec.dead_letter);
	return ret;
}

static int ioctl_remove(unsigned int cmd, const void __user *arg)
{
	struct stacq_remove r;
	int ret;

	ret = stacq_args_in(&r, sizeof(r), STACQ_REMOVE_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (r.flags || r.reserved || !terminated(r.name) ||
	    !stacq_name_valid(r.name))
		return -EINVAL;
	ret = stacq_registry_remove(r.name);
	if (!ret)
		stacq_proc_forget(r.name);
	return ret;
}

static long control_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	const void __user *p = (const void __user *)arg;

	switch (STACQ_IOC_SIZELESS(cmd)) {
	case STACQ_IOC_SIZELESS(STACQ_IOC_CREATE):
		return file->f_mode & FMODE_WRITE ? ioctl_create(cmd, p) : -EBADF;
	case STACQ_IOC_SIZELESS(STACQ_IOC_REMOVE):
		return file->f_mode & FMODE_WRITE ? ioctl_remove(cmd, p) : -EBADF;
	}
	return -ENOTTY;
}

static const struct file_operations control_fops = {
	.owner		= THIS_MODULE,
	.open		= nonseekable_open,
	.unlocked_ioctl	= control_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice control = {
	.minor		= MISC_DYNAMIC_MINOR,
	.name		= "stacq-control",
	.nodename	= "stacq/control",
	.mode		= 0660,
	.fops		= &control_fops,
};

/**
 * stacq_control_init() - make the control node
 *
 * Context: Sleeps.
 * Return: 0 or a negative error.
 */
int stacq_control_init(void)
{
	return misc_register(&control);
}

/**
 * stacq_control_exit() - remove the control node
 *
 * Context: Sleeps.
 */
void stacq_control_exit(void)
{
	misc_deregister(&control);
}
