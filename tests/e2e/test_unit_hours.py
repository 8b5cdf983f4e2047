"""Budgets of unit-hours: refused with numbers and the reset, and changed under a running model."""

import datetime

import pytest

from harness import at, default_policy, eventually

HOUR_MS = 3600 * 1000
# Nine o'clock in Berlin on a day in winter: the day there ends at 23:00 UTC.
MORNING = "2027-03-10T08:00:00Z"


def budget(amount, period="day", **more):
    return default_policy(lease={"default_minutes": 60, "max_minutes": 1440},
                          unit_hours=[{"amount": amount, "period": period, **more}])


@pytest.fixture
def make(make_gateway, emulator, clock):
    clock.advance(at(MORNING) - clock.now())

    def make(policy):
        gateway = make_gateway(emulator, policy=policy)
        gateway.wait_ready()
        return gateway
    return make


def run(gateway, clock, *model, **more):
    started = gateway.start(*model, **more)
    assert started.status == 202, started
    clock.advance(2)
    identifier = started.json["Reservation"]["Id"]
    eventually(lambda: gateway.reservation(identifier)["Status"] == "HOSTED")
    return identifier


def window(gateway):
    (only,) = gateway.quota()["TeamLimits"]["unit_hours"]
    return only


def held(numbers):
    return numbers["UnitMilliseconds"]["Used"] + numbers["UnitMilliseconds"]["Reserved"]


def test_refused_with_the_numbers_and_the_reset(make, emulator, clock):
    gateway = make(budget(4, time_zone="Europe/Berlin"))
    run(gateway, clock, lease=120)
    refused = gateway.start("boards/2", lease=120)
    assert refused.status == 429 and refused.problem == "quota-exceeded", refused
    told = refused.json
    assert (told["Rule"], told["Unit"], told["Scope"]) == ("unit_hours", "unit-hours", "team")
    assert told["Pointer"] == "/teams/assembly/limits/unit_hours/0"
    # Two hours and what a stop may take, of four.
    assert (told["Limit"], told["Requested"], told["FitsNow"]) == (4, 2.25, 0)
    assert told["UnitMilliseconds"]["Limit"] == 4 * HOUR_MS
    assert held(told) == 2.25 * HOUR_MS and told["UnitMilliseconds"]["Used"] >= 2000
    assert (told["Period"], told["TimeZone"]) == ("day", "Europe/Berlin")
    assert told["PeriodStartsAt"] == "2027-03-09T23:00:00.000Z"
    assert told["ResetsAt"] == "2027-03-10T23:00:00.000Z"
    assert told["LargestLeaseMinutes"] == 90, "1.75 unit-hours are left"
    # From then on what it takes of this day is what is left of it.
    assert told["EarliestFit"] == "2027-03-10T21:15:00.000Z"
    assert abs(int(refused.headers["Retry-After"]) -
               (at(told["EarliestFit"]) - clock.now())) < 30
    assert {rule["Rule"] for rule in told["Rules"]} >= {"team_known", "lease", "unit_hours"}
    assert emulator.starts("boards/2") == 0
    # What it says fits does fit, and not a minute more.
    assert gateway.start("boards/2", lease=91, query="?DryRun=true").status == 429
    assert gateway.start("boards/2", lease=90, query="?DryRun=true").json["Admitted"]


def test_fits_when_it_says_so(make, emulator, clock):
    gateway = make(budget(4, time_zone="Europe/Berlin"))
    identifier = run(gateway, clock, lease=180)
    refused = gateway.start("boards/2", lease=120, query="?DryRun=true")
    assert refused.status == 429 and refused.json["DryRun"], refused
    clock.advance(180 * 60)
    gateway.wait_state(identifier, "CLOSED", advancing_s=20)
    clock.advance(at(refused.json["EarliestFit"]) - clock.now())
    fits = gateway.start("boards/2", lease=120)
    assert fits.status == 202, fits


def test_a_new_day_is_a_new_budget(make, emulator, clock):
    gateway = make(budget(1, time_zone="Europe/Berlin"))
    identifier = run(gateway, clock, lease=45)
    assert window(gateway)["UnitMilliseconds"]["Left"] == 0
    assert gateway.start("boards/2", lease=1).status == 429
    # It ends early, and what was not used is given back.
    gateway.stop()
    gateway.wait_state(identifier, "CLOSED", advancing_s=20)
    row = gateway.reservation(identifier)
    settled = round((at(row["EndedAt"]) - at(row["CreatedAt"])) * 1000)
    today = window(gateway)
    assert today["UnitMilliseconds"]["Used"] == settled
    assert today["UnitMilliseconds"]["Reserved"] == 0
    assert today["UnitMilliseconds"]["Left"] == HOUR_MS - settled
    clock.advance(at(today["ResetsAt"]) - clock.now())
    tomorrow = window(gateway)
    assert tomorrow["PeriodStartsAt"] == today["ResetsAt"]
    assert (tomorrow["Used"], tomorrow["Left"]) == (0, 1)
    assert gateway.start("boards/2", lease=45).status == 202


def test_raised_and_lowered_by_a_reload(make, emulator, clock):
    gateway = make(budget(2, period="total"))
    identifier = run(gateway, clock, lease=105)
    refused = gateway.start("boards/2", lease=45)
    assert refused.status == 429 and refused.json["LargestFit"] == 0, refused
    assert refused.json["EarliestFit"] is None and "Retry-After" not in refused.headers
    assert "at no time" not in refused.json["EarliestFitDetail"], "a limit may be raised"
    gateway.write_policy(budget(3, period="total"))
    gateway.reload()
    assert gateway.start("boards/2", lease=45).status == 202, "at once"
    gateway.write_policy(budget(1, period="total"))
    gateway.reload()
    refused = gateway.start("boards/3", lease=1)
    assert refused.status == 429, refused
    assert (refused.json["Limit"], refused.json["FitsNow"]) == (1, 0)
    assert held(refused.json) == 3 * HOUR_MS
    assert window(gateway)["Left"] == 0, "and never below"
    looks = emulator.received("describe")
    eventually(lambda: emulator.received("describe") > looks + 2, "looks at AWS")
    assert gateway.reservation(identifier)["State"] == "ACTIVE", "lowering stops nothing"
    longer = gateway.lease(106)
    assert longer.status == 429, longer
    assert "an extension stays where it is" in longer.json["EarliestFitDetail"]
    assert gateway.lease(30).status == 200, "less is always possible"


def test_what_is_stopped_early_makes_room_in_a_total(make, emulator, clock):
    gateway = make(budget(2, period="total"))
    identifier = run(gateway, clock, lease=90)
    refused = gateway.start("boards/2", lease=45)
    assert refused.status == 429 and refused.json["EarliestFit"] is None, refused
    assert "stop it, or shorten its lease" in refused.json["EarliestFitDetail"]
    gateway.stop()
    gateway.wait_state(identifier, "CLOSED", advancing_s=20)
    assert gateway.start("boards/2", lease=45).status == 202


def test_several_windows_bind_together(make, emulator, clock):
    policy = default_policy(unit_hours=[{"amount": 8, "period": "week", "week_starts": "sunday"},
                                        {"amount": 2, "period": "day", "day_starts": "06:00"}])
    policy["account"] = {"unit_hours": [{"amount": 3, "period": "month"}]}
    gateway = make(policy)
    told = gateway.start(units=2, lease=60, query="?DryRun=true").json
    assert told["Rule"] == "unit_hours" and told["Period"] == "day", told
    assert told["ResetsAt"] == "2027-03-11T06:00:00.000Z"
    windows = {(rule["Scope"], rule["Period"]): rule for rule in told["Rules"]
               if rule["Rule"] == "unit_hours"}
    assert sorted(windows) == [("account", "month"), ("team", "day"), ("team", "week")]
    assert windows["team", "week"]["ResetsAt"] == "2027-03-14T00:00:00.000Z"
    assert windows["account", "month"]["ResetsAt"] == "2027-04-01T00:00:00.000Z"
    assert all(rule["Requested"] == 2.5 for rule in windows.values())
    assert windows["team", "week"]["Admits"] and windows["account", "month"]["Admits"]
    assert told["LargestFit"] == 1
    assert len(gateway.quota()["AccountLimits"]["unit_hours"]) == 1


def test_the_day_on_which_the_clock_changes(make, emulator, clock):
    """23 hours in Berlin: the reset comes an hour sooner than a day after the last one."""
    clock.advance(at("2027-03-28T09:00:00Z") - clock.now())
    gateway = make(budget(4, time_zone="Europe/Berlin"))
    today = window(gateway)
    assert at(today["ResetsAt"]) - at(today["PeriodStartsAt"]) == 23 * 3600
    zone = datetime.timezone(datetime.timedelta(hours=2))
    local = datetime.datetime.fromtimestamp(at(today["ResetsAt"]), zone)
    assert (local.hour, local.day) == (0, 29)
