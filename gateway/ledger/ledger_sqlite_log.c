/*
 * The write-ahead log after a sync of it failed, or at the start of a process, which can't know
 * whether one did before.
 *
 * Linux may take pages for clean whose sync has failed: what reads the file still sees them, the
 * next sync succeeds without them, and after a loss of power they, and all that was committed
 * behind them, are gone. So the log's bytes are written once more, which makes them dirty again,
 * and synced.
 */
#include "gateway/ledger/ledger_sqlite_log.h"

#include "gateway/ledger/ledger_sqlite_file.h"
#include "gateway/ledger/ledger_sqlite_schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES 65536

/* SQLite knows ENOSPC alone. `cause` is errno after the call. */
static bool is_refused(int seen, int cause)
{
    return seen == SQLITE_FULL || seen == SQLITE_READONLY ||
           (seen == SQLITE_IOERR_WRITE && (cause == EFBIG || cause == EDQUOT || cause == EROFS));
}

static int fail(int seen, int cause, const char *what, struct error *err)
{
    return error_set(err, is_refused(seen, cause) ? ERROR_RETRY : ERROR_IO,
                     "SQLite can't %s its log anew: %s (code %d)", what, sqlite3_errstr(seen),
                     seen);
}

static int rewrite_all(sqlite3_file *log, unsigned char *chunk, struct error *err)
{
    sqlite3_int64 size = 0;
    int seen = log->pMethods->xFileSize(log, &size);

    for (sqlite3_int64 at = 0; seen == SQLITE_OK && at < size; at += CHUNK_BYTES) {
        const int len = size - at < CHUNK_BYTES ? (int)(size - at) : CHUNK_BYTES;

        seen = log->pMethods->xRead(log, chunk, len, at);
        if (seen == SQLITE_OK)
            seen = log->pMethods->xWrite(log, chunk, len, at);
    }
    if (seen != SQLITE_OK)
        return fail(seen, errno, "write", err);
    seen = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    return seen == SQLITE_OK ? 0 : fail(seen, errno, "sync", err);
}

int ledger_sqlite_settle_log(sqlite3 *db, struct error *err)
{
    sqlite3_file *log = NULL;
    unsigned char *chunk;
    int code;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
        log == NULL || log->pMethods == NULL)
        return error_set(err, ERROR_IO, "SQLite doesn't tell where its log is");
    chunk = malloc(CHUNK_BYTES);
    if (chunk == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the ledger's log");
    code = rewrite_all(log, chunk, err);
    free(chunk);
    return code;
}

/* What is written is what is there: it is for the sake of the page that it stands in. */
int ledger_sqlite_touch(sqlite3 *db, struct error *err)
{
    char sql[64];

    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", LEDGER_SQLITE_APPLICATION_ID);
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : ledger_sqlite_fail(db, "touch a page", err);
}
