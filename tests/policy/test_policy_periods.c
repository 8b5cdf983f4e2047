/*
 * Holds the windows to tests/policy/periods.txt, and to what must hold for all of them: periods
 * touch, leave nothing out, and begin and end on quarter-hours.
 */
#include "policy/window.h"
#include "tests/policy/instant.h"
#include "tests/policy/table.h"
#include "tests/policy/zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED   UINT64_C(0x9e51)
#define ROUNDS 2000 /* of random instants, for each zone */

enum column { ZONE, PERIOD, WEEK_START, DAY_START, AT, FROM, UNTIL, COLUMNS };

static const char *const period_names[] = {"day", "week", "month", "total"};
static const char *const zone_names[] = {
    "Africa/Cairo",    "Africa/Casablanca", "America/Havana", "America/New_York",
    "America/Nuuk",    "America/Santiago",  "Asia/Kathmandu", "Asia/Beirut",
    "Atlantic/Azores", "Antarctica/Troll",  "Asia/Gaza",      "Australia/Lord_Howe",
    "Europe/Berlin",   "Europe/Dublin",     "Pacific/Apia",   "Pacific/Auckland",
    "Pacific/Chatham", "America/St_Johns",  "Asia/Tehran",    "Pacific/Easter"};

static bool read_period(const char *text, struct policy_window *out)
{
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(period_names[i], text) != 0)
            continue;
        out->period = (enum policy_period)i;
        return strcmp(policy_period_name(out->period), text) == 0;
    }
    return false;
}

static bool read_window(char *const columns[], struct policy_window *out)
{
    unsigned hours, minutes;

    if (!read_period(columns[PERIOD], out) ||
        sscanf(columns[DAY_START], "%u:%u", &hours, &minutes) != 2)
        return false;
    out->week_start = (unsigned)atoi(columns[WEEK_START]);
    out->day_start_minutes = hours * 60 + minutes;
    return true;
}

static void run_case(struct table *table, char *const columns[])
{
    struct policy_window window = {.amount_unit_ms = 1};
    struct time_zone *zone = NULL;
    char expected[TABLE_ANSWER_SIZE], got[TABLE_ANSWER_SIZE], from[INSTANT_SIZE],
        until[INSTANT_SIZE];
    int64_t at_ms, from_ms, until_ms;

    if (!read_window(columns, &window) || !instant_read(columns[AT], &at_ms)) {
        table_fail(table, "a window and a time", "something else");
        return;
    }
    if (strcmp(columns[ZONE], "UTC") != 0) {
        zone = zones_load(columns[ZONE]);
        if (zone == NULL) {
            table_fail(table, columns[ZONE], "no zone");
            return;
        }
    }
    window.zone = zone;
    policy_window_bounds(&window, at_ms, &from_ms, &until_ms);
    instant_write(from_ms, from);
    instant_write(until_ms, until);
    snprintf(expected, sizeof(expected), "%s %s", columns[FROM], columns[UNTIL]);
    snprintf(got, sizeof(got), "%s %s", from, until);
    if (strcmp(expected, got) != 0)
        table_fail(table, expected, got);
    time_zone_free(&zone);
}

/* --- what holds for all -------------------------------------------------------------------- */

static bool bounds_are(const struct policy_window *window, int64_t at_ms, int64_t from_ms,
                       int64_t until_ms)
{
    int64_t from, until;

    policy_window_bounds(window, at_ms, &from, &until);
    return from == from_ms && until == until_ms;
}

static bool holds(const struct policy_window *window, int64_t at_ms)
{
    int64_t from_ms, until_ms, next_from_ms, next_until_ms;

    policy_window_bounds(window, at_ms, &from_ms, &until_ms);
    policy_window_bounds(window, until_ms, &next_from_ms, &next_until_ms);
    return from_ms <= at_ms && at_ms < until_ms && next_from_ms == until_ms &&
           bounds_are(window, from_ms, from_ms, until_ms) &&
           bounds_are(window, until_ms - 1, from_ms, until_ms) &&
           from_ms % TIME_ZONE_QUARTER_HOUR_MS == 0 && until_ms % TIME_ZONE_QUARTER_HOUR_MS == 0;
}

static int check_zone(const char *name)
{
    struct policy_window window = {.amount_unit_ms = 1};
    struct time_zone *zone = zones_load(name);
    uint64_t state = SEED;
    int failures = zone == NULL;

    window.zone = zone;
    for (int i = 0; zone != NULL && i < ROUNDS; i++) {
        int64_t at_ms;

        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at_ms = INT64_C(1706745600000) + (int64_t)(state >> 22) % INT64_C(3000000000000);
        window.period = (enum policy_period)(i % 3);
        window.week_start = (unsigned)(state >> 5) % 7;
        window.day_start_minutes = (unsigned)(state >> 9) % 96 * 15;
        if (holds(&window, at_ms))
            continue;
        failures++;
        fprintf(stderr, "%s, a %s from %u:%02u: periods around %lld do not touch\n", name,
                policy_period_name(window.period), window.day_start_minutes / 60,
                window.day_start_minutes % 60, (long long)at_ms);
    }
    time_zone_free(&zone);
    return failures;
}

int main(void)
{
    struct table table = {.path = "tests/policy/periods.txt",
                          .columns = COLUMNS,
                          .min_cases = 30,
                          .run_case = run_case};
    int failures = 0;

    if (!zones_present()) {
        printf("skipped: this system has no time zones (Debian: tzdata)\n");
        return 77;
    }
    for (size_t i = 0; i < sizeof(zone_names) / sizeof(zone_names[0]); i++)
        failures += check_zone(zone_names[i]);
    return table_run(&table) != 0 || failures > 0;
}
