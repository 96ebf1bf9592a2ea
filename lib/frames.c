// SPDX-License-Identifier: MIT
/*
 * libstacq: frames in memory. Nothing here makes a system call. See stacq.h.
 */
#include "stacq.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define DELIVERIES_MAX	255
#define SENT_NS_MAX	(~0ULL >> 1)
#define TTL_MS_MAX	0x7fffffff

ssize_t stacq_frame_put(void *buf, size_t size, const void *data, size_t len,
			const struct stacq_peek *desc)
{
	static const struct stacq_peek plain;
	struct stacq_frame head = { 0 };
	char *to = buf;

	if (!desc)
		desc = &plain;
	if (len == 0 || len > UINT32_MAX ||
	    desc->priority > STACQ_PRIORITY_MAX ||
	    desc->deliveries > DELIVERIES_MAX || desc->sent_ns > SENT_NS_MAX ||
	    desc->ttl_ms > TTL_MS_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (STACQ_FRAME_SIZE(len) > size) {
		errno = ENOBUFS;
		return -1;
	}
	head.magic = htole16(STACQ_FRAME_MAGIC);
	head.priority = htole16((uint16_t)desc->priority);
	head.len = htole32((uint32_t)len);
	head.seq = htole64(desc->seq);
	head.sent_ns = htole64(desc->sent_ns);
	head.deliveries = htole32(desc->deliveries);
	head.ttl_ms = htole32(desc->ttl_ms);
	memmove(to + sizeof(head), data, len);
	memcpy(to, &head, sizeof(head));
	memset(to + sizeof(head) + len, 0, -len & 7);
	return (ssize_t)STACQ_FRAME_SIZE(len);
}

ssize_t stacq_frame_next(const void *buf, size_t size, const void **data,
			 struct stacq_peek *desc)
{
	static const unsigned char magic[] = {
		STACQ_FRAME_MAGIC & 0xff, STACQ_FRAME_MAGIC >> 8,
	};
	struct stacq_frame head;

	memset(desc, 0, sizeof(*desc));
	if (size == 0)
		return 0;
	if (memcmp(buf, magic, size < sizeof(magic) ? size : sizeof(magic)) != 0)
		goto bad;
	if (size < sizeof(head))
		return 0;
	/* It may be at any address. */
	memcpy(&head, buf, sizeof(head));
	*desc = (struct stacq_peek) {
		.len = le32toh(head.len),
		.seq = le64toh(head.seq),
		.sent_ns = le64toh(head.sent_ns),
		.priority = le16toh(head.priority),
		.deliveries = le32toh(head.deliveries),
		.ttl_ms = le32toh(head.ttl_ms),
	};
	if (desc->len == 0 || desc->priority > STACQ_PRIORITY_MAX ||
	    desc->sent_ns > SENT_NS_MAX || desc->deliveries > DELIVERIES_MAX ||
	    desc->ttl_ms > TTL_MS_MAX)
		goto bad;
	if (STACQ_FRAME_SIZE(desc->len) > size)
		return 0;
	*data = (const char *)buf + sizeof(head);
	return (ssize_t)STACQ_FRAME_SIZE(desc->len);

bad:
	errno = EBADMSG;
	return -1;
}
