/*
 * The rows that the writer wrote last, in memory: a start's row is changed again within the
 * milliseconds that AWS takes, and need not be read for that. Only the writer changes rows, so what
 * it wrote is what is there, until a transaction is rolled back or in doubt: then all is forgotten.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_RECENT_H
#define LOOKOUT_LEDGER_LEDGER_RECENT_H

#include "gateway/ledger/reservation.h"

#include <stdbool.h>

/* More than there are workers with a start on its way. Each row has one place, shared with others:
 * the last that was written has it. */
#define LEDGER_RECENT_ROWS 256

struct ledger_recent {
    struct reservation rows[LEDGER_RECENT_ROWS]; /* id "" = the place is free */
};

/* False where it is not remembered. */
bool ledger_recent_get(const struct ledger_recent *recent, const char *id, struct reservation *out);
void ledger_recent_put(struct ledger_recent *recent, const struct reservation *row);
void ledger_recent_forget(struct ledger_recent *recent);

#endif
