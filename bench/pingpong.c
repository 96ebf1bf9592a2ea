// SPDX-License-Identifier: GPL-2.0
/* Two processes on one processor: a message there, and the same back. */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peers.h"

/*
 * The scheduler takes a third of a second (of the guest) to settle on who runs
 * after a wake-up; until then a round trip costs up to a tenth less or more.
 */
#define SETTLED	350000000

static void child_gone(int signal)
{
	(void)signal;
	static const char text[] = "bench: the other process is gone\n";

	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

/*
 * The other process sends back what it got, so its bytes are checked here, and
 * it spends no time on that.
 */
static void send_back(const struct peer *p, struct link *there, struct link *back)
{
	unsigned char *buf = buffer(SMALL);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		p->receive(there, buf, SMALL);
		p->send(back, buf, SMALL);
	}
}

static double round_trip(const struct peer *p)
{
	uint64_t rounds = rounds_for(10000), total = 0, nr = 0, begin;
	unsigned char *in = buffer(SMALL), *out = buffer(SMALL);
	struct link there, back;
	pid_t child;

	p->open(&there, SMALL, 1);
	p->open(&back, SMALL, 1);
	signal(SIGCHLD, child_gone);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child)
		send_back(p, &there, &back);
	begin = now();
	for (uint64_t counted = 0; counted < rounds; nr++) {
		uint64_t start, end;

		stamp(out, SMALL, nr);
		start = now();
		p->send(&there, out, SMALL);
		p->receive(&back, in, SMALL);
		end = now();
		if (start - begin > SETTLED) {
			total += end - start;
			counted++;
		}
		if (p->kind != FLOOR)
			expect(in, SMALL, nr);
	}
	signal(SIGCHLD, SIG_DFL);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	p->close(&there);
	p->close(&back);
	return (double)total / (double)rounds;
}

void pingpong(void)
{
	FOR_EACH_PEER(p)
		if (p->kind != FLOOR)
			result("ping-pong", "64 B", p->name, p->kind, round_trip(p));
	result("ping-pong", "64 B", peer_eventfd.name, FLOOR,
	       round_trip(&peer_eventfd));
}
