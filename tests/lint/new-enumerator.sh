#!/bin/sh
# Whoever adds a state, an outcome or a rule has to think of every place that switches over them:
# in a copy of the header each of these enums gets one enumerator more, and then no file that
# switches over it may compile.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=$(cd "${top_builddir:-.}" && pwd)
flags=$(cat "$top_builddir/tests/lint/compile-flags")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
status=0

complain() {
	echo "new-enumerator: $*" >&2
	status=1
}

# header, enum, and how many files at least are known to switch over it.
check() {
	header=$1 enum=$2 least=$3 count=0
	names=$(sed -n "/^enum $enum {/,/^}/p" "$header" | sed 's,/\*.*,,' |
		grep -oE '\b[A-Z][A-Z0-9_]+\b' | paste -sd'|')
	[ -n "$names" ] || complain "$header: saw no enum $enum"
	rm -rf "${folder:?}"/*
	mkdir -p "$folder/$(dirname "$header")"
	sed "s/^enum $enum {/&\n    LINT_NEW_ENUMERATOR,/" "$header" >"$folder/$header"
	# Includes of the header's own neighbours are written from the root, so the copy finds them.
	files=$(grep -rlE "case ($names):" policy gateway --include='*.c' || true)
	for file in $files; do
		count=$((count + 1))
		# The flags are split at blanks, as make would.
		# shellcheck disable=SC2086
		${CC:-cc} -I"$folder" $flags -Wswitch-enum -fsyntax-only "$file" 2>"$folder/errors" ||
			complain "$file does not compile: $(head -1 "$folder/errors")"
		grep -q LINT_NEW_ENUMERATOR "$folder/errors" ||
			complain "$file switches over enum $enum and would not notice a new one"
	done
	[ "$count" -ge "$least" ] ||
		complain "saw $count files that switch over enum $enum, expected $least or more"
}

# configure asks for the warning, and the developer's build makes it an error.
grep -q -- '-Wswitch-enum' "$top_srcdir/configure.ac" || complain "configure.ac lacks -Wswitch-enum"

cd "$top_srcdir"
check gateway/ledger/reservation.h reservation_state 4
check gateway/ledger/reservation.h reservation_end 1
check gateway/control/admission.h start_outcome 2
check gateway/control/admission.h stop_outcome 1
check gateway/control/admission.h lease_outcome 1
check gateway/control/admin.h admin_outcome 1
check gateway/ledger/ledger.h ledger_reserve_outcome 1
check gateway/upstream/upstream.h upstream_fate 2
check gateway/upstream/upstream.h model_status 1
check policy/quota.h quota_rule_kind 2
check policy/quota.h quota_verdict 1
exit $status
