/* The clock of a release: the system's. */
#include "gateway/base/clock.h"

#include <stdlib.h>
#include <time.h>

/* The system's clocks need no state. */
struct clock {
    char none;
};

int clock_open(struct clock **out, struct error *err)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the clock");
    return 0;
}

void clock_close(struct clock **clock)
{
    free(*clock);
    *clock = NULL;
}

static int64_t read_ms(clockid_t id)
{
    struct timespec now = {0};

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(const struct clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_REALTIME);
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    (void)clock;
    return read_ms(CLOCK_MONOTONIC);
}

bool clock_wait_until(const struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *mutex,
                      int64_t deadline_ms)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};

    if (clock_monotonic_ms(clock) >= deadline_ms)
        return true;
    pthread_cond_timedwait(cond, mutex, &until);
    return clock_monotonic_ms(clock) >= deadline_ms;
}
