#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The command and the library as far as they need no module, with the address and undefined-behaviour
# sanitizers: tools/tests. Runs on the host.

cd "${0%/*}/../.." || exit 1

vm/need build test host
echo "KTAP version 1"
# Two programs, each with numbers and a plan of its own: make one list of them.
make --no-print-directory -s -C tools check BUILD="$PWD/build/user" 2>&1 | awk '
	/^(not )?ok / { n++; sub(/ok [0-9]+/, "ok " n); bad += /^not/; print; next }
	/^1\.\.|^K?TAP version/ { next }
	/^#/ { print; next }
	{ print "# " $0 }
	END { print "1.." n; exit bad > 0 || n == 0 }'
status=("${PIPESTATUS[@]}")
[ "${status[0]}" = 0 ] && [ "${status[1]}" = 0 ]
