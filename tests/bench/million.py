"""A ledger with many closed rows, made by SQL: through the gateway it would take minutes.

The journal has no entries of them, as no start reads it; `make bench-verify` has the long journals.
"""

import os
import shutil
import sqlite3
import time

HOUR_MS = 3600 * 1000

# Rows as a start, a run of an hour and a stop leave them, all in the last day: their keys are kept.
# Their ids are UUIDs of version 7 and their tokens of version 4, as the gateway makes them.
ROWS = """
WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < :rows),
made(n, created, uuid, token) AS (
  SELECT n, :now - 20 * :hour + n * 18 * :hour / :rows, lower(hex(randomblob(16))),
         lower(hex(randomblob(16))) FROM counter)
INSERT INTO reservation (id, row_version, state, live, keys_kept, team, subject, project, version,
  min_units, max_units, units, client_token, body, created_ms, origin, lease_from_ms,
  lease_end_ms, worst_end_ms,  warned_ms, first_send_ms, last_send_ms, accepted_ms, seen_running_ms, not_running_ms,
  observed_ms, unobserved, stop_asked_ms, stop_token, stop_sent_ms, stop_accepted_ms, stop_doubt_ms, ended_ms, closed_ms,
  end_reason, status, refusal_status, refusal_type, refusal_message)
SELECT substr(printf('%012x', created), 1, 8) || '-' || substr(printf('%012x', created), 9) ||
         '-7' || substr(uuid, 14, 3) || '-8' || substr(uuid, 18, 3) || '-' || substr(uuid, 21, 12),
  6, 'CLOSED', 0, 1, 'team-' || (n % 20), 'ada@example.com', 'closed-' || (n / 100), n % 100 + 1,
  1, 0, 1,
  substr(token, 1, 8) || '-' || substr(token, 9, 4) || '-4' || substr(token, 14, 3) || '-8' ||
         substr(token, 18, 3) || '-' || substr(token, 21, 12),
  CAST('{"MinInferenceUnits":1}' AS BLOB), created, 'start',
  created, created + 8 * :hour, created + 8 * :hour + 900000, 0, created, created, created + 40,
  created + 10000, created + :hour, created + :hour + 60000, 0,
  created + :hour - 5000, uuid, created + :hour - 5000, created + :hour - 4900, 0,
  created + :hour, created + :hour + 60000, :end, 'TRAINED', 0, '', ''
FROM made"""
KEYS = """
INSERT INTO idempotency_key (team, key, fingerprint, reservation)
SELECT team, client_token, randomblob(32), number FROM reservation WHERE live = 0
ORDER BY team, client_token"""


def fill(path, rows):
    """Into a ledger that a gateway has made and left. Returns seconds and the file's megabytes."""
    began = time.monotonic()
    database = sqlite3.connect(path)
    for pragma in ("synchronous = OFF", "cache_size = -1000000", "foreign_keys = ON"):
        database.execute(f"PRAGMA {pragma}")
    database.execute(ROWS, {"rows": rows, "now": int(time.time() * 1000), "hour": HOUR_MS,
                            "end": "stopped"})
    database.execute(KEYS)
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    return time.monotonic() - began, path.stat().st_size / 1e6


def make(stage, rows):
    """Two copies of such a ledger; what making took."""
    gateway = stage.start_gateway("gateway-maker")
    path = gateway.ledger
    stage.end(gateway)
    seconds, megabytes = fill(path, rows)
    copies = []
    for name in ("million-a.db", "million-b.db"):
        copies.append(stage.folder / name)
        shutil.copyfile(path, copies[-1])
    path.unlink()
    return copies, {"rows": rows, "seconds": seconds, "megabytes": megabytes}
