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
*) printf '%s\n' "@begin leaks" 1..1 "ok 1" "@end leaks 0 1" ;; # what is left to do in a second machine
esac
END
chmod +x "$tree"/vm/* "$tree/build/user/tests/device/made-up"

begin='@begin device/made-up' end='@end device/made-up'

# run_tests ARGUMENT...: tests/run of that tree
run_tests() {
	status=0
	"$tree/tests/run" "$@" >"$work/out" 2>"$work/err" || status=$?
}

# the_guest STATUS LINE...: the machine prints these lines and ends with this status
the_guest() {
	echo "$1" >"$tree/status"
	printf '%s\n' "${@:2}" >"$tree/printed"
}

# given STATUS LINE...: tests/run, with such a machine
given() {
	the_guest "$@"
	run_tests --kernel stock --only made-up
}

sums_up() { is "$(tail -n 1 "$work/out")" "$1" "the last line"; }

# fails SUMMARY: that run failed, and its last line is this
fails() {
	[ "$status" != 0 ] || fail "the run succeeds"
	sums_up "$1"
}

all_is_well() {
	given 0 "$begin" 1..2 "ok 1 - a" "ok 2 - b # SKIP no time" "$end 0 1"
	ended 0
	sums_up "1 passed, 0 failed, 1 skipped"
}

a_test_that_fails_counts() {
	given 0 "$begin" 1..2 "ok 1 - a" "not ok 2 - b" "$end 1 1"
	fails "1 passed, 1 failed"
}

a_test_that_fails_counts_whatever_the_exit_status_of_the_program() {
	given 0 "$begin" 1..1 "not ok 1 - a" "$end 0 1"
	fails "0 passed, 1 failed"
}

the_exit_status_of_a_program_counts_whatever_its_tests_say() {
	given 0 "$begin" 1..1 "ok 1 - a" "$end 1 1"
	fails "1 passed, 1 failed"
}

a_test_that_was_planned_and_did_not_run_counts() {
	given 0 "$begin" 1..2 "ok 1 - a" "$end 0 1"
	fails "1 passed, 1 failed"
}

a_program_that_does_not_say_how_many_tests_it_has_counts() {
	given 0 "$begin" "ok 1 - a" "$end 0 1"
	fails "1 passed, 1 failed"
}

a_program_that_says_nothing_counts() {
	given 0 "$begin" "$end 0 1"
	fails "0 passed, 1 failed"
}

reports_of_the_kernel_count() {
	given 0 "$begin" 1..1 "ok 1 - a" "not ok 0 - the kernel reports nothing: WARNING: suspicious RCU usage" "$end 1 1"
	fails "1 passed, 1 failed"
}

a_leak_counts() {
	given 0 "$begin" 1..1 "ok 1 - a" "$end 0 1" "@begin leaks" "not ok 1 - no memory is leaked" "@end leaks 1 9"
	fails "1 passed, 1 failed"
}

a_machine_that_dies_under_a_program_counts_and_the_others_run_in_a_new_one() {
	given 120 "$begin" 1..2 "ok 1 - a"
	fails "2 passed, 1 failed"
	grep -q '^not ok .*device/made-up: the machine died' "$work/out" || fail "the program is not named"
}

a_report_at_the_end_of_the_run_counts() {
	given 123 "$begin" 1..1 "ok 1 - a" "$end 0 1"
	fails "1 passed, 1 failed"
}

a_machine_that_does_not_get_to_its_first_program_counts() {
	given 124 ""
	fails "0 passed, 1 failed"
}

# XML: each tag is closed, in order; and no other < or & is left.
well_formed() {
	perl -0777 -ne '
		s/^<\?xml[^>]*\?>//;
		while (s/^[^<&]*(?:&(?:amp|lt|gt|quot);[^<&]*)*<(\/?)(\w[\w-]*)((?:\s+[\w-]+="[^"<]*")*)(\/?)>//) {
			if ($4) { next } elsif (!$1) { push @open, $2 } else { exit 1 if pop(@open) ne $2 }
		}
		exit(@open || /[<&]/ ? 1 : 0)' "$1"
}

results_as_junit_xml() {
	local xml=$work/junit.xml
	the_guest 0 "$begin" 1..3 "ok 1 - a" '# 1 < 2 & "x"' 'not ok 2 - b < c & "d"' "ok 3 - e # SKIP no <time>" "$end 1 7"
	run_tests --kernel stock --only made-up --junit "$xml"
	well_formed "$xml" || fail "it is not well formed: $(cat "$xml")"
	grep -qF '<testsuite name="stock device/made-up" tests="3" failures="1" errors="0" skipped="1" time="7">' "$xml" ||
		fail "there is no suite with its counts and seconds: $(cat "$xml")"
	is "$(grep -cE '<failure message="b &lt; c &amp; &quot;d&quot;">|^# 1 &lt; 2 &amp;' "$xml")" 2 \
		"the number of lines with the failure and the text that was printed"
}

that_there_was_nothing_to_run_is_a_failure() {
	run_tests --kernel stock --only none-such
	[ $status != 0 ] || fail "the run succeeds"
}

a_program_of_the_plan_that_is_not_there_is_a_failure_and_named() {
	cp "$tree/tests/plan" "$work/plan"
	printf '%s\n' "test stock part 100 1 gone" $'\tdevice/none-such' >>"$tree/tests/plan"
	run_tests
	cp "$work/plan" "$tree/tests/plan"
	ended 125
	is "$(grep -c 'not there: device/none-such' "$work/err")" 1 "the number of messages that name it"
}

a_line_of_the_plan_that_is_no_part_is_a_failure_and_named() {
	local line
	cp "$tree/tests/plan" "$work/plan"
	for line in "tset stock one 100 1 wrong word" "test stock/1 one" "test stock one 100 5s wrong budget" \
		"test stock uno 100 1 wrong use"; do
		printf '%s\n' "$line" $'\tdevice/*' >>"$tree/tests/plan"
		run_tests --announce
		cp "$work/plan" "$tree/tests/plan"
		ended 125
		is "$(grep -cF "not a part: $line" "$work/err")" 1 "the number of messages that name '$line'"
	done
}

what_the_plan_has_for_one_kernel_only_is_for_that_one() {
	the_guest 0 "$begin" 1..1 "ok 1 - a" "$end 0 1"
	cp "$tree/tests/plan" "$work/plan"
	printf '%s\n' "test stock/1 one 100 1 made up" $'\tstock?SET_HERE=1 uml?SET_THERE=2 device/*' >"$tree/tests/plan"
	run_tests
	cp "$work/plan" "$tree/tests/plan"
	grep -q '/tests/guest-run 100 SET_HERE=1 device/made-up$' "$tree/asked" || fail "asked was: $(cat "$tree/asked")"
}

a_pattern_that_no_program_has_in_its_name_is_refused_before_anything_is_built() {
	run_tests --announce --only none-such
	ended 125
	one_line
}

without_user_mode_linux_kasan_does_its_part_and_the_run_says_so() {
	the_guest 0 "$begin" 1..1 "ok 1 - a" "$end 0 1"
	run_tests --only made-up
	ended 0
	is "$(grep -c 'kernel uml does not run here' "$work/out")" 1 "the number of lines about uml"
	grep -q '^ok .*kasan device/made-up' "$work/out" || fail "kasan has not done its part"
}

tap_main \
	all_is_well \
	a_test_that_fails_counts \
	a_test_that_fails_counts_whatever_the_exit_status_of_the_program \
	the_exit_status_of_a_program_counts_whatever_its_tests_say \
	a_test_that_was_planned_and_did_not_run_counts \
	a_program_that_does_not_say_how_many_tests_it_has_counts \
	a_program_that_says_nothing_counts \
	reports_of_the_kernel_count \
	a_leak_counts \
	a_machine_that_dies_under_a_program_counts_and_the_others_run_in_a_new_one \
	a_report_at_the_end_of_the_run_counts \
	a_machine_that_does_not_get_to_its_first_program_counts \
	results_as_junit_xml \
	that_there_was_nothing_to_run_is_a_failure \
	a_program_of_the_plan_that_is_not_there_is_a_failure_and_named \
	a_line_of_the_plan_that_is_no_part_is_a_failure_and_named \
	what_the_plan_has_for_one_kernel_only_is_for_that_one \
	a_pattern_that_no_program_has_in_its_name_is_refused_before_anything_is_built \
	without_user_mode_linux_kasan_does_its_part_and_the_run_says_so
