/*
 * The bounded cache of verified tokens, keyed by SHA-256 of the token. An entry lives until the
 * token's exp or 60 s, whichever is sooner; where it is full the oldest goes. Failures are not
 * cached. All memory is taken at the start. Any thread.
 */
#ifndef LOOKOUT_AUTH_TOKEN_CACHE_H
#define LOOKOUT_AUTH_TOKEN_CACHE_H

#include "gateway/auth/principal.h"
#include "gateway/base/crypto.h"

#define TOKEN_CACHE_TTL_MS      (60 * 1000)
#define TOKEN_CACHE_MAX_ENTRIES 65536

struct token_cache;
/* 1 to TOKEN_CACHE_MAX_ENTRIES entries of about 1.7 KB. `clock` outlives the cache. */
int token_cache_create(size_t max_entries, const struct clock *clock, struct token_cache **out,
                       struct error *err) __attribute__((warn_unused_result));
void token_cache_free(struct token_cache **cache);

/* What the cache knows a token by: its digest, and the authority (by its number) that verified it.
 */
struct token_cache_key {
    unsigned char digest[CRYPTO_SHA256_LEN];
    uint64_t authority;
};

/* Fills `*key` in any case, and `*out` where the token is known. */
bool token_cache_find(struct token_cache *cache, uint64_t authority, const char *token, size_t len,
                      struct token_cache_key *key, struct principal *out);
/* Remembers a verified token under the key that token_cache_find made. */
void token_cache_put(struct token_cache *cache, const struct token_cache_key *key,
                     const struct principal *principal);

#endif
