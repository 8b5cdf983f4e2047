/*
 * The balances as the transaction that is open sees them: each is read once, moved in memory by
 * every change, and written once before the commit. A group of fifty starts moves the account's a
 * hundred times; that it is written once saved a tenth of the writer's instructions. They are kept
 * from one transaction to the next, since only the writer changes them.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_BALANCES_H
#define LOOKOUT_LEDGER_LEDGER_BALANCES_H

#include "gateway/ledger/ledger_backend.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"
#include "policy/quota.h"

#include <stddef.h>

/* What is kept, the account's included, and a team for each change of a transaction. */
#define LEDGER_SCOPES_KEPT 257
#define LEDGER_SCOPES_MAX  (LEDGER_SCOPES_KEPT + 256)

struct ledger_balance {
    char scope[RESERVATION_TEAM_MAX + 1];
    struct quota_usage stored; /* what the database has */
    struct quota_usage now;    /* never below zero */
};

struct ledger_balances {
    size_t count;
    struct ledger_balance of[LEDGER_SCOPES_MAX]; /* the first is the account's */
};

/* With a transaction's begin: makes room for its teams. */
void ledger_balances_begin(struct ledger_balances *balances);
/* Nothing is known any more: after a transaction that was rolled back, or is in doubt. */
void ledger_balances_forget(struct ledger_balances *balances);

/* What the account and a team hold now, the changes of this transaction included. */
int ledger_balances_get(struct ledger_balances *balances, const struct ledger_backend *backend,
                        struct ledger_session *session, const char *team,
                        struct quota_usage *account, struct quota_usage *of_team, struct error *err)
    __attribute__((warn_unused_result));

/* Adds `delta` to both. ERROR_INVALID where one would fall below zero: the ledger is unsound. */
int ledger_balances_add(struct ledger_balances *balances, const struct ledger_backend *backend,
                        struct ledger_session *session, const char *team,
                        const struct quota_usage *delta, struct error *err)
    __attribute__((warn_unused_result));

/* Writes what has changed. Before the commit, or the rows and the balances part. */
int ledger_balances_write(struct ledger_balances *balances, const struct ledger_backend *backend,
                          struct ledger_session *session, struct error *err)
    __attribute__((warn_unused_result));

#endif
