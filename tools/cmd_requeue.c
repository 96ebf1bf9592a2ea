// SPDX-License-Identifier: GPL-2.0
/* stacq requeue */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char requeue_help[] =
"Usage: stacq requeue FROM TO [OPTION]...\n"
"Move the messages of a queue to another one, as dead letters back to where they\n"
"came from, and print how many those were. They arrive as if sent anew: with\n"
"their priority, as just sent, given back zero times. Does not wait for room.\n"
"\n"
"  -n, --count N          move at most N\n"
"      --json             print one object\n"
"  -h, --help             this text\n"
"\n"
"The kernel moves them one by one: however this ends, by SIGKILL too, each is in\n"
"one of the queues, and not in both. Needs permission to read FROM and to write\n"
"TO.\n"
"\n"
"Exit status: 3 when there was no room for all, 4 when TO is sealed.\n"
"\n"
"  $ stacq requeue dead jobs\n"
"  dead: 3 messages moved to jobs\n";

static int requeue_error(const char *from, const char *to)
{
	switch (errno) {
	case EAGAIN:
	case ENOSPC:
		complain("%s: full; the others stay in %s", to, from);
		return RC_NOTHING;
	case EPIPE:
		return queue_error(to);
	case EMSGSIZE:
		complain("%s: the next message of %s is too long for it; see max_msg_size and max_bytes of `stacq stat %s`",
			 to, from, to);
		return RC_FAILED;
	}
	return queue_error(from);
}

/*
 * A move that stops because there is no room any more says how many it has moved;
 * why it stopped says the next one.
 */
static int move_all(const char *from, int in, const char *to, int out, uint64_t most,
		    uint64_t *moved)
{
	struct stacq_info info;
	uint64_t now;

	if (stacq_info(in, &info) < 0)
		return queue_error(from);
	/* What comes meanwhile is not meant. */
	if (!most || most > info.depth)
		most = info.depth;
	while (*moved < most) {
		if (stacq_move(in, out, most - *moved, &now) < 0)
			return requeue_error(from, to);
		/* Others have taken the rest. */
		if (!now)
			break;
		*moved += now;
	}
	return RC_OK;
}

static int move(const char *from, const char *to, uint64_t most, uint64_t *moved)
{
	int in, out, rc = RC_OK;

	in = stacq_open(from, O_RDONLY | O_NONBLOCK);
	if (in < 0)
		return queue_error(from);
	out = stacq_open(to, O_WRONLY | O_NONBLOCK);
	if (out < 0) {
		rc = queue_error(to);
	} else {
		rc = move_all(from, in, to, out, most, moved);
		close(out);
	}
	close(in);
	return rc;
}

int cmd_requeue(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	uint64_t most = 0, moved = 0;
	const char *from, *to;
	bool json = false;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "n:h", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			if (!parse_size(optarg, &most) || most == 0)
				return usage_error(argv, "'%s' is not a number of messages from 1 on",
						   optarg);
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(requeue_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind == argc)
		return usage_error(argv, "a name is missing");
	from = argv[optind];
	if (!check_name(from))
		return RC_USAGE;
	if (optind != argc - 2)
		return usage_error(argv, "two queues: from which, and to which");
	to = argv[optind + 1];
	if (!check_name(to))
		return RC_USAGE;
	if (strcmp(from, to) == 0)
		return usage_error(argv, "%s: from a queue to itself", from);

	rc = move(from, to, most, &moved);
	if (json) {
		struct json_object *object = json_object_new_object();

		json_object_object_add(object, "from", json_object_new_string(from));
		json_object_object_add(object, "to", json_object_new_string(to));
		json_object_object_add(object, "moved", json_object_new_uint64(moved));
		print_json(object, JSON_C_TO_STRING_PLAIN);
	} else if (rc == RC_OK || moved) {
		printf("%s: %" PRIu64 " message%s moved to %s\n", from, moved,
		       plural(moved), to);
	}
	return rc;
}
