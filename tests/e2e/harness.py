"""What the end-to-end tests stand on: a movable clock, an emulator, a gateway, tokens, a client.

Every process is started on a port that the kernel gives and ended by its pid. Nothing here sleeps
for a fixed time: `eventually` waits for a state with a deadline.
"""

import datetime
import http.client
import json
import mmap
import os
import pathlib
import signal
import ssl
import struct
import subprocess
import sys
import time
import uuid

import jwt

SOURCE = pathlib.Path(os.environ.get("top_srcdir", pathlib.Path(__file__).parents[2])).resolve()
BUILD = pathlib.Path(os.environ.get("top_builddir", SOURCE / "build")).resolve()
GATEWAY = BUILD / "lookout-gateway"
GATEWAY_TEST = BUILD / "lookout-gateway-test"
EMULATOR = BUILD / "tests/emulator/lookout-emulator"

REGION = "us-east-1"
ACCOUNT = "123456789012"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ISSUER = "https://issuer.test"
AUDIENCE = "lookout-gateway"
ALL_SCOPES = "models:start models:stop models:read"

# A sanitizer's build is several times slower; this is patience, not a measurement.
PATIENCE_S = 60


def eventually(check, what="the state", patience_s=PATIENCE_S):
    """Calls `check` until it returns something true; that is returned."""
    deadline = time.monotonic() + patience_s
    while True:
        seen = check()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {patience_s} s; last seen: {seen!r}")
        time.sleep(0.02)  # only how often it looks; what it waits for is the state


class Clock:
    """The clock that gateway, emulator and tokens share: offsets in a file."""

    def __init__(self, path):
        self.path = path
        self.wall_ms = 0
        self.monotonic_ms = 0
        path.write_bytes(bytes(16))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)

    def _write(self):
        # One aligned store each: others read while this writes.
        struct.pack_into("=q", self.map, 0, self.wall_ms)
        struct.pack_into("=q", self.map, 8, self.monotonic_ms)

    def advance(self, seconds):
        self.wall_ms += int(seconds * 1000)
        self.monotonic_ms += int(seconds * 1000)
        self._write()

    def jump(self, seconds):
        """The wall clock alone, as when somebody sets it."""
        self.wall_ms += int(seconds * 1000)
        self._write()

    def now(self):
        return time.time() + self.wall_ms / 1000


class Process:
    """A child that writes its port to a file and its log to another."""

    started = []  # by the test under way, also those that came of a restart or never listened

    def __init__(self, name, arguments, folder, environment):
        self.port_file = folder / f"{name}.port"
        self.log_path = folder / f"{name}.log"
        self.port_file.unlink(missing_ok=True)
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env={"PATH": os.environ["PATH"], **environment,
                     **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}})
        self.started.append(self)
        self.port = None

    def wait_for_port(self):
        def look():
            if self.child.poll() is not None:
                raise AssertionError(f"ended with {self.child.returncode}:\n{self.log()}")
            return self.port_file.exists() and self.port_file.read_text().strip()
        self.port = int(eventually(look, f"the port in {self.port_file}"))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_lines(self, event=None):
        lines = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in lines if event is None or line.get("event") == event]

    def kill(self):
        self.child.kill()
        self.child.wait()

    def end(self, number=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.child.wait(timeout=PATIENCE_S)

    def resident_kb(self):
        for line in pathlib.Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def problem(self):
        assert self.headers["Content-Type"] == "application/problem+json", self.text
        return self.json["type"].rsplit("/", 1)[-1]

    def __repr__(self):
        return f"<{self.status} {self.text[:600]}>"


def call(port, method, path, body=None, headers=None, timeout=PATIENCE_S, tls_ca=None):
    """One request on a connection of its own."""
    if tls_ca:
        connection = http.client.HTTPSConnection(
            "localhost", port, timeout=timeout,
            context=ssl.create_default_context(cafile=str(tls_ca)))
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body=body, headers=headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


class Emulator(Process):
    def __init__(self, folder, clock, **settings):
        self.settings = {"auto-models": "yes", "starting-ms": 1000, "stopping-ms": 1000,
                         "running-models": 0, "units-per-model": 0, "requests-per-second": 0,
                         **settings}
        arguments = [EMULATOR, "--port", "0", "--port-file", folder / "emulator.port",
                     "--region", REGION, "--account", ACCOUNT]
        for name, value in self.settings.items():
            arguments += [f"--{name}", value]
        super().__init__("emulator", arguments, folder, {"LOOKOUT_TEST_CLOCK": str(clock.path)})
        self.wait_for_port()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def control(self, method, name, body=None):
        answer = call(self.port, method, f"/_emulator/{name}", body)
        assert answer.status == 200, answer
        return answer.json

    def fault(self, operation, fault, count=1, **more):
        self.control("POST", "faults", {"operation": operation, "fault": fault, "count": count,
                                        **more})

    def state(self):
        return self.control("GET", "state")

    def models(self):
        return {model["model"]: model for model in self.state()["models"]}

    def starts(self, model=None):
        return sum(m["starts_applied"] for name, m in self.models().items()
                   if model in (None, name))

    def received(self, operation):
        return self.state()["operations"][operation]["received"]


def default_policy(**team):
    return {"version": 1, "account": {},
            "teams": {"assembly": {"projects": ["*"], "limits": team}}}


class Gateway(Process):
    """lookout-gateway-test with a configuration of its own in `folder`."""

    def __init__(self, folder, clock, keys, upstream, policy=None, binary=GATEWAY_TEST,
                 environment=None, wait=True, **options):
        self.folder = folder
        self.keys = keys
        self.clock = clock
        self.config_path = folder / "gateway.json"
        self.options = {
            "listen": "127.0.0.1:0", "port_file": "gateway.port", "threads": 24,
            "policy_file": "policy.json", "ledger_file": "ledger.db",
            "aws_region": REGION, "aws_endpoint": upstream,
            "aws_start_per_second": 0, "aws_stop_per_second": 0, "aws_describe_per_second": 0,
            "aws_describe_reserved": 0, "aws_list_per_second": 0, "reconcile_ms": 100, "status_cache_ms": 0,
            "unknown_cache_ms": 0, "backoff_base_ms": 5, "backoff_cap_ms": 20,
            "issuers": [{"issuer": ISSUER, "audience": AUDIENCE,
                         "jwks_file": str(keys / "jwks.json"),
                         "keys": [{"kid": "dev-hs256", "algorithm": "HS256",
                                   "secret_file": str(keys / "jwt-hs256.secret")}]}],
            **options}
        self.write_policy(policy or default_policy())
        self.write_config()
        super().__init__("gateway", [binary, "serve", "--config", self.config_path], folder,
                         {"LOOKOUT_TEST_CLOCK": str(clock.path), "AWS_ACCESS_KEY_ID": KEY_ID,
                          "AWS_SECRET_ACCESS_KEY": SECRET_KEY, **(environment or {})})
        if wait:
            self.wait_for_port()

    def write_policy(self, policy):
        (self.folder / "policy.json").write_text(json.dumps(policy))

    def write_config(self, **changes):
        self.options.update(changes)
        self.config_path.write_text(json.dumps(self.options, indent=1))

    def reload(self):
        """SIGHUP, and the log line that says what came of it."""
        seen = len(self.log_lines("reload.done")) + len(self.log_lines("reload.failed"))
        self.child.send_signal(signal.SIGHUP)
        eventually(lambda: len(self.log_lines("reload.done")) +
                   len(self.log_lines("reload.failed")) > seen, "the reload")

    def token(self, team="assembly", scope=ALL_SCOPES, key="dev-rs256", subject="ada", **claims):
        now = int(self.clock.now())
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "team": team, "scope": scope,
                   "iat": now, "exp": now + 100 * 24 * 3600, **claims}
        payload = {name: value for name, value in payload.items() if value is not None}
        if key == "dev-hs256":
            return jwt.encode(payload, (self.keys / "jwt-hs256.secret").read_bytes(),
                              algorithm="HS256", headers={"kid": key})
        algorithm = {"dev-rs256": "RS256", "dev-es256": "ES256", "dev-eddsa": "EdDSA"}[key]
        pem = (self.keys / f"jwt-{algorithm.lower()}.key").read_bytes()
        return jwt.encode(payload, pem, algorithm=algorithm, headers={"kid": key})

    def call(self, method, path, body=None, token=None, headers=None, **more):
        bearer = {"Authorization": f"Bearer {token or self.token()}"}
        return call(self.port, method, path, body, {**bearer, **(headers or {})}, **more)

    def metric(self, name, **labels):
        """The value of one series; 0 where it is not there yet."""
        wanted = ",".join(f'{label}="{value}"' for label, value in labels.items())
        series = f"{name}{{{wanted}}}" if labels else name
        for line in self.call("GET", "/metrics").text.splitlines():
            if line.startswith(series + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0

    def start(self, model="boards/1", units=1, key=None, maximum=None, lease=None, query="",
              **more):
        project, version = model.split("/")
        body = {"MinInferenceUnits": units}
        if maximum:
            body["MaxInferenceUnits"] = maximum
        if lease:
            body["LeaseMinutes"] = lease
        headers = {"Idempotency-Key": key} if key else {}
        return self.call("POST", f"/v1/projects/{project}/models/{version}/start{query}", body,
                         headers=headers, **more)

    def stop(self, model="boards/1", **more):
        project, version = model.split("/")
        return self.call("POST", f"/v1/projects/{project}/models/{version}/stop", **more)

    def lease(self, minutes, model="boards/1", query="", **more):
        project, version = model.split("/")
        return self.call("POST", f"/v1/projects/{project}/models/{version}/lease{query}",
                         {"LeaseMinutes": minutes}, **more)

    def status(self, model="boards/1", **more):
        project, version = model.split("/")
        return self.call("GET", f"/v1/projects/{project}/models/{version}", **more)

    def reservation(self, answer_or_id, **more):
        found = answer_or_id
        if isinstance(found, Answer):
            found = found.json["Reservation"]["Id"]
        answer = self.call("GET", f"/v1/reservations/{found}", **more)
        assert answer.status == 200, answer
        body = answer.json
        return body.get("Reservation", body)

    def wait_state(self, reservation, *states, advancing_s=0, **more):
        """Until the reservation is in one of these states; its document.

        With `advancing_s` the clock moves on at each look: for states that need two observations
        with time between them, however the reconciler's passes fall.
        """
        def look():
            seen = self.reservation(reservation, **more)
            if seen["State"] in states:
                return seen
            self.clock.advance(advancing_s)
            return None
        return eventually(look, f"one of {states}")

    def quota(self, **more):
        answer = self.call("GET", "/v1/quota", **more)
        assert answer.status == 200, answer
        return answer.json

    def held_units(self):
        units = self.quota()["TeamLimits"]["concurrent_units"]
        return units["Used"] + units["Reserved"]

    def wait_ready(self):
        eventually(lambda: call(self.port, "GET", "/readyz").status == 200, "readiness")

    def restart(self, **more):
        """A new process over the same folder, ledger and clock."""
        upstream = self.options["aws_endpoint"]
        policy = json.loads((self.folder / "policy.json").read_text())
        known = {k: v for k, v in self.options.items() if k != "aws_endpoint"}
        return Gateway(self.folder, self.clock, self.keys, upstream, policy, **{**known, **more})


def ledger(*arguments, clock=None):
    """`lookout-gateway ledger`, also beside a gateway that holds it; by this clock, if any."""
    moved = {"LOOKOUT_TEST_CLOCK": str(clock.path)} if clock else {}
    return subprocess.run([GATEWAY_TEST, "ledger", *map(str, arguments)],
                          capture_output=True, text=True, check=False, env={**os.environ, **moved})


def audit(path):
    """By a program that shares no code with the gateway."""
    return subprocess.run([sys.executable, SOURCE / "tests/ledger/check_journal.py", path],
                          capture_output=True, text=True, check=False)


def at(text):
    """Seconds since the epoch of a time of RFC 3339, as answers have it."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def new_key():
    return str(uuid.uuid4())
