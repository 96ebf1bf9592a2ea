// SPDX-License-Identifier: GPL-2.0
#include "parts.h"

/*
 * Open files. Each place has a kind and a mode for good, and a number of its own,
 * so that what a call on it may return is known whoever closes or replaces it.
 */

enum kind kind_of(int place)
{
	if (place == 3 || place == 4)
		return CONTROL_FILE;
	if (place < 26)
		return QUEUE;
	return place < 31 ? DOOR : ATTRIBUTE;
}

bool strict(int place)
{
	return place < 5;
}

int mode_of(int place)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY, O_RDWR };

	if (place == 3)
		return O_WRONLY;
	if (place == 4)
		return O_RDONLY;
	return modes[place % 4];
}

int pick_place(enum kind kind)
{
	switch (kind) {
	case CONTROL_FILE:
		return 3 + one_in(8);
	case DOOR:
		return 26 + below(5);
	case ATTRIBUTE:
		return 31 + below(PLACES - 31);
	default:
		if (one_in(4))
			return below(3);
		return 5 + below(21);
	}
}

int any_place(void)
{
	unsigned int n = below(20);

	return pick_place(n < 15 ? QUEUE : n < 16 ? CONTROL_FILE :
			  n < 18 ? DOOR : ATTRIBUTE);
}

/* What any call on the file at this place may say. */
struct expect expect_file(int place)
{
	struct expect e = { 0 };

	if (!strict(place))
		MAY(&e, EBADF);
	switch (kind_of(place)) {
	case QUEUE:
	case DOOR:
		if (!strict(place))
			MAY(&e, EIDRM);
		break;
	case ATTRIBUTE:
		/* The kernel's own: the device is gone. */
		MAY(&e, EIDRM, ENODEV);
		break;
	default:
		break;
	}
	return e;
}

void expect_mode(struct expect *e, int place, bool write)
{
	if (mode_of(place) == (write ? O_RDONLY : O_WRONLY))
		MUST(e, EBADF);
}

/* Those that come and go. */
const char *const names[NR_NAMES] = {
	"fuzz.0", "fuzz.1", "fuzz.2", "fuzz.3", "fuzz.4", "fuzz.5", "_", "stack",
	"fuzz.a-name-of-63-characters-which-is-as-long-as-they-may-be-00",
};

const char *const odd_names[NR_ODD_NAMES] = {
	"", ".", "..", "-", ".x", "-x", "a/b", "../x", "a b", "a\n", "\xff",
	"a!b", "a:b", "%s%n", "control", KEEP, CHECK_FIFO,
	"fuzz.a-name-of-64-characters-which-is-longer-than-they-may-be-00",
};

static const char *const attributes[] = {
	"capacity", "max_msgs", "max_bytes", "max_msg_size", "depth", "bytes",
	"held", "order", "high_water", "memory", "sent", "received",
	"requeued", "discarded", "growths", "shrinks", "inflight", "lapsed", "lease_ms",
	"ttl_ms", "max_deliveries", "dead_letter", "full", "expired", "exhausted", "dead_lettered", "dead",
	"refused", "dropped_oldest", "dropped_newest", "readers_waiting", "writers_waiting", "sealed", "uevent", "dev",
};

void pick_path(int place, char *path, size_t size)
{
	const char *name = one_in(8) ? KEEP : ANY_OF(names);

	switch (kind_of(place)) {
	case QUEUE:
		snprintf(path, size, "/dev/stacq/%s", name);
		break;
	case CONTROL_FILE:
		snprintf(path, size, CONTROL);
		break;
	case DOOR:
		snprintf(path, size, "/proc/msg_queue");
		break;
	case ATTRIBUTE:
		snprintf(path, size, "/sys/class/stacq/%s/%s", name,
			 attributes[one_in(2) ? below(4) :
				    below(ARRAY_SIZE(attributes))]);
		break;
	}
}

/* Mostly without waiting; what waits is interrupted by a timer. */
int pick_flags(void)
{
	return (one_in(6) ? 0 : O_NONBLOCK) | (one_in(8) ? O_APPEND : 0) |
	       (one_in(16) ? O_TRUNC : 0) | (one_in(16) ? O_SYNC : 0);
}

void put_in_place(int fd, int place)
{
	if (fd < 0)
		return;
	dup2(fd, FD(place));
	close(fd);
}
