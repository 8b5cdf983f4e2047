/* Team, units, begin and hours, between colons. */
#include "tests/policy/held_list.h"

#include "tests/policy/instant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUARTER_MS (15 * INT64_C(60000))

static bool read_held(char *text, struct held *out)
{
    char *units = strchr(text, ':'), *from = units != NULL ? strchr(units + 1, ':') : NULL;
    char *hours = from != NULL ? from + sizeof("2026-11-25T08:00") : NULL, sign;

    if (hours == NULL || strlen(from) < sizeof("2026-11-25T08:00"))
        return false;
    *units++ = *from++ = '\0';
    sign = *hours;
    *hours++ = '\0';
    snprintf(out->team, sizeof(out->team), "%s", text);
    out->units = atoll(units);
    out->until_ms = (int64_t)(atof(hours) * 4) * QUARTER_MS;
    out->state = sign == '-' ? HELD_ENDED : HELD_RUNNING;
    if (!instant_read(from, &out->from_ms) || (sign != '-' && sign != '+'))
        return false;
    out->until_ms += out->from_ms;
    return true;
}

bool held_list_read(char *text, struct held *out, size_t capacity, size_t *count)
{
    char *rest = NULL;

    *count = 0;
    if (strcmp(text, "-") == 0)
        return true;
    for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        if (*count == capacity || !read_held(one, &out[(*count)++]))
            return false;
    }
    return true;
}
