#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The detector of uninitialised memory is on: bytes that were never written do not get to user space.
# MISTAKES=all: the second kind as well. A boot takes 40 seconds. That bytes which were written make no run fail is seen
# in each run of the tests.

. "$(dirname "$0")/common"

read_it='dd if=/dev/runner_test of=/dev/null bs=4096 count=1 status=none'

allocated_bytes_that_were_never_written_are_caught_on_their_way_to_user_space() {
	mistake uninit "$read_it"
	caught 123 'BUG: KMSAN: kernel-infoleak'
}

the_padding_of_a_structure_is_caught_on_its_way_to_user_space() {
	mistake padding "$read_it"
	caught 123 'BUG: KMSAN: kernel-infoleak'
}

detectors kmsan
tests=(allocated_bytes_that_were_never_written_are_caught_on_their_way_to_user_space)
[ "${MISTAKES-}" != all ] || tests+=(the_padding_of_a_structure_is_caught_on_its_way_to_user_space)
tap_main "${tests[@]}"
