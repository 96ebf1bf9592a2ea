#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The container and the store as an ordinary program (tests/model): compared with a model, on kept and
# on random inputs. Runs on the host.
# STACQ_MODEL_SECONDS: how long to try random inputs. KEEP=1: put those that reach something new into
# the corpus.

. "${0%/*}/../../vm/lib.sh"
cd "$top/tests/model" || exit 1

seconds=${STACQ_MODEL_SECONDS:-10}
out=$top/build/model
mkdir -p "$out"
exec 3>&1 # what a step says as a whole; the rest is only shown if it fails

# step NAME COMMAND...: the command's output is shown if it fails
step() {
	local status=0
	"${@:2}" >"$out/said" 2>&1 || status=$?
	[ $status = 0 ] || tail -n 60 "$out/said" | sed 's/^/# /'
	tap_result $status "$1"
}

diagnostic() { echo "# $*" >&3; }

# The inputs that failed, to be copied from a log: xxd -r -p.
show_inputs() {
	local file
	for file in "$out"/found-*; do
		[ -e "$file" ] || continue
		echo "input, as hex:"
		od -An -v -tx1 "$file" | tr -d ' \n' | fold -w 96
		echo
	done
}

builds() { make --no-print-directory -s OUT="$out" all; }

kept_inputs() {
	rm -f "$out"/found-*
	"$out/fuzz" -runs=0 -rss_limit_mb=0 -artifact_prefix="$out/found-" corpus && return
	show_inputs
	return 1
}

# Lines of the container that the kept inputs reach.
coverage() {
	LLVM_PROFILE_FILE=$out/raw "$out/replay" corpus/* &&
		llvm-profdata-14 merge -o "$out/profile" "$out/raw" &&
		llvm-cov-14 export -format=lcov -instr-profile="$out/profile" "$out/replay" >"$out/lcov" || return
	awk -F '[:,]' '
		/^SF/ { file = $2; sub(/.*\//, "", file) }
		/^DA/ && $3 == 0 { missed[file] = missed[file] " " $2 }
		/^LF/ { lines[file] = $2 }
		/^LH/ { hit[file] = $2 }
		END {
			for (file in lines) if (file ~ /^(store|queue|level|wait|inspect)\.[ch]$/)
				printf "%s: %d of %d lines%s\n", file, hit[file], lines[file],
					missed[file] == "" ? "" : ", not" missed[file]
		}' "$out/lcov" | sort >"$out/coverage"
	while read -r line; do diagnostic "$line"; done <"$out/coverage"
	# Something that the kept inputs do not reach needs another one, or a word in not-reached.
	! not_reached | grep -vxFf not-reached
}

# Each line of the container that was not reached, FILE: TEXT, without braces.
not_reached() {
	local file lines line
	while IFS=: read -r file lines; do
		[[ $file == *.c && $lines == *", not "* ]] || continue
		for line in ${lines#*, not }; do
			sed -n "${line}s/^[[:space:]]*/$file: /p" "../../kernel/$file"
		done
	done <"$out/coverage" | grep -vE ': [{}]$'
}

random_inputs() {
	local corpus=$out/corpus
	[ -n "${KEEP-}" ] && corpus=corpus
	rm -rf "$out"/found-* "$out/corpus"
	mkdir -p "$corpus"
	if "$out/fuzz" -max_total_time="$seconds" -max_len=300 -len_control=0 -rss_limit_mb=0 -timeout=30 \
		-print_final_stats=1 -artifact_prefix="$out/found-" "$corpus" corpus >"$out/fuzz.log" 2>&1; then
		diagnostic "$(awk -v s="$seconds" '/number_of_executed_units/ { print $2 " inputs in " s " s" }' "$out/fuzz.log")"
		return
	fi
	grep -vE '^(#|	NEW_FUNC)' "$out/fuzz.log" | tail -n 40
	show_inputs
	return 1
}

"$top/vm/need" model || exit 1
. "$top/tests/common/tap.bash"
step "the container builds as an ordinary program" builds
step "kept inputs agree with the model" kept_inputs
step "kept inputs reach every line of the container" coverage
step "random inputs agree with the model" random_inputs
tap_end
