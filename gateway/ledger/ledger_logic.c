/* What a change means: reserve, update, pin, forget; written once for every backend. */
#include "gateway/ledger/ledger_logic.h"

#include "gateway/base/crash_point.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Adds what `row` counts for, `sign` times. */
static void count_row(struct quota_usage *usage, const struct reservation *row, int64_t sign)
{
    if (!reservation_state_is_live(row->state))
        return;
    if (reservation_state_is_used(row->state)) {
        usage->used_units += sign * row->units;
        usage->used_models += sign;
    } else {
        usage->reserved_units += sign * row->units;
        usage->reserved_models += sign;
    }
}

static int add_usage(struct ledger_change *change, const char *team,
                     const struct quota_usage *delta, struct error *err)
{
    const struct quota_usage nothing = {0};

    if (memcmp(delta, &nothing, sizeof(*delta)) == 0)
        return 0;
    return ledger_balances_add(change->balances, change->backend, change->session, team, delta,
                               err);
}

/* The balances of the account and of the row's team follow the row from `before` (NULL: none). */
static int move_balances(struct ledger_change *change, const struct reservation *before,
                         const struct reservation *after, struct error *err)
{
    struct quota_usage gone = {0}, come = {0};
    int code = 0;

    if (before != NULL && strcmp(before->team, after->team) != 0) {
        count_row(&gone, before, -1);
        code = add_usage(change, before->team, &gone, err);
    } else if (before != NULL) {
        count_row(&come, before, -1);
    }
    count_row(&come, after, 1);
    return code != 0 ? code : add_usage(change, after->team, &come, err);
}

/*
 * From when the lease counts follows from what the journal tells, so that an audit can recompute
 * it: from the row's beginning, or from the change that gave drift to a team.
 */
static int check_lease_from(const struct reservation *before, const struct reservation *after,
                            int64_t at_ms, struct error *err)
{
    int64_t expected = after->created_ms;

    if (strcmp(after->team, RESERVATION_TEAM_UNASSIGNED) == 0)
        expected = 0;
    else if (before != NULL)
        expected =
            strcmp(before->team, RESERVATION_TEAM_UNASSIGNED) == 0 ? at_ms : before->lease_from_ms;
    if (after->lease_from_ms == expected)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "reservation %s: its lease_from_ms is %" PRId64 ", expected %" PRId64
                     ": created_ms, or the time of its assignment",
                     after->id, after->lease_from_ms, expected);
}

int ledger_logic_write(struct ledger_change *change, const char *event,
                       const struct reservation *before, const struct reservation *after,
                       const struct ledger_cause *cause, struct error *err)
{
    const struct ledger_entry entry = {.event = event,
                                       .row = after,
                                       .identity = before == NULL ||
                                                   strcmp(before->team, after->team) != 0 ||
                                                   strcmp(before->subject, after->subject) != 0,
                                       .cause = cause};
    int code = check_lease_from(before, after, cause->at_ms, err);

    if (code != 0)
        return code;
    change->wrote = true;
    if (before == NULL) {
        code = change->backend->insert_row(change->session, after, err);
        CRASH_POINT(LEDGER_ROW_INSERTED);
    } else {
        code = change->backend->update_row(change->session, before, after, err);
        CRASH_POINT(LEDGER_ROW_UPDATED);
    }
    if (code == 0)
        code = move_balances(change, before, after, err);
    if (code == 0)
        code = ledger_unit_time_settle(change->backend, change->session, change->windows, before,
                                       after, err);
    if (code == 0)
        code =
            ledger_journal_append(change->journal, change->backend, change->session, &entry, err);
    if (code == 0)
        ledger_recent_put(change->recent, after);
    return code;
}

static int check_text(const char *name, const char *text, size_t size, bool required,
                      struct error *err)
{
    const size_t len = strnlen(text, size);

    if (len == size)
        return error_set(err, ERROR_INVALID, "%s of the reservation has no end within %zu bytes",
                         name, size);
    if (required && len == 0)
        return error_set(err, ERROR_INVALID, "%s of the reservation is empty", name);
    return 0;
}

int ledger_logic_check_row(const struct reservation *row, struct error *err)
{
    const struct {
        const char *name;
        const char *text;
        size_t size;
        bool required;
    } texts[] = {
        {"id", row->id, sizeof(row->id), true},
        {"team", row->team, sizeof(row->team), true},
        {"subject", row->subject, sizeof(row->subject), false},
        {"project", row->project, sizeof(row->project), true},
        {"version", row->version, sizeof(row->version), true},
        {"client_token", row->client_token, sizeof(row->client_token), true},
        {"stop_token", row->stop_token, sizeof(row->stop_token), false},
        {"status", row->status, sizeof(row->status), false},
        {"refusal_type", row->refusal_type, sizeof(row->refusal_type), false},
        {"refusal_message", row->refusal_message, sizeof(row->refusal_message), false},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (check_text(texts[i].name, texts[i].text, texts[i].size, texts[i].required, err) != 0)
            return ERROR_INVALID;
    }
    if (row->body_len > sizeof(row->body))
        return error_set(err, ERROR_INVALID, "body of the reservation is %zu bytes, at most %zu",
                         row->body_len, sizeof(row->body));
    if (row->units < 1 || row->units > LEDGER_UNITS_MAX)
        return error_set(err, ERROR_INVALID,
                         "units of the reservation are %" PRId64 ", expected 1 to %d", row->units,
                         LEDGER_UNITS_MAX);
    if (row->created_ms < 0 || row->worst_end_ms < 0 || row->ended_ms < 0)
        return error_set(err, ERROR_INVALID,
                         "a time of the reservation is before the epoch: created_ms %" PRId64
                         ", worst_end_ms %" PRId64 ", ended_ms %" PRId64,
                         row->created_ms, row->worst_end_ms, row->ended_ms);
    if (row->ended_ms - row->created_ms > LEDGER_RUN_MAX_MS)
        return error_set(err, ERROR_INVALID,
                         "the reservation would have run for %" PRId64 " ms, at most %" PRId64,
                         row->ended_ms - row->created_ms, LEDGER_RUN_MAX_MS);
    if (!reservation_state_is_live(row->state) && row->closed_ms <= 0)
        return error_set(err, ERROR_INVALID, "a reservation that is %s needs its closed_ms",
                         reservation_state_name(row->state));
    return 0;
}

int ledger_logic_check_reserve(const struct ledger_reserve *request, struct error *err)
{
    if (request->row.state != RESERVATION_PENDING)
        return error_set(err, ERROR_INVALID, "a new reservation is %s, expected PENDING",
                         reservation_state_name(request->row.state));
    if (request->key != NULL) {
        const size_t len = strnlen(request->key, LEDGER_KEY_MAX + 1);

        if (len == 0 || len > LEDGER_KEY_MAX)
            return error_set(err, ERROR_INVALID, "the idempotency key is not 1 to %d bytes long",
                             LEDGER_KEY_MAX);
    }
    return ledger_logic_check_row(&request->row, err);
}

int ledger_logic_find_key(const struct ledger_backend *backend, struct ledger_session *session,
                          const char *team, const char *key,
                          const unsigned char fingerprint[LEDGER_FINGERPRINT_LEN],
                          struct ledger_reserve_result *out, struct error *err)
{
    struct ledger_key known;
    const int code = backend->get_key(session, team, key, &known, err);

    if (code != 0)
        return code;
    if (known.row.state == RESERVATION_VOID && reservation_end_rearms(known.row.end))
        return error_set(err, ERROR_NOT_FOUND, "the key's reservation never started (%s): re-armed",
                         reservation_end_name(known.row.end));
    out->outcome = memcmp(known.fingerprint, fingerprint, LEDGER_FINGERPRINT_LEN) == 0
                       ? LEDGER_REPLAY
                       : LEDGER_KEY_REUSED;
    out->row = known.row;
    out->fence_until_ms = 0;
    return 0;
}

static int put_key(struct ledger_change *change, const struct ledger_reserve *request,
                   const char *id, struct error *err)
{
    int code;

    if (request->key == NULL || request->dry_run)
        return 0;
    change->wrote = true;
    code = change->backend->put_key(change->session, request->row.team, request->key,
                                    request->fingerprint, id, err);
    CRASH_POINT(LEDGER_KEY_WRITTEN);
    return code;
}

/*
 * A repeat of the same wish joins the row that fulfils it. Not one that is being stopped: the key
 * would replay the stop for a day instead of starting the model again.
 */
static int join_held(struct ledger_change *change, const struct ledger_reserve *request,
                     const struct reservation *held, struct error *err)
{
    const struct ledger_entry entry = {.event = "join", .row = held, .cause = &request->cause};
    int code;

    if (strcmp(held->team, request->row.team) != 0 || held->min_units != request->row.min_units ||
        held->max_units != request->row.max_units || held->state == RESERVATION_STOPPING)
        return 0;
    code = put_key(change, request, held->id, err);
    if (code == 0 && change->wrote)
        code =
            ledger_journal_append(change->journal, change->backend, change->session, &entry, err);
    return code;
}

static int insert_row(struct ledger_change *change, const struct ledger_reserve *request,
                      struct ledger_reserve_result *out, struct error *err)
{
    int code;

    out->outcome = LEDGER_RESERVED;
    out->row = request->row;
    out->row.row_version = 1;
    if (request->dry_run)
        return 0;
    code = ledger_logic_write(change, "reserve", NULL, &out->row, &request->cause, err);
    if (code == 0)
        code = put_key(change, request, out->row.id, err);
    return code;
}

int ledger_logic_open_books(struct ledger_change *change, const char *team, int64_t now_ms,
                            struct ledger_books *books, struct error *err)
{
    ledger_books_open(books, change->backend, change->session, team, now_ms);
    books->windows = change->windows;
    return ledger_balances_get(change->balances, change->backend, change->session, team,
                               &books->books.account, &books->books.team, err);
}

static int find_freeze(struct ledger_change *change, const char *team, struct ledger_freeze *out,
                       bool *frozen, struct error *err)
{
    size_t count = 0;
    int code = 0;

    *frozen = false;
    if (*change->freezes == LEDGER_FREEZES_UNKNOWN) {
        code = change->backend->list_freezes(change->session, out, 1, &count, err);
        if (code != 0)
            return code;
        *change->freezes = count == 0 ? LEDGER_FREEZES_NONE : LEDGER_FREEZES_SOME;
    }
    if (*change->freezes == LEDGER_FREEZES_NONE)
        return 0;
    code = change->backend->get_freeze(change->session, team, out, err);
    *frozen = code == 0;
    return code == ERROR_NOT_FOUND ? 0 : code;
}

static int decide(struct ledger_change *change, const struct ledger_reserve *request,
                  struct ledger_reserve_result *out, struct error *err)
{
    const struct reservation *row = &request->row;
    struct ledger_books books;
    int64_t doubt_ms = 0;
    bool admitted = false, frozen = false;
    int code = change->backend->get_stop_doubt(change->session, row->project, row->version,
                                               &doubt_ms, err);

    if (code != 0)
        return code;
    if (doubt_ms > 0 && doubt_ms + request->quiet_ms > request->now_ms) {
        out->outcome = LEDGER_FENCED;
        out->fence_until_ms = doubt_ms + request->quiet_ms;
        return 0;
    }
    code = find_freeze(change, row->team, &out->freeze, &frozen, err);
    if (code != 0)
        return code;
    if (frozen) {
        out->outcome = LEDGER_FROZEN;
        return 0;
    }
    code = ledger_logic_open_books(change, row->team, request->now_ms, &books, err);
    if (code == 0)
        code = request->decide(request->decide_context, &books.books, &admitted, err);
    ledger_books_close(&books);
    if (code != 0)
        return code;
    if (!admitted) {
        out->outcome = LEDGER_REFUSED;
        return 0;
    }
    return insert_row(change, request, out, err);
}

int ledger_logic_reserve(struct ledger_change *change, const struct ledger_reserve *request,
                         struct ledger_reserve_result *out, struct error *err)
{
    const struct reservation *row = &request->row;
    int code = ERROR_NOT_FOUND;

    memset(out, 0, sizeof(*out));
    if (request->key != NULL)
        code = ledger_logic_find_key(change->backend, change->session, row->team, request->key,
                                     request->fingerprint, out, err);
    if (code != ERROR_NOT_FOUND)
        return code;
    code = change->backend->get_live(change->session, row->project, row->version, &out->row, err);
    if (code == ERROR_NOT_FOUND)
        return decide(change, request, out, err);
    if (code != 0)
        return code;
    out->outcome = LEDGER_HELD;
    return join_held(change, request, &out->row, err);
}

/* What is fixed for life, and what may change in one direction only. */
static bool keeps_what_is_fixed(const struct reservation *before, const struct reservation *after)
{
    const bool assigned = strcmp(before->team, RESERVATION_TEAM_UNASSIGNED) == 0;

    if (!assigned &&
        (strcmp(before->team, after->team) != 0 || strcmp(before->subject, after->subject) != 0))
        return false;
    return strcmp(before->project, after->project) == 0 &&
           strcmp(before->version, after->version) == 0 && before->units <= after->units &&
           before->min_units == after->min_units && before->max_units == after->max_units &&
           before->created_ms == after->created_ms && before->origin == after->origin &&
           strcmp(before->client_token, after->client_token) == 0 &&
           before->body_len == after->body_len &&
           memcmp(before->body, after->body, before->body_len) == 0;
}

static int check_edge(const struct reservation *before, const struct reservation *after,
                      struct error *err)
{
    if (!reservation_state_may_become(before->state, after->state))
        return error_set(err, ERROR_INVALID, "reservation %s is %s and can't become %s", after->id,
                         reservation_state_name(before->state),
                         reservation_state_name(after->state));
    if (!keeps_what_is_fixed(before, after))
        return error_set(err, ERROR_INVALID,
                         "reservation %s: identity, client token and body are fixed for life, "
                         "units only grow, and only one of team " RESERVATION_TEAM_UNASSIGNED
                         " gets another team",
                         after->id);
    return 0;
}

/* One live row a model: a finished one can only be reopened while no other holds the model. */
static int check_reopen(struct ledger_change *change, const struct reservation *before,
                        const struct reservation *after, struct error *err)
{
    struct reservation other;
    int code;

    if (reservation_state_is_live(before->state) || !reservation_state_is_live(after->state))
        return 0;
    code = change->backend->get_live(change->session, after->project, after->version, &other, err);
    if (code == ERROR_NOT_FOUND)
        return 0;
    if (code != 0)
        return code;
    return error_set(err, ERROR_REFUSED,
                     "reservation %s can't be reopened: %s of team %s holds %s/%s now", after->id,
                     other.id, other.team, other.project, other.version);
}

int ledger_logic_get(struct ledger_change *change, const char *id, int64_t row_version,
                     struct reservation *out, struct error *err)
{
    int code = 0;

    if (!ledger_recent_get(change->recent, id, out))
        code = change->backend->get_row(change->session, id, out, err);
    if (code == 0 && out->row_version != row_version)
        return error_set(err, ERROR_CONFLICT,
                         "reservation %s is at version %" PRId64 ", expected %" PRId64
                         ": read it again",
                         id, out->row_version, row_version);
    return code;
}

int ledger_logic_update(struct ledger_change *change, const struct reservation *row,
                        const struct ledger_cause *cause, struct error *err)
{
    struct reservation before, after;
    int code = ledger_logic_get(change, row->id, row->row_version, &before, err);

    if (code != 0)
        return code;
    if (change->settles &&
        (before.state != RESERVATION_PENDING || row->state != RESERVATION_ACTIVE))
        return error_set(err, ERROR_INVALID,
                         "reservation %s: %s to %s is no settling of an accepted start", row->id,
                         reservation_state_name(before.state), reservation_state_name(row->state));
    code = check_edge(&before, row, err);
    if (code == 0)
        code = check_reopen(change, &before, row, err);
    if (code != 0)
        return code;
    after = *row;
    after.row_version++;
    return ledger_logic_write(change, "update", &before, &after, cause, err);
}

int ledger_logic_pin(struct ledger_change *change, const char *name, const char *value,
                     struct error *err)
{
    char known[LEDGER_META_MAX + 1];
    const int code = change->backend->get_meta(change->session, name, known, err);

    if (code == ERROR_NOT_FOUND) {
        change->wrote = true;
        return change->backend->put_meta(change->session, name, value, err);
    }
    if (code != 0)
        return code;
    if (strcmp(known, value) != 0)
        return error_set(err, ERROR_REFUSED,
                         "this ledger belongs to %s %s, but the gateway is set to %s: correct the "
                         "setting or use another ledger",
                         name, known, value);
    return 0;
}

int ledger_logic_forget_keys(struct ledger_change *change, int64_t before_ms, size_t *forgotten,
                             bool *more, struct error *err)
{
    char text[24]; /* an int64_t in decimal */
    size_t rows = 0;
    int code;

    change->wrote = true;
    code = change->backend->forget_keys(change->session, before_ms, LEDGER_FORGET_ROWS, &rows,
                                        forgotten, err);
    CRASH_POINT(LEDGER_KEYS_FORGOTTEN);
    *more = rows == LEDGER_FORGET_ROWS;
    if (code != 0)
        return code;
    snprintf(text, sizeof(text), "%" PRId64, before_ms);
    return change->backend->put_meta(change->session, "keys_forgotten_before_ms", text, err);
}
