#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each lab has its module, page and check, and its module is short. And the lab that makes the lock
# checker report: its machine must fail, so it is run here, where that is what is wanted.

. "$(dirname "$0")/../runner/common"

labs() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' labs/labs.list | awk '{ print $1 }'; }

short() { [ "$(wc -l <"$1")" -lt 250 ]; }

status=0
: >"$work/out"
: >"$work/err"
expect "there are labs" [ -n "$(labs)" ]
for lab in $(labs); do
	expect "$lab has a module" [ -f "labs/$lab/lab_$lab.c" ]
	expect "$lab: its module is shorter than 250 lines" short "labs/$lab/lab_$lab.c"
	expect "$lab has a page" [ -s "labs/$lab/README.md" ]
	expect "$lab has a check" [ -x "labs/$lab/check" ]
done
listed() {
	local folder
	for folder in labs/*/check; do
		folder=${folder%/check}
		labs | grep -qx "${folder#labs/}" || return
	done
}
expect "each lab is in the list" listed
fits() { [ "$(labs/run | wc -L)" -le 80 ]; }
expect "the list fits a terminal of 80 columns" fits

detectors "${DETECTORS-uml}" "kernel labs"
vm --kernel "$detectors_of" --timeout 600 -- /labs/deadlock/check
# says_all: the check came to its end, and each of its claims held
says_all() {
	local claims
	claims=$(grep -c '^ok ' "$work/out")
	[ "$claims" -gt 10 ] && grep -qx "1\.\.$claims" "$work/out" && ! grep -qE '^not ok|# SKIP' "$work/out"
}
expect "deadlock: all that it claims holds" says_all
expect "deadlock: the machine fails, since the kernel reported" [ "$status" = 123 ]
expect "deadlock: the report is named" says 'BUG: sleeping function|possible circular locking'
expect "deadlock: the console log is kept" log_kept
tap_end
