#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The detector of uninitialised memory is on: bytes that were never written do not get to user space.

. "$(dirname "$0")/common"

detectors kmsan
read_it='dd if=/dev/runner_test of=/dev/null bs=4096 count=1 status=none'

mistake uninit "$read_it"
caught "allocated bytes that were never written, on their way to user space" 123 'BUG: KMSAN: kernel-infoleak'

# A boot takes 40 seconds. That bytes which were written make no run fail is seen in each run of the tests.
[ "${MISTAKES-}" = all ] || { tap_end; exit; }
mistake padding "$read_it"
caught "the padding of a structure, on its way to user space" 123 'BUG: KMSAN: kernel-infoleak'

tap_end
