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
        at = put_row(put_text(at, entry->row->id, RESERVATION_ID_LEN), entry->row);
    if (identity)
        at = put_identity(at, entry->row);
    at = put_text(at, cause->actor, LEDGER_CAUSE_MAX);
    at = put_text(at, cause->request_id, LEDGER_CAUSE_MAX);
    at = put_text(at, cause->policy, LEDGER_JOURNAL_POLICY_LEN);
    at = put_text(at, cause->why, LEDGER_CAUSE_MAX);
    return (size_t)(at - out);
}

size_t ledger_entry_write_row(const struct reservation *row, unsigned char *out)
{
    return (size_t)(put_row(out, row) - out);
}

size_t ledger_entry_write_identity(const struct reservation *row, unsigned char *out)
{
    return (size_t)(put_identity(out, row) - out);
}

/* --- reading ------------------------------------------------------------------------------- */

struct reader {
    const unsigned char *at, *end; /* `at` NULL: it was too short */
};

static int64_t get_i64(struct reader *reader)
{
    uint64_t bits;

    if (reader->at == NULL || reader->end - reader->at < (ptrdiff_t)sizeof(bits)) {
        reader->at = NULL;
        return 0;
    }
    memcpy(&bits, reader->at, sizeof(bits));
    reader->at += sizeof(bits);
    return (int64_t)__builtin_bswap64(bits);
}

static struct ledger_text get_text(struct reader *reader)
{
    struct ledger_text text = {NULL, 0};

    if (reader->at == NULL || reader->end - reader->at < 2) {
        reader->at = NULL;
        return text;
    }
    text.len = (size_t)reader->at[0] << 8 | reader->at[1];
    text.data = (const char *)reader->at + 2;
    if ((size_t)(reader->end - reader->at) - 2 < text.len) {
        reader->at = NULL;
        return (struct ledger_text){NULL, 0};
    }
    reader->at += 2 + text.len;
    return text;
}

/* What was read since `begin`. */
static struct ledger_text bytes_since(const struct reader *reader, const unsigned char *begin)
{
    if (reader->at == NULL || begin == NULL)
        return (struct ledger_text){NULL, 0};
    return (struct ledger_text){(const char *)begin, (size_t)(reader->at - begin)};
}

static void read_row(struct reader *reader, struct ledger_entry_view *out)
{
    const unsigned char *begin;

    out->id = get_text(reader);
    begin = reader->at;
    out->row_version = get_i64(reader);
    out->units = get_i64(reader);
    out->created_ms = get_i64(reader);
    out->lease_end_ms = get_i64(reader);
    out->worst_end_ms = get_i64(reader);
    out->ended_ms = get_i64(reader);
    out->state = get_text(reader);
    out->end = get_text(reader);
    out->team = get_text(reader);
    out->row_bytes = bytes_since(reader, begin);
}

static void read_identity(struct reader *reader, struct ledger_entry_view *out)
{
    const unsigned char *begin = reader->at;

    out->subject = get_text(reader);
    out->project = get_text(reader);
    out->version = get_text(reader);
    out->origin = get_text(reader);
    out->client_token = get_text(reader);
    out->min_units = get_i64(reader);
    out->max_units = get_i64(reader);
    out->identity_bytes = bytes_since(reader, begin);
}

bool ledger_entry_read(const unsigned char *bytes, size_t len, struct ledger_entry_view *out)
{
    struct reader reader = {.at = bytes + 2, .end = bytes + len};

    memset(out, 0, sizeof(*out));
    if (len < 2 || bytes[0] != FORMAT || (bytes[1] & ~(FLAG_ROW | FLAG_IDENTITY)) != 0 ||
        bytes[1] == FLAG_IDENTITY)
        return false;
    out->has_row = (bytes[1] & FLAG_ROW) != 0;
    out->has_identity = (bytes[1] & FLAG_IDENTITY) != 0;
    out->number = get_i64(&reader);
    out->at_ms = get_i64(&reader);
    out->event = get_text(&reader);
    out->about = get_text(&reader);
    if (out->has_row)
        read_row(&reader, out);
    if (out->has_identity)
        read_identity(&reader, out);
    out->actor = get_text(&reader);
    out->request_id = get_text(&reader);
    out->policy = get_text(&reader);
    out->why = get_text(&reader);
    return reader.at == reader.end;
}

bool ledger_text_equals(struct ledger_text text, const char *other)
{
    return text.len == strlen(other) && memcmp(text.data, other, text.len) == 0;
}
