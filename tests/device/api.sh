#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The functions for other modules (include/linux/stacq.h): api_test.ko tests them while it is loaded,
# prints KTAP to the log, and does not load if one fails.

. "${0%/*}/../common/tap.bash"

dmesg -C
status=0
insmod /modules/api_test.ko 2>"$tap_dir/insmod" || status=1
dmesg | sed -n 's/^\(<[0-9]*>\)\?\[[^]]*\] api_test: //p'
sed 's/^/# /' "$tap_dir/insmod"
[ $status != 0 ] || rmmod api_test || status=1
exit $status
