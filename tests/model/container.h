/* SPDX-License-Identifier: GPL-2.0 */
/* The container, compiled with the test so that everything in it can be seen. */
#ifndef _MODEL_CONTAINER_H
#define _MODEL_CONTAINER_H

#define KBUILD_MODNAME	"stacq"
#define STACQ_NO_TRACE

#include "../../kernel/store.c"
#include "../../kernel/queue.c"
#include "../../kernel/level.c"
#include "../../kernel/lease.c"
#include "../../kernel/wait.c"
#include "../../kernel/inspect.c"

#endif
