/* Stops that the ledger could not take, in memory. */
#include "gateway/control/unrecorded.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct unrecorded {
    struct ledger *ledger;
    atomic_size_t count; /* read without the lock: nearly always there is none */
    atomic_bool lost;    /* by a former process */
    pthread_mutex_t lock;
    bool marked; /* the ledger, as one with a gap; false where nobody knows */
    struct reservation *rows[UNRECORDED_MAX]; /* in no order */
};

int unrecorded_create(struct ledger *ledger, struct unrecorded **out, struct error *err)
{
    struct unrecorded *set = calloc(1, sizeof(*set));
    if (set == NULL || pthread_mutex_init(&set->lock, NULL) != 0) {
        free(set);
        return error_set(err, ERROR_NOMEM, "out of memory for stops that can't be recorded");
    }
    set->ledger = ledger;
    set->marked = ledger_has_gap(ledger);
    set->lost = set->marked;
    *out = set;
    return 0;
}

void unrecorded_free(struct unrecorded **set)
{
    if (*set == NULL)
        return;
    for (size_t i = 0; i < (*set)->count; i++)
        free((*set)->rows[i]);
    (void)pthread_mutex_destroy(&(*set)->lock);
    free(*set);
    *set = NULL;
}

/*
 * With the lock. A stop goes out also where no mark can be written: then only a death of this
 * process before the ledger is well again leaves it without a trace.
 */
static void mark_gap(struct unrecorded *set)
{
    const bool gap = set->count > 0 || set->lost;
    struct error err = {0};
    if (gap == set->marked)
        return;
    const bool written = ledger_mark_gap(set->ledger, gap, &err) == 0;
    set->marked = gap && written;
    if (!written)
        LOG(LOG_ERROR, "stop.gap_not_marked", log_str("message", err.message));
    CRASH_POINT(STOP_GAP_MARKED);
}

/* With the lock. The place of that reservation, or the number of rows. */
static size_t place_of(const struct unrecorded *set, const char *id)
{
    size_t place = 0;
    while (place < set->count && strcmp(set->rows[place]->id, id) != 0)
        place++;
    return place;
}

bool unrecorded_keep(struct unrecorded *set, const struct reservation *row)
{
    bool kept = true;
    pthread_mutex_lock(&set->lock);
    size_t place = place_of(set, row->id);
    if (place == set->count) {
        struct reservation *added = place < UNRECORDED_MAX ? malloc(sizeof(*added)) : NULL;
        kept = added != NULL;
        if (kept) {
            set->rows[place] = added;
            set->count++;
        }
    }
    if (kept) {
        *set->rows[place] = *row;
        mark_gap(set);
    }
    pthread_mutex_unlock(&set->lock);
    CRASH_POINT(STOP_KEPT);
    return kept;
}

bool unrecorded_find(struct unrecorded *set, const char *id, struct reservation *row)
{
    if (set->count == 0)
        return false;
    pthread_mutex_lock(&set->lock);
    size_t place = place_of(set, id);
    bool found = place < set->count;
    if (found)
        *row = *set->rows[place];
    pthread_mutex_unlock(&set->lock);
    return found;
}

bool unrecorded_holds(struct unrecorded *set, const char *project, const char *version)
{
    bool found = false;
    if (set->count == 0)
        return false;
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < set->count && !found; i++)
        found = strcmp(set->rows[i]->project, project) == 0 &&
                strcmp(set->rows[i]->version, version) == 0;
    pthread_mutex_unlock(&set->lock);
    return found;
}

void unrecorded_drop(struct unrecorded *set, const char *id)
{
    if (set->count == 0)
        return;
    pthread_mutex_lock(&set->lock);
    size_t place = place_of(set, id);
    if (place < set->count) {
        free(set->rows[place]);
        set->rows[place] = set->rows[set->count - 1];
        set->count--;
        mark_gap(set);
    }
    pthread_mutex_unlock(&set->lock);
}

bool unrecorded_next(struct unrecorded *set, const char *after_id, struct reservation *row)
{
    const struct reservation *next = NULL;
    if (set->count == 0)
        return false;
    pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->rows[i]->id, after_id) > 0 &&
            (next == NULL || strcmp(set->rows[i]->id, next->id) < 0))
            next = set->rows[i];
    if (next != NULL)
        *row = *next;
    pthread_mutex_unlock(&set->lock);
    return next != NULL;
}

size_t unrecorded_count(struct unrecorded *set)
{
    return set->count;
}

bool unrecorded_are_lost(struct unrecorded *set)
{
    return set->lost;
}

void unrecorded_forget_lost(struct unrecorded *set)
{
    pthread_mutex_lock(&set->lock);
    set->lost = false;
    mark_gap(set);
    pthread_mutex_unlock(&set->lock);
}
