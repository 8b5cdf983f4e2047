/* The schema of the SQLite ledger. A step that was released is never edited: append another. */
#include "gateway/ledger/ledger_sqlite_schema.h"

#include <stddef.h>

/*
 * reservation: a rowid table, so that rows lie in the order of their coming, in it and in every
 * index that lists: what is young shares a few pages, and a commit writes few however many rows
 * there are. `live` repeats what `state` says because it changes seldom: an update touches only the
 * indexes whose columns it names. keys_kept: the row may have keys, to be forgotten some time after
 * it closed.
 *
 * The checks spell lists out: for IN with more than two values SQLite builds a b-tree at every row
 * it writes, which took a quarter of the instructions of a start.
 *
 * balance: what the rows sum up to, for the account (scope '') and each team, kept in the same
 * transaction, so that a decision costs the same with ten rows and with a million.
 *
 * settled: the unit-time of the closed rows of a scope, by buckets of a quarter-hour (span 0) and
 * of a day of UTC (span 1); ledger_unit_time.h. freeze: who may start nothing, team '' = nobody
 * may. journal: ledger_journal.h.
 */
static const char version_3[] =
    "CREATE TABLE meta ("
    "  name TEXT NOT NULL PRIMARY KEY,"
    "  value TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE balance ("
    "  scope TEXT NOT NULL PRIMARY KEY,"
    "  used_units INTEGER NOT NULL CHECK (used_units >= 0),"
    "  reserved_units INTEGER NOT NULL CHECK (reserved_units >= 0),"
    "  used_models INTEGER NOT NULL CHECK (used_models >= 0),"
    "  reserved_models INTEGER NOT NULL CHECK (reserved_models >= 0)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE reservation ("
    "  number INTEGER PRIMARY KEY,"
    "  id TEXT NOT NULL UNIQUE,"
    "  row_version INTEGER NOT NULL,"
    "  state TEXT NOT NULL CHECK (state = 'PENDING' OR state = 'ACTIVE' OR state = 'CLOSED'"
    "    OR state = 'VOID' OR state = 'UNCERTAIN' OR state = 'STOPPING'),"
    "  live INTEGER NOT NULL CHECK (live = (state <> 'CLOSED' AND state <> 'VOID')),"
    "  keys_kept INTEGER NOT NULL DEFAULT 1 CHECK (keys_kept IN (0, 1)),"
    "  origin TEXT NOT NULL CHECK (origin = 'start' OR origin = 'drift'),"
    "  team TEXT NOT NULL CHECK (team <> ''),"
    "  subject TEXT NOT NULL,"
    "  project TEXT NOT NULL,"
    "  version TEXT NOT NULL,"
    "  min_units INTEGER NOT NULL,"
    "  max_units INTEGER NOT NULL,"
    "  units INTEGER NOT NULL CHECK (units >= 1),"
    "  client_token TEXT NOT NULL,"
    "  body BLOB NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  lease_from_ms INTEGER NOT NULL,"
    "  lease_end_ms INTEGER NOT NULL,"
    "  worst_end_ms INTEGER NOT NULL,"
    "  warned_ms INTEGER NOT NULL,"
    "  first_send_ms INTEGER NOT NULL,"
    "  last_send_ms INTEGER NOT NULL,"
    "  accepted_ms INTEGER NOT NULL,"
    "  seen_running_ms INTEGER NOT NULL,"
    "  not_running_ms INTEGER NOT NULL,"
    "  observed_ms INTEGER NOT NULL,"
    "  unobserved INTEGER NOT NULL CHECK (unobserved IN (0, 1)),"
    "  stop_asked_ms INTEGER NOT NULL,"
    "  stop_token TEXT NOT NULL,"
    "  stop_sent_ms INTEGER NOT NULL,"
    "  stop_accepted_ms INTEGER NOT NULL,"
    "  stop_doubt_ms INTEGER NOT NULL,"
    "  ended_ms INTEGER NOT NULL,"
    "  closed_ms INTEGER NOT NULL,"
    "  end_reason TEXT NOT NULL,"
    "  status TEXT NOT NULL,"
    "  refusal_status INTEGER NOT NULL,"
    "  refusal_type TEXT NOT NULL,"
    "  refusal_message TEXT NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX reservation_live ON reservation (project, version) WHERE live = 1;"
    "CREATE INDEX reservation_by_team ON reservation"
    "  (team, number, units, created_ms, worst_end_ms) WHERE live = 1;"
    "CREATE INDEX reservation_by_state ON reservation (state) WHERE live = 1;"
    "CREATE INDEX reservation_by_lease ON reservation (lease_end_ms) WHERE live = 1;"
    "CREATE INDEX reservation_doubt ON reservation (project, version, stop_doubt_ms)"
    "  WHERE stop_doubt_ms > 0;"
    "CREATE INDEX reservation_ended ON reservation (ended_ms, created_ms)"
    "  WHERE live = 0 AND ended_ms > 0;"
    "CREATE INDEX reservation_finished ON reservation (closed_ms)"
    "  WHERE live = 0 AND keys_kept = 1;"

    "CREATE TABLE settled ("
    "  scope TEXT NOT NULL,"
    "  span INTEGER NOT NULL CHECK (span = 0 OR span = 1),"
    "  bucket INTEGER NOT NULL,"
    "  unit_ms INTEGER NOT NULL CHECK (unit_ms >= 0),"
    "  PRIMARY KEY (scope, span, bucket)"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE freeze ("
    "  team TEXT NOT NULL PRIMARY KEY,"
    "  reason TEXT NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  since_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"

    "CREATE TABLE journal ("
    "  number INTEGER PRIMARY KEY,"
    "  hash BLOB NOT NULL,"
    "  entry BLOB NOT NULL"
    ") STRICT;"

    "CREATE TABLE idempotency_key ("
    "  team TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),"
    "  reservation INTEGER NOT NULL REFERENCES reservation (number),"
    "  PRIMARY KEY (team, key)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX idempotency_key_reservation ON idempotency_key (reservation);";

const char *const ledger_sqlite_migrations[] = {version_3, NULL};
