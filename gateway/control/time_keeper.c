/* The time that leases run on. */
#include "gateway/control/time_keeper.h"

#include "gateway/base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A smaller change spoils no span that anybody measures. */
#define NOTICED_MS ((int64_t)1000)
#define SECOND_MS  ((int64_t)1000)

/* An offset is what a clock shows minus the monotonic clock: constant while neither jumps. */
struct time_keeper {
    const struct clock *clock;
    _Atomic int64_t offset_ms; /* ours */
    _Atomic uint64_t epoch;

    pthread_mutex_t lock;   /* guards the rest */
    bool trusted;           /* a Date was seen, and the clocks agree since then */
    int64_t wall_offset_ms; /* the wall clock's, when they were compared last */
    int64_t doubt_since_ms; /* monotonic; while not trusted */
    bool contradicted;      /* the last Date was far from the time, and nobody agreed */
    int64_t contradiction_offset_ms;
};

/* Where an offset has to lie for one answer's Date to be true. */
struct bounds {
    int64_t least_ms, most_ms;
};

static int64_t wall_offset(const struct time_keeper *keeper)
{
    return clock_wall_ms(keeper->clock) - clock_monotonic_ms(keeper->clock);
}

int time_keeper_create(const struct clock *clock, struct time_keeper **out, struct error *err)
{
    struct time_keeper *keeper = calloc(1, sizeof(*keeper));
    if (keeper == NULL || pthread_mutex_init(&keeper->lock, NULL) != 0) {
        free(keeper);
        return error_set(err, ERROR_NOMEM, "out of memory for the time keeper");
    }
    keeper->clock = clock;
    keeper->wall_offset_ms = wall_offset(keeper);
    keeper->doubt_since_ms = clock_monotonic_ms(clock);
    atomic_store(&keeper->offset_ms, keeper->wall_offset_ms);
    *out = keeper;
    return 0;
}

void time_keeper_free(struct time_keeper **keeper)
{
    if (*keeper == NULL)
        return;
    (void)pthread_mutex_destroy(&(*keeper)->lock);
    free(*keeper);
    *keeper = NULL;
}

int64_t time_keeper_now_ms(const struct time_keeper *keeper)
{
    return atomic_load(&keeper->offset_ms) + clock_monotonic_ms(keeper->clock);
}

uint64_t time_keeper_epoch(const struct time_keeper *keeper)
{
    return atomic_load(&keeper->epoch);
}

static int64_t clamp(int64_t value, const struct bounds *bounds)
{
    if (value < bounds->least_ms)
        return bounds->least_ms;
    return value > bounds->most_ms ? bounds->most_ms : value;
}

static bool is_near(int64_t offset_ms, const struct bounds *bounds)
{
    return llabs(offset_ms - clamp(offset_ms, bounds)) <= TIME_KEEPER_TOLERANCE_MS;
}

static void compare_clocks(struct time_keeper *keeper)
{
    int64_t offset_ms = wall_offset(keeper);
    int64_t jump_ms = offset_ms - keeper->wall_offset_ms;
    if (llabs(jump_ms) <= TIME_KEEPER_TOLERANCE_MS)
        return;
    keeper->wall_offset_ms = offset_ms;
    if (keeper->trusted)
        keeper->doubt_since_ms = clock_monotonic_ms(keeper->clock);
    keeper->trusted = false;
    LOG(LOG_WARNING, "clock.jumped", log_int("by_ms", jump_ms),
        log_str("effect", "leases go on by the monotonic clock, and end again when AWS has told "
                          "the time"));
}

static void trust(struct time_keeper *keeper)
{
    keeper->trusted = true;
    keeper->contradicted = false;
    keeper->wall_offset_ms = wall_offset(keeper);
}

static void set_time(struct time_keeper *keeper, int64_t offset_ms, const char *why)
{
    int64_t shift_ms = offset_ms - atomic_load(&keeper->offset_ms);
    atomic_store(&keeper->offset_ms, offset_ms);
    if (llabs(shift_ms) > NOTICED_MS) {
        (void)atomic_fetch_add(&keeper->epoch, 1);
        LOG(LOG_WARNING, "clock.set", log_int("by_ms", shift_ms), log_str("why", why));
    }
    trust(keeper);
}

/* Without a Date nobody can tell the time better than the host. */
static void learn_nothing(struct time_keeper *keeper)
{
    int64_t doubt_ms = clock_monotonic_ms(keeper->clock) - keeper->doubt_since_ms;
    if (!keeper->trusted && doubt_ms >= TIME_KEEPER_DATELESS_MS)
        set_time(keeper, wall_offset(keeper), "AWS answers without a Date: the host is believed");
}

static void learn(struct time_keeper *keeper, const struct bounds *bounds)
{
    int64_t now_ms = atomic_load(&keeper->offset_ms);
    int64_t told_ms = clamp(now_ms, bounds);
    if (!keeper->trusted) {
        set_time(keeper, told_ms, "AWS told the time");
    } else if (is_near(now_ms, bounds)) {
        keeper->contradicted = false;
    } else if (is_near(keeper->wall_offset_ms, bounds) ||
               (keeper->contradicted && is_near(keeper->contradiction_offset_ms, bounds))) {
        set_time(keeper, told_ms, "AWS told another time, and not alone");
    } else {
        keeper->contradicted = true;
        keeper->contradiction_offset_ms = told_ms;
    }
}

void time_keeper_learn(struct time_keeper *keeper, int64_t date_ms, int64_t began_ms,
                       int64_t ended_ms)
{
    struct bounds bounds = {.least_ms = date_ms - ended_ms,
                            .most_ms = date_ms + SECOND_MS - 1 - began_ms};
    pthread_mutex_lock(&keeper->lock);
    compare_clocks(keeper);
    if (date_ms == 0)
        learn_nothing(keeper);
    else
        learn(keeper, &bounds);
    pthread_mutex_unlock(&keeper->lock);
}

bool time_keeper_may_expire(struct time_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    compare_clocks(keeper);
    bool trusted = keeper->trusted;
    pthread_mutex_unlock(&keeper->lock);
    return trusted;
}
