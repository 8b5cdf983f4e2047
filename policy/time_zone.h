/* A time zone: where its clock stands at an instant, and the instant at which it stands there. */
#ifndef LOOKOUT_POLICY_TIME_ZONE_H
#define LOOKOUT_POLICY_TIME_ZONE_H

#include "policy/error.h"

#include <stddef.h>
#include <stdint.h>

#define TIME_ZONE_MAX_NAME        64
#define TIME_ZONE_MAX_BYTES       65536 /* of a TZif file; those of IANA have at most 4 KB */
#define TIME_ZONE_MAX_CHANGES     2000  /* in a file's table; those of IANA have at most 250 */
#define TIME_ZONE_QUARTER_HOUR_MS INT64_C(900000)

struct time_zone; /* immutable; shared between threads freely */

/*
 * Parses a whole TZif file (RFC 9636, version 2 or later: the 64-bit table, and the footer's rule
 * for the years beyond it). ERROR_INVALID for what is malformed or out of bounds; for leap seconds
 * (the "right/" zones, whose clock is not the one of UTC); and where the clock is not a multiple of
 * a quarter of an hour off UTC, or changes between two quarters, at any time since 2024: budgets
 * are kept by quarter-hours. `*out` is owned by the caller, and NULL after an error.
 */
int time_zone_parse(const char *name, const void *tzif, size_t len, struct time_zone **out,
                    struct error *err) __attribute__((warn_unused_result));
void time_zone_free(struct time_zone **zone);

/* The name that it was parsed with. Borrowed. */
const char *time_zone_name(const struct time_zone *zone);

/* Local time is UTC + this. For any instant; beyond the year 280000 the answer stays what it is. */
int64_t time_zone_offset_ms(const struct time_zone *zone, int64_t at_ms);

/*
 * The first instant at which the clock shows `local_ms` (as if its 1970-01-01 00:00 were 0) or
 * later. So a time that is skipped is the end of the gap, and of a time that comes twice it is the
 * first.
 */
int64_t time_zone_to_utc_ms(const struct time_zone *zone, int64_t local_ms);

/*
 * How a policy gets at zones: reading files is not for this floor (gateway/base/zone_file.h does).
 * `*out` is owned by the caller. ERROR_NOT_FOUND where there is none of that name; the message says
 * where it was looked for.
 */
typedef int time_zone_load_fn(void *context, const char *name, struct time_zone **out,
                              struct error *err);

#endif
