#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The documents say what there is: each name of the interface, each file in /sys, each parameter, and
# nothing that does not exist. The documents are beside the tests in the guest.

. "${0%/*}/../common/tap.bash"

documents=${0%/*}/../documents
header=$documents/stacq.h
abi=$documents/abi.md
page=$documents/stacq.4

# Words, one a line; what man pages put into them is taken out.
words() {
	sed -e 's/\\f[A-Z]//g' -e 's/\\-/-/g' -e 's/\\&//g' "$@" | tr -cs 'A-Za-z0-9_' '\n' | sort -u
}

# Names in the first column of the tables under a title.
column() {
	sed -n "\\|^## $1|,/^## /p" "$abi" | sed -n 's/^| *\([a-z_, ]*[a-z]\) *|.*/\1/p' |
		tr -s ', ' '\n' | grep -vxE 'file|parameter' | sort -u
}

each_is_in() {
	local missing
	missing=$(grep -vxFf <(words "$2") <<<"$1" || true)
	[ -z "$missing" ] || fail "not in ${2##*/}: $missing"
	[ -n "$1" ] || fail "there is nothing to look for"
}

names=$(words "$header" | grep -E "^STACQ_[A-Z0-9_]+$" | grep -vxE "STACQ_.*_SIZE_VER0|STACQ_.*_|STACQ_IOC_MAGIC")

requests() { grep -E '^STACQ_IOC' <<<"$names"; }

fields() {
	sed -n 's/^\t\(char\|__u32\|__aligned_u64\)\t*\([a-z_]*\).*/\2/p' "$header" | sort -u
}

names_of_the_header_are_in_the_page() {
	each_is_in "$names" "$page"
}

fields_of_the_header_are_in_the_page() {
	each_is_in "$(fields)" "$page"
}

requests_of_the_header_are_in_abi_md() {
	each_is_in "$(requests)" "$abi"
}

documents_name_no_request_that_is_not() {
	local unknown
	unknown=$(words "$abi" "$page" | grep -E '^STACQ_IOC_.' | grep -vxFf <(words "$header") || true)
	[ -z "$unknown" ] || fail "not in the header: $unknown"
}

files_in_sys_are_those_in_abi_md() {
	reload
	is "$(find /sys/class/stacq/stack/ -maxdepth 1 -type f -printf '%f\n' 2>/dev/null |
		grep -vxE 'uevent|dev' | sort)" "$(column '/sys/class/stacq')" "the list in /sys"
}

files_in_sys_are_in_the_page() {
	each_is_in "$(column '/sys/class/stacq')" "$page"
}

# The module's own words: those that modinfo prints.
parameters() {
	tr '\0' '\n' <"$module" | sed -n 's/^par[m]=\([a-z_]*\):.*/\1/p' | sort -u
}

parameters_are_those_in_abi_md() {
	[ "$(parameters | wc -l)" -gt 3 ] || fail "found too few: $(parameters)"
	is "$(parameters)" "$(column 'Module parameters')" "the list in the module"
}

parameters_are_in_the_page() {
	each_is_in "$(parameters)" "$page"
}

# abi.md says "| name | default | rw | ..."
defaults_are_those_in_abi_md() {
	local name value mode
	reload
	while IFS='|' read -r _ name value mode _; do
		name=${name// /} value=${value// /} mode=${mode// /}
		[ -r "/sys/module/stacq/parameters/$name" ] || continue
		if [ "$name" = procfs_mode ]; then
			is "$(stat -c 0%a /proc/msg_queue)" "$value" "$name"
		else
			is "$(cat "/sys/module/stacq/parameters/$name")" "$value" "$name"
		fi
		if [ "$mode" = rw ]; then
			is "$(stat -c %a "/sys/module/stacq/parameters/$name")" 644 "mode of $name"
		fi
	done < <(sed -n '/^## Module parameters/,/^## /p' "$abi" | grep '^| [a-z]')
}

tracepoints_are_those_in_abi_md() {
	local t=/sys/kernel/tracing/events
	[ -d $t ] || skip "this kernel has no tracefs"
	reload
	is "$(find $t/stacq -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)" \
		"$(grep -o 'stacq:stacq_[a-z_]*' "$abi" | sed 's/.*://' | sort -u)"
}

tap_main names_of_the_header_are_in_the_page fields_of_the_header_are_in_the_page \
	requests_of_the_header_are_in_abi_md documents_name_no_request_that_is_not \
	files_in_sys_are_those_in_abi_md files_in_sys_are_in_the_page parameters_are_those_in_abi_md \
	parameters_are_in_the_page defaults_are_those_in_abi_md tracepoints_are_those_in_abi_md
