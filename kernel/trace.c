// SPDX-License-Identifier: GPL-2.0
/* Where the tracepoints are defined that trace.h declares. */
#define CREATE_TRACE_POINTS
#include "trace.h"
