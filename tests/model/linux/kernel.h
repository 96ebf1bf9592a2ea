/* SPDX-License-Identifier: GPL-2.0 */
/* What is left when everything that has a header of its own is taken away. */
#ifndef _MODEL_LINUX_KERNEL_H
#define _MODEL_LINUX_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <linux/types.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../standin.h"

#define U8_MAX		UINT8_MAX
#define U32_MAX		UINT32_MAX
#define U64_MAX		((u64)~0ULL)
#define SZ_1M		0x100000
#define PAGE_SHIFT	12
#ifndef PAGE_SIZE
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#endif
#define MAX_RW_COUNT	(INT_MAX & ~4095)
#define ERESTARTSYS	512

#define __user
#define __force
#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define READ_ONCE(x)	(*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define BIT(n)		(1UL << (n))
#define swap(a, b)	do { typeof(a) a_ = (a); (a) = (b); (b) = a_; } while (0)
#define WARN_ON_ONCE(x)	({ bool x_ = (x); must(!x_); x_; })
#define BIT_ULL(n)	(1ULL << (n))
#define BUILD_BUG_ON(x)	_Static_assert(!(x), #x)
#define static_assert(x) _Static_assert(x, #x)

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define struct_size(ptr, member, n) \
	(sizeof(*(ptr)) + (size_t)(n) * sizeof(*(ptr)->member))

/* As strict about types as the kernel's. */
#define __lesser(a, b) ({			\
	typeof(a) _a = (a);			\
	typeof(b) _b = (b);			\
	(void)(&_a == &_b);			\
	_a < _b ? _a : _b; })
#define __greater(a, b) ({			\
	typeof(a) _g = (a);			\
	typeof(b) _h = (b);			\
	(void)(&_g == &_h);			\
	_g > _h ? _g : _h; })
#define min(a, b)	__lesser(a, b)
#define max(a, b)	__greater(a, b)
#define min_t(t, a, b)	__lesser((t)(a), (t)(b))
#define max_t(t, a, b)	__greater((t)(a), (t)(b))
#define min3(a, b, c)	({ typeof(a) _m = min(a, b); min(_m, c); })

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline int fls(unsigned int x)
{
	return fls64(x);
}

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

static inline u64 div_u64(u64 a, u32 b)
{
	return a / b;
}

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-4095;
}

static inline bool IS_ERR_OR_NULL(const void *p)
{
	return !p || IS_ERR(p);
}

static inline ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t len;

	for (len = 0; len < size - 1 && from[len]; len++)
		to[len] = from[len];
	to[len] = 0;
	return len;
}

/* Formats are checked, nothing is printed. */
#define pr_info(...)	do { if (0) printf(__VA_ARGS__); } while (0)
#define pr_debug(...)	pr_info(__VA_ARGS__)

#define module_param(name, type, mode)
#define MODULE_PARM_DESC(name, text)

#endif
