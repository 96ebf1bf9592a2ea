/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * stacq: message stacks and queues as files.
 *
 * What programs and the stacq module say to each other beyond read(), write()
 * and poll(). docs/abi.md describes each request, field and error.
 *
 * Rules for every structure here:
 *
 *  - The size of a structure is part of its request number. The module takes
 *    any size from the first version's (STACQ_*_SIZE_VER0) on: what a program
 *    compiled with an older header does not have counts as zero, and what a
 *    newer program has that the module does not know must be zero (E2BIG).
 *  - The layout is the same for 32-bit and 64-bit programs.
 *  - Fields named "reserved" and flags without a name here must be zero
 *    (EINVAL).
 */
#ifndef _UAPI_LINUX_STACQ_H
#define _UAPI_LINUX_STACQ_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised when the meaning of something below changes: from 1.0 on, with a major version only. */
#define STACQ_ABI_VERSION	1

/* Room for a name and its terminating NUL. */
#define STACQ_NAME_SIZE		64

/* Where the next message is taken from. */
#define STACQ_FIFO		0	/* the oldest message first */
#define STACQ_LIFO		1	/* the newest message first: a stack */
#define STACQ_PRIORITY		2	/* the highest priority first, of each the oldest */

/* For a limit: none. */
#define STACQ_UNLIMITED		0ULL
/* For a limit: the module's default (create), the present value (set). */
#define STACQ_UNCHANGED		(~0ULL)
/* For the owner and group of a new queue: the caller's. */
#define STACQ_CALLER		(~0U)

/* What a write does when the queue is full. */
#define STACQ_FULL_BLOCK	0	/* it waits for room */
#define STACQ_FULL_FAIL		1	/* it fails with ENOSPC */
#define STACQ_FULL_DROP_OLDEST	2	/* the oldest message makes room for it */
#define STACQ_FULL_DROP_NEWEST	3	/* it succeeds, and its message is thrown away */

/* struct stacq_delivery.set */
#define STACQ_SET_FULL			0x01
#define STACQ_SET_LEASE_MS		0x02
#define STACQ_SET_TTL_MS		0x04
#define STACQ_SET_MAX_DELIVERIES	0x08
#define STACQ_SET_DEAD_LETTER		0x10

/* Highest struct stacq_delivery.max_deliveries. */
#define STACQ_MAX_DELIVERIES	255

/* struct stacq_peek.cause: why it is a dead letter */
#define STACQ_CAUSE_EXPIRED	1	/* its time was over */
#define STACQ_CAUSE_EXHAUSTED	2	/* it was given back max_deliveries times */

/* struct stacq_notice.events */
#define STACQ_NOTICE_NOT_EMPTY	0x1	/* a message has come that a reader can take */
#define STACQ_NOTICE_NOT_FULL	0x2	/* room has come, and there is some */
#define STACQ_NOTICE_EMPTY	0x4	/* the last message has gone */
#define STACQ_NOTICE_DEPTH	0x8	/* so many messages are there to be taken */

/* struct stacq_info.state */
#define STACQ_STATE_SEALED	0x1	/* no more writes; ends when empty */

/* struct stacq_peek.flags */
#define STACQ_PEEK_HELD		0x1	/* the message this open file has at hand */
#define STACQ_PEEK_LEASED	0x2	/* the one that it holds under lease, the last of them */

/* struct stacq_mode.flags */
#define STACQ_MODE_FRAMED	0x1	/* many messages a call, each in a frame */
#define STACQ_MODE_LEASE	0x2	/* what is read is not gone before it is acknowledged */

/* struct stacq_settlement.flags */
#define STACQ_SETTLE_UP_TO	0x1	/* that lease and all that were granted before it */
#define STACQ_SETTLE_ALL	0x2	/* all that this open file holds; the id is 0 */
#define STACQ_SETTLE_TO_BACK	0x4	/* give back to the end of the queue */

/* The id of a lease, from what a frame or a peek says of its message. */
#define STACQ_LEASE_ID(seq, deliveries)	((__u64)(seq) | (__u64)(deliveries) << 56)

/* The first two bytes of each frame: "Sq". */
#define STACQ_FRAME_MAGIC	0x7153
/* Highest priority. */
#define STACQ_PRIORITY_MAX	32767
/* Bytes that a frame takes with a message of so many. */
#define STACQ_FRAME_SIZE(len)	\
	(sizeof(struct stacq_frame) + (((__u64)(len) + 7) & ~7ULL))

/**
 * struct stacq_frame - what stands before each message in framed mode
 * @magic: STACQ_FRAME_MAGIC
 * @priority: 0 to STACQ_PRIORITY_MAX
 * @len: bytes of the message, at least 1. They follow, and after them zero to
 *	seven bytes that count for nothing, up to a multiple of eight
 * @seq: as in &struct stacq_peek; a write does not look at it
 * @sent_ns: as in &struct stacq_peek; in a write 0 for the time of the write
 * @deliveries: as in &struct stacq_peek
 * @ttl_ms: as in &struct stacq_peek
 *
 * All of it is little-endian, so that what was read on one machine can be
 * written on another.
 */
struct stacq_frame {
	__le16		magic;
	__le16		priority;
	__le32		len;
	__le64		seq;
	__le64		sent_ns;
	__le32		deliveries;
	__le32		ttl_ms;
};

/**
 * struct stacq_delivery - how messages are delivered (STACQ_IOC_SET_DELIVERY,
 *	STACQ_IOC_CREATE)
 * @set: STACQ_SET_* bits: which of the following are set. The others stay as they
 *	are, or 0 in a new queue, and -1 for @dead_letter
 * @full: STACQ_FULL_*
 * @lease_ms: milliseconds that a lease lasts, 0 is without end
 * @ttl_ms: milliseconds after which a message is not delivered any more, 0 is
 *	without end
 * @max_deliveries: how often a message may be given back: the last of these times
 *	it becomes a dead letter; 0 is without end
 * @dead_letter: the queue that dead letters go to, as a file that is open for
 *	writing; -1 for none: they are thrown away
 */
struct stacq_delivery {
	__u32		set;
	__u32		full;
	__aligned_u64	lease_ms;
	__aligned_u64	ttl_ms;
	__u32		max_deliveries;
	__s32		dead_letter;
};

/**
 * struct stacq_create - make a queue (STACQ_IOC_CREATE)
 * @name: 1 to 63 of letters, digits, '.', '_' and '-', not starting with '.'
 *	or '-'; terminated by a NUL
 * @order: STACQ_FIFO, STACQ_LIFO or STACQ_PRIORITY
 * @flags: zero
 * @max_msgs: most messages stored at once; 0 is no limit
 * @max_bytes: most bytes of messages stored at once; 0 is no limit
 * @max_msg_size: most bytes of one message; 0 is no limit
 * @capacity: messages to make room for at once; 0 is 1
 * @uid: owner of the device node, or STACQ_CALLER
 * @gid: group of the device node, or STACQ_CALLER
 * @mode: permission bits of the device node (at most 0777)
 * @reserved: zero
 * @delivery: how its messages are delivered
 */
struct stacq_create {
	char		name[STACQ_NAME_SIZE];
	__u32		order;
	__u32		flags;
	__aligned_u64	max_msgs;
	__aligned_u64	max_bytes;
	__aligned_u64	max_msg_size;
	__aligned_u64	capacity;
	__u32		uid;
	__u32		gid;
	__u32		mode;
	__u32		reserved;
	struct stacq_delivery delivery;
};

/**
 * struct stacq_remove - remove a queue (STACQ_IOC_REMOVE)
 * @name: its name, terminated by a NUL
 * @flags: zero
 * @reserved: zero
 */
struct stacq_remove {
	char		name[STACQ_NAME_SIZE];
	__u32		flags;
	__u32		reserved;
};

/**
 * struct stacq_info - all there is to know of a queue (STACQ_IOC_INFO)
 * @name: its name, terminated by a NUL
 * @abi_version: STACQ_ABI_VERSION of the module
 * @order: STACQ_FIFO, STACQ_LIFO or STACQ_PRIORITY
 * @state: STACQ_STATE_* bits
 * @readers_waiting: callers blocked in a read
 * @writers_waiting: callers blocked in a write
 * @reserved: zero
 * @depth: messages a reader can take
 * @bytes: bytes of these messages
 * @held: messages in the hands of readers that have not taken the last byte
 * @held_bytes: bytes of these messages
 * @capacity: messages there is room for without growing
 * @max_msgs: limit, 0 is none
 * @max_bytes: limit, 0 is none
 * @max_msg_size: limit, 0 is none
 * @high_water: most messages ever stored at once
 * @memory: bytes of kernel memory the room takes up now
 * @sent: messages ever sent
 * @received: messages ever received to the last byte
 * @requeued: times a message was given back
 * @discarded: messages thrown away by a purge
 * @growths: times the capacity was raised on demand
 * @shrinks: times unused capacity was given back on its own
 * @inflight: messages under lease
 * @inflight_bytes: bytes of these messages
 * @lapsed: leases that ended because their time was over
 * @lease_ms: as in &struct stacq_delivery
 * @ttl_ms: likewise
 * @max_deliveries: likewise
 * @full: likewise
 * @expired: messages whose time was over before they were received
 * @exhausted: messages that were given back max_deliveries times
 * @dead_lettered: of these two, those that went to the dead-letter queue; the
 *	others were thrown away
 * @dead: of these two, those that are still here: the dead-letter queue is full
 * @refused: messages refused because the queue was full (STACQ_FULL_FAIL)
 * @dropped_oldest: messages thrown away for later ones
 * @dropped_newest: messages thrown away instead of being sent
 * @dead_letter: name of the dead-letter queue, or nothing
 */
struct stacq_info {
	char		name[STACQ_NAME_SIZE];
	__u32		abi_version;
	__u32		order;
	__u32		state;
	__u32		readers_waiting;
	__u32		writers_waiting;
	__u32		reserved;
	__aligned_u64	depth;
	__aligned_u64	bytes;
	__aligned_u64	held;
	__aligned_u64	held_bytes;
	__aligned_u64	capacity;
	__aligned_u64	max_msgs;
	__aligned_u64	max_bytes;
	__aligned_u64	max_msg_size;
	__aligned_u64	high_water;
	__aligned_u64	memory;
	__aligned_u64	sent;
	__aligned_u64	received;
	__aligned_u64	requeued;
	__aligned_u64	discarded;
	__aligned_u64	growths;
	__aligned_u64	shrinks;
	__aligned_u64	inflight;
	__aligned_u64	inflight_bytes;
	__aligned_u64	lapsed;
	__aligned_u64	lease_ms;
	__aligned_u64	ttl_ms;
	__u32		max_deliveries;
	__u32		full;
	__aligned_u64	expired;
	__aligned_u64	exhausted;
	__aligned_u64	dead_lettered;
	__aligned_u64	dead;
	__aligned_u64	refused;
	__aligned_u64	dropped_oldest;
	__aligned_u64	dropped_newest;
	char		dead_letter[STACQ_NAME_SIZE];
};

/**
 * struct stacq_capacity - set the room (STACQ_IOC_SET_CAPACITY)
 * @capacity: messages to have room for, at least 1
 * @previous: set by the module: the capacity before
 * @flags: zero
 * @reserved: zero
 */
struct stacq_capacity {
	__aligned_u64	capacity;
	__aligned_u64	previous;
	__u32		flags;
	__u32		reserved;
};

/**
 * struct stacq_limits - set the limits (STACQ_IOC_SET_LIMITS)
 * @max_msgs: 0 is no limit, STACQ_UNCHANGED leaves it as it is
 * @max_bytes: likewise
 * @max_msg_size: likewise
 * @flags: zero
 * @reserved: zero
 */
struct stacq_limits {
	__aligned_u64	max_msgs;
	__aligned_u64	max_bytes;
	__aligned_u64	max_msg_size;
	__u32		flags;
	__u32		reserved;
};

/**
 * struct stacq_peek - look at a message without taking it (STACQ_IOC_PEEK)
 * @position: 0 is the message the next read would take, 1 the one after it.
 *	With STACQ_PEEK_HELD set by the module: how many bytes of the message
 *	have been read
 * @buf: address of the buffer for its bytes
 * @buf_len: size of the buffer; 0 to learn the rest only, and with flags
 * @len: set by the module: length of the message, which may exceed @buf_len
 * @seq: set by the module: its number; they rise in the order of sending
 * @sent_ns: set by the module: when it was sent (CLOCK_REALTIME, nanoseconds,
 *	as fine as the kernel's tick), or what its sender said
 * @priority: set by the module: as its sender said in a frame, else 0
 * @deliveries: set by the module: times it was given back, at most 255,
 *	counted on from what its sender said
 * @flags: STACQ_PEEK_HELD, STACQ_PEEK_LEASED or zero
 * @reserved: zero
 * @first_ns: set by the module: of a dead letter, when it was sent to the queue in
 *	which it died, as @sent_ns was there; else 0
 * @ttl_ms: set by the module: milliseconds from @sent_ns after which it is not
 *	delivered any more, as its sender said in a frame; 0 is without end. The
 *	queue's ttl_ms holds as well
 * @cause: set by the module: of a dead letter STACQ_CAUSE_*, else 0
 * @died_after: set by the module: of a dead letter, times it was given back in the
 *	queue in which it died
 * @reserved2: zero
 * @origin: set by the module: of a dead letter, the queue in which it died; else
 *	nothing
 */
struct stacq_peek {
	__aligned_u64	position;
	__aligned_u64	buf;
	__aligned_u64	buf_len;
	__aligned_u64	len;
	__aligned_u64	seq;
	__aligned_u64	sent_ns;
	__u32		priority;
	__u32		deliveries;
	__u32		flags;
	__u32		reserved;
	__aligned_u64	first_ns;
	__u32		ttl_ms;
	__u32		cause;
	__u32		died_after;
	__u32		reserved2;
	char		origin[STACQ_NAME_SIZE];
};

/**
 * struct stacq_purge - throw away what is stored (STACQ_IOC_PURGE)
 * @discarded: set by the module: how many messages that were
 * @flags: zero
 * @reserved: zero
 */
struct stacq_purge {
	__aligned_u64	discarded;
	__u32		flags;
	__u32		reserved;
};

/**
 * struct stacq_mode - how read and write of this open file work
 *	(STACQ_IOC_SET_MODE)
 * @flags: STACQ_MODE_* bits
 * @priority: of the messages that a write sends, 0 to STACQ_PRIORITY_MAX; in
 *	framed mode each frame has its own
 * @max_inflight: in lease mode: nothing more is read while so many messages are
 *	under lease; 0 is no limit
 * @reserved: zero
 * @read_timeout_ns: nanoseconds after which a read that waits ends with ETIMEDOUT;
 *	0 is without end
 * @write_timeout_ns: likewise of a write
 */
struct stacq_mode {
	__u32		flags;
	__u32		priority;
	__u32		max_inflight;
	__u32		reserved;
	__aligned_u64	read_timeout_ns;
	__aligned_u64	write_timeout_ns;
};

/**
 * struct stacq_settlement - what becomes of messages under lease
 *	(STACQ_IOC_ACK, STACQ_IOC_GIVE_BACK, STACQ_IOC_EXTEND)
 * @id: STACQ_LEASE_ID() of one that this open file holds
 * @count: set by the module: how many messages that were
 * @flags: STACQ_SETTLE_* bits
 * @reserved: zero
 */
struct stacq_settlement {
	__aligned_u64	id;
	__aligned_u64	count;
	__u32		flags;
	__u32		reserved;
};

/**
 * struct stacq_transfer - read or write with a deadline (STACQ_IOC_READ,
 *	STACQ_IOC_WRITE)
 * @buf: address of the buffer
 * @len: its size
 * @deadline_ns: CLOCK_MONOTONIC in nanoseconds: when the call ends with ETIMEDOUT if
 *	it still waits; 0 is without end. The timeouts of the open file do not count
 * @flags: zero
 * @reserved: zero
 *
 * The request returns what read() or write() would.
 */
struct stacq_transfer {
	__aligned_u64	buf;
	__aligned_u64	len;
	__aligned_u64	deadline_ns;
	__u32		flags;
	__u32		reserved;
};

/**
 * struct stacq_notice - be told by an eventfd (STACQ_IOC_NOTIFY)
 * @fd: the eventfd; its count rises by one each time
 * @events: STACQ_NOTICE_* bits: of what; 0 for of nothing any more. This open file
 *	and that eventfd have what was asked for last
 * @depth: for STACQ_NOTICE_DEPTH: how many messages, at least 1; else 0
 * @flags: zero
 * @reserved: zero
 *
 * It ends when the open file is closed.
 */
struct stacq_notice {
	__s32		fd;
	__u32		events;
	__aligned_u64	depth;
	__u32		flags;
	__u32		reserved;
};

/**
 * struct stacq_move - move messages to another queue (STACQ_IOC_MOVE)
 * @most: how many at most, 0 is all that are stored now
 * @moved: set by the module: how many that were
 * @to: the other queue, as a file that is open for writing
 * @flags: zero
 *
 * They are taken in the order of reading, and arrive as if sent anew with the
 * priority they have: when they were sent, how often they were given back and, of
 * a dead letter, where from, is not kept.
 */
struct stacq_move {
	__aligned_u64	most;
	__aligned_u64	moved;
	__s32		to;
	__u32		flags;
};

#define STACQ_CREATE_SIZE_VER0		120
#define STACQ_REMOVE_SIZE_VER0		72
#define STACQ_INFO_SIZE_VER0		216
#define STACQ_CAPACITY_SIZE_VER0	24
#define STACQ_LIMITS_SIZE_VER0		32
#define STACQ_PEEK_SIZE_VER0		64
#define STACQ_PURGE_SIZE_VER0		16
#define STACQ_MODE_SIZE_VER0		8
#define STACQ_SETTLEMENT_SIZE_VER0	24
#define STACQ_DELIVERY_SIZE_VER0	32
#define STACQ_TRANSFER_SIZE_VER0	32
#define STACQ_NOTICE_SIZE_VER0		24
#define STACQ_MOVE_SIZE_VER0		24

#define STACQ_IOC_MAGIC		0xBE

/* On /dev/stacq/control */
#define STACQ_IOC_CREATE	_IOW(STACQ_IOC_MAGIC, 0x00, struct stacq_create)
#define STACQ_IOC_REMOVE	_IOW(STACQ_IOC_MAGIC, 0x01, struct stacq_remove)

/* On /dev/stacq/NAME; FIONREAD works there as well */
#define STACQ_IOC_INFO		_IOR(STACQ_IOC_MAGIC, 0x10, struct stacq_info)
#define STACQ_IOC_SET_CAPACITY	_IOWR(STACQ_IOC_MAGIC, 0x11, struct stacq_capacity)
#define STACQ_IOC_SET_LIMITS	_IOW(STACQ_IOC_MAGIC, 0x12, struct stacq_limits)
#define STACQ_IOC_PEEK		_IOWR(STACQ_IOC_MAGIC, 0x13, struct stacq_peek)
#define STACQ_IOC_PURGE		_IOWR(STACQ_IOC_MAGIC, 0x14, struct stacq_purge)
#define STACQ_IOC_SEAL		_IO(STACQ_IOC_MAGIC, 0x15)
#define STACQ_IOC_UNSEAL	_IO(STACQ_IOC_MAGIC, 0x16)
#define STACQ_IOC_SET_MODE	_IOW(STACQ_IOC_MAGIC, 0x17, struct stacq_mode)
#define STACQ_IOC_ACK		_IOWR(STACQ_IOC_MAGIC, 0x18, struct stacq_settlement)
#define STACQ_IOC_GIVE_BACK	_IOWR(STACQ_IOC_MAGIC, 0x19, struct stacq_settlement)
#define STACQ_IOC_EXTEND	_IOWR(STACQ_IOC_MAGIC, 0x1a, struct stacq_settlement)
#define STACQ_IOC_SET_DELIVERY	_IOW(STACQ_IOC_MAGIC, 0x1b, struct stacq_delivery)
#define STACQ_IOC_READ		_IOW(STACQ_IOC_MAGIC, 0x1c, struct stacq_transfer)
#define STACQ_IOC_WRITE		_IOW(STACQ_IOC_MAGIC, 0x1d, struct stacq_transfer)
#define STACQ_IOC_NOTIFY	_IOW(STACQ_IOC_MAGIC, 0x1e, struct stacq_notice)
#define STACQ_IOC_MOVE		_IOWR(STACQ_IOC_MAGIC, 0x1f, struct stacq_move)

#endif /* _UAPI_LINUX_STACQ_H */
