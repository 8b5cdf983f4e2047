/* Limits, leases and refusals as callers see them, with a control that plays each outcome. */
#include "tests/unit/cmocka_all.h"

#include "tests/unit/api_call.h"
#include "tests/unit/api_world.h"

#include <stdio.h>
#include <string.h>

#define LEASE   MODEL "/lease"
#define HOUR_MS INT64_C(3600000)
#define AT_MS   INT64_C(1795449600000) /* 2026-11-23T16:00:00Z */

/* --- decisions ----------------------------------------------------------------------------- */

/* 160 unit-hours in November in Berlin, of which 9.333 are left: a start of 16.5 does not fit. */
static struct quota_rule month_rule(void)
{
    return (struct quota_rule){
        .kind = QUOTA_UNIT_HOURS,
        .scope = QUOTA_SCOPE_TEAM,
        .pointer = "/teams/assembly-line/limits/unit_hours/0",
        .limit = 160 * HOUR_MS,
        .used = 100 * HOUR_MS + 1,
        .reserved = 50 * HOUR_MS + 40 * 60000,
        .requested = 16 * HOUR_MS + 30 * 60000,
        .fits_now = 1,
        .ever_admits = true,
        .period = POLICY_MONTH,
        .period_from_ms = INT64_C(1793487600000),
        .resets_ms = INT64_C(1796079600000),
        .time_zone = "Europe/Berlin",
    };
}

static struct quota_decision decide(enum quota_verdict verdict)
{
    struct quota_decision decision = {
        .verdict = verdict,
        .rule_count = 4,
        .binding = 3,
        .largest_units_now = 1,
        .largest_lease_now_ms = 279 * 60000 + 59999,
        .earliest_ms = AT_MS + HOUR_MS,
        .rules = {{.kind = QUOTA_TEAM_KNOWN, .pointer = "/teams/assembly-line", .admits = true},
                  {.kind = QUOTA_CONCURRENT_UNITS,
                   .pointer = "/teams/assembly-line/limits/concurrent_units",
                   .limit = 4,
                   .used = 2,
                   .reserved = 1,
                   .requested = 1,
                   .fits_now = 1,
                   .admits = true,
                   .ever_admits = true},
                  {.kind = QUOTA_LEASE,
                   .scope = QUOTA_SCOPE_ACCOUNT,
                   .pointer = "/account/lease/max_minutes",
                   .limit = 720,
                   .requested = 480,
                   .fits_now = 720,
                   .admits = true,
                   .ever_admits = true}},
    };
    decision.rules[3] = month_rule();
    return decision;
}

static void refuse_start(enum quota_verdict verdict)
{
    world.start = (struct start_result){.outcome = START_QUOTA,
                                        .has_decision = true,
                                        .policy_digest = "abc",
                                        .detail = "the sentence",
                                        .retry_after_ms = HOUR_MS};
    world.start.decision = decide(verdict);
}

static void expect_literal(const char *part)
{
    if (strstr(exchange.body.data, part) == NULL)
        fail_msg("no %s in %s", part, exchange.body.data);
}

static void explains_unit_hours(void **state)
{
    (void)state;
    refuse_start(QUOTA_REFUSED_NOW);
    start(NULL, all_scopes, UNITS, 429);
    expect_problem("quota-exceeded");
    assert_string_equal(text_of("detail"), "the sentence");
    assert_string_equal(text_of("Rule"), "unit_hours");
    assert_string_equal(text_of("Unit"), "unit-hours");
    expect_literal("\"Limit\":160.000,\"Used\":100.000,\"Reserved\":50.667,\"Requested\":16.500,"
                   "\"FitsNow\":1,");
    assert_int_equal(number_of("UnitMilliseconds.Limit"), 160 * HOUR_MS);
    assert_int_equal(number_of("UnitMilliseconds.Used"), 100 * HOUR_MS + 1);
    assert_int_equal(number_of("UnitMilliseconds.Reserved"), 182400000);
    assert_int_equal(number_of("UnitMilliseconds.Requested"), 59400000);
    assert_string_equal(text_of("Period"), "month");
    assert_string_equal(text_of("TimeZone"), "Europe/Berlin");
    assert_string_equal(text_of("PeriodStartsAt"), "2026-10-31T23:00:00.000Z");
    assert_string_equal(text_of("ResetsAt"), "2026-11-30T23:00:00.000Z");
    assert_int_equal(number_of("LargestFit"), 1);
    assert_int_equal(number_of("LargestLeaseMinutes"), 279);
    assert_string_equal(text_of("EarliestFit"), "2026-11-23T17:00:00.000Z");
    assert_true(has_header("Retry-After: 3600\r\n"));
    assert_null(member_of("EarliestFitDetail"));
    assert_null(member_of("DryRun"));
    assert_string_equal(text_of("PolicyDigest"), "abc");
}

static void lists_every_rule_with_its_unit(void **state)
{
    static const char *const units[] = {"(absent)", "units", "minutes", "unit-hours"};
    char path[32];
    (void)state;
    refuse_start(QUOTA_REFUSED_NOW);
    start(NULL, all_scopes, UNITS, 429);
    assert_int_equal(json_array_size(member_of("Rules")), 4);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "Rules.%zu.Unit", i);
        assert_string_equal(text_of(path), units[i]);
    }
    assert_int_equal(number_of("Rules.1.Limit"), 4);
    assert_null(member_of("Rules.0.Limit")); /* of names there are no numbers */
    assert_null(member_of("Rules.0.FitsNow"));
    assert_int_equal(number_of("Rules.2.Requested"), 480);
    assert_string_equal(text_of("Rules.2.Scope"), "account");
    assert_true(json_is_true(member_of("Rules.2.Admits")));
    assert_null(member_of("Rules.2.Period"));
    assert_true(json_is_false(member_of("Rules.3.Admits")));
    assert_string_equal(text_of("Rules.3.ResetsAt"), "2026-11-30T23:00:00.000Z");
}

static void says_when_it_never_fits(void **state)
{
    (void)state;
    refuse_start(QUOTA_REFUSED_EVER);
    world.start.decision.earliest_ms = INT64_MAX;
    start("DryRun=true", all_scopes, UNITS, 403);
    expect_problem("quota-never-fits");
    assert_true(json_is_null(member_of("EarliestFit")));
    assert_non_null(strstr(text_of("EarliestFitDetail"), "at no time"));
    assert_false(has_header("Retry-After"));
    assert_true(json_is_true(member_of("DryRun")));
    world.start.decision.earliest_ms = 0;
    start(NULL, all_scopes, UNITS, 403);
    assert_false(has_header("Retry-After"));

    /* It fits in principle, and yet at no time that anybody can see: a total of which the rest is
     * reserved. A reservation that ends before its lease makes room, so it is not "at no time". */
    refuse_start(QUOTA_REFUSED_NOW);
    world.start.decision.earliest_ms = INT64_MAX;
    world.start.decision.rules[3].period = POLICY_TOTAL;
    world.start.decision.rules[3].resets_ms = INT64_MAX;
    start(NULL, all_scopes, UNITS, 429);
    assert_false(has_header("Retry-After"));
    assert_true(json_is_null(member_of("EarliestFit")));
    assert_null(strstr(text_of("EarliestFitDetail"), "at no time"));
    assert_non_null(strstr(text_of("EarliestFitDetail"), "no lease that ends and no window that "
                                                         "resets makes room for it within 400"));
    assert_non_null(strstr(text_of("EarliestFitDetail"), "stop it, or shorten its lease"));
    assert_string_equal(text_of("Period"), "total");
    assert_true(json_is_null(member_of("ResetsAt")));
    assert_null(member_of("TimeZone"));
    assert_null(member_of("PeriodStartsAt"));

    /* Not computed, not limited: left out. */
    refuse_start(QUOTA_REFUSED_NOW);
    world.start.decision.earliest_ms = 0;
    world.start.decision.largest_lease_now_ms = POLICY_NO_LIMIT;
    world.start.decision.largest_units_now = POLICY_NO_LIMIT;
    world.start.decision.rules[3].fits_now = POLICY_NO_LIMIT;
    start(NULL, all_scopes, UNITS, 429);
    assert_null(member_of("EarliestFit"));
    assert_null(member_of("EarliestFitDetail"));
    assert_null(member_of("LargestLeaseMinutes"));
    assert_null(member_of("LargestFit"));
    assert_null(member_of("FitsNow"));
}

static void explains_an_admitted_dry_run(void **state)
{
    (void)state;
    refuse_start(QUOTA_ADMITTED);
    world.start.outcome = START_ACCEPTED;
    start("DryRun=true", all_scopes, UNITS, 200);
    assert_true(json_is_true(member_of("Admitted")));
    assert_int_equal(number_of("LargestLeaseMinutes"), 279);
    assert_int_equal(json_array_size(member_of("Rules")), 4);
    assert_null(member_of("Reservation"));
}

/* --- leases -------------------------------------------------------------------------------- */

static void starts_with_a_lease(void **state)
{
    (void)state;
    world.start = (struct start_result){.outcome = START_ACCEPTED,
                                        .has_row = true,
                                        .row_is_own = true,
                                        .row = world_row(1, "assembly-line")};
    start(NULL, all_scopes, "{\"MinInferenceUnits\":1,\"LeaseMinutes\":240}", 202);
    assert_int_equal(world.seen.lease_minutes, 240);
    assert_int_equal(number_of("Reservation.LeaseMinutes"), 480);
    assert_string_equal(text_of("Reservation.LeaseEndsAt"), "2026-11-24T00:00:00.000Z");
    assert_string_equal(text_of("Reservation.WorstCaseEndsAt"), "2026-11-24T00:15:00.000Z");
    start(NULL, all_scopes, UNITS, 202);
    assert_int_equal(world.seen.lease_minutes, 0);

    post("/v1/start-model", NULL, all_scopes,
         "{\"ProjectName\":\"solder-1\",\"ModelVersion\":\"1\",\"MinInferenceUnits\":1,"
         "\"LeaseMinutes\":44640}",
         202);
    assert_int_equal(world.seen.lease_minutes, 44640);
}

static void shows_no_lease_of_what_nobody_asked_for(void **state)
{
    (void)state;
    world.rows[0] = world_row(1, RESERVATION_TEAM_UNASSIGNED);
    world.rows[0].lease_end_ms = RESERVATION_NO_LEASE_MS;
    world.rows[0].worst_end_ms = world.rows[0].created_ms;
    world.row_count = 1;
    call("GET", "/v1/reservations/00000000-0000-4000-8000-000000000001", NULL, admin, 200);
    assert_true(json_is_null(member_of("LeaseMinutes")));
    assert_true(json_is_null(member_of("LeaseEndsAt")));
    assert_true(json_is_null(member_of("WorstCaseEndsAt")));
}

static void changes_a_lease(void **state)
{
    (void)state;
    world.lease = (struct lease_result){
        .outcome = LEASE_CHANGED, .has_row = true, .row = world_row(1, "assembly-line")};
    post(LEASE, NULL, all_scopes, "{\"LeaseMinutes\":480}", 200);
    assert_true(json_is_true(member_of("Changed")));
    assert_int_equal(number_of("Reservation.LeaseMinutes"), 480);
    assert_string_equal(world.seen.team, "assembly-line");
    assert_string_equal(world.seen.subject, "someone");
    assert_string_equal(world.seen.project, "circuit-boards");
    assert_string_equal(world.seen.version, "3");
    assert_int_equal(world.seen.lease_minutes, 480);
    assert_false(world.seen.dry_run);

    world.lease.outcome = LEASE_UNCHANGED;
    post(LEASE, NULL, all_scopes, "{\"LeaseMinutes\":480}", 200);
    assert_true(json_is_false(member_of("Changed")));

    post(LEASE, NULL, admin, "{\"LeaseMinutes\":480}", 200);
    assert_false(world.seen.has_team);
    post(LEASE, NULL, two_teams, "{\"LeaseMinutes\":480}", 400);
    expect_problem("team-required");
    post(LEASE, NULL, reader, "{\"LeaseMinutes\":480}", 403);
    expect_problem("insufficient-scope");
    post(LEASE, "Team=paint-shop", all_scopes, "{\"LeaseMinutes\":480}", 403);
    expect_problem("team-forbidden");
    assert_int_equal(world.seen.leases, 3);
}

static void tries_a_lease(void **state)
{
    (void)state;
    world.lease = (struct lease_result){.outcome = LEASE_CHANGED,
                                        .has_row = true,
                                        .row = world_row(1, "assembly-line"),
                                        .has_decision = true};
    world.lease.decision = decide(QUOTA_ADMITTED);
    post(LEASE, "DryRun=true", all_scopes, "{\"LeaseMinutes\":480}", 200);
    assert_true(world.seen.dry_run);
    assert_true(json_is_true(member_of("DryRun")));
    assert_true(json_is_true(member_of("Admitted")));
    assert_int_equal(json_array_size(member_of("Rules")), 4);
    assert_int_equal(number_of("Reservation.LeaseMinutes"), 480);
    /* Shortening decides nothing. */
    world.lease.has_decision = false;
    post(LEASE, "DryRun=true", all_scopes, "{\"LeaseMinutes\":480}", 200);
    assert_null(member_of("Rules"));
}

static void refuses_a_lease_with_its_reason(void **state)
{
    static const struct {
        enum lease_outcome outcome;
        int status;
        const char *problem;
    } cases[] = {
        {LEASE_QUOTA, 429, "quota-exceeded"},        {LEASE_NOT_HELD, 404, "model-not-held"},
        {LEASE_NOT_ACTIVE, 409, "model-not-active"}, {LEASE_UNAVAILABLE, 503, "unavailable"},
        {LEASE_UNCERTAIN, 504, "uncertain"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world.lease = (struct lease_result){.outcome = cases[i].outcome,
                                            .has_row = cases[i].outcome != LEASE_NOT_HELD,
                                            .row = world_row(1, "assembly-line"),
                                            .has_decision = true,
                                            .retry_after_ms = 60000};
        world.lease.decision = decide(QUOTA_REFUSED_NOW);
        post(LEASE, NULL, all_scopes, "{\"LeaseMinutes\":600}", cases[i].status);
        expect_problem(cases[i].problem);
        assert_int_equal(member_of("Reservation") != NULL, world.lease.has_row);
        assert_int_equal(member_of("Rules") != NULL, cases[i].outcome == LEASE_QUOTA);
    }
}

static void says_what_an_extension_waits_for(void **state)
{
    (void)state;
    world.lease = (struct lease_result){
        .outcome = LEASE_QUOTA, .row = world_row(1, "assembly-line"), .has_decision = true};
    world.lease.decision = decide(QUOTA_REFUSED_NOW);
    world.lease.decision.earliest_ms = INT64_MAX;
    post(LEASE, NULL, all_scopes, "{\"LeaseMinutes\":600}", 429);
    assert_false(has_header("Retry-After"));
    assert_true(json_is_null(member_of("EarliestFit")));
    assert_null(strstr(text_of("EarliestFitDetail"), "400 days"));
    assert_non_null(strstr(text_of("EarliestFitDetail"), "no window that resets makes room"));
    assert_non_null(strstr(text_of("EarliestFitDetail"), "something else gives back"));

    world.lease.decision.verdict = QUOTA_REFUSED_EVER;
    post(LEASE, NULL, all_scopes, "{\"LeaseMinutes\":600}", 403);
    assert_null(strstr(text_of("EarliestFitDetail"), "400 days"));
    assert_non_null(strstr(text_of("EarliestFitDetail"), "under this policy"));
}

static void refuses_lease_bodies_by_pointer(void **state)
{
    static const struct {
        const char *body, *pointer;
    } cases[] = {
        {"", "(absent)"},
        {"[]", "(absent)"},
        {"{}", "/LeaseMinutes"},
        {"{\"LeaseMinutes\":0}", "/LeaseMinutes"},
        {"{\"LeaseMinutes\":-1}", "/LeaseMinutes"},
        {"{\"LeaseMinutes\":44641}", "/LeaseMinutes"},
        {"{\"LeaseMinutes\":1.0}", "/LeaseMinutes"},
        {"{\"LeaseMinutes\":\"60\"}", "/LeaseMinutes"},
        {"{\"LeaseMinutes\":null}", "/LeaseMinutes"},
        {"{\"LeaseMinutes\":60,\"Minutes\":60}", "/Minutes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        post(LEASE, NULL, all_scopes, cases[i].body, 400);
        expect_problem("invalid-body");
        if (strcmp(text_of("Pointer"), cases[i].pointer) != 0)
            fail_msg("%s: saw pointer %s", cases[i].body, text_of("Pointer"));
    }
    /* A start says it in the same words. */
    start(NULL, all_scopes, "{\"MinInferenceUnits\":1,\"LeaseMinutes\":44641}", 400);
    assert_string_equal(text_of("Pointer"), "/LeaseMinutes");
    assert_non_null(strstr(text_of("detail"), "44640"));
    assert_int_equal(world.seen.leases + world.seen.starts, 0);
}

/* --- GET /v1/quota ------------------------------------------------------------------------- */

static struct quota_rule limit_of(enum quota_rule_kind kind, enum quota_scope scope, int64_t limit,
                                  int64_t used, int64_t left)
{
    return (struct quota_rule){
        .kind = kind, .scope = scope, .limit = limit, .used = used, .fits_now = left};
}

static void survey(void)
{
    struct quota_rule *rules = world.quota.survey.rules;
    world.quota = (struct quota_view){
        .outcome = QUOTA_VIEW_KNOWN,
        .now_ms = AT_MS,
        .account = {.used_units = 7, .reserved_units = 2, .used_models = 3},
        .team = {.used_units = 2, .reserved_units = 1, .used_models = 1, .reserved_models = 1},
        .lease_default_minutes = 240,
        .lease_max_minutes = 720,
    };
    rules[0] = limit_of(QUOTA_CONCURRENT_UNITS, QUOTA_SCOPE_TEAM, 4, 2, 1);
    rules[0].reserved = 1;
    rules[1] = limit_of(QUOTA_UNITS_PER_MODEL, QUOTA_SCOPE_TEAM, 2, 0, 2);
    rules[2] = limit_of(QUOTA_LEASE, QUOTA_SCOPE_TEAM, 720, 0, 720);
    rules[3] = month_rule();
    rules[3].fits_now = 9 * HOUR_MS + 20 * 60000 - 1;
    rules[4] = month_rule();
    rules[4].period = POLICY_TOTAL;
    rules[4].resets_ms = INT64_MAX;
    rules[4].fits_now = 0;
    rules[5] = limit_of(QUOTA_RUNNING_MODELS, QUOTA_SCOPE_ACCOUNT, 2, 3, 0);
    world.quota.survey.rule_count = 6;
}

static void shows_limits_and_what_is_left(void **state)
{
    (void)state;
    survey();
    call("GET", "/v1/quota", NULL, reader, 200);
    assert_string_equal(text_of("AsOf"), "2026-11-23T16:00:00.000Z");
    assert_string_equal(text_of("Team"), "assembly-line");
    assert_int_equal(json_array_size(member_of("Projects")), 2);
    assert_string_equal(text_of("Projects.1"), "solder-*");
    assert_int_equal(strlen(text_of("PolicyDigest")), 64);
    assert_int_equal(number_of("Lease.DefaultMinutes"), 240);
    assert_int_equal(number_of("Lease.MaxMinutes"), 720);
    assert_int_equal(number_of("TeamLimits.concurrent_units.Limit"), 4);
    assert_int_equal(number_of("TeamLimits.concurrent_units.Used"), 2);
    assert_int_equal(number_of("TeamLimits.concurrent_units.Reserved"), 1);
    assert_int_equal(number_of("TeamLimits.concurrent_units.Left"), 1);
    assert_int_equal(number_of("TeamLimits.units_per_model.Limit"), 2);
    assert_int_equal(number_of("TeamLimits.lease.Limit"), 720);
    assert_string_equal(text_of("TeamLimits.lease.Unit"), "minutes");
    /* No limit: what is held is shown, and nothing is left out of nothing. */
    assert_null(member_of("TeamLimits.running_models.Limit"));
    assert_null(member_of("TeamLimits.running_models.Left"));
    assert_int_equal(number_of("TeamLimits.running_models.Used"), 1);
    assert_int_equal(number_of("TeamLimits.running_models.Reserved"), 1);
    assert_int_equal(number_of("AccountLimits.concurrent_units.Used"), 7);
    assert_int_equal(number_of("AccountLimits.running_models.Left"), 0);
    assert_null(member_of("AccountLimits.lease"));
    assert_int_equal(json_array_size(member_of("AccountLimits.unit_hours")), 0);
}

static void shows_each_window(void **state)
{
    (void)state;
    survey();
    call("GET", "/v1/quota", NULL, reader, 200);
    assert_int_equal(json_array_size(member_of("TeamLimits.unit_hours")), 2);
    expect_literal("\"Limit\":160.000,\"Used\":100.000,\"Reserved\":50.667,\"Left\":9.333,");
    assert_int_equal(number_of("TeamLimits.unit_hours.0.UnitMilliseconds.Left"), 33599999);
    assert_string_equal(text_of("TeamLimits.unit_hours.0.Pointer"),
                        "/teams/assembly-line/limits/unit_hours/0");
    assert_string_equal(text_of("TeamLimits.unit_hours.0.Period"), "month");
    assert_string_equal(text_of("TeamLimits.unit_hours.0.TimeZone"), "Europe/Berlin");
    assert_string_equal(text_of("TeamLimits.unit_hours.0.PeriodStartsAt"),
                        "2026-10-31T23:00:00.000Z");
    assert_string_equal(text_of("TeamLimits.unit_hours.0.ResetsAt"), "2026-11-30T23:00:00.000Z");
    assert_string_equal(text_of("TeamLimits.unit_hours.1.Period"), "total");
    assert_true(json_is_null(member_of("TeamLimits.unit_hours.1.ResetsAt")));
}

static void shows_quota_to_those_who_may_see_it(void **state)
{
    (void)state;
    survey();
    call("GET", "/v1/quota", NULL, admin, 200);
    assert_false(world.seen.has_team);
    assert_null(member_of("Team"));
    assert_null(member_of("TeamLimits"));
    assert_non_null(member_of("AccountLimits"));
    call("GET", "/v1/quota", "Team=paint-shop", admin, 200);
    assert_string_equal(world.seen.team, "paint-shop");
    assert_string_equal(text_of("Team"), "paint-shop");
    call("GET", "/v1/quota", "Team=paint-shop", reader, 403);
    expect_problem("team-forbidden");
    world.quota.outcome = QUOTA_VIEW_UNKNOWN_TEAM;
    call("GET", "/v1/quota", "Team=nobody", admin, 404);
    expect_problem("not-found");
    world.quota.outcome = QUOTA_VIEW_UNAVAILABLE;
    call("GET", "/v1/quota", NULL, reader, 503);
    expect_problem("unavailable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(explains_unit_hours),
        API_TEST(lists_every_rule_with_its_unit),
        API_TEST(says_when_it_never_fits),
        API_TEST(explains_an_admitted_dry_run),
        API_TEST(starts_with_a_lease),
        API_TEST(shows_no_lease_of_what_nobody_asked_for),
        API_TEST(changes_a_lease),
        API_TEST(tries_a_lease),
        API_TEST(refuses_a_lease_with_its_reason),
        API_TEST(says_what_an_extension_waits_for),
        API_TEST(refuses_lease_bodies_by_pointer),
        API_TEST(shows_limits_and_what_is_left),
        API_TEST(shows_each_window),
        API_TEST(shows_quota_to_those_who_may_see_it),
    };
    return cmocka_run_group_tests_name("api-quota", tests, NULL, NULL);
}
