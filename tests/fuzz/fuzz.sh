#!/bin/sh
# Runs each libFuzzer program that is named for FUZZ_SECONDS. What it learns is kept in fuzz-corpus/
# of the build folder, what it finds in fuzz-found/.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
status=0
mkdir -p fuzz-found
for program; do
	name=${program##*/fuzz_}
	mkdir -p "fuzz-corpus/$name"
	"$program" -max_total_time="${FUZZ_SECONDS:-60}" -artifact_prefix="fuzz-found/$name-" -print_final_stats=1 \
		"fuzz-corpus/$name" "$top_srcdir/tests/fuzz/corpus/$name" || status=1
done
exit $status
