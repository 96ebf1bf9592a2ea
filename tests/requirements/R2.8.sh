#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.8: 2,000 messages from one client, 100 clients read at once: each is delivered exactly once.

. "${0%/*}/../common/tap.bash"

hundred_clients_read_at_once() {
	local c i line
	reload
	for ((i = 1; i <= 2000; i++)); do echo "message $i" >/proc/msg_queue; done
	is "$(attribute msg_queue depth)" 2000
	mkfifo "$tap_dir/go"
	for ((c = 1; c <= 100; c++)); do
		(
			read -r _ <"$tap_dir/go" || true
			while IFS= read -r line </proc/msg_queue; do echo "$line"; done >"$tap_dir/out.$c"
		) &
	done
	sleep 1
	: >"$tap_dir/go" # all of them start
	wait
	is "$(attribute msg_queue depth)" 0
	for ((i = 1; i <= 2000; i++)); do echo "message $i"; done | sort >"$tap_dir/wanted"
	sort "$tap_dir"/out.* | cmp - "$tap_dir/wanted" || fail "messages are lost, doubled or torn"
	is "$(find "$tap_dir" -name 'out.*' | wc -l)" 100
	echo "# $(find "$tap_dir" -name 'out.*' -size +0 | wc -l) of the 100 got some"
}

tap_main hundred_clients_read_at_once
