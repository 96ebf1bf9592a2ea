#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.6: 1,000 in ("Welcome number K"), three out, unload frees 997.

. "${0%/*}/../common/tap.bash"

thousand_in_three_out_997_freed() {
	local k
	reload
	for ((k = 1; k <= 1000; k++)); do echo "Welcome number $k" >/proc/msg_queue; done
	for k in 1 2 3; do is "$(cat /proc/msg_queue)" "Welcome number $k"; done
	rmmod stacq
	has_line "unloaded, 997 messages discarded"
}

tap_main thousand_in_three_out_997_freed
