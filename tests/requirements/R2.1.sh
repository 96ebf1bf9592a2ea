#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.1: /proc/msg_queue is a fifo for echo and cat; cat of an empty one prints nothing and ends.

. "${0%/*}/../common/tap.bash"

echo_adds_and_cat_prints_the_oldest() {
	reload
	echo "hello 1" >/proc/msg_queue
	echo "hello 2" >/proc/msg_queue
	is "$(cat /proc/msg_queue)" "hello 1"
	echo "hello 3" >/proc/msg_queue
	is "$(cat /proc/msg_queue)" "hello 2"
	is "$(cat /proc/msg_queue)" "hello 3"
}

cat_of_an_empty_queue_ends_at_once() {
	reload
	cat /proc/msg_queue >"$tap_dir/out"
	[ ! -s "$tap_dir/out" ] || fail "it printed something"
	echo x >/proc/msg_queue
	cat /proc/msg_queue >/dev/null
	timeout 120 cat /proc/msg_queue >"$tap_dir/out" || fail "it did not end"
	[ ! -s "$tap_dir/out" ] || fail "it printed something"
}

tap_main echo_adds_and_cat_prints_the_oldest cat_of_an_empty_queue_ends_at_once
