/* SPDX-License-Identifier: GPL-2.0 */
/* What /dev/floor can be asked for. */
#ifndef STACQ_BENCH_FLOOR_H
#define STACQ_BENCH_FLOOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Pieces in which stacq allocates room: see kernel/core/store.h. */
#define FLOOR_PIECE	32768

/*
 * Allocate so many bytes in pieces, as a queue does when it grows, and free
 * them again. Returns in the same place the ticks that the allocations took.
 */
#define FLOOR_ALLOCATE	_IOWR('F', 1, __u64)

#endif
