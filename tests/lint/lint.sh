#!/bin/sh
# `make lint': the linters over the tree, each file with the flags that make compiles it with.
#
# All linters run even where one complains; the last line sums up.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
flags=$(cat "${top_builddir:-.}/tests/lint/compile-flags")
cd "$top_srcdir"

list_sources() {
	find policy gateway tests -name '*.c' | sort
}

# Every file that says itself that a shell runs it.
list_shell_scripts() {
	find bootstrap .ci certs docker gateway policy tests -type f |
		while read -r file; do
			head -n 1 "$file" | grep -qE '^#!.*[/ ](ba|da)?sh( |$)' && printf '%s\n' "$file"
		done | sort
}

lint_format() {
	{ list_sources && find policy gateway tests -name '*.h'; } | xargs clang-format --dry-run -Werror
}

# One file a process: with several, clang-tidy 14 sees va_lists of one in another.
lint_tidy() {
	# shellcheck disable=SC2016
	list_sources | xargs -P "${LINT_JOBS:-2}" -n 1 sh -c \
		'out=$(clang-tidy --quiet "$1" -- $0 2>/dev/null) || { printf "%s\n" "$out"; exit 1; }' "$flags"
}

# CivetWeb's header has thousands of switches that say nothing about us; cppcheck does without it.
lint_cppcheck() {
	# shellcheck disable=SC2046,SC2086
	cppcheck --quiet -j "${LINT_JOBS:-2}" --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --suppress=missingIncludeSystem \
		$(printf '%s\n' $flags | grep '^-[DI]' | grep -v /civetweb) policy gateway tests
}

lint_shell() {
	list_shell_scripts | xargs shellcheck
}

lint_man() {
	find gateway tests -name '*.[1-8]' | sort | xargs -r mandoc -T lint -W warning
}

passed=0
failed=
for linter in format tidy cppcheck shell man; do
	if lint_$linter; then
		passed=$((passed + 1))
	else
		failed="$failed $linter"
	fi
done
echo "lint: $passed linters passed, failed:${failed:- none}"
[ -z "$failed" ]
