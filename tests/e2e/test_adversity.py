"""Bad neighbours and bad luck: another account, callers that hammer, an upstream that only hangs."""

import concurrent.futures
import threading

import pytest

from harness import default_policy, eventually, new_key

LEASE_S = 8 * 3600
OTHER_ACCOUNT = "999999999999"


def run(gateway, clock, model="boards/1", **more):
    started = gateway.start(model, **more)
    assert started.status == 202, started
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "HOSTED")
    return started


def finish(gateway, clock, started):
    eventually(lambda: gateway.reservation(started)["Status"] == "STOPPING_HOSTING")
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "TRAINED")
    clock.advance(61)
    return gateway.wait_state(started, "CLOSED")


def wait_for_looks(emulator, count=3):
    seen = emulator.received("describe")
    eventually(lambda: emulator.received("describe") >= seen + count, "some DescribeModel calls")


@pytest.fixture
def hammer():
    """Calls a function over and over in threads until the test ends."""
    done = threading.Event()
    pool = concurrent.futures.ThreadPoolExecutor(8)

    def repeat(function):
        while not done.is_set():
            function()

    yield lambda function: [pool.submit(repeat, function) for _ in range(8)]
    done.set()
    pool.shutdown()


# --- another account: rule 9 ---------------------------------------------------------------------


def other_account(make_emulator, emulator):
    """The credentials lead to another account, behind the same endpoint."""
    emulator.kill()
    return make_emulator(port=emulator.port, account=OTHER_ACCOUNT)


def test_nothing_is_stopped_in_another_account(make_gateway, make_emulator, emulator, clock):
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    by_lease = run(gateway, clock, "boards/1")
    run(gateway, clock, "boards/2")
    other = other_account(make_emulator, emulator)
    for version in 1, 2:
        other.control("POST", "set-status", {"project": "boards", "version": version,
                                             "status": "HOSTED", "units": 1})
    wait_for_looks(other)
    assert gateway.stop("boards/2").status == 202, "a stop is always taken"
    clock.advance(LEASE_S)
    gateway.wait_state(by_lease, "STOPPING")
    wait_for_looks(other, 5)
    assert other.received("stop") == 0


def test_nothing_is_sent_again_to_another_account(make_gateway, make_emulator, emulator):
    gateway = make_gateway(emulator, attempts=1)
    gateway.wait_ready()
    emulator.fault("start", "drop_before", count=-1)
    assert gateway.start().status == 504
    other = other_account(make_emulator, emulator)
    wait_for_looks(other, 5)
    assert other.received("start") == 0
    assert gateway.held_units() == 1


def test_the_first_start_of_a_process_asks_whose_account_it_is(make_gateway, make_emulator,
                                                               emulator):
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    assert gateway.status().status == 200, "pins the ledger"
    assert gateway.end() == 0
    other = other_account(make_emulator, emulator)
    gateway = gateway.restart()
    try:
        gateway.wait_ready()
        assert gateway.start().status == 503
        assert other.received("start") == 0
        assert gateway.held_units() == 0
    finally:
        gateway.kill()


def test_the_right_account_is_taken_up_again(make_gateway, make_emulator, emulator, clock):
    gateway = make_gateway(emulator)
    gateway.wait_ready()
    started = run(gateway, clock)
    other = other_account(make_emulator, emulator)
    wait_for_looks(other)
    assert gateway.start("boards/2").status == 503
    other.kill()
    right = make_emulator(port=emulator.port)
    right.control("POST", "set-status", {"project": "boards", "version": 1,
                                         "status": "HOSTED", "units": 1})
    wait_for_looks(right)
    assert gateway.start("boards/2").status == 202
    assert gateway.stop().status == 202
    finish(gateway, clock, started)


# --- callers that hammer -------------------------------------------------------------------------


def test_repeats_do_not_hold_up_the_leases_end(gateway, emulator, clock, hammer):
    key = new_key()
    started = run(gateway, clock, key=key)
    emulator.fault("describe", "delay", count=-1, delay_ms=300)
    token = gateway.token()
    hammer(lambda: gateway.start(key=key, token=token))
    hammer(lambda: gateway.start(token=token))
    clock.advance(LEASE_S)
    finish(gateway, clock, started)


def test_repeated_stops_do_not_keep_a_reservation_open(gateway, emulator, clock, hammer):
    """The model has ended by itself, so AWS says 409 to each stop."""
    started = run(gateway, clock)
    emulator.fault("stop", "conflict", count=-1)
    emulator.control("POST", "set-status", {"project": "boards", "version": 1,
                                            "status": "TRAINED"})
    emulator.fault("describe", "delay", count=-1, delay_ms=300)
    token = gateway.token()
    hammer(lambda: gateway.stop(token=token))
    gateway.wait_state(started, "STOPPING")
    eventually(lambda: gateway.reservation(started)["Status"] == "TRAINED")
    wait_for_looks(emulator)
    clock.advance(61)
    gateway.wait_state(started, "CLOSED")


# --- an upstream of which a part fails -----------------------------------------------------------


def test_a_stop_is_repeated_while_nothing_can_be_observed(gateway, emulator, clock):
    run(gateway, clock)
    emulator.fault("describe", "error_500", count=-1)
    emulator.fault("stop", "error_500", count=6)
    assert gateway.stop().status == 202
    eventually(lambda: emulator.models()["boards/1"]["stops_applied"] == 1, "the stop")


def test_looks_that_hang_do_not_hold_up_a_leases_end(make_gateway, emulator, clock):
    gateway = make_gateway(emulator, aws_attempt_timeout_ms=5000, lease_minutes=60)
    gateway.wait_ready()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        starts = list(pool.map(lambda n: gateway.start(f"boards/{n}"), range(1, 31)))
    assert {start.status for start in starts} == {202}
    gateway.write_config(lease_minutes=480)
    gateway.reload()
    clock.advance(1800)
    late = gateway.start("boards/40")
    gateway.write_config(lease_minutes=1)
    gateway.reload()
    soon = gateway.start("boards/41")
    emulator.fault("describe", "delay", count=-1, delay_ms=24 * 3600 * 1000)
    wait_for_looks(emulator, 1)
    clock.advance(61)
    gateway.wait_state(soon, "STOPPING")
    eventually(lambda: emulator.models()["boards/41"]["stops_applied"] == 1, "the stop")
    assert gateway.reservation(late)["State"] == "ACTIVE"


def test_credentials_refused_after_doubt_are_not_the_last_word(make_gateway, emulator):
    """The repeat of a lost start fails for our credentials alone: it is repeated when they work."""
    gateway = make_gateway(emulator, attempts=2)
    gateway.wait_ready()
    emulator.fault("start", "drop_before")
    emulator.fault("start", "refuse:ExpiredTokenException", count=3)
    lost = gateway.start()
    assert lost.status == 504, lost
    rows = gateway.call("GET", "/v1/models").json["Models"]
    gateway.wait_state(rows[0]["Id"], "ACTIVE")
    assert emulator.starts() == 1


# --- a key and what was refused ------------------------------------------------------------------


def test_a_key_that_was_refused_for_other_units_is_not_kept(make_gateway, emulator):
    """Other numbers with the same worst case are other parameters, and our refusals are not
    stored."""
    gateway = make_gateway(emulator, policy=default_policy(concurrent_units=4))
    gateway.wait_ready()
    assert gateway.start(units=1, maximum=2).status == 202
    key = new_key()
    assert gateway.start(units=2, key=key).status == 409
    assert gateway.start(units=2, key=key).status == 409
