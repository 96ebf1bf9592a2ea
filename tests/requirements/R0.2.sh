#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R0.2: room starts at 1 element and doubles on demand; each growth is in the kernel log.

. "${0%/*}/../common/tap.bash"

room_doubles_on_demand_and_the_log_says_so() {
	local n line capacity=1 wanted=''
	reload
	is "$(attribute stack capacity)" 1
	for ((n = 1; n <= 100; n++)); do
		echo "element $n" >/dev/stacq/stack
		if [ "$n" -gt "$capacity" ]; then
			wanted+="stack: capacity $capacity -> $((capacity * 2))"$'\n'
			capacity=$((capacity * 2))
		fi
		is "$(attribute stack capacity)" $capacity "room after $n elements"
	done
	is "$(log | grep capacity)" "${wanted%$'\n'}" "the log"
	is "$(attribute stack growths)" 7
	for ((; n > 1; n--)); do
		read -r line </dev/stacq/stack
		is "$line" "element $((n - 1))"
	done
}

tap_main room_doubles_on_demand_and_the_log_says_so
