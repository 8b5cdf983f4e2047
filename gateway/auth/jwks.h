/* A set of keys of one issuer, looked up by `kid`. Immutable: a reload makes a new one. */
#ifndef LOOKOUT_AUTH_JWKS_H
#define LOOKOUT_AUTH_JWKS_H

#include "gateway/auth/jwk.h"

#define JWKS_MAX_KEYS  64
#define JWKS_MAX_BYTES (256 * 1024)

struct jwks;
int jwks_create(struct jwks **out, struct error *err) __attribute__((warn_unused_result));
void jwks_free(struct jwks **set);

/* Takes ownership of `key` where it succeeds. ERROR_INVALID for a `kid` that is there already. */
int jwks_add(struct jwks *set, struct jwk *key, struct error *err)
    __attribute__((warn_unused_result));
/*
 * Adds all keys of a JWKS document. A key of a type, curve or use that we don't know is left out,
 * as RFC 7517 section 5 asks; one that we know and that is malformed is an error. No key at all is
 * an error too.
 */
int jwks_add_document(struct jwks *set, const char *text, size_t len,
                      const enum jws_algorithm *default_algorithm, struct error *err)
    __attribute__((warn_unused_result));

size_t jwks_count(const struct jwks *set);
/* By `kid`; with NULL the only key of a set of one. NULL when there is none. Borrowed. */
const struct jwk *jwks_find(const struct jwks *set, const char *kid);

#endif
