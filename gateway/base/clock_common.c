/* What the system's clock and the movable one have in common. */
#include "gateway/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
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

/* Digits of a pattern in which '0' stands for a digit and everything else for itself. */
static bool fits(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; text++, pattern++)
        if (*pattern == '0' ? !isdigit((unsigned char)*text) : *text != *pattern)
            return false;
    return true;
}

static int number(const char *text, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/* ".5" is half a second; `*text` moves behind it. */
static int take_fraction_ms(const char **text)
{
    int ms = 0;
    int unit = 100;
    if (**text != '.' || !isdigit((unsigned char)(*text)[1]))
        return 0;
    for (++*text; isdigit((unsigned char)**text); ++*text, unit /= 10)
        ms += unit * (**text - '0');
    return ms;
}

/* Minutes east of UTC; false when `text` is no whole offset. */
static bool parse_offset(const char *text, int *minutes)
{
    *minutes = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || !fits(text + 1, "00:00") ||
        number(text + 1, 2) > 23 || number(text + 4, 2) > 59)
        return false;
    *minutes = (text[0] == '-' ? -1 : 1) * (number(text + 1, 2) * 60 + number(text + 4, 2));
    return true;
}

bool clock_parse_rfc3339(const char *text, int64_t *wall_ms)
{
    int minutes;
    if (!fits(text, "0000-00-00T00:00:00"))
        return false;
    struct tm asked = {.tm_year = number(text, 4) - 1900,
                       .tm_mon = number(text + 5, 2) - 1,
                       .tm_mday = number(text + 8, 2),
                       .tm_hour = number(text + 11, 2),
                       .tm_min = number(text + 14, 2),
                       .tm_sec = number(text + 17, 2)};
    struct tm seen = asked; /* timegm carries what is too much into the next field */
    time_t seconds = timegm(&seen);
    if (seen.tm_mon != asked.tm_mon || seen.tm_mday != asked.tm_mday ||
        seen.tm_hour != asked.tm_hour || seen.tm_min != asked.tm_min || seen.tm_sec != asked.tm_sec)
        return false;
    text += strlen("0000-00-00T00:00:00");
    int fraction_ms = take_fraction_ms(&text);
    if (!parse_offset(text, &minutes))
        return false;
    *wall_ms = ((int64_t)seconds - (int64_t)minutes * 60) * 1000 + fraction_ms;
    return *wall_ms >= 0;
}
