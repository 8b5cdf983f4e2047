/* What the system's clock and the movable one have in common. */
#include "gateway/base/clock.h"

#include <stdio.h>
#include <time.h>

#define YEAR_9999_END_MS 253402300799999LL /* RFC 3339 has four digits for the year */

int clock_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int rc = pthread_condattr_init(&attributes);

    if (rc != 0)
        return ERROR_NOMEM;
    rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (rc == 0)
        rc = pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return rc == 0 ? 0 : ERROR_NOMEM;
}

void clock_format_rfc3339(int64_t wall_ms, char out[CLOCK_RFC3339_SIZE])
{
    struct tm utc = {0};
    time_t seconds;
    size_t len;

    if (wall_ms < 0)
        wall_ms = 0;
    if (wall_ms > YEAR_9999_END_MS)
        wall_ms = YEAR_9999_END_MS;
    seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, &utc);
    len = strftime(out, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, CLOCK_RFC3339_SIZE - len, ".%03dZ", (int)(wall_ms % 1000));
}
