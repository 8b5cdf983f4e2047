/* The write-ahead log, made durable anew. */
#ifndef LOOKOUT_LEDGER_LEDGER_SQLITE_LOG_H
#define LOOKOUT_LEDGER_LEDGER_SQLITE_LOG_H

#include "policy/error.h"

#include <sqlite3.h>

/*
 * In a write transaction, so that nobody writes beside it. ERROR_RETRY: nothing may be written now
 * (no room, read-only); ERROR_IO: the disk failed.
 */
int ledger_sqlite_settle_log(sqlite3 *db, struct error *err) __attribute__((warn_unused_result));

/*
 * In a write transaction: its commit writes a frame, over whatever stands in the log behind the
 * last one that counts. The checksums of those frames are worth nothing then, so that no restart
 * takes them for committed.
 */
int ledger_sqlite_touch(sqlite3 *db, struct error *err) __attribute__((warn_unused_result));

#endif
