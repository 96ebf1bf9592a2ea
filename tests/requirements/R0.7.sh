#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R0.7: it loads, a simple test runs, it unloads and leaves nothing. (That make does it: see docs.)

. "${0%/*}/../common/tap.bash"

loading_makes_the_node() {
	reload
	[ -c /dev/stacq/stack ] || fail "no /dev/stacq/stack"
	[ -c /dev/stacq/control ] || fail "no /dev/stacq/control"
	[ -d /sys/class/stacq/stack ] || fail "no folder in /sys"
	grep -q '^stacq ' /proc/modules
}

simple_test_passes() {
	reload
	echo hello >/dev/stacq/stack
	is "$(head -n 1 /dev/stacq/stack)" hello
}

unloading_leaves_nothing() {
	reload
	stacq create jobs
	echo hello >/dev/stacq/jobs
	rmmod stacq
	is "$(ls /dev/stacq 2>/dev/null)" "" "/dev/stacq"
	[ ! -e /sys/class/stacq ] || fail "/sys/class/stacq is left"
	[ ! -e /proc/msg_queue ] || fail "/proc/msg_queue is left"
	! grep -q stacq /proc/modules /proc/devices || fail "the module is left"
}

twenty_times_over() {
	local i
	for ((i = 0; i < 20; i++)); do
		reload
		echo hello >/dev/stacq/stack
		rmmod stacq
	done
}

tap_main loading_makes_the_node simple_test_passes unloading_leaves_nothing twenty_times_over
