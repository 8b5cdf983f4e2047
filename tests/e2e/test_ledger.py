"""`lookout-gateway ledger` beside a gateway that holds the ledger, and an auditor of his own."""

import csv
import io
import json
import os
import sqlite3
import stat

import pytest

import harness
from harness import audit, ledger

QUIET_S = 15 * 60
EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_CANTCREAT = 64, 65, 66, 73
EVER = ("--from", "1970-01-02T00:00:00Z", "--until", "2999-01-01T00:00:00Z")


@pytest.fixture
def used(gateway, emulator, clock, tmp_path):
    """A gateway, its ledger and a reservation that ran for a while, beside one that runs."""
    first = gateway.call("POST", "/v1/projects/boards/models/1/start", {"MinInferenceUnits": 2},
                         headers={"X-Request-Id": "the-first"})
    assert first.status == 202, first
    assert gateway.start("boards/2").status == 202
    clock.advance(3600)
    gateway.stop("boards/1")
    closed = gateway.wait_state(first, "CLOSED", advancing_s=60)
    return gateway, tmp_path / "ledger.db", closed


def test_verify_and_audit(used):
    gateway, path, _ = used
    seen = ledger("verify", path)
    assert seen.returncode == 0, seen.stderr
    assert "2 reservations" in seen.stdout
    head = seen.stdout.split()[-1]
    assert audit(path).returncode == 0, audit(path).stderr
    assert ledger("verify", path, "--expect", head).returncode == 0
    gateway.end()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE reservation SET units = units + 1 WHERE number = 1")
    for seen in ledger("verify", path), audit(path):
        assert seen.returncode != 0
        assert "units" in seen.stderr, seen.stderr
    assert ledger("verify", path).returncode == EX_DATAERR


@pytest.mark.parametrize("change", [
    "UPDATE journal SET hash = randomblob(32) WHERE number = 2",
    "DELETE FROM journal WHERE number = 2",
    "UPDATE balance SET used_units = used_units + 1",
    "UPDATE settled SET unit_ms = unit_ms + 1 WHERE span = 0",
    "DELETE FROM settled WHERE span = 1",
])
def test_the_auditor_finds_it_too(used, change):
    gateway, path, _ = used
    gateway.end()
    assert audit(path).returncode == 0, audit(path).stderr
    with sqlite3.connect(path) as db:
        db.execute(change)
    assert audit(path).returncode == 1
    assert ledger("verify", path).returncode == EX_DATAERR


def test_show(used):
    _, path, closed = used
    lines = [json.loads(line) for line in
             ledger("show", path, "--json", "--reservation", closed["Id"]).stdout.splitlines()]
    assert lines[0]["event"] == "reserve"
    assert (lines[0]["actor"], lines[0]["request_id"]) == ("ada", "the-first")
    assert lines[0]["why"] == "start" and len(lines[0]["policy"]) == 16
    assert lines[-1]["state"] == "CLOSED" and lines[-1]["actor"] == "gateway"
    assert {line["id"] for line in lines} == {closed["Id"]}
    everything = ledger("show", path).stdout.splitlines()
    assert len(everything) > len(lines)
    assert any('"stop"' in line and '"ada"' in line for line in everything)
    assert ledger("show", path, "--team", "nobody").stdout == ""
    assert ledger("show", path, "--until", "1970-01-02T00:00:00Z").stdout == ""
    assert ledger("show", path, "--until", "1970-01-02").stdout == ""
    assert ledger("show", path, "--from", "1970-01-02").stdout == ledger("show", path).stdout


def test_a_lowered_limit_is_journaled_by_name(make_gateway, emulator, tmp_path):
    gateway = make_gateway(emulator, policy=harness.default_policy(concurrent_units=5))
    gateway.wait_ready()
    assert gateway.start("boards/1", units=2).status == 202
    gateway.write_policy(harness.default_policy(concurrent_units=1))
    gateway.reload()
    lines = [json.loads(line) for line in
             ledger("show", tmp_path / "ledger.db", "--json").stdout.splitlines()]
    loaded, reloaded = [line for line in lines if line["event"] == "policy"]
    assert (loaded["why"], reloaded["why"]) == ("loaded", "reloaded")
    assert loaded["policy"] != reloaded["policy"]
    over = [line["why"] for line in lines if line["event"] == "over-limit"]
    assert over, lines
    assert all("concurrent_units is 1 units, and 2 used and 0 reserved" in why for why in over), over
    assert "over-limit" in ledger("show", tmp_path / "ledger.db", "--team", "assembly").stdout
    assert ledger("show", tmp_path / "ledger.db", "--team", "other").stdout == ""
    assert audit(tmp_path / "ledger.db").returncode == 0


def test_export(used):
    _, path, closed = used
    rows = list(csv.DictReader(io.StringIO(ledger("export", path, *EVER).stdout)))
    row = next(row for row in rows if row["ModelVersion"] == "1")
    assert (row["Team"], row["ProjectName"], row["Subject"]) == ("assembly", "boards", "ada")
    assert row["Running"] == "false"
    assert int(row["UnitMilliseconds"]) >= 2 * 3600 * 1000
    assert float(row["UnitHours"]) == pytest.approx(int(row["UnitMilliseconds"]) / 3.6e6, abs=1e-3)
    lines = ledger("export", path, *EVER, "--format", "json", "--period", "total",
                   "--time-zone", "Europe/Berlin", "--team", "assembly").stdout.splitlines()
    assert {json.loads(line)["Running"] for line in lines} == {False, True}
    assert ledger("export", path, *EVER, "--time-zone", "Mars/Base").returncode == EX_NOINPUT


def test_backup_and_restore(used, tmp_path):
    gateway, path, closed = used
    backup, other = tmp_path / "backup.db", tmp_path / "other.db"
    made = ledger("backup", path, backup)
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(os.stat(backup).st_mode) == 0o600
    assert ledger("backup", path, backup).returncode == EX_CANTCREAT
    assert audit(backup).returncode == 0
    assert ledger("restore", backup, path).returncode == EX_DATAERR  # it is held
    gateway.end()
    assert ledger("restore", backup, path).returncode == EX_CANTCREAT
    os.rename(path, other)
    restored = ledger("restore", backup, path)
    assert restored.returncode == 0, restored.stderr
    again = gateway.restart()
    again.wait_ready()
    assert again.reservation(closed["Id"])["State"] == "CLOSED"


def test_usage(tmp_path):
    for arguments in ((), ("verify",), ("invent", "x"), ("backup", "x"), ("show", "x", "--what"),
                      ("export", "x"), ("verify", "x", "--expect", "5"),
                      ("show", "x", "--from", "yesterday"), ("show", "x", "y")):
        seen = ledger(*arguments)
        assert seen.returncode == EX_USAGE and "usage:" in seen.stderr, arguments
    for wrong, part in ((("--from", "2026-11-31"), 'saw --from="2026-11-31", expected a time such'),
                        (("--period", "year"), "expected one of day, week, month, total"),
                        (("--week-starts", "sunday"), 'nothing about the period "month"'),
                        (("--period", "total", "--day-starts", "06:00"), "--day-starts says no"),
                        (("--day-starts", "6:00"), 'a quarter of an hour from "00:00" to "23:45"')):
        seen = ledger("export", "x", *EVER, *wrong)
        assert seen.returncode == EX_USAGE and part in seen.stderr, seen
    assert ledger("verify", tmp_path / "none").returncode == EX_NOINPUT
