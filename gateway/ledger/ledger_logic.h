/*
 * The changes of the ledger over a backend's primitives: each reads first and decides, and only
 * then writes, so that one which is refused has written nothing.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_LOGIC_H
#define LOOKOUT_LEDGER_LEDGER_LOGIC_H

#include "gateway/ledger/ledger.h"
#include "gateway/ledger/ledger_backend.h"
#include "gateway/ledger/ledger_balances.h"
#include "gateway/ledger/ledger_journal.h"

/* A write session inside a transaction, and whether a change has begun to write. */
struct ledger_change {
    const struct ledger_backend *backend;
    struct ledger_session *session;
    struct ledger_balances *balances; /* to be written before the commit */
    struct ledger_journal *journal;   /* its head is known */
    bool wrote;
    bool settles; /* nothing but PENDING to ACTIVE is allowed */
};

/* ERROR_INVALID names the member that can't be stored. Needs no session. */
int ledger_logic_check_reserve(const struct ledger_reserve *request, struct error *err)
    __attribute__((warn_unused_result));
int ledger_logic_check_row(const struct reservation *row, struct error *err)
    __attribute__((warn_unused_result));

int ledger_logic_reserve(struct ledger_change *change, const struct ledger_reserve *request,
                         struct ledger_reserve_result *out, struct error *err)
    __attribute__((warn_unused_result));
/* `row` as in ledger_update, but left as it is: the new row_version is its own plus one. */
int ledger_logic_update(struct ledger_change *change, const struct reservation *row,
                        const struct ledger_cause *cause, struct error *err)
    __attribute__((warn_unused_result));
/* Remembers `value` under `name` on the first call; ERROR_REFUSED where another is remembered. */
int ledger_logic_pin(struct ledger_change *change, const char *name, const char *value,
                     struct error *err) __attribute__((warn_unused_result));
/* One round of at most LEDGER_FORGET_ROWS rows; `*more` when there may be others. */
#define LEDGER_FORGET_ROWS 500
int ledger_logic_forget_keys(struct ledger_change *change, int64_t before_ms, size_t *forgotten,
                             bool *more, struct error *err) __attribute__((warn_unused_result));

/* ledger_find_key on one session. */
int ledger_logic_find_key(const struct ledger_backend *backend, struct ledger_session *session,
                          const char *team, const char *key,
                          const unsigned char fingerprint[LEDGER_FINGERPRINT_LEN],
                          struct ledger_reserve_result *out, struct error *err)
    __attribute__((warn_unused_result));

#endif
