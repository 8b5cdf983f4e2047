/*
 * Counts from the first of March, so that the leap day is the last of its year, and in cycles of
 * 400 years, so that nothing is looked up.
 */
#include "policy/civil.h"

#include <inttypes.h>
#include <stdio.h>

#define DAYS_TO_1970 719468 /* from 0000-03-01 */

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

bool civil_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_days_in_month(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && civil_is_leap(year) ? 29 : days[month - 1];
}

int64_t civil_to_day(int64_t year, int month, int day)
{
    const int64_t from_march = month > 2 ? year : year - 1;
    const int64_t cycle = floor_divide(from_march, 400);
    const int64_t year_of_cycle = from_march - cycle * 400;
    const int month_from_march = (month + 9) % 12;
    /* March to July have 153 days together, and so have August to December. */
    const int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;

    return cycle * CIVIL_CYCLE_DAYS + year_of_cycle * 365 + year_of_cycle / 4 -
           year_of_cycle / 100 + day_of_year - DAYS_TO_1970;
}

struct civil_date civil_from_day(int64_t day)
{
    const int64_t from_march = day + DAYS_TO_1970;
    const int64_t cycle = floor_divide(from_march, CIVIL_CYCLE_DAYS);
    const int64_t day_of_cycle = from_march - cycle * CIVIL_CYCLE_DAYS;
    /* Less the leap days that have passed: of 4, of 100 (36524 days), of 400 years. */
    const int64_t year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
    const int64_t day_of_year =
        day_of_cycle - (year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100);
    const int month_from_march = (int)((5 * day_of_year + 2) / 153);
    const int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    return (struct civil_date){.year = cycle * 400 + year_of_cycle + (month <= 2),
                               .month = month,
                               .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}

int civil_weekday(int64_t day)
{
    return (int)(day + 3 - floor_divide(day + 3, 7) * 7); /* 1970-01-01 was a Thursday */
}

int64_t civil_day_of_ms(int64_t ms)
{
    return floor_divide(ms, CIVIL_DAY_MS);
}

void civil_format(int64_t ms, char out[CIVIL_TEXT_SIZE])
{
    const int64_t day = civil_day_of_ms(ms);
    const int64_t minutes = (ms - day * CIVIL_DAY_MS) / 60000;
    const struct civil_date date = civil_from_day(day);

    snprintf(out, CIVIL_TEXT_SIZE, "%04" PRId64 "-%02d-%02d %02" PRId64 ":%02" PRId64, date.year,
             date.month, date.day, minutes / 60, minutes % 60);
}
