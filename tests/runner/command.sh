#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A command in the virtual machine behaves like a local one.
# shellcheck disable=SC2016 # what is in single quotes is for the guest

. "$(dirname "$0")/common"

# (first of all what may say more: on a new machine, which accelerator it has found)
vm -- sh -c 'kill -9 $$'
expect "death by a signal comes through as with a local shell" [ $status = 137 ]

vm -- true
expect "status 0 comes through" [ $status = 0 ]
expect "nothing is printed but what the command prints" [ ! -s "$work/out" -a ! -s "$work/err" ]

vm -- sh -c 'echo out; echo err >&2; exit 3'
expect "status 3 comes through" [ $status = 3 ]
expect "standard output comes through" [ "$(cat "$work/out")" = out ]
expect "standard error comes through, apart" [ "$(cat "$work/err")" = err ]

vm -- printf '%s|' 'two words' '$HOME' "it's" '' '*' $'line\nbreak'
expect "arguments arrive as they are" [ "$(cat "$work/out")" = $'two words|$HOME|it\'s||*|line\nbreak|' ]

head -c 1048576 /dev/urandom >"$work/random"
vm --file "$work/random:/data/random" -- cat /data/random
expect "a file is put into the guest, and 1 MiB of random bytes comes out the same" \
	cmp "$work/random" "$work/out"

vm -- sh -c 'test -t 1 && echo terminal; cat; echo end'
expect "standard input is empty, standard output no terminal" [ "$(cat "$work/out")" = end ]

vm/run -- sh -c 'echo first; sleep 5' 2>&1 | { read -r first; echo "$first" >"$work/first"; date +%s >"$work/then"; cat; } >/dev/null
expect "output comes while the command still runs" [ $(($(date +%s) - $(cat "$work/then"))) -ge 4 ]

vm --cpus 1 --mem 512M --append "stacq_test=yes" --console "$work/console" -- sh -c 'nproc
	free -m | awk "/Mem/ { print (\$2 < 512) }"; grep -o "stacq_test=yes" /proc/cmdline
	echo hello kernel >/dev/kmsg; sleep 1000 & echo done'
expect "--cpus and --mem are obeyed" [ "$(head -n 2 "$work/out" | xargs)" = "1 1" ]
expect "--append reaches the kernel's command line" [ "$(sed -n 3p "$work/out")" = stacq_test=yes ]
expect "--console keeps the console's output" grep -q "hello kernel" "$work/console"
expect "a process left behind does not keep the machine up" [ "$status $(tail -n 1 "$work/out")" = "0 done" ]

# (all that have it in their command line; the brackets are for grep not to find itself)
with_machine() { grep -lsE "stacq_test=ended[.]$$" /proc/[0-9]*/cmdline; }
vm/run --append "stacq_test=ended.$$" -- sh -c 'echo up; sleep 100' >"$work/out" 2>"$work/err" &
runner=$!
read -r -t 100 < <(tail -n +1 -f --pid=$runner "$work/out")
with_machine >"$work/before"
kill $runner
wait $runner
status=$?
for _ in $(seq 50); do
	with_machine >"$work/after"
	[ -s "$work/after" ] || break
	sleep 0.2
done
expect "ended from outside, it has the status of that, and leaves no machine" \
	[ $status = 143 -a "$(wc -l <"$work/before")" -ge 2 -a ! -s "$work/after" ]

vm --icount -- sh -c 'nproc'
expect "--icount boots, with one processor" [ "$(cat "$work/out")" = 1 ]

vm -- sh -c 'id -u alice; id -u bob; id -u nobody; getent group stacq 2>/dev/null || grep ^stacq: /etc/group'
expect "the guest has the users and the group that the tests need" \
	[ "$(xargs <"$work/out")" = "1000 1001 65534 stacq:x:990:" ]

vm
expect "neither command nor terminal: refused in one line" [ $status = 125 -a "$(wc -l <"$work/err")" = 1 ]
vm --kernel none-such -- true
expect "an unknown kernel: refused, and the known ones are named" says "none-such: no such kernel.*stock"
vm --none-such -- true
expect "an unknown option: refused" [ $status = 125 ]
vm --file /none/such:/x -- true
expect "a file that is not there: refused" says "/none/such: there is no such file"

tap_end
