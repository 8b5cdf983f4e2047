/* Unit-time, freezes and snapshots of the SQLite backend; ledger_backend.h tells what each does. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_BOOKS_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_BOOKS_H

#include "gateway/ledger/ledger_backend.h"

int ledger_sqlite_begin_snapshot(struct ledger_session *session, struct error *err)
    __attribute__((warn_unused_result));
void ledger_sqlite_end_snapshot(struct ledger_session *session);

int ledger_sqlite_each_live_time(struct ledger_session *session, const char *team,
                                 ledger_live_time_fn *visit, void *context, struct error *err)
    __attribute__((warn_unused_result));
int ledger_sqlite_sum_settled(struct ledger_session *session, const char *scope,
                              enum ledger_span span, int64_t from, int64_t until, int64_t *unit_ms,
                              struct error *err) __attribute__((warn_unused_result));
int ledger_sqlite_add_settled(struct ledger_session *session, const char *scope,
                              enum ledger_span span, int64_t bucket, int64_t unit_ms,
                              struct error *err) __attribute__((warn_unused_result));
int ledger_sqlite_each_used(struct ledger_session *session, const char *team, int64_t from_ms,
                            int64_t until_ms, ledger_used_fn *visit, void *context,
                            struct error *err) __attribute__((warn_unused_result));

int ledger_sqlite_get_freeze(struct ledger_session *session, const char *team,
                             struct ledger_freeze *out, struct error *err)
    __attribute__((warn_unused_result));
int ledger_sqlite_list_freezes(struct ledger_session *session, struct ledger_freeze *out,
                               size_t capacity, size_t *count, struct error *err)
    __attribute__((warn_unused_result));
int ledger_sqlite_put_freeze(struct ledger_session *session, const struct ledger_freeze *freeze,
                             struct error *err) __attribute__((warn_unused_result));
int ledger_sqlite_delete_freeze(struct ledger_session *session, const char *team, struct error *err)
    __attribute__((warn_unused_result));

#endif
