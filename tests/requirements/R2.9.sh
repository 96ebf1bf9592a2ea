#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R2.9: 100,000 messages through buffered stdio; a buffer of 3 bytes gets the first 3.

. "${0%/*}/../common/tap.bash"

hundred_thousand_through_stdio() {
	reload
	"${0%/*}/../common/stdio_door" /proc/msg_queue 100000
	is "$(attribute msg_queue received)" 100000
	is "$(attribute msg_queue requeued)" 0
}

buffer_of_3_bytes_gets_the_first_3() {
	reload
	echo "hello 1" >/proc/msg_queue
	is "$(dd if=/proc/msg_queue bs=3 count=1 2>/dev/null)" hel
	# the message was not read to its end, and so is still there
	is "$(cat /proc/msg_queue)" "hello 1"
}

tap_main hundred_thousand_through_stdio buffer_of_3_bytes_gets_the_first_3
