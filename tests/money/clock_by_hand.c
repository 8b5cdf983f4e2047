/* Time as a number in memory, shared by the clocks of all hosts of a test. */
#include "tests/money/clock_by_hand.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

struct time_by_hand {
    _Atomic int64_t monotonic_ms;
    atomic_uint clocks; /* that share it; the last one frees it */
};

struct clock {
    struct time_by_hand *time;
    _Atomic int64_t wall_ahead_ms; /* of the monotonic clock */
};

static int make(struct time_by_hand *time, int64_t wall_ahead_ms, struct clock **out,
                struct error *err)
{
    struct clock *clock = calloc(1, sizeof(*clock));

    if (clock == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the clock");
    clock->time = time;
    atomic_store(&clock->wall_ahead_ms, wall_ahead_ms);
    atomic_fetch_add(&time->clocks, 1);
    *out = clock;
    return 0;
}

int clock_open(struct clock **out, struct error *err)
{
    struct time_by_hand *time = calloc(1, sizeof(*time));
    int rc;

    *out = NULL;
    if (time == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the clock");
    atomic_store(&time->monotonic_ms, CLOCK_BY_HAND_START_MS);
    rc = make(time, CLOCK_BY_HAND_WALL_START_MS - CLOCK_BY_HAND_START_MS, out, err);
    if (rc != 0)
        free(time);
    return rc;
}

int clock_by_hand_twin(const struct clock *of, struct clock **out, struct error *err)
{
    return make(of->time, atomic_load(&of->wall_ahead_ms), out, err);
}

void clock_close(struct clock **clock)
{
    if (*clock != NULL && atomic_fetch_sub(&(*clock)->time->clocks, 1) == 1)
        free((*clock)->time);
    free(*clock);
    *clock = NULL;
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    return atomic_load(&clock->time->monotonic_ms);
}

int64_t clock_wall_ms(const struct clock *clock)
{
    return clock_monotonic_ms(clock) + atomic_load(&clock->wall_ahead_ms);
}

void clock_by_hand_move(const struct clock *clock, int64_t ms)
{
    if (ms < 0)
        abort(); /* a bug of the test: monotonic clocks only grow */
    atomic_fetch_add(&clock->time->monotonic_ms, ms);
}

void clock_by_hand_set_wall(struct clock *clock, int64_t wall_ms)
{
    atomic_store(&clock->wall_ahead_ms, wall_ms - clock_monotonic_ms(clock));
}

/* Neither `cond` nor `mutex` is needed: nobody is there who could signal. */
bool clock_wait_until(const struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *mutex,
                      int64_t deadline_ms)
{
    int64_t left_ms = deadline_ms - clock_monotonic_ms(clock);

    (void)cond;
    (void)mutex;
    if (left_ms > CLOCK_BY_HAND_WAIT_MAX_MS) {
        (void)fprintf(stderr, "clock by hand: a wait of %lld ms, which nobody would end\n",
                      (long long)left_ms);
        abort();
    }
    if (left_ms > 0)
        clock_by_hand_move(clock, left_ms);
    return true;
}
