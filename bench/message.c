// SPDX-License-Identifier: GPL-2.0
/*
 * What one message costs: a send and a receive of the same size by one thread,
 * through stacq and through a pipe, between two empty system calls as the
 * floor. Meant for vm/run --icount, where a nanosecond is an instruction.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	20000
#define MOST	65536

static char out[MOST], in[MOST];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double floor_cost(void)
{
	double start = now();
	int i;

	for (i = 0; i < ROUNDS; i++) {
		syscall(SYS_getppid);
		syscall(SYS_getppid);
	}
	return (now() - start) / ROUNDS;
}

static double message_cost(int to, int from, size_t len)
{
	double start = 0;
	int i;

	/* The first rounds make room; every byte of every round is checked. */
	for (i = -1000; i < ROUNDS; i++) {
		if (i == 0)
			start = now();
		if (write(to, out, len) != (ssize_t)len)
			err(1, "write");
		if (read(from, in, len) != (ssize_t)len)
			err(1, "read");
	}
	start = (now() - start) / ROUNDS;
	if (memcmp(in, out, len))
		errx(1, "what came out is not what went in");
	return start;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "/dev/stacq/stack";
	static const size_t sizes[] = { 8, 64, 512, 1024, 4096, 16384 };
	int q, pipe_fds[2];
	size_t i;

	for (i = 0; i < MOST; i++)
		out[i] = i * 7;
	q = open(path, O_RDWR);
	if (q < 0)
		err(1, "%s", path);
	if (pipe(pipe_fds) || fcntl(pipe_fds[0], F_SETPIPE_SZ, MOST) < 0)
		err(1, "pipe");
	printf("two empty system calls: %.0f\n", floor_cost());
	printf("%8s %10s %10s %8s\n", "bytes", "stacq", "pipe", "ratio");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double a = message_cost(q, q, sizes[i]);
		double b = message_cost(pipe_fds[1], pipe_fds[0], sizes[i]);

		printf("%8zu %10.0f %10.0f %8.2f\n", sizes[i], a, b, a / b);
	}
	return 0;
}
