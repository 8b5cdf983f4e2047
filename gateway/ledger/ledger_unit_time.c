/* Sums of what is settled, and what is live beside them. */
#include "gateway/ledger/ledger_unit_time.h"

#include "policy/unit_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_QUARTERS 96 /* LEDGER_QUARTER_MS each */

int64_t ledger_unit_time_overlap(int64_t a_ms, int64_t b_ms, int64_t from_ms, int64_t until_ms)
{
    const int64_t begin = a_ms > from_ms ? a_ms : from_ms;
    const int64_t end = b_ms < until_ms ? b_ms : until_ms;

    return end > begin ? end - begin : 0;
}

/* --- settled ------------------------------------------------------------------------------- */

bool ledger_unit_time_settled(const struct reservation *row, int64_t *from_ms, int64_t *until_ms)
{
    *from_ms = row->created_ms;
    *until_ms = row->ended_ms;
    switch (row->state) {
    case RESERVATION_CLOSED:
        return row->ended_ms > row->created_ms;
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
    case RESERVATION_ACTIVE:
    case RESERVATION_STOPPING:
    case RESERVATION_VOID:
        return false;
    }
    return false;
}

/* Adds `units` x [from, until) to every bucket of one length that it touches. */
static int add_to_buckets(const struct ledger_backend *backend, struct ledger_session *session,
                          const char *scope, enum ledger_span span, int64_t units, int64_t from_ms,
                          int64_t until_ms, struct error *err)
{
    const int64_t length_ms = ledger_span_ms(span);
    int code = 0;

    for (int64_t bucket = from_ms / length_ms; code == 0 && bucket * length_ms < until_ms;
         bucket++) {
        const int64_t part_ms = ledger_unit_time_overlap(from_ms, until_ms, bucket * length_ms,
                                                         (bucket + 1) * length_ms);

        code = backend->add_settled(session, scope, span, bucket, units * part_ms, err);
    }
    return code;
}

/* Windows lie on quarter-hours, and so never cut a bucket. */
static void move_windows(struct ledger_windows *windows, const char *scope, int64_t units,
                         int64_t from_ms, int64_t until_ms)
{
    for (size_t i = 0; i < windows->count; i++) {
        struct ledger_window *window = &windows->of[i];
        const int64_t end_ms = window->until < INT64_MAX / LEDGER_QUARTER_MS
                                   ? window->until * LEDGER_QUARTER_MS
                                   : INT64_MAX;

        if (strcmp(window->scope, scope) == 0)
            window->unit_ms +=
                units * ledger_unit_time_overlap(from_ms, until_ms,
                                                 window->from * LEDGER_QUARTER_MS, end_ms);
    }
}

void ledger_windows_forget(struct ledger_windows *windows)
{
    windows->count = windows->next = 0;
}

/* `sign` 1 or -1: whoever settles anew takes back exactly what he had settled. */
static int add_settled(const struct ledger_backend *backend, struct ledger_session *session,
                       struct ledger_windows *windows, const struct reservation *row, int64_t sign,
                       struct error *err)
{
    const char *const scopes[] = {LEDGER_ACCOUNT_SCOPE, row->team};
    int64_t from_ms, until_ms;
    int code = 0;

    if (!ledger_unit_time_settled(row, &from_ms, &until_ms))
        return 0;
    for (int i = 0; code == 0 && i < 2; i++) {
        code = add_to_buckets(backend, session, scopes[i], LEDGER_QUARTERS, sign * row->units,
                              from_ms, until_ms, err);
        if (code == 0)
            code = add_to_buckets(backend, session, scopes[i], LEDGER_DAYS, sign * row->units,
                                  from_ms, until_ms, err);
        move_windows(windows, scopes[i], sign * row->units, from_ms, until_ms);
    }
    return code;
}

int ledger_unit_time_settle(const struct ledger_backend *backend, struct ledger_session *session,
                            struct ledger_windows *windows, const struct reservation *before,
                            const struct reservation *after, struct error *err)
{
    int64_t from_ms, until_ms, new_from_ms, new_until_ms;
    const bool had = before != NULL && ledger_unit_time_settled(before, &from_ms, &until_ms);
    const bool has = ledger_unit_time_settled(after, &new_from_ms, &new_until_ms);
    int code = 0;

    if (had && has && from_ms == new_from_ms && until_ms == new_until_ms &&
        before->units == after->units && strcmp(before->team, after->team) == 0)
        return 0;
    if (had)
        code = add_settled(backend, session, windows, before, -1, err);
    if (code == 0 && has)
        code = add_settled(backend, session, windows, after, 1, err);
    return code;
}

static int sum(const struct ledger_books *books, const char *scope, enum ledger_span span,
               int64_t from, int64_t until, int64_t *total, struct error *err)
{
    int64_t part = 0;
    int code;

    if (from >= until)
        return 0;
    code = books->backend->sum_settled(books->session, scope, span, from, until, &part, err);
    if (code == 0)
        *total = unit_time_add(*total, part);
    return code;
}

/* Whole days by their own sums, and the quarter-hours at both ends. */
static int sum_buckets(const struct ledger_books *books, const char *scope, int64_t first,
                       int64_t end, int64_t *total, struct error *err)
{
    const int64_t first_day = first / DAY_QUARTERS + (first % DAY_QUARTERS != 0);
    const int64_t end_day = end / DAY_QUARTERS;
    int code;

    *total = 0;
    if (first_day >= end_day)
        return sum(books, scope, LEDGER_QUARTERS, first, end, total, err);
    code = sum(books, scope, LEDGER_QUARTERS, first, first_day * DAY_QUARTERS, total, err);
    if (code == 0)
        code = sum(books, scope, LEDGER_DAYS, first_day, end_day, total, err);
    if (code == 0)
        code = sum(books, scope, LEDGER_QUARTERS, end_day * DAY_QUARTERS, end, total, err);
    return code;
}

static bool recall(const struct ledger_windows *windows, const char *scope, int64_t from,
                   int64_t until, int64_t *unit_ms)
{
    for (size_t i = 0; windows != NULL && i < windows->count; i++) {
        const struct ledger_window *window = &windows->of[i];

        if (window->from == from && window->until == until && strcmp(window->scope, scope) == 0) {
            *unit_ms = window->unit_ms;
            return true;
        }
    }
    return false;
}

static void remember(struct ledger_windows *windows, const char *scope, int64_t from, int64_t until,
                     int64_t unit_ms)
{
    struct ledger_window *window;

    if (windows == NULL)
        return;
    if (windows->count < LEDGER_WINDOWS_MAX)
        window = &windows->of[windows->count++];
    else
        window = &windows->of[windows->next++ % LEDGER_WINDOWS_MAX];
    *window = (struct ledger_window){.from = from, .until = until, .unit_ms = unit_ms};
    (void)snprintf(window->scope, sizeof(window->scope), "%s", scope);
}

static int sum_settled(const struct ledger_books *books, const char *scope, int64_t from_ms,
                       int64_t until_ms, int64_t *total, struct error *err)
{
    const int64_t first = from_ms / LEDGER_QUARTER_MS;
    const int64_t end = until_ms / LEDGER_QUARTER_MS + (until_ms % LEDGER_QUARTER_MS != 0);
    int code;

    if (recall(books->windows, scope, first, end, total))
        return 0;
    code = sum_buckets(books, scope, first, end, total, err);
    if (code == 0)
        remember(books->windows, scope, first, end, *total);
    return code;
}

/* --- books --------------------------------------------------------------------------------- */

static int keep_live(void *context, const char *team, const struct ledger_live_time *row,
                     struct error *err)
{
    struct ledger_live_times *live = context;

    (void)team;
    if (live->count == live->capacity) {
        const size_t capacity = live->capacity == 0 ? 64 : 2 * live->capacity;
        struct ledger_live_time *rows = realloc(live->rows, capacity * sizeof(*rows));

        if (rows == NULL)
            return error_set(err, ERROR_NOMEM, "out of memory for %zu live reservations", capacity);
        live->rows = rows;
        live->capacity = capacity;
    }
    live->rows[live->count++] = *row;
    return 0;
}

/* The live rows of a scope; borrowed from the books. */
static int read_live(struct ledger_books *books, enum quota_scope scope,
                     struct ledger_live_times **out, struct error *err)
{
    struct ledger_live_times *live = &books->live[scope];
    int code = 0;

    if (!live->known)
        code = books->backend->each_live_time(
            books->session, scope == QUOTA_SCOPE_TEAM ? books->team : NULL, keep_live, live, err);
    live->known = code == 0;
    *out = live;
    return code;
}

static void add_live(const struct ledger_live_time *row, int64_t now_ms, int64_t from_ms,
                     int64_t until_ms, struct quota_unit_time *out)
{
    const int64_t turn_ms = now_ms > row->created_ms ? now_ms : row->created_ms;
    const int64_t used_ms = ledger_unit_time_overlap(row->created_ms, turn_ms, from_ms, until_ms);
    const int64_t rest_ms = ledger_unit_time_overlap(turn_ms, row->worst_end_ms, from_ms, until_ms);

    out->used = unit_time_add(out->used, unit_time_multiply(row->units, used_ms));
    out->reserved = unit_time_add(out->reserved, unit_time_multiply(row->units, rest_ms));
}

static int unit_time(void *self, enum quota_scope scope, int64_t from_ms, int64_t until_ms,
                     struct quota_unit_time *out, struct error *err)
{
    struct ledger_books *books = self;
    const char *name = scope == QUOTA_SCOPE_TEAM ? books->team : LEDGER_ACCOUNT_SCOPE;
    struct ledger_live_times *live;
    int code;

    *out = (struct quota_unit_time){0};
    if (from_ms < 0 || until_ms < from_ms)
        return error_set(err, ERROR_INVALID,
                         "unit-time was asked for from %" PRId64 " until %" PRId64, from_ms,
                         until_ms);
    if (name == NULL)
        return 0; /* the books of no team */
    code = read_live(books, scope, &live, err);
    if (code == 0)
        code = sum_settled(books, name, from_ms, until_ms, &out->used, err);
    for (size_t i = 0; code == 0 && i < live->count; i++)
        add_live(&live->rows[i], books->now_ms, from_ms, until_ms, out);
    return code;
}

static int find_held_until(void *self, enum quota_scope scope, int64_t *until_ms, struct error *err)
{
    struct ledger_live_times *live;
    const int code = read_live(self, scope, &live, err);

    *until_ms = 0;
    for (size_t i = 0; code == 0 && i < live->count; i++)
        if (live->rows[i].worst_end_ms > *until_ms)
            *until_ms = live->rows[i].worst_end_ms;
    return code;
}

void ledger_books_open(struct ledger_books *books, const struct ledger_backend *backend,
                       struct ledger_session *session, const char *team, int64_t now_ms)
{
    *books = (struct ledger_books){
        .backend = backend, .session = session, .team = team, .now_ms = now_ms};
    books->books.unit_time = unit_time;
    books->books.held_until = find_held_until;
    books->books.self = books;
}

void ledger_books_close(struct ledger_books *books)
{
    for (int i = 0; i < 2; i++) {
        free(books->live[i].rows);
        books->live[i] = (struct ledger_live_times){.known = false};
    }
}
