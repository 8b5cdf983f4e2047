/* Reads a TZ string letter by letter, and counts out its dates. */
#include "policy/time_rule.h"
#include "policy/civil.h"

#include <string.h>

#define HOUR_MS         INT64_C(3600000)
#define MAX_OFFSET_HOUR 24
#define MAX_CHANGE_HOUR 167

/* --- reading: each function moves `*at` behind what it took ---------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

static bool take_number(const char **at, int max, int *out)
{
    int number = 0;

    if (!is_digit(**at))
        return false;
    for (; is_digit(**at) && number <= max; (*at)++)
        number = number * 10 + (**at - '0');
    *out = number;
    return number <= max;
}

/* An abbreviation, of which nothing is kept: three letters or more, or anything like it in <>. */
static bool take_name(const char **at)
{
    const char *from = *at;

    if (take(at, '<')) {
        while (is_letter(**at) || is_digit(**at) || **at == '+' || **at == '-')
            (*at)++;
        return *at - from >= 4 && take(at, '>');
    }
    while (is_letter(**at))
        (*at)++;
    return *at - from >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(const char **at, int max_hours, int64_t *out_ms)
{
    const bool negative = **at == '-';
    int hours, minutes = 0, seconds = 0;

    if (negative || **at == '+')
        (*at)++;
    if (!take_number(at, max_hours, &hours))
        return false;
    if (take(at, ':') &&
        (!take_number(at, 59, &minutes) || (take(at, ':') && !take_number(at, 59, &seconds))))
        return false;
    *out_ms = hours * HOUR_MS + minutes * INT64_C(60000) + seconds * INT64_C(1000);
    if (negative)
        *out_ms = -*out_ms;
    return true;
}

/* POSIX counts what has to be added to get UTC: the other way round than we do. */
static bool take_offset(const char **at, int64_t *out_ms)
{
    if (!take_time(at, MAX_OFFSET_HOUR, out_ms))
        return false;
    *out_ms = -*out_ms;
    return true;
}

static bool take_day(const char **at, struct time_rule_date *out)
{
    if (take(at, 'M')) {
        out->kind = TIME_RULE_WEEKDAY_OF_MONTH;
        return take_number(at, 12, &out->month) && out->month >= 1 && take(at, '.') &&
               take_number(at, 5, &out->week) && out->week >= 1 && take(at, '.') &&
               take_number(at, 6, &out->day);
    }
    if (take(at, 'J')) {
        out->kind = TIME_RULE_DAY_OF_YEAR;
        return take_number(at, 365, &out->day) && out->day >= 1;
    }
    out->kind = TIME_RULE_DAY_FROM_ZERO;
    return take_number(at, 365, &out->day);
}

static bool take_change(const char **at, struct time_rule_date *out)
{
    out->time_ms = 2 * HOUR_MS; /* where the string says nothing */
    return take(at, ',') && take_day(at, out) &&
           (!take(at, '/') || take_time(at, MAX_CHANGE_HOUR, &out->time_ms));
}

static bool take_rule(const char **at, struct time_rule *out)
{
    if (!take_name(at) || !take_offset(at, &out->standard_ms))
        return false;
    out->has_summer = **at != '\0';
    if (!out->has_summer)
        return true;
    if (!take_name(at))
        return false;
    out->summer_ms = out->standard_ms + HOUR_MS;
    if (**at != ',' && !take_offset(at, &out->summer_ms))
        return false;
    return take_change(at, &out->to_summer) && take_change(at, &out->to_standard) && **at == '\0';
}

int time_rule_parse(const char *text, size_t len, struct time_rule *out, struct error *err)
{
    char copy[TIME_RULE_MAX_LEN + 1];
    const char *at = copy;

    memset(out, 0, sizeof(*out));
    if (len > TIME_RULE_MAX_LEN || memchr(text, '\0', len) != NULL)
        return error_set(err, ERROR_INVALID, "saw a rule of %zu bytes, expected at most %d letters",
                         len, TIME_RULE_MAX_LEN);
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (!take_rule(&at, out))
        return error_set(err, ERROR_INVALID,
                         "saw the rule \"%s\", expected one like \"CET-1CEST,M3.5.0,M10.5.0/3\"",
                         copy);
    return 0;
}

/* --- counting ------------------------------------------------------------------------------ */

static int64_t find_weekday(const struct time_rule_date *date, int64_t year)
{
    const int64_t first = civil_to_day(year, date->month, 1);
    /* The rule's days begin on Sunday, ours on Monday. */
    const int64_t ahead = ((date->day + 6) % 7 - civil_weekday(first) + 7) % 7;
    const int64_t day = first + ahead + 7 * (date->week - 1);

    return day < first + civil_days_in_month(year, date->month) ? day : day - 7;
}

static int64_t find_day(const struct time_rule_date *date, int64_t year)
{
    const int64_t new_year = civil_to_day(year, 1, 1);

    switch (date->kind) {
    case TIME_RULE_DAY_OF_YEAR:
        return new_year + date->day - 1 + (civil_is_leap(year) && date->day > 59);
    case TIME_RULE_DAY_FROM_ZERO:
        return new_year + date->day;
    case TIME_RULE_WEEKDAY_OF_MONTH:
        return find_weekday(date, year);
    }
    return new_year;
}

void time_rule_changes(const struct time_rule *rule, int64_t year, struct time_change out[2])
{
    const struct time_change summer = {find_day(&rule->to_summer, year) * CIVIL_DAY_MS +
                                           rule->to_summer.time_ms - rule->standard_ms,
                                       rule->summer_ms};
    const struct time_change standard = {find_day(&rule->to_standard, year) * CIVIL_DAY_MS +
                                             rule->to_standard.time_ms - rule->summer_ms,
                                         rule->standard_ms};
    const bool summer_first = summer.at_ms <= standard.at_ms;

    out[0] = summer_first ? summer : standard;
    out[1] = summer_first ? standard : summer;
}
