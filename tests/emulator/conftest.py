"""One emulator a test, on a port of the kernel's choice, with a clock that the test moves."""

import json
import mmap
import os
import pathlib
import select
import signal
import struct
import subprocess
import time
import urllib.error
import urllib.request

import boto3
import botocore.config
import pytest

PROGRAM = pathlib.Path(os.environ["top_builddir"]) / "tests/emulator/lookout-emulator"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
END_SECONDS = 20


class Clock:
    """The file that a movable clock maps: two 64-bit offsets, wall and monotonic."""

    def __init__(self, path):
        path.write_bytes(bytes(16))
        self.path = path
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 16)
        self.words = memoryview(self.map).cast("q")

    def advance(self, milliseconds):
        """Moves the monotonic clock, by which models live; boto3 signs by the real wall clock."""
        self.words[1] += milliseconds


class Emulator:
    def __init__(self, folder, *options):
        self.clock = Clock(folder / "clock")
        port_file = folder / "port"
        environment = {**os.environ, "LOOKOUT_TEST_CLOCK": str(self.clock.path)}
        self.process = subprocess.Popen(
            [PROGRAM, "--port-file", port_file, *options],
            stdout=subprocess.PIPE, env=environment)
        # The line on standard output comes after the port file: a wait without a sleep.
        ready, _, _ = select.select([self.process.stdout], [], [], END_SECONDS)
        line = self.process.stdout.readline() if ready else b""
        assert b"listens on" in line, "the emulator did not start"
        self.url = "http://127.0.0.1:" + port_file.read_text().strip()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()

    def client(self, key_id=KEY_ID, secret=SECRET, region=REGION, token=None):
        config = botocore.config.Config(retries={"max_attempts": 0}, read_timeout=END_SECONDS)
        return boto3.session.Session().client(
            "lookoutvision", endpoint_url=self.url, region_name=region, config=config,
            aws_access_key_id=key_id, aws_secret_access_key=secret, aws_session_token=token)

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data=data)
        with urllib.request.urlopen(request, timeout=END_SECONDS) as answer:
            return json.load(answer)

    def fault(self, operation, fault, **more):
        return self.control("faults", {"operation": operation, "fault": fault, **more})

    def wait_for(self, condition):
        deadline = time.monotonic() + END_SECONDS
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.005)

    def state(self, model="circuit-boards/1"):
        state = self.control("state")
        return next(m for m in state["models"] if m["model"] == model)

    def counters(self, operation):
        return self.control("state")["operations"][operation]


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Ending a server takes CivetWeb seconds: most tests share one and reset it."""
    emulator = Emulator(tmp_path_factory.mktemp("shared"), "--requests-per-second", "0")
    yield emulator, emulator.control("settings")
    assert emulator.end() == 0


@pytest.fixture
def emulator(shared):
    emulator, settings = shared
    emulator.control("settings", settings)
    emulator.control("reset", {})
    emulator.control("models", {"project": "circuit-boards", "version": "1"})
    return emulator


@pytest.fixture
def make_emulator(tmp_path):
    made = []

    def make(*options):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Emulator(folder, *options))
        return made[-1]

    yield make
    for emulator in made:
        assert emulator.end() == 0
