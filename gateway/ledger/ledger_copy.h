/*
 * Copies of a ledger: online backups, and what is restored from them.
 *
 * A copy is made beside its name ("NAME.part"), synced, verified, and only then given the name,
 * which must be free: there is never half a copy under it, and nothing is ever written over.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_COPY_H
#define LOOKOUT_LEDGER_LEDGER_COPY_H

#include "gateway/ledger/ledger_verify.h"
#include "policy/error.h"

/*
 * Copies the ledger `from`, which a gateway may hold and change, as of one instant, to the new file
 * `to` (mode 0600). ERROR_CONFLICT: `to` is there; ERROR_REFUSED: the copy did not verify, and was
 * removed; ERROR_IO: it could not be written. The message names the file.
 */
int ledger_copy(const char *from, const char *to, struct ledger_verified *out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * The same into the place of a ledger, while no gateway holds it: ERROR_REFUSED where one does, and
 * ERROR_CONFLICT where a ledger is there, or what is left of one (a log with pages in it).
 */
int ledger_restore(const char *backup, const char *path, struct ledger_verified *out,
                   struct error *err) __attribute__((warn_unused_result));

#endif
