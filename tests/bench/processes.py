"""Children of the bench: started in a folder, waited for, looked at through /proc, ended by pid."""

import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time

PATIENCE_S = 30
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


class Void(Exception):
    """What was measured counts for nothing; says why."""


def free_port():
    """Free when it was looked at: for programs that can't take port 0 and say which it became."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(look, what, every_s=0.002):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise Void(f"{what} did not come within {PATIENCE_S} s")
        time.sleep(every_s)


def call(port, method, path, token=None, body=None, headers=None):
    """One request; its status and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


class Child:
    """A process and its children: nginx works in those."""

    def __init__(self, name, arguments, folder, environment=None):
        self.name = name
        self.log = folder / f"{name}.out"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(argument) for argument in arguments], stdin=subprocess.PIPE, stdout=log,
                stderr=log, cwd=folder,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(environment or {})})

    def check_alive(self):
        if self.process.poll() is not None:
            raise Void(f"{self.name} ended with {self.process.returncode}: "
                       f"{self.log.read_text(errors='replace')[-2000:]}")

    def wait_for_port(self, port):
        """Until somebody listens there."""
        def look():
            self.check_alive()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_for(look, f"{self.name} on port {port}")
        return port

    def wait_for_port_file(self, path):
        def look():
            self.check_alive()
            return path.exists() and path.read_text().strip()
        return int(wait_for(look, f"the port of {self.name}"))

    def pids(self):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu_seconds(self):
        """User and system time of all its threads, those that ended too."""
        ticks = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def resident_mb(self):
        pages = 0
        for pid in self.pids():
            pages += int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * PAGE_KB / 1024

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
