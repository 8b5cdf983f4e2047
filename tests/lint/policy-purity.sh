#!/bin/sh
# policy/ is pure: what its library takes from outside is memory, strings, numbers and jansson, and
# never a clock, file, socket, environment, thread or log.
set -eu

library=${top_builddir:-.}/policy/libpolicy.a

allowed='
	mem[a-z]+ str[a-z]*(cpy|cmp|len|chr|spn|str|dup|pbrk) strto[a-z]+
	malloc calloc realloc free
	v?snprintf qsort bsearch l?l?abs
	isalnum isalpha isdigit isspace isprint tolower toupper
	__ctype_[a-z]+_loc __isoc99_sscanf
	__errno_location __assert_fail abort
	__[a-z]+_chk __stack_chk_fail
	_GLOBAL_OFFSET_TABLE_ __(asan|ubsan|tsan|sanitizer|gcov|start|stop)_[A-Za-z0-9_]*
	json_[a-z_]+ jsonp_[a-z_]+'
# The part of jansson that opens, reads or writes files, or asks for randomness.
forbidden='json_(load|dump)(f|fd|_file|_callback) json_object_seed'

# as_pattern NAME...: one extended regular expression that is any of the names as a whole.
as_pattern() {
	set -f
	# shellcheck disable=SC2086
	set -- $1
	set +f
	(IFS='|' && printf '^(%s)$' "$*")
}

[ -f "$library" ] || {
	echo "policy-purity: saw no $library; build it first" >&2
	exit 1
}
symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT

# One object takes from another of the library: those names are its own.
nm -g "$library" | awk '
	NF == 3 { defined[$3] = 1 }
	NF == 2 && $1 == "U" { used[$2] = 1 }
	END { for (name in used) if (!(name in defined)) print name }' | sort >"$symbols"
[ -s "$symbols" ] || {
	echo "policy-purity: nm shows nothing that $library takes from outside; that can't be" >&2
	exit 1
}
if grep -vE "$(as_pattern "$allowed")" "$symbols" || grep -E "$(as_pattern "$forbidden")" "$symbols"; then
	echo "policy-purity: policy/ must not use the functions above" >&2
	exit 1
fi
