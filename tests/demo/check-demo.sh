#!/bin/sh
# The demo's story ends well, and nothing it started is left: after its end, and after a signal in the
# middle.
set -eu

WAIT_SECONDS=120

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
demo=$top_srcdir/tests/demo/demo.sh
command -v curl >/dev/null 2>&1 || {
	echo "skipped: there is no curl"
	exit 77
}

work=$(mktemp -d "${TMPDIR:-/tmp}/check-demo.XXXXXX")
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	wait
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
	echo "check-demo: $*" >&2
	tail -n 60 "$work/out" >&2
	exit 1
}

start_demo() {
	mkdir "$work/tmp"
	# What the former one said must not be taken for this one's words.
	: >"$work/out"
	# Who ran this under nohup left HUP ignored, which a shell can't undo.
	TMPDIR=$work/tmp env --default-signal=HUP,TERM sh "$demo" </dev/null >"$work/out" 2>&1 &
	pid=$!
}

# Neither its folder, nor a process that was told of it; one that is there is ended here.
expect_nothing_left() {
	left=
	for process in /proc/[0-9]*; do
		case $(tr '\0' ' ' 2>/dev/null <"$process/cmdline" || true) in
		*"$work/tmp"*) left="$left ${process#/proc/}" ;;
		esac
	done
	# shellcheck disable=SC2086
	[ -z "$left" ] || kill $left || true
	[ -z "$left" ] || fail "$1: saw processes left:$left"
	rmdir "$work/tmp" 2>/dev/null || fail "$1: saw a folder left: $(ls "$work/tmp")"
}

wait_for_text() {
	tries=$((WAIT_SECONDS * 10))
	until grep -q "$1" "$work/out"; do
		kill -0 "$pid" 2>/dev/null || fail "the demo ended before it said \"$1\""
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "waited $WAIT_SECONDS s in vain for \"$1\""
		sleep 0.1
	done
}

end_of_demo() {
	status=0
	wait "$pid" || status=$?
	pid=
}

start_demo
end_of_demo
[ $status -eq 0 ] || fail "expected status 0, saw $status"
for text in ' 401 ' ' 403 ' ' 202 ' STARTING_HOSTING ' 429 ' HOSTED 'Idempotency-Replayed: true' STOPPING_HOSTING \
	'"Used":0,"Reserved":0,"Left":2'; do
	grep -q -e "$text" "$work/out" || fail "expected \"$text\" in the story"
done
expect_nothing_left "after the end"

for signal in TERM HUP; do
	start_demo
	wait_for_text STARTING_HOSTING
	kill -$signal "$pid"
	end_of_demo
	[ $status -gt 128 ] || fail "after $signal: expected a status above 128, saw $status"
	expect_nothing_left "after $signal"
done
echo "check-demo: the story, and two signals in the middle: nothing is left"
