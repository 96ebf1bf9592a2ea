#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# trinity, a fuzzer that is not ours, with calls on the queues' files only, as somebody who is not
# root. STACQ_FUZZ_SECONDS is for each test (6); STACQ_FUZZ_SEED repeats its beginning.

. "${0%/*}/../common/tap.bash"

seconds=${STACQ_FUZZ_SECONDS:-6}
seed=${STACQ_FUZZ_SEED:-$((RANDOM * 32768 + RANDOM))}
limit=$((limit + 3 * seconds))

# Calls that take a file, and those that change the memory other calls are given. None that could
# reach anything else in the machine, and none that only waits.
calls="read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 ioctl lseek fsync
	fdatasync fcntl dup flock fallocate ftruncate readahead splice tee vmsplice sendfile copy_file_range
	mmap munmap mprotect madvise mremap newfstat fadvise64"

start() {
	command -v trinity >/dev/null || skip "trinity is not in this machine: tests/fuzz/run brings it"
	echo "# seed $seed, $seconds s"
	reload
	stacq create fifo --max-msgs 100 --max-bytes 1000000 --mode 666
	stacq create lifo --max-msgs 100 --max-bytes 1000000 --mode 666 --order lifo
	chmod 666 /proc/msg_queue /dev/stacq/msg_queue
	echo "to begin with" >/dev/stacq/fifo
}

# fuzz PATH: what it finds there
fuzz() {
	local wanted=() call status=0
	for call in $calls; do
		wanted+=(-c "$call")
	done
	rm -rf /tmp/trinity
	mkdir /tmp/trinity
	chown 1000:1000 /tmp/trinity
	cd /tmp/trinity
	# Namespaces of its own: it can reach no other process, and no network.
	unshare -p -f -n --mount-proc --kill-child timeout -s INT -k 5 "$seconds" \
		setpriv --reuid=1000 --regid=1000 --clear-groups \
		trinity -q -q -l off -C 8 -a 64 -s "$seed" --enable-fds=pseudo -V "$1" "${wanted[@]}" \
		>/tmp/trinity.log 2>&1 || status=$?
	sed 's/\x1b\[[0-9;]*m//g' /tmp/trinity.log | tr '\r' '\n' | tail -n 8 | cut -c1-160 | sed 's/^/# /'
	case $status in 0 | 124 | 137) ;; *) fail "trinity ended with $status" ;; esac
}

# reached SENT QUEUE...: more was sent than before, or something received, unless it had no time to
reached() {
	local sent=0 received=0 queue calls
	for queue in "${@:2}"; do
		sent=$((sent + $(attribute "$queue" sent)))
		received=$((received + $(attribute "$queue" received)))
	done
	echo "# $sent messages sent, $received received"
	calls=$(sed -n 's/.*Ran \([0-9]*\) syscalls.*/\1/p' /tmp/trinity.log | tail -n 1)
	[ "${calls:-0}" -lt 1000 ] || [ $sent -gt "$1" ] || [ $received -gt 0 ] ||
		fail "$calls calls did nothing to the queues"
}

still_works() {
	local queue
	for queue in fifo lifo; do
		stacq unseal "$queue"
		stacq purge "$queue" >/dev/null
		echo "after it" >"/dev/stacq/$queue"
		is "$(stacq recv "$queue")" "after it"
	done
}

the_nodes() {
	start
	fuzz /dev/stacq
	reached 1 fifo lifo msg_queue
	still_works
}

the_file_in_proc() {
	start
	fuzz /proc/msg_queue
	reached 0 msg_queue
	still_works
}

tap_main the_nodes the_file_in_proc
