/* Sums, their comparison with the ledger's books, and promise 2. */
#include "tests/money/promise_model.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_MAX 8192
#define LIVE_MAX   64
#define EVERY      50 /* checks, until periods without a change are compared again */

static const struct promise_scope scopes_at_first[PROMISE_SCOPES] = {
    {.team = "",
     .window_count = 3,
     .windows = {{.window = {SLOW_BERLIN, SLOW_MONTH, 0, 0}, .amount_hours = 600},
                 {.window = {SLOW_NEW_YORK, SLOW_DAY, 0, 6 * 60}, .amount_hours = 150},
                 {.window = {SLOW_UTC, SLOW_TOTAL, 0, 0}, .amount_hours = 1500}}},
    {.team = "red",
     .window_count = 3,
     .windows = {{.window = {SLOW_BERLIN, SLOW_DAY, 0, 0}, .amount_hours = 60},
                 {.window = {SLOW_NEW_YORK, SLOW_WEEK, 6, 0}, .amount_hours = 200},
                 {.window = {SLOW_BERLIN, SLOW_MONTH, 0, 22 * 60}, .amount_hours = 350}}},
    {.team = "green",
     .window_count = 2,
     .windows = {{.window = {SLOW_UTC, SLOW_DAY, 0, 6 * 60}, .amount_hours = 80},
                 {.window = {SLOW_UTC, SLOW_TOTAL, 0, 0}, .amount_hours = 500}}},
    {.team = "blue",
     .window_count = 4,
     .windows = {{.window = {SLOW_NEW_YORK, SLOW_MONTH, 0, 0}, .amount_hours = 300},
                 /* a start of the day that one change skips and the other repeats */
                 {.window = {SLOW_BERLIN, SLOW_DAY, 0, 2 * 60 + 30}, .amount_hours = 70},
                 {.window = {SLOW_NEW_YORK, SLOW_DAY, 0, 60 + 30}, .amount_hours = 70},
                 {.window = {SLOW_BERLIN, SLOW_WEEK, 3, 12 * 60}, .amount_hours = 200}}},
};

static int64_t whole_days(int64_t at_ms)
{
    return at_ms - at_ms % DAY_MS;
}

void promise_model_make(struct promise_model *model, int64_t begin_ms, int64_t allowance_ms)
{
    memset(model, 0, sizeof(*model));
    memcpy(model->scopes, scopes_at_first, sizeof(model->scopes));
    model->allowance_ms = allowance_ms;
    for (size_t s = 0; s < PROMISE_SCOPES; s++) {
        for (size_t w = 0; w < model->scopes[s].window_count; w++) {
            struct promise_window *window = &model->scopes[s].windows[w];
            slow_calendar_make(&window->calendar, &window->window,
                               whole_days(begin_ms) - 40 * DAY_MS,
                               whole_days(begin_ms) + 80 * DAY_MS);
            window->periods = calloc(window->calendar.periods, sizeof(*window->periods));
            assert_non_null(window->periods);
        }
    }
}

void promise_model_free(struct promise_model *model)
{
    for (size_t s = 0; s < PROMISE_SCOPES; s++) {
        for (size_t w = 0; w < model->scopes[s].window_count; w++) {
            slow_calendar_free(&model->scopes[s].windows[w].calendar);
            free(model->scopes[s].windows[w].periods);
        }
    }
}

/* --- the policy ---------------------------------------------------------------------------- */

static int write_window(const struct promise_window *window, char *out, size_t size)
{
    static const char *const periods[] = {"day", "week", "month", "total"};
    static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday"};
    const struct slow_window *spec = &window->window;
    int len = snprintf(out, size, "{\"amount\":%lld,\"period\":\"%s\"",
                       (long long)window->amount_hours, periods[spec->period]);
    if (spec->period != SLOW_TOTAL)
        len += snprintf(
            out + len, size - (size_t)len, ",\"time_zone\":\"%s\",\"day_starts\":\"%02u:%02u\"",
            slow_zone_name(spec->zone), spec->day_start_minutes / 60, spec->day_start_minutes % 60);
    if (spec->period == SLOW_WEEK)
        len += snprintf(out + len, size - (size_t)len, ",\"week_starts\":\"%s\"",
                        days[spec->week_start]);
    return len + snprintf(out + len, size - (size_t)len, "}");
}

static int write_windows(const struct promise_scope *scope, char *out, size_t size)
{
    int len = snprintf(out, size, "\"unit_hours\":[");
    for (size_t w = 0; w < scope->window_count; w++) {
        len += snprintf(out + len, size - (size_t)len, "%s", w > 0 ? "," : "");
        len += write_window(&scope->windows[w], out + len, size - (size_t)len);
    }
    return len + snprintf(out + len, size - (size_t)len, "]");
}

const char *promise_model_policy(const struct promise_model *model)
{
    static char text[POLICY_MAX];
    int len = snprintf(text, sizeof(text), "{\"version\":1,\"account\":{");
    len += write_windows(&model->scopes[0], text + len, sizeof(text) - (size_t)len);
    len += snprintf(text + len, sizeof(text) - (size_t)len, "},\"teams\":{");
    for (size_t s = 1; s < PROMISE_SCOPES; s++) {
        len += snprintf(text + len, sizeof(text) - (size_t)len,
                        "%s\"%s\":{\"projects\":[\"*\"],\"limits\":{"
                        "\"lease\":{\"max_minutes\":%d},",
                        s > 1 ? "," : "", model->scopes[s].team, PROMISE_LEASE_MAX_MINUTES);
        len += write_windows(&model->scopes[s], text + len, sizeof(text) - (size_t)len);
        len += snprintf(text + len, sizeof(text) - (size_t)len, "}}");
    }
    len += snprintf(text + len, sizeof(text) - (size_t)len, "}}");
    assert_true(len < POLICY_MAX);
    return text;
}

/* --- sums ---------------------------------------------------------------------------------- */

static bool is_of(const struct promise_scope *scope, const char *team)
{
    return scope->team[0] == '\0' || strcmp(scope->team, team) == 0;
}

static void sum_window(const struct promise_model *model, const struct promise_scope *scope,
                       struct promise_window *window, int64_t now_ms)
{
    static struct slow_unit_time sums[SLOW_PERIODS_MAX];
    memset(sums, 0, sizeof(sums));
    for (size_t i = 0; i < model->lease_count; i++)
        if (is_of(scope, model->leases[i].counted.team))
            slow_add_lease(&window->calendar, &model->leases[i].counted, now_ms, sums);
    for (size_t p = 0; p < window->calendar.periods; p++)
        window->periods[p].now = sums[p];
}

static bool window_fits(const struct promise_window *window, const struct promise_request *request)
{
    static struct slow_unit_time wanted[SLOW_PERIODS_MAX];
    struct slow_lease lease = {.units = request->units,
                               .created_ms = request->from_ms,
                               .worst_end_ms = request->until_ms,
                               .live = true,
                               .counts = true};
    memset(wanted, 0, sizeof(wanted));
    slow_add_lease(&window->calendar, &lease, request->from_ms, wanted);
    for (size_t p = 0; p < window->calendar.periods; p++) {
        const struct slow_unit_time *now = &window->periods[p].now;
        if (wanted[p].reserved > 0 &&
            now->used + now->reserved + wanted[p].reserved > window->amount_hours * HOUR_MS)
            return false;
    }
    return true;
}

bool promise_model_fits(const struct promise_model *model, const struct promise_request *request)
{
    if (request->lease_minutes > PROMISE_LEASE_MAX_MINUTES)
        return false;
    for (size_t s = 0; s < PROMISE_SCOPES; s++)
        for (size_t w = 0; w < model->scopes[s].window_count; w++)
            if (is_of(&model->scopes[s], request->team) &&
                !window_fits(&model->scopes[s].windows[w], request))
                return false;
    return true;
}

/* --- leases -------------------------------------------------------------------------------- */

struct promise_lease *promise_model_lease(struct promise_model *model,
                                          const struct reservation *row)
{
    struct promise_lease *lease = &model->leases[model->lease_count];
    for (size_t i = model->lease_count; i-- > 0;)
        if (strcmp(model->leases[i].id, row->id) == 0)
            return &model->leases[i];
    assert_true(model->lease_count < PROMISE_LEASES_MAX);
    model->lease_count++;
    memcpy(lease->id, row->id, sizeof(lease->id));
    (void)snprintf(lease->counted.team, sizeof(lease->counted.team), "%s", row->team);
    lease->counted.units = row->units;
    if (row->units > model->most_units)
        model->most_units = row->units;
    lease->counted.created_ms = lease->from_ms = row->created_ms;
    lease->counted.live = true;
    lease->counted.counts = true;
    return lease;
}

bool promise_model_find_drift(struct promise_model *model, struct money_world *world)
{
    static struct reservation rows[LIVE_MAX];
    size_t known = model->lease_count;
    size_t count = money_world_live(world, rows, LIVE_MAX);
    for (size_t i = 0; i < count; i++)
        if (rows[i].origin == RESERVATION_ORIGIN_DRIFT &&
            strcmp(rows[i].team, RESERVATION_TEAM_UNASSIGNED) == 0)
            promise_model_lease(model, &rows[i])->counted.worst_end_ms = rows[i].created_ms;
    return model->lease_count > known;
}

static void excuse(struct promise_model *model, const struct reservation *row)
{
    for (size_t s = 0; s < PROMISE_SCOPES; s++)
        for (size_t w = 0; w < model->scopes[s].window_count; w++)
            model->scopes[s].windows[w].assigned |= is_of(&model->scopes[s], row->team);
}

void promise_model_assign(struct promise_model *model, struct promise_lease *lease,
                          const struct reservation *row, int64_t now_ms)
{
    (void)snprintf(lease->counted.team, sizeof(lease->counted.team), "%s", row->team);
    lease->counted.worst_end_ms = row->worst_end_ms;
    lease->from_ms = now_ms;
    excuse(model, row);
}

/*
 * Only how it ended is the ledger's to tell; and that a model which was settled by hand and runs on
 * has more units than the start that came after it asked for. True when it had.
 */
static bool refresh(struct promise_model *model, struct promise_lease *lease,
                    struct money_world *world)
{
    struct reservation row = money_world_get(world, lease->id);
    bool more = row.units > lease->counted.units;
    if (more) {
        assert_true(row.units <= model->most_units);
        lease->counted.units = row.units;
        excuse(model, &row);
    }
    assert_string_equal(row.team, lease->counted.team);
    assert_int_equal(row.units, lease->counted.units);
    assert_int_equal(row.created_ms, lease->counted.created_ms);
    assert_int_equal(row.worst_end_ms, lease->counted.worst_end_ms);
    lease->counted.live = reservation_state_is_live(row.state);
    lease->counted.counts = row.state != RESERVATION_VOID;
    lease->counted.ended_ms = row.ended_ms;
    return more;
}

/* --- the checks ---------------------------------------------------------------------------- */

struct comparison {
    struct promise_scope *team;
    struct promise_scope *account; /* NULL: not now */
    bool every;                    /* also the periods that have not changed */
};

static void compare_period(const struct quota_books *books, const struct promise_scope *of,
                           const struct promise_window *window, size_t p)
{
    const bool total = window->window.period == SLOW_TOTAL;
    const struct slow_unit_time *want = &window->periods[p].now;
    const int64_t *begins_ms = window->calendar.begins_ms;
    struct quota_unit_time got;
    struct error err = {0};
    assert_int_equal(books->unit_time(books->self,
                                      of->team[0] == '\0' ? QUOTA_SCOPE_ACCOUNT : QUOTA_SCOPE_TEAM,
                                      total ? 0 : begins_ms[p],
                                      total ? INT64_MAX : begins_ms[p + 1], &got, &err),
                     0);
    if (got.used != want->used || got.reserved != want->reserved)
        fail_msg("%s, window %d of %s, period from %lld: the books have %lld used and %lld "
                 "reserved, counted were %lld and %lld",
                 of->team[0] != '\0' ? of->team : "the account", (int)window->window.period,
                 slow_zone_name(window->window.zone), (long long)begins_ms[p], (long long)got.used,
                 (long long)got.reserved, (long long)want->used, (long long)want->reserved);
}

static void compare_scope(const struct quota_books *books, struct promise_scope *scope, bool every)
{
    for (size_t w = 0; w < scope->window_count; w++) {
        struct promise_window *window = &scope->windows[w];
        for (size_t p = 0; p < window->calendar.periods; p++) {
            struct promise_period *period = &window->periods[p];
            if (every || memcmp(&period->now, &period->compared, sizeof(period->now)) != 0)
                compare_period(books, scope, window, p);
            period->compared = period->now;
        }
    }
}

static int compare_books(void *context, const struct quota_books *books, struct error *err)
{
    const struct comparison *comparison = context;
    (void)err;
    if (comparison->account != NULL)
        compare_scope(books, comparison->account, comparison->every);
    compare_scope(books, comparison->team, comparison->every);
    return 0;
}

static void check_period(struct promise_model *model, const struct promise_window *window,
                         struct promise_period *period, enum promise_step step)
{
    int64_t sum = period->now.used + period->now.reserved;
    int64_t wanted = sum - period->now.overrun; /* what was ever granted */
    int64_t amount = window->amount_hours * HOUR_MS;
    if (wanted > period->before && step == PROMISE_NOTHING)
        fail_msg("nothing was granted, and used and reserved grew by %lld unit-ms",
                 (long long)(wanted - period->before));
    if (wanted > period->before && sum > amount && step == PROMISE_GRANTED)
        fail_msg("granted beyond the limit: %lld unit-ms of %lld", (long long)sum,
                 (long long)amount);
    if (sum > amount && !window->lowered && !window->assigned && period->now.overrun == 0)
        fail_msg("over the limit for no reason: %lld unit-ms of %lld", (long long)sum,
                 (long long)amount);
    model->overs.lowered += sum > amount && window->lowered;
    model->overs.assigned += sum > amount && window->assigned;
    model->overs.overrun += sum > amount && period->now.overrun > 0;
    period->before = wanted;
}

void promise_model_check(struct promise_model *model, struct money_world *world,
                         enum promise_step step)
{
    int64_t now_ms = money_world_now_ms(world);
    struct error err = {0};
    model->checks++;
    for (size_t i = 0; i < model->lease_count; i++)
        if (refresh(model, &model->leases[i], world))
            step = PROMISE_ASSIGNED;
    for (size_t s = 0; s < PROMISE_SCOPES; s++)
        for (size_t w = 0; w < model->scopes[s].window_count; w++)
            sum_window(model, &model->scopes[s], &model->scopes[s].windows[w], now_ms);
    for (size_t s = 1; s < PROMISE_SCOPES; s++) {
        struct comparison comparison = {.team = &model->scopes[s],
                                        .account = s == 1 ? &model->scopes[0] : NULL,
                                        .every = model->checks % EVERY == 0};
        assert_int_equal(ledger_with_books(world->ledger, model->scopes[s].team, now_ms,
                                           compare_books, &comparison, &err),
                         0);
    }
    for (size_t s = 0; s < PROMISE_SCOPES; s++)
        for (size_t w = 0; w < model->scopes[s].window_count; w++)
            for (size_t p = 0; p < model->scopes[s].windows[w].calendar.periods; p++)
                check_period(model, &model->scopes[s].windows[w],
                             &model->scopes[s].windows[w].periods[p], step);
}
