/* The walks of a check, one after the other. */
#include "gateway/ledger/ledger_verify.h"

#include "gateway/base/crypto.h"
#include "gateway/ledger/ledger_entry.h"
#include "gateway/ledger/ledger_verify_rows.h"
#include "gateway/ledger/ledger_verify_sums.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct freezes {
    size_t count;
    char teams[LEDGER_FREEZES_MAX][RESERVATION_TEAM_MAX + 1];
};

struct check {
    const struct ledger_backend *backend;
    struct ledger_session *session;
    const struct ledger_journal_head *expect;
    struct ledger_verified *result;
    struct verify_rows rows;
    struct verify_sums *sums;
    struct freezes frozen;
    bool expected_seen;
    /* Of the rows that differ from the journal, the one with the earliest last entry. */
    int64_t broken_entry;
    struct error broken;
};

/* --- the chain ----------------------------------------------------------------------------- */

static int follow_freeze(struct freezes *frozen, const struct ledger_entry_view *entry,
                         struct error *err)
{
    char team[RESERVATION_TEAM_MAX + 1];
    const bool on = ledger_text_equals(entry->event, "freeze");
    size_t at = 0;

    if (!on && !ledger_text_equals(entry->event, "unfreeze"))
        return 0;
    snprintf(team, sizeof(team), "%.*s", ledger_text_shown(entry->about), entry->about.data);
    while (at < frozen->count && strcmp(frozen->teams[at], team) != 0)
        at++;
    if (at == LEDGER_FREEZES_MAX)
        return error_set(err, ERROR_REFUSED, "entry %" PRId64 " freezes more than %d teams",
                         entry->number, LEDGER_FREEZES_MAX);
    if (on) {
        memcpy(frozen->teams[at], team, sizeof(team));
        frozen->count += at == frozen->count;
    } else if (at < frozen->count) {
        memcpy(frozen->teams[at], frozen->teams[--frozen->count], sizeof(team));
    }
    return 0;
}

static int check_hash(const struct check *check, const struct ledger_journal_head *head,
                      const unsigned char *entry, size_t len, struct error *err)
{
    unsigned char bytes[LEDGER_JOURNAL_HASH_LEN + LEDGER_ENTRY_MAX];
    unsigned char hash[LEDGER_JOURNAL_HASH_LEN];
    char expected[2 * LEDGER_JOURNAL_HASH_LEN + 1], seen[2 * LEDGER_JOURNAL_HASH_LEN + 1];

    memcpy(bytes, check->result->head.hash, LEDGER_JOURNAL_HASH_LEN);
    memcpy(bytes + LEDGER_JOURNAL_HASH_LEN, entry, len);
    if (crypto_sha256(bytes, LEDGER_JOURNAL_HASH_LEN + len, hash) != 0)
        return error_set(err, ERROR_IO, "can't hash an entry of the journal");
    if (memcmp(hash, head->hash, sizeof(hash)) == 0)
        return 0;
    crypto_hex(hash, sizeof(hash), expected);
    crypto_hex(head->hash, sizeof(hash), seen);
    return error_set(err, ERROR_REFUSED,
                     "entry %" PRId64 " was altered, or the one before: its hash is %s, the "
                     "chain up to it gives %s",
                     head->number, seen, expected);
}

static int check_expected(struct check *check, const struct ledger_journal_head *head,
                          struct error *err)
{
    if (check->expect == NULL || check->expect->number != head->number)
        return 0;
    check->expected_seen = true;
    if (memcmp(check->expect->hash, head->hash, sizeof(head->hash)) == 0)
        return 0;
    return error_set(err, ERROR_REFUSED,
                     "entry %" PRId64 " has another hash than was noted of it: the journal up to "
                     "it was written anew",
                     head->number);
}

static int check_entry(void *context, const struct ledger_journal_head *head,
                       const unsigned char *bytes, size_t len, struct error *err)
{
    struct check *check = context;
    struct ledger_entry_view entry;
    int code;

    if (head->number != check->result->head.number + 1)
        return error_set(err, ERROR_REFUSED,
                         "entry %" PRId64 " is missing: after %" PRId64 " comes %" PRId64,
                         check->result->head.number + 1, check->result->head.number, head->number);
    if (len > LEDGER_ENTRY_MAX || !ledger_entry_read(bytes, len, &entry))
        return error_set(err, ERROR_REFUSED,
                         "entry %" PRId64 " was altered: its %zu bytes are no entry", head->number,
                         len);
    if (entry.number != head->number)
        return error_set(err, ERROR_REFUSED,
                         "entry %" PRId64 " was put there from place %" PRId64 " of the journal",
                         head->number, entry.number);
    code = check_hash(check, head, bytes, len, err);
    if (code == 0)
        code = check_expected(check, head, err);
    if (code == 0)
        code = entry.has_row ? verify_rows_add(&check->rows, &entry, err)
                             : follow_freeze(&check->frozen, &entry, err);
    check->result->head = *head;
    check->result->entries++;
    return code;
}

static int check_chain(struct check *check, struct error *err)
{
    int code = check->backend->each_entry(check->session, 0, check_entry, check, err);

    if (code == 0 && check->expect != NULL && !check->expected_seen)
        code = error_set(err, ERROR_REFUSED,
                         "entry %" PRId64 ", whose hash was noted, is not there: the journal ends "
                         "with %" PRId64,
                         check->expect->number, check->result->head.number);
    return code;
}

/* --- rows ---------------------------------------------------------------------------------- */

static int tell_number(const char *name, int64_t expected, int64_t seen, int64_t entry,
                       const char *id, struct error *err)
{
    return expected == seen
               ? 0
               : error_set(err, ERROR_REFUSED,
                           "reservation %s differs from entry %" PRId64 ", the last about it: %s "
                           "is %" PRId64 ", expected %" PRId64,
                           id, entry, name, seen, expected);
}

static int tell_text(const char *name, struct ledger_text expected, const char *seen, int64_t entry,
                     const char *id, struct error *err)
{
    return ledger_text_equals(expected, seen)
               ? 0
               : error_set(err, ERROR_REFUSED,
                           "reservation %s differs from entry %" PRId64 ", the last about it: %s "
                           "is \"%.80s\", expected \"%.*s\"",
                           id, entry, name, seen, ledger_text_shown(expected), expected.data);
}

struct difference {
    const struct reservation *row;
    int64_t lease_from_ms; /* as the entries have it */
};

/* Names what differs. Stops the walk after this one entry, with ERROR_REFUSED. */
static int tell_difference(void *context, const struct ledger_journal_head *head,
                           const unsigned char *bytes, size_t len, struct error *err)
{
    const struct difference *difference = context;
    const struct reservation *row = difference->row;
    struct ledger_entry_view e;
    const int64_t n = head->number;

    if (!ledger_entry_read(bytes, len, &e))
        return error_set(err, ERROR_REFUSED, "entry %" PRId64 " is no entry", n);
    if (tell_number("row_version", e.row_version, row->row_version, n, row->id, err) != 0 ||
        tell_text("state", e.state, reservation_state_name(row->state), n, row->id, err) != 0 ||
        tell_text("team", e.team, row->team, n, row->id, err) != 0 ||
        tell_number("units", e.units, row->units, n, row->id, err) != 0 ||
        tell_number("created_ms", e.created_ms, row->created_ms, n, row->id, err) != 0 ||
        tell_number("lease_from_ms", difference->lease_from_ms, row->lease_from_ms, n, row->id,
                    err) != 0 ||
        tell_number("lease_end_ms", e.lease_end_ms, row->lease_end_ms, n, row->id, err) != 0 ||
        tell_number("worst_end_ms", e.worst_end_ms, row->worst_end_ms, n, row->id, err) != 0 ||
        tell_number("ended_ms", e.ended_ms, row->ended_ms, n, row->id, err) != 0 ||
        tell_text("end", e.end, reservation_end_name(row->end), n, row->id, err) != 0)
        return ERROR_REFUSED;
    return error_set(err, ERROR_REFUSED,
                     "reservation %s differs from the journal (last entry %" PRId64
                     ") in what is fixed for life: subject, project, version, origin, client "
                     "token, min_units or max_units",
                     row->id, n);
}

static int check_row(void *context, const struct reservation *row, struct error *err)
{
    struct check *check = context;
    struct verify_row *known = verify_rows_find(&check->rows, row->id, strlen(row->id));
    unsigned char bytes[LEDGER_ENTRY_MAX];
    size_t len;

    check->result->rows++;
    if (known == NULL || known->seen)
        return error_set(err, ERROR_REFUSED,
                         "reservation %s stands in the ledger %s: it was put there by another "
                         "program",
                         row->id, known == NULL ? "but in no entry of the journal" : "twice");
    known->seen = true;
    len = ledger_entry_write_row(row, bytes);
    if (known->lease_from_ms == row->lease_from_ms &&
        verify_rows_print(&check->rows, bytes, len) == known->state_print) {
        len = ledger_entry_write_identity(row, bytes);
        if (verify_rows_print(&check->rows, bytes, len) == known->identity_print)
            return verify_sums_add(check->sums, row, err);
    }
    if (check->broken_entry == 0 || known->last_entry < check->broken_entry) {
        struct difference difference = {row, known->lease_from_ms};

        check->broken_entry = known->last_entry;
        (void)check->backend->each_entry(check->session, known->last_entry - 1, tell_difference,
                                         &difference, &check->broken);
    }
    return 0;
}

static int check_rows(struct check *check, struct error *err)
{
    int64_t missing = 0;
    int code = check->backend->each_row(check->session, check_row, check, err);

    if (code != 0)
        return code;
    for (size_t i = 0; i < check->rows.size; i++) {
        const struct verify_row *row = &check->rows.places[i];

        if (row->last_entry != 0 && !row->seen && (missing == 0 || row->last_entry < missing))
            missing = row->last_entry;
    }
    if (missing != 0 && (check->broken_entry == 0 || missing < check->broken_entry))
        return error_set(err, ERROR_REFUSED,
                         "the reservation of entry %" PRId64 " is missing in the ledger", missing);
    if (check->broken_entry == 0)
        return 0;
    return error_set(err, ERROR_REFUSED, "%s", check->broken.message);
}

/* --- sums ---------------------------------------------------------------------------------- */

static int check_usage(void *context, const char *scope, const struct quota_usage *usage,
                       struct error *err)
{
    struct check *check = context;

    check->result->balances++;
    return verify_sums_check_usage(check->sums, scope, usage, err);
}

static int check_settled(void *context, const char *scope, enum ledger_span span, int64_t bucket,
                         int64_t unit_ms, struct error *err)
{
    struct check *check = context;

    check->result->sums++;
    return verify_sums_check_settled(check->sums, scope, span, bucket, unit_ms, err);
}

static int check_sums(struct check *check, struct error *err)
{
    int code;

    verify_sums_finish(check->sums);
    code = check->backend->each_usage(check->session, check_usage, check, err);
    if (code == 0)
        code = check->backend->each_settled(check->session, check_settled, check, err);
    return code != 0 ? code : verify_sums_check_rest(check->sums, err);
}

static int check_freezes(struct check *check, struct error *err)
{
    struct ledger_freeze *freezes = calloc(LEDGER_FREEZES_MAX, sizeof(*freezes));
    size_t count = 0;
    int code;

    if (freezes == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the freezes");
    code = check->backend->list_freezes(check->session, freezes, LEDGER_FREEZES_MAX, &count, err);
    for (size_t i = 0; code == 0 && i < count; i++) {
        size_t at = 0;

        while (at < check->frozen.count && strcmp(check->frozen.teams[at], freezes[i].team) != 0)
            at++;
        if (at == check->frozen.count)
            code = error_set(err, ERROR_REFUSED, "\"%s\" is frozen, but not by the journal",
                             freezes[i].team);
    }
    if (code == 0 && count != check->frozen.count)
        code = error_set(err, ERROR_REFUSED, "the ledger freezes %zu teams, the journal %zu", count,
                         check->frozen.count);
    free(freezes);
    return code;
}

int ledger_verify(const struct ledger_backend *backend, struct ledger_session *session,
                  const struct ledger_journal_head *expect, struct ledger_verified *out,
                  struct error *err)
{
    struct check *check = calloc(1, sizeof(*check));
    int code;

    memset(out, 0, sizeof(*out));
    if (check == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the check");
    check->backend = backend;
    check->session = session;
    check->expect = expect;
    check->result = out;
    code = verify_rows_init(&check->rows, err);
    if (code == 0)
        code = verify_sums_create(&check->sums, err);
    if (code == 0)
        code = check_chain(check, err);
    if (code == 0)
        code = check_rows(check, err);
    if (code == 0)
        code = check_sums(check, err);
    if (code == 0)
        code = check_freezes(check, err);
    verify_rows_free(&check->rows);
    verify_sums_free(&check->sums);
    free(check);
    return code;
}
