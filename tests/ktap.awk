# SPDX-License-Identifier: GPL-2.0
#
# For tests/run: reads what tests/guest-run prints ("@begin", KTAP, "@end", "@coverage") and prints
# one line a result. Variables:
#   where      what to call the machine in these lines
#   results    file to add the results to, with tabs between: ok, not ok or skip; where it ran; its name; a note. And
#              after each program: end; where it ran; its seconds; what it printed, if something failed
#   running    file that names the program that is running
#   coverage   file for the coverage data
# A result that only sums up indented ones does not count.

function result(word, name, note,	line) {
	if (word == "ok") passed++; else if (word == "not ok") failed++; else skipped++
	line = sprintf("%-6s  %s %s: %s%s", word, where, program, name, note == "" ? "" : "  (" note ")")
	print line
	print word "\t" where " " program "\t" name "\t" note >> results
	fflush()
}

function show() {
	if (raw == "") return
	gsub(/\n/, "\n        | ", raw)
	print "        what " program " printed:" raw
	fflush()
}

function ended(seconds,	text) {
	text = failed ? raw : ""
	gsub(/\t/, " ", text)
	gsub(/\n/, "\t", text)
	print "end\t" where " " program "\t" seconds + 0 text >> results
}

function now_running(name) {
	print name > running
	close(running)
}

/^@begin / {
	program = $2; raw = ""; lines = passed = failed = skipped = 0; plan = -1; count = 0; deepest = -1; bad_below = 0
	now_running(program)
	next
}

/^@end / {
	if (plan == 0 && !failed) result("skip", "all", plan_note)
	else if ($3 != 0 && !failed) result("not ok", "exit status", $3)
	else if (!passed && !failed && !skipped) result("not ok", "reports at least one result", "")
	else if (plan < 0 && !failed) result("not ok", "says how many tests it has", "no plan")
	else if (plan != count && !failed) result("not ok", "runs as many tests as planned", count " of " plan)
	ended($4)
	if ($4 > 9) print "        (" where " " program " took " $4 " s)"
	if (failed) show()
	now_running("-")
	program = ""
	fflush()
	next
}

/^@coverage / { print substr($0, 11) >> coverage; next }

program == "" { print; fflush(); next }

# what a test measured is always shown
/^ *# figure: / { sub(/^ *# /, ""); print "        " where " " program ": " $0; fflush(); next }

!/^ *ok / && ++lines < 200 { raw = raw "\n" $0 }

/^1\.\.[0-9]+/ {
	plan = substr($0, 4) + 0; plan_note = $0
	if (!sub(/.*# *SKIP */, "", plan_note)) plan_note = "no tests"
}

/^ *(not )?ok( |$)/ {
	match($0, /^ */); depth = RLENGTH
	word = $1 == "ok" ? "ok" : "not ok"
	name = $0
	sub(/^ *(not )?ok *[0-9]* *(- *)?/, "", name)
	note = ""
	if (match(name, / *# *(SKIP|skip)/)) {
		note = substr(name, RSTART + RLENGTH); name = substr(name, 1, RSTART - 1); sub(/^ */, "", note)
		if (word == "ok") word = "skip"
		if (note == "") note = "no reason given"
	} else sub(/ *# .*/, "", name)
	if (depth == 0) count++
	if (deepest > depth && !(word == "not ok" && !bad_below)) { deepest = depth; bad_below = depth ? bad_below : 0; next }
	deepest = depth
	if (word == "not ok" && depth) bad_below = 1
	result(word, name, note)
}

END { if (program != "") show() } # the machine died under it
