"""Compares the emulator's own record with the ledger: what was promised, and what happened."""

import json
import sqlite3
import subprocess

import journal
from journal import LIVE
from processes import GATEWAY

COUNTS = ("starts_twice", "lost", "over", "left_running", "billed_unassigned", "journal_broken")
# Two processes read the clock one after the other.
CLOCK_MS = 50


class Findings:
    def __init__(self):
        self.counts = dict.fromkeys(COUNTS, 0)
        self.sentences = []

    def add(self, count, sentence):
        self.counts[count] += 1
        self.sentences.append(f"{count}: {sentence}")


class Ledger:
    """What is in a ledger whose gateway has ended; opening it recovers its log, as a restart does."""

    def __init__(self, path):
        self.rows, self.entries, self.faults = {}, [], []
        ledger = sqlite3.connect(path)
        try:
            self.read(ledger)
        except sqlite3.DatabaseError as error:  # nothing of it can be read
            self.faults.append(str(error))
        finally:
            ledger.close()

    def read(self, ledger):
        sound = ledger.execute("PRAGMA integrity_check").fetchone()[0]
        if sound != "ok":
            self.faults.append(f"integrity_check says {sound}")
        self.faults += journal.find_faults(ledger)
        ledger.row_factory = sqlite3.Row
        self.rows = {row["id"]: dict(row) for row in ledger.execute("SELECT * FROM reservation")}
        self.entries = journal.read(ledger)


def judge_ledger(path, ledger, plan, found):
    """The ledger in itself, by the auditor and by the gateway's own; promise 2 at every entry."""
    for sentence in ledger.faults:
        found.add("journal_broken", sentence)
    for sentence in journal.broken_limits(ledger.entries, {"": plan.account_limit, **plan.limits},
                                          plan.unit_hours):
        found.add("over", sentence)
    for sentence in journal.broken_freezes(ledger.entries):
        found.add("over", sentence)
    verified = subprocess.run([str(GATEWAY), "ledger", "verify", str(path)], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if verified.returncode != 0:
        found.add("journal_broken", f"ledger verify: {verified.stdout.strip()}")


def judge_answers(run, ledger, starts, found):
    """What callers were told, and that one key never started twice."""
    by_key, rows = {}, ledger.rows
    kept = {entry["about"] for entry in ledger.entries if entry["event"] == "freeze"}
    for team in run.freezes - kept:
        found.add("lost", f"a freeze of \"{team}\" was answered and is not in the ledger")
    for team, key, row_id in run.answers:
        if row_id not in rows:
            found.add("lost", f"reservation {row_id} was answered and is not in the ledger")
        elif key:
            by_key.setdefault((team, key), set()).add(row_id)
    for (team, key), ids in by_key.items():
        applied = sum(len(starts.get(rows[row_id]["client_token"], ())) for row_id in ids)
        if applied > len({row_id for row_id in ids if rows[row_id]["state"] != "VOID"} or {0}):
            found.add("starts_twice", f"key {key} of {team} started {applied} times")
        if len(ids) > 1 and sum(1 for i in ids if rows[i]["state"] != "VOID") > 1:
            found.add("starts_twice", f"key {key} of {team} made the reservations {sorted(ids)}")
    for row_id in run.stops:
        if row_id in rows and rows[row_id]["state"] in LIVE[:3]:
            found.add("left_running", f"{row_id} is {rows[row_id]['state']} although its stop was "
                                      "answered")


def judge_starts(starts, by_token, found):
    for token, applied in starts.items():
        if token not in by_token:
            found.add("lost", f"the start {applied} with token \"{token}\" has no reservation")
        if len(applied) > 1:
            found.add("starts_twice", f"token {token} was applied {len(applied)} times: {applied}")


def judge_bill(bill, runs_of, by_token, found):
    """Each billed run belongs to a reservation that covers its time and its units."""
    for model in bill["models"]:
        for run in model["runs"]:
            token = runs_of.get((model["model"], run["from_ms"]))
            row = by_token.get(token)
            if run["to_ms"] is None:
                found.add("left_running", f"{model['model']} still runs: {run}")
            if row is None:
                found.add("billed_unassigned", f"{model['model']} {run}: no reservation")
                continue
            ended = row["ended_ms"] if row["state"] in ("CLOSED", "VOID") else bill["now_ms"]
            to = run["to_ms"] or bill["now_ms"]
            if (row["created_ms"] > run["from_ms"] + CLOCK_MS or ended < to - CLOCK_MS
                    or row["units"] < run["units"]):
                found.add("billed_unassigned",
                          f"{model['model']} {run}: reservation {row['id']} ({row['state']}) is "
                          f"charged {row['units']} x [{row['created_ms']}, {ended}]")


def worst_sum(intervals):
    """The largest sum over all moments of (from, to, units) with ends that do not count."""
    events = []
    for begin, end, units in intervals:
        if end > begin:
            events += [(begin, 1, units), (end, 0, -units)]
    worst = held = 0
    for _, _, units in sorted(events):
        held += units
        worst = max(worst, held)
    return worst


def judge_limits(what, intervals, plan, found):
    """Promise 2 at every moment of AWS's time: intervals are (team, from, to, units)."""
    for team, limit in plan.limits.items():
        worst = worst_sum([i[1:] for i in intervals if i[0] == team])
        if worst > limit:
            found.add("over", f"{what} of {team} were {worst}, the limit is {limit}")
    worst = worst_sum([i[1:] for i in intervals])
    if worst > plan.account_limit:
        found.add("over", f"{what} of the account were {worst}, its limit is {plan.account_limit}")


def judge(run):
    found = Findings()
    state = run.emulator.control("state")
    bill = run.emulator.control("bill")
    ledger = Ledger(run.folder / "ledger.db")
    rows = ledger.rows
    by_token = {row["client_token"]: row for row in rows.values()}
    starts, runs_of = {}, {}
    for model in state["models"]:
        for start in model["starts"]:
            starts.setdefault(start["token"], []).append((model["model"], start["at_ms"]))
            runs_of[model["model"], start["at_ms"]] = start["token"]

    judge_ledger(run.folder / "ledger.db", ledger, run.plan, found)
    judge_answers(run, ledger, starts, found)
    judge_starts(starts, by_token, found)
    judge_bill(bill, runs_of, by_token, found)
    for row in rows.values():
        if row["state"] in LIVE:
            found.add("left_running", f"reservation {row['id']} is {row['state']} at the end")

    billed = [(by_token[token]["team"], r["from_ms"], r["to_ms"] or bill["now_ms"], r["units"])
              for m in bill["models"] for r in m["runs"]
              if (token := runs_of.get((m["model"], r["from_ms"]))) in by_token]
    judge_limits("units that ran", billed, run.plan, found)
    for sentence in run.over:
        found.add("left_running" if sentence.startswith("left:") else "over", sentence)
    return found


def describe(run):
    """For a run that failed: everything that a reader needs."""
    ledger = Ledger(run.folder / "ledger.db")
    return json.dumps({"kills": repr(run.plan.kills), "killed": run.killed,
                       "faults": run.plan.faults, "late_faults": run.plan.late_faults,
                       "emulator": run.plan.emulator, "options": run.plan.options,
                       "policy": run.plan.policy, "rows": list(ledger.rows.values()),
                       "journal": ledger.entries,
                       "state": run.emulator.control("state"),
                       "bill": run.emulator.control("bill")}, indent=1, default=repr)
