#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R0.5: any number of processes use the device at once; what they store is never mixed up.

. "${0%/*}/../common/tap.bash"

# all_ready NUMBER: so many processes have made their file
all_ready() {
	local files=("$tap_dir"/ready.*)
	[ ${#files[@]} = "$1" ]
}

processes_push_and_pop_at_once() {
	local p i line
	reload
	mkfifo "$tap_dir/go"
	exec 5<>"$tap_dir/go"
	for p in 1 2 3 4 5 6 7 8; do
		(
			exec 4<>/dev/stacq/stack # open all the time, beside the others
			: >"$tap_dir/ready.$p"
			read -r _ <&5
			for ((i = 0; i < 50; i++)); do
				echo "process $p element $i" >&4
				echo "process $p second $i" >/dev/stacq/stack
				read -r line </dev/stacq/stack
				echo "$line" >>"$tap_dir/popped.$p"
			done
		) &
	done
	wait_for all_ready 8
	printf '\n%.0s' {1..8} >&5 # a line for each: all of them start
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

# asleep PID...: each of them is the program sleep, and so has opened the files that it was given
asleep() {
	local pid name
	for pid; do
		read -r name <"/proc/$pid/comm"
		[ "$name" = sleep ] || return
	done
}

many_processes_have_it_open() {
	local i pids=()
	reload
	for ((i = 0; i < 100; i++)); do
		sleep 10000 3<>/dev/stacq/stack &
		pids+=($!)
	done
	wait_for asleep "${pids[@]}"
	refused "" rmmod stacq
	echo works >/dev/stacq/stack
	is "$(head -n 1 /dev/stacq/stack)" works
	kill "${pids[@]}"
	wait || true
	wait_for rmmod stacq
}

tap_main processes_push_and_pop_at_once many_processes_have_it_open
