#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each requirement has a test and is in docs/requirements.md, and nothing named there is missing. Runs on the host.

cd "${0%/*}/../.." || exit 1

page=docs/requirements.md
ids=(R0.{1..7} R2.{1..10})
lab_ids=(R1.{1..6} R3.{1..10} R4.{1..7}) # proved by the labs
planned=(R5.{1..5} R6.{1..3} R7.{1,2} R8.1 R9.{1..3} R10.{1,2}) # promised for 1.0, and no test yet
source=../shared/REQUIREMENTS.md # not in a clone of the project alone
# tests that come from elsewhere in the project
elsewhere=(device/command.sh)

. tests/common/tap.bash

# nothing_wrong NAME COMMAND...: what the command prints is what is wrong
nothing_wrong() {
	local wrong
	wrong=$("${@:2}")
	[ -z "$wrong" ] || echo "# ${wrong//$'\n'/$'\n# '}"
	[ -z "$wrong" ]
	tap_result $? "$1"
}

missing_tests() {
	local id
	for id in "${ids[@]}"; do
		[ -x "tests/requirements/$id.sh" ] || echo "$id has no tests/requirements/$id.sh"
	done
}

missing_rows() {
	local id
	for id in "${ids[@]}"; do
		grep -q "^| $id |.*| tests/requirements/$id.sh |" "$page" || echo "$id and its test are not in $page"
	done
	for id in "${lab_ids[@]}"; do
		grep -qE "^\| $id \|.*\| (labs/.*/check|tests/faults/labs.c) \|" "$page" || echo "$id and its test are not in $page"
	done
	for id in "${planned[@]}"; do
		grep -qE "^\| $id \|.*\| not yet \|" "$page" || echo "$id is not in $page, as one that has no test yet"
	done
}

missing_files() {
	local name
	grep -oE 'labs/[a-z_]+/check' "$page" | sort -u | while read -r name; do
		[ -x "$name" ] || echo "$page names $name, which is not there"
	done
	grep -oE '(tests|device|demo)/[A-Za-z0-9_./]+' "$page" | sed 's|^tests/||; s|\.$||' | sort -u |
		while read -r name; do
			[ -e "tests/$name" ] || [ -e "tests/$name.c" ] || [[ " ${elsewhere[*]} " == *" $name "* ]] ||
				echo "$page names $name, which is not there"
		done
}

new_ids() {
	grep -oE '^\| R[0-9]+\.[0-9]+ ' "$source" | tr -d '| ' |
		while read -r id; do
			[[ " ${ids[*]} ${lab_ids[*]} ${planned[*]} " == *" $id "* ]] || echo "$id is new, and not in this script"
		done
}

# Loading on this machine is not for a test: what make would do is read.
wrong_targets() {
	local rules
	rules=$(make -pn help 2>/dev/null)
	grep -A 9 '^load:' <<<"$rules" | grep -q $'^\tinsmod ' || echo "make load does not load"
	grep -A 9 '^unload:' <<<"$rules" | grep -q $'^\trmmod ' || echo "make unload does not unload"
	grep -A 9 '^all:' <<<"$rules" | grep -q 'vm/run .*insmod' || echo "make does not load in a virtual machine"
}

nothing_wrong "each requirement has a test" missing_tests
nothing_wrong "each requirement is in $page" missing_rows
nothing_wrong "each test that $page names is there" missing_files
if [ -e "$source" ]; then
	nothing_wrong "the list of requirements is complete" new_ids
else
	tap_result 0 "the list of requirements is complete" "there is no $source here"
fi
nothing_wrong "make, make load and make unload do what R0.7 says" wrong_targets
tap_end
