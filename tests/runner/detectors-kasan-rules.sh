#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The same as detectors-kasan.sh, for what is not about memory being used wrongly: locks, undefined
# behaviour, misused objects. Apart, so that the two can run side by side.

. "$(dirname "$0")/common"

a_wrong_lock_order_is_caught() {
	mistake lockorder
	caught 123 'possible circular locking'
}

sleeping_with_a_spin_lock_held_is_caught() {
	mistake sleepinlock
	caught 123 'BUG: sleeping function called from invalid context'
}

a_lock_still_held_on_return_to_user_space_is_caught() {
	mistake lockkept
	caught 123 'lock held when returning to user space|still has locks held'
}

an_undefined_shift_is_caught() {
	mistake shift
	caught 123 'UBSAN: shift-out-of-bounds'
}

a_list_item_removed_twice_is_caught() {
	mistake list
	caught 121 'list_debug'
}

an_active_timer_freed_is_caught() {
	mistake object
	caught 121 'debugobjects|debug_print_object'
}

a_counter_of_references_raised_from_zero_is_caught() {
	mistake refcount
	caught 121 'refcount'
}

detectors "${DETECTORS-uml}"
tap_main \
	a_wrong_lock_order_is_caught \
	sleeping_with_a_spin_lock_held_is_caught \
	a_lock_still_held_on_return_to_user_space_is_caught \
	an_undefined_shift_is_caught \
	a_list_item_removed_twice_is_caught \
	an_active_timer_freed_is_caught \
	a_counter_of_references_raised_from_zero_is_caught
