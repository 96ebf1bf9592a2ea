#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The detector of data races is on; races count when a module has a part in them, and only then.

. "$(dirname "$0")/common"

# log_race TEXT FILE: a shell script for the guest, which puts a made-up report into the kernel's log
log_race() {
	sed "s|WHERE|$1|; s|^|echo '|; s|\$|' >/dev/kmsg|" >"$2" <<-'END'
		==================================================================
		BUG: KCSAN: data-race in WHERE
		write to 0xffffffff81234567 of 4 bytes by task 1 on cpu 0:
		 first_function+0x12/0x34
		read to 0xffffffff81234567 of 4 bytes by task 2 on cpu 1:
		 second_function+0x56/0x78
		==================================================================
	END
}

log_race "one_function / another_function" "$work/core"
log_race "one_function [stacq] / another_function" "$work/ours"

vm --file "$work/ours:/tmp/ours" -- sh /tmp/ours
expect "a race that a module has a part in makes the run fail" [ $status = 123 ]
expect "a race: named" says 'kernel report: BUG: KCSAN: data-race in one_function \[stacq\]'
expect "a race: its console log is kept" log_kept

detectors kcsan

vm --kernel kcsan --timeout 200 --file "$work/core:/tmp/core" -- \
	sh -c 'insmod /modules/runner_test.ko how=none && sh /tmp/core'
expect "neither counting with a lock nor a race of other code makes the run fail" [ $status = 0 ]

mistake race
caught "counting from two threads without a lock" 123 'BUG: KCSAN: data-race in count_up \[runner_test\]'

tap_end
