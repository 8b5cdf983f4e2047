/* The canonical bytes of an entry. */
#include "gateway/ledger/ledger_entry.h"

#include <string.h>

#define FORMAT        1
#define FLAG_ROW      1
#define FLAG_IDENTITY 2
#define NAME_LEN_MAX  32 /* of a state, an end, an origin */

/* The longest of each text, and 26 integers and lengths more than there are. */
_Static_assert(LEDGER_JOURNAL_EVENT_MAX + RESERVATION_ID_LEN + 2 * RESERVATION_TEAM_MAX +
                       RESERVATION_SUBJECT_MAX + RESERVATION_PROJECT_MAX + RESERVATION_VERSION_MAX +
                       RESERVATION_TOKEN_LEN + 3 * LEDGER_CAUSE_MAX + LEDGER_JOURNAL_POLICY_LEN +
                       3 * NAME_LEN_MAX + 26 * 8 <
                   LEDGER_ENTRY_MAX,
               "an entry always fits");

static unsigned char *put_i64(unsigned char *at, int64_t value)
{
    const uint64_t bits = __builtin_bswap64((uint64_t)value);

    memcpy(at, &bits, sizeof(bits));
    return at + sizeof(bits);
}

static unsigned char *put_text(unsigned char *at, const char *text, size_t most)
{
    const size_t len = text != NULL ? strnlen(text, most) : 0;

    at[0] = (unsigned char)(len >> 8);
    at[1] = (unsigned char)len;
    if (len > 0)
        memcpy(at + 2, text, len);
    return at + 2 + len;
}

static unsigned char *put_row(unsigned char *at, const struct reservation *row)
{
    at = put_text(at, row->id, RESERVATION_ID_LEN);
    at = put_i64(at, row->row_version);
    at = put_i64(at, row->units);
    at = put_i64(at, row->created_ms);
    at = put_i64(at, row->lease_end_ms);
    at = put_i64(at, row->worst_end_ms);
    at = put_i64(at, row->ended_ms);
    at = put_text(at, reservation_state_name(row->state), NAME_LEN_MAX);
    at = put_text(at, reservation_end_name(row->end), NAME_LEN_MAX);
    return put_text(at, row->team, RESERVATION_TEAM_MAX);
}

static unsigned char *put_identity(unsigned char *at, const struct reservation *row)
{
    at = put_text(at, row->subject, RESERVATION_SUBJECT_MAX);
    at = put_text(at, row->project, RESERVATION_PROJECT_MAX);
    at = put_text(at, row->version, RESERVATION_VERSION_MAX);
    at = put_text(at, reservation_origin_name(row->origin), NAME_LEN_MAX);
    at = put_text(at, row->client_token, RESERVATION_TOKEN_LEN);
    at = put_i64(at, row->min_units);
    return put_i64(at, row->max_units);
}

size_t ledger_entry_write(int64_t number, const struct ledger_entry *entry, unsigned char *out)
{
    const struct ledger_cause *cause = entry->cause;
    const bool identity = entry->row != NULL && entry->identity;
    unsigned char *at = out;

    *at++ = FORMAT;
    *at++ = (unsigned char)((entry->row != NULL ? FLAG_ROW : 0) | (identity ? FLAG_IDENTITY : 0));
    at = put_i64(at, number);
    at = put_i64(at, cause->at_ms);
    at = put_text(at, entry->event, LEDGER_JOURNAL_EVENT_MAX);
    at = put_text(at, entry->about, RESERVATION_TEAM_MAX);
    if (entry->row != NULL)
        at = put_row(at, entry->row);
    if (identity)
        at = put_identity(at, entry->row);
    at = put_text(at, cause->actor, LEDGER_CAUSE_MAX);
    at = put_text(at, cause->request_id, LEDGER_CAUSE_MAX);
    at = put_text(at, cause->policy, LEDGER_JOURNAL_POLICY_LEN);
    at = put_text(at, cause->why, LEDGER_CAUSE_MAX);
    return (size_t)(at - out);
}
