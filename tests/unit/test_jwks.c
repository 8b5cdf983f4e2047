/* jwks: whole documents, as issuers publish them and as they should not be. */
#include "gateway/auth/jwks.h"
#include "tests/unit/jwt_fixture.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET   "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"
#define OCT(kid) "{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"" kid "\",\"k\":\"" SECRET "\"}"

static int add(struct jwks *set, const char *text, struct error *err)
{
    return jwks_add_document(set, text, strlen(text), NULL, err);
}

static void test_document_of_all_types(void **state)
{
    const struct jwt_keys *keys = *state;
    char *rsa = jwt_jwk_text(keys, JWS_RS256, "rsa", "RS256");
    char *ec = jwt_jwk_text(keys, JWS_ES384, "ec", NULL);
    char *okp = jwt_jwk_text(keys, JWS_EDDSA, "okp", NULL);
    char *oct = jwt_jwk_text(keys, JWS_HS512, "oct", "HS512");
    char *text = NULL;
    struct jwks *set = NULL;

    assert_true(asprintf(&text,
                         "{\"keys\":[%s,%s,%s,%s,{\"kty\":\"AKP\",\"kid\":\"new\"},"
                         "{\"kty\":\"RSA\",\"use\":\"enc\",\"kid\":\"enc\"}],\"more\":1}",
                         rsa, ec, okp, oct) > 0);
    assert_int_equal(jwks_create(&set, NULL), 0);
    assert_int_equal(add(set, text, NULL), 0);
    assert_int_equal(jwks_count(set), 4);
    assert_int_equal(jwk_algorithm(jwks_find(set, "rsa")), JWS_RS256);
    assert_int_equal(jwk_algorithm(jwks_find(set, "ec")), JWS_ES384);
    assert_int_equal(jwk_algorithm(jwks_find(set, "okp")), JWS_EDDSA);
    assert_int_equal(jwk_algorithm(jwks_find(set, "oct")), JWS_HS512);
    assert_null(jwks_find(set, "enc"));
    assert_null(jwks_find(set, ""));
    assert_null(jwks_find(set, NULL)); /* four keys: none is meant by a token without kid */
    jwks_free(&set);
    assert_null(set);
    jwks_free(&set);
    free(text);
    free(rsa);
    free(ec);
    free(okp);
    free(oct);
}

static void test_only_key_needs_no_kid(void **state)
{
    struct jwks *set = NULL;

    (void)state;
    assert_int_equal(jwks_create(&set, NULL), 0);
    assert_null(jwks_find(set, NULL));
    assert_int_equal(add(set, "{\"keys\":[" OCT("a") "]}", NULL), 0);
    assert_ptr_equal(jwks_find(set, NULL), jwks_find(set, "a"));
    assert_int_equal(add(set, "{\"keys\":[" OCT("b") "]}", NULL), 0);
    assert_null(jwks_find(set, NULL));
    jwks_free(&set);
}

static void test_refused_documents(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "saw nothing"},
        {"[]", "must be an object"},
        {"{}", "keys"},
        {"{\"keys\":{}}", "array"},
        {"{\"keys\":[]}", "saw 0 keys"},
        {"{\"keys\":[{\"kty\":\"AKP\",\"kid\":\"new\"}]}", "none that can verify"},
        {"{\"keys\":[" OCT("a") "," OCT("a") "]}", "key 2 of the set: saw the kid \"a\" twice"},
        {"{\"keys\":[" OCT("a") ",{\"kty\":\"oct\"}]}", "key 2 of the set"},
        {"{\"keys\":[1]}", "key 1 of the set"},
        {"{\"keys\":[" OCT("a") "],\"keys\":[]}", "duplicate"},
        {"{\"keys\":[[[[[[[[[[]]]]]]]]]]}", "deeper than 8"},
        /* the parser's word for it would quote the secret, as far as it has read it */
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\n\"}]}", "line 1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jwks *set = NULL;
        struct error err = {.message = ""};

        assert_int_equal(jwks_create(&set, NULL), 0);
        assert_int_equal(add(set, cases[i].text, &err), ERROR_INVALID);
        if (strcasestr(err.message, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_null(strstr(err.message, "c2VjcmV0"));
        jwks_free(&set);
    }
}

static void test_bounds(void **state)
{
    static char spaces[JWKS_MAX_BYTES + 1];
    static const unsigned char secret[32] = {1};
    struct jwks *set = NULL;
    struct jwk *key = NULL;
    char kid[16];

    (void)state;
    assert_int_equal(jwks_create(&set, NULL), 0);
    memset(spaces, ' ', sizeof(spaces));
    assert_int_equal(jwks_add_document(set, spaces, sizeof(spaces), NULL, NULL), ERROR_INVALID);
    for (int i = 0; i <= JWKS_MAX_KEYS; i++) {
        snprintf(kid, sizeof(kid), "%d", i);
        assert_int_equal(jwk_from_secret(kid, JWS_HS256, secret, 32, &key, NULL), 0);
        assert_int_equal(jwks_add(set, key, NULL), i < JWKS_MAX_KEYS ? 0 : ERROR_INVALID);
    }
    jwk_free(&key); /* the refused one stayed ours */
    jwks_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_of_all_types),
        cmocka_unit_test(test_only_key_needs_no_kid),
        cmocka_unit_test(test_refused_documents),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, jwt_keys_setup, jwt_keys_teardown);
}
