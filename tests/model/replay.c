// SPDX-License-Identifier: GPL-2.0
/* Run kept inputs, for a compiler without libFuzzer, and to measure what they reach. */
#include <stdio.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static int replay(const char *name)
{
	static unsigned char data[1 << 16];
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file) {
		perror(name);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	return LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (replay(argv[i]))
			return 1;
	printf("%d inputs replayed\n", argc - 1);
	return 0;
}
