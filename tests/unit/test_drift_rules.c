/* Rule 12, as far as it is pure: rows of drift, when they are stopped, units that differ. */
#include "gateway/control/drift_rules.h"
#include "policy/document.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define MINUTE ((int64_t)60 * 1000)
#define BEGAN  ((int64_t)1000 * MINUTE)

static struct control_settings settings;

static int set_up(void **state)
{
    (void)state;
    control_settings_default(&settings);
    return 0;
}

static struct observation observe(enum model_status status, int64_t minutes)
{
    const struct upstream_answer answer = {
        .fate = UPSTREAM_ACCEPTED, .http_status = 200, .status = status};
    return rules_observe(&answer, BEGAN + minutes * MINUTE);
}

static struct reservation fill(int64_t min_units, int64_t max_units, int64_t per_model)
{
    const struct upstream_model model = {"circuit-boards", "7"};
    const struct upstream_description description = {.min_inference_units = min_units,
                                                     .max_inference_units = max_units};
    const struct observation observation = observe(MODEL_HOSTED, 0);
    struct reservation row;
    memset(&row, 0xff, sizeof(row));
    drift_fill_row(&model, &observation, &description, per_model, &row);
    return row;
}

static void test_row_of_drift(void **state)
{
    (void)state;
    struct reservation row = fill(2, 3, 5);
    assert_string_equal(row.team, RESERVATION_TEAM_UNASSIGNED);
    assert_string_equal(row.project, "circuit-boards");
    assert_string_equal(row.version, "7");
    assert_string_equal(row.status, "HOSTED");
    assert_int_equal(row.state, RESERVATION_ACTIVE);
    assert_int_equal(row.origin, RESERVATION_ORIGIN_DRIFT);
    assert_int_equal(row.created_ms, BEGAN);
    assert_int_equal(row.lease_from_ms, 0);
    assert_int_equal(row.worst_end_ms, BEGAN);
    assert_int_equal(row.seen_running_ms, BEGAN);
    assert_int_equal(row.body_len, 0);
    assert_true(drift_is_unassigned(&row));
    /* it never ends as a lease does */
    assert_false(rules_lease_ended(INT64_MAX - 1, &row));
    /* and its start is never sent again */
    assert_false(rules_may_resend(&settings, BEGAN, &row));
}

static void test_units_of_drift(void **state)
{
    static const struct {
        int64_t min, max, per_model, units;
    } cases[] = {
        {2, 3, 5, 3},
        {2, 0, 5, 2},
        {0, 4, 5, 4},
        {0, 0, 5, 5},               /* AWS tells none: the account's units_per_model */
        {0, 0, POLICY_NO_LIMIT, 1}, /* which nobody limits */
        {7, 9, 5, 9},               /* what it says is true, whatever the policy likes */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reservation row = fill(cases[i].min, cases[i].max, cases[i].per_model);
        assert_int_equal(row.units, cases[i].units);
        assert_true(row.min_units >= 1);
    }
}

/* A drift row closes by the same two looks as any other. */
static void test_drift_ends_when_it_is_seen_stopped(void **state)
{
    struct reservation row = fill(2, 0, 5);
    struct observation observation = observe(MODEL_TRAINED, 1);
    (void)state;
    assert_true(rules_apply(&settings, &observation, BEGAN + 1 * MINUTE, &row));
    assert_int_equal(row.state, RESERVATION_ACTIVE);
    observation = observe(MODEL_TRAINED, 2);
    assert_true(rules_apply(&settings, &observation, BEGAN + 2 * MINUTE, &row));
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.end, RESERVATION_END_VANISHED);
    assert_int_equal(row.ended_ms, BEGAN + 1 * MINUTE);
}

static void test_stop_is_due_after_quiet(void **state)
{
    static const struct {
        enum model_status status;
        int64_t minutes;
        bool due;
    } cases[] = {
        {MODEL_HOSTED, 0, false},  {MODEL_HOSTED, 14, false},  {MODEL_HOSTED, 15, true},
        {MODEL_HOSTED, 600, true}, {MODEL_TRAINED, 15, false}, {MODEL_HOSTING_FAILED, 15, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reservation row = fill(1, 0, 5);
        struct observation observation = observe(cases[i].status, cases[i].minutes);
        assert_int_equal(drift_stop_due(&settings, &observation, &row), cases[i].due);
    }
}

/* Whose it is has been said, or it never was drift, or it is being stopped. */
static void test_only_unassigned_drift_is_stopped(void **state)
{
    const struct observation observation = observe(MODEL_HOSTED, 600);
    struct reservation row = fill(1, 0, 5);
    (void)state;
    assert_true(drift_stop_due(&settings, &observation, &row));
    struct reservation assigned = row;
    (void)snprintf(assigned.team, sizeof(assigned.team), "assembly");
    assert_false(drift_stop_due(&settings, &observation, &assigned));
    struct reservation started = row;
    started.origin = RESERVATION_ORIGIN_START;
    assert_false(drift_stop_due(&settings, &observation, &started));
    struct reservation stopping = row;
    rules_begin_stop(RESERVATION_END_DRIFT, BEGAN, &stopping);
    assert_false(drift_stop_due(&settings, &observation, &stopping));
}

static void test_units_that_differ(void **state)
{
    static const struct {
        int64_t held, min, max, minutes;
        enum model_status status;
        enum drift_units expected;
        int64_t units;
    } cases[] = {
        {2, 2, 0, 20, MODEL_HOSTED, DRIFT_UNITS_EQUAL, 2},
        {2, 1, 2, 20, MODEL_HOSTED, DRIFT_UNITS_EQUAL, 2},
        {2, 3, 0, 20, MODEL_HOSTED, DRIFT_UNITS_RAISED, 3},
        {2, 1, 5, 20, MODEL_STARTING_HOSTING, DRIFT_UNITS_RAISED, 5},
        {2, 1, 0, 20, MODEL_HOSTED, DRIFT_UNITS_FEWER, 2},
        {2, 0, 0, 20, MODEL_HOSTED, DRIFT_UNITS_EQUAL, 2}, /* it tells none */
        {2, 3, 0, 1, MODEL_HOSTED, DRIFT_UNITS_RAISED, 3},
        {2, 3, 0, 0, MODEL_HOSTED, DRIFT_UNITS_EQUAL, 2},   /* may be the run before */
        {2, 3, 0, 20, MODEL_TRAINED, DRIFT_UNITS_EQUAL, 2}, /* of no run at all */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct upstream_description description = {.min_inference_units = cases[i].min,
                                                         .max_inference_units = cases[i].max};
        const struct observation observation = observe(cases[i].status, cases[i].minutes);
        struct reservation row = {.state = RESERVATION_ACTIVE,
                                  .units = cases[i].held,
                                  .accepted_ms = BEGAN,
                                  .last_send_ms = BEGAN};
        if (drift_compare_units(&settings, &observation, &description, &row) != cases[i].expected)
            fail_msg("case %zu", i);
        assert_int_equal(row.units, cases[i].units);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_of_drift),
        cmocka_unit_test(test_units_of_drift),
        cmocka_unit_test(test_drift_ends_when_it_is_seen_stopped),
        cmocka_unit_test(test_stop_is_due_after_quiet),
        cmocka_unit_test(test_only_unassigned_drift_is_stopped),
        cmocka_unit_test(test_units_that_differ),
    };
    return cmocka_run_group_tests_name("drift_rules", tests, set_up, NULL);
}
