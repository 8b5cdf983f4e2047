/* The search for drift, against starts of teams that come in between; and what is frozen by hand.
 */
#include "gateway/base/crypto.h"
#include "gateway/control/admin.h"
#include "gateway/control/context.h"
#include "gateway/control/reconciler.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/control_world.h"

#include <stdio.h>
#include <string.h>

#define QUIET_MS (15 * MINUTE_MS)
#define SCAN_MS  (5 * MINUTE_MS)

#define TEAMS "\"teams\":{\"a\":{\"projects\":[\"*\"]}}}"
static const char policy[] = "{\"version\":1,\"account\":{\"units_per_model\":3}," TEAMS;
static const char no_limit_policy[] = "{\"version\":1,\"account\":{}," TEAMS;

static struct world world;

static int open_world(void **state)
{
    (void)state;
    world_open(&world, policy, 1);
    fake_upstream_set_listed(world.fake, "p");
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static struct start_result start(const char *version)
{
    struct start_request request = {
        .team = "a", .subject = "s", .project = "p", .version = version, .min_units = 1};
    struct start_result result;
    admission_start(world.control, &request, FOREVER, &result);
    return result;
}

/* A pass in which a scan is due. */
static void scan(void)
{
    world_advance(&world, SCAN_MS);
    reconciler_pass(world.control, false);
}

/* The row that holds a model; false = none. */
static bool find(const char *version, struct reservation *row)
{
    struct error err = {0};
    int result = ledger_find_live(world.ledger, "p", version, row, &err);
    assert_true(result == 0 || result == ERROR_NOT_FOUND);
    return result == 0;
}

static int64_t account_units(void)
{
    struct quota_usage account;
    struct error err = {0};
    assert_int_equal(ledger_usage(world.ledger, NULL, &account, NULL, &err), 0);
    return account.used_units + account.reserved_units;
}

static void test_what_runs_is_adopted_once(void **state)
{
    struct reservation row, again;
    (void)state;
    assert_int_equal(start("1").outcome, START_ACCEPTED);
    fake_upstream_set_running(world.fake, 7, true, 2);
    scan();
    assert_true(find("7", &row));
    assert_string_equal(row.team, RESERVATION_TEAM_UNASSIGNED);
    assert_int_equal(row.units, 2);
    assert_int_equal(account_units(), 3);
    assert_true(find("1", &again));
    assert_string_equal(again.team, "a");
    scan();
    assert_true(find("7", &again));
    assert_string_equal(again.id, row.id);
    assert_int_equal(account_units(), 3);
}

static void test_units_that_aws_does_not_tell(void **state)
{
    struct reservation row;
    (void)state;
    fake_upstream_set_running(world.fake, 7, true, 0);
    scan();
    assert_true(find("7", &row));
    assert_int_equal(row.units, 3);
    world_load_policy(&world, no_limit_policy);
    fake_upstream_set_running(world.fake, 8, true, 0);
    scan();
    assert_true(find("8", &row));
    assert_int_equal(row.units, 1);
}

/* Who starts it again with the lease that it was given is not told of another one. */
static void test_a_start_of_what_was_assigned(void **state)
{
    struct admin_assigned assigned;
    const struct admin_assign give = {.project = "p",
                                      .version = "7",
                                      .team = "a",
                                      .lease_minutes = 60,
                                      .act = {.subject = "eve", .reason = "theirs"}};
    struct start_request again = {.team = "a",
                                  .subject = "s",
                                  .project = "p",
                                  .version = "7",
                                  .min_units = 1,
                                  .lease_minutes = 60};
    struct start_result result;
    (void)state;
    fake_upstream_set_running(world.fake, 7, true, 1);
    scan();
    world_advance(&world, QUIET_MS);
    admin_assign_drift(world.control, &give, &assigned);
    assert_int_equal(assigned.outcome, ADMIN_DONE);
    admission_start(world.control, &again, FOREVER, &result);
    assert_int_equal(result.outcome, START_PRESENT);
    assert_string_equal(result.detail, "");
    again.lease_minutes = 75; /* as many as since it was first seen */
    admission_start(world.control, &again, FOREVER, &result);
    assert_non_null(strstr(result.detail, "change the lease"));
}

/* --- races --------------------------------------------------------------------------------- */

static unsigned hooks;

/* A team starts the model while the scan's look at it is under way. */
static void start_in_between(void *context)
{
    (void)context;
    if (hooks++ == 0)
        assert_int_equal(start("7").outcome, START_ACCEPTED);
}

static void test_a_start_in_between_is_a_teams(void **state)
{
    struct reservation row;
    (void)state;
    fake_upstream_set_running(world.fake, 7, true, 0);
    hooks = 0;
    fake_upstream_set_hooks(world.fake, start_in_between, NULL, NULL);
    scan();
    assert_true(hooks > 0);
    assert_true(find("7", &row));
    assert_string_equal(row.team, "a");
}

static int admit_all(void *context, const struct quota_books *books, bool *admitted,
                     struct error *err)
{
    (void)context;
    (void)books;
    (void)err;
    *admitted = true;
    return 0;
}

/* Reserved, and nothing sent yet: no ticket tells of it, the ledger does. */
static void reserve_in_between(void *context)
{
    struct ledger_reserve_result result;
    struct error err = {0};
    int64_t now_ms = control_now_ms(world.control);
    struct ledger_reserve reserve = {
        .row = {.state = RESERVATION_PENDING,
                .team = "a",
                .subject = "s",
                .project = "p",
                .version = "7",
                .min_units = 1,
                .units = 1,
                .body = "{}",
                .body_len = 2,
                .created_ms = now_ms,
                .lease_from_ms = now_ms,
                .first_send_ms = now_ms,
                .last_send_ms = now_ms,
                .lease_end_ms = now_ms + 60 * MINUTE_MS,
                .worst_end_ms = now_ms + 75 * MINUTE_MS},
        .now_ms = now_ms,
        .quiet_ms = QUIET_MS,
        .decide = admit_all,
        .cause = {.at_ms = now_ms, .actor = "s", .why = "start"},
    };
    (void)context;
    if (hooks++ != 0)
        return;
    assert_int_equal(crypto_uuid7(now_ms, reserve.row.id), 0);
    assert_int_equal(crypto_uuid4(reserve.row.client_token), 0);
    assert_int_equal(ledger_reserve(world.ledger, &reserve, &result, &err), 0);
    assert_int_equal(result.outcome, LEDGER_RESERVED);
}

static void test_a_reservation_in_between_is_a_teams(void **state)
{
    struct reservation row;
    (void)state;
    fake_upstream_set_running(world.fake, 7, true, 0);
    hooks = 0;
    fake_upstream_set_hooks(world.fake, reserve_in_between, NULL, NULL);
    scan();
    assert_int_equal(hooks, 1);
    assert_true(find("7", &row));
    assert_string_equal(row.team, "a");
    assert_int_equal(account_units(), 1);
}

/* The start of a row that ended as never started applies after all: then it is drift. */
static void test_a_start_that_applies_after_its_row_is_void(void **state)
{
    const struct fake_chances lost = {.lost_before = 100}, none = {0};
    struct start_result result;
    struct reservation row;
    struct error err = {0};
    (void)state;
    fake_upstream_set_chances(world.fake, &lost);
    result = start("7");
    assert_int_equal(result.outcome, START_UNCERTAIN);
    fake_upstream_set_chances(world.fake, &none);
    world_advance(&world, 31 * MINUTE_MS); /* it is not sent again */
    for (int i = 0; i < 3; i++) {
        reconciler_pass(world.control, false);
        world_advance(&world, 2 * MINUTE_MS);
    }
    assert_int_equal(ledger_get(world.ledger, result.row.id, &row, &err), 0);
    assert_false(reservation_state_is_live(row.state));
    fake_upstream_set_running(world.fake, 7, true, 1);
    scan();
    assert_true(find("7", &row));
    assert_string_equal(row.team, RESERVATION_TEAM_UNASSIGNED);
}

/* --- the share of a pass ------------------------------------------------------------------- */

static unsigned lists;

static void take_six_seconds(void *context)
{
    (void)context;
    lists++;
    world_advance(&world, 6000);
}

/* Each list takes longer than the scan's share: one of them a pass, and the scan goes on. */
static void test_slow_lists_wait_for_the_next_pass(void **state)
{
    struct reservation row;
    (void)state;
    fake_upstream_set_running(world.fake, 7, true, 1);
    fake_upstream_set_hooks(world.fake, NULL, take_six_seconds, NULL);
    lists = 0;
    world_advance(&world, SCAN_MS);
    for (unsigned pass = 1; pass <= 2; pass++) {
        reconciler_pass(world.control, false);
        assert_int_equal(lists, pass);
        assert_false(find("7", &row));
    }
    reconciler_pass(world.control, false);
    assert_int_equal(lists, 2);
    assert_true(find("7", &row));
}

/* --- by hand ------------------------------------------------------------------------------- */

static void test_a_freeze_leaves_leases_alone(void **state)
{
    const struct admin_act act = {.subject = "eve", .request_id = "r", .reason = "audit"};
    char detail[RESERVATION_MESSAGE_MAX] = "";
    struct lease_result lease;
    struct lease_request longer = {
        .team = "a", .subject = "s", .project = "p", .version = "1", .lease_minutes = 600};
    (void)state;
    assert_int_equal(start("1").outcome, START_ACCEPTED);
    assert_int_equal(admin_freeze(world.control, "nobody", true, &act, detail), ADMIN_INVALID);
    assert_int_equal(admin_freeze(world.control, "a", false, &act, detail), ADMIN_UNCHANGED);
    assert_int_equal(admin_freeze(world.control, "a", true, &act, detail), ADMIN_DONE);
    struct start_result refused = start("2");
    assert_int_equal(refused.outcome, START_FROZEN);
    assert_string_equal(refused.freeze.actor, "eve");
    assert_non_null(strstr(refused.detail, "audit"));
    admission_lease(world.control, &longer, &lease);
    assert_int_equal(lease.outcome, LEASE_CHANGED);
    assert_int_equal(admin_freeze(world.control, "a", false, &act, detail), ADMIN_DONE);
    assert_int_equal(start("2").outcome, START_ACCEPTED);
}

#define SMALL_TEAM(projects)                                                                       \
    "{\"version\":1,\"account\":{\"concurrent_units\":5,\"running_models\":1},\"teams\":{\"a\":{"  \
    "\"projects\":[\"" projects "\"],\"limits\":{\"units_per_model\":2,\"concurrent_units\":5,"    \
    "\"unit_hours\":[{\"amount\":24,\"period\":\"day\"}],\"lease\":{\"max_minutes\":720}}}}}"

/* To this hour of the next day, in UTC. */
static void advance_to_hour(int hour)
{
    int64_t now_ms = control_now_ms(world.control);
    world_advance(&world, 1440 * MINUTE_MS - now_ms % (1440 * MINUTE_MS) + hour * 60 * MINUTE_MS);
}

/* Model 7 was started with five units behind our back, and found at this hour. */
static void find_drift_at(int hour)
{
    struct reservation row;
    advance_to_hour(hour);
    fake_upstream_set_running(world.fake, 7, true, 5);
    reconciler_pass(world.control, false);
    assert_true(find("7", &row));
    assert_string_equal(row.team, RESERVATION_TEAM_UNASSIGNED);
}

static struct admin_assigned assign(int64_t minutes)
{
    const struct admin_assign request = {
        .project = "p",
        .version = "7",
        .team = "a",
        .lease_minutes = minutes,
        .act = {.subject = "eve", .request_id = "r", .reason = "theirs"}};
    struct admin_assigned assigned;
    admin_assign_drift(world.control, &request, &assigned);
    assert_int_equal(assigned.outcome, ADMIN_DONE);
    assert_true(assigned.has_decision);
    return assigned;
}

/* The next rule that does not admit it, from `*at` on, which is moved there. */
static bool find_exceeded(const struct quota_decision *decision, size_t *at)
{
    while (*at < decision->rule_count && decision->rules[*at].admits)
        ++*at;
    return *at < decision->rule_count;
}

static const struct quota_rule *expect_exceeded(const struct quota_decision *decision, size_t *at,
                                                enum quota_rule_kind kind, int64_t limit,
                                                int64_t requested)
{
    assert_true(find_exceeded(decision, at));
    const struct quota_rule *rule = &decision->rules[(*at)++];
    assert_int_equal(rule->kind, kind);
    assert_int_equal(rule->scope, QUOTA_SCOPE_TEAM);
    assert_int_equal(rule->limit, limit);
    assert_int_equal(rule->requested, requested);
    return rule;
}

/* What the account holds is the model itself: that it fits beside nothing else is nothing exceeded.
 */
static void test_assigned_drift_is_judged_as_a_start(void **state)
{
    (void)state;
    world_load_policy(&world, SMALL_TEAM("others"));
    find_drift_at(23);
    struct admin_assigned assigned = assign(10080);
    size_t at = 0;
    assert_false(assigned.project_allowed);
    (void)expect_exceeded(&assigned.decision, &at, QUOTA_UNITS_PER_MODEL, 2, 5);
    (void)expect_exceeded(&assigned.decision, &at, QUOTA_LEASE, 720, 10080);
    /* Today it takes five of its 24 unit-hours, of each day then 120. */
    const struct quota_rule *rule = expect_exceeded(&assigned.decision, &at, QUOTA_UNIT_HOURS,
                                                    24 * 60 * MINUTE_MS, 120 * 60 * MINUTE_MS);
    assert_true(rule->period_from_ms > control_now_ms(world.control));
    assert_false(find_exceeded(&assigned.decision, &at));
}

/* Six hours of five units are the team's from now on: more than it may use in a day. */
static void test_what_drift_ran_is_used_by_its_team(void **state)
{
    (void)state;
    world_load_policy(&world, SMALL_TEAM("*"));
    find_drift_at(10);
    world_advance(&world, 6 * 60 * MINUTE_MS);
    struct admin_assigned assigned = assign(45);
    size_t at = 0;
    assert_true(assigned.project_allowed);
    (void)expect_exceeded(&assigned.decision, &at, QUOTA_UNITS_PER_MODEL, 2, 5);
    const struct quota_rule *rule = expect_exceeded(&assigned.decision, &at, QUOTA_UNIT_HOURS,
                                                    24 * 60 * MINUTE_MS, 5 * 60 * MINUTE_MS);
    assert_true(rule->used >= 30 * 60 * MINUTE_MS && rule->used < 31 * 60 * MINUTE_MS);
    assert_int_equal(rule->reserved, 0);
    assert_false(find_exceeded(&assigned.decision, &at));
}

int main(void)
{
#define DRIFT_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        DRIFT_TEST(test_what_runs_is_adopted_once),
        DRIFT_TEST(test_units_that_aws_does_not_tell),
        DRIFT_TEST(test_a_start_of_what_was_assigned),
        DRIFT_TEST(test_a_start_in_between_is_a_teams),
        DRIFT_TEST(test_a_reservation_in_between_is_a_teams),
        DRIFT_TEST(test_a_start_that_applies_after_its_row_is_void),
        DRIFT_TEST(test_slow_lists_wait_for_the_next_pass),
        DRIFT_TEST(test_a_freeze_leaves_leases_alone),
        DRIFT_TEST(test_assigned_drift_is_judged_as_a_start),
        DRIFT_TEST(test_what_drift_ran_is_used_by_its_team),
    };
    return cmocka_run_group_tests_name("drift", tests, NULL, NULL);
}
