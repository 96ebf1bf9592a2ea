#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A shell in the virtual machine, on a terminal.

. "$(dirname "$0")/common"

# on_terminal ARGUMENT...: vm/run on a terminal of its own, at which somebody types the lines from
# standard input, each when the machine asks for one; what the terminal showed is in $work/out.
on_terminal() {
	local line
	: >"$work/err"
	: >"$work/out" # (prompts of an earlier call are none of this one)
	while read -r line; do
		# Type when the prompt is there, one more each time.
		prompts=$((${prompts:-0} + 1))
		for ((i = 0; i < 600; i++)); do
			[ "$(grep -ao 'root@vm' "$work/out" 2>/dev/null | wc -l)" -lt $prompts ] || break
			sleep 0.1
		done
		echo "$line"
	done | script -qefc "$(printf '%q ' vm/run "$@")" "$work/out" >/dev/null
	status=$?
}

on_terminal <<'END'
echo result-$((40 + 2))
tty
exit 3
END
expect "a shell runs what is typed" grep -q 'result-42' "$work/out"
expect "it has a terminal" grep -q '/dev/tty' "$work/out"
expect "its status comes through" [ $status = 3 ]

on_terminal --shell -- sh -c 'echo first; exit 4' <<'END'
echo result-$((40 + 2))
exit
END
expect "with --shell the command runs first" grep -q '^first' "$work/out"
expect "and a shell comes after it" grep -q 'result-42' "$work/out"
expect "the command's status comes through" [ $status = 4 ]

tap_end
