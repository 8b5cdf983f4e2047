/* How a reservation is bound to a statement of SQLite's, and read from one. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_ROW_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_ROW_H

#include "gateway/ledger/ledger_sqlite_sql.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* What is bound is not copied: it has to stay until the statement has run. NULL binds NULL. */
void ledger_sqlite_bind_text(sqlite3_stmt *statement, int parameter, const char *text);
void ledger_sqlite_bind_column(sqlite3_stmt *statement, int parameter, const struct column *column,
                               const struct reservation *row);

/* False when the text does not fit. */
bool ledger_sqlite_copy_text(sqlite3_stmt *statement, int index, char *out, size_t size);
/* From the first COLUMNS columns. ERROR_IO when one is none that we could have written. */
int ledger_sqlite_read_row(sqlite3_stmt *statement, struct reservation *row, struct error *err)
    __attribute__((warn_unused_result));

#endif
