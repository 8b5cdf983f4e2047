/* The journal's part of the SQLite backend; ledger_backend.h tells what each does. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_JOURNAL_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_JOURNAL_H

#include "gateway/ledger/ledger_backend.h"

int ledger_sqlite_get_journal_head(struct ledger_session *session, struct ledger_journal_head *out,
                                   struct error *err) __attribute__((warn_unused_result));
int ledger_sqlite_append_entry(struct ledger_session *session,
                               const struct ledger_journal_head *head, const void *entry,
                               size_t len, struct error *err) __attribute__((warn_unused_result));

#endif
