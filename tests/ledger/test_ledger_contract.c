/* The contract suite over SQLite. */
#include "tests/ledger/place_sqlite.h"

int main(void)
{
    static const struct ledger_contract sqlite = {
        .name = "ledger contract: SQLite",
        .make = place_make,
        .destroy = place_destroy,
        .open = place_open,
    };

    return ledger_contract_run(&sqlite);
}
