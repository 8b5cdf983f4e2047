/* token_issue: what libjwt signs the gateway accepts, what it can't sign is said, descriptions are
 * safe. */
#include "gateway/auth/principal.h"
#include "gateway/auth/token_issue.h"
#include "tests/unit/jwt_fixture.h"

#include "tests/unit/cmocka_all.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define ISSUER "https://dev.example"

static const char *const teams[] = {"assembly-line", "night-shift"};
static const char *const audiences[] = {"lookout"};
static const struct token_request plain_request = {
    .issuer = ISSUER,
    .audience = "lookout",
    .subject = "ada \"the\" first",
    .teams = teams,
    .team_count = 2,
    .scopes = "models:start models:read",
    .kid = "dev-1",
    .issued_wall_ms = FIXTURE_NOW_SECONDS * 1000,
    .lifetime_seconds = 600,
};

static int issue(const struct jwt_keys *keys, const struct token_request *request,
                 enum jws_algorithm algorithm, struct strbuf *out, struct error *err)
{
    char *pem;
    int rc;

    if (algorithm <= JWS_HS512)
        return token_issue(request, algorithm, keys->secret, sizeof(keys->secret), out, err);
    pem = jwt_private_pem(jwt_pkey(keys, algorithm));
    rc = token_issue(request, algorithm, pem, strlen(pem), out, err);
    free(pem);
    return rc;
}

static enum jws_reason authenticate(const struct jwt_keys *keys, enum jws_algorithm algorithm,
                                    const struct strbuf *token, struct principal *who)
{
    const struct clock clock = FIXTURE_CLOCK;
    const struct issuer_settings settings = {
        .issuer = ISSUER, .audiences = audiences, .audience_count = 1};
    struct authority *authority = NULL;
    struct jwks *set = NULL;
    enum jws_reason reason;

    assert_int_equal(jwks_create(&set, NULL), 0);
    assert_int_equal(jwks_add(set, jwt_verifier(keys, algorithm, "dev-1"), NULL), 0);
    assert_int_equal(authority_create(&authority, NULL), 0);
    assert_int_equal(authority_add_issuer(authority, &settings, set, NULL), 0);
    reason = authority_authenticate(authority, NULL, &clock, token->data, token->len, who, NULL);
    authority_unref(&authority);
    return reason;
}

static void test_gateway_accepts_what_is_issued(void **state)
{
    const struct jwt_keys *keys = *state;

    for (int i = 0; i < FIXTURE_ALGORITHM_COUNT; i++) {
        const enum jws_algorithm algorithm = (enum jws_algorithm)i;
        const bool can_sign =
            algorithm != JWS_EDDSA && (algorithm < JWS_PS256 || algorithm > JWS_PS512);
        struct error err = {.message = ""};
        struct strbuf token;
        struct principal who;

        strbuf_init_secret(&token, JWS_MAX_TOKEN);
        assert_int_equal(issue(keys, &plain_request, algorithm, &token, &err),
                         can_sign ? 0 : ERROR_INVALID);
        if (can_sign) {
            assert_int_equal(authenticate(keys, algorithm, &token, &who), JWS_OK);
            assert_string_equal(who.subject, "ada \"the\" first");
            assert_int_equal(who.team_count, 2);
            assert_string_equal(who.teams[1], "night-shift");
            assert_int_equal(who.scopes, SCOPE_MODELS_START | SCOPE_MODELS_READ);
            assert_int_equal(who.expires_wall_ms, (FIXTURE_NOW_SECONDS + 600) * 1000);
        } else {
            assert_non_null(strstr(err.message, "can sign HS256"));
            assert_int_equal(token.len, 0);
        }
        strbuf_free(&token);
    }
}

static void test_one_team_is_a_string_and_none_is_absent(void **state)
{
    const struct jwt_keys *keys = *state;
    struct token_request request = plain_request;
    struct principal who;
    struct strbuf token;

    strbuf_init_secret(&token, JWS_MAX_TOKEN);
    request.team_count = 1;
    assert_int_equal(issue(keys, &request, JWS_ES256, &token, NULL), 0);
    assert_int_equal(authenticate(keys, JWS_ES256, &token, &who), JWS_OK);
    assert_int_equal(who.team_count, 1);
    strbuf_clear(&token);
    request.team_count = 0;
    request.scopes = "gateway:admin";
    assert_int_equal(issue(keys, &request, JWS_ES256, &token, NULL), 0);
    assert_int_equal(authenticate(keys, JWS_ES256, &token, &who), JWS_OK);
    assert_int_equal(who.team_count, 0);
    strbuf_free(&token);
}

static void expect_refused(const struct token_request *request, enum jws_algorithm algorithm,
                           const void *key, size_t key_len, const char *says)
{
    struct error err = {.message = ""};
    struct strbuf token;

    strbuf_init_secret(&token, JWS_MAX_TOKEN);
    assert_int_equal(token_issue(request, algorithm, key, key_len, &token, &err), ERROR_INVALID);
    if (strstr(err.message, says) == NULL)
        fail_msg("%s: %s", says, err.message);
    assert_int_equal(token.len, 0);
    strbuf_free(&token);
}

static char *encrypted_pem(EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, EVP_aes_128_cbc(),
                                              (const unsigned char *)"pass", 4, NULL, NULL),
                     1);
    return jwt_take_text(bio);
}

static void test_refused_keys_and_requests(void **state)
{
    const struct jwt_keys *keys = *state;
    char *p384 = jwt_private_pem(keys->p384);
    char *rsa = jwt_private_pem(keys->rsa);
    char *public_rsa = jwt_public_pem(keys->rsa);
    char *locked = encrypted_pem(keys->p256);
    struct token_request request = plain_request;

    expect_refused(&request, JWS_HS256, keys->secret, 31, "31 bytes");
    expect_refused(&request, JWS_HS256, "", 0, "0 bytes");
    expect_refused(&request, JWS_ES256, p384, strlen(p384), "secp384r1");
    expect_refused(&request, JWS_ES256, rsa, strlen(rsa), "type RSA");
    expect_refused(&request, JWS_RS256, public_rsa, strlen(public_rsa), "not a private key");
    expect_refused(&request, JWS_ES256, locked, strlen(locked), "without a passphrase");
    expect_refused(&request, JWS_ES256, "", 0, "not a private key");
    request.subject = "\xff";
    expect_refused(&request, JWS_HS256, keys->secret, 64, "UTF-8");
    request = plain_request;
    request.lifetime_seconds = 0;
    expect_refused(&request, JWS_HS256, keys->secret, 64, "lifetime");
    request.lifetime_seconds = INT64_MAX;
    expect_refused(&request, JWS_HS256, keys->secret, 64, "lifetime");
    free(p384);
    free(rsa);
    free(public_rsa);
    free(locked);
}

static void test_describes_without_the_signature(void **state)
{
    const struct jwt_keys *keys = *state;
    char *token = jwt_sign(keys, JWS_HS256, "{\"alg\":\"none\",\"crit\":[1]}",
                           "{\"sub\":\"J\xC3\xBCrgen\",\"x\":\"\xC2\x9B\x31m\"}");
    struct strbuf out;

    strbuf_init(&out, 4096);
    assert_int_equal(token_describe(token, strlen(token), &out, NULL), 0);
    assert_true(strncmp(out.data, "not verified", 12) == 0);
    assert_non_null(strstr(out.data, "\"alg\": \"none\""));
    assert_non_null(strstr(out.data, "J\\u00FCrgen"));
    assert_null(strstr(out.data, "\x9B"));
    assert_null(strstr(out.data, strrchr(token, '.') + 1));
    strbuf_free(&out);
    free(token);
}

static void test_describes_only_tokens(void **state)
{
    static const char *const cases[] = {"", "a", "e30.e30", "e30.!.", "e30=.e30.", "W10.e30.x"};
    static const int want[] = {ERROR_INVALID, ERROR_INVALID, ERROR_INVALID,
                               ERROR_INVALID, ERROR_INVALID, 0};
    static char too_long[JWS_MAX_TOKEN + 1];
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(token_describe(cases[i], strlen(cases[i]), &out, NULL), want[i]);
    memset(too_long, '.', sizeof(too_long));
    assert_int_equal(token_describe(too_long, sizeof(too_long), &out, NULL), ERROR_INVALID);
    strbuf_free(&out);
    strbuf_init(&out, 16); /* no room */
    assert_int_equal(token_describe("e30.e30.", 8, &out, NULL), ERROR_NOMEM);
    strbuf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gateway_accepts_what_is_issued),
        cmocka_unit_test(test_one_team_is_a_string_and_none_is_absent),
        cmocka_unit_test(test_refused_keys_and_requests),
        cmocka_unit_test(test_describes_without_the_signature),
        cmocka_unit_test(test_describes_only_tokens),
    };

    return cmocka_run_group_tests(tests, jwt_keys_setup, jwt_keys_teardown);
}
