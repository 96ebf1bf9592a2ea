#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Which data races vm/kernel-reports takes for ours: those where a module is called, and not those where it
# only was interrupted, touched a page that was missing, or held a lock. Runs on the host.

# shellcheck source=../common/tap.bash
. "${0%/*}/../common/tap.bash"
reports=${0%/*}/../../vm/kernel-reports

# race FRAME...: what is said of a log with a data race whose one side has these frames, the innermost first
race() {
	{
		echo "[    1.000000] =================================================================="
		echo "[    1.000000] BUG: KCSAN: data-race in one / other"
		echo "[    1.000000] "
		echo "[    1.000000] write to 0xffff88807ba1cf08 of 8 bytes by task 7 on cpu 0:"
		printf '[    1.000000]  %s\n' "$@"
		echo "[    1.000000] "
		echo "[    1.000000] read to 0xffff88807ba1cf08 of 8 bytes by task 8 on cpu 1:"
		echo "[    1.000000]  vfs_read+0x1a/0x20"
		echo "[    1.000000] "
		echo "[    1.000000] Reported by Kernel Concurrency Sanitizer on:"
		echo "[    1.000000] =================================================================="
	} | busybox sh "$reports"
}

ours() { is "$(race "$@")" "BUG: KCSAN: data-race in one / other" "what is said of $*"; }
not_ours() { is "$(race "$@")" "" "what is said of $*"; }

where_a_module_is_called_it_is_ours() {
	ours 'queue_depth+0x1/0x20 [stacq]' 'vfs_read+0x1a/0x20'
	ours 'list_del+0x1/0x20' 'queue_take+0x1/0x20 [stacq]' 'vfs_read+0x1a/0x20'
	not_ours 'list_del+0x1/0x20' 'vfs_read+0x1a/0x20'
}

# Its timers run in interrupts.
an_interrupt_is_not_of_whom_it_hit() {
	local irq
	for irq in asm_sysvec_apic_timer_interrupt asm_common_interrupt asm_exc_page_fault; do
		not_ours 'tick+0x1/0x20' "$irq+0x1b/0x20" 'queue_take+0x1/0x20 [stacq]' 'vfs_read+0x1a/0x20'
		ours 'lapse+0x1/0x20 [stacq]' "$irq+0x1b/0x20" 'vfs_read+0x1a/0x20'
	done
}

a_lock_that_is_held_is_no_call() {
	not_ours 'tick+0x1/0x20' '' '1 lock held by reader/7:' \
		' #0: ffff88807f87f018 (&st->lock){+.+.}-{2:2}, at: queue_take+0x5e/0xb30 [stacq]'
}

tap_main \
	where_a_module_is_called_it_is_ours \
	an_interrupt_is_not_of_whom_it_hit \
	a_lock_that_is_held_is_no_call
