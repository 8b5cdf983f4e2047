/* Budgets at their edges: the largest numbers, limits that are moved, and calls that cost nothing.
 */
#include "tests/money/money_world.h"
#include "tests/money/slow_books.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define MOST_UNITS   INT64_C(1000000)
#define MOST_MINUTES INT64_C(44640) /* 31 days */
#define ALLOWANCE_MS (15 * MINUTE_MS)

/* A policy of one team with these members of its limits. */
static const char *policy_with(const char *limits)
{
    static char text[1024];
    assert_true(snprintf(text, sizeof(text),
                         "{\"version\":1,\"account\":{},\"teams\":{\"a\":{\"projects\":[\"*\"],"
                         "\"limits\":{%s}}}}",
                         limits) < (int)sizeof(text));
    return text;
}

static enum lease_outcome change_lease(struct money_world *world, int64_t minutes)
{
    struct lease_result result;
    struct lease_request request = {.team = "a",
                                    .subject = "somebody",
                                    .project = "p",
                                    .version = "1",
                                    .lease_minutes = minutes};
    admission_lease(world->control, &request, &result);
    return result.outcome;
}

/* Ever, of the team. */
static int read_total(void *context, const struct quota_books *books, struct error *err)
{
    return books->unit_time(books->self, QUOTA_SCOPE_TEAM, 0, INT64_MAX, context, err);
}

static struct quota_unit_time total(struct money_world *world)
{
    struct quota_unit_time sum = {0};
    struct error err = {0};
    assert_int_equal(
        ledger_with_books(world->ledger, "a", money_world_now_ms(world), read_total, &sum, &err),
        0);
    return sum;
}

static void check_total(struct money_world *world, int64_t used, int64_t reserved)
{
    struct quota_unit_time sum = total(world);
    assert_int_equal(sum.used, used);
    assert_int_equal(sum.reserved, reserved);
}

static void open_at(struct money_world *world, const char *limits)
{
    money_world_open(world, policy_with(limits), slow_utc_ms(2026, 6, 20, 10, 0), 1);
    money_world_make_instant(world);
}

/* Until what is being stopped is closed: seen not running, and once more a minute later. */
static void settle(struct money_world *world)
{
    for (int i = 0; i < 2; i++)
        money_world_pass(world);
    money_world_advance(world, MINUTE_MS);
    money_world_pass(world);
}

/* 10^9 unit-hours are 3.6 * 10^15 unit-milliseconds; a million units for a month are three fourths
 * of that. */
static void the_largest_numbers_are_exact(void **state)
{
    const int64_t worst = MOST_UNITS * (MOST_MINUTES * MINUTE_MS + ALLOWANCE_MS);
    struct money_world world;
    struct start_result result;
    (void)state;
    open_at(&world, "\"unit_hours\":[{\"amount\":1000000000,\"period\":\"month\"},"
                    "{\"amount\":1000000000,\"period\":\"total\"}]");
    result = money_world_start(&world, "1", MOST_UNITS, MOST_MINUTES, NULL);
    assert_int_equal(result.outcome, START_ACCEPTED);
    check_total(&world, 0, worst);
    assert_int_equal(money_world_start(&world, "2", MOST_UNITS, MOST_MINUTES, NULL).outcome,
                     START_QUOTA);
    check_total(&world, 0, worst);

    money_world_pass(&world);
    money_world_advance_to(&world, result.row.lease_end_ms);
    settle(&world);
    check_total(&world, MOST_UNITS * MOST_MINUTES * MINUTE_MS, 0);

    result = money_world_start(&world, "2", MOST_UNITS, MOST_MINUTES, NULL);
    assert_int_equal(result.outcome, START_QUOTA);
    const struct quota_rule *rule = &result.decision.rules[result.decision.binding];
    assert_int_equal(rule->period, POLICY_TOTAL);
    assert_int_equal(rule->fits_now,
                     (INT64_C(1000000000) * HOUR_MS - MOST_UNITS * MOST_MINUTES * MINUTE_MS) /
                         (MOST_MINUTES * MINUTE_MS + ALLOWANCE_MS));
    assert_int_equal(money_world_start(&world, "2", rule->fits_now, MOST_MINUTES, NULL).outcome,
                     START_ACCEPTED);
    money_world_close(&world);
}

static void a_raised_limit_works_at_once_and_a_lowered_one_stops_nothing(void **state)
{
    struct money_world world;
    (void)state;
    open_at(&world, "\"unit_hours\":[{\"amount\":3,\"period\":\"day\"}]");
    assert_int_equal(money_world_start(&world, "1", 2, 60, NULL).outcome,
                     START_ACCEPTED); /* 2.5 of 3 */
    assert_int_equal(money_world_start(&world, "2", 1, 60, NULL).outcome, START_QUOTA);
    money_world_load_policy(&world,
                            policy_with("\"unit_hours\":[{\"amount\":4,\"period\":\"day\"}]"));
    assert_int_equal(money_world_start(&world, "2", 1, 60, NULL).outcome,
                     START_ACCEPTED); /* 3.75 of 4 */

    money_world_load_policy(&world,
                            policy_with("\"unit_hours\":[{\"amount\":1,\"period\":\"day\"}]"));
    money_world_run(&world, 30 * MINUTE_MS, MINUTE_MS);
    assert_int_equal(hosting_upstream_model(world.hosting, "p", "1")->status, HOSTING_HOSTED);
    assert_int_equal(hosting_upstream_model(world.hosting, "p", "2")->status, HOSTING_HOSTED);
    assert_int_equal(money_world_start(&world, "3", 1, 1, NULL).outcome, START_QUOTA);
    assert_int_equal(change_lease(&world, 61), LEASE_QUOTA);
    assert_int_equal(change_lease(&world, 40), LEASE_CHANGED);
    money_world_stop(&world, "1"); /* never blocked */
    money_world_close(&world);
}

static void what_is_refused_or_repeated_costs_nothing(void **state)
{
    struct money_world world;
    (void)state;
    open_at(&world, "\"unit_hours\":[{\"amount\":3,\"period\":\"day\"}]");
    const int64_t held = 2 * (60 * MINUTE_MS + ALLOWANCE_MS);
    assert_int_equal(money_world_start(&world, "1", 2, 60, "key").outcome, START_ACCEPTED);
    check_total(&world, 0, held);
    assert_int_equal(money_world_start(&world, "1", 2, 60, "key").outcome, START_REPLAYED);
    assert_int_equal(money_world_start(&world, "1", 2, 60, NULL).outcome, START_PRESENT);
    assert_int_equal(money_world_start(&world, "2", 2, 60, NULL).outcome, START_QUOTA);
    assert_int_equal(change_lease(&world, 120), LEASE_QUOTA);
    hosting_upstream_arm(world.hosting, "{\"operation\":\"start\",\"count\":1,"
                                        "\"fault\":\"refuse:ValidationException\"}");
    assert_int_equal(money_world_start(&world, "2", 1, 1, NULL).outcome, START_REFUSED);
    hosting_upstream_set_out(world.hosting, true);
    assert_int_equal(money_world_start(&world, "2", 1, 1, NULL).outcome, START_NOT_SENT);
    struct quota_unit_time sum = total(&world); /* its attempts took time */
    assert_int_equal(sum.used + sum.reserved, held);
    money_world_close(&world);
}

/* Shortening gives back at once; a stop gives the rest back, when it is observed. */
static void what_is_not_needed_is_given_back(void **state)
{
    struct money_world world;
    (void)state;
    open_at(&world, "\"unit_hours\":[{\"amount\":100,\"period\":\"day\"}]");
    assert_int_equal(money_world_start(&world, "1", 2, 600, NULL).outcome, START_ACCEPTED);
    check_total(&world, 0, 2 * (600 * MINUTE_MS + ALLOWANCE_MS));
    money_world_run(&world, 10 * MINUTE_MS, MINUTE_MS);
    assert_int_equal(change_lease(&world, 60), LEASE_CHANGED);
    check_total(&world, 2 * 10 * MINUTE_MS, 2 * (50 * MINUTE_MS + ALLOWANCE_MS));
    assert_int_equal(change_lease(&world, 90), LEASE_CHANGED);
    check_total(&world, 2 * 10 * MINUTE_MS, 2 * (80 * MINUTE_MS + ALLOWANCE_MS));
    money_world_stop(&world, "1");
    check_total(&world, 2 * 10 * MINUTE_MS, 2 * (80 * MINUTE_MS + ALLOWANCE_MS));
    settle(&world);
    check_total(&world, 2 * 10 * MINUTE_MS, 0);
    money_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_numbers_are_exact),
        cmocka_unit_test(a_raised_limit_works_at_once_and_a_lowered_one_stops_nothing),
        cmocka_unit_test(what_is_refused_or_repeated_costs_nothing),
        cmocka_unit_test(what_is_not_needed_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
