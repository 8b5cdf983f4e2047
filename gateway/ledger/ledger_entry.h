/* The bytes of a journal's entry, written and read; ledger_journal.h tells what they are. */
#ifndef LOOKOUT_LEDGER_LEDGER_ENTRY_H
#define LOOKOUT_LEDGER_LEDGER_ENTRY_H

#include "gateway/ledger/ledger.h"
#include "gateway/ledger/ledger_journal.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `out` holds LEDGER_ENTRY_MAX bytes; returns how many were written. */
size_t ledger_entry_write(int64_t number, const struct ledger_entry *entry, unsigned char *out);

/* A text within the bytes of an entry; it has no NUL. */
struct ledger_text {
    const char *data;
    size_t len;
};

/* An entry as it was read. What stands behind a flag that is not set is zero. */
struct ledger_entry_view {
    int64_t number, at_ms;
    struct ledger_text event, about;
    bool has_row, has_identity;
    struct ledger_text id;
    int64_t row_version, units, created_ms, lease_end_ms, worst_end_ms, ended_ms;
    struct ledger_text state, end, team;
    struct ledger_text subject, project, version, origin, client_token;
    int64_t min_units, max_units;
    struct ledger_text actor, request_id, policy, why;
    /* The bytes of the row, from behind its id, and of its identity. */
    struct ledger_text row_bytes, identity_bytes;
};

/* False where the bytes are not exactly one entry. The view points into them. */
bool ledger_entry_read(const unsigned char *bytes, size_t len, struct ledger_entry_view *out);

/* How much of it a message shows, for "%.*s". */
static inline int ledger_text_shown(struct ledger_text text)
{
    return text.len < 80 ? (int)text.len : 80;
}

bool ledger_text_equals(struct ledger_text text, const char *other);

/* The bytes that an entry has of this row; `out` holds LEDGER_ENTRY_MAX. */
size_t ledger_entry_write_row(const struct reservation *row, unsigned char *out);
size_t ledger_entry_write_identity(const struct reservation *row, unsigned char *out);

#endif
