"""GET /v1/usage: who used how much, as JSON and CSV, from the same rows as the budgets."""

import csv
import io
import json

import pytest

from harness import at, default_policy, eventually, ledger

POLICY = {"version": 1, "teams": {"assembly": {"projects": ["*"]}, "paint": {"projects": ["*"]}}}
# Eleven in the evening in Berlin, an hour before a month ends there.
EVENING = "2027-01-31T22:00:00Z"
HOUR_S = 3600


@pytest.fixture
def gateway(make_gateway, emulator, clock):
    clock.advance(at(EVENING) - clock.now())
    made = make_gateway(emulator, policy=POLICY)
    made.wait_ready()
    return made


def usage(gateway, query="", **more):
    answer = gateway.call("GET", f"/v1/usage{query}", **more)
    assert answer.status == 200, answer
    return answer


def run_and_stop(gateway, clock, model, seconds, **more):
    started = gateway.start(model, **more)
    assert started.status == 202, started
    identifier = started.json["Reservation"]["Id"]
    clock.advance(seconds)
    eventually(lambda: gateway.reservation(identifier, **token_of(more))["Status"] == "HOSTED")
    gateway.stop(model, **token_of(more))

    def is_closed():
        clock.advance(10)
        return gateway.reservation(identifier, **token_of(more))["State"] == "CLOSED"
    eventually(is_closed, "the end")
    row = gateway.reservation(identifier, **token_of(more))
    return round(row["Units"] * (at(row["EndedAt"]) - at(row["CreatedAt"])) * 1000)


def token_of(more):
    return {"token": more["token"]} if "token" in more else {}


def test_by_team_model_and_subject(gateway, clock):
    bob = gateway.token(subject='bob "the second", of paint', team="paint")
    of_ada = run_and_stop(gateway, clock, "boards/1", 600, units=2)
    of_bob = run_and_stop(gateway, clock, "cans/7", 300, token=bob)
    own = usage(gateway, "?Period=total").json
    (line,) = own["Usage"]
    assert (line["Team"], line["ProjectName"], line["ModelVersion"], line["Subject"]) == \
        ("assembly", "boards", "1", "ada")
    assert line["UnitMilliseconds"] == of_ada == own["UnitMilliseconds"], own
    assert line["UnitHours"] == round(of_ada / 3600000, 3)
    assert (line["Reservations"], line["Running"]) == (1, False)

    refused = gateway.call("GET", "/v1/usage?Team=paint")
    assert refused.status == 403 and refused.problem == "team-forbidden"
    admin = gateway.token(team=None, scope="gateway:admin")
    everybody = usage(gateway, "?Period=total", token=admin).json
    assert [each["Team"] for each in everybody["Usage"]] == ["assembly", "paint"]
    assert everybody["UnitMilliseconds"] == of_ada + of_bob
    assert usage(gateway, "?Period=total&Team=paint", token=admin).json["UnitMilliseconds"] == \
        of_bob


def test_csv_is_the_same(gateway, clock):
    bob = gateway.token(subject='bob "the second", of paint', team="paint")
    of_bob = run_and_stop(gateway, clock, "cans/7", 300, token=bob)
    interval = "Period=total&From=2027-01-01&Until=2027-02-01"
    answer = usage(gateway, f"?Format=csv&{interval}", token=bob)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.text.endswith("\r\n") and "\r\n" in answer.text
    (line,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert line["Subject"] == 'bob "the second", of paint'
    assert int(line["UnitMilliseconds"]) == of_bob
    (same,) = usage(gateway, f"?{interval}", token=bob).json["Usage"]
    assert float(line.pop("UnitHours")) == same.pop("UnitHours")
    assert line.pop("Running") == "false" and same.pop("Running") is False
    assert line == {name: str(value) for name, value in same.items()}


def export(tmp_path, clock, *options):
    made = ledger("export", tmp_path / "ledger.db", "--format", "json", *options, clock=clock)
    assert made.returncode == 0, made
    return [json.loads(line) for line in made.stdout.splitlines()]


def test_what_crosses_a_months_end_is_split_there(gateway, clock, tmp_path):
    gateway.start(units=2)
    clock.advance(2 * HOUR_S)  # an hour in January, an hour in February of Berlin
    told = usage(gateway, "?From=2027-01-01&TimeZone=Europe/Berlin").json
    january, february = told["Usage"]
    assert january["PeriodFrom"] == told["From"] == "2026-12-31T23:00:00.000Z"
    assert january["PeriodUntil"] == february["PeriodFrom"] == "2027-01-31T23:00:00.000Z"
    assert february["PeriodUntil"] == told["Until"] == told["AsOf"]
    assert february["Running"]
    assert february["UnitMilliseconds"] == \
        round(2 * (at(told["AsOf"]) - at("2027-01-31T23:00:00Z")) * 1000)
    assert told["UnitMilliseconds"] == january["UnitMilliseconds"] + february["UnitMilliseconds"]
    # The same month by the same dates.
    (line,) = export(tmp_path, clock, "--from", "2027-01-01", "--until", "2027-02-01",
                     "--time-zone", "Europe/Berlin")
    assert line == january
    # In UTC the month ended now; by default it is this month so far.
    (only,) = usage(gateway, "?TimeZone=UTC&Until=2027-02-01").json["Usage"]
    assert only["PeriodFrom"] == "2027-01-01T00:00:00.000Z"
    assert len(usage(gateway, "?From=2027-01-01&Period=total").json["Usage"]) == 1
    assert usage(gateway, "?TimeZone=Europe/Berlin").json["From"] == "2027-01-31T23:00:00.000Z"


def test_the_day_of_a_budget_is_the_day_of_the_report(make_gateway, emulator, clock, tmp_path):
    """From two at night to ten: four hours of the day that ends at six, four of the next."""
    clock.advance(at("2027-02-01T02:00:00+01:00") - clock.now())
    gateway = make_gateway(emulator, policy=default_policy(
        lease={"default_minutes": 720, "max_minutes": 1440},
        unit_hours=[{"amount": 20, "period": "day", "day_starts": "06:00",
                     "time_zone": "Europe/Berlin"},
                    {"amount": 100, "period": "week", "week_starts": "tuesday",
                     "day_starts": "06:00", "time_zone": "Europe/Berlin"}]))
    gateway.wait_ready()
    all_of_it = run_and_stop(gateway, clock, "boards/1", 8 * HOUR_S)
    day, week = gateway.quota()["TeamLimits"]["unit_hours"]
    assert day["PeriodStartsAt"] == "2027-02-01T05:00:00.000Z"
    assert week["PeriodStartsAt"] == "2027-01-26T05:00:00.000Z"
    used_today = day["UnitMilliseconds"]["Used"]
    assert 4 * HOUR_S * 1000 <= used_today < all_of_it

    dates = "From=2027-01-31&Until=2027-02-02&TimeZone=Europe/Berlin&DayStarts=06:00"
    told = usage(gateway, f"?Period=day&{dates}").json
    assert told["From"] == "2027-01-31T05:00:00.000Z"
    yesterday, today = told["Usage"]
    assert today["PeriodFrom"] == yesterday["PeriodUntil"] == day["PeriodStartsAt"]
    assert today["PeriodUntil"] == day["ResetsAt"]
    assert today["UnitMilliseconds"] == used_today
    assert yesterday["UnitMilliseconds"] == all_of_it - used_today
    options = ("--from", "2027-01-31", "--until", "2027-02-02", "--time-zone", "Europe/Berlin",
               "--day-starts", "06:00")
    assert export(tmp_path, clock, "--period", "day", *options) == [yesterday, today]

    (of_week,) = usage(gateway, "?Period=week&WeekStarts=tuesday&From=2027-01-26&Until=2027-02-02"
                       "&TimeZone=Europe/Berlin&DayStarts=06:00").json["Usage"]
    assert (of_week["PeriodFrom"], of_week["PeriodUntil"]) == \
        (week["PeriodStartsAt"], week["ResetsAt"])
    assert of_week["UnitMilliseconds"] == week["UnitMilliseconds"]["Used"] == all_of_it
    assert export(tmp_path, clock, "--period", "week", "--week-starts", "tuesday",
                  "--from", "2027-01-26", "--until", "2027-02-02", *options[4:]) == [of_week]


@pytest.mark.parametrize("query, part", [
    ("?From=2025-01-01", "400 days"), ("?From=2027-02-01&Until=2027-01-01", "not before Until"),
    ("?Period=hour", "day, week, month, total"), ("?TimeZone=Mars/Phobos", "Mars/Phobos"),
    ("?Format=xml", "csv, json"), ("?from=2027-01-01", "not known here")])
def test_what_can_not_be_answered_is_said(gateway, query, part):
    answer = gateway.call("GET", f"/v1/usage{query}")
    assert answer.status == 400 and answer.problem == "invalid-parameter", answer
    assert part in answer.json["detail"]
