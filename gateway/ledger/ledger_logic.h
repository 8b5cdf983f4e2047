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
#include "gateway/ledger/ledger_recent.h"
#include "gateway/ledger/ledger_unit_time.h"

/* Most of the time nobody is frozen, and a start need not look. */
enum ledger_freezes { LEDGER_FREEZES_UNKNOWN, LEDGER_FREEZES_NONE, LEDGER_FREEZES_SOME };

/* A write session inside a transaction, and whether a change has begun to write. */
struct ledger_change {
    const struct ledger_backend *backend;
    struct ledger_session *session;
    struct ledger_balances *balances; /* to be written before the commit */
    struct ledger_journal *journal;   /* its head is known */
    enum ledger_freezes *freezes;     /* what is known of them without a look */
    struct ledger_recent *recent;
    struct ledger_windows *windows;
    bool wrote;
    bool settles; /* nothing but PENDING to ACTIVE is allowed */
};

/* Of one row; so that unit-time never overflows, and no settling takes longer than a second. */
#define LEDGER_UNITS_MAX  1000000
#define LEDGER_RUN_MAX_MS (INT64_C(3660) * 86400000)

/* ERROR_INVALID names the member that can't be stored. Needs no session. */
int ledger_logic_check_reserve(const struct ledger_reserve *request, struct error *err)
    __attribute__((warn_unused_result));
int ledger_logic_check_row(const struct reservation *row, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Makes `before` (NULL: nothing) into `after` and all that follows from it: balances, settled
 * unit-time, the journal's entry.
 */
int ledger_logic_write(struct ledger_change *change, const char *event,
                       const struct reservation *before, const struct reservation *after,
                       const struct ledger_cause *cause, struct error *err)
    __attribute__((warn_unused_result));
/* Reads the row and compares its version: ERROR_CONFLICT. */
int ledger_logic_get(struct ledger_change *change, const char *id, int64_t row_version,
                     struct reservation *out, struct error *err)
    __attribute__((warn_unused_result));
/* Opens the books of a decision as this transaction sees them. To be closed, also on an error. */
int ledger_logic_open_books(struct ledger_change *change, const char *team, int64_t now_ms,
                            struct ledger_books *books, struct error *err)
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
int ledger_logic_change_lease(struct ledger_change *change, const struct ledger_lease *lease,
                              bool *admitted, struct reservation *row, struct error *err)
    __attribute__((warn_unused_result));
int ledger_logic_adopt(struct ledger_change *change, const struct reservation *row,
                       const struct ledger_cause *cause, struct error *err)
    __attribute__((warn_unused_result));
int ledger_logic_set_freeze(struct ledger_change *change, const struct ledger_freeze *freeze,
                            bool on, const struct ledger_cause *cause, struct error *err)
    __attribute__((warn_unused_result));
int ledger_logic_note(struct ledger_change *change, const char *event, const char *about,
                      const char *id, const struct ledger_cause *cause, struct error *err)
    __attribute__((warn_unused_result));

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
