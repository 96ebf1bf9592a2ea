/* SPDX-License-Identifier: GPL-2.0 */
/* The container, compiled with the test so that everything in it can be seen. */
#ifndef _MODEL_CONTAINER_H
#define _MODEL_CONTAINER_H

#define KBUILD_MODNAME	"stacq"
#define STACQ_NO_TRACE
#define STACQ_DEBUG	1

#include "../../kernel/core/clock.c"
#include "../../kernel/core/store.c"
#include "../../kernel/core/queue.c"
#include "../../kernel/core/returned.c"
#include "../../kernel/core/order.c"
#include "../../kernel/core/room.c"
#include "../../kernel/core/level.c"
#include "../../kernel/delivery/lease.c"
#include "../../kernel/core/note.c"
#include "../../kernel/delivery/dead.c"
#include "../../kernel/delivery/delivery.c"
#include "../../kernel/delivery/wait.c"
#include "../../kernel/io/inspect.c"

/* There is one queue here, and nothing goes to another. */
int stacq_hand_over(struct stacq_queue *to, struct stacq_msg *m, bool wait,
		    const struct stacq_attr *attr)
{
	return -EIDRM;
}

#endif
