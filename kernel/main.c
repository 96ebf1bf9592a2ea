// SPDX-License-Identifier: GPL-2.0
/* stacq: message stacks and queues as files. Init and exit, nothing else. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>

#include "iface/chardev.h"
#include "iface/control.h"
#include "iface/proc.h"
#include "iface/registry.h"

static int __init stacq_init(void)
{
	int ret;

	ret = stacq_chardev_init();
	if (ret)
		goto fail;
	ret = stacq_registry_create_listed();
	if (ret)
		goto clear_registry;
	ret = stacq_proc_init();
	if (ret)
		goto clear_registry;
	ret = stacq_control_init();
	if (ret)
		goto exit_proc;
	return 0;

exit_proc:
	stacq_proc_exit();
clear_registry:
	stacq_registry_clear();
	stacq_chardev_exit();
fail:
	return ret;
}

static void __exit stacq_exit(void)
{
	u64 msgs;

	stacq_control_exit();
	stacq_proc_exit();
	msgs = stacq_registry_clear();
	stacq_chardev_exit();
	pr_info("unloaded, %llu messages discarded\n", msgs);
}

module_init(stacq_init);
module_exit(stacq_exit);

MODULE_DESCRIPTION("Message stacks and queues as files");
MODULE_AUTHOR("The stacq developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(STACQ_VERSION);
