#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The detectors of the kernel uml, or kasan with DETECTORS=kasan, are on: each kind of mistake, made on
# purpose, makes the run fail.
# One boot for each, since KASAN and the lock checker go silent after their first report.
# shellcheck disable=SC2016 # what is in single quotes is for the guest

. "$(dirname "$0")/common"

read_it='dd if=/dev/runner_test of=/dev/null bs=4096 count=1 status=none'

# about PROGRAM: what guest-run said about it, the last time if there are more
about() {
	awk -v p="$1" '
		$1 == "@begin" { on = $2 == p; if (on) text = "" }
		on { text = text $0 "\n" }
		END { printf text }' "$work/out"
}

# Without a mistake there is no report, and no leak; with one, guest-run counts it against the program
# under which it was made. What it says is what tests/run goes by: see counts.sh.
a_leak_is_caught_and_without_a_mistake_there_is_none() {
	local last
	cat >"$work/mistake" <<-'END'
		#!/bin/sh
		echo 1..1
		insmod /modules/runner_test.ko how=${0##*/} && dd if=/dev/runner_test of=/dev/null bs=4096 count=1 status=none &&
			rmmod runner_test && echo ok 1
	END
	chmod +x "$work/mistake"
	vm --kernel "$detectors_of" --cpus 1 --timeout 1800 --file "$work/mistake:/tests/mistake/none" \
		--file "$work/mistake:/tests/mistake/leak" -- /tests/guest-run 600 mistake/none leaks mistake/leak leaks
	ended 0
	grep -q "^@end mistake/none 0 " "$work/out" || fail "without a mistake the program fails"
	grep -q "^@end leaks 0 " "$work/out" || fail "without a mistake there is a leak"
	last=$'\n'$(about leaks)
	like "$last" $'\n@end leaks 1 ' "what is said about leaks after one was made"
	like "$last" $'\nnot ok 1 - no memory is leaked' "what is said about leaks after one was made"
	like "$last" 'unreferenced object.*size 64' "what is said about leaks after one was made"
}

use_of_rcu_without_its_lock_is_caught() {
	mistake rcu "$read_it"
	caught 123 'suspicious RCU usage'
}

use_after_free_is_caught() {
	mistake useafterfree
	caught 123 'BUG: KASAN: (slab-)?use-after-free'
}

a_write_out_of_bounds_is_caught() {
	mistake outofbounds
	caught 123 'BUG: KASAN: slab-out-of-bounds'
}

a_double_free_is_caught() {
	mistake doublefree
	caught 123 'BUG: KASAN: (double-free|invalid-free)'
}

bytes_beyond_an_object_on_their_way_to_user_space_are_caught() {
	mistake usercopy "$read_it"
	log_says 'usercopy: Kernel memory exposure attempt'
	caught 120 'kernel panic'
}

detectors "${DETECTORS-uml}" "kernel tests/runner/module" # (guest-run loads stacq.ko)
tap_main \
	a_leak_is_caught_and_without_a_mistake_there_is_none \
	use_of_rcu_without_its_lock_is_caught \
	use_after_free_is_caught \
	a_write_out_of_bounds_is_caught \
	a_double_free_is_caught \
	bytes_beyond_an_object_on_their_way_to_user_space_are_caught
