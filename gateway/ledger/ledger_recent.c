/* A table without collisions: whoever comes last stays. */
#include "gateway/ledger/ledger_recent.h"

#include <string.h>

static size_t place_of(const char *id)
{
    return reservation_hash_id(id) % LEDGER_RECENT_ROWS;
}

bool ledger_recent_get(const struct ledger_recent *recent, const char *id, struct reservation *out)
{
    const struct reservation *row = &recent->rows[place_of(id)];

    if (row->id[0] == '\0' || strcmp(row->id, id) != 0)
        return false;
    *out = *row;
    return true;
}

void ledger_recent_put(struct ledger_recent *recent, const struct reservation *row)
{
    recent->rows[place_of(row->id)] = *row;
}

void ledger_recent_forget(struct ledger_recent *recent)
{
    for (size_t i = 0; i < LEDGER_RECENT_ROWS; i++)
        recent->rows[i].id[0] = '\0';
}
