#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The same as detectors-kasan.sh, for what is not about memory being used wrongly: locks, undefined
# behaviour, misused objects. Apart, so that the two can run side by side.

. "$(dirname "$0")/common"

detectors "${DETECTORS-uml}"

mistake lockorder
caught "a wrong lock order" 123 'possible circular locking'
mistake sleepinlock
caught "sleeping with a spin lock held" 123 'BUG: sleeping function called from invalid context'
mistake lockkept
caught "a lock still held on return to user space" 123 'lock held when returning to user space|still has locks held'

mistake shift
caught "an undefined shift" 123 'UBSAN: shift-out-of-bounds'
mistake list
caught "a list item removed twice" 121 'list_debug'
mistake object
caught "an active timer freed" 121 'debugobjects|debug_print_object'
mistake refcount
caught "a counter of references raised from zero" 121 'refcount'

tap_end
