#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What abi.md says and only a running kernel knows: which files are there, and what parameters are by
# themselves. That the documents and the code have the same names is checked without one, by
# tests/lint documents. abi.md is beside the tests in the guest.

. "${0%/*}/../common/tap.bash"

abi=${0%/*}/../documents/abi.md

# rows TITLE: the tables under a title, without their heads
rows() {
	sed -n "\\|^## $1|,/^## /p" "$abi" | grep '^| [a-z]' | grep -vE '^\| (file|parameter) '
}

# "| file | rw | ..."
files_in_sys_are_those_in_abi_md() {
	reload
	is "$(find /sys/class/stacq/stack/ -maxdepth 1 -type f -printf '%f %m\n' 2>/dev/null |
		grep -vE '^(uevent|dev) ' | sort)" "$(listed_files | sort)" "the list in /sys"
}

listed_files() {
	local names name mode
	rows '/sys/class/stacq' | while IFS='|' read -r _ names mode _; do
		for name in ${names//,/ }; do
			case $mode in *rw*) echo "$name 644" ;; *) echo "$name 444" ;; esac
		done
	done
}

# "| parameter | default | rw | ..."
defaults_are_those_in_abi_md() {
	local name value mode file seen=0
	reload
	while IFS='|' read -r _ name value mode _; do
		name=${name// /} value=${value// /} mode=${mode// /}
		file=/sys/module/stacq/parameters/$name
		if [ "$name" = procfs_mode ]; then
			is "$(stat -c 0%a /proc/msg_queue)" "$value" "$name"
		else
			is "$(cat "$file")" "$value" "$name"
		fi
		is "$(stat -c %a "$file")" "$([ "$mode" = rw ] && echo 644 || echo 444)" "mode of $name"
		seen=$((seen + 1))
	done < <(rows 'Module parameters')
	is "$(find /sys/module/stacq/parameters -type f | wc -l)" $seen "number of parameters"
}

tap_main files_in_sys_are_those_in_abi_md defaults_are_those_in_abi_md
