/* Verification keys: what each algorithm asks of its key, and where a key comes from. */
#include "gateway/auth/jwk_private.h"
#include "gateway/auth/verifier.h"
#include "gateway/base/crypto.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#define EC_MAX_COORDINATE_LEN 66 /* P-521 */
/* SEQUENCE and two INTEGERs, each with a sign byte and a header of at most 3 bytes. */
#define EC_MAX_DER_LEN (2 * (EC_MAX_COORDINATE_LEN + 1) + 9)
#define HASH_MAX_LEN   64

struct jwk {
    enum jws_algorithm algorithm;
    size_t signature_len;      /* every algorithm has exactly one length for a given key */
    EVP_PKEY *pkey;            /* NULL for HMAC */
    struct verifier *verifier; /* of RSA and ECDSA keys, else NULL */
    unsigned char *secret;
    size_t secret_len;
    char kid[JWK_MAX_KID + 1];
};

static const struct jwk_algorithm algorithms[] = {
    [JWS_HS256] = {"HS256", JWK_HMAC, "SHA256", 32, NULL, NULL},
    [JWS_HS384] = {"HS384", JWK_HMAC, "SHA384", 48, NULL, NULL},
    [JWS_HS512] = {"HS512", JWK_HMAC, "SHA512", 64, NULL, NULL},
    [JWS_RS256] = {"RS256", JWK_RSA_PKCS1, "SHA256", 0, NULL, NULL},
    [JWS_RS384] = {"RS384", JWK_RSA_PKCS1, "SHA384", 0, NULL, NULL},
    [JWS_RS512] = {"RS512", JWK_RSA_PKCS1, "SHA512", 0, NULL, NULL},
    [JWS_PS256] = {"PS256", JWK_RSA_PSS, "SHA256", 0, NULL, NULL},
    [JWS_PS384] = {"PS384", JWK_RSA_PSS, "SHA384", 0, NULL, NULL},
    [JWS_PS512] = {"PS512", JWK_RSA_PSS, "SHA512", 0, NULL, NULL},
    [JWS_ES256] = {"ES256", JWK_ECDSA, "SHA256", 32, "P-256", "prime256v1"},
    [JWS_ES384] = {"ES384", JWK_ECDSA, "SHA384", 48, "P-384", "secp384r1"},
    [JWS_ES512] = {"ES512", JWK_ECDSA, "SHA512", 66, "P-521", "secp521r1"},
    [JWS_EDDSA] = {"EdDSA", JWK_EDDSA, NULL, 0, "Ed25519", NULL},
};
#define ALGORITHM_COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

bool jws_algorithm_parse(const char *name, enum jws_algorithm *out)
{
    for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
        if (strcmp(algorithms[i].name, name) == 0) {
            *out = (enum jws_algorithm)i;
            return true;
        }
    }
    return false;
}

const struct jwk_algorithm *jwk_algorithm_of(enum jws_algorithm algorithm)
{
    assert((size_t)algorithm < ALGORITHM_COUNT);
    return &algorithms[algorithm];
}

const char *jws_algorithm_name(enum jws_algorithm algorithm)
{
    return jwk_algorithm_of(algorithm)->name;
}

int jwk_library_error(struct error *err, const char *what)
{
    const char *words = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return error_set(err, ERROR_IO, "%s: OpenSSL says: %s", what,
                     words != NULL ? words : "nothing");
}

static int check_kid(const char *kid, struct error *err)
{
    const size_t len = strlen(kid);

    if (len == 0 || len > JWK_MAX_KID)
        return error_set(err, ERROR_INVALID, "saw a kid of %zu bytes, expected 1 to %d", len,
                         JWK_MAX_KID);
    return 0;
}

/* `kid` has been checked. NULL when memory is out. */
static struct jwk *new_key(const char *kid, enum jws_algorithm algorithm, size_t signature_len)
{
    struct jwk *key = calloc(1, sizeof(*key));

    if (key == NULL)
        return NULL;
    key->algorithm = algorithm;
    key->signature_len = signature_len;
    memcpy(key->kid, kid, strlen(kid) + 1);
    return key;
}

int jwk_from_secret(const char *kid, enum jws_algorithm algorithm, const void *secret, size_t len,
                    struct jwk **out, struct error *err)
{
    const struct jwk_algorithm *wanted = jwk_algorithm_of(algorithm);
    struct jwk *key;
    int rc = check_kid(kid, err);

    if (rc != 0)
        return rc;
    if (wanted->family != JWK_HMAC)
        return error_set(err, ERROR_INVALID,
                         "key %s: saw a shared secret for %s, expected HS256, HS384 or HS512", kid,
                         wanted->name);
    /* RFC 7518 section 3.2: a key of the hash's size or larger must be used. */
    if (len < wanted->size || len > JWK_MAX_SECRET)
        return error_set(err, ERROR_INVALID,
                         "key %s: saw a secret of %zu bytes, %s takes %zu to %d", kid, len,
                         wanted->name, wanted->size, JWK_MAX_SECRET);
    key = new_key(kid, algorithm, wanted->size);
    if (key != NULL)
        key->secret = malloc(len);
    if (key == NULL || key->secret == NULL) {
        jwk_free(&key);
        return error_set(err, ERROR_NOMEM, "out of memory for a key");
    }
    memcpy(key->secret, secret, len);
    key->secret_len = len;
    *out = key;
    return 0;
}

static int check_rsa(const EVP_PKEY *pkey, struct error *err)
{
    BIGNUM *exponent = NULL;
    int bits = EVP_PKEY_get_bits(pkey);
    bool sound;

    if (bits < JWK_MIN_RSA_BITS || bits > JWK_MAX_RSA_BITS)
        return error_set(err, ERROR_INVALID, "saw an RSA key of %d bits, expected %d to %d", bits,
                         JWK_MIN_RSA_BITS, JWK_MAX_RSA_BITS);
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1)
        return jwk_library_error(err, "can't read the RSA exponent");
    /* With e = 1 everybody can sign; above 64 bits OpenSSL refuses to verify for large keys. */
    sound = BN_is_odd(exponent) && !BN_is_one(exponent) && BN_num_bits(exponent) <= 64;
    BN_free(exponent);
    if (!sound)
        return error_set(err, ERROR_INVALID,
                         "saw an RSA exponent that is 1, even or longer than 64 bits");
    return 0;
}

static int check_ec(EVP_PKEY *pkey, const struct jwk_algorithm *wanted, struct error *err)
{
    char group[32] = "";
    EVP_PKEY_CTX *ctx;
    int sound;

    if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
        strcmp(group, wanted->group) != 0) {
        ERR_clear_error();
        return error_set(err, ERROR_INVALID, "saw the curve \"%s\", %s takes %s (%s)", group,
                         wanted->name, wanted->curve, wanted->group);
    }
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx == NULL)
        return jwk_library_error(err, "can't check the key");
    sound = EVP_PKEY_public_check(ctx);
    EVP_PKEY_CTX_free(ctx);
    if (sound != 1) {
        ERR_clear_error();
        return error_set(err, ERROR_INVALID, "the key is not a point of the curve %s",
                         wanted->curve);
    }
    return 0;
}

static int check_fits(EVP_PKEY *pkey, const struct jwk_algorithm *wanted, size_t *signature_len,
                      struct error *err)
{
    const char *type = EVP_PKEY_get0_type_name(pkey);
    const char *expected = NULL;
    int rc = 0;

    switch (wanted->family) {
    case JWK_HMAC:
        return error_set(err, ERROR_INVALID, "saw a public key for %s, which takes a shared secret",
                         wanted->name);
    case JWK_RSA_PKCS1:
    case JWK_RSA_PSS:
        expected = "RSA";
        break;
    case JWK_ECDSA:
        expected = "EC";
        break;
    case JWK_EDDSA:
        expected = "ED25519";
        break;
    }
    if (expected == NULL || type == NULL || strcmp(type, expected) != 0)
        return error_set(err, ERROR_INVALID, "saw a key of type %s, %s takes %s",
                         type != NULL ? type : "unknown", wanted->name, expected);
    if (wanted->family == JWK_ECDSA)
        rc = check_ec(pkey, wanted, err);
    else if (wanted->family != JWK_EDDSA)
        rc = check_rsa(pkey, err);
    if (rc != 0)
        return rc;
    if (wanted->family == JWK_ECDSA)
        *signature_len = 2 * wanted->size;
    else
        *signature_len = (size_t)EVP_PKEY_get_size(pkey);
    return 0;
}

int jwk_from_pkey(const char *kid, enum jws_algorithm algorithm, EVP_PKEY **pkey, struct jwk **out,
                  struct error *err)
{
    size_t signature_len = 0;
    struct jwk *key;
    int rc = check_kid(kid, err);

    if (rc != 0)
        return rc;
    rc = check_fits(*pkey, jwk_algorithm_of(algorithm), &signature_len, err);
    if (rc != 0) {
        error_prefix(err, "key %s", kid);
        return rc;
    }
    key = new_key(kid, algorithm, signature_len);
    if (key == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a key");
    if (jwk_algorithm_of(algorithm)->digest != NULL)
        rc = verifier_create(jwk_algorithm_of(algorithm), *pkey, &key->verifier, err);
    if (rc != 0) {
        jwk_free(&key);
        return rc;
    }
    key->pkey = *pkey;
    *pkey = NULL;
    *out = key;
    return 0;
}

int jwk_no_passphrase(char *buf, int size, int writing, void *context)
{
    (void)writing;
    (void)context;
    if (size > 0)
        buf[0] = '\0';
    return -1;
}

static EVP_PKEY *read_public_pem(const void *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *pkey = NULL;
    X509 *certificate = NULL;

    if (bio == NULL)
        return NULL;
    pkey = PEM_read_bio_PUBKEY(bio, NULL, jwk_no_passphrase, NULL);
    if (pkey == NULL && BIO_reset(bio) >= 0)
        certificate = PEM_read_bio_X509(bio, NULL, jwk_no_passphrase, NULL);
    if (certificate != NULL)
        pkey = X509_get_pubkey(certificate);
    X509_free(certificate);
    BIO_free(bio);
    return pkey;
}

int jwk_from_pem(const char *kid, enum jws_algorithm algorithm, const void *pem, size_t len,
                 struct jwk **out, struct error *err)
{
    EVP_PKEY *pkey;
    int rc;

    if (len == 0 || len > JWK_MAX_PEM)
        return error_set(err, ERROR_INVALID, "key %s: saw a PEM of %zu bytes, expected 1 to %d",
                         kid, len, JWK_MAX_PEM);
    if (memmem(pem, len, "PRIVATE KEY-----", strlen("PRIVATE KEY-----")) != NULL)
        return error_set(err, ERROR_INVALID,
                         "key %s: saw a private key, expected a public one: a verifier must not "
                         "hold it; `openssl pkey -pubout' makes the public one",
                         kid);
    pkey = read_public_pem(pem, len);
    ERR_clear_error();
    if (pkey == NULL)
        return error_set(err, ERROR_INVALID,
                         "key %s: saw neither a PEM public key nor a certificate", kid);
    rc = jwk_from_pkey(kid, algorithm, &pkey, out, err);
    EVP_PKEY_free(pkey);
    return rc;
}

void jwk_free(struct jwk **key)
{
    struct jwk *old = *key;

    if (old == NULL)
        return;
    if (old->secret != NULL)
        crypto_wipe(old->secret, old->secret_len);
    free(old->secret);
    verifier_free(&old->verifier); /* it borrows the key */
    EVP_PKEY_free(old->pkey);
    free(old);
    *key = NULL;
}

const char *jwk_kid(const struct jwk *key)
{
    return key->kid;
}

enum jws_algorithm jwk_algorithm(const struct jwk *key)
{
    return key->algorithm;
}

/* --- verification -------------------------------------------------------------------------- */

static int verify_hmac(const struct jwk *key, const void *data, size_t len,
                       const unsigned char *signature, struct error *err)
{
    const struct jwk_algorithm *wanted = jwk_algorithm_of(key->algorithm);
    unsigned char mac[HASH_MAX_LEN];
    size_t mac_len = 0;
    bool equal;

    if (EVP_Q_mac(NULL, "HMAC", NULL, wanted->digest, NULL, key->secret, key->secret_len, data, len,
                  mac, sizeof(mac), &mac_len) == NULL)
        return jwk_library_error(err, "can't compute an HMAC");
    equal = mac_len == key->signature_len && crypto_equal(mac, signature, mac_len);
    crypto_wipe(mac, sizeof(mac));
    return equal ? 0
                 : error_set(err, ERROR_REFUSED, "the signature is not that of key %s", key->kid);
}

/* r || s of fixed length (RFC 7518 section 3.4) as the DER that OpenSSL verifies. 0 = no memory. */
static size_t der_from_raw(const unsigned char *raw, size_t coordinate_len,
                           unsigned char der[EC_MAX_DER_LEN])
{
    BIGNUM *r = BN_bin2bn(raw, (int)coordinate_len, NULL);
    BIGNUM *s = BN_bin2bn(raw + coordinate_len, (int)coordinate_len, NULL);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    int len = 0;

    if (r != NULL && s != NULL && pair != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = NULL; /* the pair's now */
        s = NULL;
        len = i2d_ECDSA_SIG(pair, NULL);
        assert(len <= EC_MAX_DER_LEN);
        if (len > 0)
            len = i2d_ECDSA_SIG(pair, &der);
    }
    ECDSA_SIG_free(pair);
    BN_free(r);
    BN_free(s);
    return len > 0 ? (size_t)len : 0;
}

static int verify_eddsa(const struct jwk *key, const void *data, size_t len,
                        const unsigned char *signature, size_t signature_len, bool *good,
                        struct error *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx == NULL || EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, key->pkey, NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return jwk_library_error(err, "can't set up a verification");
    }
    *good = EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    if (!*good)
        ERR_clear_error();
    return 0;
}

static int verify_public(const struct jwk *key, const void *data, size_t len,
                         const unsigned char *signature, size_t signature_len, struct error *err)
{
    bool good = false;
    const int rc =
        key->verifier != NULL
            ? verifier_check(key->verifier, data, len, signature, signature_len, &good, err)
            : verify_eddsa(key, data, len, signature, signature_len, &good, err);

    if (rc != 0 || good)
        return rc;
    return error_set(err, ERROR_REFUSED, "the signature is not that of key %s", key->kid);
}

int jwk_verify(const struct jwk *key, const void *data, size_t len, const unsigned char *signature,
               size_t signature_len, struct error *err)
{
    const struct jwk_algorithm *wanted = jwk_algorithm_of(key->algorithm);
    unsigned char der[EC_MAX_DER_LEN];
    size_t der_len;

    if (signature_len != key->signature_len)
        return error_set(err, ERROR_REFUSED, "saw a signature of %zu bytes, key %s makes %zu",
                         signature_len, key->kid, key->signature_len);
    if (wanted->family == JWK_HMAC)
        return verify_hmac(key, data, len, signature, err);
    if (wanted->family != JWK_ECDSA)
        return verify_public(key, data, len, signature, signature_len, err);
    der_len = der_from_raw(signature, wanted->size, der);
    if (der_len == 0)
        return jwk_library_error(err, "can't encode an ECDSA signature");
    return verify_public(key, data, len, der, der_len, err);
}
