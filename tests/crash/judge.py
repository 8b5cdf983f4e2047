"""Compares the emulator's own record with the ledger: what was promised, and what happened."""

import json
import sqlite3

import journal
from journal import LIVE

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


def read_rows(path):
    """Of a ledger whose gateway has ended; opening it recovers its log, as a restart would."""
    try:
        return read_tables(path)
    except sqlite3.DatabaseError as error:  # nothing of it is left
        return {}, {}, [], str(error)


def read_tables(path):
    with sqlite3.connect(path) as ledger:
        ledger.row_factory = sqlite3.Row
        rows = {row["id"]: dict(row) for row in ledger.execute("SELECT * FROM reservation")}
        balances = {row["scope"]: tuple(row)[1:]
                    for row in ledger.execute("SELECT * FROM balance")}
        entries = [tuple(row) for row in
                   ledger.execute("SELECT number, hash, entry FROM journal ORDER BY number")]
        sound = ledger.execute("PRAGMA integrity_check").fetchone()[0]
    ledger.close()
    return rows, balances, entries, sound


def sum_balances(rows):
    """What the balances have to be, counted from the rows."""
    sums = {}
    for row in rows.values():
        if row["state"] not in LIVE:
            continue
        used = row["state"] in ("ACTIVE", "STOPPING")
        for scope in ("", row["team"]):
            seen = sums.setdefault(scope, [0, 0, 0, 0])
            seen[0 if used else 1] += row["units"]
            seen[2 if used else 3] += 1
    return sums


def judge_ledger(rows, balances, records, plan, found):
    """The ledger in itself: balances, journal, and promise 2 after every commit."""
    entries, wrong = journal.read(records)
    for sentence in wrong + journal.differing(entries, rows):
        found.add("journal_broken", sentence)
    for scope, units in journal.worst_held(entries).items():
        limit = plan.limits.get(scope, plan.account_limit)
        if units > limit:
            found.add("over", f"\"{scope}\" held {units} units, the limit is {limit}")
    sums = sum_balances(rows)
    for scope, balance in balances.items():
        if list(balance) != sums.get(scope, [0, 0, 0, 0]):
            found.add("journal_broken", f"the balance of \"{scope}\" is {balance}, "
                                        f"its rows sum up to {sums.get(scope, 0)}")


def judge_answers(run, rows, starts, found):
    """What callers were told, and that one key never started twice."""
    by_key = {}
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
    rows, balances, records, sound = read_rows(run.folder / "ledger.db")
    if sound != "ok":
        found.add("journal_broken", f"SQLite says {sound}")
    by_token = {row["client_token"]: row for row in rows.values()}
    starts, runs_of = {}, {}
    for model in state["models"]:
        for start in model["starts"]:
            starts.setdefault(start["token"], []).append((model["model"], start["at_ms"]))
            runs_of[model["model"], start["at_ms"]] = start["token"]

    judge_ledger(rows, balances, records, run.plan, found)
    judge_answers(run, rows, starts, found)
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
    rows, balances, _, _ = read_rows(run.folder / "ledger.db")
    return json.dumps({"kills": repr(run.plan.kills), "killed": run.killed,
                       "faults": run.plan.faults, "late_faults": run.plan.late_faults,
                       "emulator": run.plan.emulator, "options": run.plan.options,
                       "rows": list(rows.values()), "balances": balances,
                       "state": run.emulator.control("state"),
                       "bill": run.emulator.control("bill")}, indent=1, default=repr)
