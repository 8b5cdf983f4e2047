#!/bin/sh
# A release has no trace of crash points, the crash build has them all, and each is in the code.
set -eu

top_srcdir=${top_srcdir:-$(dirname "$0")/../..}
top_builddir=${top_builddir:-.}
table=$top_srcdir/gateway/base/crash_point.h
status=0

complain() {
	echo "crash-points: $*" >&2
	status=1
}

# "ROW name" of each row of the table.
rows=$(sed -n 's/^ *X(\([A-Z_]*\), "\([a-z.-]*\)").*/\1 \2/p' "$table")
[ -n "$rows" ] || complain "saw no row of a crash point in $table"

# The names, and what a build with points calls. In the release there must be neither.
names=$(printf '%s\n' "$rows" | cut -d' ' -f2)
for program in lookout-gateway lookout-gateway-crash; do
	[ -x "$top_builddir/$program" ] || {
		complain "saw no $top_builddir/$program; build it first"
		exit 1
	}
done
found=$(nm "$top_builddir/lookout-gateway" | grep -E ' (crash_|page_cache_|vfs_)' || true)
[ -z "$found" ] || complain "lookout-gateway has symbols of the crash build:" "$found"
found=$(strings -a "$top_builddir/lookout-gateway" | grep -E 'LOOKOUT_CRASH|power-loss' || true)
[ -z "$found" ] || complain "lookout-gateway has strings of the crash build:" "$found"
found=$(strings -a "$top_builddir/lookout-gateway" | grep -xF -e "$names" || true)
[ -z "$found" ] || complain "lookout-gateway has names of crash points:" "$found"
"$top_builddir/lookout-gateway-crash" --crash-points | {
	seen=$(cat)
	[ "$seen" = "$names" ]
} || complain "lookout-gateway-crash --crash-points does not print the names of $table"

# Each row stands once in the code, and the files that have one are compiled for the crash build.
list=$(sed -n '/^crash_point_files/,/[^\\]$/p' "$top_srcdir/tests/crash/local.mk")
for row in $(printf '%s\n' "$rows" | cut -d' ' -f1); do
	places=$(grep -rlw "CRASH_POINT($row)" "$top_srcdir/gateway" "$top_srcdir/tests/crash" --include='*.c' || true)
	uses=$(grep -rhow "CRASH_POINT($row)" "$top_srcdir/gateway" "$top_srcdir/tests/crash" --include='*.c' | wc -l)
	[ "$uses" -eq 1 ] || complain "CRASH_POINT($row) stands $uses times in the code, expected once"
	for place in $places; do
		file=${place#"$top_srcdir/"}
		case $file in tests/crash/*) continue ;; esac
		printf '%s\n' "$list" | grep -qF "$file" ||
			complain "$file has CRASH_POINT($row) and is not in crash_point_files of tests/crash/local.mk"
	done
done
exit $status
