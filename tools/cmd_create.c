// SPDX-License-Identifier: GPL-2.0
/* stacq create, stacq rm */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char create_help[] =
"Usage: stacq create NAME [OPTION]...\n"
"Make a queue. Its node is /dev/stacq/NAME.\n"
"\n"
"  --order ORDER          fifo: oldest first (default); lifo: newest first, a\n"
"                         stack; priority: highest first, of each the oldest\n"
"  --capacity N           messages to have room for at once (default 1; grows)\n"
"  --max-msgs N           most messages stored\n"
"  --max-bytes SIZE       most bytes stored\n"
"  --max-msg-size SIZE    most bytes of one message\n"
"  --full POLICY          what a write does when it is full: block (default),\n"
"                         fail, drop_oldest (that one makes room), drop_newest\n"
"                         (what is written is thrown away)\n"
"  --lease TIME           how long a message may be under lease\n"
"  --ttl TIME             how long after it was sent a message is delivered\n"
"  --max-deliveries N     how often one may be given back: up to 255\n"
"  --dead-letter QUEUE    where it goes then, or when its time is over; without\n"
"                         one it is thrown away\n"
"  --owner USER           owner of the node, name or number (default: you)\n"
"  --group GROUP          its group, name or number (default: yours)\n"
"  --mode MODE            its permissions, octal (default 0600): to read is to\n"
"                         receive, to write is to send\n"
"  -h, --help             this text\n"
"\n"
"Numbers and sizes may end in K, M, G or T, powers of 1024. For the limits, 0 or\n"
"none is no limit; the defaults are the module's parameters default_max_*.\n"
"TIME is seconds, or has a unit: ms, s, m, h or d; the default is no end.\n"
"\n"
"NAME is 1 to 63 letters, digits, '.', '_' or '-', not starting with '.' or '-'.\n"
"\n"
"  stacq create jobs --max-bytes 64M --group www-data --mode 0660\n"
"  stacq create undo --order lifo\n"
"  stacq create jobs --lease 30s --max-deliveries 3 --dead-letter dead\n";

/* The module's parameter, or "?" */
static void read_parameter(const char *name, char *buf, int size)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/stacq/parameters/%s", name);
	file = fopen(path, "re");
	if (!file || !fgets(buf, size, file))
		snprintf(buf, (size_t)size, "?");
	buf[strcspn(buf, "\n")] = '\0';
	if (file)
		fclose(file);
}

static int create_error(const struct stacq_create *req)
{
	char msgs[32], bytes[32], msg_size[32];

	switch (errno) {
	case EEXIST:
		complain("%s: there is a queue of this name already", req->name);
		return RC_FAILED;
	case ENOSPC:
		read_parameter("max_queues", msgs, sizeof(msgs));
		complain("%s: there are as many queues as the module allows (its parameter max_queues: %s)",
			 req->name, msgs);
		return RC_FAILED;
	case ENOMEM:
		complain("%s: no memory for a queue with room for %llu message%s",
			 req->name, (unsigned long long)req->capacity,
			 plural(req->capacity));
		return RC_FAILED;
	case EPERM:
		read_parameter("ceiling_max_msgs", msgs, sizeof(msgs));
		read_parameter("ceiling_max_bytes", bytes, sizeof(bytes));
		read_parameter("ceiling_max_msg_size", msg_size, sizeof(msg_size));
		complain("%s: not permitted: an owner or group you may not give, or a limit above the module's ceiling, as none is (max_msgs %s, max_bytes %s, max_msg_size %s)",
			 req->name, msgs, bytes, msg_size);
		return RC_FAILED;
	case EINVAL:
		complain("%s: the module refuses these values; is the capacity above the limit on messages?",
			 req->name);
		return RC_FAILED;
	}
	return control_error();
}

int cmd_create(int argc, char **argv)
{
	enum { ORDER = 256, CAPACITY, MAX_MSGS, MAX_BYTES, MAX_MSG_SIZE, OWNER,
	       GROUP, MODE };
	static const struct option options[] = {
		{ "order", required_argument, NULL, ORDER },
		{ "capacity", required_argument, NULL, CAPACITY },
		{ "max-msgs", required_argument, NULL, MAX_MSGS },
		{ "max-bytes", required_argument, NULL, MAX_BYTES },
		{ "max-msg-size", required_argument, NULL, MAX_MSG_SIZE },
		OPTIONS_DELIVERY,
		{ "owner", required_argument, NULL, OWNER },
		{ "group", required_argument, NULL, GROUP },
		{ "mode", required_argument, NULL, MODE },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	struct delivery delivery = { 0 };
	struct stacq_create req;
	uint64_t limits[3] = { STACQ_UNCHANGED, STACQ_UNCHANGED, STACQ_UNCHANGED };
	uint32_t order = STACQ_FIFO, uid = STACQ_CALLER, gid = STACQ_CALLER;
	uint32_t mode = 0600;
	uint64_t capacity = 1;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case ORDER:
			if (stacq_order_parse(optarg, &order) < 0)
				return usage_error(argv, "'%s' is not an order: fifo, lifo or priority",
						   optarg);
			break;
		case CAPACITY:
			if (!parse_size(optarg, &capacity) || capacity == 0)
				return usage_error(argv, "'%s' is not a capacity: a number from 1 on",
						   optarg);
			break;
		case MAX_MSGS:
		case MAX_BYTES:
		case MAX_MSG_SIZE:
			if (!parse_size(optarg, &limits[opt - MAX_MSGS]))
				return usage_error(argv, "'%s' is not a limit: a number, with K, M, G or T if you like, or none",
						   optarg);
			break;
		case OWNER:
			if (!parse_user(optarg, &uid))
				return usage_error(argv, "'%s': no such user", optarg);
			break;
		case GROUP:
			if (!parse_group(optarg, &gid))
				return usage_error(argv, "'%s': no such group", optarg);
			break;
		case MODE:
			if (!parse_mode(optarg, &mode))
				return usage_error(argv, "'%s' is not a mode: octal, at most 0777",
						   optarg);
			break;
		case 'h':
			fputs(create_help, stdout);
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
	if (!check_name(argv[optind]))
		return RC_USAGE;
	if (limits[0] != STACQ_UNCHANGED && limits[0] && capacity > limits[0])
		return usage_error(argv, "the capacity is above --max-msgs");

	stacq_create_init(&req, argv[optind], order);
	req.max_msgs = limits[0];
	req.max_bytes = limits[1];
	req.max_msg_size = limits[2];
	req.capacity = capacity;
	req.uid = uid;
	req.gid = gid;
	req.mode = mode;
	rc = delivery_open(&delivery);
	if (rc != RC_OK)
		return rc;
	req.delivery = delivery.req;
	if (stacq_create(&req) < 0)
		rc = create_error(&req);
	delivery_close(&delivery);
	return rc;
}

static const char rm_help[] =
"Usage: stacq rm NAME...\n"
"Remove queues. Their messages are thrown away, the nodes disappear at once, and\n"
"whoever waits on one wakes with the error EIDRM.\n"
"\n"
"  -h, --help             this text\n";

int cmd_rm(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int rc = RC_OK;
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt != 'h')
			return usage_hint(argv);
		fputs(rm_help, stdout);
		return RC_OK;
	}
	if (optind == argc)
		return usage_error(argv, "a name is missing");
	for (int i = optind; i < argc; i++)
		if (!check_name(argv[i]))
			return RC_USAGE;
	for (int i = optind; i < argc; i++) {
		if (stacq_remove(argv[i]) == 0)
			continue;
		/* What is wrong with the control node is wrong for all. */
		if (errno != ENOENT)
			return control_error();
		rc = queue_error(argv[i]);
	}
	return rc;
}
