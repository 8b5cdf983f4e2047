#!/bin/sh
# `make demo': the story of one start request, told with the curl commands that anybody can repeat.
#
# It starts the emulator and the gateway on free ports of the loopback, in a folder of its own. With a
# terminal it then stays up until Ctrl-C; without one it ends with status 0. What it started ends with it.
set -eu

# Every wait below is for a state, and this is how long it may take on a busy machine.
WAIT_SECONDS=60

usage() {
	cat <<'END'
Usage: tests/demo/demo.sh

Environment:
  top_builddir  where gateway and emulator were built (default: the current folder)
  top_srcdir    the source (default: two folders above this script)
  TMPDIR        where the demo's own folder is made and removed again (default: /tmp)
END
}
case ${1:-} in
'') ;;
--help | -h)
	usage
	exit 0
	;;
*)
	usage >&2
	exit 64
	;;
esac

top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=$(cd "${top_builddir:-.}" && pwd)
program=$top_builddir/lookout-gateway
emulator_program=$top_builddir/tests/emulator/lookout-emulator
# A proxy of the caller's has nothing to do on the loopback.
no_proxy=127.0.0.1
export no_proxy
# Settings of the caller's gateway must not bend this one, nor a session of the caller's at AWS.
for variable in AWS_SESSION_TOKEN $(env | sed -n 's/^\(LOOKOUT_[A-Z_]*\)=.*/\1/p'); do
	unset "$variable"
done

# --- the ways out ----------------------------------------------------------------------------------------

folder=
pids=
told=no

# The programs drain and leave by themselves within their deadline; one that does not is killed.
end_process() {
	kill "$1" 2>/dev/null || return 0
	tries=50
	while [ $tries -gt 0 ] && kill -0 "$1" 2>/dev/null; do
		tries=$((tries - 1))
		sleep 0.2
	done
	kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

cleanup() {
	status=$?
	trap '' INT TERM HUP
	if [ $status -ne 0 ] && [ $status -lt 128 ] && [ -n "$folder" ]; then
		show_logs >&2
	fi
	# $! too: a signal may have come between the start of a process and the note of its id.
	for pid in $pids ${!:-}; do
		end_process "$pid"
	done
	[ -z "$folder" ] || rm -rf "$folder"
	[ "$told" = no ] || echo 'demo: gateway and emulator have ended, their folder is removed'
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

show_logs() {
	for log in "$folder"/*.log; do
		printf '\n== the end of %s:\n' "${log##*/}"
		tail -n 30 "$log"
	done
}

fail() {
	printf '\ndemo: %s\n' "$*" >&2
	exit 1
}

# --- telling -----------------------------------------------------------------------------------------------

if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold='' plain=''
fi

step=0
say() {
	step=$((step + 1))
	printf '\n%s%d. %s%s\n' "$bold" $step "$1" "$plain"
	shift
	[ $# -eq 0 ] || printf '   %s\n' "$@"
}

# The last answer, with line ends where a long line of JSON can be broken.
print_answer() {
	printf '%s\n' "$answer" | sed 's/,\("[A-Za-z]*":[[{]\)/,\
  \1/g; s/},{/},\
    {/g'
}

# show COMMAND: prints the command and runs just that; what it printed is in $answer.
show() {
	printf '$ %s\n' "$1"
	answer=$(eval "$1") || fail "the command failed"
	answer=$(printf '%s\n' "$answer" | tr -d '\r')
	print_answer
}

# expect TEXT...: each stands in the last answer.
expect() {
	for text; do
		case $answer in
		*"$text"*) ;;
		*) fail "expected \"$text\" in the answer" ;;
		esac
	done
}

# The last Status in the last answer: the reservation's where there is one, so that the reconciler has
# seen it, too; else the model's.
read_status() {
	printf '%s\n' "$answer" | sed -n 's/.*"Status":"\([^"]*\)".*/\1/p'
}

# show_until STATUS COMMAND: prints and runs the command, and again until the model has that status; prints
# each status once, and the last answer.
show_until() {
	wanted=$1 seen='' tries=$((WAIT_SECONDS * 5))
	printf '$ %s        # until %s\n' "$2" "$wanted"
	while [ $tries -gt 0 ]; do
		answer=$(eval "$2") || fail "the command failed"
		status_now=$(read_status)
		[ "$status_now" = "$seen" ] || printf '   %s\n' "${status_now:-no status: $answer}"
		seen=$status_now
		if [ "$seen" = "$wanted" ]; then
			print_answer
			return
		fi
		tries=$((tries - 1))
		sleep 0.2
	done
	fail "the model was not $wanted within $WAIT_SECONDS s; the last answer was: $answer"
}

# wait_for WHAT COMMAND...: until the command succeeds, while the programs live.
wait_for() {
	what=$1 tries=$((WAIT_SECONDS * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		for pid in $pids; do
			kill -0 "$pid" 2>/dev/null || fail "waited for $what, but a program has ended"
		done
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "waited $WAIT_SECONDS s in vain for $what"
		sleep 0.1
	done
}

# --- the set-up --------------------------------------------------------------------------------------------

# The team's day begins at the last full hour: so it does not end while the story is told.
write_policy() {
	cat >"$folder/policy.json" <<END
{ "version": 1,
  "account": { "concurrent_units": 10, "running_models": 2, "units_per_model": 5 },
  "teams": {
    "assembly-line": {
      "projects": ["circuit-boards", "solder-*"],
      "limits": {
        "concurrent_units": 3, "units_per_model": 2,
        "lease": { "default_minutes": 60, "max_minutes": 240 },
        "unit_hours": [{ "amount": 8, "period": "day", "day_starts": "$(date -u +%H):00" }] } } } }
END
}

write_configuration() {
	cat >"$folder/gateway.json" <<END
{ "listen": "127.0.0.1:0",
  "port_file": "gateway.port",
  "issuers": [{ "issuer": "https://issuer.example", "audience": "lookout-gateway",
                "jwks_file": "keys/jwks.json" }],
  "policy_file": "policy.json",
  "ledger_file": "ledger.sqlite",
  "aws_region": "us-east-1",
  "aws_endpoint": "$emulator",
  "confirm_ms": 1000,
  "reconcile_ms": 500,
  "status_cache_ms": 200,
  "shutdown_deadline_ms": 5000 }
END
}

# The port is the kernel's choice, so it can't be taken.
start_emulator() {
	"$emulator_program" --port 0 --port-file "$folder/emulator.port" --starting-ms 3000 --stopping-ms 2000 \
		--seed-model circuit-boards/1 --seed-model circuit-boards/2 >"$folder/emulator.log" 2>&1 &
	pids="$pids $!"
	wait_for "the emulator's port" test -s "$folder/emulator.port"
	emulator=http://127.0.0.1:$(cat "$folder/emulator.port")
}

# The credentials are AWS's documented example, which the emulator knows; a key of nobody.
start_gateway() {
	AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY \
		"$program" serve --config "$folder/gateway.json" >"$folder/gateway.log" 2>&1 &
	pids="$pids $!"
	wait_for "the gateway's port" test -s "$folder/gateway.port"
	gateway=http://127.0.0.1:$(cat "$folder/gateway.port")
	wait_for "the gateway's readiness" curl -sSf --max-time 5 "$gateway/readyz"
}

for needed in "$program" "$emulator_program"; do
	[ -x "$needed" ] || fail "saw no $needed; \`make demo' builds it"
done
command -v curl >/dev/null 2>&1 || fail "curl is needed"

folder=$(mktemp -d "${TMPDIR:-/tmp}/lookout-demo.XXXXXX")
sh "$top_srcdir/certs/make-dev-certs.sh" "$folder/keys" >"$folder/keys.log" 2>&1 ||
	fail "the development keys could not be made"
start_emulator
write_policy
write_configuration
start_gateway
told=yes

cat <<END
${bold}lookout-gateway: one start request, from a token to a bill${plain}

   In $folder there are now development keys, a policy, a configuration and a ledger.
   The emulator stands for Amazon Lookout for Vision; the gateway stands in front of it:

gateway=$gateway
emulator=$emulator

   This is plain HTTP, for short commands; the gateway accepts that on the loopback only. With
   tls_certificate_file and tls_key_file it speaks TLS, and curl wants --cacert.
   The team assembly-line may hold 3 inference units, in models of projects circuit-boards and solder-*,
   and use 8 unit-hours a day.
END

# --- the story ---------------------------------------------------------------------------------------------

mint="token=\$($program token mint --key-file $folder/keys/jwt-rs256.key --algorithm RS256 \\
      --kid dev-rs256 --issuer https://issuer.example --audience lookout-gateway \\
      --subject ada --team assembly-line)"
# The variables in the commands are for the shell that runs them, here and at the reader's.
# shellcheck disable=SC2016
bearer='-H "Authorization: Bearer $token"'
# shellcheck disable=SC2016
models='$gateway/v1/projects/circuit-boards/models'
json="-H 'Content-Type: application/json'"

say 'A token for ada of the team assembly-line' \
	'A company has an issuer for that; for development the gateway mints one with the development key.'
printf '$ %s\n' "$mint"
eval "$mint" || fail "no token was minted"

say 'Refused: no token'
show "curl -sS -i $json -d '{\"MinInferenceUnits\": 1}' $models/1/start"
expect ' 401 ' 'WWW-Authenticate: Bearer' /problems/unauthenticated

say 'Refused: 3 units for one model can never fit' 'The answer names the rule and the numbers.'
show "curl -sS -i $bearer $json -d '{\"MinInferenceUnits\": 3}' $models/1/start"
expect ' 403 ' /problems/quota-never-fits '"Limit":2' '"Requested":3'

say 'Started: 2 units for 90 minutes, with an idempotency key' \
	'Before AWS hears of it, the reservation is on the disk; then the request is signed and sent. When the' \
	'lease ends, the gateway stops the model; until then it reserves the unit-hours of the whole lease.'
start="curl -sS -i $bearer $json -H 'Idempotency-Key: demo-1' \\
      -d '{\"MinInferenceUnits\": 2, \"LeaseMinutes\": 90}' $models/1/start"
show "$start"
expect ' 202 ' STARTING_HOSTING '"LeaseMinutes":90' '"LeaseEndsAt":"2'

say 'Refused: a second model with 2 units does not fit now' \
	'What is held is in the answer; it would fit later, so this is 429, with the time at which it does.'
show "curl -sS -i $bearer $json -d '{\"MinInferenceUnits\": 2}' $models/2/start"
expect ' 429 ' /problems/quota-exceeded Retry-After '"Rule":"concurrent_units"' '"Limit":3' '"Used":2' \
	'"Requested":2' '"EarliestFit":"2'

say 'Status'
show_until HOSTED "curl -sS $bearer $models/1"

say 'The same key again' 'As after a lost answer: no second start, the present state.'
show "$start"
expect ' 200 ' 'Idempotency-Replayed: true' HOSTED

say 'Extended: the lease shall have two hours' 'The whole lease, from its start: so a repeat changes nothing.'
show "curl -sS -i $bearer $json -d '{\"LeaseMinutes\": 120}' $models/1/lease"
expect ' 200 ' '"Changed":true' '"LeaseMinutes":120'

say "Refused: 4 hours of a second model are more than is left of today's unit-hours" \
	'A dry run asks and starts nothing. The answer says how long a lease would fit now (LargestLeaseMinutes),' \
	'and when this one would (EarliestFit).'
show "curl -sS -i $bearer $json -d '{\"MinInferenceUnits\": 1, \"LeaseMinutes\": 240}' \\
      \"$models/2/start?DryRun=true\""
expect ' 429 ' '"Rule":"unit_hours"' '"Limit":8.000' '"Requested":4.250' '"LargestLeaseMinutes":195' '"EarliestFit":"2'

say 'Stopped'
show "curl -sS -i -X POST $bearer $models/1/stop"
expect ' 202 ' STOPPING_HOSTING
show_until TRAINED "curl -sS $bearer $models/1"

say 'Quota free again' \
	'A stop is believed after two observations that the model does not run: here 1 s apart and looked for' \
	'every half second, so that you need not wait; by default 60 s apart (confirm_ms, reconcile_ms).'
# shellcheck disable=SC2016
quota="curl -sS $bearer \$gateway/v1/quota"
is_free() {
	eval "$quota" | grep -q '"TeamLimits":{"concurrent_units":{"Limit":3,"Used":0,"Reserved":0,'
}
wait_for 'the quota to be free' is_free
show "$quota"

say 'Who used how much, for the accountants' 'As CSV, or as JSON without the parameter; from the same rows as the quota.'
# shellcheck disable=SC2016
show "curl -sS $bearer \"\$gateway/v1/usage?Period=day&Format=csv\""
expect 'PeriodFrom,PeriodUntil,Team' ',assembly-line,circuit-boards,1,ada,'

say 'What the upstream saw: one start, one stop, and its own bill'
# shellcheck disable=SC2016
show 'curl -sS $emulator/_emulator/bill'

# --- and now? ----------------------------------------------------------------------------------------------

if ! [ -t 0 ] || ! [ -t 1 ]; then
	printf '\ndemo: done\n'
	exit 0
fi
# Ctrl-C is how this is meant to end.
trap 'exit 0' INT
cat <<END

${bold}Gateway and emulator stay up until Ctrl-C.${plain} To go on, in another terminal:

gateway=$gateway
emulator=$emulator
$mint

   then any command from above, or: curl \$gateway/readyz; curl \$gateway/metrics
   The log of the gateway is $folder/gateway.log.
END
for pid in $pids; do
	wait "$pid" || true
	fail "a program has ended by itself"
done
