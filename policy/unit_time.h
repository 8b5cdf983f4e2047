/* Unit-time: inference units x time, in integers of unit-milliseconds that saturate. */
#ifndef LOOKOUT_POLICY_UNIT_TIME_H
#define LOOKOUT_POLICY_UNIT_TIME_H

#include <stdint.h>

#define UNIT_TIME_HOUR_MS   INT64_C(3600000) /* one unit-hour */
#define UNIT_TIME_TEXT_SIZE 24               /* "2562047788015.216", with its NUL */

/* Both of 0 or more; INT64_MAX instead of an overflow, which no limit admits. */
static inline int64_t unit_time_add(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static inline int64_t unit_time_multiply(int64_t units, int64_t ms)
{
    int64_t product;

    return __builtin_mul_overflow(units, ms, &product) ? INT64_MAX : product;
}

/*
 * Decimal unit-hours with three places, "12.500", rounded to the nearest thousandth by integer
 * arithmetic; for people. `unit_ms` is 0 or more.
 */
void unit_time_format(int64_t unit_ms, char out[UNIT_TIME_TEXT_SIZE]);

#endif
