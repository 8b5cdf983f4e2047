/* A bucket of requests a second: full at first, refilled steadily, never above one second's worth.
 */
#ifndef LOOKOUT_EMULATOR_RATE_H
#define LOOKOUT_EMULATOR_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
    bool used; /* false: full, whatever the limit */
    int64_t thousandths;
    int64_t at_ms;
};

/* Takes one request; false when the bucket is empty. `per_second` 0 always allows. */
bool rate_take(struct rate *rate, int64_t per_second, int64_t now_ms);

#endif
