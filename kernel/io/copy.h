/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kinds of memory that messages come from and go to. For each a function copies
 * @len bytes, all or nothing, and says whether it could; with page faults
 * disabled it could not if the memory faults. Its first argument is where to and
 * its second where from: an address, or the iterator, which advances.
 *
 * They are inline, so that what is written once for all kinds, and compiled for
 * each, calls nothing through a pointer.
 */
#ifndef _STACQ_COPY_H
#define _STACQ_COPY_H

#include <linux/fault-inject-usercopy.h>
#include <linux/instrumented.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "core/store.h"

/* Up to here a copy takes less time than taking the lock once more. */
#define STACQ_COPY_LOCKED	4096
/* Up to here a copy by words takes less time than calling a function. */
#define STACQ_COPY_WORDS	STACQ_INLINE_SIZE

typedef bool (*stacq_copy_fn)(void *to, const void *from, size_t len);

bool stacq_pieces_from_user(void *to, const char __user *from, size_t len);
bool stacq_pieces_to_user(char __user *to, const void *from, size_t len);

/* What is mostly sent takes a third of the instructions without a loop. */
#define STACQ_COPY_UNROLLED	64

/* That many bytes, in the window that user_read_access_begin() opens. */
static __always_inline bool stacq_get_unrolled(u64 *to, const u64 __user *from)
{
	unsafe_get_user(to[0], from + 0, fault);
	unsafe_get_user(to[1], from + 1, fault);
	unsafe_get_user(to[2], from + 2, fault);
	unsafe_get_user(to[3], from + 3, fault);
	unsafe_get_user(to[4], from + 4, fault);
	unsafe_get_user(to[5], from + 5, fault);
	unsafe_get_user(to[6], from + 6, fault);
	unsafe_get_user(to[7], from + 7, fault);
	return true;
fault:
	return false;
}

/* That many bytes, in the window that user_write_access_begin() opens. */
static __always_inline bool stacq_put_unrolled(u64 __user *to, const u64 *from)
{
	unsafe_put_user(from[0], to + 0, fault);
	unsafe_put_user(from[1], to + 1, fault);
	unsafe_put_user(from[2], to + 2, fault);
	unsafe_put_user(from[3], to + 3, fault);
	unsafe_put_user(from[4], to + 4, fault);
	unsafe_put_user(from[5], to + 5, fault);
	unsafe_put_user(from[6], to + 6, fault);
	unsafe_put_user(from[7], to + 7, fault);
	return true;
fault:
	return false;
}

static __always_inline bool stacq_words_from_user(void *to,
						  const char __user *from,
						  size_t len)
{
	might_fault();
	if (should_fail_usercopy() || !user_read_access_begin(from, len))
		return false;
	if (len == STACQ_COPY_UNROLLED) {
		if (!stacq_get_unrolled(to, (const u64 __user *)from))
			goto fault;
		len = 0;
	}
	for (; len >= 8; len -= 8, to += 8, from += 8)
		unsafe_get_user(*(u64 *)to, (const u64 __user *)from, fault);
	for (; len; len--, to++, from++)
		unsafe_get_user(*(u8 *)to, (const u8 __user *)from, fault);
	user_read_access_end();
	return true;
fault:
	user_read_access_end();
	return false;
}

static __always_inline bool stacq_words_to_user(char __user *to,
						const void *from, size_t len)
{
	might_fault();
	if (should_fail_usercopy())
		return false;
	instrument_copy_to_user(to, from, len);
	if (!user_write_access_begin(to, len))
		return false;
	if (len == STACQ_COPY_UNROLLED) {
		if (!stacq_put_unrolled((u64 __user *)to, from))
			goto fault;
		len = 0;
	}
	for (; len >= 8; len -= 8, to += 8, from += 8)
		unsafe_put_user(*(const u64 *)from, (u64 __user *)to, fault);
	for (; len; len--, to++, from++)
		unsafe_put_user(*(const u8 *)from, (u8 __user *)to, fault);
	user_write_access_end();
	return true;
fault:
	user_write_access_end();
	return false;
}

/* Is it worth a way of our own? Words may lie anywhere. */
static __always_inline bool stacq_copy_short(size_t len)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	       len <= STACQ_COPY_LOCKED;
}

static __always_inline bool stacq_from_user(void *to, const void *from,
					    size_t len)
{
	const char __user *user = (const char __user __force *)from;

	if (unlikely(!stacq_copy_short(len)))
		return !copy_from_user(to, user, len);
	return len <= STACQ_COPY_WORDS ? stacq_words_from_user(to, user, len) :
					 stacq_pieces_from_user(to, user, len);
}

static __always_inline bool stacq_to_user(void *to, const void *from,
					  size_t len)
{
	char __user *user = (char __user __force *)to;

	if (unlikely(!stacq_copy_short(len)))
		return !copy_to_user(user, from, len);
	return len <= STACQ_COPY_WORDS ? stacq_words_to_user(user, from, len) :
					 stacq_pieces_to_user(user, from, len);
}

/* For where time does not matter: if it can't be copied, mostly nothing was. */
static __always_inline bool stacq_to_user_whole(void *to, const void *from,
						size_t len)
{
	return !copy_to_user((char __user __force *)to, from, len);
}

static __always_inline bool stacq_from_iter(void *to, const void *from,
					    size_t len)
{
	return copy_from_iter_full(to, len, (struct iov_iter *)from);
}

static __always_inline bool stacq_to_iter(void *to, const void *from,
					  size_t len)
{
	size_t done = copy_to_iter(from, len, to);

	if (likely(done == len))
		return true;
	iov_iter_revert(to, done);
	return false;
}

static __always_inline bool stacq_from_kernel(void *to, const void *from,
					      size_t len)
{
	memcpy(to, from, len);
	return true;
}

static __always_inline bool stacq_to_kernel(void *to, const void *from,
					    size_t len)
{
	memcpy(to, from, len);
	return true;
}

#endif /* _STACQ_COPY_H */
