/* A folder of its own with the path of one SQLite ledger in it. */
#ifndef LOOKOUT_TESTS_LEDGER_PLACE_SQLITE_H
#define LOOKOUT_TESTS_LEDGER_PLACE_SQLITE_H

#include "tests/ledger/contract.h"

struct contract_place {
    char folder[64];
    char path[96];
};

struct contract_place *place_make(void);
void place_destroy(struct contract_place **place); /* with all that is in it */
int place_open(struct contract_place *place, const char *endpoint, const char *region,
               struct ledger **out, struct error *err);

#endif
