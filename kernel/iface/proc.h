/* SPDX-License-Identifier: GPL-2.0 */
/* The door /proc/msg_queue. */
#ifndef _STACQ_PROC_H
#define _STACQ_PROC_H

int stacq_proc_init(void);
void stacq_proc_exit(void);
void stacq_proc_forget(const char *name);

#endif /* _STACQ_PROC_H */
