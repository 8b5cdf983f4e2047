"""Promise 2 after every entry of the journal: what was held and promised, in the order of commits.

How an entry is read and the chain checked is tests/ledger/check_journal.py's.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "ledger"))

from check_journal import (DAY_MS, check_balances, check_chain, check_rows,  # noqa: E402
                           check_settled, decode)

LIVE = ("PENDING", "UNCERTAIN", "ACTIVE", "STOPPING")
HOUR_MS = 3600 * 1000
# A lease that is overrun has used what it used by now, and "now" is read before the commit.
NOW_SLACK_UNIT_MS = 20000


def find_faults(ledger):
    """What is wrong with chain, rows, balances and settled unit-time; nothing is the best."""
    try:
        rows, _ = check_chain(ledger)
        check_rows(ledger, rows)
        check_balances(ledger, rows)
        check_settled(ledger, rows)
    except (ValueError, KeyError, IndexError) as error:
        return [repr(error)]
    return []


def read(ledger):
    return [decode(data)[0] for _, _, data in
            ledger.execute("SELECT number, hash, entry FROM journal ORDER BY number")]


def charged(row, at_ms):
    """From when to when a row is charged, as things are at a moment."""
    if row["state"] == "VOID":
        return row["created_ms"], row["created_ms"]
    if row["state"] == "CLOSED":
        return row["created_ms"], row["ended_ms"]
    return row["created_ms"], max(row["worst_end_ms"], at_ms)


def unit_ms(rows, scope, begin_ms, end_ms, at_ms):
    total = 0
    for row in rows.values():
        if scope in ("", row["team"]):
            begin, end = charged(row, at_ms)
            total += row["units"] * max(0, min(end, end_ms) - max(begin, begin_ms))
    return total


def broken_limits(entries, limits, unit_hours):
    """Sentences: `limits` are units and `unit_hours` budgets a day of UTC, by team; "" = account."""
    rows, told = {}, []
    for entry in entries:
        if "id" not in entry:
            continue
        rows[entry["id"]] = entry
        for scope in ("", entry["team"]):
            held = sum(row["units"] for row in rows.values()
                       if row["state"] in LIVE and scope in ("", row["team"]))
            if held > limits.get(scope, held):
                told.append(f"entry {entry['number']}: \"{scope}\" holds {held} units, the limit is "
                            f"{limits[scope]}")
            # Only what admits may not go over: a stop may overrun its allowance.
            if scope in unit_hours and entry["event"] in ("reserve", "lease"):
                told += broken_days(entry, rows, scope, unit_hours[scope])
    return told


def broken_freezes(entries):
    """Sentences: starts that were admitted while their team, or all (""), were frozen."""
    frozen = set()
    for entry in entries:
        if entry["event"] == "freeze":
            frozen.add(entry["about"])
        elif entry["event"] == "unfreeze":
            frozen.discard(entry["about"])
        elif entry["event"] == "reserve" and frozen & {"", entry["team"]}:
            yield f"entry {entry['number']}: {entry['team']} was admitted, frozen are {frozen}"


def broken_days(entry, rows, scope, hours):
    begin, end = entry["created_ms"], entry["worst_end_ms"]
    for day in range(begin // DAY_MS, end // DAY_MS + 1):
        seen = unit_ms(rows, scope, day * DAY_MS, (day + 1) * DAY_MS, entry["at_ms"])
        if seen > hours * HOUR_MS + NOW_SLACK_UNIT_MS:
            yield (f"entry {entry['number']} ({entry['event']}): \"{scope}\" has {seen} unit-ms on "
                   f"day {day}, the limit is {hours} unit-hours")
