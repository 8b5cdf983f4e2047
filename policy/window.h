/* A budget's window: so many unit-hours in each day, week or month of a clock, or for ever. */
#ifndef LOOKOUT_POLICY_WINDOW_H
#define LOOKOUT_POLICY_WINDOW_H

#include "policy/civil.h"
#include "policy/time_zone.h"

#include <stdbool.h>
#include <stdint.h>

enum policy_period { POLICY_DAY, POLICY_WEEK, POLICY_MONTH, POLICY_TOTAL };

struct policy_window {
    int64_t amount_unit_ms;
    enum policy_period period;
    unsigned week_start;          /* 0 = Monday */
    unsigned day_start_minutes;   /* of the clock, after midnight; a multiple of 15 */
    const struct time_zone *zone; /* borrowed from the policy; NULL = UTC */
};

/*
 * The period [from, until) in which the instant lies. Periods touch each other and leave nothing
 * out, whatever the clock does: a start that is skipped is the end of the gap, one that comes twice
 * is the first. Since 2024 both are multiples of a quarter of an hour. Of POLICY_TOTAL, and for
 * instants outside of 1970 to 9999, an end may be 0 or INT64_MAX.
 */
void policy_window_bounds(const struct policy_window *window, int64_t at_ms, int64_t *from_ms,
                          int64_t *until_ms);

/* The instant at which the window's day `day` (since 1970-01-01, of its clock) begins. */
int64_t policy_window_find_day(const struct policy_window *window, int64_t day);

/* --- in words ------------------------------------------------------------------------------ */

/* As the document writes them, and whoever asks for the same periods. Lists end with NULL. */
extern const char *const policy_period_words[];     /* "day", ..., by enum policy_period */
extern const char *const policy_week_start_words[]; /* "monday", ..., by week_start */

#define POLICY_DAY_START_WORDS "a quarter of an hour from \"00:00\" to \"23:45\""
/* "06:00", as day_start_minutes; false for what is not POLICY_DAY_START_WORDS. */
bool policy_day_start_parse(const char *text, unsigned *minutes);

const char *policy_period_name(enum policy_period period);

/* The zone's name; "UTC" where there is none. Borrowed. */
const char *policy_window_zone_name(const struct policy_window *window);

/* What the window's clock shows (as if its 1970-01-01 00:00 were 0); INT64_MAX stays what it is. */
int64_t policy_window_to_local(const struct policy_window *window, int64_t at_ms);

#endif
