#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module's parameters, good and bad: what makes sense is done, the rest leaves nothing behind.

. "${0%/*}/../common/tap.bash"

# does_not_load PARAMETER...: one line in the log, and no trace of it
does_not_load() {
	local line lines
	[ ! -e /sys/module/stacq ] || rmmod stacq
	dmesg -C
	if insmod $module "$@" 2>/dev/null; then fail "it loads with $*"; fi
	# busybox's insmod tries twice, in two ways
	mapfile -t lines < <(log)
	[ ${#lines[@]} -gt 0 ] || fail "nothing in the log with $*"
	for line in "${lines[@]}"; do is "$line" "${lines[0]}" "another log line with $*"; done
	[ ! -e /sys/module/stacq ] || fail "the module is there with $*"
	[ ! -e /sys/class/stacq ] || fail "its class is there with $*"
	[ ! -e /dev/stacq/control ] || fail "its nodes are there with $*"
	[ ! -e /proc/msg_queue ] || fail "its file in /proc is there with $*"
	[[ $(</proc/devices) != *stacq* ]] || fail "its device numbers are there with $*"
}

# After some that did not load.
can_be_loaded_the_next_time() {
	insmod $module
	rmmod stacq
}

loads_without_any() {
	reload
	is "$(ls /dev/stacq)" "control
msg_queue
stack"
	is "$(attribute stack order)" lifo
	is "$(attribute stack capacity)" 1
	is "$(attribute stack max_msgs)" 0
	is "$(stat -c '%a %U' /dev/stacq/stack)" "600 root"
	is "$(stat -c %a /proc/msg_queue)" 660
}

queues_makes_several() {
	reload_with queues=a,b:fifo,c:lifo,d:priority
	is "$(attribute a order)$(attribute b order)$(attribute c order)$(attribute d order)" fifofifolifopriority
	[ ! -e /dev/stacq/stack ] || fail "there is a stack that nobody asked for"
}

queues_may_be_empty() {
	reload_with queues=
	is "$(ls /dev/stacq)" "control
msg_queue"
}

bad_queues_do_not_load() {
	local bad
	for bad in a/b .a -a a: a:stack a:fifo:lifo a:FIFO 'a b' a,a a,,b ',' control \
		stack:lifo,control 0123456789012345678901234567890123456789012345678901234567890123; do
		does_not_load "queues=\"$bad\""
	done
	can_be_loaded_the_next_time
}

half_good_queues_leave_nothing() {
	does_not_load queues=one,two,three,.four
	does_not_load queues=msg_queue
	can_be_loaded_the_next_time
}

queues_at_load_count_for_max_queues() {
	does_not_load queues=a,b,c max_queues=2
	can_be_loaded_the_next_time
}

new_queues_take_the_defaults() {
	reload_with default_max_msgs=11 default_max_bytes=2222 default_max_msg_size=333
	stacq create jobs
	is "$(attribute jobs max_msgs) $(attribute jobs max_bytes) $(attribute jobs max_msg_size)" "11 2222 333"
}

procfs_name_names_file_and_queue() {
	reload_with procfs_name=letters
	echo hello >/proc/letters
	is "$(stacq recv letters)" hello
	[ ! -e /proc/msg_queue ] || fail "msg_queue is there as well"
}

empty_procfs_name_leaves_it_out() {
	reload_with procfs_name=
	[ ! -e /proc/msg_queue ] || fail "it is there"
	is "$(ls /dev/stacq)" "control
stack"
}

bad_procfs_name_does_not_load() {
	local bad
	for bad in a/b .. -x 'a b'; do
		does_not_load "procfs_name=\"$bad\""
	done
	can_be_loaded_the_next_time
}

taken_procfs_name_does_not_load() {
	does_not_load procfs_name=cpuinfo
	[ -e /proc/cpuinfo ] || fail "and cpuinfo is gone"
	grep -q processor /proc/cpuinfo
	does_not_load procfs_name=stack # a queue of that name is made first
	can_be_loaded_the_next_time
}

procfs_mode_is_the_mode() {
	reload_with procfs_mode=0622
	is "$(stat -c %a /proc/msg_queue)" 622
	reload_with procfs_mode=0400
	is "$(stat -c %a /proc/msg_queue)" 400
	does_not_load procfs_mode=01777
}

procfs_max_msg_is_the_longest_message() {
	reload_with procfs_max_msg=5
	printf 12345 >/proc/msg_queue
	refused "[Mm]essage too long" dd if=/dev/zero of=/proc/msg_queue bs=6 count=1
	is "$(cat /proc/msg_queue)" 12345
}

run_time_parameters_can_be_changed_and_others_not() {
	local p
	reload
	for p in default_max_msgs default_max_bytes default_max_msg_size ceiling_max_msgs \
		ceiling_max_bytes ceiling_max_msg_size max_queues idle_ms; do
		echo 12345 >/sys/module/stacq/parameters/$p
		is "$(cat /sys/module/stacq/parameters/$p)" 12345 $p
	done
	for p in queues procfs_name procfs_mode procfs_max_msg; do
		[ -r /sys/module/stacq/parameters/$p ] || continue
		is "$(($(stat -c 0%a /sys/module/stacq/parameters/$p) & 0222))" 0 "write permission of $p"
	done
}

tap_main loads_without_any queues_makes_several queues_may_be_empty bad_queues_do_not_load \
	half_good_queues_leave_nothing queues_at_load_count_for_max_queues new_queues_take_the_defaults \
	procfs_name_names_file_and_queue empty_procfs_name_leaves_it_out bad_procfs_name_does_not_load \
	taken_procfs_name_does_not_load procfs_mode_is_the_mode procfs_max_msg_is_the_longest_message \
	run_time_parameters_can_be_changed_and_others_not
