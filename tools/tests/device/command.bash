# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the tests of the command share; after tap.bash.

# says STATUS TEXT COMMAND...: its exit status, and what it says on standard error, exactly
says() {
	local status=0 wanted=$1 text=$2 said
	shift 2
	said=$("$@" 2>&1 >/dev/null </dev/null) || status=$?
	is "$said" "$text" "what '$*' said"
	is "$status" "$wanted" "exit status of '$*'"
}

# No queue but an empty stack. The tests do not load the module anew each, since
# that takes long.
fresh() {
	local names
	mapfile -t names < <(cd /sys/class/stacq && ls)
	[ ${#names[@]} = 0 ] || stacq rm "${names[@]}"
	stacq create stack --order lifo --max-msgs none --max-bytes none --max-msg-size none
}

# in_the_middle PID: wait until the command is ready for signals, and so for anything
in_the_middle() {
	wait_for grep -q '^SigCgt:.*600[13]$' "/proc/$1/status"
}

as_alice() {
	setpriv --reuid alice --regid alice --clear-groups "$@"
}

depth() {
	attribute "$1" depth
}

# le BYTES NUMBER: the number in so many bytes, the low one first
le() {
	local bytes=$1 number=$2 text='' byte
	for (( ; bytes > 0; bytes--)); do
		printf -v byte '\\x%02x' $((number & 255))
		text+=$byte
		number=$((number >> 8))
	done
	# shellcheck disable=SC2059 # those are the bytes
	printf "$text"
}

# frame TEXT [PRIORITY [SENT_NS [DELIVERIES]]]: a message in a frame
frame() {
	printf Sq
	le 2 "${2-0}"
	le 4 ${#1}
	le 8 0
	le 8 "${3-0}"
	le 4 "${4-0}"
	le 4 0
	printf %s "$1"
	le $((-${#1} & 7)) 0
}

# Text, priority, time and deliveries of all messages of a queue.
contents() {
	stacq peek "$1" --all --json 2>/dev/null |
		sed 's/.*"sent_ns":\([0-9]*\),"priority":\([0-9]*\),"deliveries":\([0-9]*\),.*"data":"\(.*\)"}/\4 \2 \1 \3/'
}
