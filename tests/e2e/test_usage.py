"""GET /v1/usage: who used how much, as JSON and CSV, from the same rows as the budgets."""

import csv
import io

import pytest

from harness import at, eventually

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


def test_what_crosses_a_months_end_is_split_there(gateway, clock):
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
    # In UTC the month ended now; by default it is this month so far.
    (only,) = usage(gateway, "?TimeZone=UTC&Until=2027-02-01").json["Usage"]
    assert only["PeriodFrom"] == "2027-01-01T00:00:00.000Z"
    assert len(usage(gateway, "?From=2027-01-01&Period=total").json["Usage"]) == 1
    assert usage(gateway, "?TimeZone=Europe/Berlin").json["From"] == "2027-01-31T23:00:00.000Z"


@pytest.mark.parametrize("query, part", [
    ("?From=2025-01-01", "400 days"), ("?From=2027-02-01&Until=2027-01-01", "not before Until"),
    ("?Period=hour", "day, week, month, total"), ("?TimeZone=Mars/Phobos", "Mars/Phobos"),
    ("?Format=xml", "csv, json"), ("?from=2027-01-01", "not known here")])
def test_what_can_not_be_answered_is_said(gateway, query, part):
    answer = gateway.call("GET", f"/v1/usage{query}")
    assert answer.status == 400 and answer.problem == "invalid-parameter", answer
    assert part in answer.json["detail"]
