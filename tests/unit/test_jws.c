/* jws: the split, the header, and the published examples; every refusal with its own reason. */
#include "gateway/auth/jws.h"
#include "tests/unit/jwt_examples.h"
#include "tests/unit/jwt_fixture.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char plain_claims[] = "{\"iss\":\"joe\"}";

/* Split, verify and parse, as authority_authenticate does for one key. */
static enum jws_reason run(const char *token, const struct jwk *key, json_t **payload,
                           struct error *err)
{
    struct jws jws;
    enum jws_reason reason = jws_split(token, strlen(token), &jws, err);

    if (reason == JWS_OK)
        reason = jws_verify(&jws, key, err);
    if (reason == JWS_OK)
        reason = jws_parse_payload(&jws, payload, err);
    return reason;
}

static enum jws_reason run_signed(const struct jwt_keys *keys, const struct jwk *key,
                                  const char *header, const char *claims, struct error *err)
{
    char *token = jwt_sign(keys, JWS_HS256, header, claims);
    json_t *payload = NULL;
    enum jws_reason reason = run(token, key, &payload, err);

    assert_int_equal(payload != NULL, reason == JWS_OK);
    json_decref(payload);
    free(token);
    return reason;
}

static void test_each_algorithm(void **state)
{
    const struct jwt_keys *keys = *state;

    for (int i = 0; i < FIXTURE_ALGORITHM_COUNT; i++) {
        struct jwk *key = jwt_verifier(keys, (enum jws_algorithm)i, "one");
        char *token = jwt_sign_claims(keys, (enum jws_algorithm)i, "one", plain_claims);
        json_t *payload = NULL;

        assert_int_equal(run(token, key, &payload, NULL), JWS_OK);
        assert_string_equal(json_string_value(json_object_get(payload, "iss")), "joe");
        json_decref(payload);
        free(token);
        jwk_free(&key);
    }
}

static void test_published_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(jwt_examples) / sizeof(jwt_examples[0]); i++) {
        const struct jwt_example *example = &jwt_examples[i];
        json_t *json = json_loads(example->jwk, 0, NULL);
        struct jwk *key = NULL;
        struct error err = {.message = ""};
        struct jws jws;
        char *changed = strdup(example->token);

        assert_int_equal(jwk_from_json(json, NULL, &key, &err), 0);
        assert_int_equal(jws_split(example->token, strlen(example->token), &jws, &err), JWS_OK);
        if (jws_verify(&jws, key, &err) != JWS_OK)
            fail_msg("%s: %s", example->source, err.message);
        changed[strchr(changed, '.') - changed + 3] ^= 1;
        assert_int_equal(jws_split(changed, strlen(changed), &jws, &err), JWS_OK);
        assert_int_equal(jws_verify(&jws, key, &err), JWS_BAD_SIGNATURE);
        free(changed);
        jwk_free(&key);
        json_decref(json);
    }
}

static void test_headers(void **state)
{
    static const struct {
        const char *header;
        enum jws_reason want;
    } cases[] = {
        {"{\"alg\":\"HS256\"}", JWS_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"one\",\"x5t\":[1],\"jku\":\"http://x\"}",
         JWS_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", JWS_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"application/AT+JWT\"}", JWS_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"dpop+jwt\"}", JWS_TYPE_REFUSED},
        {"{\"alg\":\"HS256\",\"typ\":\"\"}", JWS_TYPE_REFUSED},
        {"{\"alg\":\"HS256\",\"typ\":1}", JWS_MALFORMED},
        {"{\"alg\":\"none\"}", JWS_ALGORITHM_UNSUPPORTED},
        {"{\"alg\":\"hs256\"}", JWS_ALGORITHM_UNSUPPORTED},
        {"{\"alg\":\"HS384\"}", JWS_ALGORITHM_MISMATCH},
        {"{\"alg\":\"RS256\"}", JWS_ALGORITHM_MISMATCH},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\"}", JWS_MALFORMED},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", JWS_MALFORMED},
        {"{\"alg\":[\"HS256\"]}", JWS_MALFORMED},
        {"{\"typ\":\"JWT\"}", JWS_MALFORMED},
        {"{\"alg\":\"HS256\",\"kid\":7}", JWS_MALFORMED},
        {"{\"alg\":\"HS256\",\"kid\":\"\"}", JWS_MALFORMED},
        {"{\"alg\":\"HS256\",\"kid\":\"a\\u0000b\"}", JWS_MALFORMED},
        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", JWS_CRITICAL_HEADER},
        {"{\"alg\":\"HS256\",\"crit\":[]}", JWS_CRITICAL_HEADER},
        {"{\"alg\":\"HS256\",\"b64\":true}", JWS_CRITICAL_HEADER},
        {"{\"alg\":\"HS256\"} ", JWS_OK},
        {"{\"alg\":\"HS256\"}x", JWS_MALFORMED},
        {"[\"HS256\"]", JWS_MALFORMED},
        {"\"HS256\"", JWS_MALFORMED},
        {"", JWS_MALFORMED},
        {"{\"alg\":\"HS256\",\"x\":[[[[[[[1]]]]]]]}", JWS_OK},
        {"{\"alg\":\"HS256\",\"x\":[[[[[[[[1]]]]]]]]}", JWS_MALFORMED},
    };
    const struct jwt_keys *keys = *state;
    struct jwk *key = jwt_verifier(keys, JWS_HS256, "one");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {.message = ""};
        enum jws_reason reason = run_signed(keys, key, cases[i].header, plain_claims, &err);

        if (reason != cases[i].want)
            fail_msg("%s: %s %s", cases[i].header, jws_reason_name(reason), err.message);
        assert_int_equal(err.message[0] != '\0', reason != JWS_OK);
    }
    jwk_free(&key);
}

static void test_payloads(void **state)
{
    static const struct {
        const char *payload;
        enum jws_reason want;
    } cases[] = {
        {"{}", JWS_OK},
        {"", JWS_MALFORMED},
        {"[]", JWS_MALFORMED},
        {"null", JWS_MALFORMED},
        {"{\"a\":1,\"a\":1}", JWS_MALFORMED},
        {"{\"a\":{\"b\":1,\"b\":2}}", JWS_MALFORMED},
        {"{\"a\":1}}", JWS_MALFORMED},
        {"{\"a\":\"\xff\"}", JWS_MALFORMED},
        {"{\"a\":1e999}", JWS_MALFORMED},
        {"{\"a\":[[[[[[[1]]]]]]]}", JWS_OK},
        {"{\"a\":[[[[[[[[1]]]]]]]]}", JWS_MALFORMED},
    };
    const struct jwt_keys *keys = *state;
    struct jwk *key = jwt_verifier(keys, JWS_HS256, "one");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum jws_reason reason =
            run_signed(keys, key, "{\"alg\":\"HS256\"}", cases[i].payload, NULL);

        if (reason != cases[i].want)
            fail_msg("%s: %s", cases[i].payload, jws_reason_name(reason));
    }
    jwk_free(&key);
}

/* A good token with one thing changed: H, P and S in `format` stand for its three parts. */
static void expect_changed(const struct jwk *key, const char *format, const char *token,
                           enum jws_reason want)
{
    const char *dot = strchr(token, '.');
    const char *second = strchr(dot + 1, '.');
    char *changed = calloc(3, strlen(token) + strlen(format) + 1);
    struct error err = {.message = ""};
    json_t *payload = NULL;
    char *end = changed;
    enum jws_reason reason;

    for (; *format != '\0'; format++) {
        if (*format == 'H')
            end = mempcpy(end, token, (size_t)(dot - token));
        else if (*format == 'P')
            end = mempcpy(end, dot + 1, (size_t)(second - dot - 1));
        else if (*format == 'S')
            end = mempcpy(end, second + 1, strlen(second + 1));
        else
            *end++ = *format;
    }
    reason = run(changed, key, &payload, &err);
    if (reason != want)
        fail_msg("%s: %s %s", changed, jws_reason_name(reason), err.message);
    json_decref(payload);
    free(changed);
}

static void test_splits(void **state)
{
    static const struct {
        const char *format;
        enum jws_reason want;
    } cases[] = {
        {"H.P.S", JWS_OK},
        {"", JWS_MALFORMED},
        {".", JWS_MALFORMED},
        {"..", JWS_MALFORMED},
        {"H", JWS_MALFORMED},
        {"H.P", JWS_MALFORMED},
        {"H.P.", JWS_BAD_SIGNATURE},
        {"H..S", JWS_BAD_SIGNATURE},
        {".P.S", JWS_MALFORMED},
        {"H.P.S.", JWS_MALFORMED},
        {"H.P.S.S", JWS_MALFORMED},
        {"H.P.S.S.S", JWS_MALFORMED}, /* as a JWE has it */
        {"H.P.S=", JWS_MALFORMED},
        {"H=.P.S", JWS_MALFORMED},
        {"H.P=.S", JWS_MALFORMED},
        {" H.P.S", JWS_MALFORMED},
        {"H.P.S\n", JWS_MALFORMED},
        {"H.P.S ", JWS_MALFORMED},
        {"H.P+.S", JWS_MALFORMED},
        {"H.P/.S", JWS_MALFORMED},
        {"H.P.SAAAA", JWS_BAD_SIGNATURE}, /* trailing bytes */
        {"H.P.SA", JWS_BAD_SIGNATURE},    /* 43 characters and one: 33 bytes */
        {"H.PAAAA.S", JWS_BAD_SIGNATURE},
        {"HAAAA.P.S", JWS_MALFORMED},
    };
    const struct jwt_keys *keys = *state;
    struct jwk *key = jwt_verifier(keys, JWS_HS256, "one");
    char *token = jwt_sign(keys, JWS_HS256, "{\"alg\":\"HS256\"}", plain_claims);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_changed(key, cases[i].format, token, cases[i].want);
    }
    free(token);
    jwk_free(&key);
}

/* The last character of 32 bytes carries two unused bits: only one of four spellings is canonical.
 */
static void test_refuses_other_spellings_of_the_signature(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const struct jwt_keys *keys = *state;
    struct jwk *key = jwt_verifier(keys, JWS_HS256, "one");
    char *token = jwt_sign(keys, JWS_HS256, "{\"alg\":\"HS256\"}", plain_claims);
    char *last = token + strlen(token) - 1;
    const size_t value = (size_t)(strchr(alphabet, *last) - alphabet);

    assert_int_equal(value % 4, 0);
    for (size_t unused = 1; unused < 4; unused++) {
        json_t *payload = NULL;

        *last = alphabet[value + unused];
        assert_int_equal(run(token, key, &payload, NULL), JWS_MALFORMED);
    }
    free(token);
    jwk_free(&key);
}

static void test_bounds(void **state)
{
    const struct jwt_keys *keys = *state;
    struct jwk *key = jwt_verifier(keys, JWS_HS256, "one");
    static char text[JWS_MAX_TOKEN + 2];
    struct jws jws;

    memset(text, 'A', sizeof(text));
    assert_int_equal(jws_split(text, sizeof(text), &jws, NULL), JWS_MALFORMED);
    assert_int_equal(jws_split(text, 0, &jws, NULL), JWS_MALFORMED);
    /* a kid, a header and a signature, each one byte too long */
    snprintf(text, sizeof(text), "{\"alg\":\"HS256\",\"kid\":\"%0*d\"}", JWK_MAX_KID, 0);
    assert_int_equal(run_signed(keys, key, text, plain_claims, NULL), JWS_OK);
    snprintf(text, sizeof(text), "{\"alg\":\"HS256\",\"kid\":\"%0*d\"}", JWK_MAX_KID + 1, 0);
    assert_int_equal(run_signed(keys, key, text, plain_claims, NULL), JWS_MALFORMED);
    snprintf(text, sizeof(text), "{\"alg\":\"HS256\",\"x\":\"%0*d\"}", JWS_MAX_HEADER - 22, 0);
    assert_int_equal(strlen(text), JWS_MAX_HEADER);
    assert_int_equal(run_signed(keys, key, text, plain_claims, NULL), JWS_OK);
    snprintf(text, sizeof(text), "{\"alg\":\"HS256\",\"x\":\"%0*d\"}", JWS_MAX_HEADER - 21, 0);
    assert_int_equal(run_signed(keys, key, text, plain_claims, NULL), JWS_MALFORMED);
    snprintf(text, sizeof(text), "eyJhbGciOiJIUzI1NiJ9.e30.%0*d", 4 * JWK_MAX_SIGNATURE / 3 + 4, 0);
    assert_int_equal(jws_split(text, strlen(text), &jws, NULL), JWS_BAD_SIGNATURE);
    jwk_free(&key);
}

static void test_reasons_have_distinct_names(void **state)
{
    (void)state;
    for (int i = 0; i < JWS_REASON_COUNT; i++) {
        for (int k = 0; k < i; k++)
            assert_string_not_equal(jws_reason_name((enum jws_reason)i),
                                    jws_reason_name((enum jws_reason)k));
    }
    assert_string_equal(jws_reason_name(JWS_BAD_SIGNATURE), "bad_signature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_algorithm),
        cmocka_unit_test(test_published_examples),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_refuses_other_spellings_of_the_signature),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_reasons_have_distinct_names),
    };

    return cmocka_run_group_tests(tests, jwt_keys_setup, jwt_keys_teardown);
}
