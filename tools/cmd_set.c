// SPDX-License-Identifier: GPL-2.0
/* stacq set, stacq seal, stacq unseal, stacq purge */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- set ---------------------------------------------------------------- */

static const char set_help[] =
"Usage: stacq set NAME OPTION...\n"
"Change a queue's capacity, limits and how its messages are delivered, and print\n"
"that before and after.\n"
"Allowed to the owner of the node and to root; nothing that is stored is lost.\n"
"\n"
"  --capacity N           have room for exactly so many messages, up or down, but\n"
"                         not for fewer than are stored\n"
"  --max-msgs N           most messages stored\n"
"  --max-bytes SIZE       most bytes stored\n"
"  --max-msg-size SIZE    most bytes of one message\n"
"  --full POLICY          what a write does when it is full: block, fail,\n"
"                         drop_oldest (that one makes room), drop_newest (what is\n"
"                         written is thrown away)\n"
"  --lease TIME           how long a message may be under lease before it is\n"
"                         given back; holds for leases there are, too\n"
"  --ttl TIME             how long after it was sent a message is delivered\n"
"  --max-deliveries N     how often one may be given back: up to 255\n"
"  --dead-letter QUEUE    where it goes then, or when its time is over\n"
"  --json                 print one object with the values before and after\n"
"  -h, --help             this text\n"
"\n"
"Numbers and sizes may end in K, M, G or T, powers of 1024. For the limits, 0 or\n"
"none is no limit. TIME is seconds, or has a unit: ms, s, m, h or d; none is no\n"
"end, and no QUEUE. The limits are set first, all or none of them, then delivery,\n"
"all or none of that, then the capacity.\n"
"\n"
"  $ stacq set jobs --capacity 4096 --max-bytes 64M\n"
"  jobs: max_bytes 16777216 -> 67108864\n"
"  jobs: capacity 1 -> 4096\n";

static void print_change(const char *name, const char *what, uint64_t before,
			 uint64_t after)
{
	char from[24] = "none", to[24] = "none";

	if (before)
		snprintf(from, sizeof(from), "%" PRIu64, before);
	if (after)
		snprintf(to, sizeof(to), "%" PRIu64, after);
	printf("%s: %s %s -> %s\n", name, what, from, to);
}

static void print_words(const char *name, const char *what, const char *before,
			const char *after)
{
	printf("%s: %s %s -> %s\n", name, what, *before ? before : "none",
	       *after ? after : "none");
}

static void print_delivery(const char *name, uint32_t set, const struct stacq_info *before,
			   const struct stacq_info *after)
{
	if (set & STACQ_SET_FULL)
		print_words(name, "full", full_name(before->full), full_name(after->full));
	if (set & STACQ_SET_LEASE_MS)
		print_change(name, "lease_ms", before->lease_ms, after->lease_ms);
	if (set & STACQ_SET_TTL_MS)
		print_change(name, "ttl_ms", before->ttl_ms, after->ttl_ms);
	if (set & STACQ_SET_MAX_DELIVERIES)
		print_change(name, "max_deliveries", before->max_deliveries,
			     after->max_deliveries);
	if (set & STACQ_SET_DEAD_LETTER)
		print_words(name, "dead_letter", before->dead_letter, after->dead_letter);
}

static struct json_object *values_json(const struct stacq_info *info)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "capacity",
			       json_object_new_uint64(info->capacity));
	json_object_object_add(object, "max_msgs",
			       json_object_new_uint64(info->max_msgs));
	json_object_object_add(object, "max_bytes",
			       json_object_new_uint64(info->max_bytes));
	json_object_object_add(object, "max_msg_size",
			       json_object_new_uint64(info->max_msg_size));
	json_object_object_add(object, "lease_ms",
			       json_object_new_uint64(info->lease_ms));
	json_object_object_add(object, "ttl_ms", json_object_new_uint64(info->ttl_ms));
	json_object_object_add(object, "max_deliveries",
			       json_object_new_uint64(info->max_deliveries));
	json_object_object_add(object, "full",
			       json_object_new_string(full_name(info->full)));
	json_object_object_add(object, "dead_letter",
			       json_object_new_string(info->dead_letter));
	return object;
}

static int set_error(const char *name, int fd, uint64_t capacity)
{
	unsigned long long n = capacity, stored;
	struct stacq_info info = { 0 };
	int error = errno;
	char owner[128];
	struct stat st;

	stacq_info(fd, &info);
	stored = info.depth + info.held + info.inflight;
	errno = error;
	switch (error) {
	case EPERM:
		if (fstat(fd, &st) < 0 || st.st_uid == geteuid()) {
			complain("%s: not permitted: above the module's ceiling (see /sys/module/stacq/parameters/ceiling_*); root may",
				 name);
			return RC_FAILED;
		}
		describe_node(&st, owner, sizeof(owner));
		complain("%s: not permitted: " STACQ_DEV_DIR "/%s is %s; only its owner and root may change it",
			 name, name, owner);
		return RC_FAILED;
	case EBUSY:
		complain("%s: capacity %llu is too small: %llu message%s stored, in hand or in flight",
			 name, n, stored, stored == 1 ? " is" : "s are");
		return RC_FAILED;
	case EINVAL:
		complain("%s: capacity %llu is above max_msgs %llu", name, n,
			 (unsigned long long)info.max_msgs);
		return RC_FAILED;
	case ENOMEM:
		complain("%s: no memory for a capacity of %llu", name, n);
		return RC_FAILED;
	}
	return queue_error(name);
}

static int delivery_error(const char *name, int fd, const struct delivery *d)
{
	switch (errno) {
	case EINVAL:
		if (d->dead_letter && strcmp(d->dead_letter, name) == 0)
			complain("%s: a queue can't be its own dead-letter queue", name);
		else
			complain("%s: the module refuses these values", name);
		return RC_FAILED;
	case EIDRM:
		complain("%s: that queue, or its dead-letter queue, was removed", name);
		return RC_FAILED;
	}
	/* What else there is has nothing to do with what is set. */
	return errno == EPERM ? set_error(name, fd, 0) : queue_error(name);
}

int cmd_set(int argc, char **argv)
{
	enum { CAPACITY, MAX_MSGS, MAX_BYTES, MAX_MSG_SIZE, N_VALUES, BASE = 256 };
	static const struct option options[] = {
		{ "capacity", required_argument, NULL, BASE + CAPACITY },
		{ "max-msgs", required_argument, NULL, BASE + MAX_MSGS },
		{ "max-bytes", required_argument, NULL, BASE + MAX_BYTES },
		{ "max-msg-size", required_argument, NULL, BASE + MAX_MSG_SIZE },
		OPTIONS_DELIVERY,
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	uint64_t value[N_VALUES] = { STACQ_UNCHANGED, STACQ_UNCHANGED,
				     STACQ_UNCHANGED, STACQ_UNCHANGED };
	struct delivery delivery = { 0 };
	struct stacq_info before, after;
	bool limits, json = false;
	const char *name;
	int rc = RC_OK;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case BASE + CAPACITY:
		case BASE + MAX_MSGS:
		case BASE + MAX_BYTES:
		case BASE + MAX_MSG_SIZE:
			opt -= BASE;
			if (!parse_size(optarg, &value[opt]))
				return usage_error(argv, "'%s' is not a number, with K, M, G or T if you like%s",
						   optarg, opt == CAPACITY ? "" : ", or none");
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(set_help, stdout);
			return RC_OK;
		default:
			rc = delivery_option(argv, opt, &delivery);
			if (rc != RC_OK)
				return rc;
		}
	}
	if (optind != argc - 1)
		return usage_error(argv, optind == argc ? "a name is missing" :
				   "one queue at a time");
	if (value[CAPACITY] == 0)
		return usage_error(argv, "the capacity is at least 1");
	limits = value[MAX_MSGS] != STACQ_UNCHANGED ||
		 value[MAX_BYTES] != STACQ_UNCHANGED ||
		 value[MAX_MSG_SIZE] != STACQ_UNCHANGED;
	if (!limits && value[CAPACITY] == STACQ_UNCHANGED && !delivery.req.set)
		return usage_error(argv, "nothing to set; see `stacq stat %s` for what is",
				   argv[optind]);
	name = argv[optind];
	if (!check_name(name))
		return RC_USAGE;

	rc = delivery_open(&delivery);
	if (rc != RC_OK)
		return rc;
	fd = open_any(name);
	if (fd < 0) {
		rc = queue_error(name);
		goto close;
	}
	if (stacq_info(fd, &before) < 0) {
		rc = queue_error(name);
		goto out;
	}
	if (limits && stacq_set_limits(fd, value[MAX_MSGS], value[MAX_BYTES],
				       value[MAX_MSG_SIZE]) < 0) {
		rc = set_error(name, fd, 0);
		goto out;
	}
	if (delivery.req.set && stacq_set_delivery(fd, &delivery.req) < 0) {
		rc = delivery_error(name, fd, &delivery);
		goto out;
	}
	/*
	 * The room before is the one the call returns, not that of the moment
	 * before it: the queue may have grown meanwhile.
	 */
	if (value[CAPACITY] != STACQ_UNCHANGED) {
		uint64_t previous;

		if (stacq_set_capacity(fd, value[CAPACITY], &previous) < 0)
			rc = set_error(name, fd, value[CAPACITY]);
		else
			before.capacity = previous;
	}
	if (stacq_info(fd, &after) < 0) {
		rc = queue_error(name);
		goto out;
	}
	if (value[CAPACITY] != STACQ_UNCHANGED && rc == RC_OK)
		after.capacity = value[CAPACITY];
	if (json) {
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "name", json_object_new_string(name));
		json_object_object_add(object, "before", values_json(&before));
		json_object_object_add(object, "after", values_json(&after));
		print_json(object, JSON_C_TO_STRING_PLAIN);
		goto out;
	}
	if (value[MAX_MSGS] != STACQ_UNCHANGED)
		print_change(name, "max_msgs", before.max_msgs, after.max_msgs);
	if (value[MAX_BYTES] != STACQ_UNCHANGED)
		print_change(name, "max_bytes", before.max_bytes, after.max_bytes);
	if (value[MAX_MSG_SIZE] != STACQ_UNCHANGED)
		print_change(name, "max_msg_size", before.max_msg_size,
			     after.max_msg_size);
	print_delivery(name, delivery.req.set, &before, &after);
	if (value[CAPACITY] != STACQ_UNCHANGED && rc == RC_OK)
		print_change(name, "capacity", before.capacity, after.capacity);
out:
	close(fd);
close:
	delivery_close(&delivery);
	return rc;
}

/* ---- seal, unseal ------------------------------------------------------- */

static const char seal_help[] =
"Usage: stacq seal NAME...\n"
"Seal queues: further messages are refused (EPIPE), readers take what is there\n"
"and then get end of file. Needs permission to write. `stacq unseal` undoes it.\n"
"\n"
"  -h, --help             this text\n";

static const char unseal_help[] =
"Usage: stacq unseal NAME...\n"
"Undo `stacq seal`: queues accept messages again. Needs permission to write.\n"
"\n"
"  -h, --help             this text\n";

static int for_each_writable(int argc, char **argv, const char *help,
			     int (*change)(int fd))
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int rc = RC_OK;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt != 'h')
			return usage_hint(argv);
		fputs(help, stdout);
		return RC_OK;
	}
	if (optind == argc)
		return usage_error(argv, "a name is missing");
	for (int i = optind; i < argc; i++)
		if (!check_name(argv[i]))
			return RC_USAGE;
	for (int i = optind; i < argc; i++) {
		fd = stacq_open(argv[i], O_WRONLY | O_NONBLOCK);
		if (fd < 0 || change(fd) < 0)
			rc = queue_error(argv[i]);
		if (fd >= 0)
			close(fd);
	}
	return rc;
}

int cmd_seal(int argc, char **argv)
{
	return for_each_writable(argc, argv, seal_help, stacq_seal);
}

int cmd_unseal(int argc, char **argv)
{
	return for_each_writable(argc, argv, unseal_help, stacq_unseal);
}

/* ---- purge -------------------------------------------------------------- */

static const char purge_help[] =
"Usage: stacq purge NAME [--force]\n"
"Throw away all messages stored in a queue, and print how many those were. Needs\n"
"permission to read. Messages in the hands of readers are not touched.\n"
"\n"
"  -f, --force            do not ask, also on a terminal\n"
"  --json                 print one object\n"
"  -h, --help             this text\n";

static bool confirmed(const char *name, int fd)
{
	struct stacq_info info;
	char answer[16];

	if (stacq_info(fd, &info) < 0 || info.depth == 0)
		return true;
	fprintf(stderr, "Throw away %llu message%s (%llu bytes) of %s? [y/N] ",
		(unsigned long long)info.depth, plural(info.depth),
		(unsigned long long)info.bytes, name);
	return fgets(answer, sizeof(answer), stdin) &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

int cmd_purge(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool ask = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	uint64_t discarded;
	bool json = false;
	const char *name;
	int rc = RC_OK;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "fh", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			ask = false;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(purge_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind != argc - 1)
		return usage_error(argv, optind == argc ? "a name is missing" :
				   "one queue at a time");
	name = argv[optind];
	if (!check_name(name))
		return RC_USAGE;

	fd = stacq_open(name, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return queue_error(name);
	if (ask && !confirmed(name, fd)) {
		complain("%s: nothing thrown away", name);
		rc = RC_FAILED;
	} else if (stacq_purge(fd, &discarded) < 0) {
		rc = queue_error(name);
	} else if (json) {
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "name", json_object_new_string(name));
		json_object_object_add(object, "discarded",
				       json_object_new_uint64(discarded));
		print_json(object, JSON_C_TO_STRING_PLAIN);
	} else {
		printf("%s: %" PRIu64 " message%s thrown away\n", name, discarded,
		       plural(discarded));
	}
	close(fd);
	return rc;
}
