/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the unit tests share. */
#ifndef STACQ_UNIT_H
#define STACQ_UNIT_H

#include <stdbool.h>

/* A line of TAP. */
void ok(bool good, const char *what);
/* unit_top.c */
void test_top(void);

#endif /* STACQ_UNIT_H */
