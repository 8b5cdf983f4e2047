/*
 * The journal: one entry for every change of the ledger, written in the change's own transaction,
 * never altered, and chained by hashes, so that whoever alters, drops or reorders one is found.
 *
 * An entry is bytes. Integers are big-endian (u8, u16, i64 in two's complement); a text is its
 * length as u16 and that many bytes of UTF-8.
 *
 *     u8    1, the format
 *     u8    flags: 1 = it names a row, 2 = it also tells the row's identity
 *     i64   number: 1, 2, 3, ... without a gap
 *     i64   at_ms: wall milliseconds, of the change
 *     text  event: "reserve", "update", "join" (a key was attached), "lease", "adopt", "freeze",
 *           "unfreeze", "policy" (one came into force), "over-limit" (what is held under it exceeds
 *           a limit), or whatever else ledger_note was given
 *     text  about: of "freeze" and "unfreeze" the team ("" = everybody), of "over-limit" the team
 *           whose limit it is ("" = the account), else what ledger_note was given, or ""
 *     with flag 1, the row as it is after the change:
 *       text  id
 *       i64   row_version, units, created_ms, lease_end_ms, worst_end_ms, ended_ms
 *       text  state, end, team
 *     with flag 2 (with row_version 1, and when the team changes), what is fixed from then on:
 *       text  subject, project, version, origin, client_token
 *       i64   min_units, max_units
 *     text  actor, request_id, policy (the first LEDGER_JOURNAL_POLICY_LEN digits of its digest),
 *           why
 *
 * From when a row's lease counts is not told: it is created_ms, or of what nobody started at_ms of
 * the entry that gives it to a team (0 before).
 *
 * hash = SHA-256(hash of the entry before || bytes of this one); before the first are 32 zeros.
 * tests/ledger/check_journal.py recomputes all of it from nothing but this description.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_JOURNAL_H
#define LOOKOUT_LEDGER_LEDGER_JOURNAL_H

#include "gateway/ledger/ledger_backend.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_JOURNAL_POLICY_LEN 16
#define LEDGER_JOURNAL_EVENT_MAX  64
#define LEDGER_ENTRY_MAX          4096 /* bytes: more than all texts at their longest */

/*
 * The end of the chain as the writer knows it, so that an append reads nothing. What a transaction
 * appended counts once it is settled as committed.
 */
struct ledger_journal {
    bool known;
    struct ledger_journal_head head;      /* with what the open transaction appended */
    struct ledger_journal_head committed; /* without it */
};

/* In a transaction, before its first change: reads the head where it is not known. */
int ledger_journal_load(struct ledger_journal *journal, const struct ledger_backend *backend,
                        struct ledger_session *session, struct error *err)
    __attribute__((warn_unused_result));
/* With the end of a transaction: committed, rolled back, or nobody knows. */
void ledger_journal_commit(struct ledger_journal *journal);
void ledger_journal_roll_back(struct ledger_journal *journal);
void ledger_journal_forget(struct ledger_journal *journal);

/* What an entry tells beside its number. */
struct ledger_entry {
    const char *event;             /* at most LEDGER_JOURNAL_EVENT_MAX bytes */
    const char *about;             /* NULL = "" */
    const struct reservation *row; /* as it is after the change, or NULL */
    bool identity;                 /* the row is new, or its team has changed */
    const struct ledger_cause *cause;
};

/* Appends the entry of one change. */
int ledger_journal_append(struct ledger_journal *journal, const struct ledger_backend *backend,
                          struct ledger_session *session, const struct ledger_entry *entry,
                          struct error *err) __attribute__((warn_unused_result));

#endif
