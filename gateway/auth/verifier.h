/*
 * Verification with one public key, its set-up kept: OpenSSL 3 takes about ten microseconds, and
 * locks of the whole process, to prepare what verifying with a key needs.
 */
#ifndef LOOKOUT_AUTH_VERIFIER_H
#define LOOKOUT_AUTH_VERIFIER_H

#include "gateway/auth/jwk_private.h"

#include <stdbool.h>

/* Set-ups kept of one key: as many as may be in use at a time on the processors of one machine. */
#define VERIFIER_KEPT 16

struct verifier; /* any thread */

/* For RSA and ECDSA. Borrows `pkey`, which outlives it. */
int verifier_create(const struct jwk_algorithm *algorithm, EVP_PKEY *pkey, struct verifier **out,
                    struct error *err) __attribute__((warn_unused_result));
void verifier_free(struct verifier **verifier);

/*
 * 0 with the answer in `*good`; `signature` as OpenSSL takes it (DER for ECDSA). ERROR_IO when
 * OpenSSL could not be asked.
 */
int verifier_check(struct verifier *verifier, const void *data, size_t len,
                   const unsigned char *signature, size_t signature_len, bool *good,
                   struct error *err) __attribute__((warn_unused_result));

#endif
