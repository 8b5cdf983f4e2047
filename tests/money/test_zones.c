/*
 * Unit-time over the changes of two clocks and the ends of days and months: exact numbers, from the
 * decision to the report.
 */
#include "gateway/base/zone_file.h"
#include "gateway/ledger/usage_report.h"
#include "policy/window.h"
#include "tests/money/money_world.h"
#include "tests/money/slow_books.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

/* --- the bounds of periods ----------------------------------------------------------------- */

/* Whether policy/ and slow_books find the same periods, quarter-hour by quarter-hour. */
static void compare_bounds(const struct slow_window *slow, const struct time_zone *zone,
                           int64_t from_ms, int64_t until_ms)
{
    static const enum policy_period periods[] = {POLICY_DAY, POLICY_WEEK, POLICY_MONTH};
    struct policy_window window = {.amount_unit_ms = HOUR_MS,
                                   .period = periods[slow->period],
                                   .week_start = slow->week_start,
                                   .day_start_minutes = slow->day_start_minutes,
                                   .zone = zone};
    struct slow_calendar calendar;
    slow_calendar_make(&calendar, slow, from_ms, until_ms);
    for (size_t p = 1; p + 1 < calendar.periods; p++) { /* the first and the last are cut */
        for (int64_t at_ms = calendar.begins_ms[p]; at_ms < calendar.begins_ms[p + 1];
             at_ms += SLOW_QUARTER_MS) {
            int64_t begin_ms = 0, end_ms = 0;
            policy_window_bounds(&window, at_ms, &begin_ms, &end_ms);
            if (begin_ms != calendar.begins_ms[p] || end_ms != calendar.begins_ms[p + 1])
                fail_msg("%s, period %d, start of day %u, at %lld: [%lld, %lld), counted [%lld, "
                         "%lld)",
                         slow_zone_name(slow->zone), (int)slow->period, slow->day_start_minutes,
                         (long long)at_ms, (long long)begin_ms, (long long)end_ms,
                         (long long)calendar.begins_ms[p], (long long)calendar.begins_ms[p + 1]);
        }
    }
    slow_calendar_free(&calendar);
}

static void periods_are_what_civil_dates_say(void **state)
{
    static const unsigned day_starts[] = {0,           15,     60,     90,          2 * 60,
                                          2 * 60 + 30, 3 * 60, 6 * 60, 23 * 60 + 45};
    struct error err = {0};
    (void)state;
    for (enum slow_zone zone = SLOW_UTC; zone <= SLOW_NEW_YORK; zone++) {
        struct time_zone *loaded = NULL;
        assert_int_equal(zone_file_load(NULL, slow_zone_name(zone), &loaded, &err), 0);
        for (size_t i = 0; i < sizeof(day_starts) / sizeof(day_starts[0]); i++) {
            struct slow_window window = {zone, SLOW_DAY, 0, day_starts[i]};
            compare_bounds(&window, loaded, slow_utc_ms(2026, 1, 1, 0, 0),
                           slow_utc_ms(2027, 2, 1, 0, 0));
            window.period = SLOW_MONTH;
            compare_bounds(&window, loaded, slow_utc_ms(2027, 12, 1, 0, 0),
                           slow_utc_ms(2028, 5, 1, 0, 0));
            window.period = SLOW_WEEK;
            window.week_start = (unsigned)(i % 7);
            compare_bounds(&window, loaded, slow_utc_ms(2028, 1, 1, 0, 0),
                           slow_utc_ms(2028, 12, 1, 0, 0));
        }
        time_zone_free(&loaded);
    }
}

/* --- one lease through the whole stack ----------------------------------------------------- */

#define PERIODS_MAX  3
#define UNITS        2
#define ALLOWANCE_MS (15 * MINUTE_MS)

/* UTC. */
struct moment {
    int year;
    unsigned month, day, hour, minute;
};

static int64_t ms_of(const struct moment *moment)
{
    return slow_utc_ms(moment->year, moment->month, moment->day, moment->hour, moment->minute);
}

struct stack_case {
    const char *what;
    const char *window; /* members of a budget beside its amount */
    struct moment begin;
    int64_t lease_minutes;
    size_t periods;
    struct moment bounds[PERIODS_MAX + 1]; /* of the periods that the lease touches */
    int64_t minutes[PERIODS_MAX];          /* of the lease within each */
    int64_t least_amount;                  /* unit-hours that just suffice, with the allowance */
};

static const struct stack_case stack_cases[] = {
    {"Berlin: a day of 25 hours",
     "\"period\":\"day\",\"time_zone\":\"Europe/Berlin\"",
     {2026, 10, 24, 20, 0},
     36 * 60,
     3,
     {{2026, 10, 23, 22, 0}, {2026, 10, 24, 22, 0}, {2026, 10, 25, 23, 0}, {2026, 10, 26, 23, 0}},
     {2 * 60, 25 * 60, 9 * 60},
     50},
    {"Berlin: a day of 23 hours",
     "\"period\":\"day\",\"time_zone\":\"Europe/Berlin\"",
     {2026, 3, 28, 20, 0},
     36 * 60,
     3,
     {{2026, 3, 27, 23, 0}, {2026, 3, 28, 23, 0}, {2026, 3, 29, 22, 0}, {2026, 3, 30, 22, 0}},
     {3 * 60, 23 * 60, 10 * 60},
     46},
    {"New York: a day of 25 hours, the first of a month",
     "\"period\":\"day\",\"time_zone\":\"America/New_York\"",
     {2026, 10, 31, 22, 0},
     36 * 60,
     3,
     {{2026, 10, 31, 4, 0}, {2026, 11, 1, 4, 0}, {2026, 11, 2, 5, 0}, {2026, 11, 3, 5, 0}},
     {6 * 60, 25 * 60, 5 * 60},
     50},
    {"New York: a month's end and the change in one lease",
     "\"period\":\"month\",\"time_zone\":\"America/New_York\"",
     {2026, 10, 31, 22, 0},
     36 * 60,
     2,
     {{2026, 10, 1, 4, 0}, {2026, 11, 1, 4, 0}, {2026, 12, 1, 5, 0}},
     {6 * 60, 30 * 60},
     61},
    {"New York: a day of 23 hours",
     "\"period\":\"day\",\"time_zone\":\"America/New_York\"",
     {2026, 3, 7, 20, 0},
     36 * 60,
     3,
     {{2026, 3, 7, 5, 0}, {2026, 3, 8, 5, 0}, {2026, 3, 9, 4, 0}, {2026, 3, 10, 4, 0}},
     {9 * 60, 23 * 60, 4 * 60},
     46},
    {"Berlin: March ends after the change",
     "\"period\":\"month\",\"time_zone\":\"Europe/Berlin\"",
     {2026, 3, 28, 0, 0},
     120 * 60,
     2,
     {{2026, 2, 28, 23, 0}, {2026, 3, 31, 22, 0}, {2026, 4, 30, 22, 0}},
     {94 * 60, 26 * 60},
     188},
    {"Berlin: October ends after the change",
     "\"period\":\"month\",\"time_zone\":\"Europe/Berlin\"",
     {2026, 10, 25, 0, 30},
     168 * 60,
     2,
     {{2026, 9, 30, 22, 0}, {2026, 10, 31, 23, 0}, {2026, 11, 30, 23, 0}},
     {166 * 60 + 30, 90},
     333},
    {"Berlin: a week of 167 hours, from Sunday's change on",
     "\"period\":\"week\",\"week_starts\":\"sunday\",\"day_starts\":\"03:00\","
     "\"time_zone\":\"Europe/Berlin\"",
     {2026, 3, 28, 23, 0},
     180 * 60,
     3,
     {{2026, 3, 22, 2, 0}, {2026, 3, 29, 1, 0}, {2026, 4, 5, 1, 0}, {2026, 4, 12, 1, 0}},
     {2 * 60, 168 * 60, 10 * 60},
     336},
};

static const char *policy_of(const struct stack_case *stack_case, int64_t amount)
{
    static char text[1024];
    (void)snprintf(text, sizeof(text),
                   "{\"version\":1,\"account\":{},\"teams\":{\"a\":{\"projects\":[\"*\"],"
                   "\"limits\":{\"unit_hours\":[{\"amount\":%lld,%s}]}}}}",
                   (long long)amount, stack_case->window);
    return text;
}

static struct start_result start(struct money_world *world, const struct stack_case *stack_case)
{
    struct start_result result;
    struct start_request request = {.team = "a",
                                    .subject = "somebody",
                                    .project = "p",
                                    .version = "1",
                                    .min_units = UNITS,
                                    .lease_minutes = stack_case->lease_minutes};
    admission_start(world->control, &request, money_world_deadline(world), &result);
    return result;
}

struct expected {
    const struct stack_case *stack_case;
    bool settled; /* else all of it, and the allowance, is reserved */
};

static int compare_periods(void *context, const struct quota_books *books, struct error *err)
{
    const struct expected *expected = context;
    const struct stack_case *stack_case = expected->stack_case;
    for (size_t p = 0; p < stack_case->periods; p++) {
        struct quota_unit_time got;
        int64_t want = UNITS * stack_case->minutes[p] * MINUTE_MS;
        int64_t more = p + 1 == stack_case->periods ? UNITS * ALLOWANCE_MS : 0;
        assert_int_equal(books->unit_time(books->self, QUOTA_SCOPE_TEAM,
                                          ms_of(&stack_case->bounds[p]),
                                          ms_of(&stack_case->bounds[p + 1]), &got, err),
                         0);
        if (got.used != (expected->settled ? want : 0) ||
            got.reserved != (expected->settled ? 0 : want + more))
            fail_msg("%s, period %zu: %lld used, %lld reserved", stack_case->what, p,
                     (long long)got.used, (long long)got.reserved);
    }
    return 0;
}

static void compare(struct money_world *world, const struct stack_case *stack_case, bool settled)
{
    struct expected expected = {stack_case, settled};
    struct error err = {0};
    assert_int_equal(ledger_with_books(world->ledger, "a", money_world_now_ms(world),
                                       compare_periods, &expected, &err),
                     0);
}

/* The report of GET /v1/usage and of ledger export, cut by the policy's own window. */
struct report {
    const struct stack_case *stack_case;
    size_t lines;
};

static int take_line(void *context, const struct usage_line *line, struct error *err)
{
    struct report *report = context;
    const struct stack_case *stack_case = report->stack_case;
    (void)err;
    assert_true(report->lines < stack_case->periods);
    assert_int_equal(line->from_ms, ms_of(&stack_case->bounds[report->lines]));
    assert_int_equal(line->until_ms, ms_of(&stack_case->bounds[report->lines + 1]));
    assert_int_equal(line->unit_ms, UNITS * stack_case->minutes[report->lines] * MINUTE_MS);
    assert_string_equal(line->team, "a");
    assert_string_equal(line->subject, "somebody");
    assert_int_equal(line->reservations, 1);
    assert_false(line->running);
    report->lines++;
    return 0;
}

static void compare_report(struct money_world *world, const struct stack_case *stack_case)
{
    struct report report = {.stack_case = stack_case};
    struct error err = {0};
    struct policy *policy = NULL;
    const char *text = policy_of(stack_case, stack_case->least_amount);
    assert_int_equal(policy_parse(text, strlen(text), zone_file_load, NULL, &policy, &err), 0);
    struct usage_query query = {.from_ms = ms_of(&stack_case->bounds[0]),
                                .until_ms = ms_of(&stack_case->bounds[stack_case->periods]),
                                .now_ms = money_world_now_ms(world),
                                .team = "a",
                                .window = policy_find_team(policy, "a")->limits.windows[0]};
    assert_int_equal(usage_report(world->ledger, &query, take_line, &report, &err), 0);
    assert_int_equal(report.lines, stack_case->periods);
    policy_free(&policy);
}

/* The rule says which period binds, and by how much. */
static void check_refusal(const struct stack_case *stack_case, const struct start_result *result)
{
    const struct quota_rule *rule = &result->decision.rules[result->decision.binding];
    int64_t most = 0;
    size_t longest = 0;
    assert_int_equal(result->outcome, START_QUOTA);
    assert_int_equal(rule->kind, QUOTA_UNIT_HOURS);
    assert_int_equal(rule->limit, (stack_case->least_amount - 1) * HOUR_MS);
    for (size_t p = 0; p < stack_case->periods; p++) {
        if (stack_case->minutes[p] <= most)
            continue;
        most = stack_case->minutes[p];
        longest = p;
    }
    assert_int_equal(rule->period_from_ms, ms_of(&stack_case->bounds[longest]));
    assert_int_equal(rule->resets_ms, ms_of(&stack_case->bounds[longest + 1]));
    assert_in_range(rule->requested, UNITS * most * MINUTE_MS,
                    UNITS * (most * MINUTE_MS + ALLOWANCE_MS));
}

/* The lease's end is met to the millisecond: a pass to stop it, one that sees it, one a minute
 * later. */
static void live_to_its_end(struct money_world *world, const struct reservation *row)
{
    money_world_pass(world);
    money_world_advance_to(world, row->lease_end_ms);
    for (int i = 0; i < 2; i++)
        money_world_pass(world);
    money_world_advance(world, MINUTE_MS);
    money_world_pass(world);
    struct reservation after = money_world_get(world, row->id);
    assert_int_equal(after.state, RESERVATION_CLOSED);
    assert_int_equal(after.ended_ms, row->lease_end_ms);
}

static void leases_are_split_exactly_over_the_changes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(stack_cases) / sizeof(stack_cases[0]); i++) {
        const struct stack_case *stack_case = &stack_cases[i];
        struct money_world world;
        struct start_result result;
        money_world_open(&world, policy_of(stack_case, stack_case->least_amount - 1),
                         ms_of(&stack_case->begin), i);
        money_world_make_instant(&world);
        result = start(&world, stack_case);
        check_refusal(stack_case, &result);
        money_world_load_policy(&world, policy_of(stack_case, stack_case->least_amount));
        result = start(&world, stack_case); /* a raised limit works at once */
        assert_int_equal(result.outcome, START_ACCEPTED);
        compare(&world, stack_case, false);
        live_to_its_end(&world, &result.row);
        compare(&world, stack_case, true);
        compare_report(&world, stack_case);
        money_world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods_are_what_civil_dates_say),
        cmocka_unit_test(leases_are_split_exactly_over_the_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
