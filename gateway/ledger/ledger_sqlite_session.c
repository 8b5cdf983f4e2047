/* How a prepared statement is stepped. */
#include "gateway/ledger/ledger_sqlite_session.h"

#include "gateway/ledger/ledger_sqlite_file.h"

int ledger_sqlite_run(struct ledger_session *session, enum statement which, const char *what,
                      struct error *err)
{
    sqlite3_stmt *statement = session->statements[which];
    const int stepped = sqlite3_step(statement);
    int code = 0;

    if (stepped != SQLITE_DONE)
        code = ledger_sqlite_fail(session->db, what, err);
    sqlite3_reset(statement);
    return code;
}

int ledger_sqlite_first(struct ledger_session *session, enum statement which, const char *what,
                        struct error *err)
{
    sqlite3_stmt *statement = session->statements[which];
    const int stepped = sqlite3_step(statement);
    int code;

    if (stepped == SQLITE_ROW)
        return 0;
    code = stepped == SQLITE_DONE ? error_set(err, ERROR_NOT_FOUND, "the ledger has no such row")
                                  : ledger_sqlite_fail(session->db, what, err);
    sqlite3_reset(statement);
    return code;
}
