#!/bin/sh
# The table of tests/README.md: each rule of money of README.md has its row, and each test that a row
# names is there.
set -eu

cd "${top_srcdir:-$(dirname "$0")/../..}"
failed=0
tick=$(printf '\140')

rules=$(sed -n '/^## The rules of money/,/^## Code map/s/^\([0-9][0-9]*\)\. .*/\1/p' README.md)
test -n "$rules"
for rule in $rules; do
	grep -q "^| $rule, " tests/README.md && continue
	echo "rule $rule of README.md has no row in tests/README.md: name the tests that fail without it"
	failed=1
done

names=$(grep -E '^\| (never|always|[0-9]+,)' tests/README.md | grep -oE "${tick}[a-z0-9_]+${tick}" |
	tr -d "$tick" | sort -u)
test -n "$names"
for name in $names; do
	grep -rqE "^(static void|def) $name\(" tests --include='*.c' --include='*.py' && continue
	echo "tests/README.md names the test $name, and there is none of that name: correct the row"
	failed=1
done
exit $failed
