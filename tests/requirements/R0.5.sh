#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R0.5: any number of processes use the device at once; what they store is never mixed up.

. "${0%/*}/../common/tap.bash"

processes_push_and_pop_at_once() {
	local p i line
	reload
	mkfifo "$tap_dir/go"
	for p in 1 2 3 4 5 6 7 8; do
		(
			exec 4<>/dev/stacq/stack # open all the time, beside the others
			read -r _ <"$tap_dir/go" || true
			for ((i = 0; i < 50; i++)); do
				echo "process $p element $i" >&4
				echo "process $p second $i" >/dev/stacq/stack
				read -r line </dev/stacq/stack
				echo "$line" >>"$tap_dir/popped.$p"
			done
		) &
	done
	sleep 0.2
	: >"$tap_dir/go" # all of them start
	wait
	is "$(attribute stack sent)" 800
	is "$(attribute stack depth)" 400
	stacq recv stack --all >"$tap_dir/rest"
	cat "$tap_dir/popped".* "$tap_dir/rest" | sort >"$tap_dir/all"
	for p in 1 2 3 4 5 6 7 8; do
		for ((i = 0; i < 50; i++)); do
			echo "process $p element $i"
			echo "process $p second $i"
		done
	done | sort | cmp - "$tap_dir/all" || fail "elements are lost, doubled or torn"
}

many_processes_have_it_open() {
	local i
	reload
	for ((i = 0; i < 100; i++)); do
		sleep 100 3<>/dev/stacq/stack &
	done
	refused "" rmmod stacq
	echo works >/dev/stacq/stack
	is "$(head -n 1 /dev/stacq/stack)" works
	jobs -p | xargs kill
	wait || true
	wait_for rmmod stacq
}

tap_main processes_push_and_pop_at_once many_processes_have_it_open
