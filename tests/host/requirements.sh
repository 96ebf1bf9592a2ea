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

each_requirement_has_a_test() { is "$(missing_tests)" "" "the list of missing tests"; }
each_requirement_is_in_the_page() { is "$(missing_rows)" "" "the list of missing rows"; }
each_test_that_the_page_names_is_there() { is "$(missing_files)" "" "the list of missing files"; }

the_list_of_requirements_is_complete() {
	[ -e "$source" ] || skip "there is no $source here"
	is "$(new_ids)" "" "the list of new requirements"
}

make_load_and_unload_do_what_R0.7_says() { is "$(wrong_targets)" "" "the list of wrong targets"; }

tap_main \
	each_requirement_has_a_test \
	each_requirement_is_in_the_page \
	each_test_that_the_page_names_is_there \
	the_list_of_requirements_is_complete \
	make_load_and_unload_do_what_R0.7_says
