// SPDX-License-Identifier: GPL-2.0
/*
 * Copies of up to some kilobytes from and to user memory.
 *
 * With CONFIG_HARDENED_USERCOPY, copy_from_user() searches for the object that
 * the bytes are in, unless the compiler knows how many they are: that takes
 * longer than copying a few hundred. So they are copied in pieces of a few known
 * sizes, and the rest word by word. That they fit is known to our callers: room
 * is cut to the length of the message.
 */
#include <linux/sizes.h>

#include "io/copy.h"

/**
 * stacq_pieces_from_user() - copy from user memory, up to STACQ_COPY_LOCKED bytes
 * @to: where to
 * @from: where from
 * @len: how many bytes, at least 1
 *
 * Context: May sleep, unless page faults are disabled.
 * Return: false if some of them could not be copied.
 */
bool stacq_pieces_from_user(void *to, const char __user *from, size_t len)
{
	unsigned long left;
	size_t n;

	do {
		if (len >= SZ_4K) {
			n = SZ_4K;
			left = copy_from_user(to, from, SZ_4K);
		} else if (len >= SZ_1K) {
			n = SZ_1K;
			left = copy_from_user(to, from, SZ_1K);
		} else if (len >= SZ_256) {
			n = SZ_256;
			left = copy_from_user(to, from, SZ_256);
		} else if (len >= SZ_64) {
			n = SZ_64;
			left = copy_from_user(to, from, SZ_64);
		} else {
			return stacq_words_from_user(to, from, len);
		}
		if (unlikely(left))
			return false;
		to += n;
		from += n;
		len -= n;
	} while (len);
	return true;
}

/**
 * stacq_pieces_to_user() - copy to user memory, up to STACQ_COPY_LOCKED bytes
 * @to: where to
 * @from: where from
 * @len: how many bytes, at least 1
 *
 * Context: May sleep, unless page faults are disabled.
 * Return: false if some of them could not be copied.
 */
bool stacq_pieces_to_user(char __user *to, const void *from, size_t len)
{
	unsigned long left;
	size_t n;

	do {
		if (len >= SZ_4K) {
			n = SZ_4K;
			left = copy_to_user(to, from, SZ_4K);
		} else if (len >= SZ_1K) {
			n = SZ_1K;
			left = copy_to_user(to, from, SZ_1K);
		} else if (len >= SZ_256) {
			n = SZ_256;
			left = copy_to_user(to, from, SZ_256);
		} else if (len >= SZ_64) {
			n = SZ_64;
			left = copy_to_user(to, from, SZ_64);
		} else {
			return stacq_words_to_user(to, from, len);
		}
		if (unlikely(left))
			return false;
		to += n;
		from += n;
		len -= n;
	} while (len);
	return true;
}
