#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A shell in the virtual machine, on a terminal.

. "$(dirname "$0")/common"

# shows_prompts N: the terminal has shown so many by now
shows_prompts() { [ "$(grep -ao 'root@vm' "$work/out" 2>/dev/null | wc -l)" -ge "$1" ]; }

# on_terminal ARGUMENT...: vm/run on a terminal of its own. The lines from standard input are typed there, each when the
# machine asks for one. What the terminal showed is in $work/out.
on_terminal() {
	local line prompts=0
	status=0
	: >"$work/err"
	: >"$work/out" # (prompts of an earlier call are none of this one)
	while read -r line; do
		prompts=$((prompts + 1))
		wait_for shows_prompts $prompts >&2
		echo "$line"
	done | script -qefc "$(printf '%q ' vm/run "$@")" "$work/out" >/dev/null || status=$?
}

showed() { grep -qa "$1" "$work/out" || fail "the terminal has not shown '$1'"; }

a_shell_has_a_terminal_and_runs_what_is_typed() {
	on_terminal <<-'END'
		echo result-$((40 + 2))
		tty
		exit 3
	END
	showed 'result-42'
	showed '/dev/tty'
	ended 3
}

with_shell_the_command_runs_first_and_its_status_comes_through() {
	on_terminal --shell -- sh -c 'echo first; exit 4' <<-'END'
		echo result-$((40 + 2))
		exit
	END
	showed '^first'
	showed 'result-42'
	ended 4
}

tap_main \
	a_shell_has_a_terminal_and_runs_what_is_typed \
	with_shell_the_command_runs_first_and_its_status_comes_through
