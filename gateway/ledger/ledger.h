/*
 * The ledger: the durable truth about who holds what. Written before AWS hears of anything, changed
 * only by compare-and-set, and never by two at once.
 *
 * One writer thread runs all changes; those that wait together are committed in one transaction
 * (group commit). Reads use connections of their own and see what is committed. The contract that
 * every backend passes is tests/ledger/.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_H
#define LOOKOUT_LEDGER_LEDGER_H

#include "gateway/ledger/reservation.h"
#include "policy/earliest.h"
#include "policy/error.h"
#include "policy/quota.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_KEY_MAX         64
#define LEDGER_FINGERPRINT_LEN 32

struct ledger;

struct ledger_settings {
    const char *path;     /* of the SQLite file; its folder must exist */
    const char *endpoint; /* rule 9: what the ledger is pinned to */
    const char *region;
};

/*
 * Opens or creates the ledger and starts its writer. Of the journal only the last entry is read, to
 * go on from it: so a ledger of ten million entries opens as soon as an empty one. That all of it
 * is sound, ledger_verify.h tells. ERROR_REFUSED when another process holds it, when it is pinned
 * to another endpoint or region, or when its schema is newer than ours; the message names both
 * values and what to do. ERROR_IO when the file can't be made safe (WAL or synchronous=FULL did not
 * take).
 */
int ledger_open(const struct ledger_settings *settings, struct ledger **out, struct error *err)
    __attribute__((warn_unused_result));
/* Lets the writer finish what is queued, then closes. */
void ledger_close(struct ledger **ledger);

/*
 * Rule 9: remembers the account on the first call, compares on each later one. ERROR_REFUSED where
 * it differs: every row would be judged by another account's models.
 */
int ledger_pin_account(struct ledger *ledger, const char *account, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Says, beside the record, that the record has a gap: something is done which it could not take. It
 * outlives the process, and is written where the disk is full and the ledger can't be. ERROR_IO
 * where that could not be written either.
 */
int ledger_mark_gap(struct ledger *ledger, bool gap, struct error *err)
    __attribute__((warn_unused_result));
bool ledger_has_gap(struct ledger *ledger);

/*
 * Why a change is made: goes into the journal (ledger_journal.h). Strings are borrowed, NULL is "",
 * and what is longer than LEDGER_CAUSE_MAX is cut.
 */
#define LEDGER_CAUSE_MAX 512
struct ledger_cause {
    int64_t at_ms;          /* wall; of the change, by whoever makes it */
    const char *actor;      /* the subject of the token, or "gateway" */
    const char *request_id; /* "" = none */
    const char *policy;     /* digest of the policy in force; "" = none */
    const char *why;        /* "start", "lease ended", "observed", a human's reason, ... */
};

/*
 * Decides inside the writer's transaction, with the books that this very transaction sees; must be
 * pure and quick. An error is the answer of the call, and nothing is written.
 */
typedef int ledger_decide_fn(void *context, const struct quota_books *books, bool *admitted,
                             struct error *err);

struct ledger_reserve {
    /* The row to insert, complete but for row_version; state PENDING. */
    struct reservation row;
    const char *key; /* idempotency key, 1 to LEDGER_KEY_MAX bytes, or NULL */
    unsigned char fingerprint[LEDGER_FINGERPRINT_LEN];
    int64_t now_ms;   /* wall */
    int64_t quiet_ms; /* rule 6: how long an unknown stop fences the model */
    bool dry_run;     /* decide and report, write nothing */
    ledger_decide_fn *decide;
    void *decide_context;
    struct ledger_cause cause;
};

/* Starts that an administrator forbids, of one team or of everybody. */
struct ledger_freeze {
    char team[RESERVATION_TEAM_MAX + 1]; /* "" = everybody */
    char reason[LEDGER_CAUSE_MAX + 1];
    char actor[RESERVATION_SUBJECT_MAX + 1];
    int64_t since_ms; /* wall */
};
/* As many as a policy has teams, and everybody's. */
#define LEDGER_FREEZES_MAX 1001

enum ledger_reserve_outcome {
    LEDGER_RESERVED,   /* inserted and durable (or, on a dry run, would be) */
    LEDGER_REPLAY,     /* the key is known: its row, whatever its state; nothing written */
    LEDGER_KEY_REUSED, /* the key is known with another fingerprint; its row */
    LEDGER_HELD,       /* a live row holds the model: that row. Where team, MinInferenceUnits and
                          MaxInferenceUnits are the same and it is not STOPPING, the key is attached to
                          it, so that a repeat is a replay */
    LEDGER_FENCED,     /* rule 6: `fence_until_ms` says until when */
    LEDGER_FROZEN,     /* an administrator forbids starts: `freeze` says why */
    LEDGER_REFUSED     /* decide said no; nothing written */
};

struct ledger_reserve_result {
    enum ledger_reserve_outcome outcome;
    struct reservation row; /* for all but FENCED, FROZEN and REFUSED */
    int64_t fence_until_ms; /* wall */
    struct ledger_freeze freeze;
};

/*
 * The atomic step: known key -> model held -> fence -> freeze -> decide -> insert, in that order. A
 * key whose row is VOID for a reason that re-arms is treated as unknown, and then names the new
 * row. Errors: ERROR_RETRY = proven not written (answer 503); ERROR_UNCERTAIN = the commit failed
 * and the row is there or can't be looked for (answer 504; never send). Rule 8.
 */
int ledger_reserve(struct ledger *ledger, const struct ledger_reserve *request,
                   struct ledger_reserve_result *out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Writes the whole row if row_version is still what `row` says and the state machine has the edge;
 * on success row->row_version is the new one. Identity, client token and body never change; units
 * only grow, and the team changes only from RESERVATION_TEAM_UNASSIGNED; then lease_from_ms becomes
 * the cause's at_ms, and changes no more. ERROR_CONFLICT: somebody was first (read again);
 * ERROR_INVALID: no such edge, or something that is fixed differs (a bug); ERROR_NOT_FOUND: no such
 * row; ERROR_REFUSED: a finished row can't be reopened, because another one holds the model now;
 * ERROR_RETRY and ERROR_UNCERTAIN as above.
 */
int ledger_update(struct ledger *ledger, struct reservation *row, const struct ledger_cause *cause,
                  struct error *err) __attribute__((warn_unused_result));

/*
 * As ledger_update, for the one change that needs no sync of its own: PENDING to ACTIVE, because
 * the start was accepted (any other is ERROR_INVALID). It is seen at once and survives the
 * process. A loss of power may undo it; the row is PENDING then, and recovery asks AWS (it counts,
 * is looked after and may be sent again with its token, as after a crash before the settling).
 * What is committed after it never survives without it.
 */
int ledger_settle(struct ledger *ledger, struct reservation *row, const struct ledger_cause *cause,
                  struct error *err) __attribute__((warn_unused_result));

/* A lease that is to end at another time. */
struct ledger_lease {
    const char *id;
    int64_t row_version;
    int64_t lease_end_ms, worst_end_ms;
    int64_t now_ms; /* wall */
    bool dry_run;   /* decide and report, write nothing */
    ledger_decide_fn *decide;
    void *decide_context;
    struct ledger_cause cause;
};
/*
 * Changes the lease's end and, with it, what is reserved. Only where the lease is to end later, or
 * more is to be reserved, is `decide` asked, in the same transaction. `*admitted` false: nothing
 * was written. `row` is the row as it is afterwards (on a dry run: would be), and may be the one
 * that `lease->id` points into. ERROR_CONFLICT, ERROR_NOT_FOUND, ERROR_RETRY and ERROR_UNCERTAIN as
 * ledger_update; ERROR_REFUSED: rule 5, a lease grows only for an ACTIVE row, and one that is
 * STOPPING or finished has none.
 */
int ledger_change_lease(struct ledger *ledger, const struct ledger_lease *lease, bool *admitted,
                        struct reservation *row, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Rule 12: inserts a row of origin DRIFT for a model that was found running, ACTIVE at once. On
 * success row->row_version is 1. ERROR_CONFLICT: a live row holds the model.
 */
int ledger_adopt(struct ledger *ledger, struct reservation *row, const struct ledger_cause *cause,
                 struct error *err) __attribute__((warn_unused_result));

/*
 * Forbids starts, or (`on` false) allows them again. A second freeze of the same team replaces the
 * first. ERROR_NOT_FOUND: that team was not frozen by itself; ERROR_RETRY and ERROR_UNCERTAIN as
 * above.
 */
int ledger_set_freeze(struct ledger *ledger, const struct ledger_freeze *freeze, bool on,
                      const struct ledger_cause *cause, struct error *err)
    __attribute__((warn_unused_result));
/* The freeze that concerns a team: its own, or everybody's. ERROR_NOT_FOUND: it may start. */
int ledger_find_freeze(struct ledger *ledger, const char *team, struct ledger_freeze *out,
                       struct error *err) __attribute__((warn_unused_result));
int ledger_list_freezes(struct ledger *ledger, struct ledger_freeze *out, size_t capacity,
                        size_t *count, struct error *err) __attribute__((warn_unused_result));

/*
 * An entry of the journal without a change: a warning, a policy that was loaded. `event` is a word
 * of at most 64 bytes; `about` names a team, `id` a reservation, and each may be NULL.
 */
int ledger_note(struct ledger *ledger, const char *event, const char *about, const char *id,
                const struct ledger_cause *cause, struct error *err)
    __attribute__((warn_unused_result));

/* Reads return ERROR_NOT_FOUND where there is none, ERROR_IO or ERROR_NOMEM where none can be made.
 */
int ledger_get(struct ledger *ledger, const char *id, struct reservation *out, struct error *err)
    __attribute__((warn_unused_result));
/* The live row of a model; from memory where it was asked before and has not changed since. */
int ledger_find_live(struct ledger *ledger, const char *project, const char *version,
                     struct reservation *out, struct error *err)
    __attribute__((warn_unused_result));
/*
 * What ledger_reserve would say of a key alone: LEDGER_REPLAY or LEDGER_KEY_REUSED with its row, or
 * ERROR_NOT_FOUND (also for one that re-arms). For answering a repeat before anything is resolved.
 */
int ledger_find_key(struct ledger *ledger, const char *team, const char *key,
                    const unsigned char fingerprint[LEDGER_FINGERPRINT_LEN],
                    struct ledger_reserve_result *out, struct error *err)
    __attribute__((warn_unused_result));

/* Which live rows are wanted; all zero = every one. */
struct ledger_filter {
    const char *team;        /* NULL = of all teams */
    const char *project;     /* NULL = of all projects */
    unsigned states;         /* bits 1u << enum reservation_state; 0 = all live states */
    int64_t lease_before_ms; /* lease_end_ms at or before this; 0 = any */
};

/*
 * Live rows in the order of their coming: up to `capacity` of those after `after_id` ("" to begin;
 * that row itself need not be live any more).
 * `*count` less than capacity = that was the last page. Must not scan what the filter leaves out:
 * the reconciler asks for a few states among many thousand ACTIVE rows, every few seconds.
 */
int ledger_list_live(struct ledger *ledger, const struct ledger_filter *filter,
                     const char *after_id, struct reservation *rows, size_t capacity, size_t *count,
                     struct error *err) __attribute__((warn_unused_result));

/* What the account and one team (NULL: only the account) hold now. */
int ledger_usage(struct ledger *ledger, const char *team, struct quota_usage *account,
                 struct quota_usage *of_team, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Calls `read` with the books that a decision of this team would get now, all as of one instant,
 * and returns its code. `team` may be NULL: only the account's. `now_ms`: wall, up to which live
 * rows count as used.
 */
typedef int ledger_books_fn(void *context, const struct quota_books *books, struct error *err);
int ledger_with_books(struct ledger *ledger, const char *team, int64_t now_ms,
                      ledger_books_fn *read, void *context, struct error *err)
    __attribute__((warn_unused_result));

/*
 * When what is held will end at the latest, for policy_find_earliest: the first `capacity` of all
 * live rows, and at most LEDGER_RELEASES_MAX, in the order of their worst ends. Of what nobody
 * asked for (team _unassigned) nobody knows an end: it is left out. Where there are thousands of
 * live rows it may be as of a second ago. What is held behind the first makes an answer later,
 * never earlier.
 */
#define LEDGER_RELEASES_MAX 1024
int ledger_list_releases(struct ledger *ledger, const char *team, struct quota_release *out,
                         size_t capacity, size_t *count, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Rule 11: forgets keys whose row was closed before `before_ms`. `forgotten` may be NULL. It always
 * writes something, so whoever calls it from time to time also finds out when a ledger that could
 * not be written can be written again.
 */
int ledger_forget_keys(struct ledger *ledger, int64_t before_ms, size_t *forgotten,
                       struct error *err) __attribute__((warn_unused_result));

/* False from a failed write until the next one that succeeds: for readiness. */
bool ledger_is_writable(const struct ledger *ledger);

/* Since open: transactions committed and changes in them (their quotient is the group's size). */
void ledger_counters(const struct ledger *ledger, int64_t *commits, int64_t *changes);

#endif
