#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stacq command against the module: send and recv.

# shellcheck source=../../../tests/common/tap.bash
. "${0%/*}/../common/tap.bash"
# shellcheck source=command.bash
. "${0%/*}/command.bash"

send_arguments_and_standard_input() {
	fresh
	stacq create jobs
	stacq send jobs one 'number two' -- -three
	printf 'multi\nline\n' | stacq send jobs
	is "$(stacq recv jobs -n 4)" $'one\nnumber two\n-three\nmulti\nline'
	is "$(attribute jobs sent)" 4
}

send_lines() {
	fresh
	stacq create jobs
	says 0 "stacq: jobs: 2 empty lines skipped" \
		bash -c 'printf "a\n\n\nb\nc" | stacq send jobs --lines'
	is "$(stacq recv jobs --all)" $'a\nb\nc'
	printf 'with\nnewline\0x\0' | stacq send jobs --null
	is "$(stacq recv jobs --all --null | od -An -c | tr -d ' ')" 'with\nnewline\0x\0'
}

send_every_line_of_a_long_input() {
	fresh
	stacq create jobs
	seq 1 5000 >/tmp/in
	# a line longer than the buffer
	head -c 200000 /dev/zero | tr '\0' x >>/tmp/in
	stacq send jobs --lines </tmp/in
	is "$(depth jobs)" 5001
	stacq recv jobs --all --raw | cmp - <(tr -d '\n' </tmp/in)
}

send_refuses_what_is_too_long() {
	fresh
	stacq create jobs --max-msg-size 10
	says 1 "stacq: jobs: message 2 is too long for this queue: max_msg_size is 10 bytes
stacq: jobs: 1 message sent" stacq send jobs 0123456789 01234567890 x
	says 1 "stacq: jobs: standard input is too long for this queue: max_msg_size is 10 bytes" \
		bash -c 'stacq send jobs </dev/zero'
	says 1 "stacq: jobs: line 2 is too long for this queue: max_msg_size is 10 bytes
stacq: jobs: 1 message sent" bash -c '(echo a; cat /dev/zero) | stacq send jobs -l'
	says 1 "stacq: jobs: standard input is empty, and a message has at least one byte" stacq send jobs
	is "$(depth jobs)" 2
}

send_to_a_full_queue() {
	fresh
	stacq create jobs --max-msgs 2
	says 3 "stacq: jobs: full; message 3 was not sent
stacq: jobs: 2 messages sent" stacq send jobs --nonblock 1 2 3
	says 3 "stacq: jobs: full until the time was up; message 1 was not sent" stacq send jobs --timeout 0.2 3
	stacq send jobs waits &
	wait_for bash -c 'grep -qx 1 /sys/class/stacq/jobs/writers_waiting'
	is "$(stacq recv jobs)" 1
	wait $!
	is "$(stacq recv jobs --all | xargs)" "2 waits"
}

recv_frames_messages() {
	fresh
	stacq create jobs
	stacq send jobs a 'b ä'
	printf 'c\n' | stacq send jobs
	printf '\377\0' | stacq send jobs
	is "$(stacq peek jobs --all --raw | od -An -tx1 | xargs)" "61 62 20 c3 a4 63 0a ff 00"
	is "$(stacq peek jobs --all | od -An -tx1 | xargs)" "61 0a 62 20 c3 a4 0a 63 0a ff 00 0a"
	is "$(stacq peek jobs --all --null | od -An -tx1 | xargs)" "61 00 62 20 c3 a4 00 63 0a 00 ff 00 00"
	is "$(stacq recv jobs --all --json)" '{"length":1,"encoding":"utf-8","data":"a"}
{"length":4,"encoding":"utf-8","data":"b ä"}
{"length":2,"encoding":"utf-8","data":"c\n"}
{"length":2,"encoding":"base64","data":"/wA="}'
}

recv_ends_as_asked() {
	fresh
	stacq create jobs
	stacq send jobs 1 2 3 4 5
	is "$(stacq recv jobs)" 1
	is "$(stacq recv jobs -n 2 | xargs)" "2 3"
	is "$(stacq recv jobs --all | xargs)" "4 5"
	says 0 "" stacq recv jobs --all
	says 3 "stacq: jobs: empty" stacq recv jobs --nonblock
	says 3 "stacq: jobs: no message until the time was up" stacq recv jobs --timeout 0.2
	says 3 "stacq: jobs: no message until the time was up" stacq recv jobs --follow --timeout 0.2
	stacq send jobs last
	stacq seal jobs
	says 4 "stacq: jobs: sealed and empty" stacq recv jobs -n 2
	says 4 "stacq: jobs: sealed and empty" stacq recv jobs
	says 0 "" stacq recv jobs --follow
	says 0 "" stacq recv jobs --all
}

recv_waits() {
	fresh
	stacq create jobs
	stacq recv jobs >/tmp/out 2>&1 &
	in_the_middle $!
	stacq send jobs late
	wait $!
	is "$(cat /tmp/out)" late
	stacq recv jobs >/tmp/out 2>&1 &
	in_the_middle $!
	stacq rm jobs
	status=0
	wait $! || status=$?
	is "$status $(cat /tmp/out)" "1 stacq: jobs: the queue was removed"
}

recv_takes_nothing_that_nobody_reads() {
	fresh
	stacq create jobs
	# the reader goes while no message comes: noticed, so that the next one stays
	stacq send jobs first
	is "$(stacq recv jobs --follow 2>/tmp/said | head -n 1)" first
	is "$(cat /tmp/said)" "stacq: standard output: Broken pipe"
	stacq send jobs second
	is "$(depth jobs)" 1
	says 1 "stacq: standard output: Bad file descriptor" bash -c 'stacq recv jobs >&-'
	is "$(depth jobs)" 1
	# a reader that is slow: messages wait in the queue, not in the command
	stacq purge jobs
	seq 1 30000 | stacq send jobs --lines
	# shellcheck disable=SC2216 # it shall not read
	(stacq recv jobs --follow | sleep 3) 2>/dev/null &
	sleep 1
	[ "$(depth jobs)" -gt 1000 ] || fail "$(depth jobs) left"
}

recv_sends_back_what_it_cannot_write() {
	fresh
	stacq create jobs
	stacq send jobs keep
	said=$(stacq recv jobs 2>&1 >/dev/full) && fail "no failure"
	is "$said" "stacq: standard output: No space left on device
stacq: jobs: the message that could not be written (4 bytes) was sent back to the queue"
	is "$(stacq recv jobs)" keep
	stacq send jobs lost
	stacq seal jobs
	said=$(stacq recv jobs 2>&1 >/dev/full) && fail "no failure"
	is "$said" "stacq: standard output: No space left on device
stacq: jobs: the message that could not be written (4 bytes) is lost: sending it back: Broken pipe"
}

signals_end_it_and_it_says_how_far_it_got() {
	fresh
	stacq create jobs --max-msgs 2
	stacq recv jobs 2>/tmp/said &
	in_the_middle $!
	kill -TERM $!
	status=0
	wait $! || status=$?
	is "$status $(cat /tmp/said)" "143 stacq: jobs: interrupted; 0 messages received"
	seq 1 9 | stacq send jobs --lines 2>/tmp/said &
	wait_for bash -c 'grep -qx 1 /sys/class/stacq/jobs/writers_waiting'
	kill -TERM $!
	status=0
	wait $! || status=$?
	is "$status $(cat /tmp/said)" "143 stacq: jobs: interrupted; line 3 was not sent
stacq: jobs: 2 messages sent"
	is "$(depth jobs)" 2
}

four_writers_and_four_readers() {
	local w r each=1000 writers=() readers=()
	[ ! -e /sys/kernel/debug/kmemleak ] || each=200 # a slow kernel
	fresh
	stacq create jobs --max-msgs $each
	for w in 1 2 3 4; do
		seq -f "w$w %.0f" 1 $each | stacq send jobs --lines &
		writers+=($!)
	done
	for r in 1 2 3 4; do
		stacq recv jobs --follow >/tmp/out.$r &
		readers+=($!)
	done
	wait "${writers[@]}"
	stacq seal jobs
	wait "${readers[@]}"
	is "$(cat /tmp/out.* | wc -l)" $((4 * each))
	is "$(sort -u /tmp/out.* | wc -l)" $((4 * each))
	for w in 1 2 3 4; do
		for r in 1 2 3 4; do
			{ grep "^w$w " /tmp/out.$r || true; } | cut -d' ' -f2 | sort -nc
		done
	done
}

tap_main \
	send_arguments_and_standard_input \
	send_lines \
	send_every_line_of_a_long_input \
	send_refuses_what_is_too_long \
	send_to_a_full_queue \
	recv_frames_messages \
	recv_ends_as_asked \
	recv_waits \
	recv_takes_nothing_that_nobody_reads \
	recv_sends_back_what_it_cannot_write \
	signals_end_it_and_it_says_how_far_it_got \
	four_writers_and_four_readers
