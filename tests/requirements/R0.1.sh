#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R0.1: a character device that is a stack: a write pushes one element, a read pops the newest.

. "${0%/*}/../common/tap.bash"

device_is_a_character_device() {
	reload
	[ -c /dev/stacq/stack ] || fail "it is not"
}

write_pushes_and_read_pops_the_newest() {
	reload
	echo first >/dev/stacq/stack
	echo second >/dev/stacq/stack
	echo third >/dev/stacq/stack
	is "$(head -n 1 /dev/stacq/stack)" third
	echo fourth >/dev/stacq/stack
	is "$(head -n 1 /dev/stacq/stack)" fourth
	is "$(head -n 1 /dev/stacq/stack)" second
	is "$(head -n 1 /dev/stacq/stack)" first
	is "$(attribute stack depth)" 0
}

cat_prints_all_of_them() {
	reload
	echo first >/dev/stacq/stack
	echo second >/dev/stacq/stack
	stacq seal stack # or cat would wait for more
	is "$(cat /dev/stacq/stack)" "second
first"
}

tap_main device_is_a_character_device write_pushes_and_read_pops_the_newest cat_prints_all_of_them
