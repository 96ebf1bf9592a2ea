// SPDX-License-Identifier: GPL-2.0
/*
 * The queues there are.
 *
 * Locking: registry_mutex guards the table of names and the minor numbers, and
 * is held while a queue and its device come and go, so that whoever finds a
 * queue finds all of it. The registry holds one reference to each.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/stringhash.h>

#include "iface/chardev.h"
#include "iface/limits.h"
#include "core/queue.h"
#include "iface/registry.h"

static DEFINE_MUTEX(registry_mutex);
static DEFINE_HASHTABLE(names, 12);
static DEFINE_IDR(minors);
static unsigned int nr_queues;

static char *queues = "stack:lifo";
module_param(queues, charp, 0444);
MODULE_PARM_DESC(queues,
		 "Queues to make at load, NAME[:fifo|:lifo|:priority],... owner root, mode 0600, no limits (default stack:lifo)");

/**
 * stacq_name_valid() - is this a name for a queue?
 * @name: the name
 *
 * Return: true for 1 to 63 of letters, digits, '.', '_' and '-', not starting
 *	with '.' or '-'.
 */
bool stacq_name_valid(const char *name)
{
	size_t i;

	if (*name == '.' || *name == '-')
		return false;
	for (i = 0; name[i]; i++) {
		if (i == STACQ_NAME_SIZE - 1)
			return false;
		/* isalnum() of the kernel takes letters beyond ASCII as well. */
		if (!isascii(name[i]) ||
		    (!isalnum(name[i]) && !strchr("._-", name[i])))
			return false;
	}
	return i > 0;
}

static u32 name_hash(const char *name)
{
	return full_name_hash(NULL, name, strlen(name));
}

static struct stacq_queue *__find(const char *name)
{
	struct stacq_queue *q;

	lockdep_assert_held(&registry_mutex);
	hash_for_each_possible(names, q, node.hash, name_hash(name))
		if (!strcmp(q->name, name))
			return q;
	return NULL;
}

/**
 * stacq_registry_find() - find a queue by name
 * @name: its name
 *
 * Context: Sleeps.
 * Return: the queue, for the caller to stacq_queue_put(), or NULL.
 */
struct stacq_queue *stacq_registry_find(const char *name)
{
	struct stacq_queue *q;

	mutex_lock(&registry_mutex);
	q = __find(name);
	if (q)
		stacq_queue_get(q);
	mutex_unlock(&registry_mutex);
	return q;
}

/**
 * stacq_registry_find_minor() - find a queue by its device
 * @minor: the minor number
 *
 * Context: Sleeps.
 * Return: the queue, for the caller to stacq_queue_put(), or NULL.
 */
struct stacq_queue *stacq_registry_find_minor(int minor)
{
	struct stacq_queue *q;

	mutex_lock(&registry_mutex);
	q = idr_find(&minors, minor);
	if (q)
		stacq_queue_get(q);
	mutex_unlock(&registry_mutex);
	return q;
}

static int __create(const struct stacq_spec *spec)
{
	struct stacq_queue *q;
	int ret;

	lockdep_assert_held(&registry_mutex);
	/* The control node stands beside the queues'. */
	if (__find(spec->name) || !strcmp(spec->name, "control"))
		return -EEXIST;
	if (nr_queues >= stacq_max_queues())
		return -ENOSPC;

	q = stacq_queue_alloc(spec->name, spec->order, &spec->limits,
			      spec->capacity ?: 1);
	if (!q)
		return -ENOMEM;
	q->node.uid = spec->uid;
	q->node.gid = spec->gid;
	q->node.mode = spec->mode;
	ret = stacq_set_delivery(q, &spec->delivery, spec->dead_letter);
	if (ret)
		goto put_queue;
	ret = idr_alloc(&minors, q, 0, MINORMASK + 1, GFP_KERNEL);
	if (ret < 0)
		goto put_queue;
	q->node.minor = ret;
	ret = stacq_device_add(q);
	if (ret)
		goto remove_minor;
	hash_add(names, &q->node.hash, name_hash(q->name));
	nr_queues++;
	return 0;

remove_minor:
	idr_remove(&minors, q->node.minor);
put_queue:
	stacq_queue_put(q);
	return ret;
}

/**
 * stacq_registry_create() - make a queue and its device
 * @spec: what it shall be
 *
 * Context: Sleeps.
 * Return: 0; -EINVAL for a bad name, order, capacity or delivery; -EEXIST, -ENOSPC,
 *	-ENOMEM, -EINTR for a fatal signal.
 */
int stacq_registry_create(const struct stacq_spec *spec)
{
	int ret;

	if (!stacq_name_valid(spec->name) || spec->order > STACQ_PRIORITY ||
	    stacq_delivery_valid(&spec->delivery) ||
	    (spec->limits.max_msgs && spec->capacity > spec->limits.max_msgs))
		return -EINVAL;
	if (mutex_lock_killable(&registry_mutex))
		return -EINTR;
	ret = __create(spec);
	mutex_unlock(&registry_mutex);
	return ret;
}

static int create_listed(char *item)
{
	struct stacq_spec spec = {
		.uid = GLOBAL_ROOT_UID,
		.gid = GLOBAL_ROOT_GID,
		.mode = 0600,
	};
	char *order = item;

	spec.name = strsep(&order, ":");
	if (!order || !strcmp(order, "fifo"))
		spec.order = STACQ_FIFO;
	else if (!strcmp(order, "lifo"))
		spec.order = STACQ_LIFO;
	else if (!strcmp(order, "priority"))
		spec.order = STACQ_PRIORITY;
	else
		return -EINVAL;
	return stacq_registry_create(&spec);
}

/**
 * stacq_registry_create_listed() - make the queues of the parameter queues
 *
 * Context: Sleeps.
 * Return: 0 or a negative error, with a line in the log.
 */
int stacq_registry_create_listed(void)
{
	char *copy, *rest, *item;
	int ret = 0;

	copy = kstrdup(queues, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = strim(copy);
	while (*rest && !ret && (item = strsep(&rest, ","))) {
		char name[STACQ_NAME_SIZE + 8];

		strscpy(name, item, sizeof(name));
		ret = create_listed(item);
		if (ret)
			pr_err("queues=: can't make '%s': error %d; it takes NAME, or NAME with :fifo, :lifo or :priority\n",
			       name, ret);
		if (!rest)
			break;
	}
	kfree(copy);
	return ret;
}

/* Take a queue out of the tables; the caller lets go of it. */
static void __unlist(struct stacq_queue *q)
{
	lockdep_assert_held(&registry_mutex);
	stacq_dead_end(q);
	hash_del(&q->node.hash);
	idr_remove(&minors, q->node.minor);
	nr_queues--;
	stacq_device_del(q);
}

/**
 * stacq_registry_remove() - remove a queue
 * @name: its name
 *
 * Its node is gone on return; its memory goes with the last who holds it.
 *
 * Context: Sleeps.
 * Return: 0, -ENOENT, or -EINTR for a fatal signal.
 */
int stacq_registry_remove(const char *name)
{
	struct stacq_queue *q, *other;
	u64 msgs, bytes;
	int minor;

	if (mutex_lock_killable(&registry_mutex))
		return -EINTR;
	q = __find(name);
	if (q) {
		stacq_queue_end(q, &msgs, &bytes);
		__unlist(q);
		idr_for_each_entry(&minors, other, minor)
			stacq_dead_forget(other, q);
	}
	mutex_unlock(&registry_mutex);
	if (!q)
		return -ENOENT;
	pr_info_ratelimited("%s: removed, %llu messages of %llu bytes discarded\n",
			    q->name, msgs, bytes);
	stacq_queue_put(q);
	return 0;
}

/**
 * stacq_registry_clear() - remove all queues
 *
 * Context: Sleeps. Nobody else uses the registry any more.
 * Return: how many messages were lost with them.
 */
u64 stacq_registry_clear(void)
{
	u64 msgs, bytes, sum = 0;
	struct stacq_queue *q;
	int minor;

	mutex_lock(&registry_mutex);
	idr_for_each_entry(&minors, q, minor) {
		stacq_queue_end(q, &msgs, &bytes);
		__unlist(q);
		stacq_queue_put(q);
		sum += msgs;
	}
	idr_destroy(&minors);
	mutex_unlock(&registry_mutex);
	return sum;
}
