/* The rule in the footer of a TZif file: how the clock changes in the years beyond its table. */
#ifndef LOOKOUT_POLICY_TIME_RULE_H
#define LOOKOUT_POLICY_TIME_RULE_H

#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIME_RULE_MAX_LEN 100

enum time_rule_kind {
    TIME_RULE_DAY_OF_YEAR,     /* "Jn": 1 to 365, the 29th of February is never counted */
    TIME_RULE_DAY_FROM_ZERO,   /* "n": 0 to 365, it is */
    TIME_RULE_WEEKDAY_OF_MONTH /* "Mm.w.d": week 5 is the last, day 0 is Sunday */
};

struct time_rule_date {
    enum time_rule_kind kind;
    int month, week, day;
    int64_t time_ms; /* of the clock before the change; RFC 9636 allows -167 to 167 hours */
};

struct time_rule {
    bool has_summer; /* whether the clock changes at all; without, only `standard_ms` counts */
    int64_t standard_ms, summer_ms; /* local = UTC + this */
    struct time_rule_date to_summer, to_standard;
};

struct time_change {
    int64_t at_ms;     /* UTC */
    int64_t offset_ms; /* from then on */
};

/*
 * Reads a TZ string (POSIX.1, section 8.3, with the extensions of RFC 9636, section 3.3.1), such as
 * "CET-1CEST,M3.5.0,M10.5.0/3". `text` needs no NUL. ERROR_INVALID for anything else.
 */
int time_rule_parse(const char *text, size_t len, struct time_rule *out, struct error *err)
    __attribute__((warn_unused_result));

/* The two changes of a year, the earlier first. For a rule with `has_summer`. */
void time_rule_changes(const struct time_rule *rule, int64_t year, struct time_change out[2]);

#endif
