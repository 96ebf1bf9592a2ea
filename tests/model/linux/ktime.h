/* SPDX-License-Identifier: GPL-2.0 */
/* Times, which nobody here looks at. */
#ifndef _MODEL_LINUX_KTIME_H
#define _MODEL_LINUX_KTIME_H

#include <linux/types.h>

typedef s64 ktime_t;

#endif
