/* SPDX-License-Identifier: GPL-2.0 */
/* The queues there are, by name and by minor number, and their devices. */
#ifndef _STACQ_REGISTRY_H
#define _STACQ_REGISTRY_H

#include <linux/types.h>
#include <linux/uidgid.h>
#include <uapi/linux/stacq.h>

struct stacq_queue;

/**
 * struct stacq_spec - what a new queue shall be
 * @name: its name, checked by stacq_registry_create()
 * @order: STACQ_FIFO, STACQ_LIFO or STACQ_PRIORITY
 * @limits: its limits
 * @capacity: messages to make room for; 0 is 1
 * @uid: owner of its node
 * @gid: group of its node
 * @mode: permission bits of its node
 * @delivery: how its messages are delivered, checked by stacq_registry_create()
 * @dead_letter: its dead-letter queue, held; or NULL
 */
struct stacq_spec {
	const char *name;
	unsigned int order;
	struct stacq_limits limits;
	u64 capacity;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	struct stacq_delivery delivery;
	struct stacq_queue *dead_letter;
};

int stacq_registry_create(const struct stacq_spec *spec);
int stacq_registry_create_listed(void);
int stacq_registry_remove(const char *name);
u64 stacq_registry_clear(void);
struct stacq_queue *stacq_registry_find(const char *name);
struct stacq_queue *stacq_registry_find_minor(int minor);
bool stacq_name_valid(const char *name);

#endif /* _STACQ_REGISTRY_H */
