# shellcheck shell=bash disable=SC2154 # (variables of tests/lint)
# SPDX-License-Identifier: GPL-2.0
#
# Steps of tests/lint: code for the kernel.

# Checks of the kernel that are only in its source package.
kernel_scripts() {
	local source
	source=$(kernel_source bookworm linux-source-6.1) || return
	locked kernel-scripts unpack_scripts "$source" || return
	scripts=$source/scripts
}

unpack_scripts() {
	local scripts=$1/scripts
	[ ! -e "$scripts/coccinelle" ] || return 0
	rm -rf "$scripts" "$scripts.new"
	mkdir -p "$scripts.new"
	tar -xJf "$1/tarball" --strip-components=2 -C "$scripts.new" --wildcards '*/scripts/checkpatch.pl' \
		'*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch' '*/scripts/coccinelle' || return
	mv "$scripts.new" "$scripts"
}

checkpatch() {
	local scripts files status=0 common
	kernel_scripts || return
	# Two headers cannot help some of the warnings: version tests live in compat.h and nowhere
	# else, and tracepoints are laid out in their own way everywhere in the kernel.
	local check=(perl "$scripts/checkpatch.pl" --no-tree --strict --terse --show-types --no-summary)
	common=$(cat "$scripts/checkpatch.pl" "$scripts/spelling.txt" "$scripts/const_structs.checkpatch" | digest)
	mapfile -t files < <(kernel_sources | grep -vE '^kernel/(compat|trace)\.h$')
	only_changed "$common" "${check[@]}" -f -- "${files[@]}" || status=1
	only_changed "$common" "${check[@]}" --ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON -f -- kernel/compat.h || status=1
	only_changed "$common" "${check[@]}" --ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT -f -- kernel/trace.h || status=1
	return $status
}

# gcc's, which are errors in all that is built for stock (vm/build-modules), and those of sparse, which looks at each file
# whether it was compiled again or not.
warnings() { vm/build-modules stock C=2 CF="-D__CHECK_ENDIAN__ -Wcontext -Wsparse-error"; }

# Which file may call which.
layers() { tests/lint.d/layers; }

kernel-doc() {
	local files
	mapfile -t files < <(kernel_sources)
	perl "$kernel_dir/build/scripts/kernel-doc" -none -Werror "${files[@]}"
}

# The kernel's semantic patches: use after free, locks not dropped, and the like. As `make coccicheck`
# runs them, but without the kernel's headers, which found nothing more in 12 s. Not these:
#   badzero, check_bq27xxx_data	want an OCaml compiler. sparse finds zeros for NULL, and the other is
#				about one driver.
#   minmax			takes `ret < 0 ? ret : 0`, an error or 0, for min().
# Not in the module of tests/runner: it does what is forbidden, to be caught at it. And one report is
# known to be wrong: pin_position() goes on from where the message it had pinned is now.
coccinelle() {
	local scripts rules all files
	kernel_scripts || return
	mapfile -t rules < <(find "$scripts/coccinelle" -name '*.cocci' |
		grep -vE '/(badzero|check_bq27xxx_data|minmax)\.cocci$' | sort)
	all=$({ spatch --version; declare -f semantic_patch; cat "${rules[@]}" kernel/*.h kernel/*/*.h include/linux/*.h include/uapi/linux/*.h; } | digest)
	mapfile -t files < <(kernel_sources | grep -v '^tests/runner/')
	only_changed "$all" semantic_patches -- "${files[@]}"
}

semantic_patches() {
	local files=("$@")
	each semantic_patch "${rules[@]}"
}

# Reports are on stdout; stderr is for what spatch thinks of the rule.
semantic_patch() {
	local rule=${1##*/} options found
	read -ra options < <(sed -n 's|^// *Options: *||p' "$1")
	found=$(spatch -D report --very-quiet --no-show-diff --cocci-file "$1" "${options[@]}" \
		-I kernel -I include -I include/uapi "${files[@]}" 2>"$TMPDIR/$rule.said") ||
		found="spatch failed: $(cat "$TMPDIR/$rule.said")"
	sed "/./!d; s|\$| [$rule]|" <<<"$found" |
		grep -v '^kernel/io/inspect\.c:.*: iterator with update .*list_entry_update' || return 0
	return 1
}

# The analyzer that follows paths, as a step of clang-tidy. Its bugprone checks found nothing here and
# take as long again. Not the module of tests/runner, as above, and not queue_test.c: it includes the
# sources that are looked at by themselves, and takes 15 s.
clang_tidy_kernel() {
	local commands headers included
	vm/build-modules stock || return
	# (the kernel's headers, and all of ours: to ask the compiler which takes 12 s)
	mapfile -t headers < <(kernel_sources | grep '\.h$')
	included=$(cat "$kernel_dir/release" "${headers[@]}" | digest)
	mapfile -t commands < <(find "$top/build/stock/src" -name '.*.o.cmd' ! -name '.*.mod.o.cmd' \
		! -path '*/tests/runner/*' ! -name '.queue_test.*' | sort)
	each tidy_kernel "${commands[@]}"
}

# tidy_kernel FILE: what the kernel's makefiles say of how one was compiled. Of that, what clang knows.
tidy_kernel() {
	local source flags
	source=$(sed -n 's/^source_[^:]*:= //p' "$1")
	[ -e "$source" ] || return 0
	mapfile -t flags < <(sed -n "/cmd_/ { s/^[^:]*:= //; s/ ;.*//; s/'//g; p }" "$1" | tr ' ' '\n' |
		awk '/^-(I|D|nostdinc|std=|m64|fshort-wchar|mcmodel=)/
		     /^-include$/ { print; getline; print }')
	local checks='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*,linuxkernel-*'
	(cd "$kernel_dir/build" && tidy "$checks" "$included" "$source" "${flags[@]}")
}
