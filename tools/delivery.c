// SPDX-License-Identifier: GPL-2.0
/* The options that say how messages are delivered; create, set and work have them. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool parse_max_deliveries(const char *text, uint32_t *max)
{
	uint64_t value;

	if (!parse_size(text, &value) || value > STACQ_MAX_DELIVERIES)
		return false;
	*max = (uint32_t)value;
	return true;
}

int delivery_option(char **argv, int opt, struct delivery *d)
{
	struct stacq_delivery *req = &d->req;
	uint64_t ms;

	switch (opt) {
	case OPT_FULL:
		if (stacq_full_parse(optarg, &req->full) < 0)
			return usage_error(argv, "'%s' is not what a full queue can do: block, fail, drop_oldest or drop_newest",
					   optarg);
		req->set |= STACQ_SET_FULL;
		return RC_OK;
	case OPT_LEASE:
		if (!parse_time(optarg, &ms) || ms > INT_MAX)
			return usage_error(argv, "'%s' is not a time for --lease: " TIME_WORDS,
					   optarg);
		req->lease_ms = ms;
		req->set |= STACQ_SET_LEASE_MS;
		return RC_OK;
	case OPT_TTL:
		if (!parse_time(optarg, &ms) || ms > INT_MAX)
			return usage_error(argv, "'%s' is not a time for --ttl: " TIME_WORDS,
					   optarg);
		req->ttl_ms = ms;
		req->set |= STACQ_SET_TTL_MS;
		return RC_OK;
	case OPT_MAX_DELIVERIES:
		if (!parse_max_deliveries(optarg, &req->max_deliveries))
			return usage_error(argv, "'%s' is not a number of deliveries: 1 to %d, or none",
					   optarg, STACQ_MAX_DELIVERIES);
		req->set |= STACQ_SET_MAX_DELIVERIES;
		return RC_OK;
	case OPT_DEAD_LETTER:
		d->dead_letter = *optarg && strcmp(optarg, "none") ? optarg : NULL;
		if (d->dead_letter && !check_name(d->dead_letter))
			return RC_USAGE;
		req->dead_letter = -1;
		req->set |= STACQ_SET_DEAD_LETTER;
		return RC_OK;
	}
	return usage_hint(argv);
}

int delivery_open(struct delivery *d)
{
	int fd;

	if (!d->dead_letter)
		return RC_OK;
	fd = stacq_open(d->dead_letter, O_WRONLY | O_NONBLOCK);
	if (fd < 0)
		return queue_error(d->dead_letter);
	d->req.dead_letter = fd;
	return RC_OK;
}

void delivery_close(struct delivery *d)
{
	if (d->dead_letter && d->req.dead_letter >= 0)
		close(d->req.dead_letter);
}

const char *full_name(uint32_t full)
{
	const char *name = stacq_full_name(full);

	return name ? name : "unknown";
}
