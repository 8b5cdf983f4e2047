/* The Gregorian calendar as arithmetic: days since 1970-01-01 and the dates that people write. */
#ifndef LOOKOUT_POLICY_CIVIL_H
#define LOOKOUT_POLICY_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIVIL_DAY_MS     INT64_C(86400000)
#define CIVIL_CYCLE_DAYS 146097 /* 400 years: the calendar repeats, weekdays included */
#define CIVIL_MAX_MS     INT64_C(253402300800000) /* the end of the year 9999 */

struct civil_date {
    int64_t year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* For years from -100000 to 300000, which is more than any instant here can be. */
int64_t civil_to_day(int64_t year, int month, int day);
struct civil_date civil_from_day(int64_t day);
bool civil_is_leap(int64_t year);
int civil_days_in_month(int64_t year, int month);
/* 0 = Monday. */
int civil_weekday(int64_t day);
/* The day in which the instant lies: rounds towards the past, also before 1970. */
int64_t civil_day_of_ms(int64_t ms);

/* "2026-12-01 00:00", cut at the minute. `ms` counts from 1970-01-01 00:00 of the same clock. */
#define CIVIL_TEXT_SIZE 32
void civil_format(int64_t ms, char out[CIVIL_TEXT_SIZE]);

#endif
