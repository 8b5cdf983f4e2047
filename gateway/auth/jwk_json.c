/* One member of a JWKS (RFC 7517, RFC 7518 section 6, RFC 8037) as a verification key. */
#include "gateway/auth/jwk_private.h"
#include "gateway/base/crypto.h"
#include "policy/strict_json.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 64 /* of kty, crv, alg, use and members of key_ops */
/* The largest number or secret of a key; RSA's modulus, with the zero byte that some put before. */
#define MEMBER_MAX_BYTES (JWK_MAX_RSA_BITS / 8 + 1)
#define MEMBER_MAX_TEXT  (4 * ((MEMBER_MAX_BYTES + 2) / 3))
#define EC_MAX_POINT_LEN (1 + 2 * 66)
#define ED25519_KEY_LEN  32

struct bytes {
    unsigned char data[MEMBER_MAX_BYTES + 3]; /* the decoder's slack */
    size_t len;
};

static int read_bytes(const json_t *json, const char *name, struct bytes *out, struct error *err)
{
    const char *text = NULL;
    char at[ERROR_POINTER_MAX];
    long len;
    int rc = strict_json_string(json, "", name, true, 1, MEMBER_MAX_TEXT, &text, err);

    if (rc != 0)
        return rc;
    len = crypto_base64url_decode(text, strlen(text), out->data);
    if (len < 0) {
        strict_json_pointer(at, "", name);
        return error_set_at(err, ERROR_INVALID, at,
                            "saw text that is not base64url (RFC 4648 section 5, no padding)");
    }
    out->len = (size_t)len;
    return 0;
}

/* As read_bytes, of exactly `len` bytes: leading zeros belong to it (RFC 7518 section 6.2.1.2). */
static int read_exactly(const json_t *json, const char *name, size_t len, struct bytes *out,
                        struct error *err)
{
    char at[ERROR_POINTER_MAX];
    int rc = read_bytes(json, name, out, err);

    if (rc != 0 || out->len == len)
        return rc;
    strict_json_pointer(at, "", name);
    return error_set_at(err, ERROR_INVALID, at, "saw %zu bytes, expected %zu", out->len, len);
}

/* --- is it for us? ------------------------------------------------------------------------- */

static int check_key_ops(const json_t *json, struct error *err)
{
    json_t *ops = NULL;
    size_t i;
    json_t *op;
    int rc = strict_json_container(json, "", "key_ops", false, JSON_ARRAY, &ops, err);

    if (rc != 0 || ops == NULL)
        return rc;
    json_array_foreach(ops, i, op)
    {
        if (!json_is_string(op))
            return error_set_at(err, ERROR_INVALID, "/key_ops", "expected an array of strings");
        if (strcmp(json_string_value(op), "verify") == 0)
            return 0;
    }
    return error_set_at(err, ERROR_REFUSED, "/key_ops", "saw no \"verify\" in it");
}

static int check_use(const json_t *json, struct error *err)
{
    const char *use = NULL;
    int rc = strict_json_string(json, "", "use", false, 1, NAME_MAX_LEN, &use, err);

    if (rc == 0 && use != NULL && strcmp(use, "sig") != 0)
        rc = error_set_at(err, ERROR_REFUSED, "/use", "saw \"%s\", expected \"sig\"", use);
    return rc != 0 ? rc : check_key_ops(json, err);
}

/* RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1: everything that only the signer may know. */
static int check_not_private(const json_t *json, bool shared_secret, struct error *err)
{
    static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    char at[ERROR_POINTER_MAX];

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (json_object_get(json, members[i]) == NULL ||
            (shared_secret && strcmp(members[i], "k") == 0))
            continue;
        strict_json_pointer(at, "", members[i]);
        return error_set_at(err, ERROR_INVALID, at,
                            "saw a member of a private key: a verifier must not hold it; leave "
                            "only the public members");
    }
    return 0;
}

/* --- which algorithm? ---------------------------------------------------------------------- */

/* The algorithm that a curve implies; ERROR_REFUSED for curves that we don't know. */
static int algorithm_of_curve(const json_t *json, enum jwk_family family, enum jws_algorithm *out,
                              struct error *err)
{
    const char *curve = NULL;
    int rc = strict_json_string(json, "", "crv", true, 1, NAME_MAX_LEN, &curve, err);

    if (rc != 0)
        return rc;
    for (int i = JWS_HS256; i <= JWS_EDDSA; i++) {
        const struct jwk_algorithm *known = jwk_algorithm_of((enum jws_algorithm)i);

        if (known->family == family && strcmp(known->curve, curve) == 0) {
            *out = (enum jws_algorithm)i;
            return 0;
        }
    }
    return error_set_at(err, ERROR_REFUSED, "/crv", "saw the curve \"%s\", which we don't know",
                        curve);
}

/* RSA keys and secrets say their algorithm with `alg`, or the configuration does. */
static int algorithm_of_alg(const json_t *json, const enum jws_algorithm *fallback,
                            enum jws_algorithm *out, struct error *err)
{
    const char *name = NULL;
    int rc = strict_json_string(json, "", "alg", false, 1, NAME_MAX_LEN, &name, err);

    if (rc != 0)
        return rc;
    if (name != NULL && !jws_algorithm_parse(name, out))
        return error_set_at(err, ERROR_REFUSED, "/alg", "saw \"%s\", which we don't know", name);
    if (name != NULL)
        return 0;
    if (fallback == NULL)
        return error_set_at(err, ERROR_INVALID, "/alg",
                            "saw none, and neither the type of the key nor the configuration says "
                            "which one it is good for");
    *out = *fallback;
    return 0;
}

/* --- the key types ------------------------------------------------------------------------- */

static EVP_PKEY *pkey_from_params(const char *type, OSSL_PARAM_BLD *builder)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return pkey;
}

static int read_rsa(const json_t *json, EVP_PKEY **out, struct error *err)
{
    struct bytes modulus, exponent;
    OSSL_PARAM_BLD *builder = NULL;
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    int rc = read_bytes(json, "n", &modulus, err);

    if (rc == 0)
        rc = read_bytes(json, "e", &exponent, err);
    if (rc != 0)
        return rc;
    builder = OSSL_PARAM_BLD_new();
    n = BN_bin2bn(modulus.data, (int)modulus.len, NULL);
    e = BN_bin2bn(exponent.data, (int)exponent.len, NULL);
    if (builder != NULL && n != NULL && e != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        *out = pkey_from_params("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    if (*out == NULL)
        return error_set(err, ERROR_INVALID, "OpenSSL can't make an RSA key of n and e");
    return 0;
}

static int read_ec(const json_t *json, const struct jwk_algorithm *curve, EVP_PKEY **out,
                   struct error *err)
{
    struct bytes x, y;
    unsigned char point[EC_MAX_POINT_LEN] = {POINT_CONVERSION_UNCOMPRESSED};
    OSSL_PARAM_BLD *builder = NULL;
    int rc = read_exactly(json, "x", curve->size, &x, err);

    if (rc == 0)
        rc = read_exactly(json, "y", curve->size, &y, err);
    if (rc != 0)
        return rc;
    memcpy(point + 1, x.data, curve->size);
    memcpy(point + 1 + curve->size, y.data, curve->size);
    builder = OSSL_PARAM_BLD_new();
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) ==
            1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + 2 * curve->size) == 1)
        *out = pkey_from_params("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    if (*out == NULL)
        return error_set(err, ERROR_INVALID, "x and y are not a point of the curve %s",
                         curve->curve);
    return 0;
}

static int read_okp(const json_t *json, EVP_PKEY **out, struct error *err)
{
    struct bytes x;
    int rc = read_exactly(json, "x", ED25519_KEY_LEN, &x, err);

    if (rc != 0)
        return rc;
    *out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.data, x.len);
    if (*out == NULL)
        return error_set(err, ERROR_INVALID, "OpenSSL can't make an Ed25519 key of x");
    return 0;
}

static int from_secret(const json_t *json, const char *kid, enum jws_algorithm algorithm,
                       struct jwk **out, struct error *err)
{
    struct bytes secret;
    int rc = read_bytes(json, "k", &secret, err);

    if (rc == 0)
        rc = jwk_from_secret(kid, algorithm, secret.data, secret.len, out, err);
    crypto_wipe(&secret, sizeof(secret));
    return rc;
}

static int from_public(const json_t *json, const char *kid, enum jws_algorithm algorithm,
                       struct jwk **out, struct error *err)
{
    const struct jwk_algorithm *wanted = jwk_algorithm_of(algorithm);
    EVP_PKEY *pkey = NULL;
    int rc;

    if (wanted->family == JWK_ECDSA)
        rc = read_ec(json, wanted, &pkey, err);
    else if (wanted->family == JWK_EDDSA)
        rc = read_okp(json, &pkey, err);
    else
        rc = read_rsa(json, &pkey, err);
    ERR_clear_error();
    if (rc == 0)
        rc = jwk_from_pkey(kid, algorithm, &pkey, out, err);
    EVP_PKEY_free(pkey);
    return rc;
}

/* `kty` and what it takes: RSA and oct name their algorithm, EC and OKP keys have it from the
 * curve. */
static const struct key_type {
    const char *kty;
    enum jwk_family family; /* of the curve; JWK_HMAC and JWK_RSA_PKCS1 stand for all of the type */
    bool by_curve;
} key_types[] = {
    {"RSA", JWK_RSA_PKCS1, false},
    {"EC", JWK_ECDSA, true},
    {"OKP", JWK_EDDSA, true},
    {"oct", JWK_HMAC, false},
};

static int choose_type(const json_t *json, const struct key_type **out, struct error *err)
{
    const char *kty = NULL;
    int rc = strict_json_string(json, "", "kty", true, 1, NAME_MAX_LEN, &kty, err);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < sizeof(key_types) / sizeof(key_types[0]); i++) {
        if (strcmp(key_types[i].kty, kty) == 0) {
            *out = &key_types[i];
            return 0;
        }
    }
    return error_set_at(err, ERROR_REFUSED, "/kty", "saw \"%s\", which we don't know", kty);
}

static int choose_algorithm(const json_t *json, const struct key_type *type,
                            const enum jws_algorithm *fallback, enum jws_algorithm *out,
                            struct error *err)
{
    enum jws_algorithm implied = JWS_HS256;
    bool fits;
    int rc = 0;

    if (type->by_curve)
        rc = algorithm_of_curve(json, type->family, &implied, err);
    if (rc == 0)
        rc = algorithm_of_alg(json, type->by_curve ? &implied : fallback, out, err);
    if (rc != 0)
        return rc;
    if (type->by_curve)
        fits = *out == implied;
    else if (type->family == JWK_HMAC)
        fits = jwk_algorithm_of(*out)->family == JWK_HMAC;
    else
        fits = jwk_algorithm_of(*out)->family == JWK_RSA_PKCS1 ||
               jwk_algorithm_of(*out)->family == JWK_RSA_PSS;
    if (!fits)
        return error_set_at(err, ERROR_INVALID, "/alg", "saw %s, which a key of type %s%s can't do",
                            jws_algorithm_name(*out), type->kty,
                            type->by_curve ? " and this curve" : "");
    return 0;
}

int jwk_from_json(const json_t *json, const enum jws_algorithm *default_algorithm, struct jwk **out,
                  struct error *err)
{
    const struct key_type *type = NULL;
    const char *kid = NULL;
    enum jws_algorithm algorithm = JWS_HS256;
    int rc;

    if (!json_is_object(json))
        return error_set(err, ERROR_INVALID, "a key must be an object");
    rc = choose_type(json, &type, err);
    if (rc == 0)
        rc = check_use(json, err);
    if (rc == 0)
        rc = choose_algorithm(json, type, default_algorithm, &algorithm, err);
    if (rc == 0)
        rc = strict_json_string(json, "", "kid", true, 1, JWK_MAX_KID, &kid, err);
    if (rc == 0)
        rc = check_not_private(json, type->family == JWK_HMAC, err);
    if (rc != 0)
        return rc;
    if (type->family == JWK_HMAC)
        return from_secret(json, kid, algorithm, out, err);
    return from_public(json, kid, algorithm, out, err);
}
