#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The faults of tests/seeded/faults still have their places in the code. That they are noticed takes
# hours to see: make test-nightly. Runs on the host.

exec "${0%/*}/../seeded/run" --places
