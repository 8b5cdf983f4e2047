#!/bin/sh
# Each corpus through its fuzz target: what was once found stays fixed.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=${top_builddir:-.}

for folder in "$top_srcdir"/tests/fuzz/corpus/*; do
	name=${folder##*/}
	printf '%s: ' "$name"
	"$top_builddir/tests/fuzz/fuzz_$name" "$folder"/*
done
"$top_builddir/tests/fuzz/fuzz_policy" "$top_srcdir"/tests/policy/*.json
