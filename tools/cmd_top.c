// SPDX-License-Identifier: GPL-2.0
/* stacq top: its options, and the tables that it writes without a screen. */
#include "top.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char top_help[] =
"Usage: stacq top [OPTION]...\n"
"Show all queues, anew every two seconds: how full they are and were, what goes\n"
"in and out, messages under lease, the age of the oldest message, who waits. On\n"
"a terminal on the full screen, where ? lists the keys; elsewhere as tables.\n"
"\n"
"  -d, --interval SECONDS look so often; parts of a second are allowed\n"
"  -n, --count N          look N times, then end\n"
"  -s, --sort KEY         name (default), depth, in, out, flight, age or waiting;\n"
"                         the highest first\n"
"  -r, --reverse          the other way round\n"
"  -f, --filter PATTERN   only names that contain it; or match it: with *, ? or [\n"
"      --plain            tables also on a terminal\n"
"      --once             one such table\n"
"  -h, --help             this text\n"
"\n"
"Looking takes nothing out of a queue. AGE needs permission to read.\n";

/* ---- tables ------------------------------------------------------------- */

static void print_row(const struct top_queue *q, int width)
{
	char in[TOP_TEXT], out[TOP_TEXT], age[TOP_TEXT], note[80];
	const struct stacq_info *info = &q->info;

	printf("%-*s  %-8s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %6s %6s %6" PRIu64
	       " %7s %7u %7u  %s\n", width, info->name, order_name(info->order),
	       (uint64_t)info->depth, (uint64_t)info->sent, (uint64_t)info->received,
	       top_rate_text(q->in, in), top_rate_text(q->out, out), (uint64_t)info->inflight,
	       top_age(q->age_ns, q->older, age), info->readers_waiting, info->writers_waiting,
	       *top_note(info, note, sizeof(note)) ? note : "-");
}

static void print_table(const struct top *t)
{
	char totals[192];
	int width = 4;

	for (size_t i = 0; i < t->nr_rows; i++)
		if ((int)strlen(t->rows[i]->info.name) > width)
			width = (int)strlen(t->rows[i]->info.name);
	top_totals(t, totals, sizeof(totals));
	printf("stacq top  %s\n", totals);
	printf("%-*s  %-8s %8s %8s %8s %6s %6s %6s %7s %7s %7s  %s\n", width, "NAME", "ORDER",
	       "DEPTH", "SENT", "RECEIVED", "IN/S", "OUT/S", "FLIGHT", "AGE", "READERS",
	       "WRITERS", "NOTE");
	for (size_t i = 0; i < t->nr_rows; i++)
		print_row(t->rows[i], width);
}

static int print_tables(struct top *t)
{
	for (bool first = true; ; first = false) {
		struct timespec ts = {
			.tv_sec = t->interval_ms / 1000,
			.tv_nsec = t->interval_ms % 1000 * 1000000L,
		};

		if (top_sample(t) < 0) {
			if (errno == ENOENT)
				return control_error();
			complain(STACQ_SYSFS_DIR ": %s", strerror(errno));
			return RC_FAILED;
		}
		if (!first)
			putchar('\n');
		print_table(t);
		/* main() says what is wrong. */
		if (fflush(stdout) || (t->left && --t->left == 0))
			return RC_OK;
		nanosleep(&ts, NULL);
	}
}

/* ---- options ------------------------------------------------------------ */

/* The first look tells whether there is anything to look at. */
static int show(struct top *t, bool plain)
{
	char **names;
	int rc;

	if (plain || !top_has_screen()) {
		rc = print_tables(t);
	} else if (stacq_list(&names) < 0) {
		rc = control_error();
	} else {
		stacq_list_free(names);
		rc = top_screen(t);
	}
	top_free(t);
	return rc;
}

int cmd_top(int argc, char **argv)
{
	enum { PLAIN = 256, ONCE };
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' },
		{ "sort", required_argument, NULL, 's' },
		{ "reverse", no_argument, NULL, 'r' },
		{ "filter", required_argument, NULL, 'f' },
		{ "plain", no_argument, NULL, PLAIN },
		{ "once", no_argument, NULL, ONCE },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct top t = { .interval_ms = 2000 };
	bool plain = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "d:n:s:rf:h", options, NULL)) != -1) {
		switch (opt) {
		case 'd':
			if (!parse_seconds(optarg, &t.interval_ms) ||
			    t.interval_ms < TOP_INTERVAL_MIN)
				return usage_error(argv, "'%s' is not an interval: 0.1 seconds or more",
						   optarg);
			break;
		case 'n':
			if (!parse_size(optarg, &t.left) || t.left == 0)
				return usage_error(argv, "'%s' is not a number of times from 1 on",
						   optarg);
			break;
		case 's':
			if (!top_parse_key(optarg, &t.key))
				return usage_error(argv, "'%s' is not one of name, depth, in, out, flight, age, waiting",
						   optarg);
			break;
		case 'r':
			t.reverse = true;
			break;
		case 'f':
			if (strlen(optarg) >= sizeof(t.filter))
				return usage_error(argv, "'%s' is longer than any name", optarg);
			strcpy(t.filter, optarg);
			break;
		case ONCE:
			t.left = 1;
			plain = true;
			break;
		case PLAIN:
			plain = true;
			break;
		case 'h':
			fputs(top_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind != argc)
		return usage_error(argv, "'%s': top takes no names; --filter chooses",
				   argv[optind]);
	return show(&t, plain);
}
