#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R0.6: p1 writes 1 once a second, five times; p2 writes 2; both at once in the background.

. "${0%/*}/../common/tap.bash"

two_processes_leave_ten_elements_interleaved() {
	local seen
	reload
	"${0%/*}/../demo/p1" &
	"${0%/*}/../demo/p2" &
	wait
	is "$(attribute stack depth)" 10
	seen=$(stacq recv stack --all | tr -d '\n')
	is "${#seen}" 10 "number of elements in '$seen'"
	is "${seen//2/}" 11111 "those of p1"
	is "${seen//1/}" 22222 "those of p2"
	case $seen in 1111122222 | 2222211111) fail "$seen: one after the other" ;; esac
	is "$(attribute stack depth)" 0
}

tap_main two_processes_leave_ten_elements_interleaved
