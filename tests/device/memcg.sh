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
	[ $(($(charged) - before)) -lt $((2 << 20)) ] || fail "$(charged) still charged, $before before"
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

tap_main stored_messages_are_charged_and_given_back \
	a_writer_at_its_limit_gets_enomem_and_nothing_is_lost \
	many_short_messages_are_charged_too
