# SPDX-License-Identifier: GPL-2.0
#
# Results as ktap.awk leaves them, as JUnit XML: a test suite for each program on each kernel.

BEGIN { FS = "\t" }

# What XML has no room for, and what has a meaning in it.
function xml(text) {
	gsub(/[\001-\010\013\014\016-\037]/, "?", text)
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/>/, "\\&gt;", text)
	gsub(/"/, "\\&quot;", text)
	return text
}

!($2 in seen) { seen[$2] = ++suites; name[suites] = $2 }
{ suite = seen[$2] }

$1 == "end" {
	time[suite] += $3
	for (i = 4; i <= NF; i++) output[suite] = output[suite] "\n" $i
	next
}

{
	tests[suite]++
	cases[suite] = cases[suite] "    <testcase classname=\"" xml($2) "\" name=\"" xml($3) "\""
	if ($1 == "ok") cases[suite] = cases[suite] "/>\n"
	else if ($1 == "skip") {
		skipped[suite]++
		cases[suite] = cases[suite] "><skipped message=\"" xml($4) "\"/></testcase>\n"
	} else {
		failures[suite]++
		cases[suite] = cases[suite] "><failure message=\"" xml($3) "\">" xml($4) "</failure></testcase>\n"
	}
}

END {
	print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"stacq\">"
	for (i = 1; i <= suites; i++) {
		printf "  <testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"%d\" time=\"%d\">\n", \
			xml(name[i]), tests[i], failures[i], skipped[i], time[i]
		printf "%s", cases[i]
		if (output[i] != "") print "    <system-out>" xml(output[i]) "\n    </system-out>"
		print "  </testsuite>"
	}
	print "</testsuites>"
}
