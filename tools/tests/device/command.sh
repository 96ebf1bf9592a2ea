#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stacq command against the module: queues.

# shellcheck source=../../../tests/common/tap.bash
. "${0%/*}/../common/tap.bash"
# shellcheck source=command.bash
. "${0%/*}/command.bash"

the_session_of_the_help() {
	fresh
	stacq create jobs
	stacq send jobs 'build kernel 6.12'
	is "$(stacq recv jobs)" 'build kernel 6.12'
}

create_options_reach_the_module() {
	fresh
	stacq create jobs --order lifo --capacity 5 --max-msgs 1K --max-bytes 2M --max-msg-size none \
		--owner alice --group 50 --mode 0640
	is "$(stat -c '%U %G %a' /dev/stacq/jobs)" "alice staff 640"
	is "$(cd /sys/class/stacq/jobs && cat order capacity max_msgs max_bytes max_msg_size | xargs)" \
		"lifo 5 1024 2097152 0"
}

create_defaults() {
	fresh
	stacq create jobs
	is "$(stat -c '%U %G %a' /dev/stacq/jobs)" "root root 600"
	is "$(cd /sys/class/stacq/jobs && cat order capacity max_msgs max_bytes max_msg_size | xargs)" \
		"fifo 1 1048576 16777216 1048576"
}

create_says_why_not() {
	rmmod stacq
	insmod "$module" max_queues=3
	stacq create jobs
	says 1 "stacq: jobs: there is a queue of this name already" stacq create jobs
	says 1 "stacq: more: there are as many queues as the module allows (its parameter max_queues: 3)" \
		stacq create more
	says 1 "stacq: permission denied: /dev/stacq/control is root:root, mode 0660; root may create and remove queues, and so may group stacq where the udev rule is installed" \
		as_alice stacq create x
	stacq rm jobs
	chmod 666 /dev/stacq/control
	says 1 "stacq: x: not permitted: an owner or group you may not give, or a limit above the module's ceiling, as none is (max_msgs 1048576, max_bytes 67108864, max_msg_size 16777216)" \
		as_alice stacq create x --max-bytes none
	rmmod stacq
	insmod "$module"
}

rm_removes_what_is_there() {
	fresh
	stacq create a
	stacq create b
	says 1 "stacq: nope: no such queue; \`stacq ls\` lists them" stacq rm a nope b
	is "$(cd /sys/class/stacq && echo *)" stack
}

ls_is_aligned_and_shows_what_one_may_not_open() {
	fresh
	stacq create jobs --owner alice --group staff --mode 0660
	stacq create a-longer --capacity 12
	stacq send jobs hello
	is "$(as_alice stacq ls)" "\
NAME      ORDER  DEPTH  BYTES  CAPACITY  OWNER  GROUP  MODE  STATE
a-longer  fifo       0      0        12  root   root   0600  open
jobs      fifo       1      5         1  alice  staff  0660  open
stack     lifo       0      0         1  root   root   0600  open"
	like "$(stacq ls --json | tr -d ' \n')" '^\[\{"name":"a-longer",.*"depth":1,.*"mode":"0600"\}\]$'
}

stat_by_request_and_by_attributes() {
	fresh
	echo hello >/dev/stacq/stack
	like "$(stacq stat stack)" $'\nstored +1 message, 6 bytes\nin hand +0 messages, 0 bytes\n'
	like "$(as_alice stacq stat stack)" $'\nstored +1 message, 6 bytes\nin hand +0 messages\n'
	like "$(stacq stat stack --json)" '^\{"name":"stack","order":"lifo","sealed":false,"depth":1,.*"held_bytes":0,'
	refused "no such queue" stacq stat nope
}

set_prints_before_and_after() {
	fresh
	is "$(stacq set stack --capacity 4096 --max-bytes 64M)" $'stack: max_bytes none -> 67108864\nstack: capacity 1 -> 4096'
	is "$(attribute stack capacity)" 4096
	is "$(stacq set stack --lease 2.5)" "stack: lease_ms none -> 2500"
	is "$(attribute stack lease_ms)" 2500
	is "$(stacq set stack --lease none)" "stack: lease_ms 2500 -> none"
	is "$(stacq set stack --capacity 2 --json)" \
		'{"name":"stack","before":{"capacity":4096,"max_msgs":0,"max_bytes":67108864,"max_msg_size":0,"lease_ms":0,"ttl_ms":0,"max_deliveries":0,"full":"block","dead_letter":""},"after":{"capacity":2,"max_msgs":0,"max_bytes":67108864,"max_msg_size":0,"lease_ms":0,"ttl_ms":0,"max_deliveries":0,"full":"block","dead_letter":""}}'
}

set_says_why_not() {
	fresh
	stacq create jobs --owner alice --max-msgs 100
	stacq send jobs a b c
	says 1 "stacq: jobs: capacity 2 is too small: 3 messages are stored, in hand or in flight" \
		stacq set jobs --capacity 2
	says 1 "stacq: jobs: capacity 101 is above max_msgs 100" stacq set jobs --capacity 101
	says 1 "stacq: jobs: not permitted: above the module's ceiling (see /sys/module/stacq/parameters/ceiling_*); root may" \
		as_alice stacq set jobs --max-bytes 1T
	chmod 644 /dev/stacq/stack
	says 1 "stacq: stack: not permitted: /dev/stacq/stack is root:root, mode 0644; only its owner and root may change it" \
		as_alice stacq set stack --capacity 2
	chmod 600 /dev/stacq/stack
	says 1 "stacq: stack: permission denied: /dev/stacq/stack is root:root, mode 0600 (reading receives, writing sends)" \
		as_alice stacq set stack --capacity 2
}

peek_takes_nothing() {
	fresh
	stacq send stack a b c
	is "$(stacq peek stack)" c
	is "$(stacq peek stack --position 1 -n 9 | xargs)" "b a"
	says 3 "stacq: stack: no message at position 3" stacq peek stack -p 3
	like "$(stacq peek stack --json)" '^\{"position":0,"seq":3,"sent_ns":[0-9]{19},"priority":0,"deliveries":0,"ttl_ms":0,"length":1,"encoding":"utf-8","data":"c"\}$'
	is "$(depth stack)" 3
	stacq purge stack
	says 3 "stacq: stack: empty" stacq peek stack
}

seal_and_unseal() {
	fresh
	stacq seal stack
	is "$(attribute stack sealed)" 1
	says 4 "stacq: stack: the queue is sealed; \`stacq unseal stack\` opens it again" stacq send stack x
	like "$(stacq ls)" $'\nstack .* sealed$'
	stacq unseal stack
	stacq send stack x
	is "$(depth stack)" 1
}

purge_counts_and_asks_only_on_a_terminal() {
	fresh
	stacq send stack a b c
	is "$(stacq purge stack </dev/null)" "stack: 3 messages thrown away"
	is "$(stacq purge stack --json)" '{"name":"stack","discarded":0}'
	command -v script >/dev/null || skip "no script command to make a terminal with"
	stacq send stack a
	like "$(echo n | script -qec 'stacq purge stack' /dev/null)" \
		'Throw away 1 message \(1 bytes\) of stack\? \[y/N\].*stacq: stack: nothing thrown away'
	is "$(depth stack)" 1
	like "$(script -qec 'stacq purge stack --force' /dev/null </dev/null)" 'stack: 1 message thrown away'
}

what_is_not_a_queue() {
	fresh
	mknod /dev/stacq/fake c 1 3
	for command in 'stat fake' 'recv fake' 'peek fake' 'send fake x' 'purge fake' 'set fake --capacity 2'; do
		# shellcheck disable=SC2086 # words
		says 1 "stacq: fake: /dev/stacq/fake is not a queue" stacq $command
	done
	rm /dev/stacq/fake
}

tap_main \
	the_session_of_the_help \
	create_options_reach_the_module \
	create_defaults \
	create_says_why_not \
	rm_removes_what_is_there \
	ls_is_aligned_and_shows_what_one_may_not_open \
	stat_by_request_and_by_attributes \
	set_prints_before_and_after \
	set_says_why_not \
	peek_takes_nothing \
	seal_and_unseal \
	purge_counts_and_asks_only_on_a_terminal \
	what_is_not_a_queue
