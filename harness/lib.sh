# What the scripts of the workshop share: paths, and how they show progress and
# failures.  To be sourced by bash.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
harness=$top/harness
build=$top/build
cache=${XDG_CACHE_HOME:-$HOME/.cache}/irq-user
series=$(cat "$top/KERNEL_VERSION")

ARCH=${ARCH:-x86_64}
FLAVOUR=${FLAVOUR:-release}
kernel_out=$build/$ARCH-$FLAVOUR
logs=$build/log

# Arguments of QEMU: a card with many MSI-X vectors, which reaches no network.
igb="-netdev user,id=none,restrict=on -device igb,netdev=none"

# Arguments of the kernel that leave the HPET to programs.  Without the HPET, the kernel would
# count ticks instead of trusting an emulated TSC.
no_hpet="hpet=disable tsc=reliable"

# cargo_for_target ARGUMENT...: runs cargo for a static program of ARCH, whose `machine`
# must be sourced before, with RUSTFLAGS.  If Rust's library for ARCH is not installed, cargo builds
# it.
cargo_for_target() {
	local flags=(--locked --release --target "$RUST_TARGET")
	local -x RUSTFLAGS="-C target-feature=+crt-static -C linker=clang -C link-arg=--target=$TRIPLE -C link-arg=-fuse-ld=lld ${RUSTFLAGS:-}"
	if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$RUST_TARGET/lib" ]; then
		flags+=(-Zbuild-std)
		local -x RUSTC_BOOTSTRAP=1
	fi
	cargo "$@" "${flags[@]}"
}

# version_of TREE: prints the version of a kernel source, as 7.3.4.
version_of() {
	sed -n 's/^VERSION = //p; s/^PATCHLEVEL = //p; s/^SUBLEVEL = //p' "$1/Makefile" | paste -sd.
}

# The series of patches for maintainers, in order.  Each is a folder in patches/.
all_series=(fixes rust user)

# patches_for TREE [SERIES...]: prints the patches of all or some series for a kernel source, in
# order.  If patches/ has a folder for the source's version, the patches in its folders are added,
# or replace those of the same name.
patches_for() {
	local name own part parts=("${all_series[@]}")
	own=$top/patches/$(version_of "$1" | cut -d. -f1-2)
	[ $# -eq 1 ] || parts=("${@:2}")
	for part in "${parts[@]}"; do
		# The folder in `own` can be missing.
		for name in $(find {"$top/patches","$own"}/"$part"/*.patch -printf '%f\n' 2>/dev/null | LC_ALL=C sort -u); do
			[ -f "$own/$part/$name" ] && echo "$own/$part/$name" || echo "$top/patches/$part/$name"
		done
	done
}

# Prints the patches that `make series` has written, in order, without the cover letters.
letters_of_series() {
	local part
	for part in "${all_series[@]}"; do
		find "$build/series/$part" -name '*.patch' ! -name '0000-*' 2>/dev/null | LC_ALL=C sort
	done
}

# is_step PATCH: whether the mirror's files already have the differences that the patch makes to
# them.  A patch for another version of the kernel changes the mirror's files.
is_step() {
	[[ ${1#"$top/patches/"} != [0-9]* ]]
}

# mirrored TREE: prints the files of this repository that mirror the kernel tree.  They are in
# those top folders that the kernel source TREE also has.
mirrored() (
	cd "$top"
	for folder in */; do
		[ "$folder" = build/ ] || [ ! -d "$1/$folder" ] || find "$folder" -type f
	done | sort
)

# copy_tree FROM TO: copies a kernel source.
copy_tree() {
	rm -rf "$2"
	mkdir -p "$2"
	tar -C "$1" --exclude-vcs -cf - . | tar -C "$2" -xf -
}

# make_work: sets `work` to a new folder, which is removed when the script ends.
make_work() {
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
}

say() {
	printf '%s\n' "$*" >&2
}

# die WHAT MEND...: prints what is wrong and what to do, each in a line, and exits.
die() {
	say "irq-user: error: $1"
	shift
	[ $# -eq 0 ] || printf '  %s\n' "$@" >&2
	exit 1
}

[[ $top$cache != *[[:space:]:]* ]] ||
	die "the kernel's make takes no path with a space or a colon: $top, $cache" \
		"Move the clone, or point XDG_CACHE_HOME at another folder."
[ -d "$harness/arch/$ARCH" ] ||
	die "there is no architecture $ARCH" "The architectures are: $(cd "$harness/arch" && echo *)"

# need_space DIR GIB WHAT: fails if the disk of DIR has less free space.
need_space() {
	local dir=$1 free
	while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
	free=$(df -Pk "$dir" | awk 'NR == 2 { print int($4 / 1048576) }')
	[ "$free" -ge "$2" ] ||
		die "the disk is too full: $3 needs $2 GiB, and $dir has $free GiB free" \
			"Free some space there, or point XDG_CACHE_HOME at another disk, and run this again."
}

# locked FOLDER COMMAND...: runs the command while no other run, of any clone, uses the
# folder.  The folder need not exist.
locked() {
	local folder=$1 lock
	shift
	{ mkdir -p "${folder%/*}" 2>/dev/null && [ -w "${folder%/*}" ]; } ||
		die "${folder%/*} cannot be written to, and does not have ${folder##*/}" \
			"Make it writable, or point XDG_CACHE_HOME at another folder."
	exec {lock}>"$folder.lock"
	flock -n "$lock" || {
		say "irq-user: waiting for another run that uses $folder"
		flock "$lock"
	}
	"$@"
	exec {lock}>&-
}

# mend_for LOG: prints what to do about the error in the log.
mend_for() {
	local log=$1
	if grep -qi 'no space left on device' "$log"; then
		echo "The disk is full. Free some space and run this again."
	elif grep -qiE 'could not resolve|temporary failure|unable to connect|could not connect|failed to fetch|network is unreachable|connection (refused|timed out)|failed to download|spurious network' "$log"; then
		echo "A package server cannot be reached. Check the network (http_proxy and https_proxy are used), and run this again."
	elif grep -qi 'read-only file system' "$log"; then
		echo "$cache is incomplete, and cannot be written to. Make it writable, or point XDG_CACHE_HOME at another folder."
	elif grep -qE 'Debian has none of|apt-get: command not found' "$log"; then
		echo "Unpack a Linux $series and give its path: KSRC=/path/to/linux"
	else
		echo "The log has the rest. If you run this again, it continues where it stopped."
	fi
}

# step WHAT NAME LINES COMMAND...: runs a long command.  Its output goes to the log NAME.
# LINES is the usual length of this log: it shows the progress.
step() {
	local what=$1 log=$logs/$2.log usual=$3 begin=$SECONDS shown=0 pid status
	shift 3
	mkdir -p "$logs"
	say "irq-user: $what (log: ${log#"$PWD"/})"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		[ $((SECONDS - begin - shown)) -ge 15 ] || continue
		shown=$((SECONDS - begin))
		say "irq-user: $what: $((shown / 60)) min $((shown % 60)) s, $(wc -l <"$log") of about $usual lines of log"
	done
	status=0
	wait "$pid" || status=$?
	[ "$status" -ne 0 ] || return 0
	say "irq-user: error: $what failed (status $status). From $log:"
	{ grep -nE '[Ee]rror|E: |fatal|FAILED|[Nn]o space|cannot|not found' "$log" || tail -n 12 "$log"; } |
		sed -n '1,20s/^/  | /p' >&2
	say "  $(mend_for "$log")"
	exit "$status"
}
