/* Token buckets that keep us below the account's request rates. */
#include "gateway/net/pacing.h"

#include <inttypes.h>
#include <stdlib.h>

/* Keeps clock * rate inside 64 bits for thousands of years. */
#define PACING_MAX_PER_SECOND 10000

/*
 * A bucket by virtual scheduling: a caller books the next free turn when he comes and then waits
 * for it, so there is no queue and nobody overtakes. Times are in ticks of 1/rate ms, in which the
 * distance of two turns is a whole number: 1000.
 */
#define TICKS_PER_TURN 1000
struct bucket {
    int64_t rate; /* turns a second, and the size of a burst; 0 = no turns at all */
    int64_t next; /* ticks: when the bucket is full again */
};

struct pacing {
    const struct clock *clock;
    pthread_mutex_t mutex;
    pthread_cond_t closing;
    bool closed;
    bool unpaced;
    struct bucket callers;
    struct bucket reconciler; /* its own share; the callers' is open to it as well */
};

int pacing_create(const struct clock *clock, const struct pacing_settings *settings,
                  struct pacing **out, struct error *err)
{
    struct pacing *pacing;

    *out = NULL;
    if (settings->per_second < 0 || settings->per_second > PACING_MAX_PER_SECOND)
        return error_set(err, ERROR_INVALID, "saw a rate of %" PRId64 " a second, expected 0 to %d",
                         settings->per_second, PACING_MAX_PER_SECOND);
    if (settings->reserved < 0 ||
        (settings->reserved > 0 && settings->reserved >= settings->per_second))
        return error_set(err, ERROR_INVALID,
                         "saw %" PRId64 " of %" PRId64
                         " requests a second reserved, expected less than all",
                         settings->reserved, settings->per_second);
    pacing = calloc(1, sizeof(*pacing));
    if (pacing == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for pacing");
    if (clock_cond_init(&pacing->closing) != 0) {
        free(pacing);
        return error_set(err, ERROR_NOMEM, "no condition for pacing");
    }
    pthread_mutex_init(&pacing->mutex, NULL);
    pacing->clock = clock;
    pacing->unpaced = settings->per_second == 0;
    pacing->callers.rate = settings->per_second - settings->reserved;
    pacing->reconciler.rate = settings->reserved;
    *out = pacing;
    return 0;
}

void pacing_free(struct pacing **pacing)
{
    if (*pacing == NULL)
        return;
    pthread_cond_destroy(&(*pacing)->closing);
    pthread_mutex_destroy(&(*pacing)->mutex);
    free(*pacing);
    *pacing = NULL;
}

/* The time in ms of the bucket's next free turn, not before now. */
static int64_t next_turn_ms(const struct bucket *bucket, int64_t now_ms)
{
    int64_t turn;

    if (bucket->rate == 0)
        return INT64_MAX;
    turn = bucket->next - (bucket->rate - 1) * TICKS_PER_TURN;
    if (turn <= now_ms * bucket->rate)
        return now_ms;
    return (turn + bucket->rate - 1) / bucket->rate; /* rounded up: never too early */
}

static void take_turn(struct bucket *bucket, int64_t now_ms)
{
    int64_t now = now_ms * bucket->rate;

    bucket->next = (bucket->next > now ? bucket->next : now) + TICKS_PER_TURN;
}

/* Books a turn not later than the deadline. */
static int book_turn(struct pacing *pacing, enum pacing_class who, int64_t deadline_ms,
                     int64_t *turn_ms, struct error *err)
{
    struct bucket *bucket = &pacing->callers;
    int64_t now_ms = clock_monotonic_ms(pacing->clock);

    if (who == PACING_RECONCILER &&
        next_turn_ms(&pacing->reconciler, now_ms) <= next_turn_ms(&pacing->callers, now_ms))
        bucket = &pacing->reconciler;
    *turn_ms = next_turn_ms(bucket, now_ms);
    if (*turn_ms > deadline_ms)
        return error_set(err, ERROR_RETRY,
                         "no turn before the deadline: the next free one of %" PRId64
                         " a second comes in %" PRId64 " ms, the deadline in %" PRId64 " ms",
                         bucket->rate, *turn_ms - now_ms, deadline_ms - now_ms);
    take_turn(bucket, now_ms);
    return 0;
}

int pacing_wait(struct pacing *pacing, enum pacing_class who, int64_t deadline_ms,
                struct error *err)
{
    int64_t turn_ms;
    int rc = 0;

    pthread_mutex_lock(&pacing->mutex);
    if (!pacing->closed && !pacing->unpaced) {
        rc = book_turn(pacing, who, deadline_ms, &turn_ms, err);
        while (rc == 0 && !pacing->closed &&
               !clock_wait_until(pacing->clock, &pacing->closing, &pacing->mutex, turn_ms))
            continue;
    }
    if (rc == 0 && pacing->closed)
        rc = error_set(err, ERROR_RETRY, "shutting down: nothing more is sent");
    pthread_mutex_unlock(&pacing->mutex);
    return rc;
}

void pacing_close(struct pacing *pacing)
{
    pthread_mutex_lock(&pacing->mutex);
    pacing->closed = true;
    pthread_cond_broadcast(&pacing->closing);
    pthread_mutex_unlock(&pacing->mutex);
}
