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

"$top/vm/need" model || exit 1
. "$top/tests/common/tap.bash"
limit=$((limit + seconds))

# silently COMMAND...: its output is shown only if it fails
silently() {
	"$@" >"$out/said" 2>&1 || fail "$(tail -n 60 "$out/said")"
}

# For tap_main, when a test has failed: the inputs that failed, to be copied from a log: xxd -r -p.
tap_explain() {
	local file
	for file in "$out"/found-*; do
		[ -e "$file" ] || continue
		echo "# input, as hex:"
		od -An -v -tx1 "$file" | tr -d ' \n' | fold -w 96 | sed 's/^/# /'
		echo
	done
}

the_container_builds_as_an_ordinary_program() {
	rm -f "$out"/found-*
	silently make --no-print-directory -s OUT="$out" all
}

kept_inputs_agree_with_the_model() {
	silently "$out/fuzz" -runs=0 -rss_limit_mb=0 -artifact_prefix="$out/found-" corpus
}

kept_inputs_reach_every_line_of_the_container() {
	LLVM_PROFILE_FILE=$out/raw silently "$out/replay" corpus/*
	silently llvm-profdata-14 merge -o "$out/profile" "$out/raw"
	llvm-cov-14 export -format=lcov -instr-profile="$out/profile" "$out/replay" >"$out/lcov"
	awk -F '[:,]' '
		/^SF/ { file = $2; sub(/.*\//, "", file) }
		/^DA/ && $3 == 0 { missed[file] = missed[file] " " $2 }
		/^LF/ { lines[file] = $2 }
		/^LH/ { hit[file] = $2 }
		END {
			for (file in lines) if (file ~ /^(clock|store|returned|order|room|queue|level|wait|inspect)\.[ch]$/)
				printf "%s: %d of %d lines%s\n", file, hit[file], lines[file],
					missed[file] == "" ? "" : ", not" missed[file]
		}' "$out/lcov" | sort >"$out/coverage"
	sed 's/^/# /' "$out/coverage"
	# A line that the kept inputs do not reach needs another input, or a word in not-reached.
	not_reached >"$out/missed"
	is "$(grep -vxFf not-reached "$out/missed")" "" "the list of lines that no input reaches"
}

# Each line of the container that was not reached, FILE: TEXT, without braces.
not_reached() {
	local file lines line
	while IFS=: read -r file lines; do
		[[ $file == *.c && $lines == *", not "* ]] || continue
		for line in ${lines#*, not }; do
			sed -n "${line}s/^[[:space:]]*/$file: /p" ../../kernel/*/"$file"
		done
	done <"$out/coverage" | sed '/: [{}]$/d'
}

random_inputs_agree_with_the_model() {
	local corpus=$out/corpus
	[ -z "${KEEP-}" ] || corpus=corpus
	rm -rf "$out"/found-* "$out/corpus"
	mkdir -p "$corpus"
	"$out/fuzz" -max_total_time="$seconds" -max_len=300 -len_control=0 -rss_limit_mb=0 -timeout=30 \
		-print_final_stats=1 -artifact_prefix="$out/found-" "$corpus" corpus >"$out/fuzz.log" 2>&1 ||
		fail "$(grep -vE '^(#|	NEW_FUNC)' "$out/fuzz.log" | tail -n 40)"
	awk -v s="$seconds" '/number_of_executed_units/ { print "# " $2 " inputs in " s " s" }' "$out/fuzz.log"
}

tap_main \
	the_container_builds_as_an_ordinary_program \
	kept_inputs_agree_with_the_model \
	kept_inputs_reach_every_line_of_the_container \
	random_inputs_agree_with_the_model
