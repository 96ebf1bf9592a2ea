/* SPDX-License-Identifier: GPL-2.0 */
/* Memory: counted, charged, failing when told to. Implemented in standin.c. */
#ifndef _MODEL_LINUX_SLAB_H
#define _MODEL_LINUX_SLAB_H

#include <linux/kernel.h>

#define __GFP_DIRECT_RECLAIM	0x1u
#define __GFP_ACCOUNT		0x2u
#define __GFP_NOWARN		0x4u
#define __GFP_NORETRY		0x8u
#define __GFP_RETRY_MAYFAIL	0x10u
#define GFP_KERNEL		(0x20u | __GFP_DIRECT_RECLAIM)
#define GFP_KERNEL_ACCOUNT	(GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_NOWAIT		0x40u

static inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return gfp & __GFP_DIRECT_RECLAIM;
}

void *kmalloc(size_t size, gfp_t gfp);
void *kzalloc(size_t size, gfp_t gfp);
void *kvmalloc(size_t size, gfp_t gfp);
void *__vmalloc(size_t size, gfp_t gfp);
void kfree(void *p);
void kvfree(void *p);
long si_mem_available(void);

#endif
