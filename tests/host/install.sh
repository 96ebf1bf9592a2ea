#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make install, on a copy of the checkout and into a folder: only what is installed is built.
# Runs on the host, as any user; does not touch what is installed there.

# shellcheck source=../common/tap.bash
. "${0%/*}/../common/tap.bash"
limit=300 # the first test compiles all
cd "${0%/*}/../.." || exit
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR PREFIX BUILD CC AR PKG_CONFIG PKG_CONFIG_PATH PKG_CONFIG_LIBDIR
export LC_ALL=C

vm/need build || exit
kernel=$(vm/fetch-kernel stock) && release=$(cat "$kernel/release") && version=$(cat VERSION) || exit
tree=$tap_dir/tree root=$tap_dir/root
mkdir -p "$tree/docs"
cp -r Makefile VERSION include kernel lib packaging tools "$tree"
cp -r docs/man "$tree/docs"
cd "$tree" || exit

# With the stock kernel.
install_it() {
	make install "DESTDIR=$root" PREFIX=/usr "HEADERS=$kernel/build" "RELEASE=$release" >"$tap_dir/log" 2>&1 ||
		fail "$(tail -n 20 "$tap_dir/log")"
}

only_what_is_installed_is_built() {
	install_it
	is "$(find build -type f -name '*.ko')" "build/host/$release/kernel/stacq.ko" "the list of modules"
	is "$(find build -type f -name '*test*')" "" "what is built of tests"
	is "$(find build/user -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" "bin lib obj" "what is in build/user"
	is "$(find "$root" -name '*test*')" "" "what is installed of tests"
}

all_have_the_version() {
	local flags
	[ -e "$root" ] || install_it
	is "$(/sbin/modinfo -F version "$root/lib/modules/$release/updates/stacq.ko")" "$version" "the module's version"
	is "$("$root/usr/bin/stacq" --version)" "stacq $version" "what the command says"
	export PKG_CONFIG_LIBDIR=$root/usr/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
	is "$(pkg-config --modversion libstacq)" "$version" "what pkg-config says"
	cat >"$tap_dir/program.c" <<-'END'
		#include <libstacq.h>
		#include <stdio.h>
		int main(void) { return printf(LIBSTACQ_VERSION " %s\n", stacq_version()) < 0; }
	END
	read -ra flags < <(pkg-config --cflags --libs libstacq)
	cc -Wall -Werror -o "$tap_dir/program" "$tap_dir/program.c" "${flags[@]}"
	is "$(LD_LIBRARY_PATH=$root/usr/lib "$tap_dir/program")" "$version $version" "what header and library say"
	is "$(readlink "$root/usr/lib/libstacq.so.0")" "libstacq.so.$version" "where the library's link leads"
	is "$(grep -h '^\.Os' "$root"/usr/share/man/man*/* | sort -u)" ".Os stacq $version" "what the man pages say"
}

another_version_is_built() {
	[ -e "$root" ] || install_it
	echo 9.8.7 >VERSION
	make host-module "HEADERS=$kernel/build" "RELEASE=$release" >"$tap_dir/log" 2>&1
	echo "$version" >VERSION
	is "$(/sbin/modinfo -F version "build/host/$release/kernel/stacq.ko")" 9.8.7 "the module's version"
	mv VERSION VERSION.away
	refused "no version number in .*VERSION" make host-module "HEADERS=$kernel/build" "RELEASE=$release"
	mv VERSION.away VERSION
}

tap_main \
	only_what_is_installed_is_built \
	all_have_the_version \
	another_version_is_built
