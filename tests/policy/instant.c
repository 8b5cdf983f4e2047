/* The C library's calendar, so that tables do not rest on the one that they test. */
#include "tests/policy/instant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

bool instant_read(const char *text, int64_t *out_ms)
{
    struct tm parts = {0};
    const char *end;

    *out_ms = INT64_MAX;
    if (strcmp(text, "never") == 0)
        return true;
    end = strptime(text, "%Y-%m-%dT%H:%M", &parts);
    if (end == NULL || *end != '\0')
        return false;
    *out_ms = (int64_t)timegm(&parts) * 1000;
    return true;
}

void instant_write(int64_t ms, char out[INSTANT_SIZE])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    size_t len;

    if (ms == INT64_MAX) {
        snprintf(out, INSTANT_SIZE, "never");
        return;
    }
    gmtime_r(&seconds, &parts);
    len = strftime(out, INSTANT_SIZE, "%Y-%m-%dT%H:%M", &parts);
    if (ms % 60000 != 0)
        snprintf(out + len, INSTANT_SIZE - len, ":%02d.%03d", parts.tm_sec, (int)(ms % 1000));
}
