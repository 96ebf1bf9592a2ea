#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stacq command against the module: send and recv with --framed.

# shellcheck source=../../../tests/common/tap.bash
. "${0%/*}/../common/tap.bash"
# shellcheck source=command.bash
. "${0%/*}/command.bash"

three='one 7 1234567890123456789 3
two 0 1000000000000000000 0
number three 32767 9 255'

three_frames() {
	frame one 7 1234567890123456789 3
	frame two 0 1000000000000000000
	frame 'number three' 32767 9 255
}

send_framed_keeps_priority_time_and_deliveries() {
	fresh
	stacq create jobs
	three_frames | stacq send jobs --framed
	is "$(contents jobs)" "$three"
	frame now | stacq send stack --framed
	like "$(contents stack)" '^now 0 [0-9]{19} 0$'
}

recv_framed_writes_what_send_framed_reads() {
	fresh
	stacq create a
	stacq create b
	three_frames | stacq send a --framed
	head -c 200001 /dev/urandom >/tmp/long
	stacq send a </tmp/long
	stacq recv a --framed --all | stacq send b --framed
	is "$(depth a) $(depth b)" "0 4"
	is "$(contents b | head -n 3)" "$three"
	stacq peek b --position 3 --raw | cmp - /tmp/long
}

many_messages_of_all_lengths_through_a_pipe() {
	local n text messages=()
	fresh
	stacq create a --max-bytes 64M
	stacq create b --max-msgs 100 --max-bytes 64M
	# one process sends all of the 300 that differ in length
	printf -v text 'x%05d' {1..1400}
	for ((n = 1; n <= 300; n++)); do messages+=("${text:n:n * n % 7919 + 1}"); done
	stacq send a "${messages[@]}"
	seq 1 3000 | stacq send a --lines
	stacq peek a --all --raw >/tmp/wanted
	stacq recv b --follow --raw >/tmp/out &
	stacq recv a --all --framed | stacq send b --framed
	stacq seal b
	wait $!
	cmp /tmp/wanted /tmp/out
	is "$(attribute b sent)" 3300
}

frames_may_come_in_pieces() {
	fresh
	stacq create jobs
	three_frames >/tmp/frames
	{
		head -c 1 /tmp/frames
		sleep 0.1
		tail -c +2 /tmp/frames | head -c 30
		sleep 0.1
		tail -c +32 /tmp/frames | head -c 20
		sleep 0.1
		tail -c +52 /tmp/frames
	} | stacq send jobs --framed
	is "$(contents jobs)" "$three"
}

send_framed_from_files() {
	fresh
	stacq create jobs
	frame a >/tmp/a
	frame b >/tmp/b
	stacq send jobs --framed /tmp/a /tmp/b /tmp/a
	is "$(stacq recv jobs --all | xargs)" "a b a"
	says 1 "stacq: /tmp/none: No such file or directory
stacq: jobs: nothing was sent" stacq send jobs --framed /tmp/a /tmp/none
	mkfifo /tmp/pipe
	cat /tmp/a /tmp/b >/tmp/pipe &
	stacq send jobs --framed /tmp/pipe
	is "$(stacq recv jobs --all | xargs)" "a b"
	: | stacq send jobs --framed
	is "$(depth jobs)" 0
}

a_file_is_checked_before_the_first_message_is_sent() {
	fresh
	stacq create jobs --max-msg-size 20
	{ frame a && echo rubbish; } >/tmp/bad
	says 1 "stacq: /tmp/bad: no frame begins at byte 40; what \`stacq save\` and \`stacq recv --framed\` write is made of frames
stacq: jobs: nothing was sent" stacq send jobs --framed /tmp/bad
	three_frames | head -c -1 >/tmp/bad
	says 1 "stacq: /tmp/bad: the frame at byte 80 is cut short
stacq: jobs: nothing was sent" stacq send jobs --framed /tmp/bad
	{ frame a && frame 123456789012345678901; } >/tmp/bad
	says 1 "stacq: jobs: the message at byte 40 of /tmp/bad is too long for this queue: max_msg_size is 20 bytes
stacq: jobs: 0 messages sent" stacq send jobs --framed /tmp/bad
	is "$(attribute jobs sent)" 0
}

a_pipe_is_checked_as_it_comes() {
	fresh
	stacq create jobs --max-msg-size 20
	{ frame a && echo rubbish; } >/tmp/bad
	says 1 "stacq: standard input: no frame begins at byte 40; what \`stacq save\` and \`stacq recv --framed\` write is made of frames
stacq: jobs: 1 message sent" bash -c 'cat /tmp/bad | stacq send jobs --framed'
	three_frames | head -c -1 >/tmp/bad
	says 1 "stacq: standard input: the frame at byte 80 is cut short
stacq: jobs: 2 messages sent" bash -c 'cat /tmp/bad | stacq send jobs --framed'
	# a header that promises more than there can be
	{ frame a && printf Sq && le 2 0 && le 4 4294967295 && le 24 0 && cat /dev/zero; } |
		stacq send jobs --framed 2>/tmp/said || true
	is "$(cat /tmp/said)" "stacq: jobs: the message at byte 40 of standard input is too long for this queue: max_msg_size is 20 bytes
stacq: jobs: 1 message sent"
	is "$(stacq recv jobs --all | xargs)" "a one two a"
}

send_framed_to_a_full_queue() {
	fresh
	stacq create jobs --max-msgs 2
	three_frames >/tmp/frames
	says 3 "stacq: jobs: full; the message at byte 80 of /tmp/frames was not sent
stacq: jobs: 2 messages sent" stacq send jobs --framed --nonblock /tmp/frames
	says 3 "stacq: jobs: full until the time was up; the message at byte 0 of /tmp/frames was not sent
stacq: jobs: 0 messages sent" stacq send jobs --framed --timeout 0.2 /tmp/frames
	stacq send jobs --framed </tmp/frames &
	wait_for bash -c 'grep -qx 1 /sys/class/stacq/jobs/writers_waiting'
	is "$(stacq recv jobs -n 5 | xargs)" "one two one two number three"
	wait $!
	is "$(depth jobs)" 0
	stacq seal jobs
	says 4 "stacq: jobs: the queue is sealed; \`stacq unseal jobs\` opens it again
stacq: jobs: 0 messages sent" stacq send jobs --framed /tmp/frames
}

send_framed_ends_with_a_signal() {
	fresh
	stacq create jobs --max-msgs 2
	three_frames | stacq send jobs --framed 2>/tmp/said &
	wait_for bash -c 'grep -qx 1 /sys/class/stacq/jobs/writers_waiting'
	kill -TERM $!
	status=0
	wait $! || status=$?
	is "$status $(cat /tmp/said)" "143 stacq: jobs: interrupted; the message at byte 80 of standard input was not sent
stacq: jobs: 2 messages sent"
}

recv_framed_takes_as_many_as_asked() {
	fresh
	stacq create jobs
	# shellcheck disable=SC2046 # one each
	printf 'x%.0s\n' $(seq 3000) | stacq send jobs --lines
	stacq recv jobs --framed >/tmp/out
	is "$(stat -c %s /tmp/out) $(depth jobs)" "40 2999"
	stacq recv jobs --framed -n 3 >/tmp/out
	is "$(stat -c %s /tmp/out) $(depth jobs)" "120 2996"
	stacq recv jobs --framed -n 2000 >/tmp/out
	is "$(stat -c %s /tmp/out) $(depth jobs)" "80000 996"
	stacq purge jobs >/dev/null
	# a long one first, and short ones after it
	head -c 100000 /dev/zero | stacq send jobs
	stacq send jobs a b c
	stacq recv jobs --framed >/tmp/out
	is "$(stat -c %s /tmp/out) $(depth jobs)" "100032 3"
	stacq recv jobs --framed -n 2 >/tmp/out
	is "$(stat -c %s /tmp/out) $(depth jobs)" "80 1"
}

recv_framed_ends_as_asked() {
	fresh
	stacq create jobs
	says 0 "" stacq recv jobs --framed --all
	says 3 "stacq: jobs: empty" stacq recv jobs --framed --nonblock
	says 3 "stacq: jobs: no message until the time was up" stacq recv jobs --framed --timeout 0.2
	stacq send jobs a b
	says 3 "stacq: jobs: no message until the time was up" stacq recv jobs --framed --timeout 0.2 -n 3
	is "$(attribute jobs received)" 2
	stacq recv jobs --framed -n 2 >/tmp/out &
	in_the_middle $!
	stacq send jobs a
	stacq send jobs b
	wait $!
	is "$(stat -c %s /tmp/out)" 80
	stacq send jobs last
	stacq seal jobs
	says 4 "stacq: jobs: sealed and empty" stacq recv jobs --framed -n 2
	says 0 "" stacq recv jobs --framed --follow
}

recv_framed_sends_back_what_it_cannot_write() {
	fresh
	stacq create jobs
	three_frames | stacq send jobs --framed
	three_frames | stacq send stack --framed
	said=$(stacq recv jobs --framed --all 2>&1 >/dev/full) && fail "no failure"
	is "$said" "stacq: standard output: No space left on device
stacq: jobs: 3 messages that could not be written: sent back to the queue"
	is "$(contents jobs)" "$three"
	# a stack is as it was
	contents stack >/tmp/before
	said=$(stacq recv stack --framed --all 2>&1 >/dev/full) && fail "no failure"
	is "$said" "stacq: standard output: No space left on device
stacq: stack: 3 messages that could not be written: sent back to the queue"
	contents stack | cmp - /tmp/before
	stacq seal jobs
	said=$(stacq recv jobs --framed --all 2>&1 >/dev/full) && fail "no failure"
	is "$said" "stacq: standard output: No space left on device
stacq: jobs: 3 messages that could not be written: lost: sending back: Broken pipe"
}

recv_framed_sends_back_what_its_reader_leaves() {
	local back
	fresh
	stacq create jobs
	seq 1 30000 | stacq send jobs --lines
	# some room in the pipe, but not for all that was received, and then no reader
	{ stacq recv jobs --framed --all 2>/tmp/said || true; } | { head -c 8192 >/dev/null && sleep 1; }
	like "$(cat /tmp/said)" $'^stacq: standard output: Broken pipe\nstacq: jobs: [0-9]+ messages that could not be written: sent back to the queue$'
	back=$(sed -n 's/^stacq: jobs: \([0-9]*\) .*/\1/p' /tmp/said)
	is "$(depth jobs)" $((30000 - $(attribute jobs received) + back))
	is "$(stacq recv jobs --all | sort | uniq -d)" ""
}

tap_main \
	send_framed_keeps_priority_time_and_deliveries \
	recv_framed_writes_what_send_framed_reads \
	many_messages_of_all_lengths_through_a_pipe \
	frames_may_come_in_pieces \
	send_framed_from_files \
	a_file_is_checked_before_the_first_message_is_sent \
	a_pipe_is_checked_as_it_comes \
	send_framed_to_a_full_queue \
	send_framed_ends_with_a_signal \
	recv_framed_takes_as_many_as_asked \
	recv_framed_ends_as_asked \
	recv_framed_sends_back_what_it_cannot_write \
	recv_framed_sends_back_what_its_reader_leaves
