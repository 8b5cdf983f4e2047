/*
 * The sectors of one file that were written and may not have reached the disk yet: what a kernel's
 * page cache is to a file. Shared by all connections of the process; the caller holds the lock.
 */
#ifndef LOOKOUT_CRASH_PAGE_CACHE_H
#define LOOKOUT_CRASH_PAGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_CACHE_SECTOR 512

struct page_cache_sector {
    int64_t index; /* offset / PAGE_CACHE_SECTOR */
    bool dropped;  /* a sync of it failed: the kernel takes it for clean, and never writes it */
    unsigned char bytes[PAGE_CACHE_SECTOR];
};

struct page_cache {
    char *path;
    int64_t size; /* of the file as the process sees it */
    struct page_cache_sector *held;
    int64_t count, capacity;
    struct page_cache *next;
};

/* The process's cache of a file, made at the first call; never freed. NULL: out of memory. */
struct page_cache *page_cache_of(const char *path, bool make);
/* The first of all, linked by `next`. */
struct page_cache *page_cache_first(void);

/* NULL where the sector is not held. */
struct page_cache_sector *page_cache_find(struct page_cache *cache, int64_t index);
/* A sector to fill; NULL: out of memory. It must not be held already. */
struct page_cache_sector *page_cache_add(struct page_cache *cache, int64_t index);
/* Forgets one that is held. */
void page_cache_drop(struct page_cache *cache, struct page_cache_sector *sector);
/* Forgets all from `size` on, and the bytes behind it in the last one. */
void page_cache_truncate(struct page_cache *cache, int64_t size);
/* How many bytes of the sector lie before the file's end. */
int page_cache_sector_len(const struct page_cache *cache, int64_t index);

#endif
