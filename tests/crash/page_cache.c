/* A list of caches, each a list of sectors: a test's file has few of them between two syncs. */
#include "tests/crash/page_cache.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

static struct page_cache *first;

struct page_cache *page_cache_first(void)
{
    return first;
}

struct page_cache *page_cache_of(const char *path, bool make)
{
    struct page_cache *cache = first;

    while (cache != NULL && strcmp(cache->path, path) != 0)
        cache = cache->next;
    if (cache != NULL || !make)
        return cache;
    cache = calloc(1, sizeof(*cache));
    if (cache == NULL || (cache->path = strdup(path)) == NULL) {
        free(cache);
        return NULL;
    }
    cache->next = first;
    first = cache;
    return cache;
}

struct page_cache_sector *page_cache_find(struct page_cache *cache, int64_t index)
{
    for (int64_t i = cache->count - 1; i >= 0; i--) {
        if (cache->held[i].index == index)
            return &cache->held[i];
    }
    return NULL;
}

struct page_cache_sector *page_cache_add(struct page_cache *cache, int64_t index)
{
    if (cache->count == cache->capacity) {
        const int64_t capacity = cache->capacity > 0 ? 2 * cache->capacity : FIRST_CAPACITY;
        struct page_cache_sector *grown =
            realloc(cache->held, (size_t)capacity * sizeof(*cache->held));

        if (grown == NULL)
            return NULL;
        cache->held = grown;
        cache->capacity = capacity;
    }
    memset(&cache->held[cache->count], 0, sizeof(*cache->held));
    cache->held[cache->count].index = index;
    return &cache->held[cache->count++];
}

void page_cache_drop(struct page_cache *cache, struct page_cache_sector *sector)
{
    *sector = cache->held[--cache->count];
}

void page_cache_truncate(struct page_cache *cache, int64_t size)
{
    for (int64_t i = cache->count - 1; i >= 0; i--) {
        struct page_cache_sector *sector = &cache->held[i];
        const int64_t left = size - sector->index * PAGE_CACHE_SECTOR;

        if (left <= 0)
            page_cache_drop(cache, sector);
        else if (left < PAGE_CACHE_SECTOR)
            memset(sector->bytes + left, 0, (size_t)(PAGE_CACHE_SECTOR - left));
    }
    cache->size = size;
}

int page_cache_sector_len(const struct page_cache *cache, int64_t index)
{
    const int64_t left = cache->size - index * PAGE_CACHE_SECTOR;

    return left < PAGE_CACHE_SECTOR ? (int)left : PAGE_CACHE_SECTOR;
}
