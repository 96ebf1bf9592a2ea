#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Bounded proof with CBMC that the container agrees with the model (tests/model/proof.c): each operation
# on every state of a queue of capacity 1 and, with PROOF=all, a stack and of capacity 2. Runs on the host;
# takes half a minute. Giving back alone takes four, so it is left to PROOF=all, too.

. "${0%/*}/../../vm/lib.sh"
cd "$top" || exit 1

seconds=900 # seconds for one proof, four times what the longest takes on an idle machine
out=$top/build/proof
root=$cache/tools/cbmc

# The bigger ones take longest, a stack and a queue differ in the order only.
proofs=({send,receive,hold_done,grow}" 1 0")
[ "${PROOF-}" != all ] || proofs+=("give_back 1 0" {send,receive,hold_done,give_back,grow}" "{1\ 1,2\ 0} {send,receive}" 2 1")

# A fault in the copy, as what sed does to a file, and the proof that must fail then.
faults=('send kernel/core/store.c s/seg->live++;//')
[ "${PROOF-}" != all ] || faults+=('receive kernel/core/store.h s/seg->live--;//' 'hold_done kernel/core/queue.h s/q->others.bytes += bytes;//'
	'grow kernel/core/store.c s/st->bytes += seg->bytes;//')

# cbmc is in no Debian that this runs on, so it is unpacked with the C library that it wants.
fetch_cbmc() {
	local new
	[ ! -e "$root/usr/bin/cbmc" ] || return 0
	debian_lists trixie
	mkdir -p "${root%/*}"
	new=$(mktemp -d "${root%/*}/.cbmc.XXXXXX")
	if ! (debian_unpack trixie "$new" cbmc minisat libc6 libgcc-s1 libstdc++6); then
		rm -rf "$new"
		return 1
	fi
	chmod 755 "$new"
	rm -rf "$root"
	mv "$new" "$root"
}

cbmc() {
	local lib
	lib=$root/usr/lib/$(gcc -print-multiarch)
	timeout "$seconds" "$lib/ld-linux-x86-64.so.2" --library-path "$lib:$root/usr/lib" "$root/usr/bin/cbmc" "$@"
}

# The sources, with constants so small that every case of them can be gone through.
prepare() {
	rm -rf "$out"
	mkdir -p "$out/tests"
	cp -r kernel include "$out" && cp -r tests/model "$out/tests" || return
	sed -i -E 's/^(#define STACQ_INLINE_SIZE\s).*/\18/
		s/^(#define STACQ_BUF_CLASSES\s).*/\11/
		s/^(#define STACQ_MAX_SEGMENTS\s).*/\14/
		s/^(#define STACQ_BLOCK_SIZE\s).*/\172/' "$out/kernel/core/store.h"
	[ "$(diff kernel/core/store.h "$out/kernel/core/store.h" | grep -c '^>')" = 4 ] || return
	# Nothing dies here, which would be more cases than there is memory for: tests/device/dead.c.
	sed -i 's/if (__stacq_dies_given_back(q, m, delivered))/if (0)/' "$out/kernel/core/queue.c"
	[ "$(diff kernel/core/queue.c "$out/kernel/core/queue.c" | grep -c '^>')" = 1 ]
}

# prove OPERATION CAPACITY LIFO: with checks that every loop ends where it is said to.
prove() {
	local some=$(($2 + 1)) all=$(($2 + 3))
	local loops=alloc_segment.0:$some,free_segment.0:$some,start.0:$some,start.1:$some,find_segment.0:5
	loops+=,check.0:$all,model_at.0:$all,move_down.0:$all
	loops+=,check_segment.0:$some,check_segment.1:$all,main.0:5
	(cd "$out/tests/model" && cbmc -I. -I../../kernel -I../../include -DPROOF_OP="$1" -DPROOF_CAPACITY="$2" \
		-DPROOF_LIFO="$3" --unwind 6 --unwinding-assertions --unwindset "$loops" --object-bits 10 \
		--no-malloc-may-fail --trace --compact-trace proof.c) >"$out/log" 2>&1
}

. tests/common/tap.bash
if ! uname -m | grep -qx x86_64 || ! vm/need model || ! fetch_cbmc >&2; then
	tap_result 0 "the container agrees with the model" "cbmc can't be had here: its Debian package could not be fetched"
	tap_end
	exit
fi
prepare || exit 1
tap_plan $((${#proofs[@]} + ${#faults[@]}))
for proof in "${proofs[@]}"; do
	read -r op capacity lifo <<<"$proof"
	name="${op/_/ }, capacity $capacity, $([ "$lifo" = 1 ] && echo lifo || echo fifo)"
	status=0
	prove "$op" "$capacity" "$lifo" || status=$?
	if [ $status = 124 ]; then
		tap_result 0 "$name" "not done within $seconds s"
		continue
	fi
	[ $status != 0 ] || grep -qx 'VERIFICATION SUCCESSFUL' "$out/log" || status=1
	[ $status = 0 ] || { grep -E ': FAILURE$|[Ee]rror' "$out/log" | head -n 20; tail -n 40 "$out/log"; } | sed 's/^/# /'
	tap_result $status "$name"
done
for fault in "${faults[@]}"; do
	read -r op file edit <<<"$fault"
	name="${op/_/ }, with a fault in ${file#kernel/}, is no proof"
	status=0
	cp "$out/$file" "$out/whole"
	sed -i "$edit" "$out/$file"
	prove "$op" 1 0 || status=$?
	if [ $status = 124 ]; then
		tap_result 0 "$name" "not done within $seconds s"
	elif [ $status = 10 ] && grep -qx 'VERIFICATION FAILED' "$out/log" && ! cmp -s "$out/$file" "$out/whole"; then
		tap_result 0 "$name"
	else
		tail -n 40 "$out/log" | sed 's/^/# /'
		tap_result 1 "$name"
	fi
	cp "$out/whole" "$out/$file"
done
tap_end
