/*
 * What the tests of auth/ share: keys made at run time, a signer of our own on OpenSSL that signs
 * whatever text it is given, and a clock that is set by hand.
 */
#ifndef LOOKOUT_TESTS_JWT_FIXTURE_H
#define LOOKOUT_TESTS_JWT_FIXTURE_H

#include "gateway/auth/jwk.h"
#include "gateway/base/clock.h"

#include <openssl/bio.h>
#include <openssl/evp.h>

/* The clock of these programs: they link neither of the two libraries. */
struct clock {
    int64_t wall_ms, monotonic_ms;
};
#define FIXTURE_NOW_SECONDS INT64_C(1800000000)
#define FIXTURE_CLOCK                                                                              \
    {                                                                                              \
        .wall_ms = FIXTURE_NOW_SECONDS * 1000, .monotonic_ms = 1000                                \
    }

#define FIXTURE_SECRET_LEN      64
#define FIXTURE_ALGORITHM_COUNT (JWS_EDDSA + 1)

struct jwt_keys {
    EVP_PKEY *rsa, *p256, *p384, *p521, *ed25519;
    unsigned char secret[FIXTURE_SECRET_LEN];
};

/* Group setup and teardown of cmocka: `*state` is a struct jwt_keys. */
int jwt_keys_setup(void **state);
int jwt_keys_teardown(void **state);

/* The key pair for an algorithm; NULL for HS*, which use `secret`. Borrowed. */
EVP_PKEY *jwt_pkey(const struct jwt_keys *keys, enum jws_algorithm algorithm);

/* All texts below are the caller's to free. */
/* What was written into a memory BIO, as a C string (free it); the BIO is gone afterwards. */
char *jwt_take_text(BIO *bio);
char *jwt_public_pem(EVP_PKEY *pkey);
char *jwt_private_pem(EVP_PKEY *pkey);
/* A JWK of the public half, or of the secret; `alg` may be NULL: left out. */
char *jwt_jwk_text(const struct jwt_keys *keys, enum jws_algorithm algorithm, const char *kid,
                   const char *alg);
/* Parsed from jwt_jwk_text. */
struct jwk *jwt_verifier(const struct jwt_keys *keys, enum jws_algorithm algorithm,
                         const char *kid);

#define FIXTURE_MAX_SIGNATURE 1024
/* The raw signature of RFC 7518 over any bytes; returns its length. */
size_t jwt_sign_bytes(const struct jwt_keys *keys, enum jws_algorithm algorithm, const void *data,
                      size_t len, unsigned char signature[FIXTURE_MAX_SIGNATURE]);
/* base64url of each, with dots between. */
char *jwt_join(const char *header, const char *payload, size_t payload_len,
               const unsigned char *signature, size_t signature_len);
/* A token over any header and payload text, well-formed or not. */
char *jwt_sign(const struct jwt_keys *keys, enum jws_algorithm algorithm, const char *header,
               const char *payload);
/* {"alg":…,"typ":"JWT","kid":…} for the algorithm. */
char *jwt_sign_claims(const struct jwt_keys *keys, enum jws_algorithm algorithm, const char *kid,
                      const char *claims);

/* Runs `body(argument)` on a thread whose stack is as small as a web server's: 128 KiB. */
void run_on_small_stack(void *(*body)(void *), void *argument);

#endif
