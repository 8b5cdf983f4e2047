/* One connection to the SQLite ledger, as the files that implement the backend share it. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_SESSION_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_SESSION_H

#include "gateway/ledger/ledger_sqlite_sql.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"

#include <sqlite3.h>
#include <stdbool.h>

#define LEDGER_SQLITE_KNOWN 256 /* each id has one place, shared with others */

struct ledger_session {
    sqlite3 *db;
    bool unsynced; /* commits of this connection are not synced now; false at first */
    sqlite3_stmt *statements[ALL_STATEMENTS];
    /* Rows met lately: whoever writes one has mostly read or inserted it, and needs no look-up. */
    struct known_number {
        char id[RESERVATION_ID_LEN + 1];
        sqlite3_int64 number;
    } known[LEDGER_SQLITE_KNOWN];
};

/* Steps a statement that returns no rows, and resets it. */
int ledger_sqlite_run(struct ledger_session *session, enum statement which, const char *what,
                      struct error *err);
/* Steps a query once: 0 = a row stands (reset is the caller's), ERROR_NOT_FOUND = there is none. */
int ledger_sqlite_first(struct ledger_session *session, enum statement which, const char *what,
                        struct error *err) __attribute__((warn_unused_result));

#endif
