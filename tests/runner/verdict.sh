#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Whatever goes wrong with the kernel is a failure with a status and one line of its own.
# shellcheck disable=SC2016 # what is in single quotes is for the guest

. "$(dirname "$0")/common"

a_panic_is_120() {
	vm -- sh -c 'echo c >/proc/sysrq-trigger; sleep 60'
	caught 120 '^vm/run: kernel panic: .*sysrq triggered crash'
}

an_oops_is_120_and_named() {
	vm -- insmod /modules/runner_test.ko how=oops
	caught 120 'kernel panic: .*NULL pointer dereference'
}

a_warning_is_121_and_its_place_named() {
	vm -- insmod /modules/runner_test.ko how=warn
	caught 121 'kernel warning: WARNING: .*runner_test'
}

a_soft_lock_up_is_122() {
	vm -- sh -c 'echo 3 >/proc/sys/kernel/watchdog_thresh; insmod /modules/runner_test.ko how=lockup'
	caught 122 'soft lock-up: .*insmod'
}

a_task_that_hangs_in_the_kernel_is_123() {
	vm -- sh -c 'echo 3 >/proc/sys/kernel/hung_task_timeout_secs; insmod /modules/runner_test.ko how=hung'
	caught 123 'kernel report: .*insmod.* blocked for more than'
}

the_time_limit_is_124_and_what_was_printed_before_comes_through() {
	local seconds
	# (a busy machine needs more time to come up)
	for seconds in 15 60 240; do
		vm --timeout $seconds -- sh -c 'echo before; sleep 1000'
		[ ! -s "$work/out" ] || break
		log_kept
	done
	printed before
	ended 124
	log_kept
}

a_machine_that_just_goes_away_is_no_success() {
	vm -- sh -c 'reboot -f; sleep 60'
	ended 120
	log_kept
}

words_in_the_log_alone_do_not_make_a_failure() {
	vm -- sh -c 'echo "Kernel panic - BUG: WARNING: soft lockup" >/dev/kmsg'
	ended 0
}

a_warning_that_did_not_stop_the_kernel_is_found_at_the_end() {
	vm -- sh -c 'echo 0 >/proc/sys/kernel/panic_on_warn; insmod /modules/runner_test.ko how=warn; echo done'
	ended 121
	log_kept
}

a_kernel_that_does_not_come_up_is_no_success() {
	vm --append "panic_on_warn=0 rdinit=/none/such" -- true
	like "$status" '^(120|125)$' "the status"
	log_kept
}

modules_for stock
tap_main \
	a_panic_is_120 \
	an_oops_is_120_and_named \
	a_warning_is_121_and_its_place_named \
	a_soft_lock_up_is_122 \
	a_task_that_hangs_in_the_kernel_is_123 \
	the_time_limit_is_124_and_what_was_printed_before_comes_through \
	a_machine_that_just_goes_away_is_no_success \
	words_in_the_log_alone_do_not_make_a_failure \
	a_warning_that_did_not_stop_the_kernel_is_found_at_the_end \
	a_kernel_that_does_not_come_up_is_no_success
