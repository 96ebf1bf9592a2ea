#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# R0.3: an ioctl changes the room at run time, up or down; a failed one leaves the contents.

. "${0%/*}/../common/tap.bash"

# stacq set asks by STACQ_IOC_SET_CAPACITY; device/growth has the same from C and many more.
five_elements() {
	local i
	reload
	for i in 1 2 3 4 5; do echo $i >/dev/stacq/stack; done
}

same_five() {
	is "$(stacq recv stack --all)" $'5\n4\n3\n2\n1' "what is stored"
}

room_goes_up_and_down() {
	five_elements
	stacq set stack --capacity 1000
	is "$(attribute stack capacity)" 1000
	stacq set stack --capacity 5
	is "$(attribute stack capacity)" 5
	same_five
}

there_is_no_built_in_maximum() {
	five_elements
	stacq set stack --capacity 3000000
	is "$(attribute stack capacity)" 3000000
	same_five
}

less_than_is_stored_is_an_error() {
	five_elements
	refused "" stacq set stack --capacity 4
	is "$(attribute stack capacity)" 8
	refused "" stacq set stack --capacity 0
	same_five
}

more_than_there_is_memory_is_an_error() {
	local huge
	five_elements
	for huge in 1000000000 1000000000000 4611686018427387904 18446744073709551615; do
		refused "" stacq set stack --capacity $huge
		is "$(attribute stack capacity)" 8
	done
	same_five
}

tap_main room_goes_up_and_down there_is_no_built_in_maximum less_than_is_stored_is_an_error \
	more_than_there_is_memory_is_an_error
