# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For test scripts: `. "${0%/*}/../common/tap.bash"`, functions that are tests, and at the end
# `tap_main FUNCTION...`. Each function runs in a shell of its own that ends at the first command that
# fails; its name, with spaces, is the name of the test. On stdout: KTAP.

module=/modules/stacq.ko
limit=150 # seconds for a test, on a busy machine
[ ! -e /sys/kernel/debug/kmemleak ] || limit=200 # a slow kernel
[ "$(uname -m)" = x86_64 ] || limit=200 # a machine that is always emulated
tap_dir=$(mktemp -d)
trap 'rm -rf "$tap_dir"' EXIT

# In a test: say why, and fail or skip.
fail() {
	printf '%s\n' "$*" | sed 's/^/# /'
	exit 1
}

skip() {
	echo "$*" >"$tap_dir/skip"
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

# Wait until the command succeeds, for a long time if need be.
wait_for() {
	local tries
	for ((tries = 0; tries < 600; tries++)); do
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

tap_main() {
	local name n=0 bad=0 status test watch
	echo "KTAP version 1"
	echo "1..$#"
	for name; do
		n=$((n + 1))
		status=0
		rm -f "$tap_dir/skip"
		set -m # a process group of its own, to be ended as a whole
		(set -euo pipefail && "$name") &
		test=$!
		(sleep $limit && echo "# not done after $limit s" && kill -KILL -- -$test) &
		watch=$!
		set +m
		wait $test 2>/dev/null || status=$?
		{
			kill -KILL -- -$watch -$test
			wait $watch
		} 2>/dev/null
		case $status in
		0) echo "ok $n - ${name//_/ }" ;;
		4) echo "ok $n - ${name//_/ } # SKIP $(cat "$tap_dir/skip")" ;;
		*)
			echo "not ok $n - ${name//_/ }"
			bad=1
			;;
		esac
	done
	return $bad
}
