/* `lookout-gateway serve`: wires the floors bottom-up, runs until a signal, takes them down again.
 */
#ifndef LOOKOUT_SERVE_H
#define LOOKOUT_SERVE_H

#include "gateway/config.h"

/* Returns a status of sysexits.h. */
int serve_run(const struct config_sources *sources);

/*
 * Everything that can be checked without listening or opening the ledger: options, policy, issuers
 * and their keys, credentials file, certificate. 0 or a negative error_code.
 */
int serve_check(const struct config_sources *sources, struct error *err)
    __attribute__((warn_unused_result));

#endif
