/* The journal in a table of its own: number, hash, bytes. */
#include "gateway/ledger/ledger_sqlite_journal.h"

#include "gateway/ledger/ledger_sqlite_session.h"

#include <string.h>

int ledger_sqlite_get_journal_head(struct ledger_session *session, struct ledger_journal_head *out,
                                   struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_JOURNAL_HEAD];
    int code = ledger_sqlite_first(session, GET_JOURNAL_HEAD, "read the journal's end", err);

    memset(out, 0, sizeof(*out));
    if (code == ERROR_NOT_FOUND)
        return 0;
    if (code != 0)
        return code;
    out->number = sqlite3_column_int64(statement, 0);
    if (sqlite3_column_bytes(statement, 1) == LEDGER_JOURNAL_HASH_LEN)
        memcpy(out->hash, sqlite3_column_blob(statement, 1), LEDGER_JOURNAL_HASH_LEN);
    else
        code = error_set(err, ERROR_IO,
                         "the journal's last entry has no hash of %d bytes: restore a backup",
                         LEDGER_JOURNAL_HASH_LEN);
    sqlite3_reset(statement);
    return code;
}

int ledger_sqlite_append_entry(struct ledger_session *session,
                               const struct ledger_journal_head *head, const void *entry,
                               size_t len, struct error *err)
{
    sqlite3_stmt *statement = session->statements[APPEND_ENTRY];

    sqlite3_bind_int64(statement, 1, head->number);
    sqlite3_bind_blob(statement, 2, head->hash, LEDGER_JOURNAL_HASH_LEN, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 3, entry, (int)len, SQLITE_STATIC);
    return ledger_sqlite_run(session, APPEND_ENTRY, "append to the journal", err);
}
