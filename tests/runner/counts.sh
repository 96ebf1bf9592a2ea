#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tests/run fails when anything goes wrong in a machine, and only then. No machine is needed: it gets
# a made-up vm/run, which prints what a guest could have printed.

. "$(dirname "$0")/common"

tree=$work/tree
mkdir -p "$tree/vm" "$tree/tests" "$tree/build/user/tests/device"
cp vm/lib.sh vm/kernels.list "$tree/vm"
cp tests/run tests/ktap.awk tests/junit.awk "$tree/tests"
mkdir "$tree/tests/device"
touch "$tree/tests/device/made-up.c" # (as a source)
printf '%s\n' "test uml|kasan/1 part 100 1 made up" $'\tdevice/*' >"$tree/tests/plan"
mkdir -p "$tree/labs"
cp labs/labs.list "$tree/labs"
printf '#!/bin/sh\n' | tee "$tree/vm/build-modules" "$tree/vm/need" >"$tree/build/user/tests/device/made-up"
cat >"$tree/vm/run" <<'END'
#!/bin/sh
case "$*" in
*"--kernel uml"*) exit 125 ;; # as where processes may not be traced
*made-up*) echo "$*" >"${0%/*}/../asked" && cat "${0%/*}/../printed" && exit $(cat "${0%/*}/../status") ;;
*) printf '%s\n' "@begin leaks" "ok 1" "@end leaks 0 1" ;; # what is left to do in a second machine
esac
END
chmod +x "$tree"/vm/* "$tree/build/user/tests/device/made-up"

# given STATUS LINE...: tests/run, where the machine prints these lines and ends with this status
given() {
	echo "$1" >"$tree/status"
	shift
	printf '%s\n' "$@" >"$tree/printed"
	status=0
	"$tree/tests/run" --kernel stock --only made-up >"$work/out" 2>"$work/err" || status=$?
}

# fails NAME SUMMARY: so did that run, and its last line is this
fails() { expect "$1" [ "$status" != 0 -a "$(tail -n 1 "$work/out")" = "$2" ]; }

begin='@begin device/made-up' end='@end device/made-up'

given 0 "$begin" 1..2 "ok 1 - a" "ok 2 - b # SKIP no time" "$end 0 1"
expect "all is well: success" [ $status = 0 -a "$(tail -n 1 "$work/out")" = "1 passed, 0 failed, 1 skipped" ]

given 0 "$begin" 1..2 "ok 1 - a" "not ok 2 - b" "$end 1 1"
fails "a test that fails counts" "1 passed, 1 failed"
given 0 "$begin" 1..1 "not ok 1 - a" "$end 0 1"
fails "a test that fails counts, whatever the program's exit status" "0 passed, 1 failed"
given 0 "$begin" 1..1 "ok 1 - a" "$end 1 1"
fails "a program's exit status counts, whatever its tests say" "1 passed, 1 failed"
given 0 "$begin" 1..2 "ok 1 - a" "$end 0 1"
fails "a test that was planned and did not run counts" "1 passed, 1 failed"
given 0 "$begin" "$end 0 1"
fails "a program that says nothing counts" "0 passed, 1 failed"
given 0 "$begin" 1..1 "ok 1 - a" "not ok 0 - the kernel reports nothing: WARNING: suspicious RCU usage" "$end 1 1"
fails "what the kernel has to say counts" "1 passed, 1 failed"
given 0 "$begin" 1..1 "ok 1 - a" "$end 0 1" "@begin leaks" "not ok 1 - no memory is leaked" "@end leaks 1 9"
fails "a leak counts" "1 passed, 1 failed"
given 120 "$begin" 1..2 "ok 1 - a"
fails "a machine that dies under a program counts, and the others run in a new one" "2 passed, 1 failed"
expect "the program under which it died is named" grep -q '^not ok .*device/made-up: the machine died' "$work/out"
given 123 "$begin" 1..1 "ok 1 - a" "$end 0 1"
fails "a report at the end of the run counts" "1 passed, 1 failed"
given 124 ""
fails "a machine that does not get to its first program counts" "0 passed, 1 failed"

# XML: each tag is closed, in order; and no other < or & is left.
well_formed() {
	perl -0777 -ne '
		s/^<\?xml[^>]*\?>//;
		while (s/^[^<&]*(?:&(?:amp|lt|gt|quot);[^<&]*)*<(\/?)(\w[\w-]*)((?:\s+[\w-]+="[^"<]*")*)(\/?)>//) {
			if ($4) { next } elsif (!$1) { push @open, $2 } else { exit 1 if pop(@open) ne $2 }
		}
		exit(@open || /[<&]/ ? 1 : 0)' "$1"
}
given 0 "$begin" 1..3 "ok 1 - a" '# 1 < 2 & "x"' 'not ok 2 - b < c & "d"' "ok 3 - e # SKIP no <time>" "$end 1 7"
"$tree/tests/run" --kernel stock --only made-up --junit "$work/junit.xml" >"$work/out" 2>"$work/err"
expect "results as JUnit XML: it is well formed" well_formed "$work/junit.xml"
expect "results as JUnit XML: one suite, with its counts and seconds" grep -qF \
	'<testsuite name="stock device/made-up" tests="3" failures="1" errors="0" skipped="1" time="7">' "$work/junit.xml"
expect "results as JUnit XML: the failure and what was printed" \
	[ "$(grep -cE '<failure message="b &lt; c &amp; &quot;d&quot;">|^# 1 &lt; 2 &amp;' "$work/junit.xml")" = 2 ]

status=0
"$tree/tests/run" --kernel stock --only none-such >"$work/out" 2>"$work/err" || status=$?
expect "that there was nothing to run is a failure" [ $status != 0 ]

printf '%s\n' "test stock part 100 1 gone" $'\tdevice/none-such' >>"$tree/tests/plan"
status=0
"$tree/tests/run" >"$work/out" 2>"$work/err" || status=$?
expect "a program of the plan that is not there is a failure, and named" \
	[ $status = 125 -a "$(grep -c 'not there: device/none-such' "$work/err")" = 1 ]
sed -i '$d' "$tree/tests/plan" && sed -i '$d' "$tree/tests/plan"

cp "$tree/tests/plan" "$work/plan"
for line in "tset stock one 100 1 wrong word" "test stock/1 one" "test stock one 100 5s wrong budget" "test stock uno 100 1 wrong use"; do
	printf '%s\n' "$line" $'\tdevice/*' >>"$tree/tests/plan"
	status=0
	"$tree/tests/run" --announce >"$work/out" 2>"$work/err" || status=$?
	expect "a line of the plan that is no part is a failure, and named: $line" \
		[ $status = 125 -a "$(grep -cF "not a part: $line" "$work/err")" = 1 ]
	cp "$work/plan" "$tree/tests/plan"
done

printf '%s\n' "test stock/1 one 100 1 made up" $'\tstock?SET_HERE=1 uml?SET_THERE=2 device/*' >"$tree/tests/plan"
"$tree/tests/run" >"$work/out" 2>"$work/err"
expect "what the plan has for one kernel only is for that one" \
	grep -q '/tests/guest-run 100 SET_HERE=1 device/made-up$' "$tree/asked"
cp "$work/plan" "$tree/tests/plan"

status=0
"$tree/tests/run" --announce --only none-such >"$work/out" 2>"$work/err" || status=$?
expect "a pattern that no program has in its name is refused before anything is built" \
	[ $status = 125 -a "$(wc -l <"$work/err")" = 1 ]

echo 0 >"$tree/status"
printf '%s\n' "$begin" 1..1 "ok 1 - a" "$end 0 1" >"$tree/printed"
status=0
"$tree/tests/run" --only made-up >"$work/out" 2>"$work/err" || status=$?
expect "without user-mode Linux the run goes on, and says so" \
	[ $status = 0 -a "$(grep -c 'kernel uml does not run here' "$work/out")" = 1 ]
expect "without user-mode Linux kasan does its part" grep -q '^ok .*kasan device/made-up' "$work/out"

tap_end
