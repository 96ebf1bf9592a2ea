#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# The command where no module is needed: help, usage errors and what is said when
# the module is absent. STACQ is the command to test.

bats_require_minimum_version 1.5.0

commands='create rm ls send recv peek stat top set seal unseal purge save restore work requeue'

setup()
{
	stacq=${STACQ:-stacq}
}

stacq()
{
	"$stacq" "$@"
}

# shellcheck source=/dev/null
source "$BATS_TEST_DIRNAME/device/command.bash"

without_module()
{
	[ ! -e /sys/class/stacq ] || skip "the stacq module is loaded here"
}

# usage TEXT ARGUMENT...: a usage error that says TEXT, on standard error only
usage()
{
	local text=$1
	shift
	run --separate-stderr stacq "$@" < /dev/null
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *"$text"* ]] || { echo "$stderr"; false; }
}

# checked FILE TEXT: sending frames from the file fails for that reason, before anything is opened
checked()
{
	for command in 'restore jobs:restored' 'send jobs --framed:sent'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr stacq ${command%:*} < "$1"
		[ "$status" -eq 1 ]
		[ -z "$output" ]
		[ "$stderr" = "stacq: standard input: $2
stacq: jobs: nothing was ${command#*:}" ] || { echo "$stderr"; false; }
	done
}

@test "without arguments: the help on standard error, status 2" {
	run --separate-stderr stacq
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ $stderr == Usage:* ]]
}

@test "--help lists every command" {
	run stacq --help
	[ "$status" -eq 0 ]
	for command in $commands; do
		[[ $output == *"  $command "* ]]
	done
}

@test "--version" {
	run stacq --version
	[ "$status" -eq 0 ]
	[ "$output" = "stacq $(cat "$BATS_TEST_DIRNAME/../../VERSION")" ]
}

@test "every command has --help, -h and help COMMAND" {
	for command in $commands; do
		run --separate-stderr stacq "$command" --help
		[ "$status" -eq 0 ]
		[[ $output == "Usage: stacq $command"* ]]
		[ -z "$stderr" ]
		help=$output
		run stacq "$command" -h
		[ "$output" = "$help" ]
		run stacq help "$command"
		[ "$output" = "$help" ]
	done
}

@test "help fits 80 columns" {
	for command in '' $commands; do
		# shellcheck disable=SC2086
		run stacq $command --help
		for line in "${lines[@]}"; do
			[ "${#line}" -le 80 ]
		done
	done
}

@test "every command is in the manual, and every option of it" {
	man=$BATS_TEST_DIRNAME/../../docs/man/stacq.1
	for command in $commands; do
		grep -q "^\.Ss stacq .*\b$command\b" "$man"
		for option in $(stacq "$command" --help | grep -o -e '^ *\(-[a-z0-9], \)\? *--[a-z-]*' | grep -o -e '--[a-z-]*'); do
			[ "$option" = --help ] || grep -q "Fl Fl ${option#--}\b" "$man" || { echo "$command $option"; false; }
		done
	done
}

@test "every command and option is completed in bash" {
	completion=$BATS_TEST_DIRNAME/../../packaging/stacq.bash
	# shellcheck source=/dev/null
	source "$completion"
	for command in $commands; do
		COMP_WORDS=(stacq "$command" --) COMP_CWORD=2
		_stacq
		for option in $(stacq "$command" --help | grep -o -e '^ *\(-[a-z0-9], \)\? *--[a-z-]*' | grep -o -e '--[a-z-]*'); do
			[[ " ${COMPREPLY[*]} " == *" $option "* ]] || { echo "$command $option"; false; }
		done
	done
	COMP_WORDS=(stacq '') COMP_CWORD=1
	_stacq
	[ "${COMPREPLY[*]}" = "$commands --help --version" ]
}

@test "an unknown command" {
	usage "'frobnicate' is not a command; \`stacq --help\` lists them" frobnicate
}

@test "an unknown option" {
	for command in $commands; do
		usage "stacq $command: unrecognized option '--frobnicate'" "$command" --frobnicate
		usage "Try \`stacq $command --help\`." "$command" --frobnicate
	done
}

@test "a missing name" {
	for command in create rm send recv peek stat purge seal unseal save restore; do
		usage "stacq $command: a name is missing" "$command"
	done
	usage "a name is missing" set --capacity 3
	usage "a name is missing" work --drain
	usage "a name is missing" requeue --json
}

@test "one name too many" {
	for command in create recv peek purge save restore; do
		usage "one queue at a time" "$command" a b
	done
	usage "ls takes no names" ls a
	usage "top takes no names" top a
	usage "two queues: from which, and to which" requeue a b c
	usage "two queues: from which, and to which" requeue a
}

@test "what is not a name" {
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

@test "create: values that make no sense" {
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

@test "set: values that make no sense" {
	usage "nothing to set" set q
	usage "at least 1" set q --capacity 0
	usage "at least 1" set q --capacity none
	usage "'many' is not a number" set q --max-msgs many
}

@test "create, set and work: how messages are delivered, in ways that make no sense" {
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

@test "work: arguments that make no sense" {
	usage "a command is missing" work q
	usage "a command is missing" work q -j 2 --
	usage "'many' is not a number of jobs: 1 to 4096, or 0 for one a processor" work q -j many true
	usage "'4097' is not a number of jobs" work q --jobs 4097 true
	usage "'0' is not a number of messages" work q -n 0 true
	usage "'soon' is not a time for --pause" work q --pause soon true
	usage "invalid option -- 'x'" work q sh -x
}

@test "requeue: arguments that make no sense" {
	usage "'0' is not a number of messages" requeue dead jobs -n 0
	usage "jobs: from a queue to itself" requeue jobs jobs
}

@test "send: arguments that make no sense" {
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

@test "restore: arguments that make no sense" {
	usage "'soon' is not a number of seconds" restore q --timeout soon
	usage "unrecognized option '--lines'" restore q --lines
	usage "invalid option -- 'l'" restore q -l
}

@test "recv: arguments that make no sense" {
	usage "'0' is not a number of messages" recv q -n 0
	usage "either --count or --all or --follow" recv q -n 2 --all
	usage "either --count or --all or --follow" recv q -n 2 --follow
	usage "'-1' is not a number of seconds" recv q --timeout -1
	usage "either --framed or --raw or --null or --json" recv q --framed --raw
	usage "either --framed or --raw or --null or --json" recv q -0 --framed
	usage "either --framed or --raw or --null or --json" recv q --json --framed
}

@test "frames are checked before anything is sent, or opened" {
	no_frame="; what \`stacq save\` and \`stacq recv --framed\` write is made of frames"
	file=$BATS_TEST_TMPDIR/frames
	frame one > "$file"
	frame 'number two' 7 5 255 >> "$file"
	cp "$file" "$file.good"
	echo 'a line of text' > "$file"
	checked "$file" "no frame begins at byte 0$no_frame"
	head -c 100000 /dev/urandom | tr '\123' x > "$file"
	checked "$file" "no frame begins at byte 0$no_frame"
	(cat "$file.good" && echo) > "$file"
	checked "$file" "no frame begins at byte 88$no_frame"
	# 2000 good ones first, more than the buffer holds
	for _ in {1..1000}; do cat "$file.good"; done > "$file"
	printf 'Sq\0\0\0\0\0\0%024d' 0 >> "$file"
	checked "$file" "no frame begins at byte 88000$no_frame"
	frame x 32768 > "$file"
	checked "$file" "no frame begins at byte 0$no_frame"
	frame x 0 0 256 > "$file"
	checked "$file" "no frame begins at byte 0$no_frame"
	for size in 1 31 39 41 71 72 87; do
		head -c "$size" "$file.good" > "$file"
		checked "$file" "the frame at byte $((size > 40 ? 40 : 0)) is cut short"
	done
	run --separate-stderr stacq restore jobs < "$BATS_TEST_TMPDIR"
	[ "$status" -eq 1 ]
}

@test "files of frames are all checked before the first is sent" {
	file=$BATS_TEST_TMPDIR/frames
	frame one > "$file"
	run --separate-stderr stacq send jobs --framed "$file" "$file.none"
	[ "$status" -eq 1 ]
	[ "$stderr" = "stacq: $file.none: No such file or directory
stacq: jobs: nothing was sent" ]
}

@test "save wants an output that can hold frames, before anything is opened" {
	# shellcheck disable=SC2016 # the inner shell expands it
	run --separate-stderr bash -c '"$1" save jobs >&-' - "$stacq"
	[ "$status" -eq 1 ]
	[ "$stderr" = "stacq: standard output: Bad file descriptor" ]
	for output in /dev/null /dev/full; do
		# shellcheck disable=SC2016 # the inner shell expands it
		run --separate-stderr bash -c '"$1" save jobs --purge > "$2"' - "$stacq" $output
		[ "$status" -eq 1 ]
		[ "$stderr" = "stacq: standard output is not a file, and --purge needs one: what is in a pipe may never arrive" ]
	done
	command -v script > /dev/null || skip "no script command to make a terminal with"
	run script -qec "$stacq save jobs" /dev/null
	[[ $output == *"stacq: standard output is a terminal, and frames are no text; > FILE puts them into a file"* ]]
}

@test "peek: arguments that make no sense" {
	usage "'x' is not a position" peek q --position x
	usage "'0' is not a number of messages" peek q --count 0
}

@test "top: arguments that make no sense" {
	usage "'0' is not an interval" top --interval 0
	usage "'0.05' is not an interval" top -d 0.05
	usage "'soon' is not an interval" top -d soon
	usage "'0' is not a number of times" top -n 0
	usage "'none' is not a number of times" top -n none
	usage "'size' is not one of name, depth, in, out, flight, age, waiting" top --sort size
	usage "is longer than any name" top -f "$(printf '%064d' 0)"
}

@test "the module is not loaded: every command says so, status 1" {
	without_module
	for command in create rm send recv peek stat seal unseal purge restore; do
		run --separate-stderr stacq "$command" jobs < /dev/null
		[ "$status" -eq 1 ]
		[ -z "$output" ]
		[ "$stderr" = "stacq: is the stacq module loaded? Try: modprobe stacq" ]
	done
	for arguments in 'top' 'top --plain' 'ls' 'ls --json' 'set jobs --capacity 3' 'stat --json jobs' 'send jobs hello' \
		'recv jobs --framed' 'send jobs --framed' 'save jobs' 'work jobs true' 'requeue dead jobs' \
		'create jobs --dead-letter dead' 'set jobs --dead-letter dead' 'send jobs --ttl 3 x'; do
		# shellcheck disable=SC2086
		run --separate-stderr stacq $arguments
		[ "$status" -eq 1 ]
		[ "$stderr" = "stacq: is the stacq module loaded? Try: modprobe stacq" ]
	done
}

@test "output that cannot be written is an error" {
	# shellcheck disable=SC2016 # the inner shell expands it
	run --separate-stderr bash -c '"$1" --help > /dev/full' - "$stacq"
	[ "$status" -eq 1 ]
	[ "$stderr" = "stacq: standard output: No space left on device" ]
}

@test "recv without standard output is an error before anything is opened" {
	# shellcheck disable=SC2016 # the inner shell expands it
	run --separate-stderr bash -c '"$1" recv jobs >&-' - "$stacq"
	[ "$status" -eq 1 ]
	[ "$stderr" = "stacq: standard output: Bad file descriptor" ]
}

@test "every name of the interface is in stacq(4)" {
	header=$BATS_TEST_DIRNAME/../../include/uapi/linux/stacq.h
	man=$BATS_TEST_DIRNAME/../../docs/man/stacq.4
	for name in $(grep -o '^#define STACQ_[A-Z0-9_]*' "$header" | cut -d' ' -f2) \
		    $(grep -o '^struct stacq_[a-z]*' "$header" | cut -d' ' -f2); do
		grep -q "\b$name\b" "$man" || { echo "$name"; false; }
	done
}

@test "every function of the library is in libstacq(3), and exported" {
	header=$BATS_TEST_DIRNAME/../../lib/stacq.h
	man=$BATS_TEST_DIRNAME/../../docs/man/libstacq.3
	names=$(grep -A1 '^LIBSTACQ_API' "$header" | grep -o '\bstacq_[a-z_]*(' | tr -d '(' | sort)
	[ -n "$names" ]
	for name in $names; do
		grep -q "^\.Fn $name\b" "$man" || { echo "$name"; false; }
	done
	exported=$(nm -D --defined-only "${STACQ%/bin/stacq}/lib/libstacq.so" | awk '$2 == "T" { print $3 }' |
		grep -v '^_' | sort)
	[ "$exported" = "$names" ]
}

@test "the shared library has a soname" {
	run readelf -d "${STACQ%/bin/stacq}/lib/libstacq.so"
	[[ $output == *"Library soname: [libstacq.so.0]"* ]]
}

@test "install puts everything in its place, and a program builds with it" {
	cd "$BATS_TEST_DIRNAME/.."
	root=$BATS_TEST_TMPDIR/root
	unset MAKEFLAGS MFLAGS MAKELEVEL
	make BUILD="$BATS_TEST_TMPDIR/build" DESTDIR="$root" PREFIX=/usr install > /dev/null
	for file in bin/stacq lib/libstacq.a lib/libstacq.so lib/libstacq.so.0 include/libstacq.h \
		include/linux/stacq.h lib/pkgconfig/libstacq.pc share/man/man1/stacq.1 \
		share/man/man3/libstacq.3 share/man/man4/stacq.4 \
		share/bash-completion/completions/stacq lib/udev/rules.d/60-stacq.rules \
		lib/sysusers.d/stacq.conf lib/modules-load.d/stacq.conf; do
		[ -s "$root/usr/$file" ] || { echo "$file"; false; }
	done
	[ "$("$root/usr/bin/stacq" --version)" = "$(stacq --version)" ]
	# the example of the manual
	sed -n '/^#include <fcntl/,/^}/p' ../docs/man/libstacq.3 | sed 's/\\e/\\/g' > "$BATS_TEST_TMPDIR/example.c"
	cc -Wall -Wextra -Werror -I"$root/usr/include" -o "$BATS_TEST_TMPDIR/example" \
		"$BATS_TEST_TMPDIR/example.c" -L"$root/usr/lib" -lstacq
	make BUILD="$BATS_TEST_TMPDIR/build" DESTDIR="$root" PREFIX=/usr uninstall > /dev/null
	[ -z "$(find "$root" -type f -o -type l)" ]
}

@test "the public header serves C++ and old C" {
	command -v c++ > /dev/null || skip "no C++ compiler here"
	cd "$BATS_TEST_DIRNAME/../.."
	echo '#include "stacq.h"' > "$BATS_TEST_TMPDIR/h.cc"
	c++ -Wall -Wextra -Werror -fsyntax-only -Ilib -Iinclude/uapi "$BATS_TEST_TMPDIR/h.cc"
	cp "$BATS_TEST_TMPDIR/h.cc" "$BATS_TEST_TMPDIR/h.c"
	cc -std=c99 -Wall -Wextra -Werror -fsyntax-only -Ilib -Iinclude/uapi "$BATS_TEST_TMPDIR/h.c"
}
