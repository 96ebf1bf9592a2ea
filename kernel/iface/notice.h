/* SPDX-License-Identifier: GPL-2.0 */
/* Being told of events by eventfds: see notice.c. */
#ifndef _STACQ_NOTICE_H
#define _STACQ_NOTICE_H

struct stacq_notice;
struct stacq_reader;

int stacq_notify(struct stacq_reader *r, const struct stacq_notice *want);
void stacq_notices_end(struct stacq_reader *r);

#endif /* _STACQ_NOTICE_H */
