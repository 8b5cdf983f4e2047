/* Balances and unit-time from rows, by pages of days. */
#include "gateway/ledger/ledger_verify_sums.h"

#include "gateway/base/clock.h"
#include "gateway/ledger/ledger_unit_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_DAYS     32
#define DAY_QUARTERS  96
#define PAGE_QUARTERS (PAGE_DAYS * DAY_QUARTERS)

struct quarter {
    int64_t part; /* unit-ms of rows that begin or end in it; at last all of it */
    int64_t rate; /* units that run from its beginning on, more or fewer than in the one before */
};

struct page {
    int64_t number;
    struct quarter quarters[PAGE_QUARTERS];
    int64_t days[PAGE_DAYS];
    bool quarter_checked[PAGE_QUARTERS], day_checked[PAGE_DAYS];
};

struct scope {
    char name[RESERVATION_TEAM_MAX + 1];
    struct quota_usage usage;
    bool usage_checked;
    struct page **pages; /* in their order */
    size_t page_count;
};

struct verify_sums {
    struct scope *scopes; /* the first is the account's */
    size_t count;
};

/* --- scopes and pages ---------------------------------------------------------------------- */

static struct scope *find_scope(const struct verify_sums *sums, const char *name)
{
    for (size_t i = 0; i < sums->count; i++) {
        if (strcmp(sums->scopes[i].name, name) == 0)
            return &sums->scopes[i];
    }
    return NULL;
}

static struct scope *make_scope(struct verify_sums *sums, const char *name)
{
    struct scope *scopes = realloc(sums->scopes, (sums->count + 1) * sizeof(*scopes));
    struct scope *scope;

    if (scopes == NULL)
        return NULL;
    sums->scopes = scopes;
    scope = &scopes[sums->count++];
    memset(scope, 0, sizeof(*scope));
    snprintf(scope->name, sizeof(scope->name), "%s", name);
    return scope;
}

/* The first page of that number or a later one. */
static size_t page_index(const struct scope *scope, int64_t number)
{
    size_t low = 0, high = scope->page_count;

    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (scope->pages[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct page *find_page(const struct scope *scope, int64_t number)
{
    const size_t at = page_index(scope, number);

    return at < scope->page_count && scope->pages[at]->number == number ? scope->pages[at] : NULL;
}

static struct page *make_page(struct scope *scope, int64_t number)
{
    const size_t at = page_index(scope, number);
    struct page **pages;
    struct page *page;

    if (at < scope->page_count && scope->pages[at]->number == number)
        return scope->pages[at];
    pages = realloc(scope->pages, (scope->page_count + 1) * sizeof(struct page *));
    if (pages == NULL)
        return NULL;
    scope->pages = pages;
    page = calloc(1, sizeof(*page));
    if (page == NULL)
        return NULL;
    page->number = number;
    memmove(pages + at + 1, pages + at, (scope->page_count - at) * sizeof(struct page *));
    pages[at] = page;
    scope->page_count++;
    return page;
}

int verify_sums_create(struct verify_sums **out, struct error *err)
{
    *out = calloc(1, sizeof(**out));
    if (*out != NULL && make_scope(*out, LEDGER_ACCOUNT_SCOPE) != NULL)
        return 0;
    verify_sums_free(out);
    return error_set(err, ERROR_NOMEM, "out of memory for the check");
}

void verify_sums_free(struct verify_sums **sums)
{
    if (*sums == NULL)
        return;
    for (size_t i = 0; i < (*sums)->count; i++) {
        for (size_t p = 0; p < (*sums)->scopes[i].page_count; p++)
            free((*sums)->scopes[i].pages[p]);
        free((*sums)->scopes[i].pages);
    }
    free((*sums)->scopes);
    free(*sums);
    *sums = NULL;
}

/* --- adding -------------------------------------------------------------------------------- */

static void add_usage(struct quota_usage *usage, const struct reservation *row)
{
    switch (row->state) {
    case RESERVATION_ACTIVE:
    case RESERVATION_STOPPING:
        usage->used_units += row->units;
        usage->used_models++;
        break;
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
        usage->reserved_units += row->units;
        usage->reserved_models++;
        break;
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        break;
    }
}

/* `units` run from `at_ms` on (negative: stop): the rest of that quarter, and all that follow. */
static void add_edge(struct scope *scope, int64_t at_ms, int64_t units)
{
    const int64_t next = at_ms / LEDGER_QUARTER_MS + 1;
    struct page *page = find_page(scope, (next - 1) / PAGE_QUARTERS);

    page->quarters[(next - 1) % PAGE_QUARTERS].part += units * (next * LEDGER_QUARTER_MS - at_ms);
    page = find_page(scope, next / PAGE_QUARTERS);
    page->quarters[next % PAGE_QUARTERS].rate += units;
}

/* Every page that the row runs through is there afterwards, and the one of the quarter behind it.
 */
static int make_pages(struct scope *scope, int64_t from_ms, int64_t until_ms, struct error *err)
{
    const int64_t last = (until_ms / LEDGER_QUARTER_MS + 1) / PAGE_QUARTERS;

    for (int64_t number = from_ms / LEDGER_QUARTER_MS / PAGE_QUARTERS; number <= last; number++) {
        if (make_page(scope, number) == NULL)
            return error_set(err, ERROR_NOMEM, "out of memory for the sums of %s", scope->name);
    }
    return 0;
}

static int add_to_scope(struct scope *scope, const struct reservation *row, struct error *err)
{
    int code;

    add_usage(&scope->usage, row);
    if (row->state != RESERVATION_CLOSED || row->ended_ms <= row->created_ms)
        return 0;
    code = make_pages(scope, row->created_ms, row->ended_ms, err);
    if (code != 0)
        return code;
    add_edge(scope, row->created_ms, row->units);
    add_edge(scope, row->ended_ms, -row->units);
    return 0;
}

int verify_sums_add(struct verify_sums *sums, const struct reservation *row, struct error *err)
{
    struct scope *team = find_scope(sums, row->team);
    int code;

    if (team == NULL)
        team = make_scope(sums, row->team);
    if (team == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the sums of team %s", row->team);
    code = add_to_scope(team, row, err);
    return code != 0 ? code : add_to_scope(&sums->scopes[0], row, err);
}

/* Along the time: what runs from quarter to quarter is added to what begins and ends in it. */
static void finish_scope(struct scope *scope)
{
    int64_t rate = 0;

    for (size_t p = 0; p < scope->page_count; p++) {
        struct page *page = scope->pages[p];

        for (int q = 0; q < PAGE_QUARTERS; q++) {
            rate += page->quarters[q].rate;
            page->quarters[q].part += rate * LEDGER_QUARTER_MS;
            page->days[q / DAY_QUARTERS] += page->quarters[q].part;
        }
    }
}

void verify_sums_finish(struct verify_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++)
        finish_scope(&sums->scopes[i]);
}

/* --- comparing ----------------------------------------------------------------------------- */

static int refuse_usage(const char *scope, const struct quota_usage *expected,
                        const struct quota_usage *seen, struct error *err)
{
    return error_set(
        err, ERROR_REFUSED,
        "the balance of %s%s is %" PRId64 " units used and %" PRId64 " reserved, %" PRId64
        " models used and %" PRId64 " reserved; the rows add up to %" PRId64 ", %" PRId64
        ", %" PRId64 " and %" PRId64,
        scope[0] != '\0' ? "team " : "the account", scope, seen->used_units, seen->reserved_units,
        seen->used_models, seen->reserved_models, expected->used_units, expected->reserved_units,
        expected->used_models, expected->reserved_models);
}

int verify_sums_check_usage(struct verify_sums *sums, const char *name,
                            const struct quota_usage *usage, struct error *err)
{
    static const struct quota_usage nothing;
    struct scope *scope = find_scope(sums, name);
    const struct quota_usage *expected = scope != NULL ? &scope->usage : &nothing;

    if (scope != NULL)
        scope->usage_checked = true;
    return memcmp(expected, usage, sizeof(*usage)) == 0 ? 0
                                                        : refuse_usage(name, expected, usage, err);
}

static int refuse_settled(const char *scope, enum ledger_span span, int64_t bucket,
                          int64_t expected, int64_t seen, struct error *err)
{
    char at[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(bucket * ledger_span_ms(span), at);
    return error_set(err, ERROR_REFUSED,
                     "the settled unit-time of %s%s in the %s from %s is %" PRId64
                     " unit-milliseconds; the rows add up to %" PRId64,
                     scope[0] != '\0' ? "team " : "the account", scope,
                     span == LEDGER_QUARTERS ? "quarter-hour" : "day", at, seen, expected);
}

int verify_sums_check_settled(struct verify_sums *sums, const char *name, enum ledger_span span,
                              int64_t bucket, int64_t unit_ms, struct error *err)
{
    const int64_t length = span == LEDGER_QUARTERS ? PAGE_QUARTERS : PAGE_DAYS;
    const struct scope *scope = find_scope(sums, name);
    struct page *page = scope != NULL && bucket >= 0 ? find_page(scope, bucket / length) : NULL;
    int64_t expected = 0;

    if (page != NULL && span == LEDGER_QUARTERS) {
        expected = page->quarters[bucket % length].part;
        page->quarter_checked[bucket % length] = true;
    } else if (page != NULL) {
        expected = page->days[bucket % length];
        page->day_checked[bucket % length] = true;
    }
    return expected == unit_ms ? 0 : refuse_settled(name, span, bucket, expected, unit_ms, err);
}

static int check_page(const char *scope, const struct page *page, struct error *err)
{
    for (int q = 0; q < PAGE_QUARTERS; q++) {
        if (!page->quarter_checked[q] && page->quarters[q].part != 0)
            return refuse_settled(scope, LEDGER_QUARTERS, page->number * PAGE_QUARTERS + q,
                                  page->quarters[q].part, 0, err);
    }
    for (int d = 0; d < PAGE_DAYS; d++) {
        if (!page->day_checked[d] && page->days[d] != 0)
            return refuse_settled(scope, LEDGER_DAYS, page->number * PAGE_DAYS + d, page->days[d],
                                  0, err);
    }
    return 0;
}

int verify_sums_check_rest(const struct verify_sums *sums, struct error *err)
{
    static const struct quota_usage nothing;
    int code = 0;

    for (size_t i = 0; code == 0 && i < sums->count; i++) {
        const struct scope *scope = &sums->scopes[i];

        if (!scope->usage_checked && memcmp(&scope->usage, &nothing, sizeof(nothing)) != 0)
            return refuse_usage(scope->name, &scope->usage, &nothing, err);
        for (size_t p = 0; code == 0 && p < scope->page_count; p++)
            code = check_page(scope->name, scope->pages[p], err);
    }
    return code;
}
