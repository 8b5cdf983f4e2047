"""The processes of a run: emulator, gateway, the clock that they share, and talking to them.

Quicker than the harness of the end-to-end tests, of which it takes clock and constants: a run has a
quarter of a second for three starts of the gateway and some hundred requests.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from harness import (ACCOUNT, AUDIENCE, BUILD, EMULATOR, GATEWAY, ISSUER, KEY_ID,  # noqa: E402
                     REGION, SECRET_KEY, SOURCE, Clock)

GATEWAY_CRASH = BUILD / "lookout-gateway-crash"
KID = "crash"
PATIENCE_S = 60  # beyond the 30 s in which the gateway has to answer
LOOK_S = 0.001  # how often a state is looked for
ADMIN = "*"     # the team of who sees all teams


class Lost(Exception):
    """No answer: the other side is gone."""


class Connection:
    """One HTTP/1.1 connection, kept as long as it lives."""

    def __init__(self, port):
        self.port = port
        self.socket = None

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def call(self, method, path, body=b"", headers=""):
        try:
            if self.socket is not None and self.is_over():
                self.close()
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            kind = "Content-Type: application/json\r\n" if body else ""
            self.socket.sendall(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}{headers}"
                                f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            return self.read()
        except (OSError, ValueError, IndexError) as error:
            self.close()
            raise Lost(str(error)) from error

    def is_over(self):
        """Whether the peer has closed what was kept: between two answers nothing else can be read."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def read(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.more()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(fields["content-length"])
        while len(body) < length:
            body += self.more()
        if fields.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), body

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise Lost("the connection was closed")
        return data


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def make_token(secret, team, now_s):
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": f"{team}-user", "iat": now_s,
              "exp": now_s + 30 * 24 * 3600, "scope": "models:start models:stop models:read"}
    if team == ADMIN:
        claims.update(scope="models:stop models:read gateway:admin", sub="admin")
    else:
        claims["team"] = team
    head = {"alg": "HS256", "typ": "JWT", "kid": KID}
    signed = b".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
    return (signed + b"." + base64url(hmac.digest(secret, signed, hashlib.sha256))).decode()


def wait_port(path, child):
    """The port that the child wrote; None where it ended before."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        text = path.read_text() if path.exists() else ""
        if text.endswith("\n"):
            return int(text)
        if child.poll() is not None:
            return None
        time.sleep(LOOK_S)
    raise AssertionError(f"no port in {path} within {PATIENCE_S} s")


class Emulator:
    """One for many runs: /_emulator/reset forgets the run before."""

    def __init__(self, folder, name, clock):
        port_file = folder / f"{name}.port"
        environment = {"LOOKOUT_TEST_CLOCK": str(clock.path)} if clock else {}
        with open(folder / f"{name}.log", "ab") as log:
            self.child = subprocess.Popen(
                [str(EMULATOR), "--port", "0", "--port-file", str(port_file), "--region", REGION,
                 "--account", ACCOUNT, "--auto-models", "yes", "--requests-per-second", "0",
                 "--threads", "64"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        port = wait_port(port_file, self.child)
        assert port, "the emulator did not start: " + (folder / f"{name}.log").read_text()
        self.connection = Connection(port)
        self.url = f"http://127.0.0.1:{port}"

    def control(self, name, body=None):
        method = "GET" if body is None else "POST"
        status, text = self.connection.call(method, f"/_emulator/{name}",
                                            b"" if not body else json.dumps(body).encode())
        assert status == 200, text
        return json.loads(text)

    def end(self):
        self.connection.close()
        self.child.kill()
        self.child.wait()


class World:
    """What a worker keeps between its runs: folder, clock, secret, emulators."""

    def __init__(self, folder, binary):
        self.folder = folder
        self.binary = binary  # the crash build, maybe a broken one
        self.clock = Clock(folder / "clock")
        # Hex: of a file that ends with a newline by chance the gateway would drop it.
        self.secret = os.urandom(32).hex().encode()
        self.secret_file = folder / "secret"
        self.secret_file.write_bytes(self.secret)
        self.emulators = {}

    def emulator(self, movable):
        """The one on the movable clock, or the one on the system's for the release binary."""
        if movable not in self.emulators:
            self.emulators[movable] = Emulator(self.folder, f"emulator-{movable}",
                                               self.clock if movable else None)
        return self.emulators[movable]

    def end(self):
        for emulator in self.emulators.values():
            emulator.end()


class Gateway:
    """A gateway over the run's folder; the next one over the same folder is its restart."""

    def __init__(self, world, folder, plan, control):
        self.control = control
        self.port_file = folder / "gateway.port"
        self.port_file.unlink(missing_ok=True)
        environment = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        if plan.movable:
            environment["LOOKOUT_TEST_CLOCK"] = str(world.clock.path)
            environment["LOOKOUT_CRASH_CONTROL"] = str(control.path)
        with open(folder / "gateway.log", "ab") as log:
            self.child = subprocess.Popen(
                [str(world.binary if plan.movable else GATEWAY), "serve", "--config",
                 str(folder / "gateway.json")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.was_killed = False
        self.port = wait_port(self.port_file, self.child)

    def is_dead(self):
        return self.child.poll() is not None

    def dies(self):
        """After its connections broke: whether it ends, too."""
        try:
            self.child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self):
        self.was_killed = True
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
        return self.child.wait(PATIENCE_S)


def write_config(folder, world, plan, url):
    (folder / "policy.json").write_text(json.dumps(plan.policy))
    (folder / "gateway.json").write_text(json.dumps({
        "listen": "127.0.0.1:0", "port_file": "gateway.port", "threads": 8,
        "policy_file": "policy.json", "ledger_file": "ledger.db",
        "aws_region": REGION, "aws_endpoint": url,
        "aws_start_per_second": 0, "aws_stop_per_second": 0, "aws_describe_per_second": 0,
        "aws_describe_reserved": 0, "aws_list_per_second": 0, "unknown_cache_ms": 0, "status_cache_ms": 0,
        "issuers": [{"issuer": ISSUER, "audience": AUDIENCE,
                     "keys": [{"kid": KID, "algorithm": "HS256",
                               "secret_file": str(world.secret_file)}]}],
        **plan.options}))


__all__ = ["ADMIN", "Connection", "Emulator", "Gateway", "Lost", "PATIENCE_S", "SOURCE", "World",
           "make_token", "write_config"]
