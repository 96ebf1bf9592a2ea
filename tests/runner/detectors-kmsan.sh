#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The detector of uninitialised memory is on: bytes that were never written do not get to user space.

. "$(dirname "$0")/common"

detectors kmsan
read_it='dd if=/dev/runner_test of=/dev/null bs=4096 count=1 status=none'

mistake none "$read_it"
expect "bytes that were written make no run fail" [ $status = 0 ]

mistake uninit "$read_it"
caught "allocated bytes that were never written, on their way to user space" 123 'BUG: KMSAN: kernel-infoleak'
mistake padding "$read_it"
caught "the padding of a structure, on its way to user space" 123 'BUG: KMSAN: kernel-infoleak'

finish
