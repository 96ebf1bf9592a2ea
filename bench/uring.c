// SPDX-License-Identifier: GPL-2.0
/*
 * 64-byte messages through io_uring: a send, and when it is done a receive;
 * and 32 sends with one call, then 32 receives with one call.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <math.h>
#include <string.h>

#include "peers.h"

#define MOST	32

static struct io_uring ring;
static unsigned char *in, *out;

/* Submit what is prepared, all of the same kind, and see it done. */
static void finish(unsigned int n)
{
	struct io_uring_cqe *cqe;
	int done = io_uring_submit_and_wait(&ring, n);
	unsigned int head, seen = 0;

	if (done != (int)n)
		errx(1, "io_uring took %d requests of %u", done, n);
	io_uring_for_each_cqe(&ring, head, cqe) {
		if (cqe->res != SMALL)
			errx(1, "io_uring: %s", cqe->res < 0 ? strerror(-cqe->res) :
			     "a message was cut");
		seen++;
	}
	if (seen != n)
		errx(1, "io_uring did %u requests of %u", seen, n);
	io_uring_cq_advance(&ring, n);
}

static double cost(const struct peer *p, unsigned int n)
{
	uint64_t rounds = rounds_for(4000 * n), warm = rounds / 8 + 4;
	uint64_t nr = 0, total = 0;
	bool socket = !strncmp(p->name, "AF_UNIX", 7);
	struct link l;

	p->open(&l, SMALL, MOST);
	/*
	 * On 6.1 io_uring hands requests for a blocking pipe to a thread, and
	 * they cost fifty times as much.
	 */
	if (!strcmp(p->name, "pipe") && (fcntl(l.to, F_SETFL, O_NONBLOCK) ||
					 fcntl(l.from, F_SETFL, O_NONBLOCK)))
		err(1, "O_NONBLOCK");
	for (uint64_t i = 0; i < warm + rounds; i++, nr += n) {
		uint64_t start, end;

		for (unsigned int k = 0; k < n; k++)
			stamp(out + k * SMALL, SMALL, nr + k);
		start = now();
		for (unsigned int k = 0; k < n; k++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

			if (socket)
				io_uring_prep_send(sqe, l.to, out + k * SMALL, SMALL, 0);
			else
				io_uring_prep_write(sqe, l.to, out + k * SMALL, SMALL, -1);
		}
		finish(n);
		for (unsigned int k = 0; k < n; k++) {
			struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

			if (socket)
				io_uring_prep_recv(sqe, l.from, in + k * SMALL, SMALL, 0);
			else
				io_uring_prep_read(sqe, l.from, in + k * SMALL, SMALL, -1);
		}
		finish(n);
		end = now();
		if (i >= warm)
			total += end - start;
		for (unsigned int k = 0; k < n; k++)
			expect(in + k * SMALL, SMALL, nr + k);
	}
	p->close(&l);
	return (double)total / (double)(rounds * n);
}

void uring(void)
{
	static const char *const names[] = {
		"stacq fifo", "pipe", "AF_UNIX seqpacket",
	};
	int error = io_uring_queue_init(2 * MOST, &ring, 0);

	out = buffer((size_t)MOST * SMALL);
	in = buffer((size_t)MOST * SMALL);
	for (unsigned int n = 1; n <= MOST; n += MOST - 1)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			const struct peer *p = peer_named(names[i]);

			result("io_uring", n == 1 ? "1" : "32", p->name,
			       p->kind, error ? NAN : cost(p, n));
		}
	if (!error)
		io_uring_queue_exit(&ring);
}
