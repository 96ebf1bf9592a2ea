/* SPDX-License-Identifier: GPL-2.0 */
/* The door /dev/stacq/NAME. */
#ifndef _STACQ_CHARDEV_H
#define _STACQ_CHARDEV_H

#include <linux/poll.h>

struct file;
struct stacq_queue;
struct stacq_reader;

int stacq_chardev_init(void);
void stacq_chardev_exit(void);
int stacq_device_add(struct stacq_queue *q);
void stacq_device_del(struct stacq_queue *q);
struct stacq_queue *stacq_file_queue(const struct file *file);
__poll_t stacq_poll_reader(struct file *file, struct stacq_reader *r,
			   poll_table *wait);

/* ioctl.c */
long stacq_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* sysfs.c */
extern const struct attribute_group *stacq_groups[];

#endif /* _STACQ_CHARDEV_H */
