"""The works that are measured, who does each, and one measurement with wrk."""

import itertools
import json
import resource
import subprocess

from processes import Void, call, wait_for
from stage import HERE

GATEWAY = "lookout-gateway"
MILLION = "lookout-gateway, million rows"
UPSTREAM = "upstream alone"
FLOOR = "constant CivetWeb handler"
FLOOR_FORWARD = "CivetWeb, bare exchange"
PROXY = "nginx, proxy only"
LUA_CACHED = "nginx + lua, cached, SigV4"
LUA_EACH = "nginx + lua, each, SigV4"
HAPROXY = "HAProxy, RS256"

START_BODY = '{"MinInferenceUnits":1}'
# wrk may be this busy before it says more about itself than about what it measures.
WRK_BUSY = 0.95

_marks = itertools.count(1)


class Target:
    """Who does a work: a process, the prefix of its paths."""

    def __init__(self, name, child, prefix):
        self.name, self.child, self.prefix = name, child, prefix


class Work:
    """What is measured. `kind` is work.lua's; `status` what each answer must be."""

    def __init__(self, name, title, kind, tokens, targets, refused=False, durable=False,
                 pool=0):
        self.name, self.title, self.kind, self.tokens = name, title, kind, tokens
        self.targets, self.refused, self.durable, self.pool = targets, refused, durable, pool


def run_wrk(port, connections, seconds, *arguments):
    """What work.lua's done() prints, and wrk's own share of one processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s",
         "-s", str(HERE / "work.lua"), f"http://127.0.0.1:{port}", "--",
         *[str(argument) for argument in arguments]],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = [line for line in done.stdout.splitlines() if line.startswith("BENCH ")]
    if done.returncode != 0 or not lines:
        raise Void(f"wrk ended with {done.returncode}: {done.stdout[-1000:]}")
    seen = json.loads(lines[0][6:])
    used = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    seen["wrk_busy"] = used / seen["seconds"]
    return seen


def check_answers(work, target, seen):
    """Every answer is what the work asks for: refusals are all errors to wrk, the others none."""
    broken = {name: seen[name] for name in ("connect", "read", "write", "timeout") if seen[name]}
    if seen["requests"] == 0 or broken:
        raise Void(f"{work.name} by {target.name}: {seen['requests']} answers, "
                   f"broken connections {broken}")
    if seen["errors"] != (seen["requests"] if work.refused else 0):
        raise Void(f"{work.name} by {target.name}: {seen['errors']} of {seen['requests']} answers "
                   f"were 4xx or 5xx: see {target.child.log}")


class StartBooks:
    """
    The books of durable starts: rows in the ledger = answers 2xx that the gateway gave = sends to
    the upstream; and wrk counted all of them but those under way when it hung up, at most one for
    each connection.
    """

    def __init__(self, stage, gateway):
        self.stage, self.gateway = stage, gateway
        self.before = self._read()

    def _read(self):
        return (self.gateway.rows(), self.gateway.starts_answered(),
                self.stage.upstream_requests())

    def settle(self):
        """When the last starts under way have ended: what grew."""
        grown = (0, 0, 0)

        def settled():
            nonlocal grown
            now = self._read()
            before, grown = grown, tuple(a - b for a, b in zip(now, self.before))
            return grown[0] == grown[1] and grown == before
        try:
            wait_for(settled, "the end of the last starts", 0.1)
        except Void:
            raise Void(f"rows {grown[0]}, answers {grown[1]}: they differ") from None
        return dict(zip(("rows", "answered", "sent"), grown))

    def close(self, counted, connections):
        grown = self.settle()
        late = grown["answered"] - counted
        if not 0 <= late <= connections or grown["sent"] < grown["rows"]:
            raise Void(f"{grown}, counted by wrk {counted}, {connections} connections: "
                       "they do not add up")
        return {**grown, "counted": counted}


def check_upstream(stage, before, work, target, seen):
    """A read that goes upstream went there: coalescing would make it cheaper than it is."""
    sent = stage.upstream_requests() - before
    if sent < 0.999 * seen["requests"]:
        raise Void(f"{work.name} by {target.name}: {seen['requests']} answers from {sent} reads")


def measure(stage, work, target, connections, seconds):
    """One measurement of one target."""
    books = StartBooks(stage, target.child) if work.durable and hasattr(target.child, "rows") \
        else None
    sent_before = stage.upstream_requests()
    # The pool is larger than any cache: what comes around again has long been forgotten.
    offset = stage.offsets.get((work.name, target.name), 0)
    cpu_before = target.child.cpu_seconds()
    seen = run_wrk(target.child.port, connections, seconds, work.kind, target.prefix, work.tokens,
                   offset, f"{next(_marks):04x}")
    cpu = target.child.cpu_seconds() - cpu_before
    target.child.check_alive()
    check_answers(work, target, seen)
    if work.pool:
        used = offset + seen["requests"] + connections
        stage.offsets[work.name, target.name] = used % work.pool
    if work.kind in ("forward", "unseen"):
        check_upstream(stage, sent_before, work, target, seen)
    if books:
        seen["books"] = books.close(seen["requests"], connections)
    seen["per_second"] = seen["requests"] / seen["seconds"]
    seen["cpu_us"] = cpu * 1e6 / seen["requests"]
    seen["resident_mb"] = target.child.resident_mb()
    return seen


# --- peers do what they are said to do -----------------------------------------------------------

def expect(what, answer, status):
    if answer[0] != status:
        raise Void(f"{what}: saw {answer[0]} {answer[1][:300]}, expected {status}")


def start(target, model, token):
    return call(target.child.port, "POST", f"{target.prefix}/projects/{model}/models/1/start",
                token, START_BODY, {"X-Amzn-Client-Token": f"check-{model}"})


def check_verifier(target, token):
    """A good token passes; one with another signature, one with other claims, and none do not."""
    path = f"{target.prefix}/projects/circuit-boards/models/1"
    head, claims, signature = token.split(".")
    changed = "A" if signature[9] != "A" else "B"
    forged = signature[:9] + changed + signature[10:]
    other = ("A" if claims[30] != "A" else "B").join((claims[:30], claims[31:]))
    expect(f"{target.name}, a good token", call(target.child.port, "GET", path, token), 200)
    for what, bad in (("a forged signature", f"{head}.{claims}.{forged}"),
                      ("changed claims", f"{head}.{other}.{signature}"), ("no token", None)):
        expect(f"{target.name}, {what}", call(target.child.port, "GET", path, bad), 401)


def check_signers(stage, token):
    """The emulator, which checks signatures as AWS does, takes what the gateway and nginx sign."""
    emulator = stage.start_emulator()
    gateway = stage.start_gateway("gateway-check", emulator.port)
    lua = stage.start_lua("nginx-lua-check", emulator.port)
    targets = [Target("gateway at the emulator", gateway, "/v1"),
               Target("nginx + lua, cached, at the emulator", lua, "/cached/2020-11-20"),
               Target("nginx + lua, each, at the emulator", lua, "/each/2020-11-20")]
    path = "/2020-11-20/projects/circuit-boards/models/1"
    expect("the emulator, unsigned", call(emulator.port, "GET", path), 403)
    for number, target in enumerate(targets):
        expect(f"{target.name}, start", start(target, f"check-{number}", token), 202)
        expect(f"{target.name}, status",
               call(target.child.port, "GET",
                    f"{target.prefix}/projects/check-{number}/models/1", token), 200)
    for child in (lua, gateway, emulator):
        stage.end(child)
