/* The ledger in one SQLite file: WAL, synchronous=FULL, held by one process. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_H

#include "gateway/ledger/ledger_backend.h"

/*
 * Locks `path`, creates it (mode 0600) or brings its schema up to date. ERROR_REFUSED when another
 * process holds it, when the file is not a ledger or when its schema is newer than ours; ERROR_IO
 * when it can't be opened or a PRAGMA did not take.
 */
int ledger_sqlite_open(const char *path, struct ledger_store **out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * For those who only read a ledger, which a gateway may hold at the same time: nothing is locked,
 * created or changed, and only read sessions may be connected. ERROR_NOT_FOUND where there is no
 * file; ERROR_REFUSED when it is not a ledger of exactly this program's schema.
 */
int ledger_sqlite_open_to_read(const char *path, struct ledger_store **out, struct error *err)
    __attribute__((warn_unused_result));

const struct ledger_backend *ledger_sqlite_backend(void);

#endif
