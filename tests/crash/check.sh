#!/bin/sh
# A dozen runs of what `make crash' does by the thousand, so that it is never left behind; and the
# patches of `make crash-selftest' still apply.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
PYTHON=${PYTHON:-/usr/bin/python3}
export top_srcdir

for patch in "$top_srcdir"/tests/crash/broken/*.patch; do
	patch --dry-run --forward --fuzz=2 --reject-file=- -s -p1 -d "$top_srcdir" <"$patch" || {
		echo "check.sh: $patch no longer applies: break the gateway anew" >&2
		exit 1
	}
done
if ! "$PYTHON" -c 'import jwt' 2>/dev/null; then
	echo "check.sh: skipped: $PYTHON has no PyJWT"
	exit 77
fi
exec "$PYTHON" "$top_srcdir/tests/crash/crash.py" --runs 12 --seed check
