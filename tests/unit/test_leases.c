/* Leases as callers see them: decided, extended, shortened, warned of, ended, overrun. */
#include "gateway/control/admission.h"
#include "gateway/control/context.h"
#include "gateway/control/reconciler.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/control_world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define HOUR_MS ((int64_t)60 * MINUTE_MS)

/* Ten unit-hours in all, one hour where a start says nothing, four at most. */
static const char hours_policy[] =
    "{\"version\":1,\"account\":{},\"teams\":{\"a\":{\"projects\":[\"*\"],\"limits\":{"
    "\"concurrent_units\":10,\"unit_hours\":[{\"amount\":10,\"period\":\"total\"}],"
    "\"lease\":{\"default_minutes\":60,\"max_minutes\":240}}},"
    "\"b\":{\"projects\":[\"*\"]}}}";
static const char one_unit_policy[] =
    "{\"version\":1,\"account\":{},\"teams\":{\"a\":{\"projects\":"
    "[\"*\"],\"limits\":{\"concurrent_units\":1}}}}";
static const char nothing_policy[] =
    "{\"version\":1,\"account\":{},\"teams\":{\"b\":{\"projects\":[\"*\"]}}}";

static struct world world;
static const struct fake_chances all_lost = {.lost_before = 100}, quiet = {0};

static int open_world(void **state)
{
    (void)state;
    world_open(&world, hours_policy, 1);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static struct start_result start(const char *version, int64_t units, int64_t minutes,
                                 const char *key)
{
    struct start_request request = {.team = "a",
                                    .subject = "s",
                                    .project = "p",
                                    .version = version,
                                    .min_units = units,
                                    .lease_minutes = minutes,
                                    .key = key};
    struct start_result result;
    admission_start(world.control, &request, FOREVER, &result);
    return result;
}

static struct lease_result change(const char *team, const char *version, int64_t minutes,
                                  bool dry_run)
{
    struct lease_request request = {.team = team,
                                    .subject = "s",
                                    .project = "p",
                                    .version = version,
                                    .lease_minutes = minutes,
                                    .dry_run = dry_run};
    struct lease_result result;
    admission_lease(world.control, &request, &result);
    return result;
}

static struct reservation get(const char *id)
{
    struct reservation row;
    struct error err = {0};
    assert_int_equal(ledger_get(world.ledger, id, &row, &err), 0);
    return row;
}

static int64_t lease_minutes(const struct reservation *row)
{
    return (row->lease_end_ms - row->lease_from_ms) / MINUTE_MS;
}

static bool has_metric(const char *line)
{
    struct strbuf out;
    strbuf_init(&out, 1 << 20);
    metrics_render(world.metrics, &out);
    bool has = strstr(out.data, line) != NULL;
    strbuf_free(&out);
    return has;
}

static const struct quota_rule *binding(const struct quota_decision *decision)
{
    return &decision->rules[decision->binding];
}

/* --- starts -------------------------------------------------------------------------------- */

static void a_start_reserves_its_worst_case(void **state)
{
    (void)state;
    struct start_result result = start("1", 1, 0, NULL);
    assert_int_equal(result.outcome, START_ACCEPTED);
    assert_int_equal(lease_minutes(&result.row), 60);
    assert_int_equal(result.row.worst_end_ms - result.row.lease_end_ms, 15 * MINUTE_MS);
    result = start("2", 1, 90, NULL);
    assert_int_equal(lease_minutes(&result.row), 90);
    /* 1.25 and 1.75 of 10 unit-hours: 7 units for another hour fit no more, but 5 do. */
    result = start("3", 6, 0, NULL);
    assert_int_equal(result.outcome, START_QUOTA);
    assert_int_equal(binding(&result.decision)->kind, QUOTA_UNIT_HOURS);
    assert_int_equal(result.decision.largest_units_now, 5);
    assert_int_equal(result.decision.largest_lease_now_ms / MINUTE_MS, 55);
    assert_int_equal(start("3", 5, 0, NULL).outcome, START_ACCEPTED);
}

static void a_lease_above_the_maximum_is_refused_for_ever(void **state)
{
    (void)state;
    struct start_result result = start("1", 1, 241, NULL);
    assert_int_equal(result.outcome, START_QUOTA);
    assert_int_equal(result.decision.verdict, QUOTA_REFUSED_EVER);
    assert_int_equal(binding(&result.decision)->kind, QUOTA_LEASE);
    assert_int_equal(result.decision.largest_lease_now_ms / MINUTE_MS, 240);
    assert_true(result.decision.earliest_ms == INT64_MAX);
    assert_int_equal(result.retry_after_ms, 0);
    assert_int_equal(start("1", 1, 240, NULL).outcome, START_ACCEPTED);
}

static void the_lease_is_part_of_what_a_key_means(void **state)
{
    (void)state;
    assert_int_equal(start("1", 1, 30, "key").outcome, START_ACCEPTED);
    assert_int_equal(start("1", 1, 30, "key").outcome, START_REPLAYED);
    assert_int_equal(start("1", 1, 31, "key").outcome, START_KEY_REUSED);
    assert_int_equal(start("1", 1, 0, "key").outcome, START_KEY_REUSED);
}

static void starting_again_does_not_change_the_lease(void **state)
{
    (void)state;
    (void)start("1", 1, 30, NULL);
    struct start_result again = start("1", 1, 120, NULL);
    assert_int_equal(again.outcome, START_PRESENT);
    assert_int_equal(lease_minutes(&again.row), 30);
    assert_non_null(strstr(again.detail, "change the lease"));
    assert_string_equal(start("1", 1, 30, NULL).detail, "");
    assert_string_equal(start("1", 1, 0, NULL).detail, "");
}

static void a_refusal_tells_when_it_would_fit(void **state)
{
    (void)state;
    world_load_policy(&world, one_unit_policy);
    struct start_result first = start("1", 1, 30, NULL);
    struct start_result second = start("2", 1, 30, NULL);
    assert_int_equal(second.outcome, START_QUOTA);
    assert_int_equal(second.decision.verdict, QUOTA_REFUSED_NOW);
    assert_true(second.decision.earliest_ms == first.row.worst_end_ms);
    assert_in_range(second.retry_after_ms, 44 * MINUTE_MS, 45 * MINUTE_MS);
    assert_non_null(strstr(second.detail, "would fit at"));
    (void)change("a", "1", 10, false); /* what is given back is given back at once */
    second = start("2", 1, 30, NULL);
    assert_in_range(second.retry_after_ms, 24 * MINUTE_MS, 25 * MINUTE_MS);
}

static void a_dry_run_looks_ahead(void **state)
{
    (void)state;
    struct start_request request = {.team = "a",
                                    .subject = "s",
                                    .project = "p",
                                    .version = "1",
                                    .min_units = 4,
                                    .dry_run = true};
    struct start_result result;
    admission_start(world.control, &request, FOREVER, &result);
    assert_int_equal(result.outcome, START_ACCEPTED);
    assert_true(result.has_decision);
    assert_int_equal(result.decision.largest_units_now, 8);
    assert_int_equal(result.decision.largest_lease_now_ms / MINUTE_MS, 135); /* 2.5 h - 15 min */
    assert_int_equal(world_held_units(&world), 0);
}

static void *start_in_thread(void *result)
{
    *(struct start_result *)result = start("1", 1, 0, NULL);
    return NULL;
}

/* A start that waited for another call of its model is decided by the policy of now. */
static void a_policy_that_changed_meanwhile_counts(void **state)
{
    static struct start_result result;
    struct model_call call;
    pthread_t thread;
    (void)state;
    assert_int_equal(model_calls_acquire(world.control->calls, "p", "1", FOREVER, &call), 0);
    assert_int_equal(pthread_create(&thread, NULL, start_in_thread, &result), 0);
    while (!atomic_load(&world.control->account_asked))
        ;
    world_load_policy(&world, nothing_policy);
    model_calls_release(world.control->calls, &call);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(result.outcome, START_QUOTA);
    assert_int_equal(binding(&result.decision)->kind, QUOTA_TEAM_KNOWN);
}

/* --- changes ------------------------------------------------------------------------------- */

static void an_extension_is_a_new_decision(void **state)
{
    (void)state;
    struct start_result started = start("1", 2, 60, NULL);
    struct lease_result result = change("a", "1", 120, false);
    assert_int_equal(result.outcome, LEASE_CHANGED);
    assert_int_equal(lease_minutes(&result.row), 120);
    struct reservation row = get(started.row.id);
    assert_int_equal(lease_minutes(&row), 120);
    assert_int_equal(row.worst_end_ms - row.lease_end_ms, 15 * MINUTE_MS);

    result = change("a", "1", 241, false);
    assert_int_equal(result.outcome, LEASE_QUOTA);
    assert_int_equal(binding(&result.decision)->kind, QUOTA_LEASE);
    /* 2 units hold 4.5 of 10 unit-hours; with these 5 it is 9.5. */
    assert_int_equal(start("2", 4, 60, NULL).outcome, START_ACCEPTED);
    result = change("a", "1", 150, false);
    assert_int_equal(result.outcome, LEASE_QUOTA);
    assert_int_equal(result.decision.verdict, QUOTA_REFUSED_NOW);
    assert_int_equal(binding(&result.decision)->kind, QUOTA_UNIT_HOURS);
    assert_int_equal(result.decision.largest_lease_now_ms / MINUTE_MS, 135);
    assert_int_equal(lease_minutes(&result.row), 120);
    assert_int_equal(change("a", "1", 135, false).outcome, LEASE_CHANGED);
}

/* Also where the longer lease ends within what is reserved already. */
static void a_smaller_allowance_makes_no_room_for_leases(void **state)
{
    (void)state;
    world.settings.stop_allowance_ms = 120 * MINUTE_MS;
    control_configure(world.control, &world.settings);
    (void)start("1", 1, 180, NULL);
    world.settings.stop_allowance_ms = 15 * MINUTE_MS;
    control_configure(world.control, &world.settings);
    struct lease_result result = change("a", "1", 241, false);
    assert_int_equal(result.outcome, LEASE_QUOTA);
    assert_int_equal(binding(&result.decision)->kind, QUOTA_LEASE);
    assert_int_equal(change("a", "1", 240, false).outcome, LEASE_CHANGED);
}

static void shortening_gives_back_at_once(void **state)
{
    (void)state;
    (void)start("1", 2, 240, NULL); /* 8.5 of 10 */
    assert_int_equal(start("2", 2, 60, NULL).outcome, START_QUOTA);
    assert_int_equal(change("a", "1", 120, true).outcome, LEASE_CHANGED);
    assert_int_equal(start("2", 2, 60, NULL).outcome, START_QUOTA); /* it was a dry run */
    assert_int_equal(change("a", "1", 120, false).outcome, LEASE_CHANGED);
    assert_int_equal(change("a", "1", 120, false).outcome, LEASE_UNCHANGED);
    assert_int_equal(start("2", 2, 60, NULL).outcome, START_ACCEPTED);
}

static void a_lease_that_ends_now_is_a_stop(void **state)
{
    (void)state;
    struct start_result started = start("1", 1, 60, NULL);
    assert_int_equal(change("a", "1", 0, false).outcome, LEASE_CHANGED);
    assert_int_equal(change("a", "1", 0, false).outcome, LEASE_UNCHANGED);
    reconciler_pass(world.control, false);
    struct reservation row = get(started.row.id);
    assert_int_equal(row.state, RESERVATION_STOPPING);
    assert_int_equal(row.end, RESERVATION_END_LEASE);
    assert_false(fake_upstream_is_running(world.fake, 1));
    assert_int_equal(change("a", "1", 60, false).outcome, LEASE_NOT_ACTIVE);
}

static void only_what_runs_is_extended(void **state)
{
    (void)state;
    fake_upstream_set_chances(world.fake, &all_lost);
    struct start_result started = start("1", 1, 60, NULL);
    assert_int_equal(started.row.state, RESERVATION_UNCERTAIN);
    assert_int_equal(change("a", "1", 120, false).outcome, LEASE_NOT_ACTIVE);
    assert_int_equal(change("a", "1", 30, false).outcome, LEASE_CHANGED);
    struct reservation row = get(started.row.id);
    assert_int_equal(lease_minutes(&row), 30);
}

static void only_the_holder_and_administrators_change_it(void **state)
{
    (void)state;
    (void)start("1", 1, 60, NULL);
    assert_int_equal(change("b", "1", 30, false).outcome, LEASE_NOT_HELD);
    assert_int_equal(change("a", "2", 30, false).outcome, LEASE_NOT_HELD);
    struct lease_result result = change(NULL, "latest", 241, false);
    assert_int_equal(result.outcome, LEASE_QUOTA); /* of the team's, whoever asks */
    assert_int_equal(change(NULL, "latest", 120, false).outcome, LEASE_CHANGED);
}

/* --- what happens by itself ---------------------------------------------------------------- */

static void the_end_is_warned_of_once(void **state)
{
    (void)state;
    struct start_result started = start("1", 1, 60, NULL);
    world_advance(&world, 44 * MINUTE_MS);
    reconciler_pass(world.control, false);
    assert_true(has_metric("lookout_leases_total{event=\"warned\"} 0"));
    world_advance(&world, MINUTE_MS);
    for (int i = 0; i < 3; i++)
        reconciler_pass(world.control, false);
    assert_true(has_metric("lookout_leases_total{event=\"warned\"} 1"));
    assert_int_equal(change("a", "1", 120, false).outcome, LEASE_CHANGED);
    reconciler_pass(world.control, false);
    assert_true(has_metric("lookout_leases_total{event=\"warned\"} 1"));
    world_advance(&world, HOUR_MS);
    for (int i = 0; i < 3; i++)
        reconciler_pass(world.control, false);
    assert_true(has_metric("lookout_leases_total{event=\"warned\"} 2"));
    struct reservation row = get(started.row.id);
    assert_int_equal(row.state, RESERVATION_ACTIVE);
}

/* Its stop does not arrive: it grows, is told once, and lets others wait. */
static void an_overrun_grows_and_blocks(void **state)
{
    (void)state;
    struct start_result started = start("1", 2, 240, NULL); /* 8.5 of 10 */
    fake_upstream_set_chances(world.fake, &all_lost);
    world_advance(&world, 4 * HOUR_MS);
    reconciler_pass(world.control, false);
    struct reservation row = get(started.row.id);
    assert_int_equal(row.state, RESERVATION_STOPPING);
    assert_true(has_metric("lookout_leases_total{event=\"ended\"} 1"));
    assert_true(has_metric("lookout_leases_total{event=\"overrun\"} 0"));
    world_advance(&world, 15 * MINUTE_MS);
    for (int i = 0; i < 3; i++)
        reconciler_pass(world.control, false);
    assert_true(has_metric("lookout_leases_total{event=\"overrun\"} 1"));
    fake_upstream_set_chances(world.fake, &quiet);
    struct start_request request = {.team = "a",
                                    .subject = "s",
                                    .project = "p",
                                    .version = "2",
                                    .min_units = 1,
                                    .lease_minutes = 45,
                                    .dry_run = true};
    struct start_result result;
    admission_start(world.control, &request, FOREVER, &result);
    assert_int_equal(result.outcome, START_ACCEPTED); /* 8.5 and 1 are below 10 */
    world_advance(&world, 30 * MINUTE_MS);
    admission_start(world.control, &request, FOREVER, &result);
    assert_int_equal(result.outcome, START_QUOTA);
    assert_int_equal(binding(&result.decision)->kind, QUOTA_UNIT_HOURS);
}

static void quota_shows_what_is_left(void **state)
{
    struct quota_view view;
    (void)state;
    (void)start("1", 2, 60, NULL);
    admission_quota(world.control, "a", &view);
    assert_int_equal(view.outcome, QUOTA_VIEW_KNOWN);
    assert_int_equal(strlen(policy_snapshot_digest(view.snapshot)), 64);
    assert_int_equal(view.team.used_units + view.team.reserved_units, 2);
    assert_int_equal(view.lease_default_minutes, 60);
    assert_int_equal(view.lease_max_minutes, 240);
    assert_int_equal(view.account.used_models + view.account.reserved_models, 1);
    bool seen = false;
    for (size_t i = 0; i < view.survey.rule_count; i++) {
        const struct quota_rule *rule = &view.survey.rules[i];
        if (rule->kind != QUOTA_UNIT_HOURS)
            continue;
        seen = true;
        assert_true(rule->used + rule->reserved == 2 * 75 * MINUTE_MS);
        assert_true(rule->fits_now == 10 * HOUR_MS - 2 * 75 * MINUTE_MS);
    }
    assert_true(seen);
    admission_quota_release(&view);
    admission_quota(world.control, "nobody", &view);
    assert_int_equal(view.outcome, QUOTA_VIEW_UNKNOWN_TEAM);
    admission_quota_release(&view);
    admission_quota(world.control, NULL, &view);
    assert_int_equal(view.outcome, QUOTA_VIEW_KNOWN);
    assert_int_equal(view.account.used_models + view.account.reserved_models, 1);
    assert_int_equal(view.team.used_models + view.team.reserved_models, 0);
    admission_quota_release(&view);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_start_reserves_its_worst_case),
        IN_WORLD(a_lease_above_the_maximum_is_refused_for_ever),
        IN_WORLD(the_lease_is_part_of_what_a_key_means),
        IN_WORLD(starting_again_does_not_change_the_lease),
        IN_WORLD(a_refusal_tells_when_it_would_fit),
        IN_WORLD(a_dry_run_looks_ahead),
        IN_WORLD(a_policy_that_changed_meanwhile_counts),
        IN_WORLD(an_extension_is_a_new_decision),
        IN_WORLD(a_smaller_allowance_makes_no_room_for_leases),
        IN_WORLD(shortening_gives_back_at_once),
        IN_WORLD(a_lease_that_ends_now_is_a_stop),
        IN_WORLD(only_what_runs_is_extended),
        IN_WORLD(only_the_holder_and_administrators_change_it),
        IN_WORLD(the_end_is_warned_of_once),
        IN_WORLD(an_overrun_grows_and_blocks),
        IN_WORLD(quota_shows_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
