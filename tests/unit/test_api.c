/* Every route from bytes to answer, with real tokens and a control that plays each outcome. */
#include "tests/unit/cmocka_all.h"

#include "gateway/base/log.h"
#include "tests/unit/api_world.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODEL "/v1/projects/circuit-boards/models/3"
#define UNITS "{\"MinInferenceUnits\":1,\"MaxInferenceUnits\":2}"

static char all_scopes[WORLD_MAX_TOKEN], reader[WORLD_MAX_TOKEN], two_teams[WORLD_MAX_TOKEN],
    admin[WORLD_MAX_TOKEN];
static struct exchange exchange;
static json_t *json; /* of the last answer, or NULL */

static int setup(void **state)
{
    (void)state;
    exchange_init(&exchange);
    json = NULL;
    if (world_open() != 0)
        return -1;
    world_token("assembly-line", "models:start models:stop models:read", all_scopes);
    world_token("assembly-line", "models:read", reader);
    world_token("assembly-line,paint-shop", "models:start models:stop models:read", two_teams);
    world_token("", "gateway:admin", admin);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(json);
    exchange_free(&exchange);
    world_close();
    return 0;
}

/* --- one call ------------------------------------------------------------------------------ */

static struct {
    const char *body;
    enum problem_type problem;
} to_read;

static enum problem_type read_body(void *transport, const char **body, size_t *len,
                                   struct error *err)
{
    (void)transport;
    error_set(err, ERROR_INVALID, "as the test says");
    *body = to_read.body;
    *len = strlen(to_read.body);
    return to_read.problem;
}

static void add_field(const char *name, const char *value)
{
    exchange.head.fields[exchange.head.field_count++] =
        (struct request_field){.name = name, .value = value};
}

static void begin(const char *method, const char *path, const char *query)
{
    struct error err = {0};
    exchange_reset(&exchange);
    exchange.head.method = method;
    exchange.head.path = path;
    exchange.head.query = query;
    snprintf(exchange.request_id, sizeof(exchange.request_id), "id-1");
    assert_int_equal(request_parse_target(&exchange.head, &exchange.target, &err), PROBLEM_NONE);
    to_read.body = "";
    to_read.problem = PROBLEM_NONE;
    exchange.read = read_body;
}

static char authorization[WORLD_MAX_TOKEN + 8];

static void add_token(const char *token)
{
    snprintf(authorization, sizeof(authorization), "Bearer %s", token);
    add_field("Authorization", authorization);
}

/* Has it answered, and checks that the status is the expected one. */
static void finish(int status)
{
    json_error_t error;
    api_handle(world.api, &exchange);
    json_decref(json);
    json = json_loadb(exchange.body.data, exchange.body.len, JSON_REJECT_DUPLICATES, &error);
    if (exchange.status != status)
        fail_msg("saw %d, expected %d: %s", exchange.status, status, exchange.body.data);
    /* Our own tokens towards AWS are never shown. */
    assert_null(strstr(exchange.body.data, "c11e27"));
    assert_null(strstr(exchange.body.data, "5709-"));
}

static void call(const char *method, const char *path, const char *query, const char *token,
                 int status)
{
    begin(method, path, query);
    if (token != NULL)
        add_token(token);
    finish(status);
}

static void start(const char *query, const char *token, const char *body, int status)
{
    begin("POST", MODEL "/start", query);
    add_token(token);
    add_field("Content-Type", "application/json");
    to_read.body = body;
    finish(status);
}

static const char *text_of(const char *name)
{
    const char *value = json_string_value(json_object_get(json, name));
    return value != NULL ? value : "(absent)";
}

static void expect_problem(const char *name)
{
    char uri[128];
    snprintf(uri, sizeof(uri), "/problems/%s", name);
    assert_string_equal(text_of("type"), uri);
    assert_string_equal(exchange.content_type, "application/problem+json");
    assert_int_equal(json_integer_value(json_object_get(json, "status")), exchange.status);
    assert_string_equal(text_of("RequestId"), "id-1");
}

static bool has_header(const char *line)
{
    return strstr(exchange.headers.data, line) != NULL;
}

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
        {"{\"MinInferenceUnits\":1,\"LeaseMinutes\":5}", "/LeaseMinutes"},
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

static void decide(enum quota_verdict verdict)
{
    struct quota_decision *decision = &world.start.decision;
    world.start = (struct start_result){.outcome = START_QUOTA, .has_decision = true};
    decision->verdict = verdict;
    decision->rule_count = 2;
    decision->binding = 1;
    decision->largest_units_now = 1;
    decision->rules[0] = (struct quota_rule){.kind = QUOTA_TEAM_KNOWN, .admits = true};
    decision->rules[1] = (struct quota_rule){.kind = QUOTA_CONCURRENT_UNITS,
                                             .scope = QUOTA_SCOPE_TEAM,
                                             .pointer = "/teams/assembly-line/limits/x",
                                             .limit = 4,
                                             .used = 2,
                                             .reserved = 1,
                                             .requested = 2,
                                             .fits_now = 1,
                                             .ever_admits = true};
    snprintf(world.start.policy_digest, sizeof(world.start.policy_digest), "abc");
}

static void explains_a_refusal_with_its_numbers(void **state)
{
    (void)state;
    decide(QUOTA_REFUSED_NOW);
    world.start.retry_after_ms = 1500;
    start(NULL, all_scopes, UNITS, 429);
    expect_problem("quota-exceeded");
    assert_true(has_header("Retry-After: 2\r\n"));
    assert_string_equal(text_of("Rule"), "concurrent_units");
    assert_int_equal(json_integer_value(json_object_get(json, "Limit")), 4);
    assert_int_equal(json_integer_value(json_object_get(json, "Used")), 2);
    assert_int_equal(json_integer_value(json_object_get(json, "Reserved")), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "Requested")), 2);
    assert_int_equal(json_integer_value(json_object_get(json, "LargestFit")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "Rules")), 2);

    decide(QUOTA_REFUSED_EVER);
    world.start.retry_after_ms = 1500;
    start("DryRun=true", all_scopes, UNITS, 403);
    expect_problem("quota-never-fits");
    assert_false(has_header("Retry-After"));
    assert_true(json_is_true(json_object_get(json, "DryRun")));
    assert_true(world.seen.dry_run);
}

static void answers_a_dry_run(void **state)
{
    (void)state;
    decide(QUOTA_ADMITTED);
    world.start.outcome = START_ACCEPTED;
    start("DryRun=true", all_scopes, UNITS, 200);
    assert_true(json_is_true(json_object_get(json, "Admitted")));
    assert_int_equal(json_array_size(json_object_get(json, "Rules")), 2);
    assert_null(json_object_get(json, "Reservation"));
    start("DryRun=false", all_scopes, UNITS, 202);
}

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

    call("POST", MODEL "/stop", NULL, admin, 202);
    assert_false(world.seen.has_team);

    call("POST", MODEL "/stop", NULL, two_teams, 400);
    expect_problem("team-required");
    assert_int_equal(world.seen.stops, 2);

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

static void shows_limits_and_what_is_left(void **state)
{
    (void)state;
    world.usage = (struct quota_usage){.used_units = 2, .reserved_units = 1, .used_models = 1};
    call("GET", "/v1/quota", NULL, reader, 200);
    assert_string_equal(text_of("Team"), "assembly-line");
    json_t *units = json_object_get(json_object_get(json, "TeamLimits"), "concurrent_units");
    assert_int_equal(json_integer_value(json_object_get(units, "Limit")), 4);
    assert_int_equal(json_integer_value(json_object_get(units, "Left")), 1);
    /* No limit: nothing is left out of nothing. */
    json_t *models = json_object_get(json_object_get(json, "TeamLimits"), "running_models");
    assert_null(json_object_get(models, "Limit"));
    assert_int_equal(json_integer_value(json_object_get(models, "Used")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "Projects")), 2);
    assert_int_equal(strlen(text_of("PolicyDigest")), 64);
    /* Over a lowered limit: 0, never negative. */
    world.usage.used_units = 9;
    call("GET", "/v1/quota", NULL, reader, 200);
    units = json_object_get(json_object_get(json, "TeamLimits"), "concurrent_units");
    assert_int_equal(json_integer_value(json_object_get(units, "Left")), 0);

    call("GET", "/v1/quota", NULL, admin, 200);
    assert_null(json_object_get(json, "Team"));
    assert_non_null(json_object_get(json, "AccountLimits"));
    call("GET", "/v1/quota", "Team=nobody", admin, 404);
    call("GET", "/v1/quota", "Team=paint-shop", reader, 403);
    expect_problem("team-forbidden");
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
    call("GET", "/readyz", NULL, NULL, 200);

    bool *const needed[] = {&world.readiness.ledger_writable, &world.readiness.recovered,
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

/* --- administrators ------------------------------------------------------------------------ */

#define SETTLE "/v1/reservations/00000001-0000-4000-8000-000000000000/settle"
#define ASSIGN "/v1/admin/drift/assign"
#define ASSIGNMENT                                                                                 \
    "{\"ProjectName\":\"circuit-boards\",\"ModelVersion\":\"3\",\"Team\":\"assembly-line\","       \
    "\"LeaseMinutes\":60,\"Reason\":\"theirs\"}"

static void post(const char *path, const char *token, const char *body, int status)
{
    begin("POST", path, NULL);
    add_token(token);
    add_field("Content-Type", "application/json");
    to_read.body = body;
    finish(status);
}

static void admin_routes_want_the_scope(void **state)
{
    static const char *const posts[] = {"/v1/admin/freeze", "/v1/admin/unfreeze", SETTLE, ASSIGN};
    (void)state;
    for (size_t i = 0; i < sizeof(posts) / sizeof(posts[0]); i++) {
        post(posts[i], all_scopes, "{\"Reason\":\"r\"}", 403);
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
    post("/v1/admin/freeze", admin, "{\"Team\":\"assembly-line\",\"Reason\":\"audit\"}", 200);
    assert_true(world.seen.on);
    assert_string_equal(world.seen.team, "assembly-line");
    assert_string_equal(world.seen.reason, "audit");
    const json_t *freeze = json_array_get(json_object_get(json, "Freezes"), 0);
    assert_string_equal(json_string_value(json_object_get(freeze, "Since")),
                        "2026-11-23T15:48:00.000Z");
    assert_string_equal(json_string_value(json_object_get(freeze, "Actor")), "eve");
    world.freeze.since_ms = 0;
    post("/v1/admin/unfreeze", admin, "{\"Reason\":\"done\"}", 200);
    assert_false(world.seen.on);
    assert_string_equal(world.seen.team, "");
    assert_int_equal(json_array_size(json_object_get(json, "Freezes")), 0);
    call("GET", "/v1/admin/freezes", NULL, admin, 200);

    post("/v1/admin/freeze", admin, "{\"Team\":\"x\"}", 400);
    expect_problem("invalid-body");
    assert_string_equal(text_of("Pointer"), "/Reason");
    post("/v1/admin/freeze", admin, "{\"Reason\":\"r\",\"Teams\":[]}", 400);
    world.frozen = ADMIN_INVALID;
    post("/v1/admin/freeze", admin, "{\"Team\":\"x\",\"Reason\":\"r\"}", 400);
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
    post(SETTLE, admin,
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

    post(SETTLE, admin, "{\"EndedAt\":\"yesterday\",\"Reason\":\"stuck\"}", 400);
    assert_string_equal(text_of("Pointer"), "/EndedAt");
    post(SETTLE, admin, "{\"Force\":1,\"Reason\":\"stuck\"}", 400);
    assert_string_equal(text_of("Pointer"), "/Force");
    post(SETTLE, admin, "{\"Reason\":\"\"}", 400);
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
        post(SETTLE, admin, "{\"Reason\":\"stuck\"}", cases[i].status);
        assert_int_equal(world.seen.ended_ms, 0);
        assert_false(world.seen.force);
        if (cases[i].problem != NULL)
            expect_problem(cases[i].problem);
        post(ASSIGN, admin, ASSIGNMENT, cases[i].status);
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
    rules[0] = (struct quota_rule){.kind = QUOTA_CONCURRENT_UNITS, .limit = 4, .used = 5};
    rules[1] =
        (struct quota_rule){.kind = QUOTA_RUNNING_MODELS, .limit = 4, .used = 2, .reserved = 2};
    rules[2] = (struct quota_rule){.kind = QUOTA_CONCURRENT_UNITS,
                                   .scope = QUOTA_SCOPE_ACCOUNT,
                                   .limit = 4,
                                   .used = 4,
                                   .reserved = INT64_MAX};
    post(ASSIGN, admin, ASSIGNMENT, 200);
    assert_string_equal(world.seen.team, "assembly-line");
    assert_string_equal(world.seen.project, "circuit-boards");
    assert_string_equal(world.seen.version, "3");
    assert_int_equal(world.seen.lease_minutes, 60);
    assert_int_equal(json_array_size(json_object_get(json, "Exceeds")), 2);
    assert_true(json_is_false(json_object_get(json, "ProjectAllowed")));
    post(ASSIGN, admin,
         "{\"ProjectName\":\"a/b\",\"ModelVersion\":\"3\",\"Team\":\"t\",\"LeaseMinutes\":60,"
         "\"Reason\":\"r\"}",
         400);
    post(ASSIGN, admin,
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
#define API_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        API_TEST(explains_a_refusal_with_its_numbers),
        API_TEST(answers_a_dry_run),
        API_TEST(maps_every_outcome),
        API_TEST(admin_routes_want_the_scope),
        API_TEST(freezes_and_unfreezes),
        API_TEST(settles_a_reservation),
        API_TEST(maps_what_admins_are_told),
        API_TEST(assigns_drift),
        API_TEST(lists_drift),
        API_TEST(hides_another_teams_reservation),
        API_TEST(maps_what_aws_refused),
        API_TEST(stops),
        API_TEST(shows_a_status),
        API_TEST(shows_a_reservation_to_its_own),
        API_TEST(lists_in_pages),
        API_TEST(shows_limits_and_what_is_left),
        API_TEST(tells_whether_it_is_ready),
        API_TEST(counts_by_route_and_class),
        API_TEST(logs_each_request_and_no_secret),
        API_TEST(answers_a_fault_of_the_server),
    };
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
