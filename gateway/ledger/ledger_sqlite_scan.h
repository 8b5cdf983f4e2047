/* Walks over a whole SQLite ledger; ledger_backend.h tells what each does. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_SCAN_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_SCAN_H

#include "gateway/ledger/ledger_backend.h"

int ledger_sqlite_each_entry(struct ledger_session *session, int64_t after, ledger_entry_fn *visit,
                             void *context, struct error *err) __attribute__((warn_unused_result));
int ledger_sqlite_each_row(struct ledger_session *session, ledger_row_fn *visit, void *context,
                           struct error *err) __attribute__((warn_unused_result));
int ledger_sqlite_each_usage(struct ledger_session *session, ledger_usage_fn *visit, void *context,
                             struct error *err) __attribute__((warn_unused_result));
int ledger_sqlite_each_settled(struct ledger_session *session, ledger_settled_fn *visit,
                               void *context, struct error *err)
    __attribute__((warn_unused_result));

#endif
