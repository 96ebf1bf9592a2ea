#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# stress-ng, a fuzzer that is not ours, on each kind of file that the module makes.
# STACQ_FUZZ_SECONDS is for each test (2); STACQ_FUZZ_SEED repeats a run.

. "${0%/*}/../common/tap.bash"

seconds=${STACQ_FUZZ_SECONDS:-2}
seed=${STACQ_FUZZ_SEED:-$((RANDOM * 32768 + RANDOM))}
limit=$((limit + 10 * seconds))

start() {
	command -v stress-ng >/dev/null || skip "stress-ng is not in this machine: tests/fuzz/run brings it"
	echo "# seed $seed, $seconds s"
	reload
	stacq create fifo --max-msgs 100 --mode 666
	stacq create lifo --max-msgs 100 --mode 666 --order lifo
	chmod 666 /proc/msg_queue
	fill
}

# Something to receive.
fill() {
	local queue i
	for queue in fifo lifo msg_queue; do
		for i in 1 2 3; do
			echo "message $i" >"/dev/stacq/$queue"
		done
	done
}

# thrash [AS A USER...] -- STRESSOR OPTION...
thrash() {
	local as=()
	while [ "$1" != -- ]; do
		as+=("$1")
		shift
	done
	shift
	rm -rf /tmp/stress-ng
	mkdir -m 777 /tmp/stress-ng
	cd /tmp/stress-ng
	# It fails when a call of its own does, which is nothing to us; but it must have worked.
	"${as[@]}" stress-ng "$@" --seed "$seed" --timeout "$seconds" --temp-path /tmp/stress-ng \
		--metrics >/tmp/stress-ng.log 2>&1 || true
	sed -n '/bogo ops \|(secs)/d; s/^stress-ng: [a-z]*: *\[[0-9]*\] *\([a-z-]*  *[0-9]* .*\)/# \1/p' /tmp/stress-ng.log
	grep -q 'completed' /tmp/stress-ng.log || fail "$(tail -n 5 /tmp/stress-ng.log)"
}

# After it, all is as it should be.
still_works() {
	local queue
	for queue in fifo lifo; do
		stacq purge "$queue" >/dev/null
		echo "after it" >"/dev/stacq/$queue"
		is "$(stacq recv "$queue")" "after it"
		is "$(attribute "$queue" depth)" 0
		is "$(attribute "$queue" readers_waiting)" 0
	done
}

as_alice=(setpriv --reuid=1000 --regid=1000 --clear-groups)

a_queue() {
	start
	thrash -- --dev 2 --dev-file /dev/stacq/fifo
	still_works
}

a_stack_as_somebody() {
	start
	thrash "${as_alice[@]}" -- --dev 2 --dev-file /dev/stacq/lifo
	still_works
}

the_control_node() {
	start
	thrash -- --dev 2 --dev-file /dev/stacq/control
	still_works
}

# These take no name of a file: they see nothing else in a mount namespace of their own.
all_nodes_at_once() {
	start
	# shellcheck disable=SC2016 # for the inner shell
	thrash unshare -m bash -c 'mount --bind /dev/stacq /dev && exec "$@"' bash -- --dev 2
	still_works
}

# (It refuses to do that as root.)
bad_ioctls_on_all_nodes() {
	start
	chmod 666 /dev/stacq/*
	# shellcheck disable=SC2016
	thrash unshare -m bash -c 'mount --bind /dev/stacq /dev && exec "$@"' bash "${as_alice[@]}" -- \
		--bad-ioctl 2 --pathological
	still_works
}

the_files_in_sys() {
	start
	# shellcheck disable=SC2016
	thrash unshare -m bash -c 'mount --bind /sys/devices/virtual/stacq /sys && exec "$@"' bash -- --sysfs 2
	still_works
}

tap_main a_queue a_stack_as_somebody the_control_node all_nodes_at_once bad_ioctls_on_all_nodes \
	the_files_in_sys
