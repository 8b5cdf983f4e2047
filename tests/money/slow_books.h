/*
 * Unit-time counted a second time, slowly and in another way than policy/ and ledger/ do it: each
 * lease is walked in quarter-hours, and each quarter-hour belongs to the period that its local
 * civil date names. Zones are computed from the two rules below, not read from files.
 */
#ifndef LOOKOUT_TESTS_SLOW_BOOKS_H
#define LOOKOUT_TESTS_SLOW_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOW_QUARTER_MS  (INT64_C(15) * 60 * 1000)
#define SLOW_PERIODS_MAX 512
#define SLOW_LEASES_MAX  8192
#define SLOW_TEAM_MAX    65

enum slow_zone { SLOW_UTC, SLOW_BERLIN, SLOW_NEW_YORK };
const char *slow_zone_name(enum slow_zone zone);
/* Local time less UTC. */
int64_t slow_zone_offset_ms(enum slow_zone zone, int64_t at_ms);

enum slow_period { SLOW_DAY, SLOW_WEEK, SLOW_MONTH, SLOW_TOTAL };

struct slow_window {
    enum slow_zone zone;
    enum slow_period period;
    unsigned week_start; /* 0 = Monday */
    unsigned day_start_minutes;
};

/* Days since 1970-01-01 of a civil date (month 1 to 12), and back. */
int64_t slow_days(int year, unsigned month, unsigned day);
void slow_civil(int64_t days, int *year, unsigned *month, unsigned *day);
/* UTC milliseconds of a UTC date and time. */
int64_t slow_utc_ms(int year, unsigned month, unsigned day, unsigned hour, unsigned minute);

/* The periods of one window between two instants, numbered in their order. */
struct slow_calendar {
    int64_t from_ms, until_ms; /* whole quarter-hours */
    size_t periods;
    int64_t begins_ms[SLOW_PERIODS_MAX + 1]; /* of each; the last entry = until_ms */
    uint16_t *of_quarter;
};
/* Aborts where there are more than SLOW_PERIODS_MAX. The first and the last may be cut. */
void slow_calendar_make(struct slow_calendar *calendar, const struct slow_window *window,
                        int64_t from_ms, int64_t until_ms);
void slow_calendar_free(struct slow_calendar *calendar);
size_t slow_calendar_period(const struct slow_calendar *calendar, int64_t at_ms);

/* What counts of one lease. */
struct slow_lease {
    char team[SLOW_TEAM_MAX];
    int64_t units;
    int64_t created_ms, worst_end_ms;
    int64_t ended_ms; /* valid where it is not live */
    bool live;
    bool counts; /* false: it never started and gives all back */
};

struct slow_unit_time {
    int64_t used, reserved; /* unit-milliseconds */
    int64_t overrun;        /* the part of `used` that lies beyond the leases' worst ends */
};

/* Adds one lease to each period that it touches, as of `now_ms`. What lies outside of the calendar
 * is left out. `sums` has calendar->periods entries. */
void slow_add_lease(const struct slow_calendar *calendar, const struct slow_lease *lease,
                    int64_t now_ms, struct slow_unit_time *sums);

#endif
