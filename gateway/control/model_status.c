/* The coalescing cache of DescribeModel answers. */
#include "gateway/control/model_status.h"

#include "gateway/control/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 256

struct entry {
    struct entry *next;
    char project[RESERVATION_PROJECT_MAX + 1];
    char version[RESERVATION_VERSION_MAX + 1];
    unsigned users; /* flights and waiters: not to be evicted */
    bool fetching;
    uint64_t flights;              /* begun; the last one is under way while `fetching` */
    uint64_t dropped_at;           /* flights begun when it was last dropped: these are not kept */
    int64_t fresh_until_ms;        /* monotonic; 0 = nothing kept */
    struct model_status_view view; /* of the last flight that ended */
};

struct model_status_cache {
    struct control *control;
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct entry *buckets[BUCKETS];
    size_t count;
};

int model_status_cache_create(struct control *control, struct model_status_cache **out,
                              struct error *err)
{
    struct model_status_cache *cache = calloc(1, sizeof(*cache));
    if (cache == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the cache of statuses");
    cache->control = control;
    if (pthread_mutex_init(&cache->lock, NULL) != 0 || clock_cond_init(&cache->landed) != 0) {
        free(cache);
        return error_set(err, ERROR_IO, "can't make the locks of the cache of statuses");
    }
    *out = cache;
    return 0;
}

void model_status_cache_free(struct model_status_cache **cache)
{
    if (*cache == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while ((*cache)->buckets[i] != NULL) {
            struct entry *entry = (*cache)->buckets[i];
            (*cache)->buckets[i] = entry->next;
            free(entry);
        }
    }
    (void)pthread_cond_destroy(&(*cache)->landed);
    (void)pthread_mutex_destroy(&(*cache)->lock);
    free(*cache);
    *cache = NULL;
}

static struct entry **find(struct model_status_cache *cache, const char *project,
                           const char *version)
{
    struct entry **link = &cache->buckets[reservation_hash_model(project, version) % BUCKETS];
    while (*link != NULL &&
           (strcmp((*link)->version, version) != 0 || strcmp((*link)->project, project) != 0))
        link = &(*link)->next;
    return link;
}

/* Makes room by the entry that is stale for longest; entries in use stay. */
static void evict(struct model_status_cache *cache)
{
    struct entry **oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry **link = &cache->buckets[i]; *link != NULL; link = &(*link)->next)
            if ((*link)->users == 0 &&
                (oldest == NULL || (*link)->fresh_until_ms < (*oldest)->fresh_until_ms))
                oldest = link;
    if (oldest == NULL)
        return;
    struct entry *entry = *oldest;
    *oldest = entry->next;
    free(entry);
    cache->count--;
}

/* The entry of a model, made where there is none; NULL when memory is out. */
static struct entry *get_entry(struct model_status_cache *cache, const char *project,
                               const char *version)
{
    struct entry **link = find(cache, project, version);
    if (*link != NULL)
        return *link;
    if (cache->count >= MODEL_STATUS_MAX_ENTRIES) {
        evict(cache);
        link = find(cache, project, version);
    }
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    (void)snprintf(entry->project, sizeof(entry->project), "%s", project);
    (void)snprintf(entry->version, sizeof(entry->version), "%s", version);
    *link = entry;
    cache->count++;
    return entry;
}

static void set_unavailable(struct model_status_view *out, const char *message)
{
    memset(out, 0, sizeof(*out));
    out->answer.fate = UPSTREAM_NOT_SENT;
    (void)snprintf(out->answer.message, sizeof(out->answer.message), "%s", message);
}

/* How long an answer is kept: known and unknown models have times of their own, failures none. */
static int64_t keep_ms(const struct control_settings *settings,
                       const struct upstream_answer *answer)
{
    if (answer->fate == UPSTREAM_ACCEPTED)
        return settings->status_cache_ms;
    if (answer->fate == UPSTREAM_REFUSED && answer->http_status == 404)
        return settings->unknown_cache_ms;
    return 0;
}

/* Called with the lock held, which is let go for the flight. */
static void fly(struct model_status_cache *cache, struct entry *entry, int64_t deadline_ms,
                struct model_status_view *out)
{
    struct control *control = cache->control;
    struct control_settings settings;
    uint64_t flight = ++entry->flights;
    entry->fetching = true;
    pthread_mutex_unlock(&cache->lock);

    out->observed_ms = control_now_ms(control);
    control_describe(control, entry->project, entry->version, PACING_CALLER, deadline_ms,
                     &out->answer, &out->description);
    control_get_settings(control, &settings);
    int64_t kept_ms = keep_ms(&settings, &out->answer);

    pthread_mutex_lock(&cache->lock);
    entry->fetching = false;
    entry->view = *out;
    entry->fresh_until_ms = 0;
    if (kept_ms > 0 && entry->dropped_at < flight)
        entry->fresh_until_ms = clock_monotonic_ms(control->clock) + kept_ms;
    pthread_cond_broadcast(&cache->landed);
}

/* Waits for the flight under way; true when `out` has its answer, false when the deadline passed.
 */
static bool join_flight(struct model_status_cache *cache, struct entry *entry, int64_t deadline_ms,
                        struct model_status_view *out)
{
    uint64_t flight = entry->flights;
    while (entry->fetching && entry->flights == flight) {
        if (clock_monotonic_ms(cache->control->clock) >= deadline_ms)
            return false;
        (void)clock_wait_until(cache->control->clock, &cache->landed, &cache->lock, deadline_ms);
    }
    *out = entry->view;
    return true;
}

void model_status_get(struct model_status_cache *cache, const char *project, const char *version,
                      int64_t deadline_ms, struct model_status_view *out)
{
    struct control *control = cache->control;
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = get_entry(cache, project, version);
    if (entry == NULL) {
        pthread_mutex_unlock(&cache->lock);
        set_unavailable(out, "out of memory");
        return;
    }
    if (clock_monotonic_ms(control->clock) < entry->fresh_until_ms) {
        *out = entry->view;
        pthread_mutex_unlock(&cache->lock);
        metric_add(control->metrics.status_cache_hits, 1);
        return;
    }

    entry->users++;
    /* A flight that began before the last drop tells old news: wait it out, then take off anew. */
    bool in_time = true;
    while (in_time && entry->fetching && entry->dropped_at >= entry->flights)
        in_time = join_flight(cache, entry, deadline_ms, out);
    if (in_time && entry->fetching) {
        in_time = join_flight(cache, entry, deadline_ms, out);
        metric_add(control->metrics.status_cache_hits, 1);
    } else if (in_time) {
        fly(cache, entry, deadline_ms, out);
        metric_add(control->metrics.status_cache_misses, 1);
    }
    entry->users--;
    pthread_mutex_unlock(&cache->lock);
    if (!in_time)
        set_unavailable(out, "the model's status did not come in time");
}

static void drop_one(struct model_status_cache *cache, const char *project, const char *version)
{
    struct entry *entry = *find(cache, project, version);
    if (entry == NULL)
        return;
    entry->fresh_until_ms = 0;
    entry->dropped_at = entry->flights;
}

void model_status_drop(struct model_status_cache *cache, const char *project, const char *version)
{
    pthread_mutex_lock(&cache->lock);
    drop_one(cache, project, version);
    drop_one(cache, project, "latest");
    pthread_mutex_unlock(&cache->lock);
}
