#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.3: many clients read and write at once.

. "${0%/*}/../common/tap.bash"

clients_read_and_write_at_once() {
	local c i line
	reload
	for c in 1 2 3 4 5 6; do
		for ((i = 0; i < 100; i++)); do
			echo "client $c message $i" >/proc/msg_queue
		done &
	done
	for c in 1 2 3 4 5 6; do
		for ((i = 0; i < 100; )); do
			if IFS= read -r line </proc/msg_queue; then
				echo "$line"
				i=$((i + 1))
			fi
		done >"$tap_dir/out.$c" &
	done
	wait
	is "$(attribute msg_queue depth)" 0
	for c in 1 2 3 4 5 6; do
		for ((i = 0; i < 100; i++)); do echo "client $c message $i"; done
	done | sort >"$tap_dir/wanted"
	sort "$tap_dir"/out.* | cmp - "$tap_dir/wanted" || fail "messages are lost, doubled or torn"
}

tap_main clients_read_and_write_at_once
