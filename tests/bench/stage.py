"""The stage of a bench: folder, keys, tokens, constant upstream, peers and gateways.

Everything listens on loopback, lies in one folder of the build folder, which is on a real disk, and
is ended with it.
"""

import json
import os
import pathlib
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time

from processes import Child, Void, call, free_port, wait_for

SOURCE = pathlib.Path(os.environ["top_srcdir"])
BUILD = pathlib.Path(os.environ["top_builddir"])
HERE = SOURCE / "tests/bench"

REGION = "us-east-1"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
AWS = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
THREADS = 128
HOUR_MS = 3600 * 1000
MEMORY_FILE_SYSTEMS = {"tmpfs", "ramfs"}
POLICY = {
    "version": 1, "account": {},
    "teams": {"bench": {"projects": ["*"], "limits": {}},
              "full": {"projects": ["*"], "limits": {"concurrent_units": 1}}}}


def run(*arguments):
    return subprocess.run([str(argument) for argument in arguments], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


class Gateway(Child):
    """The release program. Not paced, not limited, and as silent as its peers: warnings only."""

    def __init__(self, stage, name, upstream, status_cache_ms, ledger=None):
        folder = stage.folder / name
        folder.mkdir()
        self.ledger = ledger or folder / "ledger.db"
        port_file = folder / "port"
        options = {
            "listen": "127.0.0.1:0", "port_file": str(port_file), "threads": THREADS,
            "log_level": os.environ.get("BENCH_LOG_LEVEL", "warning"),
            "policy_file": "policy.json", "ledger_file": str(self.ledger),
            "aws_region": REGION, "aws_endpoint": f"http://127.0.0.1:{upstream}",
            "aws_start_per_second": 0, "aws_stop_per_second": 0, "aws_describe_per_second": 0,
            "aws_describe_reserved": 0, "reconcile_ms": HOUR_MS, "drift_scan_minutes": 0,
            "status_cache_ms": status_cache_ms, "unknown_cache_ms": 0,
            "issuers": [{"issuer": "https://issuer.bench", "audience": "lookout-gateway", "keys": [
                {"kid": "rs256", "algorithm": "RS256",
                 "pem_file": str(stage.keys / "jwt-rs256.pub")},
                {"kid": "es256", "algorithm": "ES256",
                 "pem_file": str(stage.keys / "jwt-es256.pub")}]}]}
        (folder / "policy.json").write_text(json.dumps(POLICY))
        (folder / "gateway.json").write_text(json.dumps(options, indent=1))
        began = time.monotonic()
        super().__init__(name, [BUILD / "lookout-gateway", "serve", "--config",
                                folder / "gateway.json"], folder, AWS)
        self.port = self.wait_for_port_file(port_file)
        wait_for(lambda: call(self.port, "GET", "/readyz")[0] == 200, f"{name}'s readiness")
        self.ready_ms = (time.monotonic() - began) * 1000
        self.idle_mb = self.resident_mb()

    def metrics(self):
        """Name with labels -> value."""
        lines = call(self.port, "GET", "/metrics")[1].splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def starts_answered(self):
        """Answers 200 and 202 to starts, those nobody waited for included."""
        return int(sum(value for name, value in self.metrics().items()
                       if name.startswith("lookout_http_requests_total") and "/start\"" in name
                       and '2xx' in name))

    def rows(self):
        """Rows of the ledger that say that a model was started."""
        database = sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True)
        try:
            return database.execute(
                "SELECT count(*) FROM reservation WHERE live = 1 AND state = 'ACTIVE'"
            ).fetchone()[0]
        finally:
            database.close()


class Stage:
    def __init__(self):
        parent = BUILD / "tests/bench"
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stage-", dir=parent))
        self.children = []
        self.keys = self.folder / "keys"
        self.file_system = run("df", "--output=fstype", self.folder).split()[-1]
        if self.file_system in MEMORY_FILE_SYSTEMS:
            raise Void(f"{self.folder} is on {self.file_system}: a ledger there is not durable; "
                       "build on a disk")
        run(SOURCE / "certs/make-dev-certs.sh", self.keys)
        # Workers of nginx that root starts are not root.
        for folder in (self.folder, self.keys):
            folder.chmod(0o755)
        self.upstream = self._nginx("upstream", "nginx-upstream.conf")

        self.sync_ms = self._measure_sync()
        self.offsets = {}  # (work, target) -> the first token that was not used yet
        self.questions = 0  # about the upstream's requests, which the upstream counts, too

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.end()
        if not os.environ.get("BENCH_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _measure_sync(self):
        """What this disk takes to sync a page that was appended: no durable start is quicker."""
        path = self.folder / "sync"
        taken = []
        with open(path, "wb", buffering=0) as file:
            for _ in range(200):
                file.write(bytes(4096))
                began = time.monotonic()
                os.fdatasync(file.fileno())
                taken.append((time.monotonic() - began) * 1000)
        path.unlink()
        return statistics.median(taken)

    def add(self, child):
        self.children.append(child)
        return child

    def end(self, child):
        self.children.remove(child)
        child.end()

    def _fill_in(self, template, name, **values):
        text = (HERE / "peers" / template).read_text()
        values = {"folder": self.folder, "keys": self.keys, "peers": HERE / "peers", "name": name,
                  "processors": os.cpu_count(), **values}
        path = self.folder / f"{name}.conf"
        path.write_text(re.sub("@([a-z]+)@", lambda match: str(values[match[1]]), text))
        return path

    def _nginx(self, name, template, upstream=None):
        port = free_port()
        path = self._fill_in(template, name, port=port, upstream=upstream)
        child = self.add(Child(name, ["nginx", "-p", self.folder, "-c", path], self.folder, AWS))
        child.port = child.wait_for_port(port)
        return child

    def start_proxy(self):
        return self._nginx("nginx", "nginx-proxy.conf", self.upstream.port)

    def start_lua(self, name="nginx-lua", upstream=None):
        return self._nginx(name, "nginx-lua.conf", upstream or self.upstream.port)

    def start_haproxy(self):
        port = free_port()
        path = self._fill_in("haproxy.cfg", "haproxy", port=port, upstream=self.upstream.port)
        child = self.add(Child("haproxy", ["haproxy", "-db", "-f", path], self.folder))
        child.port = child.wait_for_port(port)
        return child

    def start_floor(self, *upstream):
        """The constant handler; with the upstream's port one that asks there first."""
        name = "floor-forward" if upstream else "floor"
        port_file = self.folder / f"{name}.port"
        child = self.add(Child(name, [BUILD / "tests/bench/bench_floor", THREADS, port_file,
                                      *upstream], self.folder))
        child.port = child.wait_for_port_file(port_file)
        return child

    def start_emulator(self):
        port_file = self.folder / "emulator.port"
        child = self.add(Child(
            "emulator", [BUILD / "tests/emulator/lookout-emulator", "--port-file", port_file,
                         "--auto-models", "yes", "--running-models", "0", "--units-per-model", "0",
                         "--requests-per-second", "0"], self.folder))
        child.port = child.wait_for_port_file(port_file)
        return child

    def start_gateway(self, name, upstream=None, status_cache_ms=0, ledger=None):
        return self.add(Gateway(self, name, upstream or self.upstream.port, status_cache_ms,
                                ledger))

    def upstream_requests(self):
        """All that it ever got but the questions about that."""
        text = call(self.upstream.port, "GET", "/count")[1]
        self.questions += 1
        return int(text.splitlines()[2].split()[2]) - self.questions

    def make_tokens(self, name, algorithm, team, count, first=0):
        """A file of tokens that differ in their jti."""
        path = self.folder / f"{name}.tokens"
        key = self.keys / f"jwt-{algorithm}.key"
        path.write_text(run(BUILD / "tests/bench/bench_tokens", key, algorithm, team, first, count))
        return path
