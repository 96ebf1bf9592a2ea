# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For the labs' checks, in the virtual machine: `. "${0%/*}/../common/lab.bash"`, commands and claims, and
# `finish` at the end. On stdout: KTAP, with what was done and measured in its comments, which
# common/show makes readable.

set -u
number=0
failures=0
echo "KTAP version 1"

# run COMMAND...: a command that the lab's page tells to give; it is shown, its status is that of COMMAND
run() {
	echo "# \$ $*"
	"$@"
}

# load NAME [PARAMETER...]: lab_NAME.ko, with the kernel's log beginning here
load() {
	local name=$1
	shift
	dmesg -C
	run insmod "/modules/lab_$name.ko" "$@"
}

unload() { run rmmod "lab_$1"; }

# said [PATTERN]: the lines of the kernel's log since load, without time stamps; those that match
said() { dmesg | sed 's/^\(<[0-9]*>\)\?\[[^]]*\] //' | grep -E "${1-}"; }

# lines [PATTERN]: how many those are
lines() { said "${1-}" | grep -c . || true; }

# value NAME TEXT...: the number after NAME= in what was said
value() { sed -n "s/.*\b$1=\([-0-9a-fx]*\).*/\1/p" <<<"${*:2}" | head -n 1; }

# word NAME TEXT...: all that follows NAME=, up to a space
word() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" <<<"${*:2}" | head -n 1; }

# claim TEXT MEASURED CONDITION...: CONDITION is a command; MEASURED says by what it is decided
claim() {
	local text=$1 measured=$2 word=ok
	shift 2
	number=$((number + 1))
	"$@" || { word="not ok" && failures=$((failures + 1)); }
	echo "$word $number - $text"
	[ -z "$measured" ] || echo "# measured: ${measured//$'\n'/$'\n'# measured: }"
}

# not_here TEXT WHY: a claim that this kernel can't decide
not_here() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# show TEXT: something to look at, such as the kernel's report
show() { echo "#   ${1//$'\n'/$'\n'#   }"; }

# steady: a filter on what a module said, which leaves what is the same each time. A check whose module
# prints what differs by nature (times, hashed addresses, page frame numbers) defines its own.
steady() { cat; }

# same_each_time NAME [PARAMETER...]: loads and unloads it 20 times, and claims that it says the same
# each time; what it said is in each_time[0] to each_time[19]
same_each_time() {
	local name=$1 n same=0 first='' text=''
	shift
	each_time=()
	echo "# \$ 20 times: insmod /modules/lab_$name.ko${*:+ $*}; rmmod lab_$name"
	for ((n = 0; n < 20; n++)); do
		dmesg -C
		if ! insmod "/modules/lab_$name.ko" "$@" || ! rmmod "lab_$name"; then
			break
		fi
		each_time+=("$(said "^lab_$name: ")")
		text=$(steady <<<"${each_time[-1]}")
		[ $n != 0 ] || first=$text
		if [ -z "$text" ] || [ "$text" != "$first" ]; then
			show "$(diff <(echo "$first") <(echo "$text"))"
			break
		fi
		same=$((same + 1))
	done
	claim "loaded and unloaded 20 times, it says the same each time" \
		"$same of 20 loads, $(grep -c . <<<"$first") lines each" [ $same = 20 ]
}

finish() {
	echo "1..$number"
	[ $failures = 0 ] && [ $number -gt 0 ]
	exit
}
