#!/bin/sh
# Runs the end-to-end tests, or those named on the command line, against what was built.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
PYTHON=${PYTHON:-/usr/bin/python3}
export top_srcdir

if ! "$PYTHON" -c 'import jwt, pytest' 2>/dev/null; then
	echo "e2e.sh: skipped: $PYTHON has no pytest or PyJWT"
	exit 77
fi
exec "$PYTHON" -m pytest -q -p no:cacheprovider "$top_srcdir/tests/e2e" "$@"
