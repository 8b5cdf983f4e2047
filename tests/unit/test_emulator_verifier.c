/* The emulator's verifier: a good request passes, and each thing that AWS refuses is refused. */
#include "tests/emulator/verifier.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define REGION "eu-central-1"
#define KEY_ID "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define PATH   "/2020-11-20/projects/circuit-boards/models/1/start"
#define BODY   "{\"MinInferenceUnits\":1}"
/* 2026-11-23T12:00:00Z */
#define NOW_MS      INT64_C(1795435200000)
#define HEADERS_MAX 8
#define VALUE_SIZE  1024

/* A request that a test builds, has signed, and spoils. */
struct letter {
    struct sigv4_header headers[HEADERS_MAX];
    size_t count;
    char values[HEADERS_MAX][VALUE_SIZE];
    struct sigv4_scope scope;
    const char *path;
    const char *body;
    const char *access_key_id;
    const char *secret;
};

static void add(struct letter *letter, const char *name, const char *value)
{
    assert_true(letter->count < HEADERS_MAX);
    snprintf(letter->values[letter->count], VALUE_SIZE, "%s", value);
    letter->headers[letter->count] =
        (struct sigv4_header){.name = name, .value = letter->values[letter->count]};
    letter->count++;
}

static void remove_header(struct letter *letter, const char *name)
{
    size_t kept = 0;

    for (size_t i = 0; i < letter->count; i++)
        if (strcmp(letter->headers[i].name, name) != 0)
            letter->headers[kept++] = letter->headers[i];
    letter->count = kept;
}

static void begin(struct letter *letter, int64_t date_ms)
{
    memset(letter, 0, sizeof(*letter));
    letter->scope = (struct sigv4_scope){.region = REGION, .service = "lookoutvision"};
    sigv4_format_date(date_ms, letter->scope.date);
    letter->path = PATH;
    letter->body = BODY;
    letter->access_key_id = KEY_ID;
    letter->secret = SECRET;
    add(letter, "Host", "localhost:4566");
    add(letter, "X-Amz-Date", letter->scope.date);
    add(letter, "Content-Type", "application/json");
    add(letter, "X-Amzn-Client-Token", "token-1");
}

/* Signs all headers that are there now. */
static void sign(struct letter *letter)
{
    struct sigv4_request request = {.method = "POST",
                                    .path = letter->path,
                                    .headers = letter->headers,
                                    .header_count = letter->count,
                                    .body = letter->body,
                                    .body_len = strlen(letter->body),
                                    .normalize_path = true};
    struct strbuf authorization;
    struct error err;

    strbuf_init(&authorization, VALUE_SIZE);
    assert_int_equal(sigv4_sign(&request, &letter->scope, letter->access_key_id, letter->secret,
                                NULL, &authorization, &err),
                     0);
    add(letter, "Authorization", authorization.data);
    strbuf_free(&authorization);
}

static char *authorization_of(struct letter *letter)
{
    for (size_t i = 0; i < letter->count; i++)
        if (strcmp(letter->headers[i].name, "Authorization") == 0)
            return letter->values[i];
    fail();
    return NULL;
}

/* Replaces a part of the Authorization value that is there. */
static void replace(struct letter *letter, const char *from, const char *to)
{
    char *value = authorization_of(letter);
    char *at = strstr(value, from);
    char rest[VALUE_SIZE];

    assert_non_null(at);
    snprintf(rest, sizeof(rest), "%s", at + strlen(from));
    snprintf(at, VALUE_SIZE - (size_t)(at - value), "%s%s", to, rest);
}

struct world {
    struct verifier *verifier;       /* long-lived keys */
    struct verifier *with_a_session; /* the session token "abc" */
    struct answer answer;
    struct letter letter;
};

static int setup(void **state)
{
    static struct world world;
    struct verifier_config config = {
        .region = REGION, .access_key_id = KEY_ID, .secret_access_key = SECRET};
    struct error err;

    assert_int_equal(verifier_create(&world.verifier, &config, &err), 0);
    config.session_token = "abc";
    assert_int_equal(verifier_create(&world.with_a_session, &config, &err), 0);
    answer_init(&world.answer);
    begin(&world.letter, NOW_MS);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    answer_free(&world->answer);
    verifier_free(&world->verifier);
    verifier_free(&world->with_a_session);
    return 0;
}

static bool passes(struct world *world, const struct verifier *verifier)
{
    struct verifier_request request = {.method = "POST",
                                       .path = world->letter.path,
                                       .headers = world->letter.headers,
                                       .header_count = world->letter.count,
                                       .body = world->letter.body,
                                       .body_len = strlen(world->letter.body)};

    return verifier_check(verifier, &request, NOW_MS, &world->answer);
}

static void assert_refused(struct world *world, const char *type, const char *text)
{
    assert_false(passes(world, world->verifier));
    assert_int_equal(world->answer.status, 403);
    assert_string_equal(world->answer.error_type, type);
    if (!strstr(world->answer.body.data, text))
        fail_msg("saw %s, expected %s", world->answer.body.data, text);
}

static void test_a_good_request_passes_twice(void **state)
{
    struct world *world = *state;

    sign(&world->letter);
    add(&world->letter, "User-Agent", "unsigned, as it may be");
    assert_true(passes(world, world->verifier));
    assert_true(passes(world, world->verifier));
}

static void test_no_authorization(void **state)
{
    struct world *world = *state;

    assert_refused(world, "MissingAuthenticationTokenException", "Missing Authentication Token");
    add(&world->letter, "Authorization", "Bearer a.b.c");
    assert_refused(world, "MissingAuthenticationTokenException", "Missing Authentication Token");
}

static void test_an_authorization_with_parts_missing(void **state)
{
    struct world *world = *state;

    sign(&world->letter);
    replace(&world->letter, "Signature=", "Sig=");
    assert_refused(world, "IncompleteSignatureException", "requires 'Signature' parameter");
    replace(&world->letter, "Sig=", "Signature=");
    replace(&world->letter, "/aws4_request", "");
    assert_refused(world, "IncompleteSignatureException", "5 slash-delimited elements");
    replace(&world->letter, "/lookoutvision", "/lookoutvision/aws4_request/more");
    assert_refused(world, "IncompleteSignatureException", "5 slash-delimited elements");
}

static void test_an_unknown_key(void **state)
{
    struct world *world = *state;

    world->letter.access_key_id = "AKIDOTHER";
    sign(&world->letter);
    assert_refused(world, "UnrecognizedClientException", "security token");
}

static void test_a_wrong_secret(void **state)
{
    struct world *world = *state;

    world->letter.secret = "other";
    sign(&world->letter);
    assert_refused(world, "InvalidSignatureException", "does not match the signature");
}

static void test_a_wrong_signature(void **state)
{
    struct world *world = *state;
    char *value;
    size_t last;

    sign(&world->letter);
    value = authorization_of(&world->letter);
    last = strlen(value) - 1;
    value[last] = value[last] == '0' ? '1' : '0';
    assert_refused(world, "InvalidSignatureException", "does not match the signature");
    value[last] = '\0';
    assert_refused(world, "InvalidSignatureException", "does not match the signature");
    begin(&world->letter, NOW_MS);
    sign(&world->letter);
    value = authorization_of(&world->letter);
    last = strlen(value) - 1;
    value[last + 1] = '0';
    value[last + 2] = '\0';
    assert_refused(world, "InvalidSignatureException", "does not match the signature");
}

static void test_another_body_or_path(void **state)
{
    struct world *world = *state;

    sign(&world->letter);
    world->letter.body = "{\"MinInferenceUnits\":2}";
    assert_refused(world, "InvalidSignatureException", "does not match the signature");
    world->letter.body = BODY;
    world->letter.path = "/2020-11-20/projects/circuit-boards/models/2/start";
    assert_refused(world, "InvalidSignatureException", "does not match the signature");
}

static void test_the_window_of_five_minutes(void **state)
{
    struct world *world = *state;

    begin(&world->letter, NOW_MS - VERIFIER_WINDOW_MS);
    sign(&world->letter);
    assert_true(passes(world, world->verifier));
    begin(&world->letter, NOW_MS - VERIFIER_WINDOW_MS - 1000);
    sign(&world->letter);
    assert_refused(world, "InvalidSignatureException",
                   "Signature expired: 20261123T115459Z is now earlier than 20261123T115500Z "
                   "(20261123T120000Z - 5 min.)");
    begin(&world->letter, NOW_MS + VERIFIER_WINDOW_MS);
    sign(&world->letter);
    assert_true(passes(world, world->verifier));
    begin(&world->letter, NOW_MS + VERIFIER_WINDOW_MS + 1000);
    sign(&world->letter);
    assert_refused(world, "InvalidSignatureException",
                   "Signature not yet current: 20261123T120501Z is still later than "
                   "20261123T120500Z (20261123T120000Z + 5 min.)");
}

static void test_a_date_that_is_missing_or_none(void **state)
{
    struct world *world = *state;

    remove_header(&world->letter, "X-Amz-Date");
    sign(&world->letter);
    assert_refused(world, "IncompleteSignatureException", "'X-Amz-Date'");
    begin(&world->letter, NOW_MS);
    snprintf(world->letter.values[1], VALUE_SIZE, "2026-11-23T12:00:00Z");
    sign(&world->letter);
    assert_refused(world, "IncompleteSignatureException", "ISO-8601 'basic format'");
}

static void test_a_wrong_scope(void **state)
{
    struct world *world = *state;

    sign(&world->letter);
    replace(&world->letter, "/20261123/", "/20261122/");
    assert_refused(world, "InvalidSignatureException", "Date in Credential scope");
    begin(&world->letter, NOW_MS);
    world->letter.scope.region = "us-east-1";
    sign(&world->letter);
    assert_refused(world, "InvalidSignatureException", "valid Region, not 'us-east-1'");
    begin(&world->letter, NOW_MS);
    world->letter.scope.service = "rekognition";
    sign(&world->letter);
    assert_refused(world, "InvalidSignatureException", "correct service: 'lookoutvision'");
    begin(&world->letter, NOW_MS);
    sign(&world->letter);
    replace(&world->letter, "aws4_request", "aws5_request");
    assert_refused(world, "InvalidSignatureException", "valid terminator: 'aws4_request'");
}

static void test_headers_that_must_be_signed(void **state)
{
    struct world *world = *state;

    remove_header(&world->letter, "Host");
    sign(&world->letter);
    assert_refused(world, "InvalidSignatureException", "'Host' must be a 'SignedHeader'");
    add(&world->letter, "Host", "localhost:4566");
    assert_refused(world, "InvalidSignatureException", "'Host' must be a 'SignedHeader'");
    begin(&world->letter, NOW_MS);
    sign(&world->letter);
    add(&world->letter, "x-amz-target", "elsewhere");
    assert_refused(world, "InvalidSignatureException", "'x-amz-target' must be a 'SignedHeader'");
    begin(&world->letter, NOW_MS);
    remove_header(&world->letter, "Content-Type");
    sign(&world->letter);
    add(&world->letter, "Content-Type", "application/json");
    assert_refused(world, "InvalidSignatureException", "'Content-Type' must be");
}

static void test_a_signed_header_that_is_absent(void **state)
{
    struct world *world = *state;

    add(&world->letter, "Expect", "100-continue");
    sign(&world->letter);
    remove_header(&world->letter, "Expect");
    assert_refused(world, "IncompleteSignatureException",
                   "'expect' is named as a SignedHeader, but it does not exist in the HTTP "
                   "request.");
}

static void test_a_header_that_was_changed(void **state)
{
    struct world *world = *state;

    sign(&world->letter);
    snprintf(world->letter.values[3], VALUE_SIZE, "token-2");
    assert_refused(world, "InvalidSignatureException", "does not match the signature");
}

static void test_the_hash_of_the_body(void **state)
{
    static const char empty_hash[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    struct world *world = *state;

    add(&world->letter, "x-amz-content-sha256", empty_hash);
    sign(&world->letter);
    assert_refused(world, "InvalidSignatureException", "'x-amz-content-sha256'");
    begin(&world->letter, NOW_MS);
    world->letter.body = "";
    add(&world->letter, "x-amz-content-sha256", empty_hash);
    sign(&world->letter);
    assert_true(passes(world, world->verifier));
    begin(&world->letter, NOW_MS);
    add(&world->letter, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    sign(&world->letter);
    assert_refused(world, "InvalidSignatureException", "'x-amz-content-sha256'");
}

static void test_the_session_token(void **state)
{
    struct world *world = *state;

    sign(&world->letter);
    assert_false(passes(world, world->with_a_session));
    assert_string_equal(world->answer.error_type, "UnrecognizedClientException");
    begin(&world->letter, NOW_MS);
    add(&world->letter, "X-Amz-Security-Token", "abc");
    sign(&world->letter);
    assert_true(passes(world, world->with_a_session));
    assert_refused(world, "UnrecognizedClientException", "security token");
    begin(&world->letter, NOW_MS);
    add(&world->letter, "X-Amz-Security-Token", "abd");
    sign(&world->letter);
    assert_false(passes(world, world->with_a_session));
    begin(&world->letter, NOW_MS);
    sign(&world->letter);
    add(&world->letter, "X-Amz-Security-Token", "abc");
    assert_false(passes(world, world->with_a_session));
    assert_string_equal(world->answer.error_type, "InvalidSignatureException");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_good_request_passes_twice),
        TEST(test_no_authorization),
        TEST(test_an_authorization_with_parts_missing),
        TEST(test_an_unknown_key),
        TEST(test_a_wrong_secret),
        TEST(test_a_wrong_signature),
        TEST(test_another_body_or_path),
        TEST(test_the_window_of_five_minutes),
        TEST(test_a_date_that_is_missing_or_none),
        TEST(test_a_wrong_scope),
        TEST(test_headers_that_must_be_signed),
        TEST(test_a_signed_header_that_is_absent),
        TEST(test_a_header_that_was_changed),
        TEST(test_the_hash_of_the_body),
        TEST(test_the_session_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
