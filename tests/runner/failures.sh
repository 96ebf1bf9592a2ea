#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Whatever keeps vm/run and the scripts that it calls from doing their part is status 125 and one line. No machine is
# booted but one: the others are made up.
# shellcheck disable=SC2016,SC2031 # what is in single quotes is for another shell; nor is tap_dir modified in one

# shellcheck source=../common/tap.bash
. "${0%/*}/../common/tap.bash"
here=$(cd "${0%/*}/../.." && pwd)
set -e
umask 022
chmod 755 "$tap_dir"

# A checkout with no more than these tests need, and a machine that does what the file `does` says.
tree=$tap_dir/tree fake=$tap_dir/fake
mkdir -p "$tree/tests/runner" "$tree/labs/made" "$fake"
cp -r "$here/vm" "$here/include" "$here/Makefile" "$tree"
cp -r "$here/tests/runner/module" "$tree/tests/runner"
cp -r "$here/tests/guest-run" "$here/tests/run" "$tree/tests"
cp -r "$here/tools" "$here/lib" "$tree"
cp "$here/tests/Makefile" "$tree/tests"
echo made >"$tree/labs/made/README"
cat >"$fake/qemu-system-x86_64" <<'END_OF_QEMU'
#!/bin/bash
fake=${0%/*}
while [ $# -gt 0 ]; do
	case $1 in
	-initrd) cp "$2" "$fake/initramfs" ;;
	file,id=*) name=${1#*id=} && declare "${name%%,*}=${1#*path=}" ;;
	esac
	shift
done
. "$fake/does"
END_OF_QEMU
chmod 755 "$fake/qemu-system-x86_64"
nobody=()
[ "$(id -u)" != 0 ] || nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# does COMMANDS: the machine does that, with the files $console, $output, $errors and $verdict
does() { echo "$1" >"$fake/does"; }

# vm ARGUMENT...: vm/run of the small checkout, with the made-up machine
vm() { STACQ_ACCEL=tcg PATH=$fake:$PATH "$tree/vm/run" "$@"; }

# ends STATUS COMMAND...: with that status; what it says is in $tap_dir/out and $tap_dir/err
ends() {
	local wanted=$1 status=0
	shift
	"$@" >"$tap_dir/out" 2>"$tap_dir/err" </dev/null || status=$?
	is "$status" "$wanted" "status of '$*', which says '$(cat "$tap_dir/err")',"
}

# one_line PATTERN COMMAND...: it fails with 125 and one line, in which this is
one_line() {
	ends 125 "${@:2}"
	is "$(wc -l <"$tap_dir/err")" 1 "number of lines of '${*:2}', which says '$(cat "$tap_dir/err")',"
	like "$(cat "$tap_dir/err")" "^vm/[a-z-]+: .*$1" "what '${*:2}' says"
	is "$(cat "$tap_dir/out")" "" "standard output of '${*:2}'"
}

# everything COMMAND...: one_line for each of our scripts, with COMMAND before it
everything() {
	local pattern=$1 script
	shift
	for script in "run -- true" rootfs "fetch-kernel stock" "build-kernel kasan" build-modules; do
		# shellcheck disable=SC2086 # words
		one_line "$pattern" "$@" "$tree/vm/"$script
	done
}

# small_disk SIZE FOLDER COMMAND...: with a file system of that size on FOLDER
small_disk() {
	unshare -rm sh -c 'mount -t tmpfs -o size=$1 none "$2" && shift 2 && exec "$@"' sh "$@"
}

needs_small_disk() { small_disk 64k /mnt true 2>/dev/null || skip "a user may not have a file system of his own here"; }

the_home_is_relative() {
	everything 'not an absolute path' env -u STACQ_CACHE -u XDG_CACHE_HOME HOME=some/where
	[ ! -e some ] || fail "it was made"
}

too_few_descriptors() {
	ends 125 eval '(ulimit -n 8 && exec "$tree/vm/run" -- true)'
	like "$(cat "$tap_dir/err")" 'vm/run: .*ulimit -n'
}

home_is_not_set() {
	everything 'HOME is not set; set it, or STACQ_CACHE' env -u HOME -u XDG_CACHE_HOME -u STACQ_CACHE
	one_line 'HOME is not set' env -u HOME -u XDG_CACHE_HOME -u STACQ_CACHE "$tree/vm/need" run
}

the_cache_may_not_be_read() {
	mkdir "$tap_dir/cache"
	chmod 000 "$tap_dir/cache"
	everything "$tap_dir/cache.*STACQ_CACHE" "${nobody[@]}" env STACQ_CACHE="$tap_dir/cache"
}

a_cache_that_may_only_be_read_will_do() {
	local cache
	cache=$(bash -c '. "$1" && echo "$cache"' sh "$here/vm/lib.sh")
	"$here/vm/fetch-kernel" stock >"$tap_dir/kernel"
	mkdir -p "$tap_dir/shared/kernels" "$tree/build"
	cp -r "$cache/kernels/stock" "$tap_dir/shared/kernels"
	STACQ_CACHE=$tap_dir/shared "$tree/vm/rootfs" >"$tap_dir/rootfs"
	chmod 777 "$tree/build" "$fake"
	does 'echo "exit 7" >>"$verdict"'
	ends 7 "${nobody[@]}" env STACQ_CACHE="$tap_dir/shared" STACQ_ACCEL=tcg PATH="$fake:$PATH" "$tree/vm/run" -- true
}

limited() { (ulimit -f 1 && "$@"); }

files_may_not_be_large() {
	one_line 'File too large.*ulimit -f' limited vm -- true
	one_line 'File too large.*ulimit -f' limited env STACQ_CACHE="$tap_dir/empty" "$tree/vm/rootfs"
}

files_that_the_machine_writes_may_not_be_large() {
	does 'yes "a line of the log" | head -c 100000000 2>/dev/null >>"$console"'
	one_line 'verdict is lost.*ulimit -f' eval '(ulimit -f 20000 && vm -- true)'
}

the_disk_is_full() {
	needs_small_disk
	mkdir -p "$tap_dir/small" "$tree/build/runs" "$tree/build/stock"
	one_line 'No space left.*make room' small_disk 1m "$tap_dir/small" \
		env STACQ_CACHE="$tap_dir/small" "$tree/vm/rootfs"
	one_line 'No space left.*make room' small_disk 1m "$tree/build/runs" "$tree/vm/run" -- true
	does 'yes "a line of the log" | head -c 100000000 2>/dev/null >>"$console"'
	one_line 'verdict is lost.*no room' small_disk 20m "$tree/build/runs" \
		env STACQ_ACCEL=tcg PATH="$fake:$PATH" "$tree/vm/run" -- true
	ends 125 small_disk 16k "$tree/build/stock" "$tree/vm/build-modules" --only tests/runner/module stock
	like "$(tail -n 1 "$tap_dir/err")" '^vm/build-modules: the modules .* could not be built'
}

what_the_command_prints_can_not_be_written() {
	does 'echo word >"$output"; echo "exit 0" >>"$verdict"'
	one_line 'could not be written: no room' eval 'vm -- true >/dev/full'
	does 'head -c 1000000 /dev/zero >"$output"; echo "exit 0" >>"$verdict"'
	one_line 'could not be written: no room' eval 'vm -- true >/dev/full'
}

a_reader_that_goes_away_ends_the_machine() {
	local begun=$SECONDS
	does 'while echo word; do :; done >"$output"'
	ends 141 bash -c "set -o pipefail; STACQ_ACCEL=tcg PATH=$fake:\$PATH $tree/vm/run --timeout 600 -- true | head -n 1"
	[ $((SECONDS - begun)) -lt 500 ] || fail "the machine ran until its time limit"
	is "$(cat "$tap_dir/err")" ""
}

the_commands_own_status_passes() {
	local status
	for status in 0 1 2 3 125 126 127 130 137 141 143 153 255; do
		does "echo text >\"\$errors\"; echo 'exit $status' >>\"\$verdict\""
		ends $status vm -- true
		is "$(cat "$tap_dir/err")" text "what is said with status $status"
	done
	does 'echo text >"$errors"; echo "exit 3" >>"$verdict"'
	ends 3 eval 'vm -- true 2>&-'
	ends 3 eval 'vm -- true <&- >&- 2>&-'
}

options_without_sense_are_refused() {
	rm -rf "$tree/build"
	one_line 'rel/path: the path in the guest is not absolute' vm --file /etc/hostname:rel/path -- true
	one_line 'more than one colon' vm --file /etc/hostname:/a:b -- true
	one_line 'HOST:GUEST' vm --file /etc/hostname -- true
	one_line 'without a /' vm --file /etc/hostname:/tmp/ -- true
	one_line 'without a /' vm --file /etc/hostname:/../../x -- true
	one_line 'the machine itself needs /init' vm --file /etc/hostname:/init -- true
	one_line 'HOST:GUEST' vm --file :/x -- true
	one_line '1 or more' vm --cpus 0 -- true
	one_line '/none/such: there is no such file' vm --file /none/such:/x -- true
	one_line '64: not such as' vm --mem 64 -- true
	one_line 'much: not such as' vm --mem much -- true
	one_line '/none/such: it cannot be written' vm --console /none/such -- true
	[ ! -e "$tree/build" ] || fail "something was written: $(find "$tree/build")"
}

# added: what the last machine had in its initramfs beside the base, as cpio -tv lists it
added() {
	local base
	base=$("$tree/vm/rootfs")
	tail -c +$(($(stat -c %s "$base") + 1)) "$fake/initramfs" | cpio --quiet -tv | awk '{ print $1, $9 }'
}

a_file_changes_nothing_else() {
	does 'echo "exit 0" >>"$verdict"'
	echo own >"$tap_dir/own"
	mkdir "$tap_dir/folder"
	echo own >"$tap_dir/folder/own"
	ln -s user@host.1 "$tap_dir/folder/.#own"
	ends 0 vm --file "$tap_dir/own:/tmp/own" --file "$tap_dir/own:/labs/made/own" --file "$tap_dir/folder:/data" -- true
	added >"$tap_dir/list"
	grep -qx -- '-rw-r--r-- tmp/own' "$tap_dir/list" || fail "tmp/own is not there"
	grep -qx -- '-rw-r--r-- labs/made/own' "$tap_dir/list" || fail "labs/made/own is not there"
	grep -qx -- '-rw-r--r-- labs/made/README' "$tap_dir/list" || fail "labs/made/README is no longer there"
	grep -qx -- '-rw-r--r-- data/own' "$tap_dir/list" || fail "data/own is not there"
	if grep -qx -- 'd.* tmp' "$tap_dir/list"; then fail "/tmp has another mode than in the base"; fi
	[ ! -e "$tree/labs/made/own" ] || fail "it was written into the checkout"
	one_line 'a folder in the guest; say /etc/own' vm --file "$tap_dir/own:/etc" -- true
}

the_umask_does_not_count() {
	local base
	base=$(umask 077 && STACQ_CACHE=$tap_dir/masked "$tree/vm/rootfs")
	cpio --quiet -tv <"$base" >"$tap_dir/list"
	grep -q '^-rwxr-xr-x .* bin/busybox$' "$tap_dir/list" || fail "not all may run bin/busybox"
	grep -q '^-rw-r--r-- .* etc/passwd$' "$tap_dir/list" || fail "not all may read etc/passwd"
	is "$(awk '$1 !~ /^.r..r..r..$/ && $1 !~ /^drwxrwxrwt/ && $9 !~ /^(root|etc\/shadow)/ { print $1, $9 }' "$tap_dir/list")" "" \
		"what not all may read"
	is "$(find "$tap_dir/masked" ! -perm -444 -o -type d ! -perm -555)" "" "what not all may read in the cache"
}

sources_of_another_umask_can_be_read() {
	mkdir -p "$tree/build/user/bin"
	echo program >"$tree/build/user/bin/program"
	chmod 700 "$tree/build/user/bin/program" "$tree/labs/made"
	chmod 600 "$tree/labs/made/README"
	does 'echo "exit 0" >>"$verdict"'
	ends 0 vm -- true
	added >"$tap_dir/list"
	grep -qx -- '-rwxr-xr-x usr/bin/program' "$tap_dir/list" || fail "not all may run usr/bin/program"
	grep -qx -- 'drwxr-xr-x labs/made' "$tap_dir/list" || fail "not all may go into labs/made"
	grep -qx -- '-rw-r--r-- labs/made/README' "$tap_dir/list" || fail "not all may read labs/made/README"
	is "$(stat -c %a "$tree/labs/made/README")" 600 "the mode in the checkout"
}

too_little_memory_is_the_reason() {
	one_line 'did not come up: with 64M of memory.*1G.*: .*(memory|initrd|word)' env STACQ_KEEP=no "$tree/vm/run" --mem 64M -- true
	does 'echo "[    1.0] Initramfs unpacking failed: write error" >>"$console"; echo booted >>"$verdict"'
	one_line 'with 160M of memory.*: Initramfs unpacking failed: write error;' vm --mem 160M -- true
	does 'echo "[    1.0] Kernel panic - not syncing: System is deadlocked on memory" >>"$console"'
	one_line 'with 112M of memory.*: Kernel panic - not syncing: System is deadlocked' vm --mem 112M -- true
}

a_machine_that_does_not_come_up_has_a_reason() {
	does 'exit 0'
	one_line 'did not come up: the machine ended with status 0, without a word' vm -- true
	one_line 'did not come up: with 64M .*: the machine ended with status 0, without a word' vm --mem 64M -- true
	does 'echo "no such processor" >&2; exit 1'
	one_line 'did not come up: no such processor;' vm -- true
	does 'printf "[    1.0] the last word\r\n\n" >>"$console"'
	one_line 'did not come up: the last word;' vm -- true
	does 'echo "<0>[    1.0] Kernel panic - not syncing: no page" >&2; echo "<4>[    1.0]  a trace" >&2'
	one_line 'did not come up: Kernel panic - not syncing: no page;' vm -- true
	does 'echo booted >>"$verdict"; kill -9 $$'
	one_line 'ended before the command: ' vm -- true
}

# (links to the sources, and what make keeps, have the place of the checkout in them)
a_checkout_can_be_moved_and_copied() {
	local old=$tap_dir/old new=$tap_dir/new copy=$tap_dir/copy
	mkdir "$old"
	cp -r "$tree/vm" "$tree/include" "$tree/tests" "$old"
	mkdir -p "$old/build/user/bin" "$old/build/user/lib"
	touch "$old/tests/runner/module/gone.h"
	echo 'int number(void) { return 1; }' | gcc -shared -fPIC -Wl,-soname,libmade.so -o "$old/build/user/lib/libmade.so" -x c -
	echo 'int number(void); int main(void) { return number(); }' |
		gcc -o "$old/build/user/bin/made" -x c - -L"$old/build/user/lib" -lmade -Wl,-rpath,"$old/build/user/lib"
	"$old/vm/build-modules" --only tests/runner/module stock
	does 'echo "exit 0" >>"$verdict"'
	ends 0 env STACQ_ACCEL=tcg PATH="$fake:$PATH" "$old/vm/run" -- true

	mv "$old" "$new"
	ends 0 env STACQ_ACCEL=tcg PATH="$fake:$PATH" "$new/vm/run" -- true
	is "$(added | grep -F "${tap_dir#/}/")" "" "what the guest has of the place of the checkout"

	ends 0 "$new/vm/build-modules" --only tests/runner/module stock
	cp -a "$new" "$copy"
	rm "$copy/tests/runner/module/gone.h"
	# (had the other checkout a part in it, this would end the build, or show)
	echo '#error the other checkout' >>"$new/tests/runner/module/runner_test.c"
	sed -i 's/MODULE_DESCRIPTION(".*")/MODULE_DESCRIPTION("copied")/' "$copy/tests/runner/module/runner_test.c"
	ends 0 "$copy/vm/build-modules" --only tests/runner/module stock
	like "$(tr '\0' '\n' <"$copy/build/stock/runner_test.ko")" 'description=copied'
	is "$(find "$copy/build" -lname "$new/*")" "" "what leads to the other checkout"
}

objects_of_another_place_are_forgotten() {
	mkdir "$tap_dir/objects"
	touch "$tap_dir/objects/old"
	echo /another/place >"$tap_dir/objects/made-in"
	bash -c '. "$1" && made_here "$2" && touch "$2/new" && made_here "$2"' sh "$tree/vm/lib.sh" "$tap_dir/objects"
	is "$(cd "$tap_dir/objects" && echo *)" "made-in new" "what is there"
	like "$(make -n -C "$tree" user 2>/dev/null || true)" 'made_here [^ ]*/build/user' "what make user does"
}

a_path_that_make_can_not_take_is_refused() {
	local name script target
	for name in 'a blank' a:colon 'a#sign' 'a$sign' a,comma "a'quote"; do
		mkdir "$tap_dir/paths"
		cp -r "$tree" "$tap_dir/paths/$name"
		rm -rf "$tap_dir/paths/$name/build"
		(cd "$tap_dir/paths" && find . | sort) >"$tap_dir/before"
		for script in "run -- true" rootfs "fetch-kernel stock" "build-kernel kasan" build-modules "build-user arm64" \
			"need run"; do
			# shellcheck disable=SC2086 # words
			one_line 'this checkout, .*move it' "$tap_dir/paths/$name/vm/"$script
		done
		ends 125 "$tap_dir/paths/$name/tests/run"
		for target in all test run shell modules user lint lab bench; do
			ends 2 make -C "$tap_dir/paths/$name" --no-print-directory $target
			is "$(wc -l <"$tap_dir/err")" 1 "number of lines of make $target"
			like "$(cat "$tap_dir/err")" 'this checkout, .*move it' "what make $target says"
		done
		for target in tools tests; do
			ends 2 make -C "$tap_dir/paths/$name/$target" --no-print-directory
			like "$(cat "$tap_dir/err")" 'this checkout, .*move it' "what make -C $target says"
		done
		(cd "$tap_dir/paths" && find . | sort) >"$tap_dir/after"
		cmp "$tap_dir/before" "$tap_dir/after" || fail "something was written"
		rm -rf "$tap_dir/paths"
	done
	one_line 'the cache folder, .*STACQ_CACHE' env STACQ_CACHE="$tap_dir/my cache" "$tree/vm/run" -- true
}

# mirror: packages of a made-up Debian release. Its base-files is older than that of any machine, and needs a kernel.
mirror() {
	local root=$tap_dir/mirror name
	code_name=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	{ [ -n "$code_name" ] && command -v dpkg-deb apt-get >/dev/null; } || skip "this machine is no Debian"
	mkdir -p "$root"/dists/{made,"$code_name"}/main/binary-amd64
	for name in base-files linux-image-5.10.0-made linux-headers-5.10.0-made linux-kbuild-made; do
		rm -rf "$tap_dir/deb"
		mkdir -p "$tap_dir/deb/DEBIAN" "$tap_dir/deb/boot" "$tap_dir/deb/usr/src/linux-headers-5.10.0-made"
		printf '%s\n' "Package: $name" "Version: 0.1" "Architecture: amd64" "Maintainer: nobody" "Description: made up" \
			>"$tap_dir/deb/DEBIAN/control"
		case $name in
		base-files) echo "Depends: linux-image-5.10.0-made, linux-headers-5.10.0-made" >>"$tap_dir/deb/DEBIAN/control" ;;
		linux-headers-*) echo "Depends: linux-kbuild-made" >>"$tap_dir/deb/DEBIAN/control" ;;
		linux-image-*) head -c 3000000 /dev/urandom >"$tap_dir/deb/boot/vmlinuz-5.10.0-made" ;;
		esac
		dpkg-deb -Znone -b "$tap_dir/deb" "$root/$name.deb" >/dev/null
		cat "$tap_dir/deb/DEBIAN/control"
		printf '%s\n' "Filename: $name.deb" "Size: $(stat -c %s "$root/$name.deb")" \
			"SHA256: $(sha256sum "$root/$name.deb" | cut -d' ' -f1)" ''
	done >"$root/dists/made/main/binary-amd64/Packages"
	: >"$root/dists/$code_name/main/binary-amd64/Packages"
	for name in made "$code_name"; do
		(cd "$root/dists/$name" && printf '%s\n' "Suite: $name" "Codename: $name" "Components: main" "Architectures: amd64" \
			"Date: $(date -Ru)" SHA256: \
			" $(sha256sum main/binary-amd64/Packages | cut -d' ' -f1) $(stat -c %s main/binary-amd64/Packages) main/binary-amd64/Packages" \
			>Release)
	done
	cat >"$tap_dir/apt.conf" <<-END_OF_CONF
		Dir::Etc::sourcelist "$tap_dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "$tap_dir/preferences";
		APT::Default-Release "none-such";
		APT::Get::AllowUnauthenticated "true";
		Acquire::AllowInsecureRepositories "true";
	END_OF_CONF
	printf 'Package: *\nPin: release n=made\nPin-Priority: -1\n' >"$tap_dir/preferences"
	echo "deb [allow-insecure=yes] file:$root $code_name main" >"$tap_dir/sources.list"
	rm -rf "$tap_dir/debian"
	mkdir "$tap_dir/debian"
	cp -r "$tree/vm" "$tap_dir/debian"
	sed -i "s|\[signed-by=[^]]*\]|[allow-insecure=yes]|" "$tap_dir/debian/vm/lib.sh"
	echo 'made debian made base-files base-files gcc-12 1G' >>"$tap_dir/debian/vm/kernels.list"
	export APT_CONFIG=$tap_dir/apt.conf
}

# (base-files is installed on each machine, and newer)
packages_of_the_machine_do_not_count() {
	mirror
	STACQ_CACHE=$tap_dir/fetched "$tap_dir/debian/vm/fetch-kernel" made >/dev/null
	is "$(cat "$tap_dir/fetched/kernels/made/release")" 5.10.0-made "the release"
}

a_full_disk_while_a_kernel_is_fetched() {
	needs_small_disk
	mirror
	mkdir -p "$tap_dir/small"
	ends 125 small_disk 2m "$tap_dir/small" env STACQ_CACHE="$tap_dir/small" APT_CONFIG="$APT_CONFIG" \
		sh -c '"$1" made; s=$?; ls -A "$STACQ_CACHE/kernels"; exit $s' sh "$tap_dir/debian/vm/fetch-kernel"
	is "$(cat "$tap_dir/out")" "" "what is left in the cache"
	is "$(grep -cv '^vm/fetch-kernel: \(reading\|fetching\)' "$tap_dir/err")" 1 "number of lines beside those of progress"
}

set +e
tap_main the_home_is_relative too_few_descriptors home_is_not_set the_cache_may_not_be_read a_cache_that_may_only_be_read_will_do files_may_not_be_large \
	files_that_the_machine_writes_may_not_be_large the_disk_is_full what_the_command_prints_can_not_be_written \
	a_reader_that_goes_away_ends_the_machine the_commands_own_status_passes options_without_sense_are_refused \
	a_file_changes_nothing_else the_umask_does_not_count sources_of_another_umask_can_be_read \
	too_little_memory_is_the_reason a_machine_that_does_not_come_up_has_a_reason a_checkout_can_be_moved_and_copied \
	objects_of_another_place_are_forgotten a_path_that_make_can_not_take_is_refused \
	packages_of_the_machine_do_not_count a_full_disk_while_a_kernel_is_fetched
