#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make install, uninstall and load, on a copy of the checkout and into a folder: what is missing is named before
# anything is done, only what is installed is built, root builds nothing in the checkout of somebody else, and
# uninstall leaves nothing. Runs on the host, as any user; does not touch what is installed there.

# shellcheck source=../common/tap.bash
. "${0%/*}/../common/tap.bash"
cd "${0%/*}/../.." || exit
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR PREFIX BUILD CC AR PKG_CONFIG PKG_CONFIG_PATH PKG_CONFIG_LIBDIR
export LC_ALL=C

vm/need build || exit
kernel=$(vm/fetch-kernel stock) && release=$(cat "$kernel/release") && version=$(cat VERSION) || exit
chmod 711 "$tap_dir"
tree=$tap_dir/tree root=$tap_dir/root
mkdir -p "$tree/docs"
cp -r Makefile VERSION include kernel lib packaging tools vm "$tree"
cp -r docs/man "$tree/docs"
cd "$tree" || exit

# A kernel that has every module at once: what it makes is only copied.
fake=1.2.3-fake
mkdir -p "$tap_dir/headers/include/generated"
echo "#define UTS_RELEASE \"$fake\"" >"$tap_dir/headers/include/generated/utsrelease.h"
# shellcheck disable=SC2016 # for make
printf 'modules:\n\techo made >$(M)/stacq.ko\n' >"$tap_dir/headers/Makefile"
fake_kernel=("HEADERS=$tap_dir/headers" "RELEASE=$fake")

# These only note that they were called.
mkdir "$tap_dir/notes"
for tool in depmod insmod; do
	printf '#!/bin/sh\necho "%s $*" >>%s\n' $tool "$tap_dir/notes/log" >"$tap_dir/notes/$tool"
done
chmod 755 "$tap_dir/notes"/*

# With the stock kernel.
install_it() {
	make install "DESTDIR=$root" PREFIX=/usr "HEADERS=$kernel/build" "RELEASE=$release" >"$tap_dir/log" 2>&1 ||
		fail "$(tail -n 20 "$tap_dir/log")"
}

# without COMMAND...: a PATH that lacks them
without() {
	local folder=$tap_dir/path.$RANDOM tool
	mkdir "$folder"
	ln -s -t "$folder" /usr/local/bin/* /usr/bin/* /usr/sbin/* /bin/* /sbin/* 2>/dev/null || true
	for tool; do rm -f "$folder/$tool"; done
	echo "$folder"
}

# lacking COMMANDS [VARIABLE=VALUE...]: what make install says on a machine without these
lacking() {
	local path variables=("${@:2}")
	# shellcheck disable=SC2086 # words
	path=$(without $1)
	! env "PATH=$path" make install "MODULES_DIR=$root/lib/modules" "PREFIX=$root/usr" "${variables[@]}" 2>&1 ||
		fail "make install went on without: $*"
}

everything_missing_is_named_at_once() {
	local said thing
	said=$(lacking "cc gcc $(cd /usr/bin && echo gcc-*) pkg-config pkgconf depmod" RELEASE=9.9.9 HEADERS=/nowhere \
		PKG_CONFIG_LIBDIR=/nowhere)
	is "$(grep -vc '^make:' <<<"$said")" 1 "the number of lines"
	for thing in "lacks: the headers of kernel 9.9.9 \(/nowhere\), gcc, cc, .*pkg-config, .*json-c, .*ncursesw, depmod;" \
		"apt install .*gcc .*kmod libjson-c-dev libncurses-dev linux-headers-9.9.9 pkg-config"; do
		like "$said" "$thing"
	done
	[ ! -e build ] || fail "it has begun to build"
	[ ! -e "$root" ] || fail "it has begun to copy"
}

# missing_alone THING COMMANDS [VARIABLE=VALUE...]
missing_alone() {
	local said
	said=$(lacking "${@:2}" | grep -v '^make:')
	like "$said" "lacks: $1; on Debian: apt install "
	[ ! -e build ] || fail "it has begun to build without $1"
}

each_thing_that_is_missing_is_named() {
	local pc=$tap_dir/pc
	mkdir "$pc"
	cp "$(pkg-config --variable=pcfiledir json-c)"/{json-c,ncursesw,tinfo}.pc "$pc" 2>/dev/null || true
	missing_alone pkg-config "pkg-config pkgconf" "${fake_kernel[@]}"
	missing_alone cc cc "${fake_kernel[@]}"
	missing_alone ar ar "${fake_kernel[@]}"
	missing_alone depmod depmod "${fake_kernel[@]}"
	missing_alone insmod insmod "${fake_kernel[@]}"
	missing_alone gcc-12 gcc-12 "HEADERS=$kernel/build" "RELEASE=$release"
	missing_alone "the headers of kernel 9.9.9 \(/lib/modules/9.9.9/build\)" "" RELEASE=9.9.9 \
		HEADERS=/lib/modules/9.9.9/build
	missing_alone "the headers of the C library" "" CC="cc -nostdinc" "${fake_kernel[@]}"
	rm "$pc/json-c.pc"
	missing_alone "the library json-c" "" "PKG_CONFIG_LIBDIR=$pc" "${fake_kernel[@]}"
	missing_alone "pkg-config, the library json-c" "pkg-config pkgconf" "PKG_CONFIG_LIBDIR=$pc" "${fake_kernel[@]}"
}

headers_of_another_kernel_are_refused() {
	refused "headers in .* are of kernel $fake, not of 9.9.9" \
		make install "DESTDIR=$root" HEADERS="$tap_dir/headers" RELEASE=9.9.9
	[ ! -e build ] || fail "it has begun to build"
}

only_what_is_installed_is_built() {
	install_it
	is "$(find build -type f -name '*.ko')" "build/host/$release/kernel/stacq.ko" "the list of modules"
	is "$(find build -type f -name '*test*')" "" "what is built of tests"
	is "$(find build/user -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | xargs)" "bin lib made-in obj" "what is in build/user"
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

uninstall_leaves_nothing() {
	local to=$tap_dir/empty before kernel
	mkdir -p "$to"/usr/local/{bin,include,lib,share/man}
	mkdir -p "$to"/lib/modules/{1.0,2.0,$fake}/kernel "$to/lib/modules/3.0/updates"
	touch "$to/lib/modules/2.0/kernel/other.ko" "$to/lib/modules/3.0/updates/other.ko" "$to/usr/local/bin/other"
	before=$(cd "$to" && find . | sort)
	make install "DESTDIR=$to" "${fake_kernel[@]}" >/dev/null
	is "$(cat "$to/lib/modules/$fake/updates/stacq.ko")" made "the module"
	[ -x "$to/usr/local/bin/stacq" ] || fail "there is no command"
	# 4.0 was removed
	for kernel in 1.0 2.0 3.0 4.0; do
		install -D "$to/lib/modules/$fake/updates/stacq.ko" "$to/lib/modules/$kernel/updates/stacq.ko"
	done
	make uninstall "DESTDIR=$to" RELEASE=9.9.9 >/dev/null
	is "$(cd "$to" && find . | sort)" "$before" "what is there"
}

# Without DESTDIR.
each_kernel_notices() {
	local to=$tap_dir/real where
	where=("MODULES_DIR=$to/modules" "PREFIX=$to/usr")
	PATH=$tap_dir/notes:$PATH
	mkdir -p "$to"/modules/{1.0,2.0,$fake}/kernel
	: >"$tap_dir/notes/log"
	make install "${where[@]}" "${fake_kernel[@]}" >/dev/null
	is "$(cat "$tap_dir/notes/log")" "depmod $fake" "what was called"
	for kernel in 1.0 3.0; do
		install -D "$to/modules/$fake/updates/stacq.ko" "$to/modules/$kernel/updates/stacq.ko"
	done
	: >"$tap_dir/notes/log"
	make uninstall "${where[@]}" RELEASE=9.9.9 >/dev/null
	is "$(cat "$tap_dir/notes/log")" "depmod 1.0"$'\n'"depmod $fake" "what was called"
}

# as_somebody COMMAND...
somebody=65534
as_somebody() { setpriv --reuid=$somebody --regid=$somebody --clear-groups env HOME=/ "$@"; }

root_builds_nothing_for_somebody_else() {
	local to=$tap_dir/owned
	[ "$(id -u)" = 0 ] || skip "this takes root"
	PATH=$tap_dir/notes:$PATH
	chown -R $somebody:$somebody "$tree"
	make uninstall "DESTDIR=$to" >/dev/null
	touch tools/util.c
	: >"$tap_dir/notes/log"
	make load "${fake_kernel[@]}" >/dev/null
	is "$(cat "$tap_dir/notes/log")" "insmod $tree/build/host/$fake/kernel/stacq.ko" "what was called"
	make install "DESTDIR=$to" "${fake_kernel[@]}" >/dev/null
	[ build/user/bin/stacq -nt tools/util.c ] || fail "nothing was built"
	is "$(find "$tree" ! -user $somebody -print -quit)" "" "what belongs to root in the checkout"
	is "$(find "$to" -user $somebody)" "" "what is installed as his"
	# He can build there again.
	touch tools/util.c
	as_somebody make host-programs "${fake_kernel[@]}" >/dev/null

	rm -r build
	make uninstall "DESTDIR=$to" >/dev/null
	[ ! -e build ] || fail "uninstall makes a folder to build in"
	is "$(find "$to" -type f)" "" "what is left"

	mkdir -p build/host
	refused "build does not belong to the owner.*: sudo rm -r $tree/build" \
		make install "DESTDIR=$to" "${fake_kernel[@]}"
	is "$(find "$to" -type f)" "" "what was installed"
}

tap_main \
	everything_missing_is_named_at_once \
	each_thing_that_is_missing_is_named \
	headers_of_another_kernel_are_refused \
	only_what_is_installed_is_built \
	all_have_the_version \
	another_version_is_built \
	uninstall_leaves_nothing \
	each_kernel_notices \
	root_builds_nothing_for_somebody_else
