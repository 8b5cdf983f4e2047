/* What administrators do by hand, from bytes to answer. */
#include "tests/unit/cmocka_all.h"

#include "tests/unit/api_call.h"
#include "tests/unit/api_world.h"

#include <stdio.h>
#include <string.h>

#define SETTLE "/v1/reservations/00000001-0000-4000-8000-000000000000/settle"
#define ASSIGN "/v1/admin/drift/assign"
#define ASSIGNMENT                                                                                 \
    "{\"ProjectName\":\"circuit-boards\",\"ModelVersion\":\"3\",\"Team\":\"assembly-line\","       \
    "\"LeaseMinutes\":60,\"Reason\":\"theirs\"}"

static void admin_routes_want_the_scope(void **state)
{
    static const char *const posts[] = {"/v1/admin/freeze", "/v1/admin/unfreeze", SETTLE, ASSIGN};
    (void)state;
    for (size_t i = 0; i < sizeof(posts) / sizeof(posts[0]); i++) {
        post(posts[i], NULL, all_scopes, "{\"Reason\":\"r\"}", 403);
        expect_problem("insufficient-scope");
    }
    call("GET", "/v1/admin/freezes", NULL, all_scopes, 403);
    call("GET", "/v1/admin/drift", NULL, all_scopes, 403);
    assert_int_equal(world.seen.settles + world.seen.assigns + world.seen.freezes, 0);
}

static void freezes_and_unfreezes(void **state)
{
    (void)state;
    world.freeze = (struct ledger_freeze){
        .team = "assembly-line", .reason = "audit", .actor = "eve", .since_ms = 1795448880000};
    post("/v1/admin/freeze", NULL, admin, "{\"Team\":\"assembly-line\",\"Reason\":\"audit\"}", 200);
    assert_true(world.seen.on);
    assert_string_equal(world.seen.team, "assembly-line");
    assert_string_equal(world.seen.reason, "audit");
    const json_t *freeze = json_array_get(json_object_get(json, "Freezes"), 0);
    assert_string_equal(json_string_value(json_object_get(freeze, "FrozenAt")),
                        "2026-11-23T15:48:00.000Z");
    assert_string_equal(json_string_value(json_object_get(freeze, "Actor")), "eve");
    world.freeze.since_ms = 0;
    post("/v1/admin/unfreeze", NULL, admin, "{\"Reason\":\"done\"}", 200);
    assert_false(world.seen.on);
    assert_string_equal(world.seen.team, "");
    assert_int_equal(json_array_size(json_object_get(json, "Freezes")), 0);
    call("GET", "/v1/admin/freezes", NULL, admin, 200);

    post("/v1/admin/freeze", NULL, admin, "{\"Team\":\"x\"}", 400);
    expect_problem("invalid-body");
    assert_string_equal(text_of("Pointer"), "/Reason");
    post("/v1/admin/freeze", NULL, admin, "{\"Reason\":\"r\",\"Teams\":[]}", 400);
    world.frozen = ADMIN_INVALID;
    post("/v1/admin/freeze", NULL, admin, "{\"Team\":\"x\",\"Reason\":\"r\"}", 400);
    expect_problem("invalid-body");
}

static void settles_a_reservation(void **state)
{
    (void)state;
    world.settled = (struct admin_settled){.outcome = ADMIN_DONE,
                                           .has_row = true,
                                           .row = world_row(1, "assembly-line"),
                                           .seen = "HOSTED",
                                           .seen_ms = 1795448880000,
                                           .frees_running = true,
                                           .detail = "although it runs"};
    post(SETTLE, NULL, admin,
         "{\"EndedAt\":\"2026-11-23T16:48:00+01:00\",\"Force\":true,\"Reason\":\"stuck\"}", 200);
    assert_string_equal(world.seen.id, "00000001-0000-4000-8000-000000000000");
    assert_string_equal(world.seen.reason, "stuck");
    assert_true(world.seen.force);
    assert_int_equal(world.seen.ended_ms, 1795448880000);
    assert_true(json_is_true(json_object_get(json, "Settled")));
    assert_string_equal(text_of("Warning"), "although it runs");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "Seen"), "Status")),
                        "HOSTED");
    assert_non_null(json_object_get(json, "Reservation"));

    post(SETTLE, NULL, admin, "{\"EndedAt\":\"yesterday\",\"Reason\":\"stuck\"}", 400);
    assert_string_equal(text_of("Pointer"), "/EndedAt");
    post(SETTLE, NULL, admin, "{\"Force\":1,\"Reason\":\"stuck\"}", 400);
    assert_string_equal(text_of("Pointer"), "/Force");
    post(SETTLE, NULL, admin, "{\"Reason\":\"\"}", 400);
    assert_int_equal(world.seen.settles, 1);
}

static void maps_what_admins_are_told(void **state)
{
    static const struct {
        enum admin_outcome outcome;
        int status;
        const char *problem; /* NULL: success */
    } cases[] = {
        {ADMIN_DONE, 200, NULL},
        {ADMIN_UNCHANGED, 200, NULL},
        {ADMIN_NOT_FOUND, 404, "not-found"},
        {ADMIN_CONFLICT, 409, "not-applicable"},
        {ADMIN_NEEDS_FORCE, 409, "needs-force"},
        {ADMIN_INVALID, 400, "invalid-body"},
        {ADMIN_UNAVAILABLE, 503, "unavailable"},
        {ADMIN_UNCERTAIN, 504, "uncertain"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world.settled.outcome = world.assigned.outcome = cases[i].outcome;
        post(SETTLE, NULL, admin, "{\"Reason\":\"stuck\"}", cases[i].status);
        assert_int_equal(world.seen.ended_ms, 0);
        assert_false(world.seen.force);
        if (cases[i].problem != NULL)
            expect_problem(cases[i].problem);
        post(ASSIGN, NULL, admin, ASSIGNMENT, cases[i].status);
        if (cases[i].problem != NULL)
            expect_problem(cases[i].problem);
    }
}

static void assigns_drift(void **state)
{
    (void)state;
    world.assigned = (struct admin_assigned){.outcome = ADMIN_DONE,
                                             .row = world_row(1, "assembly-line"),
                                             .has_decision = true,
                                             .decision = {.rule_count = 3}};
    struct quota_rule *rules = world.assigned.decision.rules;
    rules[0] = (struct quota_rule){.kind = QUOTA_LEASE, .limit = 30, .requested = 60};
    rules[1] = (struct quota_rule){
        .kind = QUOTA_RUNNING_MODELS, .limit = 4, .used = 5, .admits = true, .ever_admits = true};
    rules[2] = (struct quota_rule){.kind = QUOTA_CONCURRENT_UNITS,
                                   .scope = QUOTA_SCOPE_ACCOUNT,
                                   .limit = 4,
                                   .used = 3,
                                   .requested = 2,
                                   .ever_admits = true};
    world.assigned.row.lease_from_ms += INT64_C(7200000); /* it ran for two of its eight hours */
    post(ASSIGN, NULL, admin, ASSIGNMENT, 200);
    assert_int_equal(number_of("Reservation.LeaseMinutes"), 360);
    assert_string_equal(world.seen.team, "assembly-line");
    assert_string_equal(world.seen.project, "circuit-boards");
    assert_string_equal(world.seen.version, "3");
    assert_int_equal(world.seen.lease_minutes, 60);
    const json_t *exceeds = json_object_get(json, "Exceeds");
    assert_int_equal(json_array_size(exceeds), 2);
    const json_t *first = json_array_get(exceeds, 0), *second = json_array_get(exceeds, 1);
    assert_string_equal(json_string_value(json_object_get(first, "Rule")), "lease");
    assert_int_equal(json_integer_value(json_object_get(first, "Requested")), 60);
    assert_string_equal(json_string_value(json_object_get(second, "Scope")), "account");
    assert_int_equal(json_integer_value(json_object_get(second, "Requested")), 2);
    assert_true(json_is_false(json_object_get(json, "ProjectAllowed")));
    post(ASSIGN, NULL, admin,
         "{\"ProjectName\":\"a/b\",\"ModelVersion\":\"3\",\"Team\":\"t\",\"LeaseMinutes\":60,"
         "\"Reason\":\"r\"}",
         400);
    post(ASSIGN, NULL, admin,
         "{\"ProjectName\":\"a\",\"ModelVersion\":\"3\",\"Team\":\"t\",\"LeaseMinutes\":44641,"
         "\"Reason\":\"r\"}",
         400);
    assert_string_equal(text_of("Pointer"), "/LeaseMinutes");
    assert_int_equal(world.seen.assigns, 1);
}

static void lists_drift(void **state)
{
    (void)state;
    world.rows[0] = world_row(1, "assembly-line");
    world.rows[1] = world_row(2, RESERVATION_TEAM_UNASSIGNED);
    world.rows[1].origin = RESERVATION_ORIGIN_DRIFT;
    world.rows[1].lease_end_ms = RESERVATION_NO_LEASE_MS;
    world.row_count = 2;
    world.scan = (struct drift_scan_state){.ended_ms = 1795448880000, .failed = true};
    call("GET", "/v1/admin/drift", NULL, admin, 200);
    const json_t *models = json_object_get(json, "Models");
    assert_int_equal(json_array_size(models), 1);
    const json_t *row = json_array_get(models, 0);
    assert_string_equal(json_string_value(json_object_get(row, "Origin")), "drift");
    assert_true(json_is_null(json_object_get(row, "LeaseEndsAt")));
    assert_string_equal(text_of("ScannedAt"), "2026-11-23T15:48:00.000Z");
    assert_true(json_is_true(json_object_get(json, "LastScanFailed")));
    world.ledger_result = ERROR_IO;
    call("GET", "/v1/admin/drift", NULL, admin, 503);
    call("GET", "/v1/admin/freezes", NULL, admin, 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(admin_routes_want_the_scope),
        API_TEST(freezes_and_unfreezes),
        API_TEST(settles_a_reservation),
        API_TEST(maps_what_admins_are_told),
        API_TEST(assigns_drift),
        API_TEST(lists_drift),
    };
    return cmocka_run_group_tests_name("api-admin", tests, NULL, NULL);
}
