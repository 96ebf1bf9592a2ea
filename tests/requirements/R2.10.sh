#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.10: too long is EMSGSIZE and nothing stored; user memory by the copy functions; no strings.

. "${0%/*}/../common/tap.bash"

too_long_is_refused_and_nothing_is_stored() {
	reload
	echo before >/proc/msg_queue
	refused "Message too long" dd if=/dev/zero of=/proc/msg_queue bs=1025 count=1
	refused "Message too long" dd if=/dev/zero of=/proc/msg_queue bs=1M count=1
	is "$(attribute msg_queue depth)" 1
	is "$(attribute msg_queue sent)" 1
	is "$(cat /proc/msg_queue)" before
}

addresses_that_are_not_the_caller_s_are_efault() {
	reload
	"${0%/*}/../device/proc" bad_addresses >"$tap_dir/out" || fail "$(cat "$tap_dir/out")"
	grep -q '^ok 1' "$tap_dir/out"
}

bytes_without_an_end_come_out_as_they_went_in() {
	reload_with dyndbg=+p
	printf 'no end' >/proc/msg_queue
	# by way of a file, since bash writes line by line
	printf 'a\0b\0%%s%%n\377\n\n' >"$tap_dir/bytes"
	cat "$tap_dir/bytes" >/proc/msg_queue
	is "$(cat /proc/msg_queue)" "no end"
	cat /proc/msg_queue >"$tap_dir/back"
	cmp "$tap_dir/bytes" "$tap_dir/back" || fail "$(od -c "$tap_dir/back")"
	printf SECRET >/proc/msg_queue
	rmmod stacq
	! dmesg | grep -q SECRET || fail "bytes of a message are in the log"
}

tap_main too_long_is_refused_and_nothing_is_stored addresses_that_are_not_the_caller_s_are_efault \
	bytes_without_an_end_come_out_as_they_went_in
