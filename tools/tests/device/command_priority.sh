#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Order priority on the command line.

# shellcheck source=../../../tests/common/tap.bash
. "${0%/*}/../common/tap.bash"
# shellcheck source=command.bash
. "${0%/*}/command.bash"

urgent_comes_first() {
	fresh
	stacq create jobs --order priority
	stacq send jobs 'one' 'two'
	stacq send jobs --priority 9 urgent
	printf 'a\nb\n' | stacq send jobs -p 5 --lines
	echo 'plain' >/dev/stacq/jobs
	is "$(stacq recv jobs --all | xargs)" "urgent a b one two plain"
	is "$(attribute jobs order)" priority
	is "$(stacq stat jobs | sed -n 's/^order *//p')" priority
	like "$(stacq stat jobs --json)" '"order":"priority"'
	is "$(stacq ls | sed -n 's/^jobs *\([^ ]*\) .*/\1/p')" priority
	like "$(stacq ls --json)" '"order":"priority"'
}

peek_tells_the_priority() {
	fresh
	stacq create jobs --order priority
	stacq send jobs -p 3 three
	stacq send jobs -p 32767 highest
	is "$(contents jobs | cut -d' ' -f1,2 | xargs)" "highest 32767 three 3"
}

bad_priorities_and_orders() {
	fresh
	stacq create jobs --order priority
	says 2 "stacq send: '32768' is not a priority: 0 to 32767
Try \`stacq send --help\`." stacq send jobs -p 32768 x
	says 2 "stacq send: 'high' is not a priority: 0 to 32767
Try \`stacq send --help\`." stacq send jobs -p high x
	says 2 "stacq send: either --framed or --priority: a frame has its own
Try \`stacq send --help\`." stacq send jobs -p 1 --framed
	says 2 "stacq create: 'best' is not an order: fifo, lifo or priority
Try \`stacq create --help\`." stacq create other --order best
	is "$(depth jobs)" 0
}

some() {
	local n
	fresh
	stacq create jobs --order priority
	stacq create copy --order priority
	for n in 4 0 2 4 0 3; do stacq send jobs -p "$n" "p$n"; done
	stacq send jobs -p 2 "$(head -c 5000 /dev/zero | tr '\0' z)"
}

saved_and_restored() {
	some
	contents jobs >/tmp/before
	stacq save jobs >/tmp/saved
	stacq restore copy </tmp/saved
	contents jobs | cut -d' ' -f1,2,4 | cmp - <(cut -d' ' -f1,2,4 </tmp/before)
	contents copy | cut -d' ' -f1,2,4 | cmp - <(cut -d' ' -f1,2,4 </tmp/before)
	stacq save jobs --purge >/tmp/again
	is "$(depth jobs)" 0
	stacq purge copy >/dev/null
	stacq restore copy </tmp/again
	contents copy | cut -d' ' -f1,2,4 | cmp - <(cut -d' ' -f1,2,4 </tmp/before)
}

# What is sent between looking and purging is in front of what was saved, and stays.
saved_and_purged_with_an_urgent_one_sent_meanwhile() {
	some
	mkfifo /tmp/step 2>/dev/null || true
	stacq save jobs >/tmp/saved
	stacq send jobs -p 9 urgent
	exec 3</dev/stacq/jobs
	dd bs=1 count=1 <&3 >/dev/null 2>&1
	said=$(stacq save jobs --purge 2>&1 >/tmp/saved) || fail "save failed: $said"
	like "$said" "1 message is in the hands of readers"
	exec 3<&-
	is "$(stacq recv jobs --all)" urgent
}

tap_main urgent_comes_first peek_tells_the_priority bad_priorities_and_orders saved_and_restored \
	saved_and_purged_with_an_urgent_one_sent_meanwhile
