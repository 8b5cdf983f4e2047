/* A direct-mapped cache; a place's lock is held for one copy. */
#include "gateway/ledger/live_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place {
    pthread_mutex_t lock;
    uint64_t changes; /* of all models that share the place: the ticket */
    bool known;
    bool found;
    char project[RESERVATION_PROJECT_MAX + 1];
    char version[RESERVATION_VERSION_MAX + 1];
    struct reservation row; /* valid where `found` */
};

struct live_cache {
    struct place places[LIVE_CACHE_PLACES];
};

int live_cache_create(struct live_cache **out, struct error *err)
{
    struct live_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the cache of live rows");
    for (size_t i = 0; i < LIVE_CACHE_PLACES; i++)
        pthread_mutex_init(&cache->places[i].lock, NULL);
    *out = cache;
    return 0;
}

void live_cache_free(struct live_cache **cache)
{
    if (*cache == NULL)
        return;
    for (size_t i = 0; i < LIVE_CACHE_PLACES; i++)
        pthread_mutex_destroy(&(*cache)->places[i].lock);
    free(*cache);
    *cache = NULL;
}

static struct place *find(struct live_cache *cache, const char *project, const char *version)
{
    return &cache->places[reservation_hash_model(project, version) % LIVE_CACHE_PLACES];
}

bool live_cache_get(struct live_cache *cache, const char *project, const char *version,
                    struct reservation *row, bool *found, uint64_t *ticket)
{
    struct place *place = find(cache, project, version);

    pthread_mutex_lock(&place->lock);
    const bool known = place->known && strcmp(place->version, version) == 0 &&
                       strcmp(place->project, project) == 0;
    *ticket = place->changes;
    if (known) {
        *found = place->found;
        if (place->found)
            *row = place->row;
    }
    pthread_mutex_unlock(&place->lock);
    return known;
}

void live_cache_put(struct live_cache *cache, const char *project, const char *version,
                    uint64_t ticket, const struct reservation *row)
{
    struct place *place = find(cache, project, version);

    pthread_mutex_lock(&place->lock);
    if (place->changes == ticket) {
        place->known = true;
        place->found = row != NULL;
        snprintf(place->project, sizeof(place->project), "%s", project);
        snprintf(place->version, sizeof(place->version), "%s", version);
        if (row != NULL)
            place->row = *row;
    }
    pthread_mutex_unlock(&place->lock);
}

void live_cache_forget(struct live_cache *cache, const char *project, const char *version)
{
    struct place *place = find(cache, project, version);

    pthread_mutex_lock(&place->lock);
    place->changes++;
    place->known = false;
    pthread_mutex_unlock(&place->lock);
}
