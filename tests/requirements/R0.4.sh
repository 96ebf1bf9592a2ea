#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R0.4: a program that changes the room by hand and prints it before and after.

. "${0%/*}/../common/tap.bash"

set_prints_before_and_after() {
	reload
	like "$(stacq set stack --capacity 4096)" "capacity 1 -> 4096"
	like "$(stacq set stack --capacity 2)" "capacity 4096 -> 2"
	is "$(attribute stack capacity)" 2
}

set_says_why_not() {
	reload
	echo a >/dev/stacq/stack
	echo b >/dev/stacq/stack
	refused "stack" stacq set stack --capacity 1
	refused "no-such" stacq set no-such --capacity 1
}

tap_main set_prints_before_and_after set_says_why_not
