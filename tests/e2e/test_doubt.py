"""Lost answers, late starts and refusals: never twice, never lost, and no unit freed by doubt."""

import pytest

from harness import default_policy, eventually, new_key

QUIET_S = 15 * 60
CONFIRM_S = 60


@pytest.mark.parametrize("second", ["truth", "conflict"])
def test_answer_lost_after_applying(gateway, emulator, second):
    """The connection drops after the start was applied; in one variant the repeat gets 409."""
    emulator.fault("start", "drop_after")
    if second == "conflict":
        emulator.fault("start", "conflict", count=-1)
    key = new_key()
    answer = gateway.start(key=key)
    assert answer.status in (202, 504), answer
    assert gateway.held_units() == 1
    assert emulator.starts() == 1
    again = gateway.start(key=key)
    assert again.status == 200 and again.json["Reservation"]["State"] == "ACTIVE", again
    assert emulator.starts() == 1


def test_answer_lost_and_the_model_not_seen(gateway, emulator):
    """Nothing tells the truth within the request: 504, units held, and the same key tells later."""
    emulator.fault("start", "drop_after", count=-1)
    emulator.fault("describe", "error_500", count=-1)
    key = new_key()
    lost = gateway.start(key=key)
    assert lost.problem == "uncertain" and lost.status == 504, lost
    assert gateway.held_units() == 1
    emulator.control("POST", "faults/clear")
    again = gateway.start(key=key)
    assert again.status == 200 and again.json["Reservation"]["State"] == "ACTIVE", again
    assert emulator.starts() == 1


@pytest.mark.parametrize("fault", ["garbage", "half_body"])
def test_broken_answers_are_doubt(gateway, emulator, fault):
    emulator.fault("start", fault)
    answer = gateway.start()
    assert answer.status == 202, answer
    assert emulator.starts() == 1 and emulator.received("start") == 2
    tokens = {start["token"] for start in emulator.models()["boards/1"]["starts"]}
    assert len(tokens) == 1


def test_refusal_after_doubt_is_not_believed(gateway, emulator):
    """First an answer is lost, then AWS says no: that no may be about the second copy only."""
    emulator.fault("start", "drop_after")
    emulator.fault("start", "refuse:ValidationException", count=-1)
    emulator.fault("describe", "stale", count=-1)
    answer = gateway.start()
    assert answer.status == 504, answer
    assert gateway.held_units() == 1
    emulator.control("POST", "faults/clear")
    reservation = gateway.call("GET", "/v1/models").json["Models"][0]
    assert gateway.wait_state(reservation["Id"], "ACTIVE")["State"] == "ACTIVE"
    assert emulator.starts() == 1


def test_throttling_everywhere_is_no_doubt(gateway, emulator):
    emulator.fault("start", "throttle", count=-1)
    key = new_key()
    answer = gateway.start(key=key)
    assert answer.status == 503, answer
    assert gateway.held_units() == 0
    emulator.control("POST", "faults/clear")
    assert gateway.start(key=key).status == 202, "a throttled start re-arms its key"
    assert emulator.starts() == 1


def test_nothing_sent_holds_nothing(make_gateway, make_emulator):
    emulator = make_emulator()
    gateway = make_gateway(emulator, request_deadline_ms=5000)
    gateway.wait_ready()
    emulator.kill()
    key = new_key()
    answer = gateway.start(key=key)
    assert answer.status == 503, answer
    assert gateway.held_units() == 0


def test_doubt_ends_after_quiet_and_two_looks(make_gateway, emulator, clock):
    """A start that never arrived: its units come back only after QUIET and two looks."""
    gateway = make_gateway(emulator, resend_window_ms=0,
                           policy=default_policy(concurrent_units=1))
    gateway.wait_ready()
    emulator.fault("start", "drop_before", count=-1)
    lost = gateway.start()
    assert lost.status == 504, lost
    emulator.control("POST", "faults/clear")
    identifier = gateway.call("GET", "/v1/models").json["Models"][0]["Id"]
    clock.advance(QUIET_S - 60)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert gateway.reservation(identifier)["State"] == "UNCERTAIN"
    assert gateway.start("boards/2").status == 429, "doubt frees nothing"
    clock.advance(120)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert gateway.reservation(identifier)["State"] == "UNCERTAIN", "one look is not enough"
    # Nobody could look while the clock jumped 14 minutes: charged, so CLOSED and not VOID.
    closed = gateway.wait_state(identifier, "CLOSED", "VOID", advancing_s=CONFIRM_S / 2)
    assert (closed["State"], closed["EndReason"]) == ("CLOSED", "never-started")
    assert gateway.start("boards/2").status == 202
    assert emulator.starts("boards/1") == 0


def test_late_start_is_caught(make_gateway, emulator, clock):
    """Applied a minute after the connection broke: the units were held, the row becomes ACTIVE."""
    gateway = make_gateway(emulator, resend_window_ms=0, attempts=1)
    gateway.wait_ready()
    emulator.fault("start", "apply_late", delay_ms=60000)
    assert gateway.start().status == 504
    identifier = gateway.call("GET", "/v1/models").json["Models"][0]["Id"]
    assert gateway.reservation(identifier)["State"] == "UNCERTAIN"
    clock.advance(61)
    gateway.wait_state(identifier, "ACTIVE")
    assert emulator.starts() == 1


def test_uncertain_start_is_sent_again_with_the_same_token(gateway, emulator):
    """Nothing arrived at first; the reconciler sends again by itself, and once is started."""
    emulator.fault("start", "drop_before", count=4)
    lost = gateway.start()
    assert lost.status == 504, lost
    identifier = gateway.call("GET", "/v1/models").json["Models"][0]["Id"]
    gateway.wait_state(identifier, "ACTIVE")
    assert emulator.starts() == 1


@pytest.mark.parametrize("answer", ["accept", "conflict"])
def test_a_model_that_runs_already(make_gateway, make_emulator, answer):
    """What AWS says to a start of a running model is documented nowhere: both must end well."""
    emulator = make_emulator(**{"start-when-running": answer})
    gateway = make_gateway(emulator, drift_scan_minutes=0)  # or it is found first
    gateway.wait_ready()
    emulator.control("POST", "set-status", {"project": "boards", "version": 1,
                                            "status": "HOSTED", "units": 1})
    started = gateway.start()
    assert started.status in (202, 504), started
    identifier = gateway.call("GET", "/v1/models").json["Models"][0]["Id"]
    gateway.wait_state(identifier, "ACTIVE")
    assert gateway.held_units() == 1
