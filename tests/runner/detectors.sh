#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The detectors of the debug kernel are on: each kind of error, made on purpose, is caught.
# shellcheck disable=SC2016 # what is in single quotes is for the guest

. "$(dirname "$0")/common"

if [ -n "${QUICK-}" ] || ! vm/build-kernel --path kasan >/dev/null; then
	skip "the kasan kernel catches errors" "the kasan kernel is not used in a quick run"
	finish
fi

debug() { vm --kernel kasan --timeout 200 -- "$@"; }

debug insmod /modules/runner_test.ko how=useafterfree
expect "use after free is caught" [ $status = 123 ]
expect "use after free: named" says 'BUG: KASAN: (slab-)?use-after-free'
expect "use after free: its console log is kept" log_kept

debug insmod /modules/runner_test.ko how=lockorder
expect "a wrong lock order is caught" [ $status = 123 ]
expect "wrong lock order: named" says 'possible circular locking|lock checker'
expect "wrong lock order: its console log is kept" log_kept

debug sh -c 'echo clear >/sys/kernel/debug/kmemleak; insmod /modules/runner_test.ko how=leak
	sleep 6; echo scan >/sys/kernel/debug/kmemleak; echo scan >/sys/kernel/debug/kmemleak
	grep -c "unreferenced object.*size 1" /sys/kernel/debug/kmemleak'
expect "a leak is caught" [ "$(cat "$work/out")" -gt 8 ]

finish
