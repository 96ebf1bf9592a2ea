#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.8: 2,000 messages from one client, 100 clients read at once: each is delivered exactly once.

. "${0%/*}/../common/tap.bash"

# all_ready NUMBER: so many clients have made their file
all_ready() {
	local files=("$tap_dir"/ready.*)
	[ ${#files[@]} = "$1" ]
}

hundred_clients_read_at_once() {
	local c i line
	reload
	for ((i = 1; i <= 2000; i++)); do echo "message $i" >/proc/msg_queue; done
	is "$(attribute msg_queue depth)" 2000
	mkfifo "$tap_dir/go"
	exec 5<>"$tap_dir/go"
	for ((c = 1; c <= 100; c++)); do
		(
			: >"$tap_dir/ready.$c"
			read -r _ <&5
			while IFS= read -r line </proc/msg_queue; do echo "$line"; done >"$tap_dir/out.$c"
		) &
	done
	wait_for all_ready 100
	printf '\n%.0s' {1..100} >&5 # a line for each: all of them start
	wait
	is "$(attribute msg_queue depth)" 0
	for ((i = 1; i <= 2000; i++)); do echo "message $i"; done | sort >"$tap_dir/wanted"
	sort "$tap_dir"/out.* | cmp - "$tap_dir/wanted" || fail "messages are lost, doubled or torn"
	is "$(find "$tap_dir" -name 'out.*' | wc -l)" 100
	echo "# $(find "$tap_dir" -name 'out.*' -size +0 | wc -l) of the 100 got some"
}

tap_main hundred_clients_read_at_once
