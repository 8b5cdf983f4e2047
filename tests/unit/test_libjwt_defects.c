/*
 * libjwt 1.10.2 as oracle and as warning: each of its defects is shown, and that the gateway's own
 * verifier does not share it; what libjwt signs we accept, and what we sign libjwt accepts.
 *
 * Where a later libjwt has mended a defect, the line that shows it fails: then the README's reasons
 * for a verifier of our own want a new look.
 */
#include "gateway/auth/principal.h"
#include "gateway/base/crypto.h"
#include "tests/unit/jwt_fixture.h"

#include "tests/unit/cmocka_all.h"

#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHO  "\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"team\":\"t\""
#define GOOD "{" WHO ",\"exp\":1800000600}"

/* --- the two verifiers --------------------------------------------------------------------- */

/* What libjwt says to a token: 0 or errno. `key` NULL or a PEM or secret. */
static int libjwt_decodes(const char *token, const void *key, size_t key_len)
{
    jwt_t *jwt = NULL;
    int rc = jwt_decode(&jwt, token, key, (int)key_len);

    jwt_free(jwt);
    return rc;
}

static int libjwt_with_key_of(const struct jwt_keys *keys, enum jws_algorithm algorithm,
                              const char *token)
{
    char *pem;
    int rc;

    if (algorithm <= JWS_HS512)
        return libjwt_decodes(token, keys->secret, sizeof(keys->secret));
    pem = jwt_public_pem(jwt_pkey(keys, algorithm));
    rc = libjwt_decodes(token, pem, strlen(pem));
    free(pem);
    return rc;
}

static enum jws_reason ours(const struct jwt_keys *keys, enum jws_algorithm pinned,
                            const char *token)
{
    static const char *const audiences[] = {"a"};
    const struct issuer_settings settings = {
        .issuer = "i", .audiences = audiences, .audience_count = 1};
    const struct clock clock = FIXTURE_CLOCK;
    struct authority *authority = NULL;
    struct jwks *set = NULL;
    struct principal who;
    enum jws_reason reason;

    assert_int_equal(jwks_create(&set, NULL), 0);
    assert_int_equal(jwks_add(set, jwt_verifier(keys, pinned, "k"), NULL), 0);
    assert_int_equal(authority_create(&authority, NULL), 0);
    assert_int_equal(authority_add_issuer(authority, &settings, set, NULL), 0);
    reason = authority_authenticate(authority, NULL, &clock, token, strlen(token), &who, NULL);
    authority_unref(&authority);
    return reason;
}

/* libjwt takes the token (or not), and what we say to it. Frees the token. */
static void compare(const struct jwt_keys *keys, enum jws_algorithm algorithm, char *token,
                    bool libjwt_takes_it, enum jws_reason want)
{
    const int theirs = libjwt_with_key_of(keys, algorithm, token);
    const enum jws_reason reason = ours(keys, algorithm, token);

    if ((theirs == 0) != libjwt_takes_it || reason != want)
        fail_msg("%s: libjwt %d, ours %s", token, theirs, jws_reason_name(reason));
    free(token);
}

/* --- the oracle ---------------------------------------------------------------------------- */

static bool libjwt_knows(enum jws_algorithm algorithm)
{
    return algorithm != JWS_EDDSA && (algorithm < JWS_PS256 || algorithm > JWS_PS512);
}

static char *libjwt_signs(const struct jwt_keys *keys, enum jws_algorithm algorithm,
                          const char *claims)
{
    const jwt_alg_t signer = jwt_str_alg(jws_algorithm_name(algorithm));
    char *pem = algorithm > JWS_HS512 ? jwt_private_pem(jwt_pkey(keys, algorithm)) : NULL;
    jwt_t *jwt = NULL;
    char *token;

    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    assert_int_equal(jwt_add_header(jwt, "kid", "k"), 0);
    if (pem != NULL)
        assert_int_equal(jwt_set_alg(jwt, signer, (const unsigned char *)pem, (int)strlen(pem)), 0);
    else
        assert_int_equal(jwt_set_alg(jwt, signer, keys->secret, sizeof(keys->secret)), 0);
    token = jwt_encode_str(jwt);
    assert_non_null(token);
    jwt_free(jwt);
    free(pem);
    return token;
}

/* Many of each: about one ECDSA signature in 128 has a number with a zero byte in front. */
static void test_we_accept_what_libjwt_signs(void **state)
{
    const struct jwt_keys *keys = *state;

    for (int i = 0; i < FIXTURE_ALGORITHM_COUNT; i++) {
        const bool ecdsa = i >= JWS_ES256 && i <= JWS_ES512;

        for (int n = 0; libjwt_knows((enum jws_algorithm)i) && n < (ecdsa ? 100 : 3); n++) {
            char claims[256];

            snprintf(claims, sizeof(claims), "{" WHO ",\"exp\":1800000600,\"n\":%d}", n);
            compare(keys, (enum jws_algorithm)i, libjwt_signs(keys, (enum jws_algorithm)i, claims),
                    true, JWS_OK);
        }
    }
}

static void test_libjwt_accepts_what_we_sign(void **state)
{
    const struct jwt_keys *keys = *state;

    for (int i = 0; i < FIXTURE_ALGORITHM_COUNT; i++)
        compare(keys, (enum jws_algorithm)i,
                jwt_sign_claims(keys, (enum jws_algorithm)i, "k", GOOD),
                libjwt_knows((enum jws_algorithm)i), JWS_OK);
}

/* --- the defects --------------------------------------------------------------------------- */

static void test_missing_key(void **state)
{
    const struct jwt_keys *keys = *state;
    char *token = jwt_sign_claims(keys, JWS_HS256, "k", GOOD);
    struct jwk *key = NULL;

    token[strlen(token) - 5] = token[strlen(token) - 5] == 'A' ? 'B' : 'A';
    assert_int_equal(libjwt_decodes(token, NULL, 0), 0);
    assert_int_equal(ours(keys, JWS_HS256, token), JWS_BAD_SIGNATURE);
    /* ours has no way to be without a key */
    assert_int_equal(jwk_from_secret("k", JWS_HS256, "", 0, &key, NULL), ERROR_INVALID);
    assert_int_equal(jwk_from_pem("k", JWS_RS256, "", 0, &key, NULL), ERROR_INVALID);
    free(token);
}

/* An empty secret makes an HMAC that everybody can compute. */
static void test_empty_key(void **state)
{
    static const char text[] = "{\"alg\":\"HS256\",\"kid\":\"k\"}";
    const struct jwt_keys *keys = *state;
    char *unsigned_token = jwt_join(text, GOOD, strlen(GOOD), NULL, 0);
    unsigned char mac[CRYPTO_SHA256_LEN];
    char *token;

    assert_int_equal(crypto_hmac_sha256("", 0, unsigned_token, strlen(unsigned_token) - 1, mac), 0);
    token = jwt_join(text, GOOD, strlen(GOOD), mac, sizeof(mac));
    assert_int_equal(libjwt_decodes(token, "", 0), 0);
    assert_int_equal(ours(keys, JWS_HS256, token), JWS_BAD_SIGNATURE);
    free(unsigned_token);
    free(token);
}

/* The public PEM of an RSA key as the secret of an HMAC: CVE-2015-9235 and its many cousins. */
static void test_hmac_with_the_public_key(void **state)
{
    static const char text[] = "{\"alg\":\"HS256\",\"kid\":\"k\"}";
    const struct jwt_keys *keys = *state;
    char *pem = jwt_public_pem(keys->rsa);
    char *unsigned_token = jwt_join(text, GOOD, strlen(GOOD), NULL, 0);
    unsigned char mac[CRYPTO_SHA256_LEN];

    assert_int_equal(
        crypto_hmac_sha256(pem, strlen(pem), unsigned_token, strlen(unsigned_token) - 1, mac), 0);
    compare(keys, JWS_RS256, jwt_join(text, GOOD, strlen(GOOD), mac, sizeof(mac)), true,
            JWS_ALGORITHM_MISMATCH);
    free(unsigned_token);
    free(pem);
}

static void test_alg_none(void **state)
{
    static const char text[] = "{\"alg\":\"none\",\"kid\":\"k\"}";
    const struct jwt_keys *keys = *state;
    char *token = jwt_join(text, GOOD, strlen(GOOD), NULL, 0);

    assert_int_equal(libjwt_decodes(token, NULL, 0), 0);
    compare(keys, JWS_RS256, token, false, JWS_ALGORITHM_UNSUPPORTED);
}

static void test_critical_header(void **state)
{
    const struct jwt_keys *keys = *state;

    compare(keys, JWS_HS256,
            jwt_sign(keys, JWS_HS256, "{\"alg\":\"HS256\",\"kid\":\"k\",\"crit\":[\"x\"],\"x\":1}",
                     GOOD),
            true, JWS_CRITICAL_HEADER);
}

static void test_duplicate_members(void **state)
{
    const struct jwt_keys *keys = *state;

    compare(
        keys, JWS_HS256,
        jwt_sign_claims(keys, JWS_HS256, "k", "{" WHO ",\"exp\":1800000600,\"team\":\"another\"}"),
        true, JWS_MALFORMED);
    compare(keys, JWS_HS256,
            jwt_sign(keys, JWS_HS256, "{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"k\"}", GOOD),
            true, JWS_MALFORMED);
}

/* libjwt's decoder stops at the first byte outside its alphabet: one token, many spellings. */
static void test_trailing_signature_bytes(void **state)
{
    static const enum jws_algorithm tried[] = {JWS_RS256, JWS_ES256};
    static const struct {
        const char *suffix;
        bool libjwt_takes_it;
        enum jws_reason want;
    } cases[] = {
        {"=", true, JWS_MALFORMED},  {"==", true, JWS_MALFORMED},        {"!", true, JWS_MALFORMED},
        {"\n", true, JWS_MALFORMED}, {"AAAA", false, JWS_BAD_SIGNATURE},
    };
    const struct jwt_keys *keys = *state;

    for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            char *token = jwt_sign_claims(keys, tried[i], "k", GOOD);
            char *longer = NULL;

            assert_true(asprintf(&longer, "%s%s", token, cases[k].suffix) > 0);
            free(token);
            compare(keys, tried[i], longer, cases[k].libjwt_takes_it, cases[k].want);
        }
    }
}

static void test_dates_issuer_and_audience(void **state)
{
    static const struct {
        const char *claims;
        enum jws_reason want;
    } cases[] = {
        {"{" WHO ",\"exp\":1}", JWS_EXPIRED},
        {"{" WHO "}", JWS_CLAIM_INVALID},
        {"{" WHO ",\"exp\":\"1800000600\"}", JWS_CLAIM_INVALID},
        {"{" WHO ",\"exp\":1800000600,\"nbf\":1800000500}", JWS_NOT_YET_VALID},
        {"{" WHO ",\"exp\":1800000600,\"iat\":1800000500}", JWS_NOT_YET_VALID},
        {"{\"iss\":\"x\",\"aud\":\"a\",\"sub\":\"s\",\"team\":\"t\",\"exp\":1800000600}",
         JWS_ISSUER_UNKNOWN},
        {"{\"iss\":\"i\",\"aud\":\"x\",\"sub\":\"s\",\"team\":\"t\",\"exp\":1800000600}",
         JWS_AUDIENCE_REFUSED},
    };
    const struct jwt_keys *keys = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        compare(keys, JWS_ES256, jwt_sign_claims(keys, JWS_ES256, "k", cases[i].claims), true,
                cases[i].want);
}

/* A reader of grants gets 0 for it, which many a check takes for "never". */
static void test_string_exp_reads_as_zero(void **state)
{
    const struct jwt_keys *keys = *state;
    char *token = jwt_sign_claims(keys, JWS_HS256, "k", "{\"exp\":\"1800000600\"}");
    jwt_t *jwt = NULL;

    assert_int_equal(jwt_decode(&jwt, token, keys->secret, sizeof(keys->secret)), 0);
    assert_int_equal(jwt_get_grant_int(jwt, "exp"), 0);
    jwt_free(jwt);
    free(token);
}

/* RFC 9068: the type of an OAuth access token. */
static void test_access_token_type(void **state)
{
    const struct jwt_keys *keys = *state;

    compare(keys, JWS_HS256,
            jwt_sign(keys, JWS_HS256, "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k\"}", GOOD),
            false, JWS_OK);
}

struct nested {
    const struct jwt_keys *keys;
    char *token;
    enum jws_reason reason;
};

static void *ask_ours(void *argument)
{
    struct nested *nested = argument;

    nested->reason = ours(nested->keys, JWS_HS256, nested->token);
    return NULL;
}

/* libjwt parses before it verifies; on a small stack that ends the process, so it is not shown
 * here. */
static void test_depth_before_verification(void **state)
{
    static const unsigned char wrong[32] = {1};
    static char payload[4001];
    struct nested nested = {.keys = *state};

    memset(payload, '[', sizeof(payload) - 1);
    nested.token =
        jwt_join("{\"alg\":\"HS256\",\"kid\":\"k\"}", payload, strlen(payload), wrong, 32);
    run_on_small_stack(ask_ours, &nested);
    assert_int_equal(nested.reason, JWS_BAD_SIGNATURE);
    free(nested.token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_we_accept_what_libjwt_signs),
        cmocka_unit_test(test_libjwt_accepts_what_we_sign),
        cmocka_unit_test(test_missing_key),
        cmocka_unit_test(test_empty_key),
        cmocka_unit_test(test_hmac_with_the_public_key),
        cmocka_unit_test(test_alg_none),
        cmocka_unit_test(test_critical_header),
        cmocka_unit_test(test_duplicate_members),
        cmocka_unit_test(test_trailing_signature_bytes),
        cmocka_unit_test(test_dates_issuer_and_audience),
        cmocka_unit_test(test_string_exp_reads_as_zero),
        cmocka_unit_test(test_access_token_type),
        cmocka_unit_test(test_depth_before_verification),
    };

    return cmocka_run_group_tests(tests, jwt_keys_setup, jwt_keys_teardown);
}
