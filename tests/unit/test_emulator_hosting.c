/* The emulator's models: states by time, client tokens, quotas, the bill, and what may go wrong. */
#include "tests/emulator/hosting.h"

#include "tests/emulator/faults.h"
#include "tests/emulator/late.h"
#include "tests/emulator/rate.h"
#include "tests/emulator/report.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define T0   INT64_C(1700000000000)
#define HOUR (INT64_C(3600) * 1000)

struct world {
    struct settings settings;
    struct hosting *hosting;
    struct answer answer;
};

static int setup(void **state)
{
    static struct world world;
    struct error err;

    settings_init(&world.settings);
    assert_int_equal(hosting_create(&world.hosting, &world.settings, &err), 0);
    assert_int_equal(hosting_add(world.hosting, "a", "1", T0, &err), 0);
    answer_init(&world.answer);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    answer_free(&world->answer);
    hosting_free(&world->hosting);
    return 0;
}

static enum hosting_effect start(struct world *world, const char *project, const char *token,
                                 int64_t min_units, int64_t max_units, int64_t at_ms)
{
    struct hosting_call call = {.project = project,
                                .version = "1",
                                .token = token,
                                .min_units = min_units,
                                .max_units = max_units};

    return hosting_start(world->hosting, &call, at_ms, &world->answer);
}

static enum hosting_effect stop(struct world *world, const char *project, const char *token,
                                int64_t at_ms)
{
    struct hosting_call call = {.project = project, .version = "1", .token = token};

    return hosting_stop(world->hosting, &call, at_ms, &world->answer);
}

static const char *status_at(struct world *world, int64_t at_ms)
{
    return hosting_status_name(hosting_lookup(world->hosting, "a", "1", at_ms)->status);
}

static int64_t unit_ms(const struct world *world, int64_t at_ms)
{
    struct hosting_model *model = hosting_lookup(world->hosting, "a", "1", at_ms);
    struct report_sums sums = {0};

    for (size_t i = 0; i < model->run_count; i++)
        report_add_run(&sums, &model->runs[i], at_ms);
    return sums.unit_ms;
}

static void assert_error(const struct world *world, int status, const char *type)
{
    assert_int_equal(world->answer.status, status);
    assert_non_null(world->answer.error_type);
    assert_string_equal(world->answer.error_type, type);
}

static void test_states_follow_time(void **state)
{
    struct world *world = *state;

    assert_string_equal(status_at(world, T0), "TRAINED");
    assert_int_equal(start(world, "a", "", 1, 0, T0), HOSTING_APPLIED);
    assert_string_equal(world->answer.body.data, "{\"Status\":\"STARTING_HOSTING\"}");
    assert_string_equal(status_at(world, T0 + 1999), "STARTING_HOSTING");
    assert_string_equal(status_at(world, T0 + 2000), "HOSTED");
    assert_int_equal(stop(world, "a", "", T0 + 5000), HOSTING_APPLIED);
    assert_string_equal(status_at(world, T0 + 5999), "STOPPING_HOSTING");
    assert_string_equal(status_at(world, T0 + 6000), "TRAINED");
    assert_int_equal(start(world, "a", "", 1, 0, T0 + 6000), HOSTING_APPLIED);
}

static void test_a_change_is_dated_when_it_happened(void **state)
{
    struct world *world = *state;

    (void)start(world, "a", "", 1, 0, T0);
    assert_int_equal(hosting_lookup(world->hosting, "a", "1", T0 + HOUR)->since_ms, T0 + 2000);
    (void)stop(world, "a", "", T0 + HOUR);
    (void)hosting_lookup(world->hosting, "a", "1", T0 + 9 * HOUR);
    assert_int_equal(unit_ms(world, T0 + 9 * HOUR), HOUR + 1000);
}

static void test_durations_of_zero(void **state)
{
    struct world *world = *state;

    world->settings.starting_ms = 0;
    world->settings.stopping_ms = 0;
    (void)start(world, "a", "", 1, 0, T0);
    assert_string_equal(world->answer.body.data, "{\"Status\":\"STARTING_HOSTING\"}");
    assert_string_equal(status_at(world, T0), "HOSTED");
    (void)stop(world, "a", "", T0 + 1);
    assert_string_equal(status_at(world, T0 + 1), "TRAINED");
}

static void test_the_bill_by_its_switches(void **state)
{
    static const struct {
        int64_t bill_starting, bill_stopping, bill_units;
        int64_t expected; /* for a start of 1 to 3 units at 0 and a stop at 10 s */
    } cases[] = {
        {SETTING_YES, SETTING_YES, SETTING_UNITS_MAX, 3 * 11000},
        {SETTING_NO, SETTING_YES, SETTING_UNITS_MAX, 3 * 9000},
        {SETTING_YES, SETTING_NO, SETTING_UNITS_MAX, 3 * 10000},
        {SETTING_NO, SETTING_NO, SETTING_UNITS_MIN, 8000},
    };
    struct world *world = *state;
    int64_t now_ms = T0;
    int64_t before;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++, now_ms += HOUR) {
        before = unit_ms(world, now_ms);
        world->settings.bill_starting = cases[i].bill_starting;
        world->settings.bill_stopping = cases[i].bill_stopping;
        world->settings.bill_units = cases[i].bill_units;
        (void)start(world, "a", "", 1, 3, now_ms);
        (void)stop(world, "a", "", now_ms + 10000);
        assert_int_equal(unit_ms(world, now_ms + HOUR) - before, cases[i].expected);
    }
}

static void test_a_model_stopped_while_starting_unbilled_costs_nothing(void **state)
{
    struct world *world = *state;

    world->settings.bill_starting = SETTING_NO;
    (void)start(world, "a", "", 1, 0, T0);
    assert_int_equal(stop(world, "a", "", T0 + 500), HOSTING_APPLIED);
    assert_int_equal(unit_ms(world, T0 + HOUR), 0);
}

static void test_minutes_are_begun_minutes(void **state)
{
    struct hosting_run run = {.from_ms = T0, .to_ms = T0 + 60001, .units = 3};
    struct report_sums sums = {0};

    (void)state;
    report_add_run(&sums, &run, T0 + HOUR);
    assert_int_equal(sums.billed_minutes, 2);
    assert_int_equal(sums.unit_minutes, 6);
    run.to_ms = HOSTING_OPEN;
    report_add_run(&sums, &run, T0 + 60000);
    assert_int_equal(sums.billed_minutes, 3);
    assert_int_equal(sums.unit_ms, 3 * 120001);
}

static void test_a_token_is_remembered_for_eight_hours(void **state)
{
    struct world *world = *state;
    const struct hosting_model *model;

    assert_int_equal(start(world, "a", "t", 1, 2, T0), HOSTING_APPLIED);
    (void)stop(world, "a", "t", T0 + HOUR);
    assert_int_equal(start(world, "a", "t", 1, 2, T0 + 8 * HOUR - 1), HOSTING_REPLAYED);
    assert_string_equal(world->answer.body.data, "{\"Status\":\"STARTING_HOSTING\"}");
    assert_string_equal(status_at(world, T0 + 8 * HOUR - 1), "TRAINED");
    assert_int_equal(start(world, "a", "t", 1, 2, T0 + 8 * HOUR), HOSTING_APPLIED);
    model = hosting_lookup(world->hosting, "a", "1", T0 + 8 * HOUR);
    assert_int_equal(model->start_count, 2);
    assert_string_equal(model->starts[1].token, "t");
}

static void test_a_token_with_other_parameters(void **state)
{
    struct world *world = *state;

    (void)start(world, "a", "t", 1, 0, T0);
    assert_int_equal(start(world, "a", "t", 1, 2, T0), HOSTING_NONE);
    assert_error(world, 409, "ConflictException");
    world->settings.token_reuse = SETTING_TOKEN_VALIDATION;
    (void)start(world, "a", "t", 2, 0, T0);
    assert_error(world, 400, "ValidationException");
}

static void test_a_refused_start_is_not_remembered(void **state)
{
    struct world *world = *state;

    assert_int_equal(start(world, "a", "t", 6, 0, T0), HOSTING_NONE);
    assert_error(world, 402, "ServiceQuotaExceededException");
    assert_int_equal(start(world, "a", "t", 5, 0, T0), HOSTING_APPLIED);
}

static void test_the_quota_of_running_models(void **state)
{
    struct world *world = *state;

    world->settings.auto_models = SETTING_YES;
    (void)start(world, "a", "ta", 1, 0, T0);
    (void)start(world, "b", "tb", 1, 0, T0);
    (void)start(world, "c", "tc", 1, 0, T0);
    assert_error(world, 402, "ServiceQuotaExceededException");
    assert_non_null(strstr(world->answer.body.data, "\"QuotaCode\":\"L-82DA2ABD\""));
    assert_int_equal(start(world, "a", "ta", 1, 0, T0), HOSTING_REPLAYED);
    world->settings.quota_before_token = SETTING_YES;
    (void)start(world, "a", "ta", 1, 0, T0);
    assert_error(world, 402, "ServiceQuotaExceededException");
    /* A model that is stopping still counts; one that has stopped does not. */
    (void)stop(world, "b", "", T0 + 5000);
    (void)start(world, "c", "tc", 1, 0, T0 + 5999);
    assert_error(world, 402, "ServiceQuotaExceededException");
    assert_int_equal(start(world, "c", "tc", 1, 0, T0 + 6000), HOSTING_APPLIED);
    assert_int_equal(hosting_running(world->hosting, T0 + 6000), 2);
}

static void test_no_limit(void **state)
{
    struct world *world = *state;
    char project[16];

    world->settings.auto_models = SETTING_YES;
    world->settings.running_models = 0;
    world->settings.units_per_model = 0;
    for (int i = 0; i < 2000; i++) {
        snprintf(project, sizeof(project), "p%d", i);
        assert_int_equal(start(world, project, "t", 1000, 0, T0), HOSTING_APPLIED);
    }
    assert_int_equal(hosting_running(world->hosting, T0), 2000);
    assert_int_equal(hosting_count(world->hosting), 2001);
    assert_int_equal(start(world, "p1234", "t", 1000, 0, T0), HOSTING_REPLAYED);
}

static void test_starts_and_stops_out_of_season(void **state)
{
    struct world *world = *state;

    (void)stop(world, "a", "", T0);
    assert_error(world, 409, "ConflictException");
    world->settings.stop_when_stopped = SETTING_ACCEPT;
    assert_int_equal(stop(world, "a", "", T0), HOSTING_NONE);
    assert_int_equal(world->answer.status, 202);

    (void)start(world, "a", "", 1, 0, T0);
    assert_int_equal(start(world, "a", "", 1, 0, T0 + 2000), HOSTING_NONE);
    assert_string_equal(world->answer.body.data, "{\"Status\":\"HOSTED\"}");
    world->settings.start_when_running = SETTING_CONFLICT;
    (void)start(world, "a", "", 1, 0, T0 + 2000);
    assert_error(world, 409, "ConflictException");
    assert_non_null(strstr(world->answer.body.data, "\"ResourceId\":\"a/1\""));

    (void)stop(world, "a", "", T0 + 3000);
    assert_int_equal(stop(world, "a", "", T0 + 3001), HOSTING_NONE);
    assert_int_equal(world->answer.status, 202);
    (void)start(world, "a", "", 1, 0, T0 + 3001);
    assert_error(world, 409, "ConflictException");
}

static void test_a_stop_while_starting(void **state)
{
    struct world *world = *state;

    (void)start(world, "a", "", 1, 0, T0);
    world->settings.stop_when_starting = SETTING_CONFLICT;
    (void)stop(world, "a", "", T0 + 1);
    assert_error(world, 409, "ConflictException");
    world->settings.stop_when_starting = SETTING_ACCEPT;
    assert_int_equal(stop(world, "a", "", T0 + 1), HOSTING_APPLIED);
    assert_string_equal(status_at(world, T0 + 1001), "TRAINED");
}

static void test_names(void **state)
{
    static const char long_version[] = "12345678901";
    struct world *world = *state;
    struct error err;

    assert_true(hosting_project_valid("a_B-9"));
    assert_false(hosting_project_valid("-a"));
    assert_false(hosting_project_valid("a b"));
    assert_false(hosting_project_valid(""));
    assert_true(hosting_version_valid("latest"));
    assert_true(hosting_version_valid("1234567890"));
    assert_false(hosting_version_valid(long_version));
    assert_false(hosting_version_valid("01"));
    assert_false(hosting_token_valid("a_b"));
    assert_int_equal(hosting_add(world->hosting, "a", "latest", T0, &err), ERROR_INVALID);
}

static void test_latest_is_the_highest_version(void **state)
{
    struct world *world = *state;
    struct error err;

    assert_int_equal(hosting_add(world->hosting, "a", "10", T0, &err), 0);
    assert_int_equal(hosting_add(world->hosting, "a", "9", T0, &err), 0);
    assert_int_equal(hosting_add(world->hosting, "ab", "11", T0, &err), 0);
    assert_int_equal(hosting_lookup(world->hosting, "a", "latest", T0)->version, 10);
    assert_null(hosting_lookup(world->hosting, "none", "latest", T0));
}

static void test_a_status_set_by_hand(void **state)
{
    struct world *world = *state;
    struct hosting_model *model = hosting_lookup(world->hosting, "a", "1", T0);
    struct error err;

    assert_int_equal(hosting_force(world->hosting, model, HOSTING_HOSTED, 4, T0, &err), 0);
    assert_int_equal(hosting_running(world->hosting, T0), 1);
    assert_int_equal(hosting_force(world->hosting, model, HOSTING_UPDATING, 0, T0 + 1000, &err), 0);
    assert_int_equal(hosting_force(world->hosting, model, HOSTING_FAILED, 0, T0 + 3000, &err), 0);
    assert_int_equal(unit_ms(world, T0 + HOUR), 4 * 3000);
    assert_int_equal(hosting_running(world->hosting, T0 + 3000), 0);
    assert_int_equal(start(world, "a", "", 1, 0, T0 + 4000), HOSTING_APPLIED);
}

static void test_describe_and_its_stale_answer(void **state)
{
    struct world *world = *state;
    struct hosting_call call = {.project = "a", .version = "1", .token = ""};
    struct hosting_view view = {.region = "eu-central-1", .account = "1", .stale = false};
    const char *body;

    (void)start(world, "a", "", 2, 3, T0);
    hosting_describe(world->hosting, &call, &view, T0 + 2000, &world->answer);
    body = world->answer.body.data;
    assert_non_null(strstr(body, "\"Status\":\"HOSTED\""));
    assert_non_null(strstr(body, "arn:aws:lookoutvision:eu-central-1:1:model/a/1"));
    assert_non_null(strstr(body, "\"CreationTimestamp\":1700000000.000"));
    assert_non_null(strstr(body, "\"MinInferenceUnits\":2,\"MaxInferenceUnits\":3"));
    view.stale = true;
    hosting_describe(world->hosting, &call, &view, T0 + 2000, &world->answer);
    assert_non_null(strstr(world->answer.body.data, "\"Status\":\"TRAINED\""));
    assert_null(strstr(world->answer.body.data, "InferenceUnits"));
    call.project = "b";
    hosting_describe(world->hosting, &call, &view, T0, &world->answer);
    assert_error(world, 404, "ResourceNotFoundException");
}

static void test_requests_a_second(void **state)
{
    struct rate rate = {0};

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(rate_take(&rate, 5, T0));
    assert_false(rate_take(&rate, 5, T0));
    assert_false(rate_take(&rate, 5, T0 + 199));
    assert_true(rate_take(&rate, 5, T0 + 200));
    assert_false(rate_take(&rate, 5, T0 + 200));
    for (int i = 0; i < 5; i++)
        assert_true(rate_take(&rate, 5, T0 + HOUR));
    assert_false(rate_take(&rate, 5, T0 + HOUR));
    assert_true(rate_take(&rate, 0, T0 + HOUR));
}

static int arm(struct faults *faults, const char *text, int64_t now_ms)
{
    json_t *object = json_loads(text, 0, NULL);
    struct error err;
    int rc = faults_arm_json(faults, object, now_ms, &err);

    json_decref(object);
    return rc;
}

static void test_faults_happen_in_their_order(void **state)
{
    static struct faults faults;
    struct fault fault;

    (void)state;
    faults_clear(&faults);
    assert_int_equal(
        arm(&faults, "{\"operation\":\"start\",\"fault\":\"drop_after\",\"model\":\"a/1\"}", T0),
        0);
    assert_int_equal(
        arm(&faults, "{\"operation\":\"start\",\"fault\":\"conflict\",\"count\":2}", T0), 0);
    assert_false(faults_take(&faults, HOSTING_STOP, "a/1", T0, &fault));
    assert_int_equal(fault.kind, FAULT_NONE);
    assert_true(fault.applied);
    assert_true(faults_take(&faults, HOSTING_START, "b/1", T0, &fault));
    assert_int_equal(fault.kind, FAULT_CONFLICT);
    assert_false(fault.applied);
    assert_true(faults_take(&faults, HOSTING_START, "a/1", T0, &fault));
    assert_int_equal(fault.kind, FAULT_DROP_AFTER);
    assert_true(fault.applied);
    assert_true(faults_take(&faults, HOSTING_START, "a/1", T0, &fault));
    assert_int_equal(fault.kind, FAULT_CONFLICT);
    assert_false(faults_take(&faults, HOSTING_START, "a/1", T0, &fault));
}

static void test_a_stale_answer_ends_with_its_time_or_count(void **state)
{
    static struct faults faults;
    struct fault fault;

    (void)state;
    faults_clear(&faults);
    assert_int_equal(
        arm(&faults, "{\"operation\":\"describe\",\"fault\":\"stale\",\"delay_ms\":1000}", T0), 0);
    assert_true(faults_take(&faults, HOSTING_DESCRIBE, "a/1", T0, &fault));
    assert_true(faults_take(&faults, HOSTING_DESCRIBE, "a/1", T0 + 999, &fault));
    assert_false(faults_take(&faults, HOSTING_DESCRIBE, "a/1", T0 + 1000, &fault));
    assert_int_equal(arm(&faults,
                         "{\"operation\":\"describe\",\"fault\":\"stale\",\"delay_ms\":1000,"
                         "\"count\":1}",
                         T0),
                     0);
    assert_true(faults_take(&faults, HOSTING_DESCRIBE, "a/1", T0, &fault));
    assert_false(faults_take(&faults, HOSTING_DESCRIBE, "a/1", T0, &fault));
}

static void test_faults_that_make_no_sense_are_refused(void **state)
{
    static const char *const wrong[] = {
        "{\"operation\":\"start\",\"fault\":\"stale\"}",
        "{\"operation\":\"start\",\"fault\":\"refuse\"}",
        "{\"operation\":\"start\",\"fault\":\"refuse:NoSuchException\"}",
        "{\"operation\":\"begin\",\"fault\":\"delay\"}",
        "{\"operation\":\"start\",\"fault\":\"delay\",\"dely_ms\":5}",
        "{\"operation\":\"start\",\"fault\":\"delay\",\"count\":-2}",
        "{\"fault\":\"delay\"}",
    };
    static struct faults faults;

    (void)state;
    faults_clear(&faults);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(arm(&faults, wrong[i], T0), ERROR_INVALID);
    assert_int_equal(faults.count, 0);
}

static void test_late_calls_come_in_the_order_of_their_times(void **state)
{
    static struct late late;
    struct hosting_call call = {.project = "a", .version = "1", .token = "first"};
    struct late_call taken;

    (void)state;
    late.count = 0;
    assert_true(late_add(&late, HOSTING_START, &call, T0 + 20));
    call.token = "second";
    assert_true(late_add(&late, HOSTING_STOP, &call, T0 + 10));
    call.token = "third";
    assert_true(late_add(&late, HOSTING_STOP, &call, T0 + 20));
    assert_false(late_take_due(&late, T0 + 9, &taken));
    assert_true(late_take_due(&late, T0 + 10, &taken));
    assert_string_equal(taken.token, "second");
    assert_false(late_take_due(&late, T0 + 10, &taken));
    assert_true(late_take_due(&late, T0 + HOUR, &taken));
    assert_string_equal(taken.token, "first");
    assert_true(late_take_due(&late, T0 + HOUR, &taken));
    assert_string_equal(taken.token, "third");
    assert_false(late_take_due(&late, T0 + HOUR, &taken));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_states_follow_time),
        TEST(test_a_change_is_dated_when_it_happened),
        TEST(test_durations_of_zero),
        TEST(test_the_bill_by_its_switches),
        TEST(test_a_model_stopped_while_starting_unbilled_costs_nothing),
        TEST(test_minutes_are_begun_minutes),
        TEST(test_a_token_is_remembered_for_eight_hours),
        TEST(test_a_token_with_other_parameters),
        TEST(test_a_refused_start_is_not_remembered),
        TEST(test_the_quota_of_running_models),
        TEST(test_no_limit),
        TEST(test_starts_and_stops_out_of_season),
        TEST(test_a_stop_while_starting),
        TEST(test_names),
        TEST(test_latest_is_the_highest_version),
        TEST(test_a_status_set_by_hand),
        TEST(test_describe_and_its_stale_answer),
        TEST(test_requests_a_second),
        TEST(test_faults_happen_in_their_order),
        TEST(test_a_stale_answer_ends_with_its_time_or_count),
        TEST(test_faults_that_make_no_sense_are_refused),
        TEST(test_late_calls_come_in_the_order_of_their_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
