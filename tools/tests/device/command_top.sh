#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# stacq top: its tables, and its full screen on a terminal that is looked at.

# shellcheck source=../../../tests/common/tap.bash
. "${0%/*}/../common/tap.bash"
# shellcheck source=command.bash
. "${0%/*}/command.bash"

screen=${0%/*}/../common/screen

# on_screen [COMMAND...]: "stacq top" on a terminal of 24 lines of 80; what to do comes from standard input
on_screen() {
	[ $# -gt 0 ] || set -- stacq top -d 0.2
	"$screen" 24 80 env "TERM=${TERM_HERE-xterm-256color}" LC_CTYPE= "$@"
}

# cell TABLE QUEUE TITLE: what a table says
cell() {
	awk -v queue="$2" -v title="$3" '
		$1 == "NAME" { for (i = 1; i <= NF; i++) if ($i == title) column = i }
		$1 == queue { print $column }' "$1"
}

# now QUEUE TITLE
now() {
	stacq top --once >/tmp/table
	cell /tmp/table "$1" "$2"
}

# A message that was sent five days and an hour ago: its age is 5d for the next 23 hours.
old() {
	frame "${2-old}" "${3-0}" $((($(date +%s) - 5 * 86400 - 3600) * 1000000000)) | stacq send "$1" --framed
}

# ---- tables -------------------------------------------------------------------

a_table_of_all_queues() {
	fresh
	stacq create a-longer-name --order priority
	stacq send a-longer-name a b c
	stacq recv a-longer-name >/dev/null
	stacq top --once >/tmp/table
	like "$(head -n 1 /tmp/table)" '^stacq top  vm [0-9:]{8}  2 queues  2 messages  [0-9.]+ K?i?B$'
	like "$(sed -n 2p /tmp/table)" '^NAME +ORDER +DEPTH +SENT +RECEIVED +IN/S +OUT/S +FLIGHT +AGE +READERS +WRITERS  NOTE$'
	like "$(sed -n 3p /tmp/table)" '^a-longer-name  priority +2 +3 +1 +- +- +0 +[0-9.]+[sm] +0 +0  -$'
	like "$(sed -n 4p /tmp/table)" '^stack          lifo +0 +0 +0 +- +- +0 +- +0 +0  -$'
	is "$(wc -l </tmp/table)" 4
}

# last_is TITLE VALUE: in the latest row of jobs
last_is() {
	[ "$(cell /tmp/table jobs "$1" | tail -n 1)" = "$2" ]
}

# tables INTERVAL: stacq top in the background, until "tables_until TITLE VALUE" has seen that value of jobs
tables() {
	: >/tmp/table
	stacq top --plain -d "$1" -f jobs >/tmp/table &
	top=$!
	wait_for grep -q ^jobs /tmp/table
}

tables_until() {
	wait_for last_is "$1" "$2"
	kill "$top"
	{ wait "$top" || true; } 2>/dev/null
}

# rates TITLE VALUE COMMAND...: IN/S and OUT/S of jobs in its tables, the command run after the first, until TITLE is VALUE
rates() {
	tables 0.5
	"${@:3}" >/dev/null
	tables_until "$1" "$2"
	in=$(cell /tmp/table jobs IN/S | xargs)
	out=$(cell /tmp/table jobs OUT/S | xargs)
}

# At most 20 messages in half a second, or longer if the machine is busy.
rates_of_what_goes_in_and_out() {
	local in out
	fresh
	stacq create jobs
	rates SENT 20 stacq send jobs {1..20}
	like "$in" '^-( [0-9.]+)+$' "IN/S"
	awk -v rates="$in" 'BEGIN {
		n = split(rates, r, " ")
		for (i = 2; i <= n; i++) sum += r[i]
		exit !(sum > 0 && sum <= 40.5) }' || fail "rates $in of 20 messages in half seconds"
	like "$out" '^-( 0)+$' "OUT/S"
	rates RECEIVED 5 stacq recv jobs -n 5
	like "$in" '^-( 0)+$' "IN/S"
	like "$out" '^- .*[1-9]' "OUT/S"
	is "$(cell /tmp/table jobs SENT | tail -n 1)" 20
	is "$(cell /tmp/table jobs RECEIVED | tail -n 1)" 5
}

# A queue that is made anew has no rate against the one before.
a_new_queue_of_the_same_name() {
	fresh
	stacq create jobs
	stacq send jobs a
	tables 0.1
	kill -STOP "$top" # or a table might see the new queue before anything is sent
	stacq rm jobs
	stacq create jobs
	stacq send jobs a b c
	kill -CONT "$top"
	tables_until SENT 3
	paste -d ' ' <(cell /tmp/table jobs SENT) <(cell /tmp/table jobs IN/S) >/tmp/cells
	is "$(grep -m 1 '^3 ' /tmp/cells)" "3 -"
}

age_of_the_oldest_message() {
	local order
	fresh
	for order in fifo lifo priority; do
		stacq create $order --order $order
		is "$(now $order AGE)" - "age of nothing in a $order"
		[ $order = priority ] || old $order
		stacq send $order -p 5 new newer
		[ $order != priority ] || old $order
		is "$(now $order AGE)" 5d "age in a $order"
		is "$(depth $order)" 3
	done
	stacq recv fifo >/dev/null
	like "$(now fifo AGE)" '^[0-9.]+[sm]$'
}

age_where_a_queue_is_too_long_to_know() {
	fresh
	old stack
	seq 1200 | stacq send stack --lines
	like "$(now stack AGE)" '^>[0-9.]+[sm]$'
	stacq create jobs --order priority
	seq 50 | stacq send jobs -p 1 --lines
	old jobs
	is "$(now jobs AGE)" '>5d'
}

what_one_may_not_open() {
	fresh
	stacq send stack a b c
	chmod 620 /dev/stacq/stack
	as_alice stacq top --once >/tmp/table
	is "$(cell /tmp/table stack DEPTH) $(cell /tmp/table stack SENT)" "3 3"
	is "$(cell /tmp/table stack AGE)" -
	chmod 622 /dev/stacq/stack
	as_alice stacq top --once >/tmp/table
	is "$(cell /tmp/table stack DEPTH) $(cell /tmp/table stack AGE)" "3 -"
}

who_waits_what_is_held_and_sealed() {
	fresh
	stacq create jobs
	cat /dev/stacq/jobs >/dev/null &
	wait_for grep -qx 1 /sys/class/stacq/jobs/readers_waiting
	is "$(now jobs READERS) $(now jobs WRITERS)" "1 0"
	stacq send stack abc
	exec 3</dev/stacq/stack
	dd bs=1 count=1 <&3 >/dev/null 2>&1
	is "$(now stack NOTE)" "held=1"
	stacq seal stack
	is "$(now stack NOTE)" "sealed,held=1"
	stacq seal jobs
	wait
}

nothing_is_disturbed() {
	fresh
	stacq send stack a b c
	exec 3<>/dev/stacq/stack
	before=$(stacq stat stack --json)
	stacq top -n 3 -d 0.1 >/dev/null
	is "$(stacq stat stack --json)" "$before"
	is "$(stacq recv stack --all | xargs)" "c b a"
}

# names [OPTION...]: in the order of the rows
names() {
	stacq top --once "$@" | awk 'NR > 2 { print $1 }' | xargs
}

sorted_and_filtered() {
	fresh
	stacq create ab
	stacq create bc
	stacq create cd
	stacq send ab 1
	stacq send bc 1 2 3
	stacq send cd 1 2
	is "$(names)" "ab bc cd stack"
	is "$(names -r)" "stack cd bc ab"
	is "$(names --sort depth)" "bc cd ab stack"
	is "$(names -s depth --reverse)" "stack ab cd bc"
	old cd
	stacq recv cd -n 2 >/dev/null
	is "$(names -s age | cut -d' ' -f1)" cd
	is "$(names -s age | cut -d' ' -f4)" stack
	for key in name in out flight waiting; do
		is "$(names -s $key)" "ab bc cd stack" "order by $key"
	done
	is "$(names -f c)" "bc cd stack"
	is "$(names --filter 'c*')" "cd"
	is "$(names --filter '[ab]?')" "ab bc"
	is "$(names --filter x)" ""
}

without_a_module_and_without_room() {
	fresh
	says 1 "stacq: standard output: No space left on device" bash -c 'stacq top -d 0.1 >/dev/full'
	stacq top --plain -d 0.1 | head -n 1 >/dev/null || is "${PIPESTATUS[*]}" "141 0"
	rmmod stacq
	says 1 "stacq: is the stacq module loaded? Try: modprobe stacq" stacq top
	on_screen stacq top <<-END
		expect is the stacq module loaded
		status 1
	END
	insmod "$module"
}

# ---- the full screen ----------------------------------------------------------

the_table_lives() {
	fresh
	stacq create jobs
	for TERM_HERE in xterm-256color vt100 linux; do
		on_screen <<-END
			line 1 stacq top  vm
			line 1 2 queues  0 messages
			line 2 every 0.2 s  by name
			line 3 NAME     ORDER  DEPTH HISTORY
			line 4 jobs     fifo       0
			line 5 stack    lifo       0
			line 24 q quit  ? help
			run stacq send jobs one two three
			line 4 jobs     fifo       3
			line 4 @
			line 1 2 queues  3 messages
			run stacq seal stack
			line 5 sealed
			run stacq rm stack
			gone stack  lifo
			run stacq create aa && stacq purge jobs >/dev/null
			line 4 aa
			line 5 jobs     fifo       0
			run stacq rm aa && stacq create stack --order lifo
			gone aa
			keys q
			status 0
		END
	done
}

history_in_blocks() {
	[ -e /usr/lib/locale/C.utf8/LC_CTYPE ] || skip "no characters of UTF-8 here"
	fresh
	seq 8 | stacq send stack --lines
	on_screen env LC_CTYPE=C.UTF-8 stacq top -d 1 <<-END
		line 4 █
		run stacq recv stack -n 7 >/dev/null
		line 4 █▁
		keys q
		status 0
	END
}

peek_shows_bytes_and_no_escapes() {
	fresh
	printf 'a\tb\033[2Jc\377\\ \342\202\254' | stacq send stack
	stacq send stack "$(printf 'x%.0s' {1..300})"
	on_screen <<-'END'
		expect stack
		keys p
		expect next messages of stack
		expect   300 B xxxxxxxx
		expect xxxxx...
		expect    14 B a\tb\x1b[2Jc\xff\\ \xe2\x82\xac
		run stacq purge stack >/dev/null
		expect stack: empty
		keys \e
		gone stack: empty
		keys q
		status 0
	END
	is "$(attribute stack received)" 0
	[ ! -e /usr/lib/locale/C.utf8/LC_CTYPE ] || {
		printf '\342\202\254 \342\200\256 \302\205 \355\240\200' | stacq send stack
		on_screen env LC_CTYPE=C.UTF-8 stacq top <<-'END'
			expect stack
			keys p
			expect € \xe2\x80\xae \xc2\x85 \xed\xa0\x80
			keys q
			status 0
		END
	}
}

purge_asks() {
	fresh
	stacq create jobs
	stacq send jobs a b c
	on_screen <<-END
		line 5 stack
		keys P
		line 24 Throw away 3 messages (3 B) of jobs? y/n
		keys n
		line 24 nothing thrown away
		line 4 jobs     fifo       3
		keys P
		expect y/n
		keys \e
		line 24 nothing thrown away
		run test \$(cat /sys/class/stacq/jobs/discarded) = 0
		keys P
		expect y/n
		keys y
		line 24 jobs: 3 messages thrown away
		line 4 jobs     fifo       0
		keys P
		line 24 jobs: empty
		keys q
		status 0
	END
	is "$(attribute jobs discarded)" 3
}

# The question is about the queue that was there, not about one that came into its place.
purge_of_another_queue_of_that_name() {
	fresh
	stacq send stack a
	on_screen <<-END
		expect stack
		keys P
		expect Throw away 1 message
		run stacq rm stack && stacq create stack --order lifo && stacq send stack x
		keys y
		line 24 the queue was removed
		keys q
		status 0
	END
	is "$(stacq recv stack)" x
}

selected_filtered_and_sorted_by_keys() {
	fresh
	stacq create ab
	stacq create bc
	stacq send bc 1 2 3
	stacq send stack 1
	on_screen <<-END
		line 4 ab
		keys s
		line 2 by depth
		line 4 bc
		line 5 stack
		keys r
		line 2 by depth, reversed
		line 4 ab
		line 6 bc
		keys r<
		line 2 by name
		line 4 ab
		keys /b
		line 24 Names that match: b_
		line 5 bc
		gone stack
		keys c
		line 4 bc
		keys \b\n
		line 2 filter: b
		line 4 ab
		keys jP
		line 24 Throw away 3 messages (3 B) of bc?
		keys n
		keys \eOB\eOAP
		line 24 ab: empty
		keys \e
		line 6 stack
		keys /x*y
		line 4 No name matches the filter.
		keys P\e
		line 6 stack
		keys GP
		line 24 Throw away 1 message (1 B) of stack?
		keys nZ
		line 24 no such key
		keys q
		status 0
	END
}

help_pause_and_interval() {
	fresh
	on_screen <<-END
		expect stack
		keys ?
		line 1 stacq top: keys
		expect throw away all messages of the queue, after a question
		keys x
		line 3 NAME
		keys +
		line 2 every 0.4 s
		keys ----
		line 2 every 0.1 s
		keys \x20
		line 2 PAUSED
		run stacq send stack a b
		run sleep 0.5
		line 4 stack    lifo       0
		keys \x20
		gone PAUSED
		line 4 stack    lifo       2
		keys q
		status 0
	END
	on_screen stacq top -d 0.1 -n 3 <<-END
		expect stack
		status 0
	END
}

any_size() {
	local size
	fresh
	for size in jobs-with-a-name-that-takes-a-line-by-itself a b c d; do stacq create $size; done
	stacq send a "$(printf 'y%.0s' {1..200})"
	{
		echo 'expect stack'
		for size in '8 40' '24 80' '3 20' '1 1' '40 120' '2 5' '100 250' '4 9' '24 80'; do
			echo "size $size"
			for keys in p ? x P n G /a '\e' p; do echo "keys $keys"; done
			echo 'run sleep 0.3'
			[ "$size" != '8 40' ] || printf '%s\n' 'line 1 stacq top' 'line 3 NAME          DEPTH   IN/S  OUT/S    AGE' \
				'line 7 stack' 'line 8 q quit'
			[ "$size" != '40 120' ] || printf '%s\n' 'line 4 a    ' 'line 40 q quit'
		done
		printf '%s\n' 'line 24 q quit' 'line 3 NAME' 'keys q' 'status 0'
	} >/tmp/script
	on_screen </tmp/script
	TERM_HERE=vt100 on_screen </tmp/script
}

errors_are_said_and_the_screen_stays() {
	fresh
	stacq send stack a
	on_screen setpriv --reuid alice --regid alice --clear-groups stacq top -d 0.2 <<-END
		line 4 stack    lifo       1
		keys P
		line 24 stack: permission denied
		keys p
		expect stack: permission denied: to read is to receive
		line 1 stacq top
		keys q
		status 0
	END
	on_screen <<-END
		expect stack
		run until rmmod stacq 2>/dev/null; do sleep 0.05; done
		line 24 the stacq module is not loaded
		keys pPjG
		line 1 0 queues
		run insmod $module && stacq create again
		line 4 again
		gone is not loaded
		keys q
		status 0
	END
}

# The screen is the normal one again, with a cursor, and the terminal in its mode: "status" looks.
signals_end_it_and_restore_the_terminal() {
	local signal
	fresh
	for signal in 15 1 2; do
		on_screen <<-END
			expect stack
			keys p
			signal $signal
			status $((128 + signal))
		END
	done
	on_screen <<-'END'
		expect stack
		keys \x03
		status 130
	END
	on_screen <<-END
		expect stack
		hangup 129
	END
	on_screen bash -c "trap '' HUP; exec stacq top -d 50" <<-END
		expect stack
		hangup 1
	END
	on_screen bash -c "trap '' HUP; exec stacq top -d 0.2" <<-END
		expect stack
		signal 1
		run sleep 0.5
		keys q
		status 0
	END
}

terminals_that_have_no_screen() {
	fresh
	for TERM_HERE in dumb '' no-such-terminal; do
		on_screen stacq top -n 1 <<-END
			expect DEPTH     SENT RECEIVED
			expect stack  lifo
			status 0
		END
	done
	on_screen env -u TERM stacq top -n 1 <<-END
		expect RECEIVED
		status 0
	END
	on_screen stacq top --once <<-END
		expect RECEIVED
		status 0
	END
}

tap_main \
	a_table_of_all_queues \
	rates_of_what_goes_in_and_out \
	a_new_queue_of_the_same_name \
	age_of_the_oldest_message \
	age_where_a_queue_is_too_long_to_know \
	what_one_may_not_open \
	who_waits_what_is_held_and_sealed \
	nothing_is_disturbed \
	sorted_and_filtered \
	without_a_module_and_without_room \
	the_table_lives \
	history_in_blocks \
	peek_shows_bytes_and_no_escapes \
	purge_asks \
	purge_of_another_queue_of_that_name \
	selected_filtered_and_sorted_by_keys \
	help_pause_and_interval \
	any_size \
	errors_are_said_and_the_screen_stays \
	signals_end_it_and_restore_the_terminal \
	terminals_that_have_no_screen
