#!/bin/sh
# `make check-image': builds docker/Dockerfile for real and starts a model through what came out.
#
# No container engine and no registry is needed: debootstrap makes the base image, buildah builds and
# runs in a private storage below the build folder. It needs root, and takes about two minutes; the
# base image is kept for the next run.
set -eu

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/.." && pwd)}
work=${top_builddir:-$PWD}/image-check
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
model=https://localhost:PORT/v1/projects/circuit-boards/models/1
WAIT_SECONDS=30

say() {
	echo "check-image: $*"
}
fail() {
	say "$*" >&2
	# The token's log is the token.
	find "$work" -maxdepth 1 -name '*.log' ! -name token.log -exec tail -n 30 {} + >&2 || true
	exit 1
}

[ "$(id -u)" -eq 0 ] || fail "buildah's chroot isolation needs root"
mkdir -p "$work"
export STORAGE_DRIVER="${STORAGE_DRIVER:-overlay}"
b() {
	buildah --root "$work/storage" --runroot "$work/run" "$@"
}

cleanup() {
	for name in gateway emulator; do
		[ ! -s "$work/shared/run/$name.pid" ] || kill "$(cat "$work/shared/run/$name.pid")" 2>/dev/null || true
	done
	wait
	b rm --all >/dev/null 2>&1 || true
	rm -rf "$work/shared" "$work/rootfs" "$work/token.log"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# --- the images ----------------------------------------------------------------------------------

# The base image under the full name that the Dockerfile's FROM resolves to.
base=docker.io/library/$(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$top_srcdir/docker/Dockerfile" | sort -u)
release=$(expr "$base" : '.*:\([a-z]*\)')
if ! b inspect --type image "$base" >/dev/null 2>&1; then
	say "making the base image of $release"
	rm -rf "$work/rootfs"
	debootstrap --variant=minbase "$release" "$work/rootfs" "$mirror" >"$work/debootstrap.log" 2>&1 ||
		fail "debootstrap failed"
	container=$(b from scratch)
	b add -q "$container" "$work/rootfs" / >/dev/null
	b commit -q --rm "$container" "$base" >/dev/null
fi

say "building docker/Dockerfile"
b bud --layers --isolation chroot --pull-never --network host -f "$top_srcdir/docker/Dockerfile" \
	-t lookout-gateway "$top_srcdir" >"$work/build.log" 2>&1 || fail "the build failed"

# --- the containers ------------------------------------------------------------------------------

# What the containers share, and where the image's user must be able to write. The ledger stays in the
# volume that the image itself declares.
rm -rf "$work/shared"
mkdir -p "$work/shared/keys" "$work/shared/run"
chmod 777 "$work/shared/keys" "$work/shared/run"

# run_image NAME COMMAND...: runs it in a container of its own until it ends. Chroot isolation has the
# host's process ids, so the one left in NAME.pid is good for kill.
run_image() {
	name=$1
	shift
	container=$(b from --pull-never lookout-gateway)
	# The single quotes at the end are for the shell inside.
	# shellcheck disable=SC2016
	b run --isolation chroot --network host --volume "$work/shared/keys:/keys" \
		--volume "$work/shared/run:/run/check" \
		--volume "$top_srcdir/docker:/etc/lookout-gateway:ro" \
		--env AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE \
		--env AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY \
		--env LOOKOUT_GATEWAY_LISTEN=127.0.0.1:0 --env LOOKOUT_GATEWAY_PORT_FILE=/run/check/gateway.port \
		--env "LOOKOUT_GATEWAY_AWS_ENDPOINT=http://127.0.0.1:${emulator_port:-9090}" \
		"$container" -- sh -c 'echo $$ >/run/check/$0.pid; exec "$@"' "$name" "$@" >"$work/$name.log" 2>&1
}

# wait_for WHAT COMMAND...: until the command succeeds.
wait_for() {
	what=$1
	shift
	tries=$((WAIT_SECONDS * 5))
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "waited $WAIT_SECONDS s in vain for $what"
		sleep 0.2
	done
}

# call METHOD URL [CURL-ARGUMENT...]: the answer's body, then its status on a line of its own.
call() {
	method=$1
	url=$2
	shift 2
	curl -sS --max-time 20 --cacert "$work/shared/keys/ca.pem" -X "$method" -w '\n%{http_code}\n' \
		-H "Authorization: Bearer $token" "$@" "$url"
}
status_is() {
	call GET "$model" | grep -q "\"Status\": *\"$1\""
}

say "running gateway and emulator"
run_image keys /usr/share/lookout-gateway/make-dev-certs.sh /keys || fail "the keys were not made"
run_image check-config lookout-gateway check-config /etc/lookout-gateway/gateway.json ||
	fail "docker/gateway.json is not valid"
run_image emulator lookout-emulator --port 0 --port-file /run/check/emulator.port \
	--seed-model circuit-boards/1 &
wait_for "the emulator's port" test -s "$work/shared/run/emulator.port"
emulator_port=$(cat "$work/shared/run/emulator.port")
run_image gateway lookout-gateway serve --config /etc/lookout-gateway/gateway.json &
gateway_run=$!
wait_for "the gateway's port" test -s "$work/shared/run/gateway.port"
port=$(cat "$work/shared/run/gateway.port")
model=$(echo "$model" | sed "s/PORT/$port/")
wait_for readiness curl -sSf --cacert "$work/shared/keys/ca.pem" "https://localhost:$port/readyz"

run_image token lookout-gateway token mint --key-file /keys/jwt-rs256.key --algorithm RS256 --kid dev-rs256 \
	--issuer https://issuer.example --audience lookout-gateway --subject check-image --team assembly-line \
	--scope 'models:start models:stop models:read' || fail "no token was minted"
token=$(cat "$work/token.log")
answer=$(call POST "$model/start" -H 'Content-Type: application/json' -d '{"MinInferenceUnits":1}')
[ "$(echo "$answer" | tail -n 1)" = 202 ] || fail "expected 202 to the start, saw: $answer"
wait_for "HOSTED" status_is HOSTED
answer=$(call POST "$model/stop")
case $(echo "$answer" | tail -n 1) in
200 | 202) ;;
*) fail "expected 200 or 202 to the stop, saw: $answer" ;;
esac
wait_for "TRAINED" status_is TRAINED

for name in gateway emulator; do
	[ "$(stat -c %u "/proc/$(cat "$work/shared/run/$name.pid")")" -ne 0 ] || fail "the $name runs as root"
done
kill "$(cat "$work/shared/run/gateway.pid")"
wait $gateway_run || fail "the gateway did not end with status 0 on SIGTERM"
say "passed: a model was started, hosted and stopped through the image"
