/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * stacq: message stacks and queues as files.
 *
 * DRAFT of include/uapi/linux/stacq.h for 1.0-rc. Nothing of it is implemented
 * yet; interface.md in this folder lists the changes and the semantics.
 *
 * The part of the interface beyond read(), write() and poll().
 *
 * Rules for every structure here:
 *
 *  - The size of a structure is part of its request number. The module takes
 *    any size from the first version's (STACQ_*_SIZE_VER0) on: a field that a
 *    shorter structure lacks counts as zero, and bytes of a longer structure
 *    that the module does not know must be zero (E2BIG).
 *  - A structure can have the address and the size of another one. The same rule
 *    holds for that, and the module fills fields of an answer that it does not
 *    know with zeros. No structure is embedded in another, so each can grow.
 *  - The layout is the same for 32-bit and 64-bit programs. Addresses are
 *    64-bit numbers.
 *  - Fields named "reserved" and bits without a name here must be zero
 *    (EINVAL). In an answer they are zero.
 *  - A field marked "answer" is set by the module. The request ignores its
 *    value, unless it is marked "in and out". A structure of a failed request
 *    is not written to.
 *  - An instant is in nanoseconds (_ns). A duration is in milliseconds (_ms),
 *    at most STACQ_MS_MAX.
 *
 * Errors of every request: EFAULT, EINVAL, E2BIG as above; ENOTTY for a number
 * that the module does not know; EIDRM when the queue was removed; EBADF when
 * the file is not open for reading or writing as the request needs.
 */
#ifndef _UAPI_LINUX_STACQ_H
#define _UAPI_LINUX_STACQ_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when the meaning of something below changes, with a major version only. */
#define STACQ_ABI_VERSION	1

/* ---- constants of queues ---- */

/* Room for the name of a queue that STACQ_IOC_CREATE makes, and its NUL. */
#define STACQ_NAME_SIZE		64
/* Room for the name of any queue, also of one in a stacq file system, and its NUL. */
#define STACQ_PATH_NAME_SIZE	256
/* Bytes of the random number of a queue's instance. */
#define STACQ_ID_SIZE		16
/* Most bytes of a message's key. */
#define STACQ_KEY_SIZE		64
/* Room for the name of a process and its NUL. */
#define STACQ_COMM_SIZE		16

/* Highest priority of a message; 0 is the lowest. */
#define STACQ_PRIORITY_MAX	32767
/* Highest max_deliveries, and where the count of deliveries stops. */
#define STACQ_DELIVERIES_MAX	255
/* Longest duration in milliseconds, nearly 25 days. */
#define STACQ_MS_MAX		2147483647U
/* In an answer, for a duration: without end. */
#define STACQ_MS_NEVER		(~0U)
/* For a limit: none. */
#define STACQ_UNLIMITED		0ULL

/* Order in which messages are received. */
#define STACQ_FIFO		0	/* the oldest message first */
#define STACQ_LIFO		1	/* the newest message first: a stack */
#define STACQ_PRIORITY		2	/* the highest priority first, then the oldest */

/* Effect of sending to a full queue. */
#define STACQ_FULL_BLOCK	0	/* the sender waits for room */
#define STACQ_FULL_FAIL		1	/* the send fails with ENOSPC */
#define STACQ_FULL_DROP_OLDEST	2	/* the oldest message makes room */
#define STACQ_FULL_DROP_NEWEST	3	/* the send succeeds; its message is dropped */

/* When reading ends, that is read() returns 0 and STACQ_IOC_RECEIVE ENODATA. */
#define STACQ_EOF_NEVER		0	/* only when the queue is sealed and drained */
#define STACQ_EOF_EMPTY		1	/* also when no message is READY: nobody waits */
#define STACQ_EOF_NO_WRITER	2	/* also when drained and no file is open to write */

/* State of a queue (struct stacq_info.state, struct stacq_settings.state). */
#define STACQ_STATE_SEALED	0x1	/* sending fails with EPIPE */
#define STACQ_STATE_PAUSED	0x2	/* receiving waits as if no message were READY */

/*
 * State of a message. Two more, FREE and RESERVED, exist inside the module
 * only. The mask of a state is STACQ_IN(state).
 */
#define STACQ_READY		1	/* the next reader may take it */
#define STACQ_PARTIAL		2	/* an open file has read a part of it (HELD inside) */
#define STACQ_LEASED		3	/* in flight: read under a lease, not settled yet */
#define STACQ_DELAYED		4	/* READY at a later time */
#define STACQ_DEAD		5	/* waits for room in the dead-letter queue */

#define STACQ_IN(state)		(1U << (state))

/* Why a message became a dead letter. */
#define STACQ_CAUSE_EXPIRED	1	/* its time to live was over */
#define STACQ_CAUSE_EXHAUSTED	2	/* it was returned max_deliveries times */
#define STACQ_CAUSE_REJECTED	3	/* a reader or the owner dead-lettered it */

/* ---- frames ---- */

/* The first two bytes of each frame: "SQ". (0.x wrote "Sq".) */
#define STACQ_FRAME_MAGIC	0x5153
/* Longest header of a frame, fields included. */
#define STACQ_FRAME_HEADER_MAX	1024
/* Bytes that a frame without fields takes with a message of so many. */
#define STACQ_FRAME_SIZE(len)	\
	(sizeof(struct stacq_frame) + (((__u64)(len) + 7) & ~7ULL))
/* Bytes that a field takes with a value of so many. */
#define STACQ_FIELD_SIZE(len)	\
	((sizeof(struct stacq_field) + (__u64)(len) + 7) & ~7ULL)

/**
 * struct stacq_frame - the header of each message in framed transfers
 * @magic: STACQ_FRAME_MAGIC
 * @header_len: bytes of this header and its fields, a multiple of 8 from 32 to
 *	STACQ_FRAME_HEADER_MAX. The message begins there
 * @len: bytes of the message, 0 and more
 * @seq: as in &struct stacq_message; a send ignores it
 * @sent_ns: as in &struct stacq_message. In a send: 0 for now, else the claim of
 *	an earlier sending. A claim in the future counts as now; from 2^63 on EINVAL
 * @priority: 0 to STACQ_PRIORITY_MAX
 * @deliveries: as in &struct stacq_message; in a send the count to begin with, at
 *	most STACQ_DELIVERIES_MAX
 * @omitted: bytes left out at the end of the message, only in the answer of
 *	STACQ_IOC_SCAN; in a send it must be 0
 *
 * After the header come its fields (&struct stacq_field), then @len - @omitted
 * bytes of the message, then zero bytes up to a multiple of 8. A send ignores
 * the value of these. All numbers are little-endian, so that frames read on one
 * machine can be sent on another. A send of bytes that are no frame fails with
 * EINVAL.
 */
struct stacq_frame {
	__le16		magic;
	__le16		header_len;
	__le32		len;
	__le64		seq;
	__le64		sent_ns;
	__le16		priority;
	__le16		deliveries;
	__le32		omitted;
};

/**
 * struct stacq_field - the header of one field of a frame
 * @type: STACQ_FIELD_*
 * @len: bytes of the value, which follow at once. Zero bytes fill the field up to
 *	a multiple of 8
 *
 * Fields come in rising order of @type, each at most once. A send fails with
 * EINVAL for a type that the module does not know, so that no field is lost
 * unnoticed. A program that reads frames skips types that it does not know.
 */
struct stacq_field {
	__le16		type;
	__le16		len;
};

/*
 * Types of fields: bytes of the value, meaning. "Ignored": a send checks the
 * length and does nothing with the value.
 */
#define STACQ_FIELD_LEASE	1	/* 8: lease, of a frame received under lease; ignored */
#define STACQ_FIELD_PLACE	2	/* 8: place, where it differs from seq; ignored */
#define STACQ_FIELD_KEY		3	/* 1 to STACQ_KEY_SIZE: any bytes */
#define STACQ_FIELD_DELAY	4	/* 4: milliseconds from now until the message is READY */
#define STACQ_FIELD_TTL		5	/* 4: milliseconds to live, counted from sent_ns */
#define STACQ_FIELD_FIRST	6	/* 8: first_ns; in a send at most sent_ns, else that */
#define STACQ_FIELD_CAUSE	7	/* 4: cause (16 bits) and origin_deliveries (16 bits) */
#define STACQ_FIELD_ORIGIN	8	/* 1 to 255: name of the queue where it died, no NUL */

/* ---- one message ---- */

/**
 * struct stacq_message - description of one message, always an answer
 * @len: bytes of the message
 * @priority: 0 to STACQ_PRIORITY_MAX
 * @seq: its number: 1 for the first message sent to the queue, then rising, not
 *	always by one. It never changes while the message is in the queue, and no
 *	other message of the same instance (&struct stacq_info.id) ever has it
 * @lease: id of the lease under which it was received, else 0
 * @deliveries: times it was returned, counted from the claim of its sender; stops
 *	at STACQ_DELIVERIES_MAX
 * @state: the state that the request left it in, STACQ_READY and so on; 0 when it
 *	is out of the queue: received without a lease, or dropped because the queue
 *	was full
 * @sent_ns: CLOCK_REALTIME at the moment of sending, or the earlier time that its
 *	sender claimed. It never changes
 * @first_ns: @sent_ns in the first queue that it was sent to, for a message that
 *	was forwarded, dead-lettered or sent in a frame with STACQ_FIELD_FIRST; else
 *	equal to @sent_ns
 * @place: decides the order among messages. Equal to @seq, until the message was
 *	delayed or returned to the end: then it has the next number of the queue
 * @ttl_ms: time to live that its sender gave it, 0 for none
 * @left_ms: milliseconds until it expires, by @ttl_ms or the queue's;
 *	STACQ_MS_NEVER for never. 0 is possible: the worker has not come by yet
 * @due_ms: milliseconds until it is READY, of a delayed message; else 0
 * @offset: bytes of it that this open file has read, of one that it has in part
 * @cause: STACQ_CAUSE_* of a dead letter, else 0
 * @origin_deliveries: of a dead letter, times it was returned where it died
 * @key_len: bytes of @key, 0 for none
 * @origin_len: bytes of @origin without the NUL, 0 for none
 * @key: the key that its sender gave it
 * @origin: of a dead letter, name of the queue where it died; ends with a NUL
 *
 * A request that fills it in has its address and size. The size is a multiple of
 * 8, at least 8; only so many bytes are written. The fields that are wanted most
 * come first, and an answer of 8 bytes is the cheapest.
 */
struct stacq_message {
	__u32		len;
	__u32		priority;
	__aligned_u64	seq;
	__aligned_u64	lease;
	__u32		deliveries;
	__u32		state;
	__aligned_u64	sent_ns;
	__aligned_u64	first_ns;
	__aligned_u64	place;
	__u32		ttl_ms;
	__u32		left_ms;
	__u32		due_ms;
	__u32		offset;
	__u32		cause;
	__u32		origin_deliveries;
	__u32		key_len;
	__u32		origin_len;
	__u8		key[STACQ_KEY_SIZE];
	char		origin[STACQ_PATH_NAME_SIZE];
};

/*
 * Clock of a deadline. Not the numbers of clockid_t: a structure full of zeros
 * has no deadline. Absolute times are those of the caller's time namespace. A
 * deadline that has passed tries once.
 */
#define STACQ_CLOCK_NONE	0	/* no deadline: wait until a signal comes */
#define STACQ_CLOCK_RELATIVE	1	/* nanoseconds from now on CLOCK_MONOTONIC */
#define STACQ_CLOCK_MONOTONIC	2
#define STACQ_CLOCK_REALTIME	3	/* follows the clock when it is set */
#define STACQ_CLOCK_BOOTTIME	4

/* Flags of struct stacq_send and struct stacq_receive. */
#define STACQ_CALL_NOWAIT	0x01	/* EAGAIN instead of waiting, as with O_NONBLOCK */
#define STACQ_CALL_VECTORS	0x02	/* buf is an array of len struct iovec (at most 1024) */
#define STACQ_CALL_FRAMES	0x04	/* many messages as frames; see below */
/* Of struct stacq_send only. */
#define STACQ_SEND_ALLOW_EMPTY	0x10	/* length 0 is a message; else it is EINVAL */
/* Of struct stacq_receive only. */
#define STACQ_RECEIVE_LEASE	0x10	/* under lease, in any mode of the open file */
#define STACQ_RECEIVE_LARGEST	0x20	/* EMSGSIZE for less room than max_msg_size */

/**
 * struct stacq_send - send one message (STACQ_IOC_SEND)
 * @buf: address of the bytes; with STACQ_CALL_VECTORS of struct iovec, in the
 *	caller's layout
 * @deadline_ns: on @clock; below 2^63. Ignored without a clock
 * @key: address of the key, 0 for none
 * @message: address of a &struct stacq_message for the answer (@len, @priority,
 *	@seq, @state, @sent_ns, @place and so on), 0 for none
 * @len: bytes at @buf, or number of vectors
 * @flags: STACQ_CALL_*, STACQ_SEND_* bits
 * @clock: STACQ_CLOCK_*. With one, the timeouts of the open file do not count
 * @priority: 0 to STACQ_PRIORITY_MAX. The priority of the open file does not count
 * @delay_ms: milliseconds until the message is READY, 0 for at once
 * @ttl_ms: time to live, 0 for none. The shorter of this and the queue's holds
 * @key_len: bytes of the key, 1 to STACQ_KEY_SIZE with one; 0 without
 * @message_size: bytes at @message, 0 without
 *
 * Returns the length of the message. Its order of checks: EBADF; EINVAL; EMSGSIZE
 * (longer than max_msg_size or max_bytes); EPIPE (sealed); EIDRM; room: EAGAIN,
 * ETIMEDOUT, ENOSPC (full, and the queue's policy is STACQ_FULL_FAIL), EINTR;
 * memory: EDQUOT (the share of the queue's creator is used up), ENOMEM, EFAULT.
 * In every error case nothing was sent. The exception: memory that the caller
 * takes away during the request may give EFAULT after the message was sent.
 *
 * A signal interrupts the wait with EINTR. SA_RESTART restarts the request,
 * unless its clock is STACQ_CLOCK_RELATIVE.
 *
 * With STACQ_CALL_FRAMES the bytes are frames and the request does what write()
 * does in framed mode, up to the deadline: @key, @message, @priority, @delay_ms
 * and @ttl_ms must be 0, and the bytes of the frames sent are returned.
 */
struct stacq_send {
	__aligned_u64	buf;
	__aligned_u64	deadline_ns;
	__aligned_u64	key;
	__aligned_u64	message;
	__u32		len;
	__u32		flags;
	__u32		clock;
	__u32		priority;
	__u32		delay_ms;
	__u32		ttl_ms;
	__u32		key_len;
	__u32		message_size;
};

/**
 * struct stacq_receive - receive one message (STACQ_IOC_RECEIVE)
 * @buf: address for the bytes; with STACQ_CALL_VECTORS of struct iovec
 * @deadline_ns: as in &struct stacq_send
 * @message: address of a &struct stacq_message for the answer, 0 for none
 * @len: bytes at @buf, or number of vectors. 0 is allowed
 * @flags: STACQ_CALL_*, STACQ_RECEIVE_* bits
 * @clock: as in &struct stacq_send
 * @message_size: bytes at @message, 0 without
 *
 * Receives a whole message or none, and returns its length; 0 is a message of
 * length 0. In every error case the message stays where it was. ENODATA: reading
 * has ended (see STACQ_EOF_*). EMSGSIZE: the message is longer than the room;
 * FIONREAD has its length. EBUSY: this open file has read a part of a message.
 * Others: EAGAIN, ETIMEDOUT, EINTR as for STACQ_IOC_SEND; EFAULT; ENOMEM (no
 * memory for the lease).
 *
 * With STACQ_CALL_FRAMES the request does what read() does in framed mode, up to
 * the deadline: @message must be 0, and the bytes of the frames are returned.
 */
struct stacq_receive {
	__aligned_u64	buf;
	__aligned_u64	deadline_ns;
	__aligned_u64	message;
	__u32		len;
	__u32		flags;
	__u32		clock;
	__u32		message_size;
};

/* ---- looking ---- */

/* Which message STACQ_IOC_PEEK is about: at most one of these bits. */
#define STACQ_PEEK_SEQ		0x1	/* the one with this number, READY or DELAYED */
#define STACQ_PEEK_PARTIAL	0x2	/* the one that this open file has read in part */
#define STACQ_PEEK_LEASED	0x4	/* the one that it received under lease last */

/**
 * struct stacq_peek - look at one message without taking it (STACQ_IOC_PEEK)
 * @buf: address for its bytes, 0 for none
 * @seq: with STACQ_PEEK_SEQ its number, else 0
 * @message: address of a &struct stacq_message for the answer, 0 for none
 * @len: bytes at @buf; a longer message is cut
 * @flags: a STACQ_PEEK_* bit; 0 for the message that is received next
 * @message_size: bytes at @message, 0 without
 * @reserved: zero
 *
 * Returns the bytes copied to @buf. ENOMSG: there is no such message. ENOMEM.
 * Changes nothing: the message stays READY for every reader.
 */
struct stacq_peek {
	__aligned_u64	buf;
	__aligned_u64	seq;
	__aligned_u64	message;
	__u32		len;
	__u32		flags;
	__u32		message_size;
	__u32		reserved;
};

/* struct stacq_scan.order */
#define STACQ_SCAN_READING	0	/* as they would be received */
#define STACQ_SCAN_SENDING	1	/* by place, the lowest first; STACQ_READY only */

/**
 * struct stacq_scan - copy frames of many messages without taking them
 *	(STACQ_IOC_SCAN)
 * @buf: address for the frames
 * @place: in and out: where to begin, 0 for the beginning. Then the request sets
 *	where to go on. In the state STACQ_READY it is a place as in &struct
 *	stacq_message, so a scan may begin in the middle; it means nothing to a
 *	program in the other states
 * @hint: in and out: 0 at first, then as the request set it. It only saves time
 * @len: bytes at @buf, at least STACQ_FRAME_HEADER_MAX
 * @priority: in and out: with @place, in a queue of order STACQ_PRIORITY; ignored
 *	when @place is 0
 * @state: the messages to copy: STACQ_READY, STACQ_DELAYED (the next to be due
 *	first) or STACQ_DEAD (the first to die first)
 * @order: STACQ_SCAN_*
 * @body_max: most bytes of each message; the rest is left out and counted in
 *	&struct stacq_frame.omitted. 0 for headers only, ~0 for whole messages
 * @flags: zero
 *
 * Returns the bytes of the frames, 0 when there are no more. A message that was in
 * @state from the first request of a scan to the last, and kept its place, is
 * copied once. Only a first frame that is longer than the buffer is cut short, and
 * has its missing bytes in omitted. EINVAL: STACQ_SCAN_SENDING in a queue of order
 * STACQ_PRIORITY, or in another state. ENOMEM. EINTR: a fatal signal.
 */
struct stacq_scan {
	__aligned_u64	buf;
	__aligned_u64	place;
	__aligned_u64	hint;
	__u32		len;
	__u32		priority;
	__u32		state;
	__u32		order;
	__u32		body_max;
	__u32		flags;
};

/**
 * struct stacq_lease - one message in the hands of a reader, always an answer
 * @id: of the lease. A message that a file has read in part without a lease has
 *	one, too, for STACQ_IOC_REVOKE
 * @seq: number of the message
 * @since_ns: CLOCK_REALTIME when its first byte was read, or the lease was extended
 * @left_ms: milliseconds until the lease ends, STACQ_MS_NEVER for without end
 * @len: bytes of the message
 * @deliveries: as in &struct stacq_message
 * @priority: as in &struct stacq_message
 * @state: STACQ_LEASED or STACQ_PARTIAL
 * @offset: bytes that have been read
 * @pid: process that received last through the holding file, in the caller's pid
 *	namespace; 0 when it is not in there, or has ended
 * @uid: its user, in the caller's user namespace (65534 when it is not in there)
 * @comm: its name at that time; ends with a NUL
 */
struct stacq_lease {
	__aligned_u64	id;
	__aligned_u64	seq;
	__aligned_u64	since_ns;
	__u32		left_ms;
	__u32		len;
	__u32		deliveries;
	__u32		priority;
	__u32		state;
	__u32		offset;
	__u32		pid;
	__u32		uid;
	char		comm[STACQ_COMM_SIZE];
};

/* struct stacq_leases.flags */
#define STACQ_LEASES_MINE	0x1	/* only those of this open file */

/**
 * struct stacq_leases - list the messages in readers' hands (STACQ_IOC_LEASES)
 * @buf: address of an array of &struct stacq_lease
 * @from: lowest id to list; the highest id listed plus 1 goes on from there
 * @nr: room for so many, at most 1024
 * @entry_size: bytes of one entry, at least STACQ_LEASE_SIZE_VER0
 * @flags: STACQ_LEASES_MINE or 0
 * @reserved: zero
 *
 * Returns how many were listed, in rising order of id; 0 when there are no more.
 * ENOMEM.
 */
struct stacq_leases {
	__aligned_u64	buf;
	__aligned_u64	from;
	__u32		nr;
	__u32		entry_size;
	__u32		flags;
	__u32		reserved;
};

/* ---- settling, purging, forwarding ---- */

/* struct stacq_settle.action */
#define STACQ_SETTLE_ACK	1	/* the message is done with, and gone */
#define STACQ_SETTLE_RETURN	2	/* it is for others again */
#define STACQ_SETTLE_EXTEND	3	/* the lease lasts lease_ms from now */
#define STACQ_SETTLE_REJECT	4	/* it is a dead letter */

/* struct stacq_settle.flags */
#define STACQ_SETTLE_UP_TO	0x01	/* that lease and those this file was granted before */
#define STACQ_SETTLE_ALL	0x02	/* all leases of this open file; id and nr are 0 */
#define STACQ_SETTLE_TO_BACK	0x04	/* RETURN: to the end of the queue, not of a stack */
#define STACQ_SETTLE_UNTRIED	0x08	/* RETURN: not counted as a delivery */

/* Most leases in one array. */
#define STACQ_SETTLE_MAX	512

/**
 * struct stacq_settle - end or extend leases (STACQ_IOC_SETTLE of this open file,
 *	STACQ_IOC_REVOKE of any)
 * @id: a lease; 0 with @nr or STACQ_SETTLE_ALL
 * @ids: address of an array of 64-bit ids, 0 without @nr
 * @nr: entries of the array, at most STACQ_SETTLE_MAX; 0 for @id alone
 * @action: STACQ_SETTLE_ACK and so on
 * @flags: STACQ_SETTLE_* bits; UP_TO and ALL do not go with @nr
 * @delay_ms: RETURN: the message is READY after so many milliseconds, in the place
 *	of one sent then; 0 for at once, in its old place. Other actions: 0
 * @settled: answer: how many leases that were
 * @stale: answer: how many of the array had ended before
 *
 * ESTALE: the lease, or every lease of the array, has ended. EINVAL: also an id
 * that was never granted, and then nothing is done; STACQ_SETTLE_TO_BACK of a
 * stack. ENOMEM: no memory for the delay; nothing more is done.
 *
 * STACQ_IOC_REVOKE is for the owner. It takes RETURN and REJECT only, and
 * STACQ_SETTLE_UP_TO and STACQ_SETTLE_ALL are EINVAL. The holder then gets ESTALE
 * from settling, and once from read() if it had read a part.
 */
struct stacq_settle {
	__aligned_u64	id;
	__aligned_u64	ids;
	__u32		nr;
	__u32		action;
	__u32		flags;
	__u32		delay_ms;
	__u32		settled;
	__u32		stale;
};

/**
 * struct stacq_range - messages by their numbers (STACQ_IOC_PURGE,
 *	STACQ_IOC_REJECT, STACQ_IOC_MAKE_DUE)
 * @first: lowest &struct stacq_message.seq
 * @last: highest seq; ~0 for no bound. EINVAL when below @first
 * @changed: answer: how many messages that were
 * @states: STACQ_IN(STACQ_READY), STACQ_IN(STACQ_DELAYED) or both; 0 for both.
 *	STACQ_IOC_MAKE_DUE: 0 or STACQ_IN(STACQ_DELAYED)
 * @flags: zero
 *
 * PURGE throws the messages away. REJECT makes dead letters of them, with
 * STACQ_CAUSE_REJECTED; without a dead-letter queue it throws them away, counted as
 * rejected. MAKE_DUE makes delayed ones READY now. Messages sent
 * during the request are left alone. EINTR: a fatal signal; part may be done.
 */
struct stacq_range {
	__aligned_u64	first;
	__aligned_u64	last;
	__aligned_u64	changed;
	__u32		states;
	__u32		flags;
};

/**
 * struct stacq_forward - send stored messages on to another queue
 *	(STACQ_IOC_FORWARD)
 * @first: lowest &struct stacq_message.seq
 * @last: highest seq; ~0 for no bound
 * @max: most messages, 0 for all that are READY now
 * @forwarded: answer: how many that were
 * @to: the other queue, as a file that is open for writing
 * @flags: zero
 *
 * They are taken in the order of receiving. Each arrives as a new message with its
 * priority, key, ttl_ms (counted from the arrival) and first_ns; deliveries are 0,
 * cause and origin are dropped. At any moment each is in exactly one of the two
 * queues. Waits for room for the first one only. Errors of a send for the first
 * one; EINVAL: @to is no queue, or the same one.
 */
struct stacq_forward {
	__aligned_u64	first;
	__aligned_u64	last;
	__aligned_u64	max;
	__aligned_u64	forwarded;
	__s32		to;
	__u32		flags;
};

/* ---- one open file ---- */

/* struct stacq_mode.flags */
#define STACQ_MODE_FRAMED	0x1	/* read() and write() carry frames, many a call */
#define STACQ_MODE_LEASE	0x2	/* reading leases: a message is gone when acknowledged */
#define STACQ_MODE_ONE		0x4	/* one message (or frame), then read() returns 0 */
#define STACQ_MODE_CALLS_ONLY	0x8	/* read(), write() and splice() fail with EINVAL */

/* struct stacq_mode.set */
#define STACQ_MODE_SET_PRIORITY		0x1
#define STACQ_MODE_SET_MAX_INFLIGHT	0x2
#define STACQ_MODE_SET_READ_TIMEOUT	0x4
#define STACQ_MODE_SET_WRITE_TIMEOUT	0x8

/**
 * struct stacq_mode - how this open file reads and writes (STACQ_IOC_MODE)
 * @set: STACQ_MODE_SET_* bits: which of the numbers below are set
 * @flag_mask: STACQ_MODE_* bits that @flags sets or clears
 * @flags: in and out: STACQ_MODE_* bits, those outside of @flag_mask as they were
 * @priority: in and out: of messages sent by write() without frames, 0 to
 *	STACQ_PRIORITY_MAX
 * @max_inflight: in and out: the file receives nothing while it holds so many
 *	leases; 0 is no limit
 * @reserved: zero
 * @read_timeout_ns: in and out: longest wait of a read(), which then fails with
 *	ETIMEDOUT; 0 is without end
 * @write_timeout_ns: in and out: longest wait of a write(); 0 is without end
 *
 * With @set and @flag_mask 0 it changes nothing and answers. EBUSY: FRAMED or LEASE would change
 * while a part of a message has been read. EINTR: a signal came while another call
 * on this open file was under way.
 */
struct stacq_mode {
	__u32		set;
	__u32		flag_mask;
	__u32		flags;
	__u32		priority;
	__u32		max_inflight;
	__u32		reserved;
	__aligned_u64	read_timeout_ns;
	__aligned_u64	write_timeout_ns;
};

/* struct stacq_event.events */
#define STACQ_EVENT_NOT_EMPTY	0x1	/* a message became READY; needs read */
#define STACQ_EVENT_NOT_FULL	0x2	/* there is more room, and some is free; needs write */
#define STACQ_EVENT_EMPTY	0x4	/* the last message has gone, from any state but DEAD */
#define STACQ_EVENT_DEPTH	0x8	/* depth messages are READY, fewer before; needs read */

/**
 * struct stacq_event - signal an eventfd on events of the queue (STACQ_IOC_EVENTS)
 * @fd: the eventfd. Its count rises by one for each event
 * @events: STACQ_EVENT_* bits; 0 ends the subscription of @fd
 * @depth: for STACQ_EVENT_DEPTH how many, at least 1; else 0
 * @flags: zero
 * @reserved: zero
 *
 * An event that holds already is signalled before the request returns. A
 * subscription lasts until it is replaced by another of the same open file and
 * eventfd, or the open file is closed. Sealing, pausing, resuming and removing
 * signal as docs/abi.md says. ENOSPC: the queue has max_events. EDQUOT: the
 * caller has as many as a user may have. ENOENT: there was none to end. EINVAL:
 * @fd is no eventfd. ENOMEM.
 */
struct stacq_event {
	__s32		fd;
	__u32		events;
	__aligned_u64	depth;
	__u32		flags;
	__u32		reserved;
};

/* struct stacq_mq_notify.kind */
#define STACQ_NOTIFY_CANCEL	0	/* end the caller's registration, if there is one */
#define STACQ_NOTIFY_NONE	1	/* register, and do nothing when it is time */
#define STACQ_NOTIFY_SIGNAL	2	/* send a signal */
#define STACQ_NOTIFY_EVENTFD	3	/* add 1 to an eventfd, for SIGEV_THREAD */

/**
 * struct stacq_mq_notify - notify one process once, as mq_notify(3) does
 *	(STACQ_IOC_MQ_NOTIFY)
 * @kind: STACQ_NOTIFY_*
 * @arg: the number of the signal (0 sends none), or the eventfd; else 0
 * @value: si_value of the signal: sival_ptr as a number
 * @flags: zero
 * @reserved: zero
 *
 * A queue has one registration. It ends with its notification: when a message
 * becomes READY in a queue that had none, and no caller waits to receive, before
 * the send returns. The signal has SI_MESGQ and the sender's pid and uid. It also
 * ends when the process closes a descriptor of the queue, or ends. EBUSY: there is
 * a registration. EINVAL: no such signal, or no eventfd. Needs no right but the
 * open file.
 */
struct stacq_mq_notify {
	__u32		kind;
	__s32		arg;
	__aligned_u64	value;
	__u32		flags;
	__u32		reserved;
};

/* ---- the queue ---- */

/* struct stacq_settings.set */
#define STACQ_SET_MAX_MSGS		0x0001
#define STACQ_SET_MAX_BYTES		0x0002
#define STACQ_SET_MAX_MSG_SIZE		0x0004
#define STACQ_SET_CAPACITY		0x0008
#define STACQ_SET_LEASE_MS		0x0010
#define STACQ_SET_TTL_MS		0x0020
#define STACQ_SET_MAX_DELIVERIES	0x0040
#define STACQ_SET_FULL			0x0080
#define STACQ_SET_EOF			0x0100
#define STACQ_SET_SEALED		0x0200	/* the bit of that name in state */
#define STACQ_SET_PAUSED		0x0400	/* the bit of that name in state */
#define STACQ_SET_DEAD_LETTER		0x0800
#define STACQ_SET_MAX_EVENTS		0x1000
#define STACQ_SET_UID			0x2000
#define STACQ_SET_GID			0x4000
#define STACQ_SET_MODE			0x8000

/**
 * struct stacq_settings - everything that can be set of a queue (STACQ_IOC_SET;
 *	STACQ_IOC_CREATE has its address)
 * @set: STACQ_SET_* bits. A field without its bit is ignored: it stays as it is, or
 *	a new queue has the default
 * @max_msgs: most messages stored in all states, STACQ_UNLIMITED for no limit
 * @max_bytes: most bytes of messages stored, STACQ_UNLIMITED for no limit
 * @max_msg_size: most bytes of one message, STACQ_UNLIMITED for no limit
 * @capacity: room for so many messages is reserved, 1 to @max_msgs; default: none,
 *	and room grows on demand
 * @lease_ms: how long a lease lasts, 0 (default) without end; holds for those that
 *	there are
 * @ttl_ms: time to live of messages, 0 (default) without end; holds for those that
 *	there are
 * @max_deliveries: how often a message may be returned: the last time it becomes a
 *	dead letter. 0 (default) without end, at most STACQ_DELIVERIES_MAX
 * @full: STACQ_FULL_*; default STACQ_FULL_BLOCK
 * @eof: STACQ_EOF_*; default STACQ_EOF_NEVER, in a file system that of the mount
 * @state: STACQ_STATE_* bits; default 0
 * @dead_letter: the dead-letter queue, as a file that is open for writing; -1
 *	(default) for none
 * @max_events: most subscriptions by STACQ_IOC_EVENTS; default 64
 * @uid: owner, in the caller's user namespace; default the caller
 * @gid: group, in the caller's user namespace; default the caller's
 * @mode: permission bits, at most 0777; default 0600
 * @reserved: zero
 *
 * All or nothing. In a file system the inode has owner, group and mode: there
 * STACQ_SET_UID, STACQ_SET_GID and STACQ_SET_MODE fail with EINVAL, and chown(2) and
 * chmod(2) set them. EPERM: not the owner; a limit or a capacity above the module's
 * ceiling without CAP_SYS_RESOURCE; a @uid or @gid that the caller could not give
 * to a file. EBUSY: @capacity below the messages stored, in all states. EDQUOT:
 * @capacity above the creator's share. ENOMEM. EBADF: @dead_letter is not open for
 * writing. EINVAL: it is no queue, or the queue itself.
 */
struct stacq_settings {
	__aligned_u64	set;
	__aligned_u64	max_msgs;
	__aligned_u64	max_bytes;
	__aligned_u64	max_msg_size;
	__aligned_u64	capacity;
	__u32		lease_ms;
	__u32		ttl_ms;
	__u32		max_deliveries;
	__u32		full;
	__u32		eof;
	__u32		state;
	__s32		dead_letter;
	__u32		max_events;
	__u32		uid;
	__u32		gid;
	__u32		mode;
	__u32		reserved;
};

/**
 * struct stacq_create - make a queue under /dev/stacq (STACQ_IOC_CREATE)
 * @name: 1 to 63 of letters, digits, '.', '_' and '-', not starting with '.' or
 *	'-', not "control"; ends with a NUL, and zero bytes follow
 * @order: STACQ_FIFO, STACQ_LIFO or STACQ_PRIORITY; it never changes
 * @flags: zero
 * @settings: address of a &struct stacq_settings, 0 for defaults
 * @settings_size: bytes there, 0 without
 * @reserved: zero
 * @id: answer: the random number of the new instance
 *
 * EEXIST: the name is taken. EDQUOT: the caller has as many queues as a user may
 * have. ENOSPC: the machine has max_queues. ENOMEM; errors of STACQ_IOC_SET.
 */
struct stacq_create {
	char		name[STACQ_NAME_SIZE];
	__u32		order;
	__u32		flags;
	__aligned_u64	settings;
	__u32		settings_size;
	__u32		reserved;
	__u8		id[STACQ_ID_SIZE];
};

/**
 * struct stacq_remove - remove a queue under /dev/stacq (STACQ_IOC_REMOVE)
 * @name: as in &struct stacq_create
 * @id: of the instance to remove; zero for any
 * @flags: zero
 * @reserved: zero
 *
 * ENOENT: there is no such queue. ESTALE: the queue of that name is another
 * instance. EPERM: neither the owner of the queue nor CAP_SYS_ADMIN.
 */
struct stacq_remove {
	char		name[STACQ_NAME_SIZE];
	__u8		id[STACQ_ID_SIZE];
	__u32		flags;
	__u32		reserved;
};

/**
 * struct stacq_info - everything about a queue, as of one moment (STACQ_IOC_INFO)
 * @id: random number of this instance. A queue made later has another, also one of
 *	the same name: only within one instance do seq and lease ids not repeat
 * @abi_version: STACQ_ABI_VERSION of the module
 * @order: STACQ_FIFO, STACQ_LIFO or STACQ_PRIORITY
 * @state: STACQ_STATE_* bits
 * @full: as in &struct stacq_settings
 * @eof: as in &struct stacq_settings
 * @max_deliveries: as in &struct stacq_settings
 * @lease_ms: as in &struct stacq_settings
 * @ttl_ms: as in &struct stacq_settings
 * @uid: owner, in the caller's user namespace
 * @gid: group, in the caller's user namespace
 * @mode: permission bits
 * @creator_uid: user whose share the queue counts against; chown does not change it
 * @readers: files open for reading
 * @writers: files open for writing
 * @readers_waiting: callers that wait to receive
 * @writers_waiting: callers that wait to send
 * @events: subscriptions by STACQ_IOC_EVENTS
 * @max_events: as in &struct stacq_settings
 * @created_ns: CLOCK_REALTIME when the queue was made
 * @max_msgs: limit, 0 is none
 * @max_bytes: limit, 0 is none
 * @max_msg_size: limit, 0 is none
 * @capacity: messages that there may be before the capacity doubles; room for them
 *	is reserved only where it was set by hand
 * @memory: bytes of kernel memory that the queue takes
 * @high_water: most messages ever stored at once, in all states
 * @depth: messages READY
 * @bytes: bytes of these
 * @partial: messages that files without leases have read in part
 * @partial_bytes: bytes of these
 * @inflight: messages under lease
 * @inflight_bytes: bytes of these
 * @delayed: messages that are not due yet
 * @delayed_bytes: bytes of these
 * @dead: messages that wait for room in the dead-letter queue
 * @dead_bytes: bytes of these
 * @sent: messages ever sent
 * @received: messages ever received for good: to the last byte, acknowledged, or
 *	forwarded
 * @returned: times a message was returned (0.x: requeued)
 * @lapsed: of these, times that a lease had ended
 * @purged: messages thrown away by STACQ_IOC_PURGE (0.x: discarded)
 * @expired: messages whose time to live was over before they were received
 * @exhausted: messages that were returned max_deliveries times
 * @rejected: messages dead-lettered by STACQ_SETTLE_REJECT and STACQ_IOC_REJECT
 * @dead_lettered: of these three, those that the dead-letter queue took
 * @dead_loops: of these three, those thrown away since they went round in a circle
 * @refused: sends that failed because the queue was full
 * @dropped_oldest: messages thrown away for later ones
 * @dropped_newest: messages thrown away instead of being sent
 * @growths: times the capacity was raised on demand
 * @shrinks: times unused room was given back
 * @name: name of the queue; in a file system the name that this file was opened by
 * @dead_letter: name of the dead-letter queue, or nothing
 *
 * sent = received + purged + expired + exhausted + rejected + dropped_oldest +
 * depth + partial + inflight + delayed.
 */
struct stacq_info {
	__u8		id[STACQ_ID_SIZE];
	__u32		abi_version;
	__u32		order;
	__u32		state;
	__u32		full;
	__u32		eof;
	__u32		max_deliveries;
	__u32		lease_ms;
	__u32		ttl_ms;
	__u32		uid;
	__u32		gid;
	__u32		mode;
	__u32		creator_uid;
	__u32		readers;
	__u32		writers;
	__u32		readers_waiting;
	__u32		writers_waiting;
	__u32		events;
	__u32		max_events;
	__aligned_u64	created_ns;
	__aligned_u64	max_msgs;
	__aligned_u64	max_bytes;
	__aligned_u64	max_msg_size;
	__aligned_u64	capacity;
	__aligned_u64	memory;
	__aligned_u64	high_water;
	__aligned_u64	depth;
	__aligned_u64	bytes;
	__aligned_u64	partial;
	__aligned_u64	partial_bytes;
	__aligned_u64	inflight;
	__aligned_u64	inflight_bytes;
	__aligned_u64	delayed;
	__aligned_u64	delayed_bytes;
	__aligned_u64	dead;
	__aligned_u64	dead_bytes;
	__aligned_u64	sent;
	__aligned_u64	received;
	__aligned_u64	returned;
	__aligned_u64	lapsed;
	__aligned_u64	purged;
	__aligned_u64	expired;
	__aligned_u64	exhausted;
	__aligned_u64	rejected;
	__aligned_u64	dead_lettered;
	__aligned_u64	dead_loops;
	__aligned_u64	refused;
	__aligned_u64	dropped_oldest;
	__aligned_u64	dropped_newest;
	__aligned_u64	growths;
	__aligned_u64	shrinks;
	char		name[STACQ_PATH_NAME_SIZE];
	char		dead_letter[STACQ_PATH_NAME_SIZE];
};

/* ---- users ---- */

/* struct stacq_quota.flags */
#define STACQ_QUOTA_NEXT	0x1	/* the first user from uid on that has anything */

/**
 * struct stacq_quota - share of a user: used and allowed (STACQ_IOC_QUOTA)
 * @uid: in and out: the user, in the caller's user namespace
 * @flags: STACQ_QUOTA_NEXT or 0
 * @queues: answer: queues that the user created
 * @max_queues: answer: most of them (user_max_queues), 0 is no limit
 * @bytes: answer: bytes of room of these queues
 * @max_bytes: answer: most of them (user_max_bytes), 0 is no limit
 * @events: answer: subscriptions by STACQ_IOC_EVENTS
 * @max_events: answer: most of them (user_max_events), 0 is no limit
 *
 * Works on /dev/stacq/control and on any queue; on a queue in a file system it is the
 * share of that mount. The caller's own share needs no right but the open file. EPERM:
 * another user's, or STACQ_QUOTA_NEXT, without CAP_SYS_ADMIN. ENOENT: there is no next
 * user.
 */
struct stacq_quota {
	__u32		uid;
	__u32		flags;
	__aligned_u64	queues;
	__aligned_u64	max_queues;
	__aligned_u64	bytes;
	__aligned_u64	max_bytes;
	__aligned_u64	events;
	__aligned_u64	max_events;
};

#define STACQ_MESSAGE_SIZE_VER0		408
#define STACQ_SEND_SIZE_VER0		64
#define STACQ_RECEIVE_SIZE_VER0		40
#define STACQ_PEEK_SIZE_VER0		40
#define STACQ_SCAN_SIZE_VER0		48
#define STACQ_LEASE_SIZE_VER0		72
#define STACQ_LEASES_SIZE_VER0		32
#define STACQ_SETTLE_SIZE_VER0		40
#define STACQ_RANGE_SIZE_VER0		32
#define STACQ_FORWARD_SIZE_VER0		40
#define STACQ_MODE_SIZE_VER0		40
#define STACQ_EVENT_SIZE_VER0		24
#define STACQ_MQ_NOTIFY_SIZE_VER0	24
#define STACQ_SETTINGS_SIZE_VER0	88
#define STACQ_CREATE_SIZE_VER0		104
#define STACQ_REMOVE_SIZE_VER0		88
#define STACQ_INFO_SIZE_VER0		856
#define STACQ_QUOTA_SIZE_VER0		56

/*
 * 0xD9 is free in the kernel's list (Documentation/userspace-api/ioctl/
 * ioctl-number.rst of 6.1, 6.12 and a later copy that has 0xBA), and no driver in
 * these trees uses it. 0xBE, the number of 0.x, is free as well, but the list grows
 * there (0xB8 has two users already), and drivers outside of the kernel use it. A
 * new number also makes a program compiled for 0.x fail with ENOTTY instead of being
 * misunderstood.
 */
#define STACQ_IOC_MAGIC		0xD9

/* On /dev/stacq/control */
#define STACQ_IOC_CREATE	_IOWR(STACQ_IOC_MAGIC, 0x00, struct stacq_create)
#define STACQ_IOC_REMOVE	_IOW(STACQ_IOC_MAGIC, 0x01, struct stacq_remove)

/* On both */
#define STACQ_IOC_QUOTA		_IOWR(STACQ_IOC_MAGIC, 0x02, struct stacq_quota)

/* On a queue; FIONREAD works there as well */
#define STACQ_IOC_SEND		_IOW(STACQ_IOC_MAGIC, 0x10, struct stacq_send)
#define STACQ_IOC_RECEIVE	_IOW(STACQ_IOC_MAGIC, 0x11, struct stacq_receive)
#define STACQ_IOC_SETTLE	_IOWR(STACQ_IOC_MAGIC, 0x12, struct stacq_settle)
#define STACQ_IOC_MODE		_IOWR(STACQ_IOC_MAGIC, 0x13, struct stacq_mode)
#define STACQ_IOC_PEEK		_IOW(STACQ_IOC_MAGIC, 0x14, struct stacq_peek)
#define STACQ_IOC_SCAN		_IOWR(STACQ_IOC_MAGIC, 0x15, struct stacq_scan)
#define STACQ_IOC_LEASES	_IOW(STACQ_IOC_MAGIC, 0x16, struct stacq_leases)
#define STACQ_IOC_INFO		_IOR(STACQ_IOC_MAGIC, 0x17, struct stacq_info)
#define STACQ_IOC_EVENTS	_IOW(STACQ_IOC_MAGIC, 0x18, struct stacq_event)
#define STACQ_IOC_MQ_NOTIFY	_IOW(STACQ_IOC_MAGIC, 0x19, struct stacq_mq_notify)
#define STACQ_IOC_PURGE		_IOWR(STACQ_IOC_MAGIC, 0x1a, struct stacq_range)
#define STACQ_IOC_REJECT	_IOWR(STACQ_IOC_MAGIC, 0x1b, struct stacq_range)
#define STACQ_IOC_FORWARD	_IOWR(STACQ_IOC_MAGIC, 0x1c, struct stacq_forward)

/* On a queue, for its owner */
#define STACQ_IOC_SET		_IOW(STACQ_IOC_MAGIC, 0x20, struct stacq_settings)
#define STACQ_IOC_REVOKE	_IOWR(STACQ_IOC_MAGIC, 0x21, struct stacq_settle)
#define STACQ_IOC_MAKE_DUE	_IOWR(STACQ_IOC_MAGIC, 0x22, struct stacq_range)

#endif /* _UAPI_LINUX_STACQ_H */
