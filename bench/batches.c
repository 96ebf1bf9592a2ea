// SPDX-License-Identifier: GPL-2.0
/*
 * Batches of 64-byte messages: so many sent, then so many received, by one
 * thread. Who has calls that carry many messages is measured with these; the
 * others with a call for each message.
 *
 * The buffers are filled before the clock runs, and checked after it: what is
 * counted is the calls.
 */
#include <endian.h>
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/stacq.h>

#include "peers.h"

#define MOST	128

/* In one piece, each message with its header before it. */
static unsigned char *in, *out;

struct batch {
	const char *name;
	enum kind kind;
	size_t header;	/* bytes before each message */
	/* False: this kernel does not have it. */
	bool (*open)(struct link *l);
	void (*put_header)(unsigned char *header);
	void (*check_header)(const unsigned char *header);
	void (*send)(struct link *l, unsigned int n);
	void (*receive)(struct link *l, unsigned int n);
	void (*close)(struct link *l);
};

/* Whoever takes a stream of bytes may take a part of it. */
static void write_all(struct link *l, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = write(l->to, out + done, bytes - done);

		if (n <= 0)
			err(1, "write of a batch");
		done += (size_t)n;
	}
}

static void read_all(struct link *l, size_t bytes)
{
	for (size_t done = 0; done < bytes;) {
		ssize_t n = read(l->from, in + done, bytes - done);

		if (n <= 0)
			err(1, "read of a batch");
		done += (size_t)n;
	}
}

/*
 * stacq, framed
 */

#define FRAME	STACQ_FRAME_SIZE(SMALL)

static bool framed_open(struct link *l)
{
	struct stacq_mode mode = { .flags = STACQ_MODE_FRAMED };
	const struct peer *p = peer_named("stacq fifo");

	p->open(l, SMALL, MOST);
	if (!ioctl(l->to, STACQ_IOC_SET_MODE, &mode))
		return true;
	if (errno != ENOTTY)
		err(1, "cannot set the framed mode");
	p->close(l);
	return false;
}

static void framed_put_header(unsigned char *header)
{
	struct stacq_frame f = {
		.magic = htole16(STACQ_FRAME_MAGIC), .len = htole32(SMALL),
	};

	memcpy(header, &f, sizeof(f));
}

static void framed_check_header(const unsigned char *header)
{
	struct stacq_frame f;

	memcpy(&f, header, sizeof(f));
	if (le16toh(f.magic) != STACQ_FRAME_MAGIC || le32toh(f.len) != SMALL ||
	    f.priority || f.deliveries || f.ttl_ms)
		errx(1, "a frame is not what was sent");
}

static void framed_send(struct link *l, unsigned int n)
{
	write_all(l, n * FRAME);
}

static void framed_receive(struct link *l, unsigned int n)
{
	read_all(l, n * FRAME);
}

static void framed_close(struct link *l)
{
	peer_named("stacq fifo")->close(l);
}

/*
 * A pipe whose user puts the length before each message. It has one reader
 * only: two would tear the messages.
 */

static bool stream_open(struct link *l)
{
	peer_named("pipe")->open(l, SMALL, MOST);
	return true;
}

static void stream_put_header(unsigned char *header)
{
	uint32_t len = SMALL;

	memcpy(header, &len, sizeof(len));
}

static void stream_check_header(const unsigned char *header)
{
	uint32_t len;

	memcpy(&len, header, sizeof(len));
	if (len != SMALL)
		errx(1, "a length is not what was sent");
}

static void stream_send(struct link *l, unsigned int n)
{
	write_all(l, n * (4 + SMALL));
}

static void stream_receive(struct link *l, unsigned int n)
{
	read_all(l, n * (4 + SMALL));
}

static void stream_close(struct link *l)
{
	peer_named("pipe")->close(l);
}

/*
 * Sockets with sendmmsg and recvmmsg
 */

static struct mmsghdr out_headers[MOST], in_headers[MOST];
static struct iovec out_pieces[MOST], in_pieces[MOST];

static void mmsg_prepare(void)
{
	for (size_t i = 0; i < MOST; i++) {
		out_pieces[i] = (struct iovec){ out + i * SMALL, SMALL };
		in_pieces[i] = (struct iovec){ in + i * SMALL, SMALL };
		out_headers[i].msg_hdr.msg_iov = &out_pieces[i];
		out_headers[i].msg_hdr.msg_iovlen = 1;
		in_headers[i].msg_hdr.msg_iov = &in_pieces[i];
		in_headers[i].msg_hdr.msg_iovlen = 1;
	}
}

static bool seqpacket_open(struct link *l)
{
	mmsg_prepare();
	peer_named("AF_UNIX seqpacket")->open(l, SMALL, MOST);
	return true;
}

static bool dgram_open(struct link *l)
{
	mmsg_prepare();
	peer_named("AF_UNIX dgram")->open(l, SMALL, MOST);
	return true;
}

static void mmsg_send(struct link *l, unsigned int n)
{
	if (sendmmsg(l->to, out_headers, n, 0) != (int)n)
		err(1, "sendmmsg");
}

static void mmsg_receive(struct link *l, unsigned int n)
{
	if (recvmmsg(l->from, in_headers, n, 0, NULL) != (int)n)
		err(1, "recvmmsg");
	for (unsigned int i = 0; i < n; i++)
		if (in_headers[i].msg_len != SMALL)
			errx(1, "a message of %u bytes came", in_headers[i].msg_len);
}

static void mmsg_close(struct link *l)
{
	peer_named("AF_UNIX seqpacket")->close(l);
}

static const struct batch many[] = {
	{ "stacq fifo framed", STACQ, FRAME - SMALL, framed_open,
	  framed_put_header, framed_check_header, framed_send, framed_receive,
	  framed_close },
	{ "seqpacket sendmmsg", PEER_BATCH, 0, seqpacket_open, NULL, NULL,
	  mmsg_send, mmsg_receive, mmsg_close },
	{ "dgram sendmmsg", PEER_BATCH, 0, dgram_open, NULL, NULL, mmsg_send,
	  mmsg_receive, mmsg_close },
	{ "pipe with lengths (one reader)", SHOWN, 4, stream_open,
	  stream_put_header, stream_check_header, stream_send, stream_receive,
	  stream_close },
};

/* Instructions a message; with p a call for each, else as b does. */
static double cost(const struct peer *p, const struct batch *b, unsigned int n)
{
	uint64_t rounds = rounds_for(3000 * n), warm = rounds / 8 + 4;
	uint64_t nr = 0, total = 0;
	size_t header = b ? b->header : 8, step = header + SMALL;
	struct link l;

	if (p)
		p->open(&l, SMALL, n);
	else if (!b->open(&l))
		return NAN;
	for (uint64_t i = 0; i < warm + rounds; i++, nr += n) {
		uint64_t start, end;

		for (unsigned int k = 0; k < n; k++) {
			if (b && b->put_header)
				b->put_header(out + k * step);
			stamp(out + k * step + header, SMALL, nr + k);
		}
		start = now();
		if (p) {
			for (unsigned int k = 0; k < n; k++)
				p->send(&l, out + k * step + header, SMALL);
			for (unsigned int k = 0; k < n; k++)
				p->receive(&l, in + k * step + header, SMALL);
		} else {
			b->send(&l, n);
			b->receive(&l, n);
		}
		end = now();
		if (i >= warm)
			total += end - start;
		for (unsigned int k = 0; k < n && !(p && p->kind == FLOOR); k++) {
			unsigned char *at = in + k * step;
			unsigned int which = p && p->lifo ? n - 1 - k : k;

			if (b && b->check_header)
				b->check_header(at);
			expect(at + header, SMALL, nr + which);
		}
	}
	if (p)
		p->close(&l);
	else
		b->close(&l);
	return (double)total / (double)(rounds * n);
}

void batches(void)
{
	static const unsigned int sizes[] = { 1, 8, 32, MOST };

	out = buffer(MOST * FRAME);
	in = buffer(MOST * FRAME);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char column[32];

		snprintf(column, sizeof(column), "%u", sizes[i]);
		for (size_t k = 0; k < sizeof(many) / sizeof(many[0]); k++)
			result("batches", column, many[k].name, many[k].kind,
			       cost(NULL, &many[k], sizes[i]));
		FOR_EACH_PEER(p)
			result("batches", column, p->name, p->kind,
			       cost(p, NULL, sizes[i]));
	}
}
