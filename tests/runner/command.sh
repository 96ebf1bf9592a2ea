#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A command in the virtual machine behaves like a local one.
# shellcheck disable=SC2016 # what is in single quotes is for the guest

. "$(dirname "$0")/common"

# (the first of all, since on a new machine vm/run may say which accelerator it has found)
death_by_a_signal_comes_through_as_with_a_local_shell() {
	vm -- sh -c 'kill -9 $$'
	ended 137
}

nothing_is_printed_but_what_the_command_prints() {
	vm -- true
	ended 0
	printed ""
	is "$(cat "$work/err")" "" "standard error"
}

status_output_and_errors_come_through() {
	vm -- sh -c 'echo out; echo err >&2; exit 3'
	ended 3
	printed out
	is "$(cat "$work/err")" err "standard error"
}

arguments_arrive_as_they_are() {
	vm -- printf '%s|' 'two words' '$HOME' "it's" '' '*' $'line\nbreak'
	printed $'two words|$HOME|it\'s||*|line\nbreak|'
}

a_file_is_put_into_the_guest_and_comes_out_the_same() {
	head -c 1048576 /dev/urandom >"$work/random"
	vm --file "$work/random:/data/random" -- cat /data/random
	cmp "$work/random" "$work/out" || fail "what came out is different"
}

standard_input_is_empty_and_standard_output_no_terminal() {
	vm -- sh -c 'test -t 1 && echo terminal; cat; echo end'
	printed end
}

# begin ARGUMENT...: vm/run in the background, until its command has printed something
begin() {
	status="not known yet"
	: >"$work/out"
	vm/run --timeout 1000 "$@" >"$work/out" 2>"$work/err" &
	runner=$!
	wait_for test -s "$work/out"
}

end_it() {
	kill "$runner"
	status=0
	wait "$runner" || status=$?
}

# (the command prints once, and ends much later than wait_for gives up)
output_comes_while_the_command_still_runs() {
	begin -- sh -c 'echo first; sleep 10000'
	printed first
	end_it
}

# (all that have it in their command line; the brackets are for grep not to find itself)
with_machine() { grep -lsE "stacq_test=ended[.]$$" /proc/[0-9]*/cmdline; }
without_machine() { ! with_machine >"$work/after"; }

ended_from_outside_it_has_the_status_of_that_and_leaves_no_machine() {
	begin --append "stacq_test=ended.$$" -- sh -c 'echo up; sleep 10000'
	with_machine >"$work/before" || true
	[ "$(wc -l <"$work/before")" -ge 2 ] || fail "vm/run and its machine can't be found"
	end_it
	ended 143
	wait_for without_machine
}

processors_memory_arguments_and_console_are_obeyed() {
	vm --cpus 1 --mem 512M --append "stacq_test=yes" --console "$work/console" -- sh -c 'nproc
		free -m | awk "/Mem/ { print (\$2 < 512) }"; grep -o "stacq_test=yes" /proc/cmdline
		echo hello kernel >/dev/kmsg; sleep 1000 & echo done'
	ended 0 # (and the process left behind does not keep the machine up)
	printed $'1\n1\nstacq_test=yes\ndone'
	grep -q "hello kernel" "$work/console" || fail "--console has not kept what the kernel said"
}

icount_boots_with_one_processor() {
	vm --icount -- sh -c 'nproc'
	printed 1
}

the_guest_has_the_users_and_the_group_that_the_tests_need() {
	vm -- sh -c 'id -u alice; id -u bob; id -u nobody; getent group stacq 2>/dev/null || grep ^stacq: /etc/group'
	printed $'1000\n1001\n65534\nstacq:x:990:'
}

neither_command_nor_terminal_is_refused_in_one_line() {
	vm
	ended 125
	one_line
}

an_unknown_kernel_is_refused_and_the_known_ones_are_named() {
	vm --kernel none-such -- true
	says "none-such: no such kernel.*stock"
}

an_unknown_option_is_refused() {
	vm --none-such -- true
	ended 125
}

a_file_that_is_not_there_is_refused() {
	vm --file /none/such:/x -- true
	says "/none/such: there is no such file"
}

tap_main \
	death_by_a_signal_comes_through_as_with_a_local_shell \
	nothing_is_printed_but_what_the_command_prints \
	status_output_and_errors_come_through \
	arguments_arrive_as_they_are \
	a_file_is_put_into_the_guest_and_comes_out_the_same \
	standard_input_is_empty_and_standard_output_no_terminal \
	output_comes_while_the_command_still_runs \
	ended_from_outside_it_has_the_status_of_that_and_leaves_no_machine \
	processors_memory_arguments_and_console_are_obeyed \
	icount_boots_with_one_processor \
	the_guest_has_the_users_and_the_group_that_the_tests_need \
	neither_command_nor_terminal_is_refused_in_one_line \
	an_unknown_kernel_is_refused_and_the_known_ones_are_named \
	an_unknown_option_is_refused \
	a_file_that_is_not_there_is_refused
