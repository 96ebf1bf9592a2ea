#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Whatever goes wrong with the kernel is a failure with a status and one line of its own.
# shellcheck disable=SC2016 # what is in single quotes is for the guest

. "$(dirname "$0")/common"

modules_for stock

vm -- sh -c 'echo c >/proc/sysrq-trigger; sleep 60'
expect "a panic is status 120" [ $status = 120 ]
expect "a panic: said in one line" says '^vm/run: kernel panic: .*sysrq triggered crash'
expect "a panic: its console log is kept" log_kept

vm -- insmod /modules/runner_test.ko how=oops
expect "an oops is status 120" [ $status = 120 ]
expect "an oops: what it was is said" says 'kernel panic: .*NULL pointer dereference'
expect "an oops: its console log is kept" log_kept

vm -- insmod /modules/runner_test.ko how=warn
expect "a warning is status 121" [ $status = 121 ]
expect "a warning: where it was is said" says 'kernel warning: WARNING: .*runner_test'
expect "a warning: its console log is kept" log_kept

vm -- sh -c 'echo 3 >/proc/sys/kernel/watchdog_thresh; insmod /modules/runner_test.ko how=lockup'
expect "a soft lock-up is status 122" [ $status = 122 ]
expect "a soft lock-up: said in one line" says 'soft lock-up: .*insmod'
expect "a soft lock-up: its console log is kept" log_kept

vm -- sh -c 'echo 3 >/proc/sys/kernel/hung_task_timeout_secs; insmod /modules/runner_test.ko how=hung'
expect "a task that hangs in the kernel is status 123" [ $status = 123 ]
expect "a hung task: said in one line" says 'kernel report: .*insmod.* blocked for more than'
expect "a hung task: its console log is kept" log_kept

# (a busy machine needs more time to come up)
for limit in 15 60 240; do
	vm --timeout $limit -- sh -c 'echo before; sleep 1000'
	[ ! -s "$work/out" ] || break
	rm -rf "$(dirname "$(log)")"
done
expect "the time limit is status 124" [ $status = 124 ]
expect "what was printed before has come through" [ "$(cat "$work/out")" = before ]
expect "the time limit: its console log is kept" log_kept

vm -- sh -c 'reboot -f; sleep 60'
expect "a machine that just goes away is no success" [ $status = 120 ]
expect "a machine gone: its console log is kept" log_kept

vm -- sh -c 'echo "Kernel panic - BUG: WARNING: soft lockup" >/dev/kmsg'
expect "words in the log alone do not make a failure" [ $status = 0 ]

vm -- sh -c 'echo 0 >/proc/sys/kernel/panic_on_warn; insmod /modules/runner_test.ko how=warn; echo done'
expect "a warning that did not stop the kernel is found at the end" [ $status = 121 ]
expect "a warning found at the end: its console log is kept" log_kept

vm --append "panic_on_warn=0 rdinit=/none/such" -- true
expect "a kernel that does not come up is no success" [ $status = 120 -o $status = 125 ]
expect "a kernel that does not come up: its console log is kept" log_kept

tap_end
