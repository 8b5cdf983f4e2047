#!/bin/sh
# Functions that have no bound, hide errors, keep hidden state or start a shell are not called by the
# programs. Tests may: their input is their own.
set -eu

cd "${top_srcdir:-$(dirname "$0")/../..}"

# No bound: str*, *sprintf, gets, *scanf's, alloca. Errors hidden: ato*. Hidden state: strtok, *time,
# rand. A shell: system, popen. Names that another can take first: tmpnam, mktemp.
banned='strcpy strcat strncat stpcpy sprintf vsprintf gets scanf fscanf vscanf alloca atoi atol atoll atof
	strtok asctime ctime gmtime localtime rand srand random srandom system popen tmpnam tempnam mktemp'

# shellcheck disable=SC2016
find_calls='
BEGIN { n = split(banned, list, /[ \t\n]+/); for (i = 1; i <= n; i++) is_banned[list[i]] = 1 }
FNR == 1 { in_comment = 0 }
{
	line = $0
	if (in_comment) { if (!sub(/^.*\*\//, "", line)) next; in_comment = 0 }
	gsub(/\\./, "", line); gsub(/"[^"]*"/, "\"\"", line)
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ", line); sub(/\/\/.*/, "", line)
	if (sub(/\/\*.*/, "", line)) in_comment = 1
	while (match(line, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
		name = substr(line, RSTART, RLENGTH); sub(/[ \t]*\($/, "", name)
		if (name in is_banned) { printf "%s:%d: %s() is banned\n", FILENAME, FNR, name; bad = 1 }
		line = substr(line, RSTART + RLENGTH)
	}
}
END { exit bad }
'

find policy gateway tests/emulator -name '*.[ch]' | sort | xargs awk -v banned="$(echo "$banned" | tr '\n\t' '  ')" "$find_calls"
