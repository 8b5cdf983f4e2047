/*
 * A ledger's file opened to be read, beside the gateway that may hold it: one session within one
 * snapshot, so that all that is read is as of one instant.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_FILE_H
#define LOOKOUT_LEDGER_LEDGER_FILE_H

#include "gateway/ledger/ledger_backend.h"
#include "policy/error.h"

struct ledger_file {
    const struct ledger_backend *backend;
    struct ledger_store *store;
    struct ledger_session *session;
};

/* Errors as ledger_sqlite_open_to_read; the message names the path. To be closed in any case. */
int ledger_file_open(const char *path, struct ledger_file *out, struct error *err)
    __attribute__((warn_unused_result));
void ledger_file_close(struct ledger_file *file);

#endif
