#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The command where no module is needed: help, usage errors, and the messages when the module is absent.
# `make -C tools check` runs it. STACQ is the command to test, BUILD/bin/stacq; the libraries are in BUILD/lib.

here=$(cd "${0%/*}" && pwd)
top=${here%/*/*}

# shellcheck source=../../tests/common/tap.bash
. "$top/tests/common/tap.bash"
# shellcheck source=device/command.bash
. "$here/device/command.bash"

stacq=${STACQ:-stacq}
commands='create rm ls send recv peek stat top set seal unseal purge save restore work requeue'

stacq() {
	"$stacq" "$@"
}

# run COMMAND...: sets $status, and $output and $errors to the text on standard output and standard error
run() {
	status=0
	"$@" >"$tap_dir/output" 2>"$tap_dir/errors" || status=$?
	output=$(<"$tap_dir/output")
	errors=$(<"$tap_dir/errors")
}

# failed STATUS TEXT: the last `run` ended with that status, and said exactly TEXT, on standard error only
failed() {
	is "$errors" "$2" "standard error"
	is "$output" "" "standard output"
	is "$status" "$1" "exit status"
}

# usage TEXT ARGUMENT...: a usage error that says TEXT, on standard error only
usage() {
	local text=$1
	shift
	run stacq "$@" </dev/null
	[[ $errors == *"$text"* ]] || fail "'stacq $*' said '$errors', wanted '$text'"
	is "$status" 2 "exit status of 'stacq $*'"
	is "$output" "" "standard output of 'stacq $*'"
}

# checked FILE TEXT: sending frames from the file fails for that reason, before anything is opened
checked() {
	local command
	for command in 'restore jobs:restored' 'send jobs --framed:sent'; do
		# shellcheck disable=SC2086 # words
		run stacq ${command%:*} <"$1"
		failed 1 "stacq: standard input: $2
stacq: jobs: nothing was ${command#*:}"
	done
}

# The long options of a command, as its help lists them.
options_of() {
	local options
	options=$(stacq "$1" --help | grep -o -e '^ *\(-[a-z0-9], \)\? *--[a-z-]*' | grep -o -e '--[a-z-]*')
	like "$options" '(^|[[:space:]])--help($|[[:space:]])' "the list of options of $1" >&2
	echo "$options"
}

without_arguments_the_help_on_standard_error_status_2() {
	run stacq
	like "$errors" '^Usage:' "standard error"
	is "$output" "" "standard output"
	is "$status" 2 "exit status"
}

help_lists_every_command() {
	local command
	run stacq --help
	is "$status" 0 "exit status"
	for command in $commands; do
		[[ $output == *"  $command "* ]] || fail "$command is not in the help"
	done
}

version() {
	run stacq --version
	is "$status" 0 "exit status"
	is "$output" "stacq $(cat "$top/VERSION")"
}

every_command_has_help_h_and_help_COMMAND() {
	local command help
	for command in $commands; do
		run stacq "$command" --help
		is "$status" 0 "exit status"
		[[ $output == "Usage: stacq $command"* ]] || fail "the help of $command begins in another way: $output"
		is "$errors" "" "standard error of $command"
		help=$output
		run stacq "$command" -h
		is "$output" "$help" "$command -h"
		run stacq help "$command"
		is "$output" "$help" "help $command"
	done
}

help_fits_80_columns() {
	local command line
	for command in '' $commands; do
		# shellcheck disable=SC2086 # none for the first
		run stacq $command --help
		[ -n "$output" ] || fail "no help of '$command'"
		while IFS= read -r line; do
			[ ${#line} -le 80 ] || fail "help of '$command': ${#line} columns: $line"
		done <<<"$output"
	done
}

every_command_is_in_the_manual_and_every_option_of_it() {
	local man=$top/docs/man/stacq.1 command options option
	for command in $commands; do
		grep -q "^\.Ss stacq .*\b$command\b" "$man" || fail "$command is not in the manual"
		options=$(options_of "$command")
		for option in $options; do
			[ "$option" = --help ] || grep -q "Fl Fl ${option#--}\b" "$man" || fail "$command $option"
		done
	done
}

# shellcheck disable=SC2034 # the completion reads COMP_*
every_command_and_option_is_completed_in_bash() {
	local command options option
	set +u # as in an interactive shell
	# shellcheck source=/dev/null
	. "$top/packaging/stacq.bash"
	for command in $commands; do
		COMP_WORDS=(stacq "$command" --) COMP_CWORD=2
		_stacq
		options=$(options_of "$command")
		for option in $options; do
			[[ " ${COMPREPLY[*]} " == *" $option "* ]] || fail "$command $option"
		done
	done
	COMP_WORDS=(stacq '') COMP_CWORD=1
	_stacq
	is "${COMPREPLY[*]}" "$commands --help --version"
}

an_unknown_command() {
	usage "'frobnicate' is not a command; \`stacq --help\` lists them" frobnicate
}

an_unknown_option() {
	local command
	for command in $commands; do
		usage "stacq $command: unrecognized option '--frobnicate'" "$command" --frobnicate
		usage "Try \`stacq $command --help\`." "$command" --frobnicate
	done
}

a_missing_name() {
	local command
	for command in create rm send recv peek stat purge seal unseal save restore; do
		usage "stacq $command: a name is missing" "$command"
	done
	usage "a name is missing" set --capacity 3
	usage "a name is missing" work --drain
	usage "a name is missing" requeue --json
}

one_name_too_many() {
	local command
	for command in create recv peek purge save restore; do
		usage "one queue at a time" "$command" a b
	done
	usage "ls takes no names" ls a
	usage "top takes no names" top a
	usage "two queues: from which, and to which" requeue a b c
	usage "two queues: from which, and to which" requeue a
}

what_is_not_a_name() {
	local command
	for command in create rm send recv peek stat purge seal unseal save restore; do
		usage "'a/b' is not a name" "$command" a/b
		usage "'' is not a name" "$command" ''
		usage "no queue can have this name" "$command" control
	done
	usage "'.x' is not a name" set .x --capacity 3
	usage "'.x' is not a name" work .x true
	usage "'.x' is not a name" requeue .x jobs
	usage "'.x' is not a name" requeue dead .x
	usage "is not a name" rm good bad/one
}

create_values_that_make_no_sense() {
	usage "'random' is not an order" create q --order random
	usage "'0' is not a capacity" create q --capacity 0
	usage "'-1' is not a capacity" create q --capacity -1
	usage "'1X' is not a limit" create q --max-bytes 1X
	usage "'x' is not a limit" create q --max-msgs x
	usage "'-5' is not a limit" create q --max-msg-size=-5
	usage "'0999' is not a mode" create q --mode 0999
	usage "'1777' is not a mode" create q --mode 1777
	usage "no such user" create q --owner 'nobody at all'
	usage "no such group" create q --group 'nobody at all'
	usage "capacity is above --max-msgs" create q --capacity 9 --max-msgs 8
	usage "requires an argument" create q --mode
}

set_values_that_make_no_sense() {
	usage "nothing to set" set q
	usage "at least 1" set q --capacity 0
	usage "at least 1" set q --capacity none
	usage "'many' is not a number" set q --max-msgs many
}

create_set_and_work_how_messages_are_delivered_in_ways_that_make_no_sense() {
	local command time
	for command in create set; do
		usage "'burst' is not what a full queue can do: block, fail, drop_oldest or drop_newest" \
			$command q --full burst
		usage "'0' is not a time for --ttl: seconds above 0, or with ms, s, m, h or d, or none" \
			$command q --ttl 0
		usage "'25d' is not a time for --ttl" $command q --ttl 25d
		usage "'a/b' is not a name" $command q --dead-letter a/b
	done
	for command in 'create q' 'set q' 'work q true'; do
		# shellcheck disable=SC2086 # words
		for time in 0 0ms -1 1x 1sec 25d 2147483648ms .s nan inf 0x10 1e3 ''; do
			usage "'$time' is not a time for --lease" $command --lease "$time"
		done
		# shellcheck disable=SC2086 # words
		usage "'256' is not a number of deliveries: 1 to 255, or none" $command --max-deliveries 256
	done
}

work_arguments_that_make_no_sense() {
	usage "a command is missing" work q
	usage "a command is missing" work q -j 2 --
	usage "'many' is not a number of jobs: 1 to 4096, or 0 for one a processor" work q -j many true
	usage "'4097' is not a number of jobs" work q --jobs 4097 true
	usage "'0' is not a number of messages" work q -n 0 true
	usage "'soon' is not a time for --pause" work q --pause soon true
	usage "invalid option -- 'x'" work q sh -x
}

requeue_arguments_that_make_no_sense() {
	usage "'0' is not a number of messages" requeue dead jobs -n 0
	usage "jobs: from a queue to itself" requeue jobs jobs
}

send_arguments_that_make_no_sense() {
	usage "either --framed or --ttl: a frame has its own" send q --framed --ttl 3
	usage "'0' is not a time for --ttl" send q --ttl 0 x
	usage "'25d' is not a time for --ttl" send q --ttl 25d x
	usage "message 2 is empty" send q one ''
	usage "either as arguments or from standard input" send q --lines one
	usage "either as arguments or from standard input" send q --null one
	usage "'soon' is not a number of seconds" send q --timeout soon one
	usage "either --framed or --lines or --null" send q --framed --lines
	usage "either --framed or --lines or --null" send q -0 --framed
}

restore_arguments_that_make_no_sense() {
	usage "'soon' is not a number of seconds" restore q --timeout soon
	usage "unrecognized option '--lines'" restore q --lines
	usage "invalid option -- 'l'" restore q -l
}

recv_arguments_that_make_no_sense() {
	usage "'0' is not a number of messages" recv q -n 0
	usage "either --count or --all or --follow" recv q -n 2 --all
	usage "either --count or --all or --follow" recv q -n 2 --follow
	usage "'-1' is not a number of seconds" recv q --timeout -1
	usage "either --framed or --raw or --null or --json" recv q --framed --raw
	usage "either --framed or --raw or --null or --json" recv q -0 --framed
	usage "either --framed or --raw or --null or --json" recv q --json --framed
}

frames_are_checked_before_anything_is_sent_or_opened() {
	local no_frame="; what \`stacq save\` and \`stacq recv --framed\` write is made of frames"
	local file=$tap_dir/frames size
	frame one >"$file"
	frame 'number two' 7 5 255 >>"$file"
	cp "$file" "$file.good"
	echo 'a line of text' >"$file"
	checked "$file" "no frame begins at byte 0$no_frame"
	head -c 100000 /dev/urandom | tr '\123' x >"$file"
	checked "$file" "no frame begins at byte 0$no_frame"
	(cat "$file.good" && echo) >"$file"
	checked "$file" "no frame begins at byte 88$no_frame"
	# 2000 good ones first, more than the buffer holds
	for _ in {1..1000}; do cat "$file.good"; done >"$file"
	printf 'Sq\0\0\0\0\0\0%024d' 0 >>"$file"
	checked "$file" "no frame begins at byte 88000$no_frame"
	frame x 32768 >"$file"
	checked "$file" "no frame begins at byte 0$no_frame"
	frame x 0 0 256 >"$file"
	checked "$file" "no frame begins at byte 0$no_frame"
	for size in 1 31 39 41 71 72 87; do
		head -c "$size" "$file.good" >"$file"
		checked "$file" "the frame at byte $((size > 40 ? 40 : 0)) is cut short"
	done
	run stacq restore jobs <"$tap_dir"
	is "$status" 1 "exit status with a folder as standard input"
}

files_of_frames_are_all_checked_before_the_first_is_sent() {
	local file=$tap_dir/frames
	frame one >"$file"
	run stacq send jobs --framed "$file" "$file.none"
	failed 1 "stacq: $file.none: No such file or directory
stacq: jobs: nothing was sent"
}

save_wants_an_output_that_can_hold_frames_before_anything_is_opened() {
	local file
	# shellcheck disable=SC2016 # the inner shell expands it
	run bash -c '"$1" save jobs >&-' - "$stacq"
	failed 1 "stacq: standard output: Bad file descriptor"
	for file in /dev/null /dev/full; do
		# shellcheck disable=SC2016 # the inner shell expands it
		run bash -c '"$1" save jobs --purge >"$2"' - "$stacq" $file
		failed 1 "stacq: standard output is not a file, and --purge needs one: what is in a pipe may never arrive"
	done
	command -v script >/dev/null || skip "no script command to make a terminal with"
	run script -qec "$stacq save jobs" /dev/null </dev/null
	[[ $output == *"stacq: standard output is a terminal, and frames are no text; > FILE puts them into a file"* ]] ||
		fail "on a terminal: $output"
}

peek_arguments_that_make_no_sense() {
	usage "'x' is not a position" peek q --position x
	usage "'0' is not a number of messages" peek q --count 0
}

top_arguments_that_make_no_sense() {
	usage "'0' is not an interval" top --interval 0
	usage "'0.05' is not an interval" top -d 0.05
	usage "'soon' is not an interval" top -d soon
	usage "'0' is not a number of times" top -n 0
	usage "'none' is not a number of times" top -n none
	usage "'size' is not one of name, depth, in, out, flight, age, waiting" top --sort size
	usage "is longer than any name" top -f "$(printf '%064d' 0)"
}

the_module_is_not_loaded_every_command_says_so_status_1() {
	local command arguments
	[ ! -e /sys/class/stacq ] || skip "the stacq module is loaded here"
	for command in create rm send recv peek stat seal unseal purge restore; do
		run stacq "$command" jobs </dev/null
		failed 1 "stacq: is the stacq module loaded? Try: modprobe stacq"
	done
	for arguments in 'top' 'top --plain' 'ls' 'ls --json' 'set jobs --capacity 3' 'stat --json jobs' 'send jobs hello' \
		'recv jobs --framed' 'send jobs --framed' 'save jobs' 'work jobs true' 'requeue dead jobs' \
		'create jobs --dead-letter dead' 'set jobs --dead-letter dead' 'send jobs --ttl 3 x'; do
		# shellcheck disable=SC2086 # words
		run stacq $arguments </dev/null
		is "$errors" "stacq: is the stacq module loaded? Try: modprobe stacq" "what 'stacq $arguments' said"
		is "$status" 1 "exit status of 'stacq $arguments'"
	done
}

output_that_cannot_be_written_is_an_error() {
	# shellcheck disable=SC2016 # the inner shell expands it
	run bash -c '"$1" --help >/dev/full' - "$stacq"
	failed 1 "stacq: standard output: No space left on device"
}

recv_without_standard_output_is_an_error_before_anything_is_opened() {
	# shellcheck disable=SC2016 # the inner shell expands it
	run bash -c '"$1" recv jobs >&-' - "$stacq"
	failed 1 "stacq: standard output: Bad file descriptor"
}

every_name_of_the_interface_is_in_stacq_4() {
	local header=$top/include/uapi/linux/stacq.h man=$top/docs/man/stacq.4 names name
	names=$(
		grep -o '^#define STACQ_[A-Z0-9_]*' "$header" | cut -d' ' -f2
		grep -o '^struct stacq_[a-z]*' "$header" | cut -d' ' -f2
	)
	for name in $names; do
		grep -q "\b$name\b" "$man" || fail "$name is not there"
	done
}

every_function_of_the_library_is_in_libstacq_3_and_exported() {
	local header=$top/lib/stacq.h man=$top/docs/man/libstacq.3 names name exported
	names=$(grep -A1 '^LIBSTACQ_API' "$header" | grep -o '\bstacq_[a-z_]*(' | tr -d '(' | sort)
	for name in $names; do
		grep -q "^\.Fn $name\b" "$man" || fail "$name is not there"
	done
	exported=$(nm -D --defined-only "${stacq%/bin/stacq}/lib/libstacq.so" | awk '$2 == "T" { print $3 }' |
		grep -v '^_' | sort)
	is "$exported" "$names" "the list of exported functions"
}

the_shared_library_has_a_soname() {
	run readelf -d "${stacq%/bin/stacq}/lib/libstacq.so"
	[[ $output == *"Library soname: [libstacq.so.0]"* ]] || fail "$output$errors"
}

install_puts_everything_in_its_place_and_a_program_builds_with_it() {
	local root=$tap_dir/root file
	local make=(make -C "$top/tools" BUILD="$tap_dir/build" DESTDIR="$root" PREFIX=/usr)
	unset MAKEFLAGS MFLAGS MAKELEVEL
	"${make[@]}" install >/dev/null
	for file in bin/stacq lib/libstacq.a lib/libstacq.so lib/libstacq.so.0 include/libstacq.h \
		include/linux/stacq.h lib/pkgconfig/libstacq.pc share/man/man1/stacq.1 \
		share/man/man3/libstacq.3 share/man/man4/stacq.4 \
		share/bash-completion/completions/stacq lib/udev/rules.d/60-stacq.rules \
		lib/sysusers.d/stacq.conf lib/modules-load.d/stacq.conf; do
		[ -s "$root/usr/$file" ] || fail "$file is not there"
	done
	is "$("$root/usr/bin/stacq" --version)" "$(stacq --version)" "the version"
	# the example of the manual
	sed -n '/^#include <fcntl/,/^}/p' "$top/docs/man/libstacq.3" | sed 's/\\e/\\/g' >"$tap_dir/example.c"
	cc -Wall -Wextra -Werror -I"$root/usr/include" -o "$tap_dir/example" "$tap_dir/example.c" \
		-L"$root/usr/lib" -lstacq
	"${make[@]}" uninstall >/dev/null
	is "$(find "$root" -type f -o -type l)" "" "the list of files left"
}

the_public_header_serves_C++_and_old_C() {
	command -v c++ >/dev/null || skip "no C++ compiler here"
	cd "$top"
	echo '#include "stacq.h"' >"$tap_dir/h.cc"
	c++ -Wall -Wextra -Werror -fsyntax-only -Ilib -Iinclude/uapi "$tap_dir/h.cc"
	cp "$tap_dir/h.cc" "$tap_dir/h.c"
	cc -std=c99 -Wall -Wextra -Werror -fsyntax-only -Ilib -Iinclude/uapi "$tap_dir/h.c"
}

tap_main \
	without_arguments_the_help_on_standard_error_status_2 \
	help_lists_every_command \
	version \
	every_command_has_help_h_and_help_COMMAND \
	help_fits_80_columns \
	every_command_is_in_the_manual_and_every_option_of_it \
	every_command_and_option_is_completed_in_bash \
	an_unknown_command \
	an_unknown_option \
	a_missing_name \
	one_name_too_many \
	what_is_not_a_name \
	create_values_that_make_no_sense \
	set_values_that_make_no_sense \
	create_set_and_work_how_messages_are_delivered_in_ways_that_make_no_sense \
	work_arguments_that_make_no_sense \
	requeue_arguments_that_make_no_sense \
	send_arguments_that_make_no_sense \
	restore_arguments_that_make_no_sense \
	recv_arguments_that_make_no_sense \
	frames_are_checked_before_anything_is_sent_or_opened \
	files_of_frames_are_all_checked_before_the_first_is_sent \
	save_wants_an_output_that_can_hold_frames_before_anything_is_opened \
	peek_arguments_that_make_no_sense \
	top_arguments_that_make_no_sense \
	the_module_is_not_loaded_every_command_says_so_status_1 \
	output_that_cannot_be_written_is_an_error \
	recv_without_standard_output_is_an_error_before_anything_is_opened \
	every_name_of_the_interface_is_in_stacq_4 \
	every_function_of_the_library_is_in_libstacq_3_and_exported \
	the_shared_library_has_a_soname \
	install_puts_everything_in_its_place_and_a_program_builds_with_it \
	the_public_header_serves_C++_and_old_C
