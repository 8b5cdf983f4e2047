/* Back-off with full jitter: pure, the randomness is an input. */
#include "gateway/net/retry.h"

static int64_t min_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* min(cap, base * 2^doublings), without overflow. */
static int64_t upper_bound_ms(const struct retry_schedule *schedule, unsigned doublings)
{
    int64_t bound_ms = min_ms(schedule->base_ms, schedule->cap_ms);

    while (doublings-- > 0 && bound_ms > 0 && bound_ms < schedule->cap_ms)
        bound_ms = bound_ms > schedule->cap_ms / 2 ? schedule->cap_ms : bound_ms * 2;
    return bound_ms > 0 ? bound_ms : 0;
}

int64_t retry_delay_ms(const struct retry_schedule *schedule, unsigned attempt,
                       int64_t retry_after_ms, uint64_t random)
{
    int64_t least_ms = min_ms(retry_after_ms, schedule->cap_ms);
    int64_t drawn_ms;

    if (attempt > schedule->max_attempts)
        return -1;
    if (attempt < 2)
        return 0;
    /* The modulo's bias is below 2^-30 for any wait shorter than half a year. */
    drawn_ms = (int64_t)(random % ((uint64_t)upper_bound_ms(schedule, attempt - 2) + 1));
    return drawn_ms > least_ms ? drawn_ms : least_ms;
}
