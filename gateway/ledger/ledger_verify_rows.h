/* What a check remembers of each reservation: not its texts, but what proves them. */
#ifndef LOOKOUT_LEDGER_LEDGER_VERIFY_ROWS_H
#define LOOKOUT_LEDGER_LEDGER_VERIFY_ROWS_H

#include "gateway/ledger/ledger_entry.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct verify_row {
    unsigned char id[16];    /* the UUID */
    int64_t last_entry;      /* 0: the place is free */
    uint64_t state_print;    /* of the bytes that the last entry has of the row */
    uint64_t identity_print; /* of those that the last entry with an identity has */
    int64_t lease_from_ms;   /* by the entries up to the last */
    uint32_t row_version;
    unsigned char state; /* enum reservation_state */
    bool unassigned;     /* the last entry has it so */
    bool seen;           /* the row stands in the table */
};

struct verify_rows {
    struct verify_row *places;
    size_t size; /* a power of two */
    size_t count;
    uint64_t key; /* secret: nobody can make two texts with one print */
};

int verify_rows_init(struct verify_rows *rows, struct error *err)
    __attribute__((warn_unused_result));
void verify_rows_free(struct verify_rows *rows);

/* The next entry about a reservation. ERROR_REFUSED: it does not follow from the one before. */
int verify_rows_add(struct verify_rows *rows, const struct ledger_entry_view *entry,
                    struct error *err) __attribute__((warn_unused_result));

/* NULL = no entry tells of it. */
struct verify_row *verify_rows_find(const struct verify_rows *rows, const char *id, size_t len);

/* Of bytes under the secret key; two that differ have one print once in 2^52 tries or less. */
uint64_t verify_rows_print(const struct verify_rows *rows, const void *bytes, size_t len);

#endif
