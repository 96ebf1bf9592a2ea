#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.2: longest message, file name and mode are parameters. (More of them: device/parameters.sh.)

. "${0%/*}/../common/tap.bash"

longest_message_is_1024_by_default() {
	reload
	head -c 1024 /dev/zero >"$tap_dir/fits"
	cat "$tap_dir/fits" >/proc/msg_queue
	is "$(attribute msg_queue bytes)" 1024
	refused "" dd if=/dev/zero of=/proc/msg_queue bs=1025 count=1
	is "$(attribute msg_queue depth)" 1
}

all_three_can_be_chosen() {
	reload_with procfs_name=post procfs_mode=0606 procfs_max_msg=2000
	[ ! -e /proc/msg_queue ] || fail "the old name is there"
	is "$(stat -c %a /proc/post)" 606
	dd if=/dev/zero of=/proc/post bs=2000 count=1 2>/dev/null
	refused "" dd if=/dev/zero of=/proc/post bs=2001 count=1
	is "$(wc -c </proc/post)" 2000
}

tap_main longest_message_is_1024_by_default all_three_can_be_chosen
