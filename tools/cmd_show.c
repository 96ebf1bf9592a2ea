// SPDX-License-Identifier: GPL-2.0
/* stacq ls, stacq stat */
#include "tool.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int stat_node(const char *name, struct stat *st)
{
	char path[sizeof(STACQ_DEV_DIR "/") + STACQ_NAME_SIZE];

	snprintf(path, sizeof(path), STACQ_DEV_DIR "/%s", name);
	return stat(path, st);
}

/* ---- ls ----------------------------------------------------------------- */

static const char ls_help[] =
"Usage: stacq ls [--json]\n"
"List all queues, also those you may not open.\n"
"\n"
"  --json                 one array of objects, with all that `stacq stat` shows\n"
"  -h, --help             this text\n"
"\n"
"DEPTH is the messages stored, BYTES their bytes, CAPACITY the messages there is\n"
"room for without growing. MODE: to read is to receive, to write is to send.\n";

enum { NAME, ORDER, DEPTH, BYTES, CAPACITY, OWNER, GROUP, MODE, STATE, COLUMNS };

struct row {
	char cell[COLUMNS][STACQ_NAME_SIZE];
};

static void fill_row(struct row *row, const struct stacq_info *info,
		     const struct stat *st)
{
	const size_t size = sizeof(row->cell[0]);
	struct passwd *pw = getpwuid(st->st_uid);
	struct group *gr = getgrgid(st->st_gid);

	snprintf(row->cell[NAME], size, "%s", info->name);
	snprintf(row->cell[ORDER], size, "%s", order_name(info->order));
	snprintf(row->cell[DEPTH], size, "%" PRIu64, (uint64_t)info->depth);
	snprintf(row->cell[BYTES], size, "%" PRIu64, (uint64_t)info->bytes);
	snprintf(row->cell[CAPACITY], size, "%" PRIu64, (uint64_t)info->capacity);
	snprintf(row->cell[OWNER], size, "%u", st->st_uid);
	snprintf(row->cell[GROUP], size, "%u", st->st_gid);
	if (pw)
		snprintf(row->cell[OWNER], size, "%s", pw->pw_name);
	if (gr)
		snprintf(row->cell[GROUP], size, "%s", gr->gr_name);
	snprintf(row->cell[MODE], size, "%04o", st->st_mode & 07777);
	snprintf(row->cell[STATE], size, "%s",
		 info->state & STACQ_STATE_SEALED ? "sealed" : "open");
}

static void print_table(const struct row *rows, size_t count)
{
	int width[COLUMNS] = { 0 };

	for (size_t i = 0; i < count; i++)
		for (int c = 0; c < COLUMNS; c++)
			if ((int)strlen(rows[i].cell[c]) > width[c])
				width[c] = (int)strlen(rows[i].cell[c]);
	for (size_t i = 0; i < count; i++) {
		for (int c = 0; c < COLUMNS - 1; c++) {
			bool number = c >= DEPTH && c <= CAPACITY;

			printf("%*s  ", number ? width[c] : -width[c],
			       rows[i].cell[c]);
		}
		puts(rows[i].cell[STATE]);
	}
}

int cmd_ls(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct json_object *array = NULL;
	struct row *rows;
	bool json = false;
	size_t shown = 1;
	ssize_t count;
	char **names;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(ls_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind != argc)
		return usage_error(argv, "'%s': ls takes no names; see `stacq stat NAME`",
				   argv[optind]);
	count = stacq_list(&names);
	if (count < 0) {
		if (errno == ENOENT)
			return control_error();
		complain(STACQ_SYSFS_DIR ": %s", strerror(errno));
		return RC_FAILED;
	}
	rows = calloc((size_t)count + 1, sizeof(*rows));
	if (!rows) {
		complain("%s", strerror(errno));
		stacq_list_free(names);
		return RC_FAILED;
	}
	rows[0] = (struct row) { { "NAME", "ORDER", "DEPTH", "BYTES", "CAPACITY",
				   "OWNER", "GROUP", "MODE", "STATE" } };
	if (json)
		array = json_object_new_array();
	for (char **name = names; *name; name++) {
		struct stacq_info info;
		struct stat st;

		/* Removed meanwhile. */
		if (stacq_info_sysfs(*name, &info) < 0 || stat_node(*name, &st) < 0)
			continue;
		if (json)
			json_object_array_add(array, info_json(&info, &st, true));
		else
			fill_row(&rows[shown++], &info, &st);
	}
	if (json)
		print_json(array, JSON_C_TO_STRING_PRETTY);
	else
		print_table(rows, shown);
	free(rows);
	stacq_list_free(names);
	return RC_OK;
}

/* ---- stat --------------------------------------------------------------- */

static const char stat_help[] =
"Usage: stacq stat NAME... [--json]\n"
"Show everything about queues. For one that you may not open the values come from\n"
"/sys/class/stacq, one after the other rather than of one moment.\n"
"\n"
"  --json                 one object a line\n"
"  -h, --help             this text\n";

static void print_limit(const char *label, uint64_t limit)
{
	if (limit)
		printf("%-17s%" PRIu64 "\n", label, limit);
	else
		printf("%-17snone\n", label);
}

static void print_info(const struct stacq_info *info, const struct stat *st,
		       bool partial)
{
	char owner[128];

	printf("%-17s%s\n", "name", info->name);
	printf("%-17s%s\n", "order", order_name(info->order));
	printf("%-17s%s\n", "state",
	       info->state & STACQ_STATE_SEALED ? "sealed" : "open");
	if (st) {
		describe_node(st, owner, sizeof(owner));
		printf("%-17s%s\n", "owner", owner);
	}
	printf("%-17s%" PRIu64 " message%s, %" PRIu64 " bytes\n", "stored",
	       (uint64_t)info->depth, plural(info->depth), (uint64_t)info->bytes);
	if (partial)
		printf("%-17s%" PRIu64 " message%s\n", "in hand",
		       (uint64_t)info->held, plural(info->held));
	else
		printf("%-17s%" PRIu64 " message%s, %" PRIu64 " bytes\n", "in hand",
		       (uint64_t)info->held, plural(info->held),
		       (uint64_t)info->held_bytes);
	printf("%-17s%" PRIu64 " message%s\n", "in flight",
	       (uint64_t)info->inflight, plural(info->inflight));
	printf("%-17s%" PRIu64 " message%s, %" PRIu64 " bytes of memory\n",
	       "capacity", (uint64_t)info->capacity, plural(info->capacity),
	       (uint64_t)info->memory);
	print_limit("max_msgs", info->max_msgs);
	print_limit("max_bytes", info->max_bytes);
	print_limit("max_msg_size", info->max_msg_size);
	printf("%-17s%s\n", "full", full_name(info->full));
	print_limit("lease_ms", info->lease_ms);
	print_limit("ttl_ms", info->ttl_ms);
	print_limit("max_deliveries", info->max_deliveries);
	printf("%-17s%s\n", "dead_letter", *info->dead_letter ? info->dead_letter : "none");
	printf("%-17s%" PRIu64 "\n", "high_water", (uint64_t)info->high_water);
	printf("%-17s%" PRIu64 "\n", "sent", (uint64_t)info->sent);
	printf("%-17s%" PRIu64 "\n", "received", (uint64_t)info->received);
	printf("%-17s%" PRIu64 "\n", "requeued", (uint64_t)info->requeued);
	printf("%-17s%" PRIu64 "\n", "discarded", (uint64_t)info->discarded);
	printf("%-17s%" PRIu64 "\n", "growths", (uint64_t)info->growths);
	printf("%-17s%" PRIu64 "\n", "shrinks", (uint64_t)info->shrinks);
	printf("%-17s%" PRIu64 "\n", "lapsed", (uint64_t)info->lapsed);
	printf("%-17s%" PRIu64 "\n", "expired", (uint64_t)info->expired);
	printf("%-17s%" PRIu64 "\n", "exhausted", (uint64_t)info->exhausted);
	printf("%-17s%" PRIu64 "\n", "dead_lettered", (uint64_t)info->dead_lettered);
	printf("%-17s%" PRIu64 "\n", "dead", (uint64_t)info->dead);
	printf("%-17s%" PRIu64 "\n", "refused", (uint64_t)info->refused);
	printf("%-17s%" PRIu64 "\n", "dropped_oldest", (uint64_t)info->dropped_oldest);
	printf("%-17s%" PRIu64 "\n", "dropped_newest", (uint64_t)info->dropped_newest);
	printf("%-17s%u\n", "readers_waiting", info->readers_waiting);
	printf("%-17s%u\n", "writers_waiting", info->writers_waiting);
}

static int show(const char *name, bool json, bool first)
{
	int fd = open_any(name);
	bool partial = fd < 0 && errno == EACCES;
	struct stacq_info info;
	struct stat st;
	bool have_node;
	int ret;

	if (partial)
		ret = stacq_info_sysfs(name, &info);
	else
		ret = fd < 0 ? -1 : stacq_info(fd, &info);
	if (ret < 0) {
		int rc = queue_error(name);

		if (fd >= 0)
			close(fd);
		return rc;
	}
	have_node = (fd < 0 ? stat_node(name, &st) : fstat(fd, &st)) == 0;
	if (json) {
		print_json(info_json(&info, have_node ? &st : NULL, partial),
			   JSON_C_TO_STRING_PLAIN);
	} else {
		if (!first)
			putchar('\n');
		print_info(&info, have_node ? &st : NULL, partial);
	}
	if (fd >= 0)
		close(fd);
	return RC_OK;
}

int cmd_stat(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	bool json = false;
	int rc = RC_OK;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(stat_help, stdout);
			return RC_OK;
		default:
			return usage_hint(argv);
		}
	}
	if (optind == argc)
		return usage_error(argv, "a name is missing");
	for (int i = optind; i < argc; i++)
		if (!check_name(argv[i]))
			return RC_USAGE;
	for (int i = optind; i < argc; i++) {
		int ret = show(argv[i], json, i == optind);

		if (ret)
			rc = ret;
	}
	return rc;
}
