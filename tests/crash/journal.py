"""The journal as gateway/ledger/ledger_journal.h describes it, read by nothing but that."""

import hashlib
import struct

LIVE = ("PENDING", "UNCERTAIN", "ACTIVE", "STOPPING")
NAMES_ROW, TELLS_IDENTITY = 1, 2
ROW_NUMBERS = ("row_version", "units", "created_ms", "lease_end_ms", "worst_end_ms", "ended_ms")


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def number(self, form):
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        length = self.number(">H")
        self.at += length
        return self.data[self.at - length:self.at].decode()


def decode(data):
    """An entry as a dictionary; ValueError where it is none."""
    reader = Reader(data)
    if reader.number(">B") != 1:
        raise ValueError("not of format 1")
    flags = reader.number(">B")
    entry = {"number": reader.number(">q"), "at_ms": reader.number(">q"), "event": reader.text(),
             "about": reader.text(), "row": None}
    if flags & NAMES_ROW:
        row = {"id": reader.text()}
        row.update((name, reader.number(">q")) for name in ROW_NUMBERS)
        row.update((name, reader.text()) for name in ("state", "end_reason", "team"))
        entry["row"] = row
    if flags & TELLS_IDENTITY:
        for name in ("subject", "project", "version", "origin", "client_token"):
            entry["row"][name] = reader.text()
        entry["row"].update(min_units=reader.number(">q"), max_units=reader.number(">q"))
    for name in ("actor", "request_id", "policy", "why"):
        entry[name] = reader.text()
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes too many")
    return entry


def read(records):
    """The entries of (number, hash, bytes) in order, and what is wrong with the chain."""
    entries, wrong, before = [], [], bytes(32)
    for expected, (number, digest, data) in enumerate(records, 1):
        before = hashlib.sha256(before + data).digest()
        try:
            entry = decode(data)
        except (ValueError, struct.error) as error:
            wrong.append(f"entry {number} is unreadable: {error}")
            break
        if number != expected or entry["number"] != expected:
            wrong.append(f"entry {number} stands where {expected} has to be")
        if digest != before:
            wrong.append(f"the hash of entry {number} is not that of the chain")
        if wrong:
            break
        entries.append(entry)
    return entries, wrong


def differing(entries, rows):
    """Rows that are not as the journal's last word of them; both ways."""
    last = {entry["row"]["id"]: entry["row"] for entry in entries if entry["row"]}
    wrong = [f"reservation {row_id} is not in the journal" for row_id in rows if row_id not in last]
    for row_id, told in last.items():
        row = rows.get(row_id)
        if row is None:
            wrong.append(f"the journal tells of {row_id}, which the ledger has not")
            continue
        wrong += [f"{name} of {row_id} is {row[name]}, the journal says {value}"
                  for name, value in told.items() if row[name] != value]
    return wrong


def worst_held(entries):
    """For each team, and "" for the account, the most units that were held after any entry."""
    held, worst = {}, {}
    for entry in entries:
        row = entry["row"]
        if row is None:
            continue
        held[row["id"]] = (row["team"], row["units"] if row["state"] in LIVE else 0)
        sums = {"": 0}
        for team, units in held.values():
            sums[team] = sums.get(team, 0) + units
            sums[""] += units
        for scope, units in sums.items():
            worst[scope] = max(worst.get(scope, 0), units)
    return worst
