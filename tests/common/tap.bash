# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# All test scripts print their results with this file, as KTAP on standard output:
#
#	. "${0%/*}/../common/tap.bash"
#	three_go_in_and_three_come_out() {
#		is "$(stacq recv jobs --all | wc -l)" 3 "the number of messages"
#	}
#	tap_main three_go_in_and_three_come_out
#
# Each function runs in a shell of its own that ends at the first command that fails. Its name, with spaces, is the name
# of the test. In it: is, like, refused compare; wait_for waits for a state; fail and skip end the test. A test takes
# $limit seconds at most, which only bounds a hang. Arguments of the script are words: only the tests with one of these
# in their names run.
#
# A script whose names are computed prints its results one at a time with tap_result, and ends with tap_end.

module=/modules/stacq.ko
limit=${STACQ_TEST_SECONDS:-1200}
tap_dir=$(mktemp -d)
trap 'rm -rf "$tap_dir"' EXIT
tap_planned='' tap_number=0 tap_failures=0
tap_words=("$@")
echo "KTAP version 1"

# tap_plan N: so many results follow. Without it the plan comes last.
tap_plan() {
	tap_planned=$1
	echo "1..$1"
}

# tap_result STATUS NAME [REASON]: one result; status 0 is success. With REASON it is skipped.
tap_result() {
	tap_number=$((tap_number + 1))
	if [ -n "${3-}" ]; then
		echo "ok $tap_number - $2 # SKIP $3"
	elif [ "$1" = 0 ]; then
		echo "ok $tap_number - $2"
	else
		echo "not ok $tap_number - $2"
		tap_failures=$((tap_failures + 1))
	fi
}

# tap_end: the last call of a script; its status is 0 if there were results, as planned, and none failed
tap_end() {
	[ -n "$tap_planned" ] || tap_plan $tap_number
	[ $tap_failures = 0 ] && [ $tap_number -gt 0 ] && [ "$tap_number" = "$tap_planned" ]
}

# In a test: say why, and fail or skip.
fail() {
	printf '%s\n' "$*" | sed 's/^/# /'
	tap_why=said
	exit 1
}

skip() {
	echo "${*:-no reason given}" >"$tap_dir/skip" # (tap_result takes an empty reason for none)
	exit 4
}

# is SEEN WANTED [WHAT]
is() {
	[ "$1" = "$2" ] || fail "${3:-it} is '$1', wanted '$2'"
}

# like SEEN PATTERN [WHAT]: an extended regular expression
like() {
	[[ $1 =~ $2 ]] || fail "${3:-it} is '$1', wanted something like '$2'"
}

# refused TEXT COMMAND...: it fails, and says so
refused() {
	local text=$1 said
	shift
	if said=$("$@" 2>&1); then fail "'$*' did not fail"; fi
	like "$said" "$text" "what '$*' said"
}

# Wait until the command succeeds: for five minutes, which only bounds a hang.
wait_for() {
	local tries
	for ((tries = 0; tries < 6000; tries++)); do
		if "$@"; then return 0; fi
		sleep 0.05
	done
	fail "waited in vain for: $*"
}

# reload_with [PARAMETER...]: the module afresh; the log starts here
# shellcheck disable=SC2120 # the scripts pass some
reload_with() {
	[ ! -e /sys/module/stacq ] || rmmod stacq
	dmesg -C
	insmod $module "$@"
}

reload() {
	# shellcheck disable=SC2119
	reload_with
}

# The module's lines in the log, without the time stamps.
log() {
	local line stamp='^(<[0-9]*>)?\[[^]]*\] stacq: (.*)'
	while IFS= read -r line; do
		[[ ! $line =~ $stamp ]] || printf '%s\n' "${BASH_REMATCH[2]}"
	done < <(dmesg)
}

# That one is among them. (Not by grep -q, which does not wait for the rest.)
has_line() {
	[[ $'\n'$(log)$'\n' == *$'\n'"$1"$'\n'* ]] || fail "no line '$1' in the log: $(log | tail -n 5)"
}

# One value of a queue.
attribute() {
	local value
	read -r value <"/sys/class/stacq/$1/$2" && printf '%s\n' "$value"
}

# tap_ended STATUS COMMAND: a test ended so, at this command. A failure that no fail has explained is the command's. The
# script may define tap_explain, which prints more about the failure.
tap_ended() {
	if [ "$1" = 0 ] || { [ "$1" = 4 ] && [ -s "$tap_dir/skip" ]; }; then return; fi
	[ -n "${tap_why-}" ] || echo "# this failed with status $1: ${2//$'\n'/$'\n'# }"
	! declare -F tap_explain >/dev/null || tap_explain
}

# tap_chosen NAME: no words were given, or one of them is in this name
tap_chosen() {
	local word
	[ ${#tap_words[@]} -gt 0 ] || return 0
	for word in "${tap_words[@]}"; do
		if [[ $1 == *"$word"* ]]; then return 0; fi
	done
	return 1
}

tap_main() {
	local name status test watch chosen=()
	for name; do
		if tap_chosen "$name"; then chosen+=("$name"); fi
	done
	tap_plan ${#chosen[@]}
	for name in ${chosen[@]+"${chosen[@]}"}; do
		status=0
		rm -f "$tap_dir/skip"
		set -m # a process group of its own, to be ended as a whole
		(
			trap 'tap_ended $? "$BASH_COMMAND"' EXIT
			set -euo pipefail
			"$name"
		) &
		test=$!
		(sleep "$limit" && echo "# not done after $limit s" && kill -KILL -- -$test) &
		watch=$!
		set +m
		wait $test 2>/dev/null || status=$?
		{
			kill -KILL -- -$watch -$test
			wait $watch
		} 2>/dev/null
		if [ $status = 4 ] && [ -s "$tap_dir/skip" ]; then
			tap_result 0 "${name//_/ }" "$(cat "$tap_dir/skip")"
		else
			tap_result $status "${name//_/ }"
		fi
	done
	tap_end
}
