/*
 * A file beside the ledger: one process holds the ledger for its life by a lock on it, and leaves a
 * mark in it for its successor where the ledger can't take an entry.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_LOCK_H
#define LOOKOUT_LEDGER_LEDGER_LOCK_H

#include "policy/error.h"

#include <stdbool.h>

/*
 * Locks `path` (created where absent) and writes our process id into it. `*fd` holds the lock until
 * it is closed; the kernel gives it back when the process dies. ERROR_REFUSED when it is held, by a
 * process that the message names where it can.
 */
int ledger_lock_take(const char *path, int *fd, struct error *err)
    __attribute__((warn_unused_result));

/*
 * The mark, of a lock that was taken. It overwrites a byte that the file has, which needs no space
 * where a file system writes in place; synced when this returns. ERROR_IO: it is as it was, or
 * nobody knows.
 */
int ledger_lock_set_mark(int fd, bool marked, struct error *err)
    __attribute__((warn_unused_result));
bool ledger_lock_has_mark(int fd);

#endif
