/* How keys are made of what the readers of the key formats found; for the files of this folder. */
#ifndef LOOKOUT_AUTH_JWK_PRIVATE_H
#define LOOKOUT_AUTH_JWK_PRIVATE_H

#include "gateway/auth/jwk.h"

#include <openssl/evp.h>

enum jwk_family { JWK_HMAC, JWK_RSA_PKCS1, JWK_RSA_PSS, JWK_ECDSA, JWK_EDDSA };

/* What an algorithm asks of its key (RFC 7518 section 3.1, RFC 8037 section 3.1). */
struct jwk_algorithm {
    const char *name;
    enum jwk_family family;
    const char *digest; /* OpenSSL's name; NULL where the scheme has its own */
    size_t size;        /* bytes of the hash for HMAC, of one coordinate for ECDSA; else 0 */
    const char *curve;  /* `crv` of a JWK */
    const char *group;  /* OpenSSL's name of that curve */
};
const struct jwk_algorithm *jwk_algorithm_of(enum jws_algorithm algorithm);

/*
 * A key from a parsed public key. Checks that its type, curve and size fit the algorithm. Takes
 * ownership of `*pkey`, and sets it NULL, where it succeeds.
 */
int jwk_from_pkey(const char *kid, enum jws_algorithm algorithm, EVP_PKEY **pkey, struct jwk **out,
                  struct error *err) __attribute__((warn_unused_result));

/* The callback for every PEM: without one OpenSSL asks at the terminal for a passphrase. */
int jwk_no_passphrase(char *buf, int size, int writing, void *context);

/* ERROR_IO with OpenSSL's last word on it, whose queue is emptied. */
int jwk_library_error(struct error *err, const char *what);

#endif
