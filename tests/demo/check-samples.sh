#!/bin/sh
# Every sample of a configuration and of a policy is good, as the program itself says: an example that
# does not work is worse than none.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
program=${top_builddir:-.}/lookout-gateway

work=$(mktemp -d "${TMPDIR:-/tmp}/check-samples.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

status=0
count=0
# expect_good COMMAND...
expect_good() {
	count=$((count + 1))
	if ! "$program" "$@" >"$work/out" 2>&1; then
		echo "check-samples: $*: $(cat "$work/out")" >&2
		status=1
	fi
}

for policy in "$top_srcdir"/policy/examples/*.json "$top_srcdir/gateway/etc/policy.json" \
	"$top_srcdir/docker/policy.json"; do
	expect_good policy check "$policy"
done

# The folder that the samples want: /etc/lookout-gateway of a package, /keys of the image.
sh "$top_srcdir/certs/make-dev-certs.sh" "$work/etc"
printf '[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n' >"$work/etc/credentials"
printf 'aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n' >>"$work/etc/credentials"
cp "$top_srcdir/gateway/etc/gateway.json" "$top_srcdir/gateway/etc/policy.json" "$work/etc"
expect_good check-config "$work/etc/gateway.json"

cp "$top_srcdir/docker/policy.json" "$work/etc"
sed "s|/keys/|$work/etc/|" "$top_srcdir/docker/gateway.json" >"$work/etc/docker.json"
expect_good check-config "$work/etc/docker.json"

# The README shows the very sample.
# shellcheck disable=SC2016
sed -n '/^```json gateway\.json$/,/^```$/p' "$top_srcdir/README.md" | sed '1d;$d' >"$work/shown.json"
count=$((count + 1))
if ! cmp -s "$work/shown.json" "$top_srcdir/gateway/etc/gateway.json"; then
	echo "check-samples: the configuration in README.md is not gateway/etc/gateway.json" >&2
	status=1
fi
echo "check-samples: $count samples"
exit $status
