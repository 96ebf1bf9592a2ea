# shellcheck shell=bash disable=SC2154 # (variables of tests/lint)
# SPDX-License-Identifier: GPL-2.0
#
# Steps of tests/lint: the header for programs, C of programs, scripts, documents.

# The header for programs compiles alone, in C and C++, for 64 and 32 bits and for either order of
# bytes. Every structure is laid out everywhere as it is here, without holes, and every request is put
# together from the same parts. (What its number then is differs: some architectures encode the parts
# in other places.)
headers() {
	local bits target compile
	layout >"$TMPDIR/layout.h" || return
	for bits in 64 32; do
		compile=("-m$bits" -Wall -Wextra -Werror -fmax-errors=5 -fsyntax-only -I.
			"-I/usr/include/$(gcc -print-multiarch)")
		gcc -x c -std=c11 -Wpedantic "${compile[@]}" "$TMPDIR/layout.h" || return
		g++ -x c++ -std=c++17 "${compile[@]}" "$TMPDIR/layout.h" || return
	done
	# Each with the kernel's headers for it; s390x and powerpc have the high byte first, and
	# powerpc has fewer bits for sizes.
	for target in s390x-linux-gnu aarch64-linux-gnu powerpc-linux-gnu arm-linux-gnueabihf; do
		compile=("--target=$target" -Wall -Wextra -Werror -ferror-limit=5 -fsyntax-only -nostdlibinc
			-I. "-I/usr/$target/include")
		clang-14 -x c -std=c11 "${compile[@]}" "$TMPDIR/layout.h" || return
		clang-14 -x c++ -std=c++17 "${compile[@]}" "$TMPDIR/layout.h" || return
	done
}

# The layout on this machine, as a header full of assertions.
layout() {
	local header=include/uapi/linux/stacq.h
	echo "#include \"$header\"" # first: it needs nothing else
	cat <<-'EOF'
		#include <stddef.h>
		#ifdef __cplusplus
		#define SAME(a, b) static_assert((a) == (b), #a)
		#else
		#define SAME(a, b) _Static_assert((a) == (b), #a)
		#endif
		#define END(s, f) (offsetof(struct s, f) + sizeof(((struct s *)0)->f))
	EOF
	clang-14 -x c -fsyntax-only -Xclang -fdump-record-layouts-complete $header |
		awk '
			/Dumping/ { struct = last = "" }
			/\| struct stacq_/ { struct = $4; structs++; next }
			/\|    / { next } # a member of a member
			struct && $2 == "|" {
				print "SAME(offsetof(struct " struct ", " $NF "), " $1 ");"
				if (last)
					print "SAME(END(" struct ", " last "), " $1 ");"
				last = $NF
			}
			struct && match($0, /sizeof=[0-9]+/) {
				size = substr($0, RSTART + 7, RLENGTH - 7)
				print "SAME(sizeof(struct " struct "), " size ");"
				print "SAME(END(" struct ", " last "), " size ");"
			}
			END { print "#define STRUCTS", structs }' || return
	sed -nE 's/^#define (STACQ_IOC_\w+)\s+_(IO[WR]*)\(STACQ_IOC_MAGIC, (\w+).*/\1 \2 \3/p' $header |
		while read -r name kind nr; do
			case $kind in
			IO) kind=_IOC_NONE ;;
			IOR) kind=_IOC_READ ;;
			IOW) kind=_IOC_WRITE ;;
			*) kind='(_IOC_READ | _IOC_WRITE)' ;;
			esac
			echo "SAME(_IOC_DIR($name), $kind);"
			echo "SAME(_IOC_TYPE($name), STACQ_IOC_MAGIC);"
			echo "SAME(_IOC_NR($name), $nr);"
		done
	sed -nE 's/^#define (STACQ_IOC_\w+).*, (struct .*)\)$/SAME(_IOC_SIZE(\1), sizeof(\2));/p' $header
	echo "SAME(STRUCTS, $(grep -c '^struct stacq_.* {$' $header)); /* none was overlooked */"
}

# Their makefiles say -Wall -Wextra -Werror: there is no object of what has a warning. So this is what `make user`
# builds, and needs not be built again.
userspace() {
	make --no-print-directory -s "-j$jobs" user &&
		make --no-print-directory -s "-j$jobs" -C bench BUILD="$top/build/bench/guest"
}

# gcc -fanalyzer was tried as well: on tests it said that malloc() may fail, elsewhere nothing.
clang-tidy() {
	local status=0 files version
	version=$(clang-tidy-14 --version)
	mapfile -t files < <(program_sources)
	each tidy_program "${files[@]}" || status=1
	clang_tidy_kernel || status=1
	return $status
}

# The analyzer that follows paths, and bugprone, but not of these
#   insecureAPI		the functions of C11's annex K, which nobody has; strcpy of constants in tests
#   easily-swappable, macro-parentheses, branch-clone, reserved-identifier
#			taste
#   narrowing, widening	every int that a long is given to; gcc warns of constants
#   string-compare	"if (strcmp(a, b))"
#   not-null-terminated	tests that want it so
program_checks='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*,bugprone-*'
for check in easily-swappable-parameters macro-parentheses branch-clone reserved-identifier \
	narrowing-conversions implicit-widening-of-multiplication-result suspicious-string-compare \
	not-null-terminated-result; do
	program_checks+=,-bugprone-$check
done

tidy_program() {
	local flags=(-std=gnu11 -D_GNU_SOURCE -Iinclude/uapi -Ilib -Itools -Itests/device)
	case $1 in
	*/compat32.c) flags+=(-m32 -ffreestanding "-I/usr/include/$(gcc -print-multiarch)") ;;
	esac
	# shellcheck disable=SC2046 # words
	set -- "$1" "${flags[@]}" $(pkg-config --cflags json-c)
	tidy "$program_checks" "$(clang-14 -E -P -w "${@:2}" "$1" | digest)" "$@"
}

# tidy CHECKS INCLUDED FILE FLAG...: of what is in our files. INCLUDED is a digest of what the file includes. The
# analyzer gives up on a function sooner than by itself: it finds the same, and a long test takes 7 s instead of 24.
tidy() {
	local checks=$1 included=$2 file=$3 said=$TMPDIR/tidy.$BASHPID key
	shift 3
	key=$({ echo "$version $checks $included $*"; declare -f tidy; cat "$file"; } | digest)
	! known_clean "$key" || return 0
	clang-tidy-14 --quiet --warnings-as-errors='*' --header-filter="^$top/.*" --checks="$checks" "$file" \
		-- "$@" -Wno-everything -Xclang -analyzer-config -Xclang max-nodes=50000 2>"$said" |
		sed "s|$top/\(build/stock/src/\)\?||" && now_clean "$key" && return
	cat "$said"
	return 1
}

# Not for the module: there it takes the kernel's macros for functions, and found nothing else. GNU C,
# which is what we write, can count with void *. What it found in a file it keeps itself.
cppcheck() {
	local files
	mapfile -t files < <(program_sources)
	mkdir -p "$cache/lint/cppcheck"
	locked cppcheck command cppcheck --cppcheck-build-dir="$cache/lint/cppcheck" --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
		--suppress=arithOperationsOnVoidPointer -D_GNU_SOURCE -Iinclude/uapi -Ilib -Itests/device \
		"${files[@]}"
}

manpages() {
	make --no-print-directory -s -C tools lint
}

documents() {
	tests/lint.d/documents
}

markdown() {
	local files
	mapfile -t files < <(sources -name '*.md')
	tests/lint.d/markdown "${files[@]}"
}

version() {
	tests/lint.d/version
}

# (what may be sourced is not executable)
shellcheck() {
	local files sourced
	mapfile -t files < <(sources | while read -r file; do
		head -n 1 "$file" | grep -aqE '^#!.*[/ ](ba|da)?sh( |$)|^# shellcheck shell=' && echo "$file"
	done)
	mapfile -t sourced < <(find "${files[@]}" ! -perm -100)
	only_changed "$({ command shellcheck --version; cat .shellcheckrc "${sourced[@]}"; } | digest)" command shellcheck -- "${files[@]}"
}

codespell() {
	local files
	mapfile -t files < <(sources -size -300k -not -path "*/corpus/*")
	# halves of words in tests, and a macro of man pages
	command codespell --ignore-words-list hel,worl,fo,nd,nin,nnumber,inflight "${files[@]}"
}
