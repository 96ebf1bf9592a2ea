/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MODEL_LINUX_KREF_H
#define _MODEL_LINUX_KREF_H

#include <linux/kernel.h>

struct kref {
	int count;
};

static inline void kref_init(struct kref *ref)
{
	ref->count = 1;
}

static inline void kref_get(struct kref *ref)
{
	must(ref->count > 0);
	ref->count++;
}

static inline void kref_put(struct kref *ref, void (*release)(struct kref *ref))
{
	must(ref->count > 0);
	if (!--ref->count)
		release(ref);
}

#endif
