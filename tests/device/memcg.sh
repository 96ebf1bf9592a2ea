#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Whose memory it is: room is charged to the memory cgroup of whoever makes the queue grow.

. "${0%/*}/../common/tap.bash"

group=/sys/fs/cgroup/stacq-test
most=$((24 << 20))

start() {
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "this kernel has no memory cgroups"
	reload
	echo +memory >/sys/fs/cgroup/cgroup.subtree_control
	[ -d $group ] || mkdir $group
	echo $most >$group/memory.max
	stacq create charged --max-bytes none --max-msgs none --max-msg-size none
}

charged() {
	cat $group/memory.current
}

# at_most BYTES: are charged
at_most() {
	[ "$(charged)" -lt "$1" ]
}

# inside COMMAND...: in the group
inside() (
	echo $BASHPID >$group/cgroup.procs
	exec "$@"
)

stored_messages_are_charged_and_given_back() {
	local before during
	start
	before=$(charged)
	inside dd if=/dev/zero of=/dev/stacq/charged bs=64k count=128 status=none
	during=$(charged)
	[ $((during - before)) -ge $((128 * 65536)) ] || fail "8 MiB stored, $((during - before)) charged"
	stacq rm charged
	wait_for at_most $((before + (2 << 20)))
}

a_writer_at_its_limit_gets_enomem_and_nothing_is_lost() {
	local depth said
	start
	# Large messages, so that the one that does not fit leaves dd enough to say so with.
	if said=$(inside dd if=/dev/zero of=/dev/stacq/charged bs=4M count=30 status=none 2>&1); then
		fail "120 MiB went into a group of 24"
	fi
	like "$said" "Cannot allocate memory"
	depth=$(attribute charged depth)
	[ "$depth" -ge 3 ] || fail "only $depth messages were stored"
	is "$(grep -c '^oom_kill 0$' $group/memory.events)" 1 "killed nobody"
	# Others go on.
	echo "from outside" >/dev/stacq/charged
	is "$(attribute charged depth)" $((depth + 1))
	is "$(head -c 4194304 /dev/stacq/charged | wc -c)" 4194304
	stacq rm charged
}

many_short_messages_are_charged_too() {
	local before
	start
	before=$(charged)
	seq 20000 >/tmp/lines
	inside stacq send charged --lines </tmp/lines
	rm /tmp/lines
	is "$(attribute charged depth)" 20000
	[ $(($(charged) - before)) -ge $((20000 * 104)) ] ||
		fail "20000 messages are stored, $(($(charged) - before)) bytes charged"
	stacq rm charged
}

# attempts FOLDER: a writer in the group that does not give up; one line for each attempt
attempts() {
	while [ ! -e "$1/stop" ]; do
		dd if=/dev/zero of=/dev/stacq/charged bs=4M count=1 status=none 2>/dev/null &&
			echo sent >>"$1/log" || echo refused >>"$1/log"
		sleep 0.1
	done
}

other_groups_go_on_beside_a_writer_at_its_limit() {
	local other=/sys/fs/cgroup/stacq-other work=$tap_dir/attempts sent refused writer
	start
	mkdir -p $other "$work"
	echo $most >$other/memory.max
	stacq create others
	(
		echo $BASHPID >$group/cgroup.procs
		attempts "$work"
	) &
	writer=$!
	# shellcheck disable=SC2317 # wait_for calls it
	at_its_limit() { grep -qs refused "$work/log"; }
	wait_for at_its_limit
	(
		echo $BASHPID >$other/cgroup.procs
		for round in 1 2; do
			seq 2000 | stacq send others --lines
			[ "$(stacq recv others --all | md5sum)" = "$(seq 2000 | md5sum)" ]
			echo "round $round" >/dev/stacq/charged
		done
	)
	touch "$work/stop"
	wait $writer
	sent=$(grep -c sent "$work/log")
	refused=$(grep -c refused "$work/log")
	is "$(attribute charged depth)" $((sent + 2))
	is "$(cat $group/memory.events $other/memory.events | grep -c '^oom_kill 0$')" 2 "killed nobody"
	echo "# figure: a group of $((most >> 20)) MiB sent $sent messages of 4 MiB," \
		"$refused were refused with ENOMEM; meanwhile another group sent and received 4000"
	stacq rm charged
	stacq rm others
	rmdir $other
}

tap_main stored_messages_are_charged_and_given_back \
	a_writer_at_its_limit_gets_enomem_and_nothing_is_lost \
	other_groups_go_on_beside_a_writer_at_its_limit \
	many_short_messages_are_charged_too
