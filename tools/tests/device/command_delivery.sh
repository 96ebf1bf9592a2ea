#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The stacq command against the module: how messages are delivered, dead letters, requeue.

# shellcheck source=../../../tests/common/tap.bash
. "${0%/*}/../common/tap.bash"
# shellcheck source=command.bash
. "${0%/*}/command.bash"

# Queues "dead" and "jobs", whose dead letters go there. jobs [OPTION...]: of jobs
jobs() {
	fresh
	stacq create dead
	stacq create jobs --dead-letter dead "$@"
}

# value QUEUE NAME: as `stacq stat` shows it, from the module and from /sys
value() {
	local open closed
	open=$(stacq stat "$1" | sed -n "s/^$2  *//p")
	closed=$(as_alice stacq stat "$1" | sed -n "s/^$2  *//p")
	is "$closed" "$open" "$2 from /sys"
	echo "$open"
}

# is_set QUEUE FULL LEASE TTL MAX_DELIVERIES DEAD_LETTER
is_set() {
	local seen name
	for name in full lease_ms ttl_ms max_deliveries dead_letter; do
		seen+=" $(value "$1" $name)"
	done
	is "${seen# }" "$2 $3 $4 $5 $6" "what is set of $1"
}

# has QUEUE ATTRIBUTE NUMBER
has() {
	[ "$(attribute "$1" "$2")" = "$3" ]
}

create_with_all_of_it() {
	fresh
	stacq create dead
	stacq create jobs --full drop_oldest --lease 30s --ttl 1.5h --max-deliveries 3 --dead-letter dead
	is_set jobs drop_oldest 30000 5400000 3 dead
	stacq create plain
	is_set plain block none none none none
	stacq create other --full block --lease none --ttl none --max-deliveries none --dead-letter none
	is_set other block none none none none
	stacq create another --dead-letter ''
	is_set another block none none none none
}

create_says_why_not() {
	fresh
	says 1 "stacq: dead: no such queue; \`stacq ls\` lists them" stacq create jobs --dead-letter dead
	[ ! -e /dev/stacq/jobs ] || fail "it was made"
	# who may not send there may not send dead letters there
	chmod 666 /dev/stacq/control
	says 1 "stacq: stack: permission denied: /dev/stacq/stack is root:root, mode 0600 (reading receives, writing sends)" \
		as_alice stacq create jobs --dead-letter stack
	chmod 660 /dev/stacq/control
}

set_prints_all_of_it_before_and_after() {
	jobs
	is "$(stacq set jobs --full fail --lease 250ms --ttl 1d --max-deliveries 255 --dead-letter stack)" \
		"jobs: full block -> fail
jobs: lease_ms none -> 250
jobs: ttl_ms none -> 86400000
jobs: max_deliveries none -> 255
jobs: dead_letter dead -> stack"
	is_set jobs fail 250 86400000 255 stack
	# what is not named stays
	is "$(stacq set jobs --ttl 20ms)" "jobs: ttl_ms 86400000 -> 20"
	is_set jobs fail 250 20 255 stack
	is "$(stacq set jobs --full drop_newest --lease none --ttl none --max-deliveries none --dead-letter none --json)" \
		'{"name":"jobs","before":{"capacity":1,"max_msgs":1048576,"max_bytes":16777216,"max_msg_size":1048576,"lease_ms":250,"ttl_ms":20,"max_deliveries":255,"full":"fail","dead_letter":"stack"},"after":{"capacity":1,"max_msgs":1048576,"max_bytes":16777216,"max_msg_size":1048576,"lease_ms":0,"ttl_ms":0,"max_deliveries":0,"full":"drop_newest","dead_letter":""}}'
	is_set jobs drop_newest none none none none
}

set_says_why_not() {
	jobs
	chmod 666 /dev/stacq/jobs /dev/stacq/dead
	says 1 "stacq: jobs: not permitted: /dev/stacq/jobs is root:root, mode 0666; only its owner and root may change it" \
		as_alice stacq set jobs --ttl 3 --dead-letter dead
	says 1 "stacq: jobs: a queue can't be its own dead-letter queue" stacq set jobs --ttl 3 --dead-letter jobs
	says 1 "stacq: nope: no such queue; \`stacq ls\` lists them" stacq set jobs --dead-letter nope
	# a name of no queue is no way to anything else
	says 2 "stacq: '../null' is not a name: 1 to 63 letters, digits, '.', '_' or '-', not starting with '.' or '-'" \
		stacq set jobs --dead-letter ../null
	is_set jobs block none none none dead
}

what_a_full_queue_does() {
	local policy
	for policy in fail:refused:a,b drop_newest:dropped_newest:a,b drop_oldest:dropped_oldest:c,c; do
		fresh
		stacq create jobs --max-msgs 2 --full "${policy%%:*}"
		stacq send jobs a b
		if [ "${policy%%:*}" = fail ]; then
			says 3 "stacq: jobs: full; message 1 was not sent" stacq send jobs c
			says 3 "stacq: jobs: full; message 1 was not sent" stacq send jobs --ttl 1h c
		else
			stacq send jobs c
			stacq send jobs --ttl 1h c
		fi
		is "$(value jobs "$(cut -d: -f2 <<<$policy)")" 2
		is "$(stacq recv jobs --all | xargs | tr ' ' ,)" "${policy##*:}"
	done
}

a_message_given_back_too_often_is_a_dead_letter() {
	jobs --max-deliveries 2
	frame 'bad job' 0 1234567890123456789 | stacq send jobs --framed
	says 5 "stacq: jobs: message 1 (delivery 1): \`false\` exited with 1; given back
stacq: jobs: message 1 (delivery 2): \`false\` exited with 1; given up" \
		stacq work jobs -q --drain --pause 0 -- false
	wait_for has dead depth 1
	is "$(value jobs exhausted) $(value jobs dead_lettered) $(value jobs dead)" "1 1 0"
	is "$(stacq peek dead --json | sed -E 's/"(seq|sent_ns)":[0-9]+,//g')" \
		'{"position":0,"priority":0,"deliveries":0,"ttl_ms":0,"origin":"jobs","cause":"exhausted","died_after":2,"first_ns":1234567890123456789,"length":7,"encoding":"utf-8","data":"bad job"}'
}

work_sets_how_often() {
	jobs
	stacq send jobs a b
	stacq work jobs -q --drain --pause 0 --max-deliveries 1 --lease 1m -- false 2>/dev/null || is $? 5
	is_set jobs block 60000 none 1 dead
	wait_for has dead depth 2
	is "$(attribute jobs exhausted)" 2
}

a_message_whose_time_is_over_is_a_dead_letter() {
	jobs --ttl 100ms
	stacq send jobs x
	wait_for has dead depth 1
	is "$(value jobs expired) $(value jobs dead_lettered)" "1 1"
	like "$(stacq peek dead --json)" '"ttl_ms":0,"origin":"jobs","cause":"expired","died_after":0,"first_ns":[0-9]{19},'
}

send_with_a_time_to_live() {
	jobs --order priority
	stacq send jobs --ttl 1h -p 5 long
	printf 'a\nb\n' | stacq send jobs --ttl 20m --lines
	stacq send jobs --timeout 1 --ttl 500h x
	is "$(stacq peek jobs --all --json | sed 's/.*"priority":\([0-9]*\),.*"ttl_ms":\([0-9]*\),.*"data":"\(.*\)"}/\3 \1 \2/')" \
		"long 5 3600000
a 0 1200000
b 0 1200000
x 0 1800000000"
	stacq send jobs -p 6 --ttl 50ms short
	wait_for has dead depth 1
	is "$(stacq recv dead)" short
	is "$(attribute jobs depth)" 4
	says 1 "stacq: jobs: message 1 is too long for this queue: max_msg_size is 4 bytes" too_long
}

too_long() {
	stacq set jobs --max-msg-size 4 >/dev/null
	stacq send jobs --ttl 1h 12345
}

saved_messages_keep_their_time_to_live() {
	jobs
	stacq send jobs --ttl 1h x
	stacq save jobs >/tmp/saved
	stacq create copy
	stacq restore copy </tmp/saved
	like "$(stacq peek copy --json)" '"ttl_ms":3600000,'
	stacq recv jobs --framed | stacq send dead --framed
	like "$(stacq peek dead --json)" '"ttl_ms":3600000,'
}

requeue_moves_dead_letters_back() {
	jobs --order priority --max-deliveries 1
	stacq send jobs -p 1 low
	stacq send jobs -p 2 high higher
	stacq work jobs -q --drain --pause 0 -- false 2>/dev/null || is $? 5
	wait_for has dead depth 3
	is "$(stacq requeue dead jobs --count 1)" "dead: 1 message moved to jobs"
	is "$(stacq requeue dead jobs)" "dead: 2 messages moved to jobs"
	is "$(stacq requeue dead jobs)" "dead: 0 messages moved to jobs"
	is "$(stacq requeue dead jobs --json)" '{"from":"dead","to":"jobs","moved":0}'
	is "$(contents jobs | cut -d' ' -f1,2,4 | xargs)" "high 2 0 higher 2 0 low 1 0"
	# they can die again
	stacq work jobs -q --drain --pause 0 -- false 2>/dev/null || is $? 5
	wait_for has dead depth 3
}

requeue_says_why_not() {
	jobs --max-msgs 2
	stacq send dead a b c
	said=$(stacq requeue dead jobs 2>&1) && fail "there was room"
	is "$said" "stacq: jobs: full; the others stay in dead
dead: 2 messages moved to jobs"
	says 3 "stacq: jobs: full; the others stay in dead" stacq requeue dead jobs
	stacq seal jobs
	stacq recv jobs --all >/dev/null
	says 4 "stacq: jobs: the queue is sealed; \`stacq unseal jobs\` opens it again" stacq requeue dead jobs
	stacq unseal jobs
	stacq set jobs --max-msg-size 2 >/dev/null
	stacq send dead long
	says 1 "stacq: jobs: the next message of dead is too long for it; see max_msg_size and max_bytes of \`stacq stat jobs\`" \
		stacq requeue dead jobs
	is "$(stacq recv jobs --all) $(stacq recv dead --all)" "c long"
	says 1 "stacq: nope: no such queue; \`stacq ls\` lists them" stacq requeue dead nope
	says 1 "stacq: nope: no such queue; \`stacq ls\` lists them" stacq requeue nope dead
	says 1 "stacq: dead: permission denied: /dev/stacq/dead is root:root, mode 0600 (reading receives, writing sends)" \
		as_alice stacq requeue dead jobs
}

# Whoever kills it: each is in one of the two, once.
requeue_is_killed() {
	fresh
	stacq create jobs
	stacq create dead
	seq 1 20000 | stacq send dead --lines
	local mover
	for _ in 1 2 3 4 5; do
		stacq requeue dead jobs >/dev/null &
		mover=$!
		sleep 0.0$((RANDOM % 10))
		kill -KILL $mover 2>/dev/null || true
		{ wait $mover || true; } 2>/dev/null
	done
	stacq requeue dead jobs >/dev/null
	stacq recv jobs --all | cmp - <(seq 1 20000)
}

ls_json_has_all_of_it() {
	jobs --full fail --lease 1s --ttl 2s --max-deliveries 3
	like "$(stacq ls --json | tr -d ' \n')" \
		'"name":"jobs",.*"ttl_ms":2000,"max_deliveries":3,"expired":0,"exhausted":0,"dead_lettered":0,"dead":0,"refused":0,"dropped_oldest":0,"dropped_newest":0,.*"full":"fail","dead_letter":"dead",'
	like "$(stacq stat jobs --json)" '"lease_ms":1000,"ttl_ms":2000,"max_deliveries":3,.*"full":"fail","dead_letter":"dead",'
}

tap_main \
	create_with_all_of_it \
	create_says_why_not \
	set_prints_all_of_it_before_and_after \
	set_says_why_not \
	what_a_full_queue_does \
	a_message_given_back_too_often_is_a_dead_letter \
	work_sets_how_often \
	a_message_whose_time_is_over_is_a_dead_letter \
	send_with_a_time_to_live \
	saved_messages_keep_their_time_to_live \
	requeue_moves_dead_letters_back \
	requeue_says_why_not \
	requeue_is_killed \
	ls_json_has_all_of_it
