/* A small pool of read sessions: one is taken for the microseconds of a point read, then given
 * back. */
#ifndef LOOKOUT_LEDGER_LEDGER_READERS_H
#define LOOKOUT_LEDGER_LEDGER_READERS_H

#include "gateway/ledger/ledger_backend.h"

#include <stdbool.h>

/* A read takes about 10 us: more sessions than this would wait for a processor anyway. */
#define LEDGER_READERS_MAX 8

struct ledger_readers;

/* Connects nobody yet. `store` outlives the pool. */
int ledger_readers_create(const struct ledger_backend *backend, struct ledger_store *store,
                          struct ledger_readers **out, struct error *err)
    __attribute__((warn_unused_result));
/* No session may be taken. */
void ledger_readers_free(struct ledger_readers **readers);

/* Waits while all are taken. */
int ledger_readers_take(struct ledger_readers *readers, struct ledger_session **out,
                        struct error *err) __attribute__((warn_unused_result));
/* `broken`: a statement failed in it; it is not used again. Sets `*session` NULL. */
void ledger_readers_give(struct ledger_readers *readers, struct ledger_session **session,
                         bool broken);

/*
 * Between the two no read session exists: suspend waits for those that are taken and disconnects
 * all; whoever wants one waits for resume. Called by the writer only.
 */
void ledger_readers_suspend(struct ledger_readers *readers);
void ledger_readers_resume(struct ledger_readers *readers);

#endif
