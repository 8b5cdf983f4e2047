/* The ends of all live rows, as of the last look at them. */
#include "gateway/ledger/ledger_releases.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MANY       2048 /* live rows: reading them takes a good part of a millisecond */
#define MANY_NS    INT64_C(1000000000)
#define FIRST_ROOM 256

struct end {
    int64_t at_ms, units;
    char team[RESERVATION_TEAM_MAX + 1];
};

struct ledger_releases {
    pthread_mutex_t lock; /* held while they are read: the others wait for that */
    struct end *ends;     /* the first in order, as many as are told */
    size_t count;
    size_t live; /* rows that were read for them */
    bool known;
    int64_t changes, read_ns;
};

int ledger_releases_create(struct ledger_releases **out, struct error *err)
{
    struct ledger_releases *releases = calloc(1, sizeof(*releases));

    if (releases == NULL || pthread_mutex_init(&releases->lock, NULL) != 0) {
        free(releases);
        return error_set(err, ERROR_NOMEM, "out of memory for the ends of reservations");
    }
    *out = releases;
    return 0;
}

void ledger_releases_free(struct ledger_releases **releases)
{
    if (*releases == NULL)
        return;
    pthread_mutex_destroy(&(*releases)->lock);
    free((*releases)->ends);
    free(*releases);
    *releases = NULL;
}

/* The host's, also in tests: it measures work, not leases. */
static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct reading {
    struct end *ends;
    size_t count, room, live;
};

static int add(void *context, const char *team, const struct ledger_live_time *row,
               struct error *err)
{
    struct reading *reading = context;
    struct end *end;

    reading->live++;
    if (strcmp(team, RESERVATION_TEAM_UNASSIGNED) == 0)
        return 0;
    if (reading->count == reading->room) {
        const size_t room = reading->room > 0 ? 2 * reading->room : FIRST_ROOM;
        struct end *grown = realloc(reading->ends, room * sizeof(*grown));

        if (grown == NULL)
            return error_set(err, ERROR_NOMEM, "out of memory for the ends of reservations");
        reading->ends = grown;
        reading->room = room;
    }
    end = &reading->ends[reading->count++];
    end->at_ms = row->worst_end_ms;
    end->units = row->units;
    memcpy(end->team, team, strnlen(team, RESERVATION_TEAM_MAX) + 1);
    end->team[RESERVATION_TEAM_MAX] = '\0';
    return 0;
}

static int compare_ends(const void *a, const void *b)
{
    const struct end *left = a, *right = b;

    return (left->at_ms > right->at_ms) - (left->at_ms < right->at_ms);
}

static bool is_fresh(const struct ledger_releases *releases, int64_t changes)
{
    return releases->known && (releases->changes == changes ||
                               (releases->live > MANY && now_ns() - releases->read_ns < MANY_NS));
}

static int read_ends(struct ledger_releases *releases, const struct ledger_backend *backend,
                     struct ledger_session *session, struct error *err)
{
    struct reading reading = {.ends = NULL};
    const int code = backend->each_live_time(session, NULL, add, &reading, err);
    struct end *kept;

    if (code != 0) {
        free(reading.ends);
        return code;
    }
    if (reading.count > 0)
        qsort(reading.ends, reading.count, sizeof(*reading.ends), compare_ends);
    if (reading.count > LEDGER_RELEASES_MAX) {
        reading.count = LEDGER_RELEASES_MAX;
        kept = realloc(reading.ends, reading.count * sizeof(*kept));
        if (kept != NULL)
            reading.ends = kept;
    }
    free(releases->ends);
    releases->ends = reading.ends;
    releases->count = reading.count;
    releases->live = reading.live;
    return 0;
}

int ledger_releases_list(struct ledger_releases *releases, const struct ledger_backend *backend,
                         struct ledger_session *session, int64_t changes, const char *team,
                         struct quota_release *out, size_t capacity, size_t *count,
                         struct error *err)
{
    int code = 0;

    *count = 0;
    pthread_mutex_lock(&releases->lock);
    if (!is_fresh(releases, changes)) {
        code = read_ends(releases, backend, session, err);
        releases->known = code == 0;
        releases->changes = changes;
        releases->read_ns = now_ns();
    }
    for (size_t i = 0; code == 0 && i < releases->count && *count < capacity; i++) {
        const struct end *end = &releases->ends[i];

        out[(*count)++] = (struct quota_release){
            .at_ms = end->at_ms, .units = end->units, .of_team = strcmp(end->team, team) == 0};
    }
    pthread_mutex_unlock(&releases->lock);
    return code;
}
