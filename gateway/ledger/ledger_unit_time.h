/*
 * Unit-time: what rows have used and may still use, in unit-milliseconds, by scope (a team, or the
 * account) and interval.
 *
 * A row that is CLOSED used units x [created, ended): that is settled, and kept in sums by
 * quarter-hour and by day of UTC, so that any window is a few sums, however many rows there were
 * (every window's bounds lie on quarter-hours). A live row is not in the sums: it has used units x
 * [created, now) and reserves units x [now, worst end). A VOID one used nothing.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_UNIT_TIME_H
#define LOOKOUT_LEDGER_LEDGER_UNIT_TIME_H

#include "gateway/ledger/ledger_backend.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"
#include "policy/quota.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The sums of windows that decisions asked for, as the writer remembers them: a month is some two
 * hundred buckets, and each start of a team asks for the same few windows. Every settling moves
 * them along with the buckets; they are forgotten with a transaction that is undone.
 */
#define LEDGER_WINDOWS_MAX 256
struct ledger_windows {
    size_t count;
    size_t next; /* whose place the next one takes, once all are taken */
    struct ledger_window {
        char scope[RESERVATION_TEAM_MAX + 1];
        int64_t from, until; /* quarter-hours */
        int64_t unit_ms;
    } of[LEDGER_WINDOWS_MAX];
};
void ledger_windows_forget(struct ledger_windows *windows);

/* In a transaction: moves the sums from what `before` (NULL: none) settled to what `after` does. */
int ledger_unit_time_settle(const struct ledger_backend *backend, struct ledger_session *session,
                            struct ledger_windows *windows, const struct reservation *before,
                            const struct reservation *after, struct error *err)
    __attribute__((warn_unused_result));

/* The interval that a row has settled; false where it has settled nothing. */
bool ledger_unit_time_settled(const struct reservation *row, int64_t *from_ms, int64_t *until_ms);

/* How long [a, b) and [from, until) overlap. */
int64_t ledger_unit_time_overlap(int64_t a_ms, int64_t b_ms, int64_t from_ms, int64_t until_ms);

struct ledger_live_times {
    bool known;
    size_t count, capacity;
    struct ledger_live_time *rows;
};

/*
 * The books of one team and of the account, as a session sees them between begin and end, or
 * within one snapshot. What costs a scan is read when it is asked for: a policy without windows
 * pays nothing for them.
 */
struct ledger_books {
    struct quota_books books; /* what a decision gets */
    const struct ledger_backend *backend;
    struct ledger_session *session;
    const char *team; /* borrowed; NULL = of no team: only the account's are there */
    int64_t now_ms;
    struct ledger_windows *windows;   /* borrowed; NULL = nothing is remembered */
    struct ledger_live_times live[2]; /* by enum quota_scope */
};

void ledger_books_open(struct ledger_books *books, const struct ledger_backend *backend,
                       struct ledger_session *session, const char *team, int64_t now_ms);
void ledger_books_close(struct ledger_books *books);

#endif
