# shellcheck shell=bash disable=SC2034 # (variables that the scripts use)
# SPDX-License-Identifier: GPL-2.0
#
# Shared by the scripts in vm/, tests/run and tests/lint: the cache folder, the list of kernels,
# Debian packages without installing them.

unset CDPATH # (cd would print a folder)
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
me=$(realpath "$0")
me=${me#"$top"/}

# The caller's umask has no part in what is made for the guest or for other users of the cache.
umask 022

err=2    # where our own lines go: see guard
told=''  # a pipe with something in it once the line about a failure is out
left=''  # the exit status that leave chose

say() { echo "$me: $*" >&"$err"; }
die() {
	say "$*"
	[ -z "$told" ] || echo >&"$told"
	exit 125
}

# guard: from here on the script ends with 125 and one line when anything in it fails. What tools say on standard
# error is held back, and the last line of it is the reason. The script's own lines (say, die) come out at once.
# A function `finish` is called at the end, whatever the reason.
guard() {
	shopt -s inherit_errexit
	trap '' XFSZ # writing more than `ulimit -f` allows is an error like a full disk, and kills nobody
	[ -e "/proc/$$/fd/1" ] || exec >/dev/null
	# (where standard error is closed, bash has the script itself there)
	{ [ -e "/proc/$$/fd/2" ] && [ ! "/proc/$$/fd/2" -ef "$0" ]; } || exec 2>/dev/null
	# (bash says which of them failed)
	trap 'echo "$me: there are too few file descriptors or processes to work with; see ulimit -n and -u" >&2; exit 125' EXIT
	exec {err}>&2 {told}<> <(:) {noise}<> <(:)
	exec 2> >(last_line)
	trap at_exit EXIT
	trap 'leave 130' INT
	trap 'leave 143' TERM HUP
}

# leave STATUS: end with this status, which is no failure of the script's own.
leave() {
	left=$1
	exit "$1"
}

# ours COMMAND...: another script of ours, which says itself what went wrong.
ours() {
	local status=0
	"$@" 2>&"$err" || status=$?
	[ $status != 0 ] || return 0
	[ -z "$told" ] || echo >&"$told"
	[ $status -gt 128 ] || exit 125
	leave $status
}

# For guard: read to the end, then write the last line that is not empty, and a NUL, into a pipe.
last_line() {
	local line last=''
	exec >&"$noise" {err}>&-
	trap '' INT TERM HUP
	while IFS= read -r line || [ -n "$line" ]; do
		[ -z "$line" ] || last=$line
	done
	printf '%s\0' "$last"
}

at_exit() {
	local status=$? command=$BASH_COMMAND why=''
	set +e
	trap - EXIT
	exec 2>&"$err"
	if declare -F finish >/dev/null && ! finish 2>/dev/null; then left=125; fi
	[ -z "$left" ] || exit "$left"
	[ $status != 0 ] || exit 0
	if ! read -r -t 0 -u "$told"; then
		# (a process that was left behind may still have the other end of the pipe open: hence the limit)
		IFS= read -r -d '' -t 2 -u "$noise" why
		why=${why#"$0: "}
		[ -n "$why" ] || why="exit status $status of: ${command//$'\n'/ }"
		case $why in
		*'No space left'* | *'quota exceeded'*) why+="; make room for $top/build and for the cache, $cache" ;;
		*'File too large'*) why+="; a limit on the size of files is in force: see ulimit -f" ;;
		*'Permission denied'* | *'Read-only file system'*)
			why+="; $top/build and the cache, $cache, must be writable (STACQ_CACHE names another cache)"
			;;
		esac
		say "$why"
	fi
	exit 125
}

# usable_path WHAT PATH WAY_OUT: make and the kernel's build take a path apart at some characters, and would read and
# write somewhere else.
usable_path() {
	case $2 in
	*[[:space:]]*) die "$1, ${2@Q}, has a blank in its path, which make cannot take; $3" ;;
	*[:\;,\#\$%\&\(\)\*\<=\>?\[\\\]^\{\|\}\!\`\'\"]*)
		die "$1, ${2@Q}, has a character in its path that make or QEMU cannot take; $3"
		;;
	esac
}

usable_path "this checkout" "$top" "move it"
cache=${STACQ_CACHE:-${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}}
[ -n "$cache" ] || die "HOME is not set; set it, or STACQ_CACHE to a folder for the cache"
if [ -z "${STACQ_CACHE-}" ]; then
	[[ $cache = /* ]] || die "$cache: HOME or XDG_CACHE_HOME is not an absolute path; correct it, or set STACQ_CACHE"
	cache+=/stacq
fi
[[ $cache = /* ]] || cache=$PWD/$cache
usable_path "the cache folder" "$cache" "set STACQ_CACHE to another folder"

# made_here FOLDER: forget all that is in FOLDER if it was made when the checkout was somewhere else. Objects and
# links in it may lead to the old place.
made_here() {
	[ "$(cat "$1/made-in" 2>/dev/null)" != "$top" ] || return 0
	rm -rf "$1"
	mkdir -p "$1"
	echo "$top" >"$1/made-in"
}

# One line of vm/kernels.list into variables: see the head of that file for the columns.
kernel_entry() {
	local name
	while read -r name kernel_kind kernel_suite kernel_package kernel_config kernel_cc kernel_memory kernel_arguments; do
		if [ "$name" = "$1" ]; then
			kernel_name=$name kernel_arch=amd64 kernel_cross=
			case $kernel_suite in
			*:arm64) kernel_arch=arm64 kernel_cross=aarch64-linux-gnu- ;;
			esac
			return 0
		fi
	done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$top/vm/kernels.list")
	die "$1: no such kernel; known are: $(kernel_names)"
}

# What vm/need has to have installed for the compiler of the kernel, beside the usual.
compiler_purpose() {
	case $kernel_cc in clang*) echo clang ;; esac
	[ "$kernel_arch" = amd64 ] || echo "$kernel_arch"
}

kernel_names() {
	sed -e 's/#.*//' "$top/vm/kernels.list" | awk 'NF { print $1 }' | xargs
}

# kernel_folder NAME: where its vmlinuz, build folder and release are; fetches or builds it first.
kernel_folder() {
	kernel_entry "$1"
	case $kernel_kind in
	debian) ours "$top/vm/fetch-kernel" "$1" ;;
	built | um) ours "$top/vm/build-kernel" "$1" ;;
	esac
}

# locked NAME COMMAND...: one process at a time does this in the cache; others wait for it.
locked() {
	local name=$1 status
	shift
	{ mkdir -p "$cache/locks" && : >>"$cache/locks/$name"; } 2>/dev/null ||
		die "cannot read and write the cache folder $cache; set STACQ_CACHE to another one"
	exec {lock_fd}>>"$cache/locks/$name"
	flock -n "$lock_fd" || { say "waiting for another process to finish with $name"; flock "$lock_fd"; }
	# (not in a condition, in which no failure would end the command)
	"$@"
	status=$?
	exec {lock_fd}>&-
	return "$status"
}

# apt for one Debian suite (or SUITE:ARCHITECTURE), on package lists of our own in the cache: needs no
# root and leaves the machine's lists alone. The mirror is the one that this machine's own sources name. Nothing else
# of the machine has a part in it: no installed package, whose version would be the candidate if it is the newest, no
# pinned one, no default release.
apt_suite() {
	local suite=${1%:*} tool=$2 state=$cache/apt/${1/:/-} arch='' host
	case $1 in *:*) arch=${1#*:} ;; esac
	shift 2
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial" && : >"$state/status" || return
	host=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	local options=(-o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache"
		-o "Dir::State::status=$state/status" -o APT::Default-Release=
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root
		-o Acquire::Retries=3 -o Acquire::Languages=none -o "Dir::Log=$state")
	if [ "$suite" != "$host" ] || [ -n "$arch" ]; then
		# (sid has no suite of its own for security)
		apt-get update --print-uris "${options[@]}" 2>/dev/null |
			sed -n "s|^'\(.*\)/dists/$host\(-security\)\?/[^ ]*InRelease'.*|\1 $suite\2|p" | sort -u |
			sed '/ sid-security$/d; s|^|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] |; s|$| main|' \
				>"$state/sources.list"
		options+=(-o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null)
	fi
	[ -z "$arch" ] || options+=(-o "APT::Architecture=$arch" -o "APT::Architectures=$arch")
	"$tool" "${options[@]}" "$@"
}

# debian_lists SUITE: bring the package lists up to date, unless that was done within the hour. When that fails, older
# lists are used, and lists_problem has the reason for a message, in which it is "; and the reason".
lists_problem=''
debian_lists() {
	local stamp=$cache/apt/${1/:/-}/updated said
	[ -z "$(find "$stamp" -mmin -60 2>/dev/null)" ] || return 0
	say "reading the package lists of Debian $1"
	mkdir -p "${stamp%/*}" || return
	if said=$(apt_suite "$1" apt-get -qq -o APT::Update::Error-Mode=any update 2>&1 >/dev/null); then
		touch "$stamp"
	else
		lists_problem="; the package lists of Debian $1: $(first_error "$said")"
	fi
}

# first_error TEXT: of what apt said, its first error, or else its last line
first_error() { grep -m 1 '^E:' <<<"$1" || tail -n 1 <<<"$1"; }

# debian_depends SUITE PACKAGE [PATTERN]: the names it depends on, one a line.
debian_depends() {
	apt_suite "$1" apt-cache depends "$2" 2>/dev/null | sed -n 's/^ *Depends: //p' | grep -E "${3-.}"
}

# debian_unpack SUITE FOLDER PACKAGE...: download the packages, unpack them into FOLDER.
debian_unpack() {
	local suite=$1 folder=$2 said
	shift 2
	say "fetching from Debian $suite: $*"
	mkdir -p "$folder/debs" || return
	said=$(cd "$folder/debs" && apt_suite "$suite" apt-get -qq download "$@" 2>&1 >/dev/null) ||
		die "could not download $* (is there a network?): $(first_error "$said")$lists_problem"
	unpack_debs "$folder" "$folder/debs"/*.deb
	rm -rf "$folder/debs"
}

# debian_unpack_root SUITE FOLDER PACKAGE...: the same with all that they depend on, so that programs
# can run with FOLDER as their root directory: see inside.
debian_unpack_root() {
	local suite=$1 folder=$2 said
	shift 2
	say "fetching from Debian $suite, with all that they need: $*"
	mkdir -p "$folder/debs/partial" || return
	said=$(apt_suite "$suite" apt-get -qq -y --no-install-recommends --download-only \
		-o "Dir::Cache::archives=$folder/debs" install "$@" base-files dash gawk 2>&1 >/dev/null) ||
		die "could not download $* (is there a network?): $(first_error "$said")$lists_problem"
	# (the first says which folders are links)
	unpack_debs "$folder" "$folder/debs"/base-files_*.deb
	unpack_debs "$folder" "$folder/debs"/*.deb
	rm -rf "$folder/debs"
	# (links that the packages' scripts would have made)
	ln -sfn dash "$folder/usr/bin/sh" && ln -sfn gawk "$folder/usr/bin/awk" && mkdir -p "$folder/proc" "$folder/dev"
}

unpack_debs() {
	local folder=$1 deb
	shift
	for deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$folder" ||
			die "could not unpack ${deb##*/} (is there room in $cache?)"
		echo "${deb##*/}" >>"$folder/packages" && rm "$deb" || return
	done
}

# inside ROOT COMMAND...: run a command with another root directory, in which the checkout is where it
# is outside. Takes no root where users may have name spaces of their own.
inside() {
	local root=$1 as=(unshare --mount)
	shift
	[ "$(id -u)" = 0 ] || as+=(--map-root-user)
	mkdir -p "$root$top"
	# shellcheck disable=SC2016 # for the inner shell
	"${as[@]}" sh -c '
		root=$1 top=$2
		shift 2
		mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" &&
			mount --rbind "$top" "$root$top" || exit
		PATH=/usr/bin:/bin:/usr/sbin:/sbin exec chroot "$root" "$@"
	' sh "$root" "$top" "$@"
}

# user_root ARCHITECTURE: programs, libraries and headers of another architecture, as a root directory;
# prints the folder. What the guest runs is taken from there, and what it shall run is linked with it.
user_root() {
	local folder=$cache/roots/$1
	locked "root-$1" fetch_user_root "$1" "$folder" || exit
	echo "$folder"
}

# (a shell of its own, which takes away what it began)
fetch_user_root() (
	arch=$1 folder=$2
	wanted="busybox-static bash coreutils diffutils findutils grep sed util-linux bsdutils
		liburing-dev libjson-c-dev libncurses-dev libasan8 libubsan1"
	made_from="$wanted, links within"
	[ ! -e "$folder/packages" ] || [ "$(cat "$folder/wanted" 2>/dev/null)" != "$made_from" ] || exit 0
	debian_lists "bookworm:$arch"
	mkdir -p "${folder%/*}" && new=$(mktemp -d "$cache/roots/.$arch.XXXXXX") || exit
	trap 'rm -rf "$new"' EXIT
	# shellcheck disable=SC2086 # words
	debian_unpack_root "bookworm:$arch" "$new" $wanted || exit
	# A link to /lib would lead to this machine's, or nowhere; the linker then takes the archive beside it, without a
	# word, and a program has a library twice.
	find "$new" -type l -lname '/*' -printf '%l %p\n' | while read -r target link; do
		ln -sfrn "$new$target" "$link" || exit
	done || exit
	echo "$made_from" >"$new/wanted" && chmod 755 "$new" && rm -rf "$folder" && mv "$new" "$folder"
)

# libraries ROOT FILE...: the shared libraries that programs need, and the loader, as names in ROOT;
# ROOT is empty for this machine.
libraries() {
	local root=$1 known=' ' names name library
	shift
	if [ -z "$root" ]; then
		ldd "$@" 2>/dev/null | grep -o '/[^ :]*\.so[^ :]*' | sort -u
		return
	fi
	# (programs of another architecture can't be asked)
	while [ $# -gt 0 ]; do
		mapfile -t names < <(readelf -W -l -d "$@" 2>/dev/null |
			sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p; s/.*interpreter: \(.*\)\]/\1/p' | sort -u)
		set --
		for name in "${names[@]}"; do
			[[ $known != *" $name "* ]] || continue
			known+="$name "
			case $name in
			/*) library=$root$name ;;
			*) library=$(find "$root/lib" "$root/usr/lib" -maxdepth 2 -name "$name" -print -quit) ;;
			esac
			[ -e "$library" ] || continue
			set -- "$@" "$library"
			echo "${library#"$root"}"
		done
	done
}

# kernel_source SUITE PACKAGE: fetch a linux-source package once; prints the folder, in which
# `version` is the package's and `tarball` leads to the sources, still packed.
kernel_source() {
	local folder=$cache/sources/$2
	locked "source-$2" fetch_source "$1" "$2" "$folder" || exit
	echo "$folder"
}

# (a shell of its own, which takes away what it began)
fetch_source() (
	suite=$1 package=$2 folder=$3
	[ ! -e "$folder/version" ] || exit 0
	debian_lists "$suite"
	mkdir -p "${folder%/*}" && new=$(mktemp -d "$cache/sources/.$package.XXXXXX") || exit
	trap 'rm -rf "$new"' EXIT
	debian_unpack "$suite" "$new" "$package" || exit
	[ -e "$new/usr/src/$package.tar.xz" ] || die "$package does not hold the file that was expected: $package.tar.xz"
	ln -s "usr/src/$package.tar.xz" "$new/tarball" && chmod 755 "$new" &&
		sed -n "s/^${package}_\(.*\)_[^_]*\.deb$/\1/p" "$new/packages" >"$new/version" &&
		rm -rf "$folder" && mv "$new" "$folder"
)
