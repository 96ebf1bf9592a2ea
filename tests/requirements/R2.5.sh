#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.5: six in, three out, unload: three are freed, and the log says so, one by one if asked to.

. "${0%/*}/../common/tap.bash"

six_in_three_out() {
	local i
	for i in 1 2 3 4 5 6; do echo "hello $i" >/proc/msg_queue; done
	for i in 1 2 3; do is "$(cat /proc/msg_queue)" "hello $i"; done
	rmmod stacq
}

log_says_how_many_were_freed() {
	reload
	six_in_three_out
	has_line "unloaded, 3 messages discarded"
	is "$(log | grep -c 'removed message')" 0
}

debug_log_names_each() {
	[ -e /proc/dynamic_debug/control ] || skip "this kernel has no dynamic debug"
	reload_with dyndbg=+p
	six_in_three_out
	is "$(log | grep -c '^msg_queue: removed message of size 8$')" 3
	has_line "unloaded, 3 messages discarded"
}

tap_main log_says_how_many_were_freed debug_log_names_each
