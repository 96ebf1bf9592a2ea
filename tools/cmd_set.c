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
"Change a queue's capacity, limits or leases, and print them before and after.\n"
"Allowed to the owner of the node and to root; nothing that is stored is lost.\n"
"\n"
"  --capacity N           have room for exactly so many messages, up or down, but\n"
"                         not for fewer than are stored\n"
"  --max-msgs N           most messages stored\n"
"  --max-bytes SIZE       most bytes stored\n"
"  --max-msg-size SIZE    most bytes of one message\n"
"  --lease SECONDS        how long a message may be under lease before it is\n"
"                         given back, or none; holds for leases there are, too\n"
"  --json                 print one object with the values before and after\n"
"  -h, --help             this text\n"
"\n"
"Numbers and sizes may end in K, M, G or T, powers of 1024. For the limits, 0 or\n"
"none is no limit. Limits are set before the capacity, all or none of them.\n"
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

int cmd_set(int argc, char **argv)
{
	enum { CAPACITY, MAX_MSGS, MAX_BYTES, MAX_MSG_SIZE, N_VALUES, BASE = 256 };
	static const struct option options[] = {
		{ "capacity", required_argument, NULL, BASE + CAPACITY },
		{ "max-msgs", required_argument, NULL, BASE + MAX_MSGS },
		{ "max-bytes", required_argument, NULL, BASE + MAX_BYTES },
		{ "max-msg-size", required_argument, NULL, BASE + MAX_MSG_SIZE },
		{ "lease", required_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	uint64_t value[N_VALUES] = { STACQ_UNCHANGED, STACQ_UNCHANGED,
				     STACQ_UNCHANGED, STACQ_UNCHANGED };
	uint64_t lease_ms = STACQ_UNCHANGED;
	struct stacq_info before, after;
	bool limits, json = false;
	const char *name;
	int rc = RC_OK;
	int opt, fd, ms;

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
		case 'l':
			ms = 0;
			if (strcmp(optarg, "none") && (!parse_seconds(optarg, &ms) || ms == 0))
				return usage_error(argv, "'%s' is not a time: seconds above 0, or none",
						   optarg);
			lease_ms = (uint64_t)ms;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(set_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
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
	if (!limits && value[CAPACITY] == STACQ_UNCHANGED && lease_ms == STACQ_UNCHANGED)
		return usage_error(argv, "nothing to set; see `stacq stat %s` for what is",
				   argv[optind]);
	name = argv[optind];
	if (!check_name(name))
		return RC_USAGE;

	fd = open_any(name);
	if (fd < 0)
		return queue_error(name);
	if (stacq_info(fd, &before) < 0) {
		rc = queue_error(name);
		goto out;
	}
	if (limits && stacq_set_limits(fd, value[MAX_MSGS], value[MAX_BYTES],
				       value[MAX_MSG_SIZE]) < 0) {
		rc = set_error(name, fd, 0);
		goto out;
	}
	if (lease_ms != STACQ_UNCHANGED && stacq_set_lease_ms(fd, lease_ms) < 0) {
		rc = set_error(name, fd, 0);
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
	if (lease_ms != STACQ_UNCHANGED)
		print_change(name, "lease_ms", before.lease_ms, after.lease_ms);
	if (value[CAPACITY] != STACQ_UNCHANGED && rc == RC_OK)
		print_change(name, "capacity", before.capacity, after.capacity);
out:
	close(fd);
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
