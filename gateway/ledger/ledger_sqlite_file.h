/* The SQLite ledger's file: whose it is, its schema, and connections that are proven safe. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_FILE_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_FILE_H

#include "gateway/ledger/ledger_backend.h"

#include <sqlite3.h>
#include <stdbool.h>

/* Fills `err` with SQLite's words about its last failure; returns the class for a backend. */
int ledger_sqlite_fail(sqlite3 *db, const char *what, struct error *err);

/* Creates the file or checks that it is a ledger, and brings its schema up to date. */
int ledger_sqlite_prepare_file(const char *path, struct error *err)
    __attribute__((warn_unused_result));

/* That it is there and a ledger of this program's schema, without a change. */
int ledger_sqlite_check_file(const char *path, struct error *err)
    __attribute__((warn_unused_result));

/* A connection with every PRAGMA set and read back. Closing it writes nothing, until it is allowed
 * to. */
int ledger_sqlite_connect(const char *path, enum ledger_access access, sqlite3 **out,
                          struct error *err) __attribute__((warn_unused_result));
/* Whether commits are synced, from the next transaction on; set and read back. Outside of one. */
int ledger_sqlite_set_durable(sqlite3 *db, bool durable, struct error *err)
    __attribute__((warn_unused_result));
/*
 * Copies the database `from` into the empty file `to`, as of one instant, while others may write it
 * on. The copy has no log beside it.
 */
int ledger_sqlite_copy_file(const char *from, const char *to, struct error *err)
    __attribute__((warn_unused_result));

/* The next close, if it is the last one, moves the log into the database and removes it. */
void ledger_sqlite_allow_checkpoint_on_close(sqlite3 *db);

#endif
