"""A disk that fills, fails or turns read-only in the middle of a workload, and gets well again.

The disk under the ledger is played by tests/crash/power_loss_vfs.h; where this may mount a file
system, a small one is filled for real.
"""

import os
import pathlib
import sqlite3
import subprocess
import sys

import pytest

import harness
from harness import call, eventually, new_key

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "crash"))

import control as disk_control  # noqa: E402

GATEWAY_CRASH = harness.BUILD / "lookout-gateway-crash"
STEP_S = 61
LEASE_S = 30 * 60


@pytest.fixture
def disk(tmp_path):
    made = disk_control.Control(tmp_path / "control")
    yield made
    made.close()


def crash_gateway(make_gateway, emulator, disk, **options):
    made = make_gateway(emulator, binary=GATEWAY_CRASH,
                        environment={"LOOKOUT_CRASH_CONTROL": str(disk.path)}, **options)
    made.wait_ready()
    return made


@pytest.fixture
def gateway(make_gateway, emulator, disk):
    return crash_gateway(make_gateway, emulator, disk)


def readiness(gateway):
    return call(gateway.port, "GET", "/readyz")


def rows(gateway):
    return {row["ProjectName"] + "/" + row["ModelVersion"]: row
            for row in gateway.call("GET", "/v1/models").json["Models"]}


def check_recovery(gateway, emulator, held):
    """By itself, and nothing that was held is lost: it can be stopped, and its units come back."""
    eventually(lambda: readiness(gateway).status == 200, "readiness")
    assert set(held) <= set(rows(gateway))
    assert gateway.start("after/1", key=new_key()).status == 202
    for model in rows(gateway):
        assert gateway.stop(model).status == 202
    def look():
        left = rows(gateway)
        gateway.clock.advance(STEP_S if left else 0)
        return not left
    eventually(look, "the end of all reservations")
    assert gateway.held_units() == 0
    assert emulator.state()["running_models"] == 0


@pytest.mark.parametrize("mode", [disk_control.FULL, disk_control.READ_ONLY],
                         ids=["full", "read-only"])
def test_no_start_without_a_record(gateway, emulator, disk, mode):
    assert gateway.start("boards/1").status == 202
    disk.set(disk=mode)
    for version in 2, 3:
        refused = gateway.start(f"boards/{version}")
        assert refused.status == 503, refused
    assert readiness(gateway).status == 503
    assert gateway.start("boards/4", query="?DryRun=true").status == 503, "as it would be answered"
    assert emulator.starts() == 1
    assert gateway.status("boards/1").status == 200, "what is known is told"
    assert gateway.held_units() == 1
    disk.set(disk=disk_control.GOOD)
    check_recovery(gateway, emulator, ["boards/1"])


@pytest.mark.parametrize("failure", ["full_in", "fail_writes", "fail_syncs"])
def test_whichever_write_it_is_that_fails(make_gateway, emulator, disk, clock, failure):
    """The n-th write from the start of a model on, for each n that a start has."""
    gateway = crash_gateway(make_gateway, emulator, disk, reconcile_ms=STEP_S * 1000)
    token, held, counts, missed = gateway.token(), ["boards/900"], [], False
    assert gateway.start("boards/900", token=token).status == 202  # also names AWS's account

    def is_ready():
        clock.advance(STEP_S)  # a pass of the reconciler, the only one that writes between starts
        return readiness(gateway).status == 200

    while not missed:
        model = f"boards/{len(counts) + 1}"
        disk.set(**{failure: len(counts) + 1})
        answer = gateway.start(model, key=new_key(), token=token)
        missed = disk.get(failure) > 0
        disk.set(disk=disk_control.GOOD, **{failure: 0})
        eventually(is_ready, "readiness")
        assert answer.status in (202, 503, 504), answer
        counts.append(answer.status)
        started = emulator.starts(model) if model in emulator.models() else 0
        assert started == (answer.status == 202) or answer.status == 504, (model, answer)
        if started:
            assert model in rows(gateway), f"{model} was started and is lost"
            held.append(model)
        assert len(counts) < 100, "a start has fewer writes than that"
    assert counts[-1] == 202 and (failure == "fail_writes" or set(counts[:-1]) != {202}), counts
    check_recovery(gateway, emulator, held)


def test_what_was_refused_does_not_come_back(make_gateway, emulator, disk, clock):
    """A commit whose sync failed is taken back, and somebody else keeps the log's index alive.

    So what the gateway reads anew is what it saw before, and not what stands in the log.
    """
    gateway = crash_gateway(make_gateway, emulator, disk, reconcile_ms=STEP_S * 1000)
    assert gateway.start("boards/1").status == 202
    # Read-only, as `ledger show': one that may write would empty the log when it closes.
    stranger = sqlite3.connect(f"file:{gateway.folder}/ledger.db?mode=ro", uri=True)
    try:
        stranger.execute("SELECT count(*) FROM reservation").fetchone()
        disk.set(fail_syncs=1)
        refused = gateway.start("boards/2")
        assert refused.status in (503, 504) and disk.get("fail_syncs") == 0, refused
        gateway.kill()
    finally:
        stranger.close()
    again = gateway.restart(binary=GATEWAY_CRASH,
                            environment={"LOOKOUT_CRASH_CONTROL": str(disk.path)})
    eventually(lambda: readiness(again).status == 200, "readiness")
    if refused.status == 503:
        assert set(rows(again)) == {"boards/1"}
        assert emulator.starts() == 1


def test_it_starts_on_no_disk_that_it_can_t_write(gateway, emulator, disk):
    """A restart while the disk is full says so and ends, or comes up and is not ready."""
    assert gateway.start("boards/1").status == 202
    gateway.kill()
    disk.set(disk=disk_control.FULL)
    again = gateway.restart(binary=GATEWAY_CRASH, wait=False,
                            environment={"LOOKOUT_CRASH_CONTROL": str(disk.path)})
    try:
        eventually(lambda: again.child.poll() is not None or again.port_file.exists(), "its start")
        if again.child.poll() is None:
            again.wait_for_port()
            assert again.start("boards/2").status == 503
        else:
            assert again.child.returncode == os.EX_IOERR, again.log()
            disk.set(disk=disk_control.GOOD)
            again = again.restart(binary=GATEWAY_CRASH,
                                  environment={"LOOKOUT_CRASH_CONTROL": str(disk.path)})
        assert emulator.starts() == 1
        disk.set(disk=disk_control.GOOD)
        check_recovery(again, emulator, ["boards/1"])
    finally:
        again.kill()


@pytest.fixture
def small_disk(tmp_path):
    """A file system with room for the log between two checkpoints; skipped where this process may not mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "lookout-test", str(folder)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no small file system can be mounted here: {done.stdout.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(gateway, folder):
    """Until a start finds no room; the file that takes it, and the answers on the way."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        for size in 1024 * 1024, 512:
            with pytest.raises(OSError):
                while file.write(bytes(size)) == size:
                    pass
                raise OSError  # a part of it found room
    # The log may have room within its last page: the disk is full when a write says so.
    answers = [202]
    while answers[-1] == 202 and len(answers) < 20:
        answers.append(gateway.start(f"boards/{len(answers) + 1}").status)
    assert answers[-1] in (503, 504), answers
    return filler


def test_a_real_disk_that_fills(make_gateway, emulator, small_disk):
    gateway = make_gateway(emulator, ledger_file=str(small_disk / "ledger.db"))
    try:
        gateway.wait_ready()
        assert gateway.start("boards/1").status == 202
        filler = fill(gateway, small_disk)
        started = emulator.starts()
        assert gateway.start("boards/900").status == 503
        assert emulator.starts() == started
        held = [model for model, seen in emulator.models().items() if seen["starts_applied"]]
        assert set(held) <= set(rows(gateway))
        filler.unlink()
        check_recovery(gateway, emulator, held)
    finally:
        gateway.kill()  # before its file system goes


def test_leases_end_from_a_real_disk_that_is_full(make_gateway, emulator, small_disk, clock):
    """Killed there, it comes up there: starts nothing, and stops what has to be stopped."""
    gateway = make_gateway(emulator, ledger_file=str(small_disk / "ledger.db"),
                           lease_minutes=LEASE_S // 60)
    try:
        gateway.wait_ready()
        assert gateway.start("boards/1").status == 202
        filler = fill(gateway, small_disk)
        gateway.kill()
        gateway = gateway.restart()
        assert gateway.start("boards/900").status == 503
        assert readiness(gateway).status == 503
        clock.advance(LEASE_S + 1)
        eventually(lambda: emulator.models()["boards/1"]["stops_applied"] == 1, "the stop")
        filler.unlink()
        eventually(lambda: readiness(gateway).status == 200, "readiness")
        assert gateway.start("boards/900").status == 202
    finally:
        gateway.kill()
