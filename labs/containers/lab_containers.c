// SPDX-License-Identifier: GPL-2.0
/*
 * A stack, a doubly linked list, a FIFO and a ring, built by hand when the module
 * is loaded, beside what the kernel has for the purpose; printed; and taken apart
 * when it is unloaded. Only loading and unloading touch them, so there is no lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/kfifo.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/slab.h>

#define MOST	64
static int values[MOST];
static unsigned int nr_values;
module_param_array(values, int, &nr_values, 0444);
MODULE_PARM_DESC(values, "what to store, as in values=3,1,4 (default 1 to size)");

static unsigned int size;
module_param(size, uint, 0444);
MODULE_PARM_DESC(size, "how many, 1 to 64; values repeat (default as many as values, or 5)");

/* In what is made by hand. Only the list has a use for @prev. */
struct node {
	int value;
	struct node *next;
	struct node *prev;
};

/* In the kernel's containers: the links are inside of what is linked. */
struct item {
	int value;
	struct list_head in_list;
	struct llist_node in_stack;
};

static struct node *top;			/* stack: the newest */
static struct node *first, *last;		/* list: its ends */
static struct node *oldest, *newest;		/* FIFO */
static struct node *ring;			/* ring: the newest; the oldest is next */

static LLIST_HEAD(kernel_stack);
static LIST_HEAD(kernel_list);
static DECLARE_KFIFO_PTR(kernel_fifo, int);
static bool built;	/* a load that failed says so, and not what it takes apart */

/* Values for one line of the log: twice around the ring at most, as it has no end. */
static char line[12 * 2 * MOST];
static int len;

static void note(int value)
{
	len += scnprintf(line + len, sizeof(line) - len, "%s%d", len ? "," : "", value);
}

static void say(const char *what, const char *container, const char *by)
{
	if (built)
		pr_info("%s container=%s by=%s values=%s\n", what, container, by,
			len ? line : "none");
	len = 0;
}

static void push(struct node *node)
{
	node->next = top;
	top = node;
}

static void append_to_list(struct node *node)
{
	node->prev = last;
	if (last)
		last->next = node;
	else
		first = node;
	last = node;
}

static void enqueue(struct node *node)
{
	if (newest)
		newest->next = node;
	else
		oldest = node;
	newest = node;
}

/* The first one is followed by itself: even then no pointer in a ring is NULL. */
static void append_to_ring(struct node *node)
{
	if (ring) {
		node->next = ring->next;
		ring->next = node;
	} else {
		node->next = node;
	}
	ring = node;
}

/* A node of its own in each container made by hand, and one item in the kernel's. */
static int store(int value)
{
	static void (*const add[])(struct node *) = {
		push, append_to_list, enqueue, append_to_ring,
	};
	struct item *item;
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(add); n++) {
		struct node *node = kzalloc(sizeof(*node), GFP_KERNEL);

		if (!node)
			return -ENOMEM;
		node->value = value;
		add[n](node);
	}
	item = kzalloc(sizeof(*item), GFP_KERNEL);
	if (!item)
		return -ENOMEM;
	item->value = value;
	list_add_tail(&item->in_list, &kernel_list);
	llist_add(&item->in_stack, &kernel_stack);
	kfifo_put(&kernel_fifo, value);	/* has room for size of them */
	return 0;
}

static void print_row(const struct node *node, const char *container)
{
	for (; node; node = node->next)
		note(node->value);
	say("printed", container, "hand");
}

static void print_ring(void)
{
	const struct node *node = ring->next;
	unsigned int n;

	for (n = 0; node && n < 2 * size; n++, node = node->next)
		note(node->value);
	say("printed", "ring", "hand");
	pr_info("ring steps=%u nulls=%d closed=%d\n", n, !node, node == ring->next);
}

static void print_all(void)
{
	const struct node *node;
	struct item *item;
	unsigned int n;
	int value;

	print_row(top, "stack");
	print_row(first, "forwards");
	for (node = last; node; node = node->prev)
		note(node->value);
	say("printed", "backwards", "hand");
	print_row(oldest, "fifo");
	print_ring();
	llist_for_each_entry(item, kernel_stack.first, in_stack)
		note(item->value);
	say("printed", "stack", "llist");
	list_for_each_entry(item, &kernel_list, in_list)
		note(item->value);
	say("printed", "forwards", "list_head");
	list_for_each_entry_reverse(item, &kernel_list, in_list)
		note(item->value);
	say("printed", "backwards", "list_head");
	/* to be looked at only by taking out; each goes in again */
	for (n = 0; n < size && kfifo_get(&kernel_fifo, &value); n++) {
		kfifo_put(&kernel_fifo, value);
		note(value);
	}
	say("printed", "fifo", "kfifo");
}

static void delete_row(struct node *node, const char *container)
{
	while (node) {
		struct node *gone = node;

		note(node->value);
		node = node->next;
		kfree(gone);
	}
	say("deleted", container, "hand");
}

static void delete_all(void)
{
	struct node *opened = ring ? ring->next : NULL;
	struct item *item, *next;
	int value;

	delete_row(top, "stack");
	delete_row(first, "list");
	delete_row(oldest, "fifo");
	if (ring)
		ring->next = NULL;	/* where it is opened, the walk ends */
	delete_row(opened, "ring");
	llist_for_each_entry(item, llist_del_all(&kernel_stack), in_stack)
		note(item->value);
	say("deleted", "stack", "llist");
	list_for_each_entry_safe(item, next, &kernel_list, in_list) {
		note(item->value);
		list_del(&item->in_list);
		kfree(item);
	}
	say("deleted", "list", "list_head");
	while (kfifo_get(&kernel_fifo, &value))
		note(value);
	say("deleted", "fifo", "kfifo");
	kfifo_free(&kernel_fifo);
}

static int __init lab_init(void)
{
	unsigned int n;
	int err;

	if (!size)
		size = nr_values ?: 5;
	if (size > MOST) {
		pr_err("size=%u: must be 1 to %d\n", size, MOST);
		return -EINVAL;
	}
	err = kfifo_alloc(&kernel_fifo, max(size, 2U), GFP_KERNEL);
	for (n = 0; n < size && !err; n++)
		err = store(nr_values ? values[n % nr_values] : n + 1);
	if (err) {
		delete_all();
		pr_err("no memory for %u values\n", size);
		return err;
	}
	built = true;
	print_all();
	return 0;
}

module_init(lab_init);
module_exit(delete_all);

MODULE_DESCRIPTION("Lab: stack, doubly linked list, FIFO and ring");
MODULE_LICENSE("GPL");
