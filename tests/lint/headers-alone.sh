#!/bin/sh
# Each header compiles alone, and twice in one file: it includes what it needs and has a guard.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
# The compiler and its flags as make has them; see local.mk.
flags=$(cat "${top_builddir:-.}/tests/lint/compile-flags")

cd "$top_srcdir"
headers=$(find policy gateway tests -name '*.h' | sort)
failed=no
for header in $headers; do
	# The flags are split at blanks, as make would.
	# shellcheck disable=SC2086
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
		${CC:-cc} $flags -x c -fsyntax-only - || {
		echo "headers-alone: $header does not compile alone" >&2
		failed=yes
	}
done
[ $failed = no ]
