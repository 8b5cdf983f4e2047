/* Keys, signatures and tokens for the tests of auth/; any failure here ends the test. */
#include "tests/unit/jwt_fixture.h"
#include "gateway/base/crypto.h"

#include "tests/unit/cmocka_all.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_STACK (128 * 1024)

int64_t clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms;
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms;
}

int jwt_keys_setup(void **state)
{
    struct jwt_keys *keys = calloc(1, sizeof(*keys));

    assert_non_null(keys);
    keys->rsa = EVP_RSA_gen(2048);
    keys->p256 = EVP_EC_gen("P-256");
    keys->p384 = EVP_EC_gen("P-384");
    keys->p521 = EVP_EC_gen("P-521");
    keys->ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    assert_true(keys->rsa && keys->p256 && keys->p384 && keys->p521 && keys->ed25519);
    assert_int_equal(crypto_random(keys->secret, sizeof(keys->secret)), 0);
    *state = keys;
    return 0;
}

int jwt_keys_teardown(void **state)
{
    struct jwt_keys *keys = *state;

    EVP_PKEY_free(keys->rsa);
    EVP_PKEY_free(keys->p256);
    EVP_PKEY_free(keys->p384);
    EVP_PKEY_free(keys->p521);
    EVP_PKEY_free(keys->ed25519);
    free(keys);
    return 0;
}

EVP_PKEY *jwt_pkey(const struct jwt_keys *keys, enum jws_algorithm algorithm)
{
    switch (algorithm) {
    case JWS_HS256:
    case JWS_HS384:
    case JWS_HS512:
        return NULL;
    case JWS_RS256:
    case JWS_RS384:
    case JWS_RS512:
    case JWS_PS256:
    case JWS_PS384:
    case JWS_PS512:
        return keys->rsa;
    case JWS_ES256:
        return keys->p256;
    case JWS_ES384:
        return keys->p384;
    case JWS_ES512:
        return keys->p521;
    case JWS_EDDSA:
        return keys->ed25519;
    }
    return NULL;
}

/* --- keys as text -------------------------------------------------------------------------- */

char *jwt_take_text(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    char *text = calloc(1, (size_t)len + 1);

    assert_non_null(text);
    memcpy(text, data, (size_t)len);
    BIO_free(bio);
    return text;
}

char *jwt_public_pem(EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    return jwt_take_text(bio);
}

char *jwt_private_pem(EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    return jwt_take_text(bio);
}

static char *base64url(const void *data, size_t len)
{
    char *text = malloc(4 * ((len + 2) / 3) + 1);

    assert_non_null(text);
    crypto_base64url(data, len, text);
    return text;
}

/* A number of the key; `size` 0 = as short as it is, else padded with zeros in front. */
static void set_number(json_t *jwk, const char *member, EVP_PKEY *pkey, const char *param, int size)
{
    unsigned char bytes[1024];
    BIGNUM *number = NULL;
    char *text;

    assert_int_equal(EVP_PKEY_get_bn_param(pkey, param, &number), 1);
    if (size == 0)
        size = BN_num_bytes(number);
    assert_int_equal(BN_bn2binpad(number, bytes, size), size);
    text = base64url(bytes, (size_t)size);
    assert_int_equal(json_object_set_new(jwk, member, json_string(text)), 0);
    free(text);
    BN_free(number);
}

static void set_bytes(json_t *jwk, const char *member, const void *bytes, size_t len)
{
    char *text = base64url(bytes, len);

    assert_int_equal(json_object_set_new(jwk, member, json_string(text)), 0);
    free(text);
}

static json_t *ec_jwk(EVP_PKEY *pkey, const char *curve, int size)
{
    json_t *jwk = json_pack("{s:s, s:s}", "kty", "EC", "crv", curve);

    set_number(jwk, "x", pkey, OSSL_PKEY_PARAM_EC_PUB_X, size);
    set_number(jwk, "y", pkey, OSSL_PKEY_PARAM_EC_PUB_Y, size);
    return jwk;
}

static json_t *public_jwk(const struct jwt_keys *keys, enum jws_algorithm algorithm)
{
    unsigned char raw[32];
    size_t raw_len = sizeof(raw);
    json_t *jwk;

    if (algorithm <= JWS_HS512) {
        jwk = json_pack("{s:s}", "kty", "oct");
        set_bytes(jwk, "k", keys->secret, sizeof(keys->secret));
    } else if (algorithm <= JWS_PS512) {
        jwk = json_pack("{s:s}", "kty", "RSA");
        set_number(jwk, "n", keys->rsa, OSSL_PKEY_PARAM_RSA_N, 0);
        set_number(jwk, "e", keys->rsa, OSSL_PKEY_PARAM_RSA_E, 0);
    } else if (algorithm == JWS_ES256) {
        jwk = ec_jwk(keys->p256, "P-256", 32);
    } else if (algorithm == JWS_ES384) {
        jwk = ec_jwk(keys->p384, "P-384", 48);
    } else if (algorithm == JWS_ES512) {
        jwk = ec_jwk(keys->p521, "P-521", 66);
    } else {
        assert_int_equal(EVP_PKEY_get_raw_public_key(keys->ed25519, raw, &raw_len), 1);
        jwk = json_pack("{s:s, s:s}", "kty", "OKP", "crv", "Ed25519");
        set_bytes(jwk, "x", raw, raw_len);
    }
    return jwk;
}

char *jwt_jwk_text(const struct jwt_keys *keys, enum jws_algorithm algorithm, const char *kid,
                   const char *alg)
{
    json_t *jwk = public_jwk(keys, algorithm);
    char *text;

    json_object_set_new(jwk, "kid", json_string(kid));
    if (alg != NULL)
        json_object_set_new(jwk, "alg", json_string(alg));
    text = json_dumps(jwk, JSON_COMPACT);
    assert_non_null(text);
    json_decref(jwk);
    return text;
}

struct jwk *jwt_verifier(const struct jwt_keys *keys, enum jws_algorithm algorithm, const char *kid)
{
    char *text = jwt_jwk_text(keys, algorithm, kid, jws_algorithm_name(algorithm));
    json_t *json = json_loads(text, 0, NULL);
    struct jwk *key = NULL;
    struct error err = {.message = ""};

    if (jwk_from_json(json, NULL, &key, &err) != 0)
        fail_msg("%s", err.message);
    json_decref(json);
    free(text);
    return key;
}

/* --- signatures and tokens ----------------------------------------------------------------- */

static const EVP_MD *digest_of(enum jws_algorithm algorithm)
{
    static const char *const names[] = {"SHA256", "SHA384", "SHA512"};

    if (algorithm == JWS_EDDSA)
        return NULL;
    return EVP_get_digestbyname(names[(int)algorithm % 3]);
}

/* r || s of a DER signature, in place. */
static size_t raw_from_der(unsigned char *signature, size_t len, int size)
{
    const unsigned char *der = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)len);

    assert_non_null(pair);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, size), size);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + size, size), size);
    ECDSA_SIG_free(pair);
    return 2 * (size_t)size;
}

static size_t sign_hmac(const struct jwt_keys *keys, enum jws_algorithm algorithm, const void *data,
                        size_t len, unsigned char *signature)
{
    unsigned int mac_len = 0;

    assert_non_null(HMAC(digest_of(algorithm), keys->secret, sizeof(keys->secret), data, len,
                         signature, &mac_len));
    return mac_len;
}

size_t jwt_sign_bytes(const struct jwt_keys *keys, enum jws_algorithm algorithm, const void *data,
                      size_t len, unsigned char signature[FIXTURE_MAX_SIGNATURE])
{
    static const int sizes[] = {[JWS_ES256] = 32, [JWS_ES384] = 48, [JWS_ES512] = 66};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey_ctx = NULL;
    size_t signature_len = FIXTURE_MAX_SIGNATURE;

    if (algorithm <= JWS_HS512) {
        EVP_MD_CTX_free(ctx);
        return sign_hmac(keys, algorithm, data, len, signature);
    }
    assert_int_equal(
        EVP_DigestSignInit(ctx, &pkey_ctx, digest_of(algorithm), NULL, jwt_pkey(keys, algorithm)),
        1);
    if (algorithm >= JWS_PS256 && algorithm <= JWS_PS512) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pkey_ctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(EVP_DigestSign(ctx, signature, &signature_len, data, len), 1);
    EVP_MD_CTX_free(ctx);
    if (algorithm >= JWS_ES256 && algorithm <= JWS_ES512)
        signature_len = raw_from_der(signature, signature_len, sizes[algorithm]);
    return signature_len;
}

char *jwt_join(const char *header, const char *payload, size_t payload_len,
               const unsigned char *signature, size_t signature_len)
{
    char *first = base64url(header, strlen(header));
    char *second = base64url(payload, payload_len);
    char *third = base64url(signature, signature_len);
    char *token = NULL;

    assert_true(asprintf(&token, "%s.%s.%s", first, second, third) > 0);
    free(first);
    free(second);
    free(third);
    return token;
}

char *jwt_sign(const struct jwt_keys *keys, enum jws_algorithm algorithm, const char *header,
               const char *payload)
{
    unsigned char signature[FIXTURE_MAX_SIGNATURE] = {0};
    char *unsigned_token = jwt_join(header, payload, strlen(payload), signature, 0);
    /* without the last dot */
    size_t len =
        jwt_sign_bytes(keys, algorithm, unsigned_token, strlen(unsigned_token) - 1, signature);

    free(unsigned_token);
    return jwt_join(header, payload, strlen(payload), signature, len);
}

char *jwt_sign_claims(const struct jwt_keys *keys, enum jws_algorithm algorithm, const char *kid,
                      const char *claims)
{
    char header[JWK_MAX_KID + 128];

    snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
             jws_algorithm_name(algorithm), kid);
    return jwt_sign(keys, algorithm, header, claims);
}

void run_on_small_stack(void *(*body)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;

    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, body, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_attr_destroy(&attributes), 0);
}
