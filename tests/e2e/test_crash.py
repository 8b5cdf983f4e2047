"""kill -9 at the worst moments, then a restart over the same ledger."""

import concurrent.futures

import pytest

from harness import default_policy, eventually, new_key


def start_and_forget(pool, gateway, **more):
    """A start whose caller will never hear an answer."""
    token = gateway.token()
    return pool.submit(lambda: gateway.start(token=token, **more))


@pytest.mark.parametrize("stale", [False, True], ids=["", "stale-describe"])
@pytest.mark.parametrize("moment", ["applied", "not-applied"])
def test_killed_between_commit_and_answer(make_gateway, emulator, moment, stale):
    gateway = make_gateway(emulator, policy=default_policy(concurrent_units=1))
    gateway.wait_ready()
    key = new_key()
    emulator.fault("start", "delay", delay_ms=3600000, applied=moment == "applied")
    if stale:
        emulator.fault("describe", "stale", count=-1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = start_and_forget(pool, gateway, key=key)
        eventually(lambda: emulator.received("start") >= 1, "the start at AWS")
        gateway.kill()
        with pytest.raises(Exception):
            asked.result()
    gateway = gateway.restart()
    try:
        gateway.wait_ready()
        rows = gateway.call("GET", "/v1/models").json["Models"]
        assert len(rows) == 1, rows
        gateway.wait_state(rows[0]["Id"], "ACTIVE")
        assert gateway.start("boards/2").status == 429, "one reservation, and it holds its unit"
        again = gateway.start(key=key)
        assert again.status == 200 and again.json["Reservation"]["Id"] == rows[0]["Id"], again
        assert emulator.starts() == 1
    finally:
        gateway.kill()


def test_killed_while_stopping(make_gateway, emulator, clock):
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    started = gateway.start()
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "HOSTED")
    emulator.fault("stop", "delay", delay_ms=3600000)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        token = gateway.token()
        asked = pool.submit(lambda: gateway.stop(token=token))
        eventually(lambda: emulator.received("stop") >= 1, "the stop at AWS")
        gateway.kill()
        with pytest.raises(Exception):
            asked.result()
    emulator.control("POST", "faults/clear")
    gateway = gateway.restart()
    try:
        gateway.wait_ready()
        assert gateway.reservation(started)["State"] == "STOPPING"
        clock.advance(5)
        eventually(lambda: gateway.reservation(started)["Status"] == "TRAINED")
        gateway.wait_state(started, "CLOSED", advancing_s=30)
        assert emulator.starts() == 1
    finally:
        gateway.kill()


def test_everything_is_there_after_an_orderly_restart(make_gateway, emulator):
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    started = gateway.start(units=1, maximum=3)
    assert gateway.end() == 0
    gateway = gateway.restart()
    try:
        gateway.wait_ready()
        row = gateway.reservation(started)
        assert (row["State"], row["Units"]) == ("ACTIVE", 3)
        assert emulator.received("start") == 1
    finally:
        gateway.kill()
