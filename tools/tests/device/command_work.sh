#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stacq command against the module: work.

# shellcheck disable=SC2016 # the commands expand what is theirs

# shellcheck source=../../../tests/common/tap.bash
. "${0%/*}/../common/tap.bash"
# shellcheck source=command.bash
. "${0%/*}/command.bash"

work=/tmp/work

# An empty queue "jobs", and an empty folder for what commands leave behind.
jobs() {
	fresh
	stacq create jobs "$@"
	rm -rf $work
	mkdir $work
}

# in_flight N: so many messages are under lease
in_flight() {
	[ "$(attribute jobs inflight)" = "$1" ]
}

# counters WANTED: depth, inflight, received and requeued
counters() {
	local name values=
	for name in depth inflight received requeued; do
		values+=" $name $(attribute jobs $name)"
	done
	is "${values# }" "$1" counters
}

# ended STATUS PID
ended() {
	local status=0
	{ wait "$2" || status=$?; } 2>/dev/null
	is "$status" "$1" "exit status of the runner"
}

# Is it there, and not dead yet?
runs() {
	local state
	state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) && [ -n "$state" ] && [ "$state" != Z ]
}

dead() {
	! runs "$1"
}

each_message_is_the_standard_input_of_a_command() {
	jobs
	printf 'one\0\nbytes' | stacq send jobs
	stacq send jobs two three
	stacq work jobs --drain --quiet -- sh -c 'cat >$0/$STACQ_ID' $work
	printf 'one\0\nbytes' | cmp - $work/1
	is "$(cat $work/2) $(cat $work/3)" "two three"
	counters "depth 0 inflight 0 received 3 requeued 0"
}

a_message_as_an_argument() {
	jobs
	echo 'a line' >/dev/stacq/jobs
	stacq send jobs '$(reboot) {}; "' -- -n
	# the one line and no other bytes; standard input is empty then
	stacq work jobs --drain -q -- sh -c 'printf "%s|" "$@" >>$0; cat >>$0' $work/out '<{}>' '{}{}' x
	is "$(cat $work/out)" '<a line>|a linea line|x|<$(reboot) {}; ">|$(reboot) {}; "$(reboot) {}; "|x|<-n>|-n-n|x|'
}

what_no_argument_can_hold_fails() {
	jobs
	printf 'a\0b' >/dev/stacq/jobs
	says 5 "stacq: jobs: message 1 (delivery 1): it holds a NUL, which no argument can; given back
stacq: jobs: 0 done, 1 failed in 0.1 s" one_tenth stacq work jobs -n 1 -- echo {}
	stacq purge jobs >/dev/null
	head -c 300000 /dev/zero | tr '\0' x | stacq send jobs
	says 5 "stacq: jobs: message 2 (delivery 1): it is too long for an argument; given back" \
		stacq work jobs -q -n 1 -- echo {}
	counters "depth 1 inflight 0 received 0 requeued 2"
}

# The time in a summary is none that a test can know.
one_tenth() {
	local status=0
	"$@" 2>/tmp/said || status=$?
	sed 's/ in [0-9]*\.[0-9] s$/ in 0.1 s/' /tmp/said >&2
	return $status
}

the_environment_of_a_command() {
	jobs --order priority
	frame x 7 1234567890123456789 | stacq send jobs --framed
	says 5 "stacq: jobs: message 1 (delivery 1): \`sh\` exited with 3; given back" \
		stacq work jobs -q -n 2 --pause 0 -- sh -c "env | grep ^STACQ_ | sort >$work/\$STACQ_DELIVERIES
			exit \$((3 - 3 * STACQ_DELIVERIES))"
	is "$(xargs <$work/0)" \
		"STACQ_DELIVERIES=0 STACQ_ID=1 STACQ_PRIORITY=7 STACQ_QUEUE=jobs STACQ_SENT_NS=1234567890123456789"
	is "$(grep DELIVERIES $work/1)" STACQ_DELIVERIES=1
	counters "depth 0 inflight 0 received 1 requeued 1"
}

a_message_that_failed_is_in_its_old_place_or_at_the_end() {
	jobs
	stacq send jobs a b c
	stacq work jobs -q -n 1 -- false 2>/dev/null || is $? 5
	is "$(stacq peek jobs --all | xargs)" "a b c"
	stacq work jobs -q --back -n 1 -- false 2>/dev/null || is $? 5
	is "$(stacq recv jobs --all | xargs)" "b c a"
	says 1 "stacq: stack: --back is not for a stack, which has no end to give back to" \
		stacq work stack --back -- true
}

how_a_command_failed() {
	jobs
	stacq send jobs x
	says 5 "stacq: jobs: message 1 (delivery 1): \`false\` exited with 1; given back" stacq work jobs -qn1 -- false
	says 5 "stacq: jobs: message 1 (delivery 2): \`sh\` was killed by SIGKILL; given back" \
		stacq work jobs -qn1 -- sh -c 'kill -9 $$'
	says 1 "stacq: frobnicate: No such file or directory; message 1 is given back
stacq: jobs: 0 done, 0 failed in 0.1 s" one_tenth stacq work jobs -- frobnicate
	says 1 "stacq: /etc/passwd: Permission denied; message 1 is given back" \
		stacq work jobs -q -- /etc/passwd
	is "$(stacq recv jobs)" x
}

so_many_run_at_once() {
	jobs
	seq 1 8 | stacq send jobs --lines
	stacq work jobs -q -j 3 -n 7 -- sh -c "echo \$\$ >$work/\$STACQ_ID; until [ -e $work/go ]; do sleep 0.05; done" &
	local runner=$!
	wait_for in_flight 3
	sleep 0.3
	counters "depth 5 inflight 3 received 0 requeued 0"
	touch $work/go
	ended 0 $runner
	counters "depth 1 inflight 0 received 7 requeued 0"
	# one a processor
	stacq work jobs -q -j 0 --drain -- true
}

it_waits_for_messages_until_the_queue_is_sealed_and_empty() {
	jobs
	stacq work jobs -j 2 -- sh -c "cat >>$work/out" 2>$work/said &
	local runner=$!
	stacq send jobs a
	wait_for grep -qs a $work/out
	stacq send jobs b
	stacq seal jobs
	ended 0 $runner
	is "$(cat $work/out)" ab
	like "$(cat $work/said)" '^stacq: jobs: 2 done, 0 failed in [0-9]+\.[0-9] s$'
}

the_first_signal_lets_commands_finish() {
	local sig
	for sig in INT:130 TERM:143; do
		jobs
		seq 1 5 | stacq send jobs --lines
		# without job control a shell has its background ignore SIGINT
		(trap - INT; exec stacq work jobs -j 2 -- sh -c "until [ -e $work/go ]; do sleep 0.05; done") 2>$work/said &
		local runner=$!
		wait_for in_flight 2
		kill -${sig%:*} $runner
		wait_for grep -q 'stacq: jobs: stopping; 2 still run (again to kill)' $work/said
		counters "depth 3 inflight 2 received 0 requeued 0"
		touch $work/go
		ended ${sig#*:} $runner
		counters "depth 3 inflight 0 received 2 requeued 0"
	done
}

the_second_signal_kills_and_gives_back() {
	jobs
	seq 1 5 | stacq send jobs --lines
	stacq work jobs -j 2 -- sh -c "sleep 1000 & echo \$! >$work/\$STACQ_ID; sleep 1000" 2>$work/said &
	local runner=$!
	wait_for test -s $work/1 -a -s $work/2
	kill -TERM $runner
	wait_for grep -q stopping $work/said
	kill -TERM $runner
	ended 143 $runner
	counters "depth 5 inflight 0 received 0 requeued 2"
	is "$(stacq recv jobs --all | xargs)" "1 2 3 4 5"
	# and so is what the commands have started
	wait_for dead "$(cat $work/1)"
	wait_for dead "$(cat $work/2)"
}

an_idle_runner_stops_at_once() {
	jobs
	stacq work jobs -- true 2>$work/said &
	local runner=$!
	wait_for grep -q '^SigBlk:.*1400[13]$' /proc/$runner/status
	kill -TERM $runner
	ended 143 $runner
	counters "depth 0 inflight 0 received 0 requeued 0"
}

the_runner_killed_gives_back_and_takes_its_commands_with_it() {
	jobs
	seq 1 4 | stacq send jobs --lines
	stacq work jobs -j 3 -- sh -c "echo \$\$ >$work/\$STACQ_ID; exec sleep 1000" &
	local runner=$! n
	wait_for test -s $work/1 -a -s $work/2 -a -s $work/3
	kill -KILL $runner
	ended 137 $runner
	wait_for in_flight 0
	counters "depth 4 inflight 0 received 0 requeued 3"
	for n in 1 2 3; do wait_for dead "$(cat $work/$n)"; done
	is "$(stacq recv jobs --all | xargs)" "1 2 3 4"
}

# Commands and runners die all the time; in the end each message has been done.
nothing_is_lost_however_often_somebody_is_killed() {
	jobs
	local n runner
	seq 1 60 | stacq send jobs --lines
	for n in 1 2 3 4 5 6; do
		stacq work jobs -q -j 3 --pause 0 -- sh -c "
			[ \$((\$(od -An -N1 -tu1 /dev/urandom) % 4)) != 0 ] || kill -9 \$\$
			cat >$work/\$STACQ_ID" 2>/dev/null &
		runner=$!
		sleep 0.4
		kill -KILL $runner
		ended 137 $runner
	done
	wait_for in_flight 0
	stacq work jobs -q -j 3 --drain --pause 0 -- sh -c "cat >$work/\$STACQ_ID"
	is "$(attribute jobs received)" 60
	for ((n = 1; n <= 60; n++)); do is "$(cat $work/$n)" "$n"; done
}

a_lease_goes_on_while_the_command_runs() {
	jobs
	stacq send jobs x
	# the runner extends it every second
	stacq work jobs -q -n 1 --lease 5 -- sleep 7
	is "$(attribute jobs lease_ms)" 5000
	counters "depth 0 inflight 0 received 1 requeued 0"
	is "$(attribute jobs lapsed)" 0
}

a_runner_that_hangs_loses_its_lease_and_is_told() {
	jobs
	stacq send jobs x
	stacq work jobs -n 1 --lease 300ms -- sh -c "touch $work/on; until [ -e $work/go ]; do sleep 0.05; done" 2>$work/said &
	local runner=$!
	wait_for test -e $work/on
	kill -STOP $runner
	wait_for in_flight 0
	is "$(stacq recv jobs)" x
	touch $work/go
	kill -CONT $runner
	ended 5 $runner
	like "$(cat $work/said)" '^stacq: jobs: message 1 \(delivery 1\): its lease was over before it was done; it is delivered again'
	like "$(cat $work/said)" $'\nstacq: jobs: 0 done, 0 failed, 1 late in '
	counters "depth 0 inflight 0 received 1 requeued 1"
}

# A lease that the next command could be started with would be held by two.
commands_have_nothing_of_the_runner() {
	jobs
	stacq send jobs x
	stacq work jobs -q -n 1 -- sh -c 'ls -l /proc/$$/fd >$0 2>/dev/null' $work/files
	is "$(grep -c /dev/stacq/ $work/files || true)" 0
	is "$(grep -c memfd:stacq $work/files)" 1
	# nor are the signals blocked that the runner waits for
	stacq send jobs x
	stacq work jobs -q -n 1 -- grep SigBlk /proc/self/status >$work/blocked
	like "$(cat $work/blocked)" '^SigBlk:.0+$'
}

a_queue_that_is_removed() {
	jobs
	stacq send jobs x
	stacq work jobs -j 2 -- sh -c "touch $work/on; until [ -e $work/go ]; do sleep 0.05; done" 2>$work/said &
	local runner=$!
	wait_for test -e $work/on
	stacq rm jobs
	touch $work/go
	ended 1 $runner
	is "$(sed 's/ in .*//' $work/said)" "stacq: jobs: the queue was removed
stacq: jobs: 0 done, 0 failed"
}

only_the_owner_sets_leases() {
	jobs
	chmod 666 /dev/stacq/jobs
	stacq send jobs x
	says 1 "stacq: jobs: not permitted: /dev/stacq/jobs is root:root, mode 0666; only its owner and root may set --lease and --max-deliveries" \
		as_alice stacq work jobs --lease 5 -- true
	as_alice stacq work jobs -q -n 1 -- true
	counters "depth 0 inflight 0 received 1 requeued 0"
}

progress_on_a_terminal() {
	jobs
	command -v script >/dev/null || skip "no script command to make a terminal with"
	stacq send jobs a b c
	# each command runs until its line of progress is there; the first delivery of message 2 fails
	cat >$work/command <<-'END'
		until grep -qa "$((STACQ_ID - 1)) done, 0 failed, 1 in flight" "$0.said"; do sleep 0.05; done
		[ $STACQ_DELIVERIES = 1 ] || [ $STACQ_ID != 2 ]
	END
	said=$(script -qefc "stacq work jobs --drain --pause 0 -n 3 -- sh $work/command" $work/command.said) || is $? 5
	like "$said" $'\rjobs: 0 done, 0 failed, 1 in flight, [0-9.]+/s\e\\[K'
	like "$said" $'\rjobs: 1 done, 0 failed, 1 in flight, '
	like "$said" $'\r\e\\[Kstacq: jobs: message 2 \\(delivery 1\\): `sh` exited with 1; given back'
	like "$said" 'stacq: jobs: 2 done, 1 failed in '
}

tap_main \
	each_message_is_the_standard_input_of_a_command \
	a_message_as_an_argument \
	what_no_argument_can_hold_fails \
	the_environment_of_a_command \
	a_message_that_failed_is_in_its_old_place_or_at_the_end \
	how_a_command_failed \
	so_many_run_at_once \
	it_waits_for_messages_until_the_queue_is_sealed_and_empty \
	the_first_signal_lets_commands_finish \
	the_second_signal_kills_and_gives_back \
	an_idle_runner_stops_at_once \
	the_runner_killed_gives_back_and_takes_its_commands_with_it \
	nothing_is_lost_however_often_somebody_is_killed \
	a_lease_goes_on_while_the_command_runs \
	a_runner_that_hangs_loses_its_lease_and_is_told \
	commands_have_nothing_of_the_runner \
	a_queue_that_is_removed \
	only_the_owner_sets_leases \
	progress_on_a_terminal
