#!/bin/sh
# Each #include stands on the own floor or a lower one, and each external library has its owner files.
#
# The floors are those of the code map in README.md. Only direct includes are judged: a header of
# control/ may show types of the floors below it to those above.
set -eu

cd "${top_srcdir:-$(dirname "$0")/../..}"

# shellcheck disable=SC2016
rules='
BEGIN {
	# What a folder may include besides itself and config.h.
	below["policy"] = ""
	below["gateway/base"] = "policy"
	below["gateway/net"] = "policy gateway/base"
	below["gateway/aws"] = "policy gateway/base gateway/net"
	below["gateway/ledger"] = "policy gateway/base"
	below["gateway/upstream"] = "policy gateway/base gateway/net gateway/aws gateway/ledger"
	below["gateway/auth"] = below["gateway/upstream"]
	below["gateway/control"] = below["gateway/upstream"] " gateway/upstream gateway/auth"
	below["gateway/http"] = "policy gateway/base gateway/ledger gateway/auth gateway/control"
	below["gateway"] = below["gateway/control"] " gateway/control gateway/http"

	# External headers, and the files that may include them.
	owner["^curl/"] = "^gateway/net/http_client[a-z_]*\\.c$"
	owner["^jwt\\.h$"] = "^gateway/auth/token_issue\\.c$"
	owner["^sqlite3\\.h$"] = "^gateway/ledger/ledger_sqlite[a-z_]*\\.[ch]$"
	owner["^civetweb\\.h$"] = "^gateway/http/[a-z_]+\\.[ch]$"
	owner["^openssl/"] = "^gateway/(base/crypto\\.c|auth/[a-z0-9_]+\\.[ch]|http/tls\\.c)$"
}
function folder_of(path) { sub(/\/[^\/]*$/, "", path); return path }
function complain(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; bad = 1 }
function judge_own(name, own, n, parts, i) {
	if (name == "config.h") return
	if (name !~ /\//) return complain("\"" name "\" is not written from the project root")
	own = folder_of(FILENAME)
	if (!(own in below)) return complain("the folder " own " has no floor in tests/lint/include-floors.sh")
	if (folder_of(name) == own) return
	n = split(below[own], parts, " ")
	for (i = 1; i <= n; i++) if (parts[i] == folder_of(name)) return
	complain(own " may not include \"" name "\": its floors are" (below[own] == "" ? " itself only" : " " below[own]))
}
/^[ \t]*#[ \t]*include[ \t]/ {
	line = $0
	sub(/^[ \t]*#[ \t]*include[ \t]+/, "", line)
	name = substr(line, 2); sub(/[">].*$/, "", name)
	for (header in owner) if (name ~ header) {
		if (FILENAME !~ owner[header]) complain("<" name "> belongs to " owner[header])
		next
	}
	if (line ~ /^"/) judge_own(name)
	seen++
}
END {
	if (!seen) { print "saw no include at all"; bad = 1 }
	exit bad
}
'

find policy gateway -name '*.[ch]' | sort | xargs awk "$rules"
