/* The issuers and keys in force: an immutable authority, swapped whole by a reload. */
#ifndef LOOKOUT_HTTP_AUTHORITY_STORE_H
#define LOOKOUT_HTTP_AUTHORITY_STORE_H

#include "gateway/auth/principal.h"
#include "policy/error.h"

struct authority_store;

int authority_store_create(struct authority_store **out, struct error *err)
    __attribute__((warn_unused_result));
void authority_store_free(struct authority_store **store);

/* Puts `authority` in force and takes over the caller's reference. Requests under way keep theirs.
 */
void authority_store_set(struct authority_store *store, struct authority *authority);

/* A reference for one request (authority_unref it), or NULL before the first set. */
struct authority *authority_store_acquire(struct authority_store *store);

#endif
