#!/bin/sh
# No private key and no credential stands in a file of the tree; AWS's documented examples may.
set -eu

cd "${top_srcdir:-$(dirname "$0")/../..}"

# What git tracks or would add; in a release tarball everything but the build's own folders.
list_files() {
	if [ -e .git ] && command -v git >/dev/null 2>&1; then
		git ls-files --cached --others --exclude-standard
	else
		find . \( -name .deps -o -name _build -o -name _inst -o -name build -o -name autom4te.cache \) -prune -o \
			-type f -print
	fi
}

# complain_about WHAT PATTERN [EXCEPTION]
complain_about() {
	found=$(list_files | tr '\n' '\0' | xargs -0 grep -nIE -s -e "$2" -- | grep -vE -e "${3:-^$}") || return 0
	# Where, and not what: a log is no place for a secret either.
	printf '%s\n' "$found" | cut -d: -f1,2 | sed "s/\$/: $1/" >&2
	status=1
}

status=0
complain_about 'a private key' '-----BEGIN [A-Z ]*PRIVATE KEY-----'
complain_about 'an AWS access key id' '(^|[^A-Z0-9])(AKIA|ASIA)[A-Z0-9]{16}([^A-Z0-9]|$)' \
	'(AKIA|ASIA)[A-Z0-9]*EXAMPLE'
complain_about 'an AWS secret access key' \
	'[Ss]ecret_?[Aa]ccess_?[Kk]ey["'\'']?[ =:]+["'\'']?[A-Za-z0-9/+]{40}([^A-Za-z0-9/+]|$)' 'EXAMPLEKEY'
exit $status
