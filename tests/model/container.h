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
#include "../../kernel/note.c"
#include "../../kernel/dead.c"
#include "../../kernel/delivery.c"
#include "../../kernel/wait.c"
#include "../../kernel/inspect.c"

/* There is one queue here, and nothing goes to another. */
int stacq_hand_over(struct stacq_queue *to, struct stacq_msg *m, bool wait,
		    const struct stacq_attr *attr)
{
	return -EIDRM;
}

#endif
