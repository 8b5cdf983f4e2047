/* The reservations of a journal, in a table by their ids. */
#include "gateway/ledger/ledger_verify_rows.h"

#include "gateway/base/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MIN 1024
#define CHUNK      7  /* bytes of a coefficient: below the modulus */
#define TEXT_PART  80 /* of a text that a message shows */

/* --- prints -------------------------------------------------------------------------------- */

/* 2^61 - 1, a prime: a product is reduced by two additions. */
#define MODULUS ((UINT64_C(1) << 61) - 1)

static uint64_t multiply(uint64_t a, uint64_t b)
{
    const unsigned __int128 product = (unsigned __int128)a * b;
    const uint64_t sum = (uint64_t)(product & MODULUS) + (uint64_t)(product >> 61);

    return sum >= MODULUS ? sum - MODULUS : sum;
}

/*
 * A polynomial over the bytes, at a secret point: who does not know the point can't choose two
 * texts whose polynomials meet there (Carter and Wegman). Costs a multiplication for seven bytes.
 */
uint64_t verify_rows_print(const struct verify_rows *rows, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t sum = len + 1;

    while (len > 0) {
        const size_t part = len < CHUNK ? len : CHUNK;
        uint64_t chunk = 0;

        memcpy(&chunk, at, part);
        sum = multiply(sum, rows->key) + chunk;
        if (sum >= MODULUS)
            sum -= MODULUS;
        at += part;
        len -= part;
    }
    return multiply(sum, rows->key);
}

/* --- the table ----------------------------------------------------------------------------- */

int verify_rows_init(struct verify_rows *rows, struct error *err)
{
    memset(rows, 0, sizeof(*rows));
    if (crypto_random(&rows->key, sizeof(rows->key)) != 0)
        return error_set(err, ERROR_IO, "the system has no randomness to give");
    rows->key = rows->key % (MODULUS - 2) + 2;
    rows->size = PLACES_MIN;
    rows->places = calloc(rows->size, sizeof(*rows->places));
    if (rows->places == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the check");
    return 0;
}

void verify_rows_free(struct verify_rows *rows)
{
    free(rows->places);
    memset(rows, 0, sizeof(*rows));
}

/* False where it is no UUID as we write them: lower case, four hyphens. */
static bool pack_id(const char *id, size_t len, unsigned char out[16])
{
    char hex[33];
    size_t digits = 0;

    if (len != RESERVATION_ID_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

        if (hyphen != (id[i] == '-') || (id[i] >= 'A' && id[i] <= 'F'))
            return false;
        if (!hyphen)
            hex[digits++] = id[i];
    }
    hex[digits] = '\0';
    return crypto_unhex(hex, out, 16);
}

/* Where the id stands or would stand. */
static struct verify_row *place_of(const struct verify_rows *rows, const unsigned char id[16])
{
    for (uint64_t at = verify_rows_print(rows, id, 16);; at++) {
        struct verify_row *row = &rows->places[at & (rows->size - 1)];

        if (row->last_entry == 0 || memcmp(row->id, id, 16) == 0)
            return row;
    }
}

struct verify_row *verify_rows_find(const struct verify_rows *rows, const char *id, size_t len)
{
    unsigned char packed[16];
    struct verify_row *row;

    if (!pack_id(id, len, packed))
        return NULL;
    row = place_of(rows, packed);
    return row->last_entry != 0 ? row : NULL;
}

/* Room for one more; four fifths full is quick enough and keeps a large table at its half. */
static int make_room(struct verify_rows *rows, struct error *err)
{
    struct verify_rows larger = {.size = 2 * rows->size, .key = rows->key};

    if (5 * (rows->count + 1) <= 4 * rows->size)
        return 0;
    larger.places = calloc(larger.size, sizeof(*larger.places));
    if (larger.places == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a check of %zu reservations",
                         rows->count);
    for (size_t i = 0; i < rows->size; i++) {
        if (rows->places[i].last_entry != 0)
            *place_of(&larger, rows->places[i].id) = rows->places[i];
    }
    free(rows->places);
    rows->places = larger.places;
    rows->size = larger.size;
    return 0;
}

/* --- entries ------------------------------------------------------------------------------- */

static bool parse_state(struct ledger_text text, enum reservation_state *out)
{
    char name[16];

    if (text.len >= sizeof(name))
        return false;
    memcpy(name, text.data, text.len);
    name[text.len] = '\0';
    return reservation_state_parse(name, out);
}

static bool begins(const struct ledger_entry_view *entry)
{
    return ledger_text_equals(entry->event, "reserve") || ledger_text_equals(entry->event, "adopt");
}

static bool changes(const struct ledger_entry_view *entry)
{
    return ledger_text_equals(entry->event, "update") || ledger_text_equals(entry->event, "lease");
}

static int refuse(const struct ledger_entry_view *entry, struct error *err, const char *what)
{
    return error_set(err, ERROR_REFUSED,
                     "entry %" PRId64 " (%.*s of reservation %.*s at version %" PRId64 ", %.*s) %s",
                     entry->number, ledger_text_shown(entry->event), entry->event.data,
                     ledger_text_shown(entry->id), entry->id.data, entry->row_version,
                     ledger_text_shown(entry->state), entry->state.data, what);
}

static int check_follows(const struct verify_row *row, const struct ledger_entry_view *entry,
                         enum reservation_state state, uint64_t print, struct error *err)
{
    char what[128];

    if (begins(entry) != (row->last_entry == 0))
        return refuse(entry, err,
                      row->last_entry == 0 ? "tells of a reservation that no entry began"
                                           : "begins a reservation that is there already");
    if (begins(entry) && (entry->row_version != 1 || !entry->has_identity))
        return refuse(entry, err,
                      "begins a reservation at another version than 1, or without its "
                      "identity");
    if (!begins(entry) && entry->row_version != (int64_t)row->row_version + changes(entry)) {
        snprintf(what, sizeof(what), "does not follow version %" PRIu32 " of entry %" PRId64,
                 row->row_version, row->last_entry);
        return refuse(entry, err, what);
    }
    if (changes(entry) &&
        !reservation_state_may_become((enum reservation_state)row->state, state)) {
        snprintf(what, sizeof(what), "can't come after %s of entry %" PRId64,
                 reservation_state_name((enum reservation_state)row->state), row->last_entry);
        return refuse(entry, err, what);
    }
    if (!begins(entry) && !changes(entry) && print != row->state_print)
        return refuse(entry, err,
                      "tells the row otherwise than the entry before, and is no change");
    return 0;
}

/* The ledger's rule in ledger_journal.h, recomputed. */
static void follow_lease(struct verify_row *row, const struct ledger_entry_view *entry)
{
    const bool unassigned = ledger_text_equals(entry->team, RESERVATION_TEAM_UNASSIGNED);

    if (begins(entry))
        row->lease_from_ms = unassigned ? 0 : entry->created_ms;
    else if (row->unassigned && !unassigned)
        row->lease_from_ms = entry->at_ms;
    row->unassigned = unassigned;
}

int verify_rows_add(struct verify_rows *rows, const struct ledger_entry_view *entry,
                    struct error *err)
{
    const uint64_t print = verify_rows_print(rows, entry->row_bytes.data, entry->row_bytes.len);
    enum reservation_state state;
    unsigned char id[16];
    struct verify_row *row;
    int code;

    if (!pack_id(entry->id.data, entry->id.len, id) || !parse_state(entry->state, &state) ||
        entry->row_version < 1 || entry->row_version > UINT32_MAX)
        return refuse(entry, err, "names no reservation and state that there can be");
    code = make_room(rows, err);
    if (code != 0)
        return code;
    row = place_of(rows, id);
    code = check_follows(row, entry, state, print, err);
    if (code != 0)
        return code;
    rows->count += row->last_entry == 0;
    memcpy(row->id, id, sizeof(row->id));
    row->last_entry = entry->number;
    follow_lease(row, entry);
    row->state_print = print;
    row->row_version = (uint32_t)entry->row_version;
    row->state = (unsigned char)state;
    if (entry->has_identity)
        row->identity_print =
            verify_rows_print(rows, entry->identity_bytes.data, entry->identity_bytes.len);
    return 0;
}
