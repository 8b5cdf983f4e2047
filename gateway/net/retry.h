/* Back-off with full jitter: pure, the randomness is an input. */
#ifndef LOOKOUT_NET_RETRY_H
#define LOOKOUT_NET_RETRY_H

#include <stdint.h>

struct retry_schedule {
    unsigned max_attempts; /* including the first */
    int64_t base_ms;       /* upper bound of the first wait; doubles with each attempt */
    int64_t cap_ms;        /* no wait is longer, a server's Retry-After included */
};

/*
 * Milliseconds to wait before attempt number `attempt` (2 is the first retry): a uniform draw from
 * 0 to min(cap, base * 2^(attempt-2)) by `random` (any 64 random bits), but at least
 * min(retry_after_ms, cap). -1 when there is no such attempt any more.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter", full jitter.
 */
int64_t retry_delay_ms(const struct retry_schedule *schedule, unsigned attempt,
                       int64_t retry_after_ms, uint64_t random);

#endif
