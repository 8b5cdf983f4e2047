/* Verified tokens: a ring of slots in the order of their arrival, and a hash table of chains on it.
 */
/* SHA256_Init and its kin: what replaced them in OpenSSL 3 allocates memory for every digest. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "gateway/auth/token_cache.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NO_SLOT UINT32_MAX

struct slot {
    struct token_cache_key key;
    int64_t dies_monotonic_ms; /* the 60 s, which a step of the wall clock can't stretch */
    uint32_t next;             /* in its chain */
    bool used;
    struct principal principal;
};

struct token_cache {
    const struct clock *clock;
    pthread_mutex_t mutex;
    struct slot *slots;
    uint32_t slot_count;
    uint32_t oldest;   /* the slot that the next entry takes */
    uint32_t *buckets; /* first slot of each chain */
    uint32_t bucket_mask;
};

int token_cache_create(size_t max_entries, const struct clock *clock, struct token_cache **out,
                       struct error *err)
{
    struct token_cache *cache;
    uint32_t bucket_count = 1;

    if (max_entries == 0 || max_entries > TOKEN_CACHE_MAX_ENTRIES)
        return error_set(err, ERROR_INVALID, "saw a cache of %zu tokens, expected 1 to %d",
                         max_entries, TOKEN_CACHE_MAX_ENTRIES);
    cache = calloc(1, sizeof(*cache));
    if (cache == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the token cache");
    while (bucket_count < max_entries)
        bucket_count *= 2;
    cache->clock = clock;
    cache->bucket_mask = bucket_count - 1;
    cache->slot_count = (uint32_t)max_entries;
    cache->slots = calloc(max_entries, sizeof(*cache->slots));
    cache->buckets = malloc(bucket_count * sizeof(*cache->buckets));
    pthread_mutex_init(&cache->mutex, NULL);
    if (cache->slots == NULL || cache->buckets == NULL) {
        token_cache_free(&cache);
        return error_set(err, ERROR_NOMEM, "out of memory for a cache of %zu tokens", max_entries);
    }
    memset(cache->buckets, 0xFF, bucket_count * sizeof(*cache->buckets)); /* NO_SLOT */
    *out = cache;
    return 0;
}

void token_cache_free(struct token_cache **cache)
{
    struct token_cache *old = *cache;

    if (old == NULL)
        return;
    pthread_mutex_destroy(&old->mutex);
    free(old->buckets);
    free(old->slots);
    free(old);
    *cache = NULL;
}

static uint32_t *chain_of(struct token_cache *cache, const struct token_cache_key *key)
{
    uint32_t hash;

    memcpy(&hash, key->digest, sizeof(hash));
    return &cache->buckets[hash & cache->bucket_mask];
}

static bool same_key(const struct token_cache_key *a, const struct token_cache_key *b)
{
    return a->authority == b->authority && memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

static struct slot *find_slot(struct token_cache *cache, const struct token_cache_key *key)
{
    for (uint32_t i = *chain_of(cache, key); i != NO_SLOT; i = cache->slots[i].next) {
        if (same_key(&cache->slots[i].key, key))
            return &cache->slots[i];
    }
    return NULL;
}

static void hash_token(const char *token, size_t len, unsigned char digest[CRYPTO_SHA256_LEN])
{
    SHA256_CTX hash;

    SHA256_Init(&hash);
    SHA256_Update(&hash, token, len);
    SHA256_Final(digest, &hash);
}

bool token_cache_find(struct token_cache *cache, uint64_t authority, const char *token, size_t len,
                      struct token_cache_key *key, struct principal *out)
{
    const int64_t wall_ms = clock_wall_ms(cache->clock);
    const int64_t monotonic_ms = clock_monotonic_ms(cache->clock);
    const struct slot *slot;
    bool found;

    key->authority = authority;
    hash_token(token, len, key->digest);
    pthread_mutex_lock(&cache->mutex);
    slot = find_slot(cache, key);
    found = slot != NULL && monotonic_ms < slot->dies_monotonic_ms &&
            wall_ms < slot->principal.expires_wall_ms;
    if (found)
        *out = slot->principal;
    pthread_mutex_unlock(&cache->mutex);
    return found;
}

static void unchain(struct token_cache *cache, const struct slot *slot)
{
    const uint32_t index = (uint32_t)(slot - cache->slots);
    uint32_t *link = chain_of(cache, &slot->key);

    while (*link != index)
        link = &cache->slots[*link].next;
    *link = slot->next;
}

/* The oldest slot, free to be filled; the ring moves on. */
static struct slot *take_oldest(struct token_cache *cache, const struct token_cache_key *key)
{
    struct slot *slot = &cache->slots[cache->oldest];
    uint32_t *chain;

    if (slot->used)
        unchain(cache, slot);
    chain = chain_of(cache, key);
    slot->used = true;
    slot->key = *key;
    slot->next = *chain;
    *chain = cache->oldest;
    cache->oldest = (cache->oldest + 1) % cache->slot_count;
    return slot;
}

void token_cache_put(struct token_cache *cache, const struct token_cache_key *key,
                     const struct principal *principal)
{
    const int64_t dies_ms = clock_monotonic_ms(cache->clock) + TOKEN_CACHE_TTL_MS;
    struct slot *slot;

    pthread_mutex_lock(&cache->mutex);
    slot = find_slot(cache, key); /* there already: expired, or another thread was as quick */
    if (slot == NULL)
        slot = take_oldest(cache, key);
    slot->principal = *principal;
    slot->dies_monotonic_ms = dies_ms;
    pthread_mutex_unlock(&cache->mutex);
}
