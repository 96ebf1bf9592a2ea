#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the kernel log and the tracepoints say.

. "${0%/*}/../common/tap.bash"

growth_is_logged() {
	local i
	reload
	for i in 1 2 3 4 5; do echo $i >/dev/stacq/stack; done
	has_line "stack: capacity 1 -> 2"
	has_line "stack: capacity 2 -> 4"
	has_line "stack: capacity 4 -> 8"
	is "$(log | grep -c capacity)" 3
}

capacity_set_by_hand_is_logged() {
	reload
	echo 100 >/sys/class/stacq/stack/capacity
	echo 10 >/sys/class/stacq/stack/capacity
	has_line "stack: capacity 1 -> 100"
	has_line "stack: capacity 100 -> 10"
}

# 64 lines in 5 seconds.
growth_lines_are_limited() {
	local i begun most
	reload
	begun=$SECONDS
	for ((i = 0; i < 500; i++)); do echo $((i % 2 + 1)) >/sys/class/stacq/stack/capacity; done
	most=$((64 * ((SECONDS - begun) / 5 + 2)))
	[ "$(log | grep -c 'capacity [12]')" -le $most ] || fail "$(log | grep -c capacity) lines, more than $most"
	is "$(attribute stack capacity)" 2
}

removal_is_logged() {
	reload
	stacq create jobs
	printf 12345678 >/dev/stacq/jobs
	printf 12345678 >/dev/stacq/jobs
	printf 12345678 >/dev/stacq/jobs
	stacq rm jobs
	has_line "jobs: removed, 3 messages of 24 bytes discarded"
	is "$(log | grep -c 'removed message')" 0 "debug lines without debug"
}

purge_is_logged() {
	reload
	printf abc >/dev/stacq/stack
	printf def >/dev/stacq/stack
	stacq purge stack >/dev/null
	has_line "stack: purged, 2 messages of 6 bytes discarded"
}

unload_with_1000_messages_says_so() {
	local i
	reload
	seq -f 'message %.0f' 1000 | stacq send --lines stack
	is "$(attribute stack depth)" 1000
	rmmod stacq
	has_line "unloaded, 1000 messages discarded"
	[ ! -e /dev/stacq/control ] || fail "the nodes are still there"
}

unload_counts_a_message_in_hand_given_back() {
	local rest
	reload
	stacq send stack $'first line\nsecond line\n'
	exec 3</dev/stacq/stack
	read -r rest <&3
	is "$rest" "first line"
	refused "" rmmod stacq
	exec 3<&-
	rmmod stacq
	has_line "unloaded, 1 messages discarded"
}

debug_names_each_message_thrown_away() {
	reload_with dyndbg=+p
	printf 12345678 >/dev/stacq/stack
	printf 1234 >/dev/stacq/stack
	stacq purge stack >/dev/null
	has_line "stack: removed message of size 8"
	has_line "stack: removed message of size 4"
}

debug_can_be_switched_on_at_run_time() {
	local control=/proc/dynamic_debug/control
	[ -e $control ] || skip "this kernel has no dynamic debug"
	reload
	echo 'module stacq +p' >$control
	printf 12345678 >/dev/stacq/stack
	rmmod stacq
	has_line "stack: removed message of size 8"
	has_line "unloaded, 1 messages discarded"
}

bytes_of_messages_are_never_logged() {
	reload_with dyndbg=+p
	printf 'SECRET%%s%%n' >/dev/stacq/stack
	stacq purge stack >/dev/null
	printf 'SECRET%%s%%n' >/proc/msg_queue
	rmmod stacq
	! dmesg | grep -q SECRET || fail "$(dmesg | grep SECRET)"
}

tracepoints_tell() {
	local t=/sys/kernel/tracing
	[ -e $t/trace ] || skip "this kernel has no tracefs"
	reload
	[ -e $t/events/stacq/stacq_send ] || fail "no tracepoints: $(ls $t/events/stacq 2>&1)"
	echo 1 >$t/events/stacq/enable
	echo >$t/trace
	echo one >/dev/stacq/stack
	echo two >/dev/stacq/stack
	head -c 1 /dev/stacq/stack >/dev/null
	stacq recv stack >/dev/null
	echo 0 >$t/events/stacq/enable
	is "$(grep -c ' stacq_send:' $t/trace)" 2 "sends"
	is "$(grep -c ' stacq_receive:' $t/trace)" 1 "receives"
	is "$(grep -c ' stacq_grow:' $t/trace)" 1 "growths"
	is "$(grep -c ' stacq_requeue:' $t/trace)" 1 "messages given back"
}

tracepoints_tell_of_each_of_a_burst() {
	local t=/sys/kernel/tracing
	[ -e $t/trace ] || skip "this kernel has no tracefs"
	reload
	echo 1 >$t/events/stacq/stacq_send/enable
	echo >$t/trace
	printf '%s\n' one three seventeen | stacq send --lines stack
	echo 0 >$t/events/stacq/stacq_send/enable
	is "$(sed -n 's/.* stacq_send: *//p' $t/trace)" "$(printf '%s\n' "stack: message 1 of 3 bytes, 1 now" \
		"stack: message 2 of 5 bytes, 2 now" "stack: message 3 of 9 bytes, 3 now")" "what was sent"
}

tap_main growth_is_logged capacity_set_by_hand_is_logged growth_lines_are_limited removal_is_logged \
	purge_is_logged unload_with_1000_messages_says_so unload_counts_a_message_in_hand_given_back \
	debug_names_each_message_thrown_away debug_can_be_switched_on_at_run_time \
	bytes_of_messages_are_never_logged tracepoints_tell tracepoints_tell_of_each_of_a_burst
