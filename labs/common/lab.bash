# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# For the labs' checks, in the virtual machine: `. "${0%/*}/../common/lab.bash"`, commands and claims, and
# `finish` at the end. On stdout: KTAP (tests/common/tap.bash), with what was done and measured in its comments, which
# common/show makes readable.
#
# Little of this starts a program: on a kernel that watches memory each takes a fifth of a second, and
# what is read here is read a thousand times.
#
# `check detectors`, on a kernel that looks for errors: only what it finds, or does not. What a lab claims beside that
# is the same on each kernel, and is gone through on one that is not slow.

set -u
. "${BASH_SOURCE%/*}/../../tests/common/tap.bash"
only_detectors=''
[ "${1-}" != detectors ] || only_detectors=yes

# run COMMAND...: a command that the lab's page tells to give; it is shown, its status is that of COMMAND
run() {
	echo "# \$ $*"
	"$@"
}

# The kernel's log begins here.
clear_log() { busybox dmesg -c >/dev/null; }

# load NAME [PARAMETER...]: lab_NAME.ko, with the kernel's log beginning here
load() {
	local name=$1
	shift
	clear_log
	run insmod "/modules/lab_$name.ko" "$@"
}

unload() { run rmmod "lab_$1"; }

# said [PATTERN]: the lines of the kernel's log since load, without time stamps; those that match
said() {
	local line stamp='^(<[0-9]*>)?\[[^]]*\] (.*)'
	while IFS= read -r line; do
		[[ ! $line =~ $stamp ]] || line=${BASH_REMATCH[2]}
		if [[ -z ${1-} || $line =~ $1 ]]; then printf '%s\n' "$line"; fi
	done < <(busybox dmesg)
}

# lines [PATTERN]: how many those are
lines() {
	local all
	mapfile -t all < <(said "${1-}")
	echo ${#all[@]}
}

# value NAME TEXT...: the number after NAME= in what was said
value() { after "$1" '[-0-9a-fx]*' "${*:2}"; }

# word NAME TEXT...: all that follows NAME=, up to a space
word() { after "$1" '[^ ]*' "${*:2}"; }

# after NAME PATTERN TEXT: what matches PATTERN after NAME=, in the first line that has it
after() {
	local line pattern="^(.*[^[:alnum:]_])?$1=($2)"
	while IFS= read -r line; do
		[[ ! $line =~ $pattern ]] || { echo "${BASH_REMATCH[2]}" && return; }
	done <<<"$3"
}

# odds MISSED TRIES TIMES: "p = ..., p^TIMES = ...": a try misses with probability p, all of TIMES tries do
# with p^TIMES, if none knows of the other. MISSED of TRIES that were measured did miss; p is taken
# to be (MISSED + 1) / (TRIES + 2), which is not 0 when none did.
odds() {
	awk -v missed="$1" -v tries="$2" -v times="$3" 'BEGIN { # (busybox awk knows no logarithm)
		p = (missed + 1) / (tries + 2)
		for (mantissa = 1; n < times; n++)
			for (mantissa *= p; mantissa < 0.95; mantissa *= 10) exponent--
		printf "p = (%d + 1) / (%d + 2) = %.2g, p^%d = %.0fe%d\n", missed, tries, p, times, mantissa, exponent
	}'
}

# claim TEXT MEASURED CONDITION...: CONDITION is a command; MEASURED says by what it is decided
claim() {
	local text=$1 measured=$2 status=0
	shift 2
	"$@" || status=1
	tap_result $status "$text"
	[ -z "$measured" ] || echo "# measured: ${measured//$'\n'/$'\n'# measured: }"
}

# not_here TEXT WHY: a claim that this kernel can't decide
not_here() { tap_result 0 "$1" "$2"; }

# wait_until COMMAND...: until it succeeds, for five minutes, which only bounds a hang; status 1 if it did not
wait_until() {
	local try
	for ((try = 0; try < 3000; try++)); do
		if "$@"; then return 0; fi
		sleep 0.1
	done
	return 1
}

# show TEXT: something to look at, such as the kernel's report
show() { echo "#   ${1//$'\n'/$'\n'#   }"; }

# steady: a filter on what a module said, which leaves what is the same each time. A check whose module
# prints what differs by nature (times, hashed addresses, page frame numbers) defines its own.
steady() { cat; }

# same_each_time NAME [PARAMETER...]: loads and unloads it 20 times, 5 on kernels that look for errors, which take
# long; claims that it says the same each time. What it said is in each_time[0] and so on.
same_each_time() {
	[ -z "$only_detectors" ] || return 0
	local name=$1 n same=0 first='' text='' times=20
	[ ! -e /proc/lockdep_stats ] || times=5
	shift
	each_time=()
	echo "# \$ $times times: insmod /modules/lab_$name.ko${*:+ $*}; rmmod lab_$name"
	for ((n = 0; n < times; n++)); do
		clear_log
		if ! insmod "/modules/lab_$name.ko" "$@" || ! rmmod "lab_$name"; then
			break
		fi
		each_time+=("$(said "^lab_$name: ")")
		# (what is the same without the filter is the same with it)
		if [ $n = 0 ] || [ "${each_time[-1]}" != "${each_time[0]}" ]; then
			text=$(steady <<<"${each_time[-1]}")
			[ $n != 0 ] || first=$text
		else
			text=$first
		fi
		if [ -z "$text" ] || [ "$text" != "$first" ]; then
			show "$(diff <(echo "$first") <(echo "$text"))"
			break
		fi
		same=$((same + 1))
	done
	claim "loaded and unloaded $times times, it says the same each time" \
		"$same of $times loads, $(grep -c . <<<"$first") lines each" [ $same = $times ]
}

finish() {
	tap_end
	exit
}
