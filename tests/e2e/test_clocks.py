"""Rule 10: clocks that jump free nothing, extend nothing for ever and do not stop everything."""

import datetime

import pytest

from harness import at, call, eventually, new_key

HOUR_S = 3600
LEASE_S = 30 * 60
A_LITTLE_S = 60


@pytest.fixture
def leased(make_gateway, emulator):
    """A gateway whose leases have 30 minutes, with one model that runs."""
    gateway = make_gateway(emulator, lease_minutes=LEASE_S // 60)
    gateway.wait_ready()
    return gateway


def start(gateway, emulator):
    started = gateway.start()
    assert started.status == 202, started
    eventually(lambda: emulator.models()["boards/1"]["status"] != "TRAINED")
    return started.json["Reservation"]["Id"]


def host_jumps(clock, emulator, seconds):
    """The wall clock of the gateway's host; AWS keeps the right time."""
    clock.jump(seconds)
    emulator.control("POST", "clock", {"shift_ms": -int(seconds * 1000)})


def wait_for_looks(emulator, count=3):
    seen = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > seen + count, "looks at AWS")


def wait_for_stop(gateway, identifier):
    ended = gateway.wait_state(identifier, "CLOSED", advancing_s=A_LITTLE_S)
    assert ended["EndReason"] == "lease-ended", ended
    return ended


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
def test_a_wall_clock_that_jumps_moves_no_lease(leased, emulator, clock, jump_s):
    identifier = start(leased, emulator)
    host_jumps(clock, emulator, jump_s)
    wait_for_looks(emulator)
    assert leased.reservation(identifier)["State"] == "ACTIVE", "not stopped by the jump"
    assert leased.log_lines("clock.jumped")
    clock.advance(LEASE_S - A_LITTLE_S)
    wait_for_looks(emulator)
    assert leased.reservation(identifier)["State"] == "ACTIVE", "the lease has a minute left"
    clock.advance(A_LITTLE_S + 1)
    wait_for_stop(leased, identifier)
    assert emulator.models()["boards/1"]["status"] == "TRAINED", "and not extended"


@pytest.mark.parametrize("wrong_s", [-HOUR_S, HOUR_S])
def test_a_host_that_boots_with_a_wrong_clock(leased, emulator, clock, wrong_s):
    identifier = start(leased, emulator)
    leased.kill()
    host_jumps(clock, emulator, wrong_s)
    again = leased.restart()
    again.wait_ready()
    eventually(lambda: again.log_lines("clock.set"), "the time from AWS")
    wait_for_looks(emulator)
    assert again.reservation(identifier)["State"] == "ACTIVE"
    clock.advance(LEASE_S - A_LITTLE_S)
    wait_for_looks(emulator)
    assert again.reservation(identifier)["State"] == "ACTIVE"
    clock.advance(A_LITTLE_S + 1)
    wait_for_stop(again, identifier)


def test_doubt_survives_a_clock_that_was_behind(make_gateway, emulator, clock):
    """At boot the host is an hour behind: putting it right is no hour of QUIET."""
    gateway = make_gateway(emulator, resend_window_ms=0, attempts=1)
    gateway.wait_ready()
    emulator.fault("start", "drop_before")
    assert gateway.start().status == 504
    identifier = gateway.call("GET", "/v1/models").json["Models"][0]["Id"]
    gateway.kill()
    emulator.fault("describe", "drop_before", count=-1)
    host_jumps(clock, emulator, -HOUR_S)
    again = gateway.restart()
    eventually(lambda: again.log_lines("reconciler.not_observed"), "a look that failed")
    emulator.control("POST", "faults/clear")
    eventually(lambda: again.log_lines("clock.set"), "the time from AWS")
    for _ in range(10):
        clock.advance(A_LITTLE_S)
        wait_for_looks(emulator, count=2)
        assert again.reservation(identifier)["State"] == "UNCERTAIN"
    again.wait_state(identifier, "CLOSED", "VOID", advancing_s=A_LITTLE_S)


def test_leases_wait_for_the_time_after_a_boot(leased, emulator, clock):
    """Nobody tells the time: leases wait, it is said once, and then they end."""
    identifier = start(leased, emulator)
    leased.kill()
    clock.advance(2 * LEASE_S)
    for operation in "describe", "list_projects":
        emulator.fault(operation, "drop_before", count=-1)
    again = leased.restart()
    again.wait_ready()
    eventually(lambda: again.log_lines("lease.waits"), "the line about it")
    passes = len(again.log_lines("reconciler.not_observed"))
    eventually(lambda: len(again.log_lines("reconciler.not_observed")) > passes + 2)
    assert len(again.log_lines("lease.waits")) == 1
    assert again.reservation(identifier)["State"] == "ACTIVE"
    ready = call(again.port, "GET", "/readyz")
    assert ready.status == 200 and not ready.json["Checks"]["clock"]["Ok"], ready
    emulator.control("POST", "faults/clear")
    wait_for_stop(again, identifier)
    assert call(again.port, "GET", "/readyz").json["Checks"]["clock"]["Ok"]


@pytest.mark.parametrize("zone, change", [("Europe/Berlin", "2027-03-28T01:00:00+00:00"),
                                          ("Europe/Berlin", "2027-10-31T01:00:00+00:00"),
                                          ("America/New_York", "2027-03-14T07:00:00+00:00"),
                                          ("America/New_York", "2027-11-07T06:00:00+00:00")])
def test_summer_time_of_the_host(make_gateway, emulator, clock, zone, change):
    """The lease goes over the change of the host's local time, and has its 30 minutes."""
    before = datetime.datetime.fromisoformat(change).timestamp() - 10 * 60
    clock.advance(before - clock.now())
    gateway = make_gateway(emulator, lease_minutes=LEASE_S // 60, environment={"TZ": zone})
    gateway.wait_ready()
    identifier = start(gateway, emulator)
    clock.advance(LEASE_S - A_LITTLE_S)
    wait_for_looks(emulator)
    assert gateway.reservation(identifier)["State"] == "ACTIVE"
    clock.advance(A_LITTLE_S + 1)
    wait_for_stop(gateway, identifier)
    assert not gateway.log_lines("clock.jumped")


def cut_off(emulator):
    for operation in "describe", "list_projects", "list_models":
        emulator.fault(operation, "drop_before", count=-1)


def test_nothing_is_started_before_the_time_is_known(make_gateway, emulator, clock):
    """A host that is ahead, by less than signatures mind, and an AWS that can't be asked: what began
    then would be charged from then, and in another budget's day."""
    host_jumps(clock, emulator, 4 * A_LITTLE_S)
    cut_off(emulator)
    gateway = make_gateway(emulator)
    refused = gateway.start()
    assert refused.status == 503 and "has not told the time" in refused.text, refused
    assert emulator.received("start") == 0 and gateway.held_units() == 0
    emulator.control("POST", "faults/clear")
    started = gateway.start()
    assert started.status == 202, started
    at_aws = emulator.models()["boards/1"]["starts"][0]["at_ms"] / 1000
    assert abs(at(started.json["Reservation"]["CreatedAt"]) - at_aws) < A_LITTLE_S


def test_what_is_held_is_told_before_the_time_is_known(leased, emulator):
    key = new_key()
    started = leased.start(key=key)
    assert started.status == 202
    leased.end()
    cut_off(emulator)
    again = leased.restart()
    repeated = again.start(key=key)
    assert repeated.status == 200, repeated
    assert repeated.json["Reservation"]["Id"] == started.json["Reservation"]["Id"]
    assert again.start().status == 200, "and without a key"
    assert again.start("boards/2").status == 503, "but nothing new"
    assert emulator.starts() == 1
