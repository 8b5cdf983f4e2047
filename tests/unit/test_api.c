/* Every route from bytes to answer, with real tokens and a control that plays each outcome. */
#include "tests/unit/cmocka_all.h"

#include "gateway/base/log.h"
#include "tests/unit/api_call.h"
#include "tests/unit/api_world.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- credentials --------------------------------------------------------------------------- */

static void asks_for_a_token(void **state)
{
    (void)state;
    call("GET", "/v1/quota", NULL, NULL, 401);
    expect_problem("unauthenticated");
    assert_true(has_header("WWW-Authenticate: Bearer realm=\"lookout-gateway\"\r\n"));

    begin("GET", "/v1/quota", NULL);
    add_field("Authorization", "Basic YTpi");
    finish(401);
    expect_problem("unauthenticated");
}

static void says_no_more_than_rfc_6750_of_a_bad_token(void **state)
{
    (void)state;
    char broken[WORLD_MAX_TOKEN];
    snprintf(broken, sizeof(broken), "%s", all_scopes);
    broken[strlen(broken) - 3] = broken[strlen(broken) - 3] == 'A' ? 'B' : 'A';
    static const char *const malformed[] = {"", "a", "a.b", "a.b.c", "..", "\"quoted\""};
    call("GET", "/v1/quota", NULL, broken, 401);
    expect_problem("invalid-token");
    assert_true(has_header("error=\"invalid_token\"\r\n"));
    assert_null(strstr(exchange.body.data, "signature"));
    char first[2048];
    snprintf(first, sizeof(first), "%s", exchange.body.data);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        call("GET", "/v1/quota", NULL, malformed[i], 401);
        assert_string_equal(exchange.body.data, first);
    }
}

/* The depth is checked before any parser recurses, also behind a signature that is wrong. */
static void survives_a_deep_token(void **state)
{
    (void)state;
    /* {"alg":"HS256","kid":"k1"} . [[[[... . x */
    char token[12 * 1024];
    int len = snprintf(token, sizeof(token), "eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.");
    while ((size_t)len + 8 < sizeof(token) - 64)
        len += snprintf(token + len, sizeof(token) - (size_t)len, "W1tb");
    snprintf(token + len, sizeof(token) - (size_t)len, ".AAAA");
    static char field[13 * 1024];
    snprintf(field, sizeof(field), "Bearer %s", token);
    begin("GET", "/v1/quota", NULL);
    add_field("Authorization", field);
    finish(401);
    expect_problem("invalid-token");
}

static void takes_the_token_behind_an_aws_signature(void **state)
{
    (void)state;
    begin("GET", "/v1/quota", NULL);
    add_field("Authorization", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=y, Signature=z");
    add_field("X-Amz-Security-Token", all_scopes);
    finish(200);

    begin("GET", "/v1/quota", NULL);
    add_field("Authorization", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=y, Signature=z");
    finish(401);
    expect_problem("unauthenticated");

    /* Without the signature's scheme the header means nothing. */
    begin("GET", "/v1/quota", NULL);
    add_field("X-Amz-Security-Token", all_scopes);
    finish(401);
    begin("GET", "/v1/quota", NULL);
    add_field("Authorization", "Basic YTpi");
    add_field("X-Amz-Security-Token", all_scopes);
    finish(401);
}

static void refuses_two_credentials(void **state)
{
    (void)state;
    begin("GET", "/v1/quota", NULL);
    add_token(all_scopes);
    add_field("authorization", "Bearer x");
    finish(400);
    assert_true(has_header("error=\"invalid_request\"\r\n"));
}

static void names_the_scope_that_is_missing(void **state)
{
    (void)state;
    start(NULL, reader, UNITS, 403);
    expect_problem("insufficient-scope");
    assert_true(has_header("error=\"insufficient_scope\", scope=\"models:start\"\r\n"));
    assert_int_equal(world.seen.starts, 0);
}

/* --- routing ------------------------------------------------------------------------------- */

static void answers_unknown_paths_and_methods(void **state)
{
    (void)state;
    call("GET", "/v2/quota", NULL, NULL, 404);
    expect_problem("not-found");
    call("PUT", "/v1/quota", NULL, NULL, 405);
    expect_problem("method-not-allowed");
    assert_true(has_header("Allow: GET, HEAD\r\n"));
    call("GET", MODEL "/start", NULL, NULL, 405);
    assert_true(has_header("Allow: POST\r\n"));
    call("GET", "/v1/quota", "Nonsense=1", all_scopes, 400);
    expect_problem("invalid-parameter");
}

/* --- start --------------------------------------------------------------------------------- */

static void starts_and_shows_the_reservation(void **state)
{
    (void)state;
    world.start = (struct start_result){.outcome = START_ACCEPTED,
                                        .has_row = true,
                                        .row_is_own = true,
                                        .row = world_row(1, "assembly-line")};
    start(NULL, all_scopes, UNITS, 202);
    assert_string_equal(text_of("Status"), "STARTING_HOSTING");
    json_t *row = json_object_get(json, "Reservation");
    assert_string_equal(json_string_value(json_object_get(row, "Id")), world.start.row.id);
    assert_string_equal(json_string_value(json_object_get(row, "State")), "ACTIVE");
    assert_string_equal(json_string_value(json_object_get(row, "Href")),
                        "/v1/reservations/00000000-0000-4000-8000-000000000001");
    assert_int_equal(json_integer_value(json_object_get(row, "Units")), 2);
    assert_string_equal(json_string_value(json_object_get(row, "CreatedAt")),
                        "2026-11-23T16:00:00.000Z");
    assert_string_equal(world.seen.team, "assembly-line");
    assert_string_equal(world.seen.subject, "someone");
    assert_string_equal(world.seen.project, "circuit-boards");
    assert_string_equal(world.seen.version, "3");
    assert_int_equal(world.seen.min_units, 1);
    assert_int_equal(world.seen.max_units, 2);
    assert_false(world.seen.has_key);
    assert_false(world.seen.dry_run);
}

static void reads_the_document_of_the_cli(void **state)
{
    (void)state;
    world.start = (struct start_result){
        .outcome = START_PRESENT, .has_row = true, .row = world_row(1, "assembly-line")};
    begin("POST", "/v1/start-model", NULL);
    add_token(all_scopes);
    add_field("Content-Type", "application/json");
    to_read.body = "{\"ProjectName\":\"solder-1\",\"ModelVersion\":\"latest\",\"MinInferenceUnits\""
                   ":2,\"ClientToken\":\"abc-1\"}";
    finish(200);
    assert_string_equal(world.seen.project, "solder-1");
    assert_string_equal(world.seen.version, "latest");
    assert_string_equal(world.seen.key, "abc-1");
    assert_int_equal(world.seen.max_units, 0);

    /* The skeleton itself is refused at its first placeholder. */
    call("GET", "/v1/start-model/skeleton", NULL, NULL, 200);
    char skeleton[1024];
    snprintf(skeleton, sizeof(skeleton), "%s", exchange.body.data);
    begin("POST", "/v1/start-model", NULL);
    add_token(all_scopes);
    add_field("Content-Type", "application/json");
    to_read.body = skeleton;
    finish(400);
    expect_problem("invalid-body");
    assert_string_equal(text_of("Pointer"), "/ProjectName");
}

static void refuses_bodies_by_pointer(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer;
    } cases[] = {
        {"", "(absent)"},
        {"[]", "(absent)"},
        {"{", "(absent)"},
        {"{}", "/MinInferenceUnits"},
        {"{\"MinInferenceUnits\":0}", "/MinInferenceUnits"},
        {"{\"MinInferenceUnits\":\"1\"}", "/MinInferenceUnits"},
        {"{\"MinInferenceUnits\":1.5}", "/MinInferenceUnits"},
        {"{\"MinInferenceUnits\":1,\"MaxInferenceUnits\":0}", "/MaxInferenceUnits"},
        {"{\"MinInferenceUnits\":3,\"MaxInferenceUnits\":2}", "/MaxInferenceUnits"},
        {"{\"MinInferenceUnits\":1,\"LeaseMinutes\":0}", "/LeaseMinutes"},
        {"{\"MinInferenceUnits\":1,\"ProjectName\":\"x\"}", "/ProjectName"},
        {"{\"MinInferenceUnits\":1,\"ClientToken\":\"\"}", "/ClientToken"},
        {"{\"MinInferenceUnits\":1,\"MinInferenceUnits\":2}", "(absent)"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(NULL, all_scopes, cases[i].body, 400);
        expect_problem("invalid-body");
        if (strcmp(text_of("Pointer"), cases[i].pointer) != 0)
            fail_msg("%s: saw pointer %s", cases[i].body, text_of("Pointer"));
    }
    assert_int_equal(world.seen.starts, 0);
}

static void refuses_other_media_types_and_unread_bodies(void **state)
{
    (void)state;
    begin("POST", MODEL "/start", NULL);
    add_token(all_scopes);
    add_field("Content-Type", "text/plain");
    to_read.body = UNITS;
    finish(415);
    expect_problem("unsupported-media-type");
    assert_true(exchange.close);

    begin("POST", MODEL "/start", NULL);
    add_token(all_scopes);
    add_field("Content-Type", "application/json");
    to_read.problem = PROBLEM_BODY_TOO_LARGE;
    finish(413);
    assert_true(exchange.close);
}

static void refuses_bad_names_and_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *path, *query;
    } cases[] = {
        {"/v1/projects/-a/models/3/start", NULL},
        {"/v1/projects/a/models/03/start", NULL},
        {"/v1/projects/a/models/newest/start", NULL},
        {"/v1/projects/%2e%2e/models/3/start", NULL},
        {MODEL "/start", "DryRun=yes"},
        {MODEL "/start", "DryRun="},
        {MODEL "/start", "dryrun=true"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin("POST", cases[i].path, cases[i].query);
        add_token(all_scopes);
        add_field("Content-Type", "application/json");
        to_read.body = UNITS;
        finish(400);
        expect_problem("invalid-parameter");
    }
    assert_int_equal(world.seen.starts, 0);
}

static void takes_one_key_from_three_places(void **state)
{
    (void)state;
    static const struct {
        const char *header, *sdk, *body, *key;
        int status;
    } cases[] = {
        {"k-1", NULL, NULL, "k-1", 504},      {NULL, "k-1", NULL, "k-1", 504},
        {NULL, NULL, "k-1", "k-1", 504},      {"k-1", "k-1", "k-1", "k-1", 504},
        {"\"k-1\"", "k-1", NULL, "k-1", 504}, {"k-1", "k-2", NULL, "", 400},
        {"k-1", NULL, "k-2", "", 400},        {NULL, "k-1", "k-2", "", 400},
        {"k_1", NULL, NULL, "", 400},         {"", NULL, NULL, "", 400},
    };
    world.start = (struct start_result){.outcome = START_UNCERTAIN};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[256];
        snprintf(body, sizeof(body), "{\"MinInferenceUnits\":1%s%s%s}",
                 cases[i].body ? ",\"ClientToken\":\"" : "", cases[i].body ? cases[i].body : "",
                 cases[i].body ? "\"" : "");
        begin("POST", MODEL "/start", NULL);
        add_token(all_scopes);
        add_field("Content-Type", "application/json");
        if (cases[i].header != NULL)
            add_field("Idempotency-Key", cases[i].header);
        if (cases[i].sdk != NULL)
            add_field("X-Amzn-Client-Token", cases[i].sdk);
        to_read.body = body;
        world.seen.key[0] = '\0';
        finish(cases[i].status);
        assert_string_equal(world.seen.key, cases[i].key);
    }
}

static void asks_for_which_team(void **state)
{
    (void)state;
    static char nobody[WORLD_MAX_TOKEN];
    world_token("assembly-line", "models:start gateway:admin", nobody);
    static const struct {
        const char *token, *query, *body;
        int status;
        const char *expected; /* team, or problem */
    } cases[] = {
        {all_scopes, NULL, "", 504, "assembly-line"},
        {all_scopes, "Team=assembly-line", "", 504, "assembly-line"},
        {all_scopes, "Team=paint-shop", "", 403, "team-forbidden"},
        {all_scopes, NULL, ",\"Team\":\"paint-shop\"", 403, "team-forbidden"},
        {two_teams, NULL, "", 400, "team-required"},
        {two_teams, "Team=paint-shop", "", 504, "paint-shop"},
        {two_teams, NULL, ",\"Team\":\"paint-shop\"", 504, "paint-shop"},
        {two_teams, "Team=paint-shop", ",\"Team\":\"assembly-line\"", 400, "invalid-parameter"},
        {two_teams, "Team=", "", 400, "invalid-parameter"},
        {admin, NULL, "", 400, "team-required"},
        {admin, "Team=paint-shop", "", 504, "paint-shop"},
        {nobody, NULL, "", 504, "assembly-line"},
    };
    world.start = (struct start_result){.outcome = START_UNCERTAIN};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[256];
        snprintf(body, sizeof(body), "{\"MinInferenceUnits\":1%s}", cases[i].body);
        start(cases[i].query, cases[i].token, body, cases[i].status);
        if (cases[i].status == 504)
            assert_string_equal(world.seen.team, cases[i].expected);
        else
            expect_problem(cases[i].expected);
    }
    start(NULL, two_teams, UNITS, 400);
    assert_non_null(strstr(text_of("detail"), "assembly-line, paint-shop"));
}

/* --- what admission says ------------------------------------------------------------------- */

static void maps_every_outcome(void **state)
{
    (void)state;
    static const struct {
        enum start_outcome outcome;
        int status;
        const char *problem; /* NULL: success */
    } cases[] = {
        {START_ACCEPTED, 202, NULL},
        {START_PRESENT, 200, NULL},
        {START_REPLAYED, 200, NULL},
        {START_HELD, 409, "model-held"},
        {START_FENCED, 429, "model-fenced"},
        {START_FROZEN, 503, "starts-frozen"},
        {START_KEY_REUSED, 422, "idempotency-key-reused"},
        {START_NOT_SENT, 503, "not-sent"},
        {START_UNCERTAIN, 504, "uncertain"},
        {START_UNKNOWN_MODEL, 404, "unknown-model"},
        {START_UNAVAILABLE, 503, "unavailable"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world.start = (struct start_result){.outcome = cases[i].outcome,
                                            .has_row = true,
                                            .row_is_own = true,
                                            .row = world_row(1, "assembly-line"),
                                            .retry_after_ms = 61000};
        start(NULL, all_scopes, UNITS, cases[i].status);
        assert_int_equal(json_object_get(json, "Reservation") != NULL,
                         cases[i].outcome != START_FROZEN);
        assert_int_equal(has_header("Idempotency-Replayed: true\r\n"),
                         cases[i].outcome == START_REPLAYED);
        if (cases[i].problem == NULL)
            continue;
        expect_problem(cases[i].problem);
        if (cases[i].outcome != START_FROZEN) /* nobody knows when that ends */
            assert_true(has_header("Retry-After: 61\r\n"));
    }
}

static void hides_another_teams_reservation(void **state)
{
    (void)state;
    world.start = (struct start_result){.outcome = START_HELD,
                                        .has_row = true,
                                        .row_is_own = false,
                                        .row = world_row(1, "paint-shop")};
    start(NULL, all_scopes, UNITS, 409);
    assert_null(json_object_get(json, "Reservation"));
    assert_null(strstr(exchange.body.data, "paint-shop"));
}

static void maps_what_aws_refused(void **state)
{
    (void)state;
    static const struct {
        int upstream, status;
    } cases[] = {{400, 400}, {402, 429}, {403, 502}, {404, 404}, {409, 409}, {410, 502}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world.start = (struct start_result){.outcome = START_REFUSED,
                                            .upstream_status = cases[i].upstream,
                                            .upstream_type = "SomeException",
                                            .upstream_message = "words"};
        start(NULL, all_scopes, UNITS, cases[i].status);
        expect_problem("upstream-refused");
        assert_int_equal(json_integer_value(json_object_get(json, "UpstreamStatus")),
                         cases[i].upstream);
        assert_string_equal(text_of("UpstreamType"), "SomeException");
    }
    /* Replayed, it stays the refusal that it was. */
    world.start = (struct start_result){.outcome = START_REPLAYED, .has_row = true};
    world.start.row = world_row(1, "assembly-line");
    world.start.row.state = RESERVATION_VOID;
    world.start.row.end = RESERVATION_END_REFUSED;
    world.start.row.refusal_status = 402;
    start(NULL, all_scopes, UNITS, 429);
    expect_problem("upstream-refused");
    assert_true(has_header("Idempotency-Replayed: true\r\n"));
}

/* --- stop, status, rows -------------------------------------------------------------------- */

static void stops(void **state)
{
    (void)state;
    world.stop = (struct stop_result){
        .outcome = STOP_ACCEPTED, .row = world_row(1, "assembly-line"), .confirmed = true};
    world.stop.row.status[0] = '\0';
    call("POST", MODEL "/stop", NULL, all_scopes, 202);
    assert_string_equal(text_of("Status"), "STOPPING_HOSTING");
    assert_string_equal(world.seen.team, "assembly-line");

    assert_null(member_of("Recorded"));

    call("POST", MODEL "/stop", NULL, admin, 202);
    assert_false(world.seen.has_team);

    world.stop.unrecorded = true;
    snprintf(world.stop.detail, sizeof(world.stop.detail), "the disk is full");
    call("POST", MODEL "/stop", NULL, all_scopes, 202);
    assert_true(json_is_false(member_of("Recorded")));
    assert_string_equal(text_of("Detail"), "the disk is full");

    call("POST", MODEL "/stop", NULL, two_teams, 400);
    expect_problem("team-required");
    assert_int_equal(world.seen.stops, 3);

    begin("POST", MODEL "/stop", NULL);
    add_token(all_scopes);
    to_read.body = "{\"Force\":true}";
    finish(400);
    expect_problem("invalid-body");

    static const struct {
        enum stop_outcome outcome;
        int status;
    } cases[] = {{STOP_NOT_HELD, 404}, {STOP_UNAVAILABLE, 503}, {STOP_UNCERTAIN, 504}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world.stop = (struct stop_result){.outcome = cases[i].outcome};
        call("POST", MODEL "/stop", NULL, all_scopes, cases[i].status);
    }
}

static void shows_a_status(void **state)
{
    (void)state;
    world.view = (struct model_view){
        .outcome = STATUS_KNOWN, .version = "7", .status = "HOSTED", .observed_ms = 1795449600000};
    call("GET", "/v1/projects/circuit-boards/models/latest", NULL, reader, 200);
    assert_string_equal(text_of("Status"), "HOSTED");
    assert_string_equal(text_of("ModelVersion"), "7");
    assert_string_equal(text_of("ObservedAt"), "2026-11-23T16:00:00.000Z");
    assert_null(json_object_get(json, "Reservation"));
    assert_string_equal(world.seen.team, "assembly-line");
    world.view.has_row = true;
    world.view.row = world_row(1, "assembly-line");
    call("HEAD", MODEL, NULL, admin, 200);
    assert_non_null(json_object_get(json, "Reservation"));
    assert_false(world.seen.has_team);
    world.view.outcome = STATUS_UNKNOWN_MODEL;
    call("GET", MODEL, NULL, reader, 404);
    expect_problem("unknown-model");
    world.view.outcome = STATUS_UNAVAILABLE;
    call("GET", MODEL, NULL, reader, 503);
    expect_problem("upstream-unavailable");
}

static void shows_a_reservation_to_its_own(void **state)
{
    (void)state;
    world.rows[0] = world_row(1, "assembly-line");
    world.rows[1] = world_row(2, "paint-shop");
    world.row_count = 2;
    call("GET", "/v1/reservations/00000000-0000-4000-8000-000000000001", NULL, reader, 200);
    assert_string_equal(text_of("Team"), "assembly-line");
    call("GET", "/v1/reservations/00000000-0000-4000-8000-000000000002", NULL, admin, 200);
    /* Of others and not there: the same answer to the byte. */
    call("GET", "/v1/reservations/00000000-0000-4000-8000-000000000002", NULL, reader, 404);
    char other[2048];
    snprintf(other, sizeof(other), "%s", exchange.body.data);
    call("GET", "/v1/reservations/00000000-0000-4000-8000-000000000003", NULL, reader, 404);
    assert_string_equal(exchange.body.data, other);
    call("GET", "/v1/reservations/x", NULL, reader, 404);
    world.ledger_result = ERROR_IO;
    call("GET", "/v1/reservations/00000000-0000-4000-8000-000000000001", NULL, reader, 503);
}

static void lists_in_pages(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++)
        world.rows[world.row_count++] = world_row(i + 1, i < 55 ? "assembly-line" : "paint-shop");
    call("GET", "/v1/models", NULL, reader, 200);
    assert_int_equal(json_array_size(json_object_get(json, "Models")), 50);
    char query[128];
    snprintf(query, sizeof(query), "NextToken=%s", text_of("NextToken"));
    call("GET", "/v1/models", query, reader, 200);
    assert_int_equal(json_array_size(json_object_get(json, "Models")), 5);
    assert_null(json_object_get(json, "NextToken"));
    call("GET", "/v1/models", query, admin, 200);
    assert_int_equal(json_array_size(json_object_get(json, "Models")), 10);
    call("GET", "/v1/models", "NextToken=x", reader, 400);
    world.ledger_result = ERROR_IO;
    call("GET", "/v1/models", NULL, reader, 503);
}

/* --- operations ---------------------------------------------------------------------------- */

static void tells_whether_it_is_ready(void **state)
{
    (void)state;
    call("GET", "/healthz", NULL, NULL, 200);
    call("GET", "/readyz", NULL, NULL, 200);
    assert_true(json_is_true(json_object_get(json, "Ready")));
    world.readiness.upstream_reachable = false;
    world.readiness.clock_trusted = false;
    world.readiness.unrecorded_stops = 2;
    call("GET", "/readyz", NULL, NULL, 200);
    assert_true(json_is_false(member_of("Checks.clock.Ok")));
    assert_non_null(strstr(text_of("Checks.clock.Reason"), "has told the time"));
    assert_true(json_is_false(member_of("Checks.stops.Ok")));

    bool *const needed[] = {&world.readiness.ledger_usable, &world.readiness.recovered,
                            &world.readiness.account_matches};
    static const char *const names[] = {"ledger", "recovered", "account"};
    for (size_t i = 0; i < 3; i++) {
        *needed[i] = false;
        call("GET", "/readyz", NULL, NULL, 503);
        json_t *check = json_object_get(json_object_get(json, "Checks"), names[i]);
        assert_true(json_is_false(json_object_get(check, "Ok")));
        assert_non_null(json_object_get(check, "Reason"));
        *needed[i] = true;
    }
    world.readiness.ledger_usable = false;
    snprintf(world.readiness.ledger_reason, sizeof(world.readiness.ledger_reason),
             "the disk is full");
    call("GET", "/readyz", NULL, NULL, 503);
    assert_string_equal(text_of("Checks.ledger.Reason"), "the disk is full");
    world.readiness.ledger_usable = true;

    authority_store_set(world.context.authorities, NULL);
    call("GET", "/readyz", NULL, NULL, 503);
    call("GET", "/v1/quota", NULL, reader, 503);
    expect_problem("unavailable");
}

static void counts_by_route_and_class(void **state)
{
    (void)state;
    call("GET", "/v1/quota", NULL, reader, 200);
    call("GET", "/v1/quota", NULL, NULL, 401);
    call("GET", "/v1/quota", NULL, "x.y.z", 401);
    call("GET", "/nowhere", NULL, NULL, 404);
    call("GET", "/metrics", NULL, NULL, 200);
    static const char *const lines[] = {
        "lookout_http_requests_total{route=\"/v1/quota\",method=\"GET\",class=\"2xx\"} 1\n",
        "lookout_http_requests_total{route=\"/v1/quota\",method=\"GET\",class=\"4xx\"} 2\n",
        "lookout_http_requests_total{route=\"none\",method=\"\",class=\"4xx\"} 1\n",
        "lookout_http_tokens_refused_total{reason=\"malformed\"} 1\n",
        "lookout_http_request_duration_seconds_count{route=\"/v1/quota\",method=\"GET\"} 3\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (strstr(exchange.body.data, lines[i]) == NULL)
            fail_msg("no %s in %s", lines[i], exchange.body.data);
}

/* One line for each request, with what an operator needs and nothing that a thief could use. */
static void logs_each_request_and_no_secret(void **state)
{
    (void)state;
    char text[16 * 1024];
    FILE *log = tmpfile();
    assert_non_null(log);
    log_init(world.clock, fileno(log), LOG_INFO);
    world.start = (struct start_result){.outcome = START_ACCEPTED,
                                        .has_row = true,
                                        .row_is_own = true,
                                        .row = world_row(1, "assembly-line")};
    begin("POST", MODEL "/start", "Team=assembly-line");
    add_token(all_scopes);
    add_field("Content-Type", "application/json");
    add_field("Idempotency-Key", "top-secret-key");
    to_read.body = UNITS;
    finish(202);
    call("GET", "/v1/quota", NULL, "bad.token.here", 401);
    log_init(world.clock, STDERR_FILENO, LOG_ERROR);

    rewind(log);
    size_t len = fread(text, 1, sizeof(text) - 1, log);
    text[len] = '\0';
    fclose(log);
    static const char *const parts[] = {
        "\"event\":\"http.request\"",
        "\"request_id\":\"id-1\"",
        "\"method\":\"POST\"",
        "\"route\":\"/v1/projects/{ProjectName}/models/",
        "\"status\":202",
        "\"outcome\":\"started\"",
        "\"team\":\"assembly-line\"",
        "\"subject\":\"someone\"",
        "\"status\":401",
        "\"auth_reason\":\"malformed\"",
        "\"outcome\":\"invalid-token\"",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strstr(text, parts[i]) == NULL)
            fail_msg("no %s in %s", parts[i], text);
    assert_null(strstr(text, all_scopes));
    assert_null(strstr(text, strrchr(all_scopes, '.')));
    assert_null(strstr(text, "bad.token.here"));
    assert_null(strstr(text, "top-secret-key"));
}

static void answers_a_fault_of_the_server(void **state)
{
    (void)state;
    exchange_reset(&exchange);
    snprintf(exchange.request_id, sizeof(exchange.request_id), "id-1");
    exchange.fault = PROBLEM_HEAD_TOO_LARGE;
    snprintf(exchange.fault_detail, sizeof(exchange.fault_detail), "too \"long\"");
    finish(431);
    expect_problem("head-too-large");
    assert_string_equal(text_of("detail"), "too \"long\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(asks_for_a_token),
        API_TEST(says_no_more_than_rfc_6750_of_a_bad_token),
        API_TEST(survives_a_deep_token),
        API_TEST(takes_the_token_behind_an_aws_signature),
        API_TEST(refuses_two_credentials),
        API_TEST(names_the_scope_that_is_missing),
        API_TEST(answers_unknown_paths_and_methods),
        API_TEST(starts_and_shows_the_reservation),
        API_TEST(reads_the_document_of_the_cli),
        API_TEST(refuses_bodies_by_pointer),
        API_TEST(refuses_other_media_types_and_unread_bodies),
        API_TEST(refuses_bad_names_and_parameters),
        API_TEST(takes_one_key_from_three_places),
        API_TEST(asks_for_which_team),
        API_TEST(maps_every_outcome),
        API_TEST(hides_another_teams_reservation),
        API_TEST(maps_what_aws_refused),
        API_TEST(stops),
        API_TEST(shows_a_status),
        API_TEST(shows_a_reservation_to_its_own),
        API_TEST(lists_in_pages),
        API_TEST(tells_whether_it_is_ready),
        API_TEST(counts_by_route_and_class),
        API_TEST(logs_each_request_and_no_secret),
        API_TEST(answers_a_fault_of_the_server),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
