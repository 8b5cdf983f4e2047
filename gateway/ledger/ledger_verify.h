/*
 * Whether a ledger is what its journal says: recomputes everything that can be, from one snapshot,
 * and names the first entry, row, balance or sum that is wrong.
 *
 * 1. The chain: numbers without a gap, bytes that are an entry, hashes.
 * 2. Each entry against the one before about the same reservation: the next version, an edge that
 *    the state machine has.
 * 3. Each row against its last entry and its identity against the one that told it; none missing,
 *    none too many.
 * 4. Balances and settled unit-time against the rows, by other code than that which kept them; who
 *    is frozen against the journal.
 *
 * What it can't see: a ledger that was replaced as a whole by an older copy of itself. Keep the
 * number and hash of the last entry elsewhere; a later check finds them again (`expect`).
 */
#ifndef LOOKOUT_LEDGER_LEDGER_VERIFY_H
#define LOOKOUT_LEDGER_LEDGER_VERIFY_H

#include "gateway/ledger/ledger_backend.h"
#include "policy/error.h"

#include <stdint.h>

struct ledger_verified {
    int64_t entries, rows, balances, sums;
    struct ledger_journal_head head;
};

/*
 * The session is a read one within a snapshot. `expect`: an entry that must be there with this
 * hash, or NULL. Needs about 120 bytes of memory for each reservation. ERROR_REFUSED: it is broken,
 * the message tells where, what was expected and what was seen; other errors: it could not be read.
 */
int ledger_verify(const struct ledger_backend *backend, struct ledger_session *session,
                  const struct ledger_journal_head *expect, struct ledger_verified *out,
                  struct error *err) __attribute__((warn_unused_result));

#endif
