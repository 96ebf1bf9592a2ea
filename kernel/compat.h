/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between kernel versions. The only place that asks for one. */
#ifndef _STACQ_COMPAT_H
#define _STACQ_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#error "stacq needs Linux 5.10 or newer; it is tested on those in README.md"
#endif

/* 5.16: kvmalloc() and kvfree() are in slab.h. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0)
#include <linux/mm.h>
#endif

/*
 * 5.13: a cache of slabs debugs what its flags say. Before, without slub_debug on
 * the kernel's command line, it does so by halves, and then takes itself for corrupt.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 13, 0)
#define stacq_slab_debug(flags)	(flags)
#else
#define stacq_slab_debug(flags)	0
#endif

/* 6.17: the work queue has a new name, and the old one makes a line in the log. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define stacq_wq	system_percpu_wq
#else
#define stacq_wq	system_wq
#endif

/* 6.10: the source of a trace string is given once, in its declaration. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define stacq_assign_str(dst, src)	__assign_str(dst)
#else
#define stacq_assign_str(dst, src)	__assign_str(dst, src)
#endif

/* 6.8: an eventfd is signalled once a call. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define stacq_eventfd_signal(ctx)	eventfd_signal(ctx)
#else
#define stacq_eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#endif

/* 6.2: names and owners of nodes are asked of a const device. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define STACQ_DEVNODE_CONST	const
#else
#define STACQ_DEVNODE_CONST
#endif

/* 6.4: a class knows its module from elsewhere. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define stacq_class_create(name)	class_create(name)
#else
#define stacq_class_create(name)	class_create(THIS_MODULE, name)
#endif

/*
 * 6.5: splicing out of a file reads into pages that are there. Before, the
 * iterator allocates them while it is copied to.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define stacq_splice_read_iter		copy_splice_read
#define stacq_iter_may_sleep(iter)	false
#else
#define stacq_splice_read_iter		generic_file_splice_read
#define stacq_iter_may_sleep(iter)	iov_iter_is_pipe(iter)
#endif

#endif /* _STACQ_COMPAT_H */
