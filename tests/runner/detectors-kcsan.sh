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

a_race_that_a_module_has_a_part_in_makes_the_run_fail() {
	log_race "one_function [stacq] / another_function" "$work/ours"
	vm --file "$work/ours:/tmp/ours" -- sh /tmp/ours
	caught 123 'kernel report: BUG: KCSAN: data-race in one_function \[stacq\]'
}

neither_counting_with_a_lock_nor_a_race_of_other_code_makes_the_run_fail() {
	log_race "one_function / another_function" "$work/core"
	vm --kernel kcsan --timeout 1200 --file "$work/core:/tmp/core" -- \
		sh -c 'insmod /modules/runner_test.ko how=none && sh /tmp/core'
	ended 0
}

counting_from_two_threads_without_a_lock_is_caught() {
	mistake race
	caught 123 'BUG: KCSAN: data-race in count_up \[runner_test\]'
}

detectors kcsan
tap_main \
	a_race_that_a_module_has_a_part_in_makes_the_run_fail \
	neither_counting_with_a_lock_nor_a_race_of_other_code_makes_the_run_fail \
	counting_from_two_threads_without_a_lock_is_caught
