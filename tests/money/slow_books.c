/* Civil dates, two zones, and sums by quarter-hours. */
#include "tests/money/slow_books.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)
#define LOOK_BACK 12 /* quarter-hours: more than a clock is ever put back */
#define SUNDAY    6  /* with Monday = 0 */
#define THURSDAY  3  /* 1970-01-01 */

const char *slow_zone_name(enum slow_zone zone)
{
    static const char *const names[] = {"UTC", "Europe/Berlin", "America/New_York"};
    return names[zone];
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned month_len(int year, unsigned month)
{
    static const unsigned lens[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : lens[month - 1];
}

/* Counted, not computed: slow and plain. */
int64_t slow_days(int year, unsigned month, unsigned day)
{
    int64_t days = (int64_t)day - 1;
    for (int y = 1970; y < year; y++)
        days += is_leap(y) ? 366 : 365;
    for (unsigned m = 1; m < month; m++)
        days += month_len(year, m);
    return days;
}

void slow_civil(int64_t days, int *year, unsigned *month, unsigned *day)
{
    for (*year = 1970; days >= (is_leap(*year) ? 366 : 365); (*year)++)
        days -= is_leap(*year) ? 366 : 365;
    for (*month = 1; days >= month_len(*year, *month); (*month)++)
        days -= month_len(*year, *month);
    *day = (unsigned)days + 1;
}

int64_t slow_utc_ms(int year, unsigned month, unsigned day, unsigned hour, unsigned minute)
{
    return slow_days(year, month, day) * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS;
}

static unsigned weekday(int64_t days)
{
    return (unsigned)((days + THURSDAY) % 7);
}

/* The n-th Sunday of a month; n = 0: the last. */
static int64_t sunday(int year, unsigned month, unsigned n)
{
    int64_t day =
        n > 0 ? slow_days(year, month, 1) : slow_days(year, month, month_len(year, month));
    int step = n > 0 ? 1 : -1;
    while (weekday(day) != SUNDAY)
        day += step;
    return n > 1 ? day + (n - 1) * 7 : day;
}

/*
 * Berlin: summer time from the last Sunday of March to the last of October, 01:00 UTC both.
 * New York: from the second Sunday of March, 02:00 of EST, to the first of November, 02:00 of EDT.
 */
int64_t slow_zone_offset_ms(enum slow_zone zone, int64_t at_ms)
{
    int year;
    unsigned month, day;
    slow_civil(at_ms / DAY_MS, &year, &month, &day);
    if (zone == SLOW_BERLIN) {
        int64_t from_ms = sunday(year, 3, 0) * DAY_MS + HOUR_MS;
        int64_t until_ms = sunday(year, 10, 0) * DAY_MS + HOUR_MS;
        return at_ms >= from_ms && at_ms < until_ms ? 2 * HOUR_MS : HOUR_MS;
    }
    if (zone == SLOW_NEW_YORK) {
        int64_t from_ms = sunday(year, 3, 2) * DAY_MS + 7 * HOUR_MS;
        int64_t until_ms = sunday(year, 11, 1) * DAY_MS + 6 * HOUR_MS;
        return at_ms >= from_ms && at_ms < until_ms ? -4 * HOUR_MS : -5 * HOUR_MS;
    }
    return 0;
}

/* A number that is the same for all instants of one period and grows from each to the next. */
static int64_t date_key(const struct slow_window *window, int64_t at_ms)
{
    int64_t local_ms = at_ms + slow_zone_offset_ms(window->zone, at_ms);
    int64_t days = (local_ms - (int64_t)window->day_start_minutes * MINUTE_MS) / DAY_MS;
    int year;
    unsigned month, day;
    switch (window->period) {
    case SLOW_DAY:
        return days;
    case SLOW_WEEK:
        while (weekday(days) != window->week_start)
            days--;
        return days;
    case SLOW_MONTH:
        slow_civil(days, &year, &month, &day);
        return (int64_t)year * 12 + month;
    case SLOW_TOTAL:
        break;
    }
    return 0;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t greatest(const int64_t keys[LOOK_BACK])
{
    int64_t key = keys[0];
    for (int i = 1; i < LOOK_BACK; i++)
        key = later(key, keys[i]);
    return key;
}

void slow_calendar_make(struct slow_calendar *calendar, const struct slow_window *window,
                        int64_t from_ms, int64_t until_ms)
{
    size_t quarters = (size_t)((until_ms - from_ms) / SLOW_QUARTER_MS);
    int64_t before = INT64_MIN;
    int64_t recent[LOOK_BACK];

    memset(calendar, 0, sizeof(*calendar));
    calendar->from_ms = from_ms;
    calendar->until_ms = until_ms;
    calendar->of_quarter = calloc(quarters, sizeof(*calendar->of_quarter));
    if (calendar->of_quarter == NULL || from_ms % SLOW_QUARTER_MS != 0)
        abort();
    for (int64_t i = 0; i < LOOK_BACK; i++)
        recent[i] = date_key(window, from_ms - (LOOK_BACK - i) * SLOW_QUARTER_MS);
    for (size_t i = 0; i < quarters; i++) {
        int64_t at_ms = from_ms + (int64_t)i * SLOW_QUARTER_MS;
        /* Where a clock is put back over the start of a day, the day that has begun stays begun. */
        int64_t date = date_key(window, at_ms);
        int64_t key = later(date, greatest(recent));
        recent[i % LOOK_BACK] = date;
        if (key != before && calendar->periods == SLOW_PERIODS_MAX)
            abort();
        if (key != before)
            calendar->begins_ms[calendar->periods++] = at_ms;
        before = key;
        calendar->of_quarter[i] = (uint16_t)(calendar->periods - 1);
    }
    calendar->begins_ms[calendar->periods] = until_ms;
}

void slow_calendar_free(struct slow_calendar *calendar)
{
    free(calendar->of_quarter);
    memset(calendar, 0, sizeof(*calendar));
}

size_t slow_calendar_period(const struct slow_calendar *calendar, int64_t at_ms)
{
    return calendar->of_quarter[(at_ms - calendar->from_ms) / SLOW_QUARTER_MS];
}

static int64_t common_ms(int64_t from_ms, int64_t until_ms, int64_t other_from_ms,
                         int64_t other_until_ms)
{
    int64_t from = later(from_ms, other_from_ms);
    int64_t until = until_ms < other_until_ms ? until_ms : other_until_ms;
    return until > from ? until - from : 0;
}

void slow_add_lease(const struct slow_calendar *calendar, const struct slow_lease *lease,
                    int64_t now_ms, struct slow_unit_time *sums)
{
    int64_t used_until = lease->live ? now_ms : lease->ended_ms;
    int64_t until = used_until;
    if (!lease->counts)
        return;
    if (lease->live && lease->worst_end_ms > now_ms)
        until = lease->worst_end_ms;
    for (int64_t quarter = lease->created_ms - lease->created_ms % SLOW_QUARTER_MS; quarter < until;
         quarter += SLOW_QUARTER_MS) {
        if (quarter < calendar->from_ms || quarter >= calendar->until_ms)
            continue;
        int64_t end = quarter + SLOW_QUARTER_MS;
        struct slow_unit_time *sum = &sums[slow_calendar_period(calendar, quarter)];
        sum->used += lease->units * common_ms(lease->created_ms, used_until, quarter, end);
        sum->reserved += lease->units * common_ms(used_until, until, quarter, end);
        sum->overrun += lease->units * common_ms(later(lease->created_ms, lease->worst_end_ms),
                                                 used_until, quarter, end);
    }
}
