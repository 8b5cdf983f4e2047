/*
 * What a database has to offer to carry the ledger: sessions, transactions and point statements.
 *
 * The order of a reservation, compare-and-set, balances, group commit and rule 8 are written once
 * above this (ledger_logic.c, ledger_writer.c); a backend decides nothing. Every function MUST be
 * there unless its comment says MAY. All return 0 or a negative error_code, where not told
 * otherwise: ERROR_INVALID  a constraint of the schema refused the write: a bug of ours, not of the
 * disk ERROR_NOMEM    out of memory ERROR_IO       everything else A session is used by one thread
 * at a time. tests/ledger/contract.h is the suite to pass.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_BACKEND_H
#define LOOKOUT_LEDGER_LEDGER_BACKEND_H

#include "gateway/ledger/ledger.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"
#include "policy/quota.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_META_MAX      1024 /* bytes of a remembered setting */
#define LEDGER_ACCOUNT_SCOPE ""   /* the balance of the whole account; no team has this name */

struct ledger_store;   /* the database as one opened ledger sees it; defined by the backend */
struct ledger_session; /* one connection, with its statements prepared; defined by the backend */

enum ledger_access {
    LEDGER_READ, /* sees what is committed, and only that */
    LEDGER_WRITE /* at most one exists at a time */
};

struct ledger_key {
    unsigned char fingerprint[LEDGER_FINGERPRINT_LEN];
    struct reservation row; /* the row that the key names */
};

#define LEDGER_JOURNAL_HASH_LEN 32

/* The last entry of the journal; all zero before the first. */
struct ledger_journal_head {
    int64_t number;
    unsigned char hash[LEDGER_JOURNAL_HASH_LEN];
};

/* How long the buckets are that settled unit-time is summed up in. */
enum ledger_span { LEDGER_QUARTERS, LEDGER_DAYS };
#define LEDGER_QUARTER_MS INT64_C(900000)
#define LEDGER_DAY_MS     INT64_C(86400000)
static inline int64_t ledger_span_ms(enum ledger_span span)
{
    return span == LEDGER_QUARTERS ? LEDGER_QUARTER_MS : LEDGER_DAY_MS;
}

/* What a live row means for unit-time. */
struct ledger_live_time {
    int64_t units, created_ms, worst_end_ms;
};
typedef int ledger_live_time_fn(void *context, const char *team, const struct ledger_live_time *row,
                                struct error *err);

/* What a row means for a report. Strings are borrowed for the time of the call. */
struct ledger_used {
    const char *team, *project, *version, *subject;
    int64_t units, created_ms;
    int64_t ended_ms; /* of one that does not live */
    bool live;
};
typedef int ledger_used_fn(void *context, const struct ledger_used *row, struct error *err);

/* Visitors of a whole ledger; what they are given is borrowed for the time of the call. */
typedef int ledger_entry_fn(void *context, const struct ledger_journal_head *head,
                            const unsigned char *entry, size_t len, struct error *err);
typedef int ledger_row_fn(void *context, const struct reservation *row, struct error *err);
typedef int ledger_usage_fn(void *context, const char *scope, const struct quota_usage *usage,
                            struct error *err);
typedef int ledger_settled_fn(void *context, const char *scope, enum ledger_span span,
                              int64_t bucket, int64_t unit_ms, struct error *err);

struct ledger_backend {
    /*
     * A connect that finds no other session of this store MUST see what a restart of the process
     * would find, no more and no less: rule 8 rests on it.
     */
    int (*connect)(struct ledger_store *store, enum ledger_access access,
                   struct ledger_session **out, struct error *err);
    /* Rolls back what is open. MUST write nothing else. Accepts NULL, sets NULL. */
    void (*disconnect)(struct ledger_session **session);
    /* MAY be NULL. The last call on the write session of a clean close, no other being connected.
     */
    void (*tidy)(struct ledger_session *session);
    /*
     * One bit beside the database that outlives the process (ledger_mark_gap). MUST be durable when
     * this returns, and SHOULD need no space on the disk.
     */
    int (*set_gap)(struct ledger_store *store, bool gap, struct error *err);
    bool (*has_gap)(const struct ledger_store *store);
    /* Gives up the exclusive hold of the database. Accepts NULL, sets NULL. */
    void (*close)(struct ledger_store **store);

    /*
     * Write session only. Takes the right to write at once; what it then reads can't change.
     * `durable` false: its commit MAY leave out the sync. Then it is seen at once and survives the
     * process, and a loss of power MAY undo it and what came after it, up to the next durable
     * commit; that one MUST make all before it durable, too.
     */
    int (*begin)(struct ledger_session *session, bool durable, struct error *err);
    /* 0 = as durable as begin was told. On an error nothing is known (rule 8). */
    int (*commit)(struct ledger_session *session, struct error *err);
    /*
     * In a durable transaction of the write session; after a commit that failed, and in the first
     * of a process. All that is committed and seen MUST be on the disk then, whatever syncs failed
     * before. ERROR_RETRY: nothing may be written now; ERROR_IO: it failed.
     */
    int (*settle_log)(struct ledger_session *session, struct error *err);
    /*
     * Likewise: the commit of this transaction MUST be one that writes, though nothing is changed.
     * What stands in the log unseen by this session MUST NOT come back after it.
     */
    int (*touch)(struct ledger_session *session, struct error *err);
    /* MUST leave no transaction open, also where a failed statement has ended it already. */
    void (*rollback)(struct ledger_session *session);
    /* Read session only: what is read between the two is as of one instant. */
    int (*begin_snapshot)(struct ledger_session *session, struct error *err);
    void (*end_snapshot)(struct ledger_session *session);

    /* Reads, for both kinds of session. ERROR_NOT_FOUND where there is none. */
    int (*get_row)(struct ledger_session *session, const char *id, struct reservation *out,
                   struct error *err);
    int (*get_live)(struct ledger_session *session, const char *project, const char *version,
                    struct reservation *out, struct error *err);
    int (*get_key)(struct ledger_session *session, const char *team, const char *key,
                   struct ledger_key *out, struct error *err);
    int (*get_meta)(struct ledger_session *session, const char *name,
                    char value[LEDGER_META_MAX + 1], struct error *err);
    /* The latest stop_doubt_ms of all rows of a model, whatever their state; 0 = none. */
    int (*get_stop_doubt)(struct ledger_session *session, const char *project, const char *version,
                          int64_t *doubt_ms, struct error *err);
    /* Both balances as of one instant; zeros where nothing was ever held. `team` NULL: one only. */
    int (*get_usage)(struct ledger_session *session, const char *team, struct quota_usage *account,
                     struct quota_usage *of_team, struct error *err);
    /* Visits the live rows of a team, or of all (NULL), until one visit fails: with its code. */
    int (*each_live_time)(struct ledger_session *session, const char *team,
                          ledger_live_time_fn *visit, void *context, struct error *err);
    /* The sum of the buckets from <= bucket < until; 0 where there are none. */
    int (*sum_settled)(struct ledger_session *session, const char *scope, enum ledger_span span,
                       int64_t from, int64_t until, int64_t *unit_ms, struct error *err);
    /*
     * Visits the rows of a team, or of all (NULL), that live or are CLOSED and overlap [from,
     * until), until one visit fails: with its code. All of one instant.
     */
    int (*each_used)(struct ledger_session *session, const char *team, int64_t from_ms,
                     int64_t until_ms, ledger_used_fn *visit, void *context, struct error *err);
    /* The freeze that a start of this team meets: everybody's, or its own. */
    int (*get_freeze)(struct ledger_session *session, const char *team, struct ledger_freeze *out,
                      struct error *err);
    /* In the order of teams, everybody's first; up to `capacity`. */
    int (*list_freezes)(struct ledger_session *session, struct ledger_freeze *out, size_t capacity,
                        size_t *count, struct error *err);
    int (*get_journal_head)(struct ledger_session *session, struct ledger_journal_head *out,
                            struct error *err);
    /* As ledger_list_live. */
    int (*list_live)(struct ledger_session *session, const struct ledger_filter *filter,
                     const char *after_id, struct reservation *rows, size_t capacity, size_t *count,
                     struct error *err);

    /*
     * The whole ledger, for those who check or copy it: each visits all, in the order of entries'
     * numbers (those after `after`), of rows' coming and of scopes, until one visit fails: with its
     * code.
     */
    int (*each_entry)(struct ledger_session *session, int64_t after, ledger_entry_fn *visit,
                      void *context, struct error *err);
    int (*each_row)(struct ledger_session *session, ledger_row_fn *visit, void *context,
                    struct error *err);
    int (*each_usage)(struct ledger_session *session, ledger_usage_fn *visit, void *context,
                      struct error *err);
    int (*each_settled)(struct ledger_session *session, ledger_settled_fn *visit, void *context,
                        struct error *err);

    /* Writes, inside a transaction. */
    int (*insert_row)(struct ledger_session *session, const struct reservation *row,
                      struct error *err);
    /* Makes `before` into `after`. ERROR_CONFLICT where its row_version is no longer before's. */
    int (*update_row)(struct ledger_session *session, const struct reservation *before,
                      const struct reservation *after, struct error *err);
    /* Makes the key name that row, whatever it named before. */
    int (*put_key)(struct ledger_session *session, const char *team, const char *key,
                   const unsigned char fingerprint[LEDGER_FINGERPRINT_LEN], const char *id,
                   struct error *err);
    int (*put_meta)(struct ledger_session *session, const char *name, const char *value,
                    struct error *err);
    /* Adds `delta` to the balance of a team or of LEDGER_ACCOUNT_SCOPE; never below zero. */
    int (*add_usage)(struct ledger_session *session, const char *scope,
                     const struct quota_usage *delta, struct error *err);
    /* Adds `unit_ms`, which may be negative, to a bucket (its start / the span's length). */
    int (*add_settled)(struct ledger_session *session, const char *scope, enum ledger_span span,
                       int64_t bucket, int64_t unit_ms, struct error *err);
    int (*put_freeze)(struct ledger_session *session, const struct ledger_freeze *freeze,
                      struct error *err);
    /* ERROR_NOT_FOUND where that team has none of its own. */
    int (*delete_freeze)(struct ledger_session *session, const char *team, struct error *err);
    /* `head` is the new one. Its number MUST be free, or ERROR_INVALID. */
    int (*append_entry)(struct ledger_session *session, const struct ledger_journal_head *head,
                        const void *entry, size_t len, struct error *err);
    /*
     * Forgets the keys of up to `limit` rows that are not live and were closed before `before_ms`.
     * `*rows` = how many rows that were (`limit`: there may be more), `*keys` = keys forgotten.
     */
    int (*forget_keys)(struct ledger_session *session, int64_t before_ms, size_t limit,
                       size_t *rows, size_t *keys, struct error *err);
};

/*
 * ledger_open above a backend that is open: takes over `*store` and sets it NULL, also on failure.
 */
int ledger_open_on(const struct ledger_backend *backend, struct ledger_store **store,
                   const struct ledger_settings *settings, struct ledger **out, struct error *err)
    __attribute__((warn_unused_result));

#endif
