"""Always stopped: by request, by the lease's end, through outages and lost answers; and the fence."""

from harness import eventually

LEASE_S = 8 * 3600


def run(gateway, clock, model="boards/1"):
    """A model that runs and that the reconciler has seen running."""
    started = gateway.start(model)
    assert started.status == 202, started
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "HOSTED")
    return started


def finish(gateway, clock, started):
    eventually(lambda: gateway.reservation(started)["Status"] == "STOPPING_HOSTING")
    clock.advance(2)
    eventually(lambda: gateway.reservation(started)["Status"] == "TRAINED")
    assert gateway.reservation(started)["State"] == "STOPPING"
    return gateway.wait_state(started, "CLOSED", advancing_s=30)


def test_the_leases_end_stops_the_model(gateway, emulator, clock):
    started = run(gateway, clock)
    clock.advance(LEASE_S)
    gateway.wait_state(started, "STOPPING")
    assert finish(gateway, clock, started)["EndReason"] == "lease-ended"
    assert emulator.models()["boards/1"]["status"] == "TRAINED"


def test_a_lost_stop_is_repeated_with_its_token(gateway, emulator, clock):
    started = run(gateway, clock)
    emulator.fault("stop", "drop_before", count=6)
    answer = gateway.stop()
    assert answer.status == 202 and answer.json["Reservation"]["State"] == "STOPPING", answer
    finish(gateway, clock, started)
    assert emulator.models()["boards/1"]["stops_applied"] == 1


def test_a_stop_is_repeated_through_an_outage(gateway, emulator, clock):
    started = run(gateway, clock)
    emulator.fault("stop", "error_500", count=-1)
    emulator.fault("describe", "error_500", count=-1)
    assert gateway.stop().status == 202
    received = emulator.received("stop")
    clock.advance(3600)
    eventually(lambda: emulator.received("describe") > 3)
    assert gateway.reservation(started)["State"] == "STOPPING"
    emulator.control("POST", "faults/clear")
    eventually(lambda: emulator.received("stop") > received, "another stop call")
    finish(gateway, clock, started)


def test_a_stop_that_replays_its_answer_gets_a_new_token(gateway, emulator, clock):
    """AWS says yes and does nothing: ten minutes later it is asked anew, with another token."""
    started = run(gateway, clock)
    emulator.fault("stop", "replay")
    assert gateway.stop().status == 202
    clock.advance(599)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert emulator.received("stop") == 1
    clock.advance(2)
    finish(gateway, clock, started)
    assert emulator.models()["boards/1"]["stops_applied"] == 1


def test_one_stale_look_does_not_close(gateway, emulator, clock):
    started = run(gateway, clock)
    emulator.fault("describe", "stale", count=1)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    clock.advance(61)
    described = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > described + 2)
    assert gateway.reservation(started)["State"] == "ACTIVE"


def test_a_stop_of_unknown_fate_fences_the_model(gateway, emulator, clock):
    """The stop's answer never comes, the model ends by itself; the next start must wait for QUIET."""
    started = run(gateway, clock)
    emulator.fault("stop", "drop_before", count=-1)
    assert gateway.stop().status == 202
    emulator.control("POST", "set-status", {"project": "boards", "version": 1,
                                            "status": "TRAINED"})
    eventually(lambda: gateway.reservation(started)["Status"] == "TRAINED")
    gateway.wait_state(started, "CLOSED", advancing_s=5)  # well before QUIET has passed
    fenced = gateway.start()
    assert fenced.problem == "model-fenced" and fenced.status == 429, fenced
    assert 0 < int(fenced.headers["Retry-After"]) <= 15 * 60
    emulator.control("POST", "faults/clear")
    clock.advance(15 * 60)
    assert gateway.start().status == 202


def test_hosting_failed_gets_one_stop_and_is_closed(gateway, emulator, clock):
    started = run(gateway, clock)
    emulator.control("POST", "set-status", {"project": "boards", "version": 1,
                                            "status": "HOSTING_FAILED"})
    gateway.wait_state(started, "STOPPING")
    eventually(lambda: emulator.received("stop") == 1)
    closed = gateway.wait_state(started, "CLOSED", advancing_s=30)
    assert closed["EndReason"] == "hosting-failed"
    assert emulator.received("stop") == 1


def test_stopping_is_never_blocked_and_idempotent(gateway, emulator, clock):
    run(gateway, clock)
    assert gateway.stop().status == 202
    assert gateway.stop().status == 202
    assert emulator.models()["boards/1"]["stops_applied"] == 1
    assert gateway.stop("boards/7").status == 404
    assert gateway.start().status == 409, "not before the stop was observed"


def test_a_model_that_vanished_is_closed(gateway, emulator, clock):
    started = run(gateway, clock)
    emulator.control("POST", "set-status", {"project": "boards", "version": 1,
                                            "status": "TRAINED"})
    eventually(lambda: gateway.reservation(started)["Status"] == "TRAINED")
    assert gateway.reservation(started)["State"] == "ACTIVE"
    closed = gateway.wait_state(started, "CLOSED", advancing_s=30)
    assert closed["EndReason"] == "vanished"
