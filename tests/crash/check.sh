#!/bin/sh
# A dozen runs of what `make crash' does by the thousand, so that it is never left behind.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
PYTHON=${PYTHON:-/usr/bin/python3}
export top_srcdir

if ! "$PYTHON" -c 'import jwt' 2>/dev/null; then
	echo "check.sh: skipped: $PYTHON has no PyJWT"
	exit 77
fi
exec "$PYTHON" "$top_srcdir/tests/crash/crash.py" --runs 12 --seed check
