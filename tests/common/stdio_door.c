// SPDX-License-Identifier: GPL-2.0
/*
 * stdio_door FILE COUNT: COUNT messages into FILE and out of it again through
 * buffered stdio, as a program would that knows nothing of queues. Each is
 * "Welcome number K", in order, none missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_or_die(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

int main(int argc, char **argv)
{
	char line[64], wanted[64];
	unsigned long count, k;
	FILE *f;

	if (argc != 3)
		return 2;
	count = strtoul(argv[2], NULL, 10);

	f = open_or_die(argv[1], "w");
	for (k = 1; k <= count; k++) {
		fprintf(f, "Welcome number %lu\n", k);
		if (fflush(f)) {
			perror("write");
			return 1;
		}
	}
	fclose(f);

	for (k = 1; k <= count; k++) {
		snprintf(wanted, sizeof(wanted), "Welcome number %lu\n", k);
		f = open_or_die(argv[1], "r");
		if (!fgets(line, sizeof(line), f)) {
			fprintf(stderr, "nothing to read for message %lu\n", k);
			return 1;
		}
		if (strcmp(line, wanted)) {
			fprintf(stderr, "wanted %sgot %s", wanted, line);
			return 1;
		}
		if (fgets(line, sizeof(line), f)) {
			fprintf(stderr, "a second message: %s", line);
			return 1;
		}
		fclose(f);
	}

	f = open_or_die(argv[1], "r");
	if (fgets(line, sizeof(line), f)) {
		fprintf(stderr, "one too many: %s", line);
		return 1;
	}
	fclose(f);
	return 0;
}
