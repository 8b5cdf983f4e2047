"""No record, no start, and a stop all the same: a ledger that can't be written for a while."""

import resource
import signal
import sqlite3

import pytest

from harness import call, eventually

QUIET_S = 15 * 60
LEASE_S = 30 * 60
FULL_AT = 40 * 1024
STEP_S = 30
RENEW_S = 10 * 60


def make_full(make_gateway, emulator, **options):
    """A gateway, and a disk that is full at the test's word: nothing is written behind FULL_AT.

    As on a full disk, the index of the log, which SQLite makes anew, finds its 32 KiB.
    """
    gateway = make_gateway(emulator, lease_minutes=LEASE_S // 60, **options)
    gateway.wait_ready()

    def fill(on):
        limit = FULL_AT if on else resource.RLIM_INFINITY
        resource.prlimit(gateway.child.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        eventually(lambda: readiness(gateway).status == (503 if on else 200), "readiness")
    gateway.fill = fill
    return gateway


@pytest.fixture
def full(make_gateway, emulator):
    return make_full(make_gateway, emulator)


def readiness(gateway):
    return call(gateway.port, "GET", "/readyz")


def running(emulator, model):
    return emulator.models()[model]["status"] not in ("TRAINED", "STOPPING_HOSTING")


def die_and_restart(gateway, emulator):
    """What only the process remembers is gone; the disk has room again, and AWS answers."""
    gateway.end(signal.SIGKILL)
    emulator.control("POST", "faults/clear")
    again = gateway.restart()
    again.wait_ready()
    return again


def check_fence(gateway, clock):
    fenced = gateway.start()
    assert fenced.status == 429 and fenced.problem == "model-fenced", fenced
    clock.advance(QUIET_S)
    assert gateway.start().status == 202


def test_no_record_no_start(full, emulator):
    full.fill(True)
    refused = full.start("boards/2")
    assert refused.status == 503, refused
    ledger = readiness(full).json["Checks"]["ledger"]
    assert not ledger["Ok"] and "SQLite" in ledger["Reason"], ledger
    assert emulator.starts() == 0
    full.fill(False)
    assert full.start("boards/2").status == 202
    assert emulator.starts() == 1


def test_a_stop_goes_out_all_the_same(full, emulator, clock):
    started = full.start()
    assert started.status == 202
    identifier = started.json["Reservation"]["Id"]
    full.fill(True)
    stopped = full.stop()
    assert stopped.status == 202, stopped
    assert stopped.json["Recorded"] is False and "can't record" in stopped.json["Detail"]
    assert not running(emulator, "boards/1")
    assert not readiness(full).json["Checks"]["stops"]["Ok"]
    assert full.start().status in (409, 503), "held, and nothing can be written"
    assert full.stop().status == 202, "again"
    assert emulator.received("stop") == 1
    full.fill(False)
    closed = full.wait_state(identifier, "CLOSED", advancing_s=STEP_S)
    assert closed["EndReason"] == "stopped"
    assert emulator.starts() == 1
    assert full.start().status == 202


def test_a_lease_ends_all_the_same(full, emulator, clock):
    started = full.start()
    identifier = started.json["Reservation"]["Id"]
    eventually(lambda: emulator.received("describe") > 2, "AWS's time")
    full.fill(True)
    clock.advance(LEASE_S + 1)
    eventually(lambda: not running(emulator, "boards/1"), "the stop")
    full.fill(False)
    closed = full.wait_state(identifier, "CLOSED", advancing_s=STEP_S)
    assert closed["EndReason"] == "lease-ended"


def test_a_stop_of_doubt_is_no_promise(full, emulator):
    """Nobody knows whether it runs, and who comes after a crash may send its start again."""
    emulator.fault("start", "drop_before", count=-1)
    assert full.start().status == 504
    full.fill(True)
    told = full.stop()
    assert told.status in (503, 504) and "can't record" in told.text, told


def test_a_lost_stop_is_repeated_in_memory(full, emulator):
    """Neither ledger nor AWS took it: told so, and repeated by itself with the same token."""
    full.start()
    full.fill(True)
    emulator.fault("stop", "drop_before", count=-1)
    told = full.stop()
    assert told.status in (503, 504), told
    received = emulator.received("stop")
    eventually(lambda: emulator.received("stop") > received, "another try")
    emulator.control("POST", "faults/clear")
    eventually(lambda: not running(emulator, "boards/1"), "the stop")


def test_the_fence_stands_over_a_crash(full, emulator, clock):
    """The process dies with the only record of a stop that may still arrive."""
    started = full.start()
    full.fill(True)
    emulator.fault("stop", "drop_after", count=-1)
    assert full.stop().status in (503, 504)
    again = die_and_restart(full, emulator)
    identifier = started.json["Reservation"]["Id"]
    closed = again.wait_state(identifier, "CLOSED", advancing_s=STEP_S)
    assert closed["EndReason"] == "vanished", closed
    check_fence(again, clock)


def test_a_run_that_nobody_saw_is_charged(make_gateway, emulator, clock):
    """Applied, its answer lost; stopped, and that not written down; and then the process dies.

    Who comes after it sees a model that does not run, and must not take it for one that never did.
    """
    full = make_full(make_gateway, emulator, resend_window_ms=0)
    emulator.fault("describe", "drop_before", count=-1)
    emulator.fault("start", "drop_after", count=-1)
    assert full.start().status == 504
    identifier = full.call("GET", "/v1/models").json["Models"][0]["Id"]
    full.fill(True)
    assert full.stop().status in (503, 504)
    clock.advance(2 * STEP_S)
    assert emulator.models()["boards/1"]["status"] == "TRAINED"
    again = die_and_restart(full, emulator)
    assert again.wait_state(identifier, "CLOSED", "VOID", advancing_s=STEP_S)["State"] == "CLOSED"

    # That was its past: who is in doubt from now on, and watched, is free again.
    emulator.fault("start", "drop_before", count=-1)
    assert again.start("boards/2").status == 504
    later = again.call("GET", "/v1/models").json["Models"][0]["Id"]
    assert again.wait_state(later, "CLOSED", "VOID", advancing_s=STEP_S)["State"] == "VOID"


def test_a_start_whose_stop_was_lost_is_not_sent_again(make_gateway, emulator, clock):
    """Rule 2: whoever was told that nobody knows was told to stop it, and did."""
    full = make_full(make_gateway, emulator)
    emulator.fault("describe", "drop_before", count=-1)
    emulator.fault("start", "drop_before", count=-1)
    assert full.start().status == 504
    identifier = full.call("GET", "/v1/models").json["Models"][0]["Id"]
    full.fill(True)
    assert full.stop().status in (503, 504)
    again = die_and_restart(full, emulator)
    assert again.wait_state(identifier, "CLOSED", "VOID", advancing_s=STEP_S)["State"] == "CLOSED"
    assert emulator.starts() == 0


def test_a_lost_stop_fences_what_is_stopped_anew(full, emulator, clock):
    """Rule 6: the next process stops it with a token of its own, and the first may still arrive."""
    started = full.start()
    full.fill(True)
    emulator.fault("stop", "drop_before", count=-1)
    assert full.stop().status in (503, 504)
    again = die_and_restart(full, emulator)
    assert again.stop().status == 202
    closed = again.wait_state(started.json["Reservation"]["Id"], "CLOSED", advancing_s=STEP_S)
    assert closed["EndReason"] == "stopped", closed
    check_fence(again, clock)


def test_a_stop_that_did_nothing_is_asked_anew(full, emulator, clock):
    """AWS says yes and does nothing, and nobody can write it down: it is not the last word."""
    full.start()
    full.fill(True)
    emulator.fault("stop", "replay")
    assert full.stop().status == 202
    assert running(emulator, "boards/1")
    clock.advance(RENEW_S)
    eventually(lambda: not running(emulator, "boards/1"), "a stop with another token")


def test_a_stranger_holds_the_lock(make_gateway, emulator):
    """Somebody's shell has a transaction open: as a disk that can't be written."""
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    assert gateway.start("boards/1").status == 202
    stranger = sqlite3.connect(gateway.folder / "ledger.db", isolation_level=None)
    try:
        stranger.execute("BEGIN IMMEDIATE")
        refused = gateway.start("boards/2")
        assert refused.status == 503 and emulator.starts() == 1, refused
        ledger = readiness(gateway).json["Checks"]["ledger"]
        assert not ledger["Ok"] and ledger["Reason"], ledger
        stopped = gateway.stop("boards/1")
        assert stopped.status == 202 and stopped.json["Recorded"] is False, stopped
        assert not running(emulator, "boards/1")
    finally:
        stranger.close()
    eventually(lambda: readiness(gateway).status == 200, "readiness")
    assert gateway.start("boards/2").status == 202


def test_nothing_is_started_from_a_ledger_that_is_corrupt(make_gateway, emulator):
    """Another's bytes in the file: what is held can't be known, whether it can be written or not."""
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    assert gateway.start("boards/1").status == 202
    log = gateway.folder / "ledger.db-wal"
    good = log.read_bytes()
    with open(log, "r+b", buffering=0) as file:
        file.seek(32)  # behind the log's head
        file.write(b"\xa5" * (len(good) - 32))
    eventually(lambda: readiness(gateway).status == 503, "a finding")
    ledger = readiness(gateway).json["Checks"]["ledger"]
    assert not ledger["Ok"] and "SQLite" in ledger["Reason"], ledger
    assert gateway.start("boards/2").status == 503
    assert emulator.starts() == 1
    with open(log, "r+b", buffering=0) as file:
        file.write(good)
    eventually(lambda: readiness(gateway).status == 200, "readiness")
    assert gateway.start("boards/2").status == 202
    assert gateway.stop("boards/1").status == 202
