/* The opened ledger, as the files that make its calls share it. Not for others: ledger.h. */
#ifndef LOOKOUT_LEDGER_LEDGER_HANDLE_H
#define LOOKOUT_LEDGER_LEDGER_HANDLE_H

#include "gateway/ledger/ledger_backend.h"
#include "gateway/ledger/ledger_readers.h"
#include "gateway/ledger/ledger_releases.h"
#include "gateway/ledger/ledger_writer.h"
#include "gateway/ledger/live_cache.h"

#include <pthread.h>

struct ledger {
    const struct ledger_backend *backend;
    struct ledger_store *store;
    struct ledger_readers *readers;
    struct ledger_writer *writer;
    struct live_cache *live;
    struct ledger_releases *releases;
    pthread_mutex_t lock;              /* of what follows */
    unsigned reports;                  /* being made; they read for long */
    char account[LEDGER_META_MAX + 1]; /* known to be the pinned one; "" = not asked yet */
};

/* Gives the session back; returns `code`, so that a read ends with it. */
static inline int ledger_finish_read(struct ledger *ledger, struct ledger_session **session,
                                     int code)
{
    ledger_readers_give(ledger->readers, session, code != 0 && code != ERROR_NOT_FOUND);
    return code;
}

#endif
