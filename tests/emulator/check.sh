#!/bin/sh
# Drives the emulator with Debian's boto3; 77 (skipped) where pytest or boto3 is missing.
PYTHON=${PYTHON:-/usr/bin/python3}
"$PYTHON" -c 'import boto3, pytest' 2>/dev/null || {
    echo "skipped: $PYTHON has no pytest or no boto3" >&2
    exit 77
}
exec "$PYTHON" -m pytest -q -p no:cacheprovider "${top_srcdir:-.}/tests/emulator/test_emulator.py"
