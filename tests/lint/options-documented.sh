#!/bin/sh
# Every option of the gateway's table stands in its manual, under its own name.
set -eu

cd "${top_srcdir:-$(dirname "$0")/../..}"
manual=gateway/man/lookout-gateway.8

# The first column of the rows: {"listen", OPTION_STRING, ...
options=$(sed -n 's/^[[:space:]]*{"\([a-z0-9_]*\)",[[:space:]]*OPTION_.*/\1/p' gateway/options.c)
[ -n "$options" ] || {
	echo "options-documented: saw no row of the table in gateway/options.c" >&2
	exit 1
}
[ -f "$manual" ] || {
	echo "options-documented: saw no $manual" >&2
	exit 1
}
status=0
for option in $options; do
	# As the head of a list entry, which is where its description hangs.
	grep -qE "^\.It .*\\b$option\\b" "$manual" || {
		echo "options-documented: $manual has no list entry (.It) for the option $option" >&2
		status=1
	}
done
exit $status
