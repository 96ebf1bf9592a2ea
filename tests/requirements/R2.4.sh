#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.4: three messages go in, the same three come out in order, then it is empty.

. "${0%/*}/../common/tap.bash"

three_in_three_out_then_empty() {
	local i
	reload
	for i in 1 2 3; do echo "message $i" >/proc/msg_queue; done
	for i in 1 2 3; do is "$(cat /proc/msg_queue)" "message $i"; done
	is "$(cat /proc/msg_queue)" ""
	is "$(attribute msg_queue depth)" 0
}

tap_main three_in_three_out_then_empty
