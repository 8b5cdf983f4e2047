/* One process holds a ledger for its life: a lock on a file beside it. */
#ifndef LOOKOUT_LEDGER_LEDGER_LOCK_H
#define LOOKOUT_LEDGER_LEDGER_LOCK_H

#include "policy/error.h"

/*
 * Locks `path` (created where absent) and writes our process id into it. `*fd` holds the lock until
 * it is closed; the kernel gives it back when the process dies. ERROR_REFUSED when it is held, by a
 * process that the message names where it can.
 */
int ledger_lock_take(const char *path, int *fd, struct error *err)
    __attribute__((warn_unused_result));

#endif
