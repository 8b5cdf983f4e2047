/* jwk: every algorithm verifies its own signatures and nothing near them; hostile keys are refused.
 */
#include "gateway/auth/jwk.h"
#include "tests/unit/jwt_fixture.h"

#include "tests/unit/cmocka_all.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char DATA[] = "eyJhbGciOi.the signed text";
#define DATA_LEN (sizeof(DATA) - 1)

static int read_jwk(const char *text, const enum jws_algorithm *fallback, struct jwk **out,
                    struct error *err)
{
    json_t *json = json_loads(text, 0, NULL);
    int rc;

    assert_non_null(json);
    rc = jwk_from_json(json, fallback, out, err);
    json_decref(json);
    return rc;
}

static void test_names(void **state)
{
    static const char *const unknown[] = {"none", "None",   "hs256",  "HS256 ",
                                          "",     "ES256K", "Ed25519"};
    enum jws_algorithm parsed;

    (void)state;
    for (int i = 0; i < FIXTURE_ALGORITHM_COUNT; i++) {
        assert_true(jws_algorithm_parse(jws_algorithm_name((enum jws_algorithm)i), &parsed));
        assert_int_equal(parsed, i);
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_false(jws_algorithm_parse(unknown[i], &parsed));
}

static void check_key(const struct jwk *key, const struct jwt_keys *keys,
                      enum jws_algorithm algorithm)
{
    unsigned char signature[FIXTURE_MAX_SIGNATURE + 1] = {0};
    size_t len = jwt_sign_bytes(keys, algorithm, DATA, DATA_LEN, signature);
    struct error err;

    assert_int_equal(jwk_algorithm(key), algorithm);
    assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, len, NULL), 0);
    assert_int_equal(jwk_verify(key, DATA, DATA_LEN - 1, signature, len, &err), ERROR_REFUSED);
    assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, len - 1, &err), ERROR_REFUSED);
    assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, len + 1, &err), ERROR_REFUSED);
    assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, 0, &err), ERROR_REFUSED);
    for (size_t i = 0; i < len; i += len / 8) {
        signature[i] ^= 1;
        assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, len, &err), ERROR_REFUSED);
        signature[i] ^= 1;
    }
    signature[len - 1] ^= 1;
    assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, len, &err), ERROR_REFUSED);
    memset(signature, 0, len);
    assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, len, &err), ERROR_REFUSED);
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_verifies_each_algorithm(void **state)
{
    const struct jwt_keys *keys = *state;

    for (int i = 0; i < FIXTURE_ALGORITHM_COUNT; i++) {
        enum jws_algorithm algorithm = (enum jws_algorithm)i;
        struct jwk *key = jwt_verifier(keys, algorithm, "one");
        char *pem;

        assert_string_equal(jwk_kid(key), "one");
        check_key(key, keys, algorithm);
        jwk_free(&key);
        assert_null(key);
        if (algorithm <= JWS_HS512) {
            assert_int_equal(
                jwk_from_secret("one", algorithm, keys->secret, sizeof(keys->secret), &key, NULL),
                0);
        } else {
            pem = jwt_public_pem(jwt_pkey(keys, algorithm));
            assert_int_equal(jwk_from_pem("one", algorithm, pem, strlen(pem), &key, NULL), 0);
            free(pem);
        }
        check_key(key, keys, algorithm);
        jwk_free(&key);
    }
    jwk_free(&(struct jwk *){NULL});
}

/* One key, two algorithms: a signature of one is never good for the other. */
static void test_algorithms_do_not_mix(void **state)
{
    const struct jwt_keys *keys = *state;

    for (int i = 0; i < FIXTURE_ALGORITHM_COUNT; i++) {
        struct jwk *key = jwt_verifier(keys, (enum jws_algorithm)i, "one");

        for (int k = 0; k < FIXTURE_ALGORITHM_COUNT; k++) {
            unsigned char signature[FIXTURE_MAX_SIGNATURE];
            size_t len = jwt_sign_bytes(keys, (enum jws_algorithm)k, DATA, DATA_LEN, signature);

            assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, len, NULL),
                             i == k ? 0 : ERROR_REFUSED);
        }
        jwk_free(&key);
    }
}

static void test_refuses_der_for_ecdsa(void **state)
{
    const struct jwt_keys *keys = *state;
    struct jwk *key = jwt_verifier(keys, JWS_ES256, "one");
    unsigned char der[128];
    size_t len = sizeof(der);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, keys->p256), 1);
    assert_int_equal(EVP_DigestSign(ctx, der, &len, (const unsigned char *)DATA, DATA_LEN), 1);
    EVP_MD_CTX_free(ctx);
    assert_int_equal(jwk_verify(key, DATA, DATA_LEN, der, len, NULL), ERROR_REFUSED);
    jwk_free(&key);
}

/* RFC 7518 section 3.5 leaves no choice: salt as long as the hash, MGF1 with the same hash. */
static void test_refuses_other_pss_parameters(void **state)
{
    const struct {
        int salt_len;
        const EVP_MD *mgf1;
        int want;
    } cases[] = {
        {32, EVP_sha256(), 0},
        {0, EVP_sha256(), ERROR_REFUSED},
        {20, EVP_sha256(), ERROR_REFUSED},
        {RSA_PSS_SALTLEN_MAX, EVP_sha256(), ERROR_REFUSED},
        {32, EVP_sha1(), ERROR_REFUSED},
    };
    const struct jwt_keys *keys = *state;
    struct jwk *key = jwt_verifier(keys, JWS_PS256, "one");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char signature[FIXTURE_MAX_SIGNATURE];
        size_t len = sizeof(signature);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pctx = NULL;

        assert_int_equal(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, keys->rsa), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, cases[i].salt_len), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, cases[i].mgf1), 1);
        assert_int_equal(
            EVP_DigestSign(ctx, signature, &len, (const unsigned char *)DATA, DATA_LEN), 1);
        EVP_MD_CTX_free(ctx);
        assert_int_equal(jwk_verify(key, DATA, DATA_LEN, signature, len, NULL), cases[i].want);
    }
    jwk_free(&key);
}

/* --- JWK ----------------------------------------------------------------------------------- */

/* RFC 7515 appendix A.1 and A.3, RFC 8037 appendix A.2. */
#define K_64                                                                                       \
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
#define EC_X  "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y  "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define OKP_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define EC    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""
#define OCT   "\"kty\":\"oct\",\"k\":\"" K_64 "\""
#define OKP   "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" OKP_X "\""
#define KID   ",\"kid\":\"k\""

static void test_jwk_cases(void **state)
{
    static const struct {
        const char *text;
        int want;
        const char *pointer;
    } cases[] = {
        {"{" EC KID "}", 0, ""},
        {"{" EC KID
         ",\"alg\":\"ES256\",\"use\":\"sig\",\"key_ops\":[\"sign\",\"verify\"],\"x5t\":1}",
         0, ""},
        {"{" OKP KID "}", 0, ""},
        {"{" OKP KID ",\"alg\":\"EdDSA\"}", 0, ""},
        {"{" OCT KID ",\"alg\":\"HS512\"}", 0, ""},
        /* not for us */
        {"{" EC KID ",\"use\":\"enc\"}", ERROR_REFUSED, "/use"},
        {"{" EC KID ",\"key_ops\":[\"encrypt\"]}", ERROR_REFUSED, "/key_ops"},
        {"{" EC KID ",\"alg\":\"ECDH-ES\"}", ERROR_REFUSED, "/alg"},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"kid\":\"k\"}", ERROR_REFUSED, "/crv"},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"k\"}", ERROR_REFUSED, "/crv"},
        {"{\"kty\":\"AKP\",\"kid\":\"k\"}", ERROR_REFUSED, "/kty"},
        /* malformed */
        {"[]", ERROR_INVALID, ""},
        {"{" EC "}", ERROR_INVALID, "/kid"},
        {"{" EC ",\"kid\":\"\"}", ERROR_INVALID, "/kid"},
        {"{" EC ",\"kid\":7}", ERROR_INVALID, "/kid"},
        {"{\"kid\":\"k\"}", ERROR_INVALID, "/kty"},
        {"{\"kty\":\"EC\",\"kid\":\"k\"}", ERROR_INVALID, "/crv"},
        {"{" EC KID ",\"use\":1}", ERROR_INVALID, "/use"},
        {"{" EC KID ",\"key_ops\":\"verify\"}", ERROR_INVALID, "/key_ops"},
        {"{" EC KID ",\"key_ops\":[1]}", ERROR_INVALID, "/key_ops"},
        {"{" EC KID ",\"alg\":\"ES384\"}", ERROR_INVALID, "/alg"},
        {"{" EC KID ",\"alg\":\"HS256\"}", ERROR_INVALID, "/alg"},
        {"{" OCT KID ",\"alg\":\"RS256\"}", ERROR_INVALID, "/alg"},
        {"{" OCT KID "}", ERROR_INVALID, "/alg"},
        {"{" EC KID ",\"d\":\"AAAA\"}", ERROR_INVALID, "/d"},
        {"{" EC KID ",\"k\":\"AAAA\"}", ERROR_INVALID, "/k"},
        {"{" OKP KID ",\"d\":\"AAAA\"}", ERROR_INVALID, "/d"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"AAAA\",\"kid\":\"k\"}",
         ERROR_INVALID, "/y"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "=\",\"y\":\"" EC_Y "\",\"kid\":\"k\"}",
         ERROR_INVALID, "/x"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_X "\",\"kid\":\"k\"}",
         ERROR_INVALID, ""},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\",\"kid\":\"k\"}", ERROR_INVALID, "/x"},
        /* 32 bytes are too few for HS512: RFC 7518 section 3.2 */
        {"{\"kty\":\"oct\",\"k\":\"" OKP_X "\",\"alg\":\"HS256\",\"kid\":\"k\"}", 0, ""},
        {"{\"kty\":\"oct\",\"k\":\"" OKP_X "\",\"alg\":\"HS512\",\"kid\":\"k\"}", ERROR_INVALID,
         ""},
        {"{\"kty\":\"oct\",\"k\":\"\",\"alg\":\"HS256\",\"kid\":\"k\"}", ERROR_INVALID, "/k"},
        {"{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"k\"}", ERROR_INVALID, "/k"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jwk *key = NULL;
        struct error err = {.message = "", .pointer = ""};
        int rc = read_jwk(cases[i].text, NULL, &key, &err);

        if (rc != cases[i].want || strcmp(err.pointer, cases[i].pointer) != 0)
            fail_msg("%s: %d %s %s", cases[i].text, rc, err.pointer, err.message);
        assert_int_equal(key != NULL, rc == 0);
        assert_null(strstr(err.message, K_64));
        jwk_free(&key);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void test_default_algorithm_speaks_where_alg_is_absent(void **state)
{
    static const enum jws_algorithm ps256 = JWS_PS256, es256 = JWS_ES256;
    const struct jwt_keys *keys = *state;
    char *rsa = jwt_jwk_text(keys, JWS_PS256, "one", NULL);
    char *pinned = jwt_jwk_text(keys, JWS_RS512, "one", "RS512");
    char *ec = jwt_jwk_text(keys, JWS_ES384, "one", NULL);
    struct jwk *key = NULL;

    assert_int_equal(read_jwk(rsa, NULL, &key, NULL), ERROR_INVALID);
    assert_int_equal(read_jwk(rsa, &es256, &key, NULL), ERROR_INVALID);
    assert_int_equal(read_jwk(rsa, &ps256, &key, NULL), 0);
    check_key(key, keys, JWS_PS256);
    jwk_free(&key);
    assert_int_equal(read_jwk(pinned, &ps256, &key, NULL), 0);
    assert_int_equal(jwk_algorithm(key), JWS_RS512);
    jwk_free(&key);
    assert_int_equal(read_jwk(ec, &ps256, &key, NULL), 0);
    assert_int_equal(jwk_algorithm(key), JWS_ES384);
    jwk_free(&key);
    free(rsa);
    free(pinned);
    free(ec);
}

static int read_rsa_with(const char *member, const char *value)
{
    static const char modulus[] =
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0"
        "Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXnd"
        "S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5Ihl"
        "JH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kty", "RSA", "kid", "k", "alg", "RS256",
                             "n", modulus, "e", "AQAB");
    struct jwk *key = NULL;
    int rc;

    if (member != NULL)
        json_object_set_new(json, member, json_string(value));
    rc = jwk_from_json(json, NULL, &key, NULL);
    json_decref(json);
    jwk_free(&key);
    return rc;
}

static void test_rsa_bounds(void **state)
{
    EVP_PKEY *small = EVP_RSA_gen(1024);
    char *pem = jwt_public_pem(small);
    struct jwk *key = NULL;
    struct error err;
    char long_modulus[1500];

    (void)state;
    assert_int_equal(jwk_from_pem("k", JWS_RS256, pem, strlen(pem), &key, &err), ERROR_INVALID);
    assert_non_null(strstr(err.message, "1024 bits"));
    free(pem);
    EVP_PKEY_free(small);

    memset(long_modulus, '_', sizeof(long_modulus) - 1);
    long_modulus[1028 / 3 * 4] = '\0'; /* 1026 bytes and more: above 8192 bits */
    assert_int_equal(read_rsa_with(NULL, NULL), 0);
    assert_int_equal(read_rsa_with("n", long_modulus), ERROR_INVALID);
    assert_int_equal(read_rsa_with("n", "AQAB"), ERROR_INVALID);
    assert_int_equal(read_rsa_with("e", "AQ"), ERROR_INVALID);               /* 1 */
    assert_int_equal(read_rsa_with("e", "Ag"), ERROR_INVALID);               /* 2 */
    assert_int_equal(read_rsa_with("e", "AAAA"), ERROR_INVALID);             /* 0 */
    assert_int_equal(read_rsa_with("e", "AQAAAAAAAAAAAAAB"), ERROR_INVALID); /* 89 bits */
    assert_int_equal(read_rsa_with("e", "Aw"), 0);
    assert_int_equal(read_rsa_with("p", "Aw"), ERROR_INVALID);
    assert_int_equal(read_rsa_with("qi", "Aw"), ERROR_INVALID);
}

/* --- PEM and secrets ----------------------------------------------------------------------- */

static char *certificate_of(EVP_PKEY *pkey)
{
    X509 *certificate = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    X509_set_version(certificate, 2);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    assert_int_equal(X509_set_pubkey(certificate, pkey), 1);
    assert_true(X509_sign(certificate, pkey, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    X509_free(certificate);
    return jwt_take_text(bio);
}

static void test_pem_forms(void **state)
{
    const struct jwt_keys *keys = *state;
    char *certificate = certificate_of(keys->p256);
    char *public_ec = jwt_public_pem(keys->p256);
    char *private_ec = jwt_private_pem(keys->p256);
    char *other_curve = jwt_public_pem(keys->p384);
    char *rsa = jwt_public_pem(keys->rsa);
    const struct {
        enum jws_algorithm algorithm;
        const char *pem;
        int want;
        const char *says;
    } cases[] = {
        {JWS_ES256, certificate, 0, ""},
        {JWS_ES256, public_ec, 0, ""},
        {JWS_ES256, private_ec, ERROR_INVALID, "private key"},
        {JWS_ES256, other_curve, ERROR_INVALID, "secp384r1"},
        {JWS_ES256, rsa, ERROR_INVALID, "type RSA"},
        {JWS_RS256, public_ec, ERROR_INVALID, "type EC"},
        {JWS_EDDSA, public_ec, ERROR_INVALID, "type EC"},
        {JWS_HS256, rsa, ERROR_INVALID, "shared secret"},
        {JWS_ES256, "", ERROR_INVALID, "0 bytes"},
        {JWS_ES256, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", ERROR_INVALID,
         "neither"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jwk *key = NULL;
        struct error err = {.message = ""};
        int rc =
            jwk_from_pem("k", cases[i].algorithm, cases[i].pem, strlen(cases[i].pem), &key, &err);

        if (rc != cases[i].want || strstr(err.message, cases[i].says) == NULL)
            fail_msg("case %zu: %d %s", i, rc, err.message);
        if (rc == 0)
            check_key(key, keys, cases[i].algorithm);
        jwk_free(&key);
        assert_int_equal(ERR_peek_error(), 0);
    }
    free(certificate);
    free(public_ec);
    free(private_ec);
    free(other_curve);
    free(rsa);
}

static void test_secret_bounds(void **state)
{
    static const unsigned char secret[JWK_MAX_SECRET + 1];
    char kid[JWK_MAX_KID + 2] = "";
    struct jwk *key = NULL;

    (void)state;
    memset(kid, 'k', sizeof(kid) - 1);
    assert_int_equal(jwk_from_secret("k", JWS_HS384, secret, 47, &key, NULL), ERROR_INVALID);
    assert_int_equal(jwk_from_secret("k", JWS_HS256, secret, 0, &key, NULL), ERROR_INVALID);
    assert_int_equal(jwk_from_secret("k", JWS_HS256, secret, JWK_MAX_SECRET + 1, &key, NULL),
                     ERROR_INVALID);
    assert_int_equal(jwk_from_secret("k", JWS_RS256, secret, 64, &key, NULL), ERROR_INVALID);
    assert_int_equal(jwk_from_secret("", JWS_HS256, secret, 64, &key, NULL), ERROR_INVALID);
    assert_int_equal(jwk_from_secret(kid, JWS_HS256, secret, 64, &key, NULL), ERROR_INVALID);
    assert_null(key);
    assert_int_equal(jwk_from_secret(kid + 1, JWS_HS384, secret, 48, &key, NULL), 0);
    jwk_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_verifies_each_algorithm),
        cmocka_unit_test(test_algorithms_do_not_mix),
        cmocka_unit_test(test_refuses_der_for_ecdsa),
        cmocka_unit_test(test_refuses_other_pss_parameters),
        cmocka_unit_test(test_jwk_cases),
        cmocka_unit_test(test_default_algorithm_speaks_where_alg_is_absent),
        cmocka_unit_test(test_rsa_bounds),
        cmocka_unit_test(test_pem_forms),
        cmocka_unit_test(test_secret_bounds),
    };

    return cmocka_run_group_tests(tests, jwt_keys_setup, jwt_keys_teardown);
}
