#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each lab has its module, page and check, and its module is short. And the lab that makes the lock
# checker report: its machine must fail, so it is run here, where that is what is wanted.

. "$(dirname "$0")/../runner/common"

labs() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' labs/labs.list | awk '{ print $1 }'; }

incomplete_labs() {
	local lab
	for lab in $(labs); do
		[ -f "labs/$lab/lab_$lab.c" ] || echo "$lab has no module"
		[ -s "labs/$lab/README.md" ] || echo "$lab has no page"
		[ -x "labs/$lab/check" ] || echo "$lab has no check"
	done
}

each_lab_has_a_module_a_page_and_a_check() {
	[ -n "$(labs)" ] || fail "there are no labs"
	is "$(incomplete_labs)" "" "the list of missing files"
}

each_module_is_shorter_than_250_lines() {
	local lab lines
	for lab in $(labs); do
		lines=$(wc -l <"labs/$lab/lab_$lab.c")
		[ "$lines" -lt 250 ] || fail "that of $lab has $lines"
	done
}

each_lab_is_in_the_list() {
	local folder
	for folder in labs/*/check; do
		folder=${folder%/check}
		labs | grep -x "${folder#labs/}" >/dev/null || fail "${folder#labs/} is not"
	done
}

the_list_fits_a_terminal_of_80_columns() {
	local width
	width=$(labs/run | wc -L)
	[ "$width" -le 80 ] || fail "it is $width wide"
}

# The check came to its end, each of its claims held, and the machine failed, since the kernel reported.
deadlock_holds_and_its_report_is_caught() {
	local claims
	vm --kernel "$detectors_of" --timeout 1800 -- /labs/deadlock/check
	claims=$(grep -c '^ok ' "$work/out")
	[ "$claims" -gt 10 ] || fail "only $claims claims hold"
	grep -qx "1\.\.$claims" "$work/out" || fail "it has not come to its end, or more than $claims were claimed"
	! grep -E '^not ok|# SKIP' "$work/out" || fail "not all that it claims holds"
	caught 123 'BUG: sleeping function|possible circular locking'
}

detectors "${DETECTORS-uml}" "kernel labs"
tap_main \
	each_lab_has_a_module_a_page_and_a_check \
	each_module_is_shorter_than_250_lines \
	each_lab_is_in_the_list \
	the_list_fits_a_terminal_of_80_columns \
	deadlock_holds_and_its_report_is_caught
