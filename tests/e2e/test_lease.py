"""Leases: set at the start, warned of, extended, shortened, and ended by a stop that is observed."""

import pytest

from harness import at, default_policy, eventually

MINUTE_S = 60
STOPPING_S = 1   # the emulator's stopping-ms
CONFIRM_S = 60   # between the two looks that end a reservation
ALLOWANCE_S = 15 * MINUTE_S


@pytest.fixture
def leased(make_gateway, emulator):
    """A team whose leases have an hour where nothing is said, and two at most."""
    policy = default_policy(lease={"default_minutes": 60, "max_minutes": 120})
    gateway = make_gateway(emulator, policy=policy)
    gateway.wait_ready()
    return gateway


def run(gateway, clock, **more):
    started = gateway.start(**more)
    assert started.status == 202, started
    clock.advance(2)  # the emulator's starting-ms
    identifier = started.json["Reservation"]["Id"]
    eventually(lambda: gateway.reservation(identifier)["Status"] == "HOSTED")
    return identifier


def wait_for_end(gateway, emulator, clock, identifier, reason):
    """The stop, its two looks; each step at the moment at which it is due."""
    gateway.wait_state(identifier, "STOPPING")
    eventually(lambda: emulator.models()["boards/1"]["stops_applied"] == 1, "the stop")
    clock.advance(STOPPING_S)
    eventually(lambda: gateway.reservation(identifier)["Status"] == "TRAINED", "the first look")
    clock.advance(CONFIRM_S)
    ended = gateway.wait_state(identifier, "CLOSED")
    assert ended["EndReason"] == reason, ended
    return ended


def used(gateway):
    answer = gateway.call("GET", "/v1/usage?Period=total")
    assert answer.status == 200, answer
    return answer.json["UnitMilliseconds"]


def check_bill(gateway, emulator, units):
    """Never below AWS's bill, and above it by a minute for each unit at most."""
    bill = emulator.control("GET", "bill")["unit_ms"]
    assert 0 <= used(gateway) - bill <= units * MINUTE_S * 1000, (used(gateway), bill)


def test_a_lease_ends_by_itself(leased, emulator, clock):
    identifier = run(leased, clock, units=2)
    row = leased.reservation(identifier)
    assert row["LeaseMinutes"] == 60, row
    assert at(row["LeaseEndsAt"]) - at(row["CreatedAt"]) == 60 * MINUTE_S
    assert at(row["WorstCaseEndsAt"]) - at(row["LeaseEndsAt"]) == ALLOWANCE_S
    clock.advance(59 * MINUTE_S)
    looks = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > looks + 2, "looks at AWS")
    assert leased.reservation(identifier)["State"] == "ACTIVE"
    clock.advance(MINUTE_S)
    wait_for_end(leased, emulator, clock, identifier, "lease-ended")
    check_bill(leased, emulator, units=2)


def test_a_start_says_its_lease(leased, emulator, clock):
    started = leased.start(lease=45)
    assert started.json["Reservation"]["LeaseMinutes"] == 45, started
    too_long = leased.start("boards/2", lease=121)
    assert too_long.status == 403 and too_long.problem == "quota-never-fits", too_long
    assert (too_long.json["Rule"], too_long.json["Unit"]) == ("lease", "minutes")
    assert (too_long.json["Limit"], too_long.json["Requested"]) == (120, 121)
    assert too_long.json["LargestLeaseMinutes"] == 120
    assert too_long.json["EarliestFit"] is None and too_long.json["EarliestFitDetail"]
    assert leased.start("boards/2", lease=120, query="?DryRun=true").json["Admitted"]
    assert leased.quota()["Lease"] == {"DefaultMinutes": 60, "MaxMinutes": 120}


def test_the_end_is_warned_of_once(leased, emulator, clock):
    identifier = run(leased, clock)
    assert not leased.log_lines("lease.ends_soon")
    clock.advance(45 * MINUTE_S)
    warned = eventually(lambda: leased.log_lines("lease.ends_soon"), "the warning")
    assert warned[0]["reservation"] == identifier and warned[0]["team"] == "assembly", warned
    assert warned[0]["left_ms"] <= 15 * MINUTE_S * 1000
    # An end that is put off is another end, and is warned of again.
    assert leased.lease(90).status == 200
    clock.advance(30 * MINUTE_S)
    eventually(lambda: len(leased.log_lines("lease.ends_soon")) == 2, "the second warning")
    looks = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > looks + 2, "looks at AWS")
    assert len(leased.log_lines("lease.ends_soon")) == 2


def test_extended(leased, emulator, clock):
    identifier = run(leased, clock)
    clock.advance(30 * MINUTE_S)
    extended = leased.lease(120)
    assert extended.status == 200 and extended.json["Changed"], extended
    row = extended.json["Reservation"]
    assert (row["Id"], row["LeaseMinutes"]) == (identifier, 120)
    again = leased.lease(120)
    assert again.status == 200 and not again.json["Changed"], "the whole lease, from its start"
    assert again.json["Reservation"]["LeaseEndsAt"] == row["LeaseEndsAt"]
    clock.advance(89 * MINUTE_S)
    looks = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > looks + 2, "looks at AWS")
    assert leased.reservation(identifier)["State"] == "ACTIVE", "the first end is past"
    clock.advance(MINUTE_S)
    wait_for_end(leased, emulator, clock, identifier, "lease-ended")
    check_bill(leased, emulator, units=1)


def test_shortened(leased, emulator, clock):
    identifier = run(leased, clock)
    tried = leased.lease(30, query="?DryRun=true")
    assert tried.status == 200 and tried.json["Admitted"], tried
    assert tried.json["Reservation"]["LeaseMinutes"] == 30
    assert leased.reservation(identifier)["LeaseMinutes"] == 60, "nothing was written"
    assert leased.lease(30).json["Reservation"]["LeaseMinutes"] == 30
    clock.advance(30 * MINUTE_S)
    wait_for_end(leased, emulator, clock, identifier, "lease-ended")
    check_bill(leased, emulator, units=1)


def test_shortened_to_what_is_past_it_ends_now(leased, emulator, clock):
    identifier = run(leased, clock)
    clock.advance(10 * MINUTE_S)
    ended = leased.lease(5)
    assert ended.status == 200, ended
    wait_for_end(leased, emulator, clock, identifier, "lease-ended")
    check_bill(leased, emulator, units=1)


def test_an_extension_is_refused_with_its_reason(make_gateway, emulator, clock):
    policy = default_policy(lease={"default_minutes": 60, "max_minutes": 600},
                            unit_hours=[{"amount": 2, "period": "total"}])
    gateway = make_gateway(emulator, policy=policy)
    gateway.wait_ready()
    identifier = run(gateway, clock)
    refused = gateway.lease(106)
    assert refused.status == 429 and refused.problem == "quota-exceeded", refused
    assert refused.json["Rule"] == "unit_hours" and refused.json["Period"] == "total"
    assert refused.json["UnitMilliseconds"]["Requested"] == 46 * MINUTE_S * 1000
    assert refused.json["LargestLeaseMinutes"] == 105
    assert refused.json["Reservation"]["LeaseMinutes"] == 60
    assert refused.json["ResetsAt"] is None and refused.json["EarliestFit"] is None
    assert "Retry-After" not in refused.headers
    too_long = gateway.lease(601)
    assert too_long.status == 403 and too_long.json["Rule"] == "lease", too_long
    assert gateway.reservation(identifier)["LeaseMinutes"] == 60, "a refusal changes nothing"
    assert gateway.lease(105).status == 200, "what it says fits does fit"


def test_whose_lease_it_is(make_gateway, emulator, clock):
    policy = {"version": 1, "teams": {"assembly": {"projects": ["*"]},
                                      "paint": {"projects": ["*"]}}}
    gateway = make_gateway(emulator, policy=policy)
    gateway.wait_ready()
    identifier = run(gateway, clock)
    others = gateway.lease(60, token=gateway.token(team="paint"))
    assert others.status == 404 and others.problem == "model-not-held", others
    assert gateway.lease(60, token=gateway.token(scope="models:read")).status == 403
    admin = gateway.token(team=None, scope="gateway:admin")
    assert gateway.lease(60, token=admin).json["Reservation"]["Id"] == identifier
    assert gateway.lease(60, "boards/9").status == 404
    gateway.stop()
    stopping = gateway.lease(90)
    assert stopping.status == 409 and stopping.problem == "model-not-active", stopping
    assert stopping.json["Reservation"]["State"] == "STOPPING"
