#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stacq command against the module: save and restore.

# shellcheck source=../../../tests/common/tap.bash
. "${0%/*}/../common/tap.bash"
# shellcheck source=command.bash
. "${0%/*}/command.bash"

# Two queues: "jobs" with messages of all kinds, and "copy", empty. fill [OPTION...]: of jobs and copy
fill() {
	fresh
	stacq create jobs "$@"
	stacq create copy "$@"
	{
		frame one 7 1234567890123456789 3
		frame two 0 1000000000000000000
		frame three 32767 9 255
	} | stacq send jobs --framed
	seq 1 200 | stacq send jobs --lines
	head -c 70000 /dev/zero | tr '\0' x | stacq send jobs
}

# same_contents QUEUE COPY: text, priority and deliveries are the same, and so is a time stamp that came in a frame.
# The kernel computes its own time stamps from ticks at each look, and so two looks at one message differ by some
# ticks: those after the year 2016 only have to be less than an hour apart.
same_contents() {
	contents "$1" >/tmp/first
	contents "$2" >/tmp/second
	is "$(wc -l </tmp/second)" "$(wc -l </tmp/first)" "number of messages in $2"
	paste -d ' ' /tmp/first /tmp/second | awk '
		function own(time) { return length(time) == 19 && time >= 1500000000000000000 }
		function apart(a, b) { return a > b ? a - b : b - a }
		NF != 8 || $1 != $5 || $2 != $6 || $4 != $8 ||
		    (own($3) && own($7) ? apart($3, $7) > 3600000000000 : $3 "" != $7 "") {
			print "# message " NR ": " substr($0, 1, 200)
			bad = 1
		}
		END { exit bad }' || fail "$1 and $2 differ"
}

restored_is_what_was_saved() {
	local order
	for order in fifo lifo; do
		fill --order $order
		contents jobs >/tmp/before
		stacq save jobs >/tmp/saved
		contents jobs | cut -d' ' -f1,2,4 | cmp - <(cut -d' ' -f1,2,4 </tmp/before)
		stacq restore copy </tmp/saved
		is "$(depth copy)" 204
		same_contents jobs copy
		# and once more, with nothing rounded
		contents copy >/tmp/before
		stacq save copy >/tmp/again
		stacq purge copy >/dev/null
		stacq restore copy </tmp/again
		contents copy | cmp - /tmp/before
	done
}

the_oldest_comes_first_in_both_orders() {
	fresh
	stacq create jobs
	stacq send jobs a b c
	stacq send stack a b c
	stacq save jobs >/tmp/saved
	stacq restore jobs </tmp/saved
	is "$(stacq recv jobs --all | xargs)" "a b c a b c"
	stacq save stack >/tmp/saved
	stacq restore jobs </tmp/saved
	is "$(stacq recv jobs --all | xargs)" "a b c"
}

an_empty_queue() {
	fresh
	stacq save stack >/tmp/saved
	is "$(stat -c %s /tmp/saved)" 0
	stacq save stack --purge >/tmp/saved
	stacq restore stack </tmp/saved
	is "$(attribute stack sent)" 0
}

numbers_with_holes() {
	local order
	for order in fifo lifo; do
		fill --order $order
		# every other one is in hand while the others are received, and then given back
		exec 3</dev/stacq/jobs 4</dev/stacq/jobs
		dd bs=1 count=1 <&3 >/dev/null 2>&1
		stacq recv jobs >/dev/null
		dd bs=1 count=1 <&4 >/dev/null 2>&1
		stacq recv jobs >/dev/null
		exec 3<&- 4<&-
		stacq save jobs >/tmp/saved
		stacq restore copy </tmp/saved
		is "$(depth copy)" 202
		same_contents jobs copy
	done
	# a stack that has been in use for a while
	seq 1 500 | while read -r n; do echo "$n $((n + 1)) $((n + 2))"; done | tr ' ' '\n' >/tmp/in
	for n in 1 2 3; do
		head -n 500 /tmp/in | stacq send stack --lines
		stacq recv stack -n 300 >/dev/null
	done
	stacq save stack >/tmp/saved
	stacq purge copy >/dev/null
	stacq restore copy </tmp/saved
	is "$(depth copy)" 600
	same_contents stack copy
}

a_save_that_fails_takes_nothing() {
	local arguments
	fill
	contents jobs | cut -d' ' -f1,2,4 >/tmp/before
	said=$(stacq save jobs 2>&1 >/dev/full) && fail "no failure"
	is "$said" "stacq: standard output: No space left on device; nothing was taken out of jobs"
	{ stacq save jobs 2>/tmp/said || echo $? >/tmp/status; } | true
	is "$(cat /tmp/said) $(cat /tmp/status)" "stacq: standard output: Broken pipe; nothing was taken out of jobs 1"
	mkdir -p /tmp/small
	mount -t tmpfs -o size=16k tmpfs /tmp/small
	for arguments in jobs 'jobs --purge'; do
		# shellcheck disable=SC2086 # words
		said=$(stacq save $arguments 2>&1 >/tmp/small/saved) && fail "no failure"
		is "$said" "stacq: standard output: No space left on device; nothing was taken out of jobs"
	done
	umount /tmp/small
	contents jobs | cut -d' ' -f1,2,4 | cmp - /tmp/before
	says 1 "stacq: standard output: Bad file descriptor" bash -c 'stacq save jobs >&-'
}

purge_takes_what_was_saved() {
	local order
	for order in fifo lifo; do
		fill --order $order
		stacq save jobs --purge >/tmp/saved
		is "$(depth jobs) $(attribute jobs received) $(attribute jobs discarded)" "0 204 0"
		stacq restore copy </tmp/saved
		is "$(depth copy)" 204
	done
	# of one byte, too
	stacq purge copy >/dev/null
	# shellcheck disable=SC2046 # one each
	printf 'x%.0s\n' $(seq 300) | stacq send stack --lines
	stacq save stack --purge >/tmp/saved
	stacq restore copy </tmp/saved
	is "$(depth stack) $(depth copy)" "0 300"
}

purge_wants_a_file() {
	fill
	said=$({ stacq save jobs --purge 2>&1 >&3 | cat; } 3> >(cat >/dev/null)) || true
	is "$said" "stacq: standard output is not a file, and --purge needs one: what is in a pipe may never arrive"
	said=$(stacq save jobs --purge 2>&1 >/dev/null) && fail "no failure"
	is "$(depth jobs)" 204
}

purge_leaves_what_was_in_the_hands_of_a_reader() {
	fresh
	stacq create jobs
	stacq send jobs aa bb cc dd
	exec 3</dev/stacq/jobs
	dd bs=1 count=1 <&3 >/dev/null 2>&1
	said=$(stacq save jobs --purge 2>&1 >/tmp/saved)
	is "$said" "stacq: jobs: 1 message is in the hands of readers, and may not be saved"
	exec 3<&-
	is "$(stacq recv jobs --all)" aa
	stacq restore jobs </tmp/saved
	is "$(stacq recv jobs --all | xargs)" "bb cc dd"
}

# deeper QUEUE NUMBER: it has more messages than that
deeper() {
	[ "$(depth "$1")" -gt "$2" ]
}

# traffic ORDER: what is sent while messages are saved and purged is there or in the file, once
traffic() {
	local status=0
	rm -f /tmp/enough
	fresh
	stacq create jobs --order "$1"
	stacq create copy
	seq -f 'early %.0f' 1 3000 | stacq send jobs --lines
	# one after another, until it is saved, and one more
	{
		for ((n = 0; n < 20000; n += 5000)); do
			[ ! -e /tmp/enough ] || break
			seq -f 'late %.0f' $((n + 1)) $((n + 5000))
		done
		until [ -e /tmp/enough ]; do sleep 0.05; done
		echo last
	} | stacq send jobs --lines &
	wait_for deeper jobs 3000
	stacq save jobs --purge >/tmp/saved 2>/tmp/said || status=$?
	touch /tmp/enough
	wait $!
	sent=$(attribute jobs sent)
	stacq restore copy </tmp/saved
	stacq recv copy --all >/tmp/in.file
	stacq recv jobs --all >/tmp/in.queue
	echo "# $1: status $status, $(wc -l </tmp/in.file) saved, $(wc -l </tmp/in.queue) left of $sent; $(cat /tmp/said)"
	is "$(sort /tmp/in.file | uniq -d)" ""
	is "$(sort -u /tmp/in.file /tmp/in.queue | wc -l)" "$sent"
	is "$(grep -c early /tmp/in.file)" 3000
	[ "$(wc -l </tmp/in.file)" -lt "$sent" ] || fail "nothing was sent meanwhile"
	if [ $status = 0 ]; then
		is "$(sort /tmp/in.file /tmp/in.queue | uniq -d)" ""
	else
		is "$1" lifo
		like "$(cat /tmp/said)" 'stacq: jobs: [0-9]+ of [0-9]+ saved messages purged; the others are behind one that was not saved, and still there'
	fi
}

writers_during_a_save_of_a_queue() {
	traffic fifo
}

writers_during_a_save_of_a_stack() {
	traffic lifo
}

# Messages that stay are saved, each once, while others come and go.
what_stays_is_saved_once_on_a_busy_stack() {
	rm -f /tmp/enough
	fresh
	stacq create copy
	seq -f 'stays %.0f' 1 1500 | stacq send stack --lines
	# what it sends it receives, but never more
	{
		n=0
		while [ ! -e /tmp/enough ]; do
			n=$((n + 1))
			echo "goes $n" >/dev/stacq/stack
			read -r line </dev/stacq/stack
			like "$line" '^goes '
		done
	} &
	stacq save stack >/tmp/saved
	touch /tmp/enough
	wait $!
	stacq restore copy </tmp/saved
	is "$(stacq recv copy --all | grep stays | cmp - <(seq -f 'stays %.0f' 1 1500) && echo same)" same
	is "$(depth stack)" 1500
}

what_stays_is_saved_once_on_a_busy_queue() {
	local reader n
	rm -f /tmp/enough /tmp/received
	fresh
	stacq create jobs
	stacq create copy
	seq -f '%.0f' 10001 14000 | stacq send jobs --lines
	# one receives, one gives back what it takes; neither more than 1500, however long the save takes
	{
		for ((n = 0; n < 1500; n++)); do
			[ ! -e /tmp/enough ] || break
			stacq recv jobs --nonblock >>/tmp/received || true
		done
	} 2>/dev/null &
	reader=$!
	{
		for ((n = 0; n < 1500; n++)); do
			[ ! -e /tmp/enough ] || break
			dd bs=1 count=1 </dev/stacq/jobs >/dev/null
		done
	} 2>/dev/null &
	stacq save jobs >/tmp/saved
	touch /tmp/enough
	wait $! $reader
	stacq restore copy </tmp/saved
	stacq recv copy --all >/tmp/in.file
	sort -nc /tmp/in.file
	is "$(uniq -d /tmp/in.file)" ""
	stacq peek jobs --all --json | sed -n 's/.*"deliveries":0,.*"data":"\(.*\)"}/\1/p' | sort >/tmp/stayed
	[ "$(wc -l </tmp/stayed)" -gt 100 ] || fail "only $(wc -l </tmp/stayed) stayed"
	echo "# $(wc -l </tmp/in.file) saved, $(wc -l </tmp/stayed) stayed"
	is "$(sort /tmp/in.file /tmp/stayed | uniq -d | cmp - /tmp/stayed && echo all)" all
}

readers_during_a_purge() {
	local reader
	fresh
	stacq create jobs
	stacq create copy
	seq 1 5000 | stacq send jobs --lines
	stacq recv jobs --follow >/tmp/received &
	reader=$!
	seq 5001 9000 | stacq send jobs --lines &
	stacq save jobs --purge >/tmp/saved 2>/tmp/said || true
	wait $!
	stacq seal jobs
	wait $reader
	stacq restore copy </tmp/saved
	stacq recv copy --all >/tmp/in.file
	is "$(sort -n /tmp/received | uniq -d)" ""
	is "$(sort -n /tmp/in.file | uniq -d)" ""
	is "$(sort -u /tmp/received /tmp/in.file | wc -l)" 9000
	echo "# $(wc -l </tmp/in.file) saved, $(wc -l </tmp/received) received; $(cat /tmp/said)"
}

restore_checks_the_file_first() {
	fresh
	stacq create jobs --max-msg-size 20
	head -c 5000 /dev/urandom >/tmp/bad
	says 1 "stacq: standard input: no frame begins at byte 0; what \`stacq save\` and \`stacq recv --framed\` write is made of frames
stacq: jobs: nothing was restored" bash -c 'stacq restore jobs </tmp/bad'
	seq 1 5000 | stacq send stack --lines
	stacq save stack >/tmp/saved
	head -c -3 /tmp/saved >/tmp/bad
	says 1 "stacq: standard input: the frame at byte 199960 is cut short
stacq: jobs: nothing was restored" bash -c 'stacq restore jobs </tmp/bad'
	{ cat /tmp/saved && frame 'much longer than twenty bytes'; } >/tmp/bad
	says 1 "stacq: jobs: the message at byte 200000 of standard input is too long for this queue: max_msg_size is 20 bytes
stacq: jobs: 0 messages restored" bash -c 'stacq restore jobs </tmp/bad'
	is "$(attribute jobs sent)" 0
	# from where the file is at, and to where a pipe is bad
	bash -c '{ dd bs=40 count=4990 of=/dev/null 2>/dev/null; stacq restore jobs; } </tmp/saved'
	is "$(stacq recv jobs --all | xargs)" "4991 4992 4993 4994 4995 4996 4997 4998 4999 5000"
	says 1 "stacq: jobs: the message at byte 200000 of standard input is too long for this queue: max_msg_size is 20 bytes
stacq: jobs: 5000 messages restored" bash -c 'cat /tmp/bad | stacq restore jobs'
}

restore_to_a_full_queue() {
	fresh
	stacq create jobs --max-msgs 100
	seq 1 150 | stacq send stack --lines
	stacq save stack >/tmp/saved
	says 3 "stacq: jobs: full; the message at byte 4000 of standard input was not sent
stacq: jobs: 100 messages restored" bash -c 'stacq restore jobs --nonblock </tmp/saved'
	says 3 "stacq: jobs: full until the time was up; the message at byte 0 of standard input was not sent
stacq: jobs: 0 messages restored" bash -c 'stacq restore jobs --timeout 0.2 </tmp/saved'
	stacq restore jobs </tmp/saved &
	wait_for bash -c 'grep -qx 1 /sys/class/stacq/jobs/writers_waiting'
	stacq recv jobs -n 250 | cmp - <(seq 1 100 && seq 1 150)
	wait $!
	stacq seal jobs
	says 4 "stacq: jobs: the queue is sealed; \`stacq unseal jobs\` opens it again
stacq: jobs: 0 messages restored" bash -c 'stacq restore jobs </tmp/saved'
}

what_is_not_a_queue_is_not_saved() {
	fresh
	mknod /dev/stacq/fake c 1 3
	says 1 "stacq: fake: /dev/stacq/fake is not a queue" bash -c 'stacq save fake >/tmp/saved'
	says 1 "stacq: fake: /dev/stacq/fake is not a queue" bash -c 'stacq restore fake </dev/null'
	rm /dev/stacq/fake
	says 1 "stacq: nope: no such queue; \`stacq ls\` lists them" stacq save nope
	command -v script >/dev/null || skip "no script command to make a terminal with"
	like "$(script -qec 'stacq save stack' /dev/null </dev/null)" 'standard output is a terminal'
}

tap_main \
	restored_is_what_was_saved \
	the_oldest_comes_first_in_both_orders \
	an_empty_queue \
	numbers_with_holes \
	a_save_that_fails_takes_nothing \
	purge_takes_what_was_saved \
	purge_wants_a_file \
	purge_leaves_what_was_in_the_hands_of_a_reader \
	writers_during_a_save_of_a_queue \
	writers_during_a_save_of_a_stack \
	what_stays_is_saved_once_on_a_busy_stack \
	what_stays_is_saved_once_on_a_busy_queue \
	readers_during_a_purge \
	restore_checks_the_file_first \
	restore_to_a_full_queue \
	what_is_not_a_queue_is_not_saved
