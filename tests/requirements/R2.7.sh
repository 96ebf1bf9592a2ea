#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.7: 20 clients insert at once, one reads all: none lost or torn, each client in its order.

. "${0%/*}/../common/tap.bash"

twenty_clients_insert_at_once() {
	local c i line
	reload
	for ((c = 1; c <= 20; c++)); do
		for ((i = 1; i <= 50; i++)); do
			echo "client $c message $i of fifty" >/proc/msg_queue
		done &
	done
	wait
	is "$(attribute msg_queue depth)" 1000
	for ((i = 0; i < 1000; i++)); do
		IFS= read -r line </proc/msg_queue
		echo "$line"
	done >"$tap_dir/out"
	is "$(cat /proc/msg_queue)" ""
	for ((c = 1; c <= 20; c++)); do
		for ((i = 1; i <= 50; i++)); do echo "client $c message $i of fifty"; done >"$tap_dir/wanted"
		grep "^client $c " "$tap_dir/out" | cmp - "$tap_dir/wanted" ||
			fail "messages of client $c are lost, torn or out of order"
	done
	is "$(wc -l <"$tap_dir/out")" 1000
}

tap_main twenty_clients_insert_at_once
