"""Fixtures: one folder, clock, emulator and gateway a test; keys once a session."""

import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import harness  # noqa: E402


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run(["sh", str(harness.SOURCE / "certs/make-dev-certs.sh"), str(folder)],
                   check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture
def clock(tmp_path):
    return harness.Clock(tmp_path / "clock")


@pytest.fixture
def processes():
    """All that a test starts; ended with it."""
    harness.Process.started.clear()
    yield harness.Process.started
    for process in harness.Process.started:
        if process.child.poll() is None:
            process.kill()


@pytest.fixture
def make_emulator(tmp_path, clock, processes):
    def make(**settings):
        return harness.Emulator(tmp_path, clock, **settings)
    return make


@pytest.fixture
def make_gateway(tmp_path, clock, keys, processes):
    def make(upstream, **options):
        url = upstream if isinstance(upstream, str) else upstream.url
        return harness.Gateway(tmp_path, clock, keys, url, **options)
    return make


@pytest.fixture
def emulator(make_emulator):
    return make_emulator()


@pytest.fixture
def gateway(make_gateway, emulator):
    made = make_gateway(emulator)
    made.wait_ready()
    return made
