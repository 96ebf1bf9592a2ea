/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: stacq:stacq_send, stacq_receive, stacq_grow, stacq_requeue.
 * A build that defines STACQ_NO_TRACE (the tests of the container) has none.
 */
#ifdef STACQ_NO_TRACE

#ifndef _STACQ_TRACE_H
#define _STACQ_TRACE_H
#define trace_stacq_send(name, seq, len, nr)		do { } while (0)
#define trace_stacq_receive(name, seq, len, nr)		do { } while (0)
#define trace_stacq_requeue(name, seq, len, nr)		do { } while (0)
#define trace_stacq_grow(name, from, to)		do { } while (0)
#endif

#else /* !STACQ_NO_TRACE */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM stacq

#if !defined(_STACQ_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _STACQ_TRACE_H

#include <linux/tracepoint.h>

#include "compat.h"

DECLARE_EVENT_CLASS(stacq_msg,
	TP_PROTO(const char *name, u64 seq, u32 len, u64 nr),
	TP_ARGS(name, seq, len, nr),
	TP_STRUCT__entry(
		__string(name, name)
		__field(u64, seq)
		__field(u32, len)
		__field(u64, nr)
	),
	TP_fast_assign(
		stacq_assign_str(name, name);
		__entry->seq = seq;
		__entry->len = len;
		__entry->nr = nr;
	),
	TP_printk("%s: message %llu of %u bytes, %llu now", __get_str(name),
		  __entry->seq, __entry->len, __entry->nr)
);

DEFINE_EVENT(stacq_msg, stacq_send,
	TP_PROTO(const char *name, u64 seq, u32 len, u64 nr),
	TP_ARGS(name, seq, len, nr));

DEFINE_EVENT(stacq_msg, stacq_receive,
	TP_PROTO(const char *name, u64 seq, u32 len, u64 nr),
	TP_ARGS(name, seq, len, nr));

DEFINE_EVENT_PRINT(stacq_msg, stacq_requeue,
	TP_PROTO(const char *name, u64 seq, u32 len, u64 nr),
	TP_ARGS(name, seq, len, nr),
	TP_printk("%s: message %llu of %u bytes, given back %llu times",
		  __get_str(name), __entry->seq, __entry->len, __entry->nr));

TRACE_EVENT(stacq_grow,
	TP_PROTO(const char *name, u64 from, u64 to),
	TP_ARGS(name, from, to),
	TP_STRUCT__entry(
		__string(name, name)
		__field(u64, from)
		__field(u64, to)
	),
	TP_fast_assign(
		stacq_assign_str(name, name);
		__entry->from = from;
		__entry->to = to;
	),
	TP_printk("%s: capacity %llu -> %llu", __get_str(name), __entry->from,
		  __entry->to)
);

#endif /* _STACQ_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

#endif /* STACQ_NO_TRACE */
