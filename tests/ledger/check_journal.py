#!/usr/bin/python3
"""Recomputes a ledger's chain and balances from nothing but gateway/ledger/ledger_journal.h.

check_journal.py LEDGER: prints "good: N entries", or says what is wrong and exits with 1. Shares no
code with the gateway: it is the auditor whom the header promises twenty lines.
"""
import collections
import hashlib
import sqlite3
import struct
import sys

QUARTER_MS = 900_000
DAY_MS = 86_400_000
UNASSIGNED = "_unassigned"


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, count):
        part, self.data = self.data[:count], self.data[count:]
        if len(part) != count:
            raise ValueError("an entry is too short")
        return part

    def i64(self):
        return struct.unpack(">q", self.take(8))[0]

    def text(self):
        return self.take(struct.unpack(">H", self.take(2))[0]).decode()


def decode(data):
    reader = Reader(data)
    kind, flags = reader.take(2)
    if kind != 1 or flags not in (0, 1, 3):
        raise ValueError(f"format {kind}, flags {flags}")
    entry = {name: reader.i64() for name in ("number", "at_ms")}
    entry |= {name: reader.text() for name in ("event", "about")}
    if flags & 1:
        entry["id"] = reader.text()
        for name in ("row_version", "units", "created_ms", "lease_end_ms", "worst_end_ms",
                     "ended_ms"):
            entry[name] = reader.i64()
        entry |= {name: reader.text() for name in ("state", "end_reason", "team")}
    if flags & 2:
        for name in ("subject", "project", "version", "origin", "client_token"):
            entry[name] = reader.text()
        entry |= {name: reader.i64() for name in ("min_units", "max_units")}
    journaled = {name: reader.text() for name in ("actor", "request_id", "policy", "why")}
    if reader.data:
        raise ValueError("an entry is too long")
    return entry, journaled


def lease_from(row, entry):
    """From when its lease counts after that entry; `row` as the one before left it."""
    if entry["team"] == UNASSIGNED:
        return 0
    if not row:
        return entry["created_ms"]
    return entry["at_ms"] if row["team"] == UNASSIGNED else row["lease_from_ms"]


def check_chain(db):
    """The state of each reservation after its last entry, and how many entries there are."""
    rows, previous, count = {}, bytes(32), 0
    for number, digest, data in db.execute(
            "SELECT number, hash, entry FROM journal ORDER BY number"):
        count += 1
        previous = hashlib.sha256(previous + data).digest()
        entry, _ = decode(data)
        if (number, entry["number"], digest) != (count, count, previous):
            raise ValueError(f"entry {count} is broken")
        if "id" in entry:
            row = rows.setdefault(entry["id"], {})
            entry["lease_from_ms"] = lease_from(row, entry)
            row.update(entry)
    return rows, count


def check_rows(db, rows):
    db.row_factory = sqlite3.Row
    seen = 0
    for row in db.execute("SELECT * FROM reservation"):
        seen += 1
        for name, value in rows[row["id"]].items():
            if name not in ("number", "at_ms", "event", "about") and row[name] != value:
                raise ValueError(f"{row['id']}: {name} is {row[name]}, expected {value}")
    if seen != len(rows):
        raise ValueError(f"{seen} rows, the journal tells of {len(rows)}")


def check_balances(db, rows):
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for row in rows.values():
        if row["state"] in ("CLOSED", "VOID"):
            continue
        reserved = row["state"] in ("PENDING", "UNCERTAIN")
        for scope in ("", row["team"]):
            sums[scope][reserved] += row["units"]
            sums[scope][2 + reserved] += 1
    seen = {row[0]: list(row)[1:] for row in db.execute(
        "SELECT scope, used_units, reserved_units, used_models, reserved_models FROM balance")}
    for scope in seen.keys() | sums.keys():
        if seen.get(scope, [0, 0, 0, 0]) != sums[scope]:
            raise ValueError(f"balance of '{scope}': {seen.get(scope)}, expected {sums[scope]}")


def check_settled(db, rows):
    sums = collections.Counter()
    for row in rows.values():
        begin, end = row["created_ms"], row["ended_ms"]
        if row["state"] != "CLOSED":
            continue
        for scope in ("", row["team"]):
            for span, length in ((0, QUARTER_MS), (1, DAY_MS)):
                for bucket in range(begin // length, (end + length - 1) // length):
                    overlap = min(end, (bucket + 1) * length) - max(begin, bucket * length)
                    sums[scope, span, bucket] += row["units"] * overlap
    seen = collections.Counter({tuple(row)[:3]: row[3] for row in db.execute(
        "SELECT scope, span, bucket, unit_ms FROM settled")})
    if +seen != +sums:
        raise ValueError(f"settled unit-time differs: {(+seen - +sums) or (+sums - +seen)}")


def main():
    db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    db.execute("BEGIN")  # one snapshot: a gateway may change it meanwhile
    try:
        rows, count = check_chain(db)
        check_rows(db, rows)
        check_balances(db, rows)
        check_settled(db, rows)
    except (ValueError, KeyError) as error:
        sys.exit(f"check_journal: {error!r}")
    print(f"good: {count} entries")


if __name__ == "__main__":
    main()
