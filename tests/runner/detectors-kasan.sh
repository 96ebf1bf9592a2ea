#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The detectors of the kernel uml, or kasan with DETECTORS=kasan, are on: each kind of mistake, made on
# purpose, makes the run fail.
# One boot for each, since KASAN and the lock checker go silent after their first report.
# shellcheck disable=SC2016 # what is in single quotes is for the guest

. "$(dirname "$0")/common"

detectors "${DETECTORS-uml}"
read_it='dd if=/dev/runner_test of=/dev/null bs=4096 count=1 status=none'

# Without a mistake there is no report, and no leak; with one, guest-run counts it against the program
# under which it was made. What it says is what tests/run goes by: see counts.sh.
cat >"$work/mistake" <<'END'
#!/bin/sh
echo 1..1
insmod /modules/runner_test.ko how=${0##*/} && dd if=/dev/runner_test of=/dev/null bs=4096 count=1 status=none &&
	rmmod runner_test && echo ok 1
END
chmod +x "$work/mistake"
vm --kernel "$detectors_of" --cpus 1 --timeout 900 --file "$work/mistake:/tests/mistake/none" \
	--file "$work/mistake:/tests/mistake/leak" -- /tests/guest-run 60 mistake/none leaks mistake/leak leaks
# of PROGRAM: what guest-run said about it, the last time if there are more
of() { awk -v p="$1" '$1 == "@begin" { on = $2 == p; if (on) text = "" } on { text = text $0 "\n" } END { printf text }' "$work/out"; }
expect "without a mistake the run succeeds" [ $status = 0 ]
expect "without a mistake the program succeeds" grep -q "^@end mistake/none 0 " "$work/out"
expect "without a mistake there is no leak" grep -q "^@end leaks 0 " "$work/out"
expect "a leak is caught" grep -q "^@end leaks 1 " <(of leaks)
expect "a leak: it is a failed test" grep -q "^not ok 1 - no memory is leaked" <(of leaks)
expect "a leak: its objects are named" grep -q "unreferenced object.*size 64" <(of leaks)

mistake rcu "$read_it"
caught "use of RCU without its lock" 123 'suspicious RCU usage'

mistake useafterfree
caught "use after free" 123 'BUG: KASAN: (slab-)?use-after-free'
mistake outofbounds
caught "a write out of bounds" 123 'BUG: KASAN: slab-out-of-bounds'
mistake doublefree
caught "a double free" 123 'BUG: KASAN: (double-free|invalid-free)'
mistake usercopy "$read_it"
expect "bytes beyond an object: the log says what it was" \
	log_says 'usercopy: Kernel memory exposure attempt'
caught "bytes beyond an object on their way to user space" 120 'kernel panic'

tap_end
