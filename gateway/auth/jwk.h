/*
 * One verification key: a key id, ONE algorithm that it is good for, and the key itself, parsed
 * once. The algorithm of a token never chooses how a key is used; the key does (RFC 8725
 * section 3.1).
 */
#ifndef LOOKOUT_AUTH_JWK_H
#define LOOKOUT_AUTH_JWK_H

#include "policy/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* RFC 7518 section 3.1, RFC 8037. There is no "none". */
enum jws_algorithm {
    JWS_HS256,
    JWS_HS384,
    JWS_HS512,
    JWS_RS256,
    JWS_RS384,
    JWS_RS512,
    JWS_PS256,
    JWS_PS384,
    JWS_PS512,
    JWS_ES256,
    JWS_ES384,
    JWS_ES512,
    JWS_EDDSA /* Ed25519 only */
};

/* False for every other name; case matters. */
bool jws_algorithm_parse(const char *name, enum jws_algorithm *out);
const char *jws_algorithm_name(enum jws_algorithm algorithm);

#define JWK_MAX_KID      256
#define JWK_MAX_SECRET   1024 /* bytes of an HMAC secret */
#define JWK_MIN_RSA_BITS 2048
#define JWK_MAX_RSA_BITS 8192
#define JWK_MAX_PEM      (64 * 1024)
/* The longest signature that any key makes: RSA of JWK_MAX_RSA_BITS. */
#define JWK_MAX_SIGNATURE (JWK_MAX_RSA_BITS / 8)

struct jwk; /* immutable */

/*
 * From one member of a JWKS (RFC 7517): kty RSA, EC, OKP or oct with a `kid`. `alg` pins the
 * algorithm; where it is absent EC and OKP keys imply theirs and `default_algorithm` (or NULL)
 * speaks for the rest. HMAC secrets are at least as long as the hash. Private members are refused:
 * a verifier must not hold them.
 * ERROR_REFUSED for a sound key that is not for us: a `kty`, `crv` or `alg` that we don't know, a
 * `use` other than "sig", `key_ops` without "verify". ERROR_INVALID for a malformed one.
 */
int jwk_from_json(const json_t *json, const enum jws_algorithm *default_algorithm, struct jwk **out,
                  struct error *err) __attribute__((warn_unused_result));
/* From a PEM public key or certificate; the key's type and curve must fit the algorithm. */
int jwk_from_pem(const char *kid, enum jws_algorithm algorithm, const void *pem, size_t len,
                 struct jwk **out, struct error *err) __attribute__((warn_unused_result));
/* From a shared secret, for HS256, HS384, HS512. The bytes are copied, and wiped when freed. */
int jwk_from_secret(const char *kid, enum jws_algorithm algorithm, const void *secret, size_t len,
                    struct jwk **out, struct error *err) __attribute__((warn_unused_result));
void jwk_free(struct jwk **key);

const char *jwk_kid(const struct jwk *key);
enum jws_algorithm jwk_algorithm(const struct jwk *key);

/*
 * 0 when `signature`, in the form of RFC 7518 section 3, is the key's over `data`; ERROR_REFUSED
 * when it is not. Any thread.
 */
int jwk_verify(const struct jwk *key, const void *data, size_t len, const unsigned char *signature,
               size_t signature_len, struct error *err) __attribute__((warn_unused_result));

#endif
