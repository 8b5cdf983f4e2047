#!/bin/sh
# The parts alone: parts.sh PROGRAM WORK..., or parts.sh ledger.
#
# Of each work: nanoseconds, and instructions under callgrind. That knows no SHA instructions: where
# the processor has them, hashing takes far fewer. They are the difference of two runs with
# different counts, inside bench_run alone, so that preparing and the first time don't count.
set -eu

BENCH_COUNT=${BENCH_COUNT:-20000}
FEW=20
MORE=220

cd "${top_builddir:-.}"

instructions() {
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=bench_run "$@" 2>&1 |
		sed -n 's/.*Collected *: *//p'
}

measure_part() {
	program=$1
	shift
	printf '%-16s %12s %18s\n' "$(basename "$program")" 'ns each' 'instructions each'
	for work; do
		ns=$("$program" "$work" "$BENCH_COUNT" | cut -d ' ' -f 3)
		few=$(instructions "$program" "$work" $FEW)
		more=$(instructions "$program" "$work" $MORE)
		printf '%-16s %12s %18s\n' "$work" "$ns" $(((more - few) / (MORE - FEW)))
	done
}

# Durable reservations by callers that wait for theirs; each run has an empty ledger of its own.
measure_ledger() {
	folder=tests/bench/ledger.$$
	trap 'rm -rf "$folder"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	echo "ledger on $(stat -f -c %T .)"
	for callers in 1 16 64; do
		for settle in '' settle; do
			rm -rf "$folder"
			mkdir -p "$folder"
			# An absent word is no argument.
			# shellcheck disable=SC2086
			printf '%-7s%s\n' "$settle" "$(tests/ledger/bench_ledger "$folder" $callers "${BENCH_SECONDS:-4}" 0 $settle)"
		done
	done
}

if [ "$1" = ledger ]; then
	measure_ledger
else
	measure_part "$@"
fi
