/* SPDX-License-Identifier: GPL-2.0 */
/* The door /dev/stacq/control: create and remove. */
#ifndef _STACQ_CONTROL_H
#define _STACQ_CONTROL_H

int stacq_control_init(void);
void stacq_control_exit(void);

#endif /* _STACQ_CONTROL_H */
