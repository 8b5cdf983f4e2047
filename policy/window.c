/* Periods are counted on the clock's own calendar, and each of their ends is made an instant. */
#include "policy/window.h"

#include <string.h>

int64_t policy_window_to_local(const struct policy_window *window, int64_t at_ms)
{
    if (window->zone == NULL || at_ms == INT64_MAX)
        return at_ms;
    return at_ms + time_zone_offset_ms(window->zone, at_ms);
}

int64_t policy_window_find_day(const struct policy_window *window, int64_t day)
{
    const int64_t local_ms = day * CIVIL_DAY_MS + window->day_start_minutes * INT64_C(60000);

    return window->zone == NULL ? local_ms : time_zone_to_utc_ms(window->zone, local_ms);
}

/* The first day of the period that has the day `day`. */
static int64_t find_first_day(const struct policy_window *window, int64_t day)
{
    switch (window->period) {
    case POLICY_DAY:
    case POLICY_TOTAL:
        return day;
    case POLICY_WEEK:
        return day - (civil_weekday(day) + 7 - (int)window->week_start) % 7;
    case POLICY_MONTH:
        return day - civil_from_day(day).day + 1;
    }
    return day;
}

/* The first day of the period after the one that begins with `first_day`. */
static int64_t find_next_day(const struct policy_window *window, int64_t first_day)
{
    struct civil_date date;

    switch (window->period) {
    case POLICY_DAY:
    case POLICY_TOTAL:
        return first_day + 1;
    case POLICY_WEEK:
        return first_day + 7;
    case POLICY_MONTH:
        date = civil_from_day(first_day);
        return first_day + civil_days_in_month(date.year, date.month);
    }
    return first_day + 1;
}

void policy_window_bounds(const struct policy_window *window, int64_t at_ms, int64_t *from_ms,
                          int64_t *until_ms)
{
    int64_t day, local_ms;

    *from_ms = 0;
    *until_ms = INT64_MAX;
    if (window->period == POLICY_TOTAL || at_ms < 0 || at_ms >= CIVIL_MAX_MS)
        return;
    local_ms = policy_window_to_local(window, at_ms) - window->day_start_minutes * INT64_C(60000);
    day = find_first_day(window, civil_day_of_ms(local_ms));
    *from_ms = policy_window_find_day(window, day);
    *until_ms = policy_window_find_day(window, find_next_day(window, day));
    /* A clock that was put back shows the old period again, and it is over all the same. */
    while (*until_ms <= at_ms) {
        day = find_next_day(window, day);
        *from_ms = *until_ms;
        *until_ms = policy_window_find_day(window, find_next_day(window, day));
    }
}

/* --- in words ------------------------------------------------------------------------------ */

const char *const policy_period_words[] = {"day", "week", "month", "total", NULL};
const char *const policy_week_start_words[] = {"monday", "tuesday",  "wednesday", "thursday",
                                               "friday", "saturday", "sunday",    NULL};

bool policy_day_start_parse(const char *text, unsigned *minutes)
{
    unsigned hours, rest;

    if (strlen(text) != 5 || strspn(text, "0123456789") != 2 || text[2] != ':' ||
        strspn(text + 3, "0123456789") != 2)
        return false;
    hours = (unsigned)((text[0] - '0') * 10 + text[1] - '0');
    rest = (unsigned)((text[3] - '0') * 10 + text[4] - '0');
    if (hours > 23 || rest > 59 || rest % 15 != 0)
        return false;
    *minutes = hours * 60 + rest;
    return true;
}

const char *policy_period_name(enum policy_period period)
{
    return policy_period_words[period];
}

const char *policy_window_zone_name(const struct policy_window *window)
{
    return window->zone == NULL ? "UTC" : time_zone_name(window->zone);
}
