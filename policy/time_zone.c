/*
 * The table of a zone is the file's, continued by the footer's rule for a bit more than 400 years:
 * after those the calendar repeats itself, so that each later instant has one in the table.
 */
#include "policy/time_zone.h"
#include "policy/civil.h"
#include "policy/time_rule.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LEN    44
#define TYPE_LEN      6
#define MAX_COUNT     65535 /* of anything in a header; the bounds of what is used are narrower */
#define MAX_TYPES     256
#define CYCLE_MS      (CIVIL_CYCLE_DAYS * CIVIL_DAY_MS)
#define RULE_YEARS    403      /* a cycle, and what stands out at its two ends */
#define MIN_OFFSET_S  (-89999) /* RFC 9636, section 3.2 */
#define MAX_OFFSET_S  93599
#define WIDEST_MS     (26 * INT64_C(3600000)) /* no clock is further from UTC */
#define OLDEST_S      INT64_C(-62135596800)   /* the year 1 */
#define ALIGNED_MS    INT64_C(1704067200000)  /* 2024-01-01 */
#define FIRST_YEAR    1900                    /* of the rule, where the file has no table */
#define INSTANT_LIMIT (INT64_C(1) << 53)

struct segment {
    int64_t from_ms; /* to the next one's; INT64_MIN of the first */
    int64_t offset_ms;
};

struct time_zone {
    char name[TIME_ZONE_MAX_NAME + 1];
    int64_t table_ends_ms; /* the last change that the file tells by itself; INT64_MIN: none */
    int64_t cycle_from_ms; /* from here on the table repeats every CYCLE_MS; INT64_MAX: never */
    size_t count;          /* at least 1 */
    struct segment segments[];
};

/* --- bytes --------------------------------------------------------------------------------- */

struct reader {
    const unsigned char *at;
    size_t left;
};

struct counts {
    uint32_t utc, standard, leaps, changes, types, letters;
};

static uint64_t get_big_endian(const unsigned char *at, size_t len)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

/* The next `len` bytes, or NULL where there are fewer. */
static const unsigned char *take(struct reader *reader, size_t len)
{
    const unsigned char *at = reader->at;

    if (len > reader->left)
        return NULL;
    reader->at += len;
    reader->left -= len;
    return at;
}

static int read_header(struct reader *reader, struct counts *out, struct error *err)
{
    uint32_t *const fields[] = {&out->utc,     &out->standard, &out->leaps,
                                &out->changes, &out->types,    &out->letters};
    const unsigned char *header = take(reader, HEADER_LEN);

    if (header == NULL || memcmp(header, "TZif", 4) != 0)
        return error_set(err, ERROR_INVALID, "saw no TZif header, expected a compiled time zone");
    if (header[4] < '2')
        return error_set(err, ERROR_INVALID,
                         "saw TZif of version 1, expected 2 or later: compile it with a zic that "
                         "is not from before 2006");
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        *fields[i] = (uint32_t)get_big_endian(header + 20 + 4 * i, 4);
        if (*fields[i] > MAX_COUNT)
            return error_set(err, ERROR_INVALID,
                             "saw a count of %u in the header, expected at most %d", *fields[i],
                             MAX_COUNT);
    }
    return 0;
}

/* The bytes behind a header whose times have `time_len` bytes each. */
static size_t data_len(const struct counts *counts, size_t time_len)
{
    return (size_t)counts->changes * (time_len + 1) + (size_t)counts->types * TYPE_LEN +
           counts->letters + counts->leaps * (time_len + 4) + counts->standard + counts->utc;
}

/* --- the table ----------------------------------------------------------------------------- */

/* Of what a file calls a change, some change only a name, and some nothing: they stay out. */
static void add_segment(struct time_zone *zone, int64_t from_ms, int64_t offset_ms)
{
    if (zone->count > 0 && zone->segments[zone->count - 1].offset_ms == offset_ms)
        return;
    zone->segments[zone->count++] = (struct segment){from_ms, offset_ms};
}

static int read_offset(const unsigned char *types, size_t index, int64_t *out_ms, struct error *err)
{
    const int32_t seconds = (int32_t)get_big_endian(types + index * TYPE_LEN, 4);

    if (seconds < MIN_OFFSET_S || seconds > MAX_OFFSET_S)
        return error_set(err, ERROR_INVALID, "saw an offset of %d s from UTC, expected %d to %d",
                         seconds, MIN_OFFSET_S, MAX_OFFSET_S);
    *out_ms = seconds * INT64_C(1000);
    return 0;
}

static int read_changes(const struct counts *counts, const unsigned char *data,
                        struct time_zone *zone, struct error *err)
{
    const unsigned char *indexes = data + counts->changes * 8;
    const unsigned char *types = indexes + counts->changes;
    int64_t offset_ms = 0, before_s = INT64_MIN;
    int rc = read_offset(types, 0, &offset_ms, err); /* before the first change */

    if (rc == 0)
        add_segment(zone, INT64_MIN, offset_ms);
    for (size_t i = 0; rc == 0 && i < counts->changes; i++) {
        const int64_t at_s = (int64_t)get_big_endian(data + 8 * i, 8);

        if (at_s <= before_s || at_s >= CIVIL_MAX_MS / 1000)
            return error_set(err, ERROR_INVALID, "saw changes out of order or after the year 9999");
        before_s = at_s;
        if (indexes[i] >= counts->types)
            return error_set(err, ERROR_INVALID, "saw a change to type %u of %u", indexes[i],
                             counts->types);
        rc = read_offset(types, indexes[i], &offset_ms, err);
        if (rc != 0)
            return rc;
        if (at_s < OLDEST_S) {
            zone->segments[0].offset_ms = offset_ms;
            continue;
        }
        add_segment(zone, at_s * 1000, offset_ms);
        zone->table_ends_ms = at_s * 1000;
    }
    return rc;
}

/* What the footer's rule says from the last change of the table on. */
static int add_rule(const struct time_rule *rule, struct time_zone *zone, struct error *err)
{
    const int64_t year = zone->table_ends_ms == INT64_MIN
                             ? FIRST_YEAR
                             : civil_from_day(civil_day_of_ms(zone->table_ends_ms)).year;

    zone->cycle_from_ms = civil_to_day(year + 1, 1, 1) * CIVIL_DAY_MS;
    for (int64_t i = 0; i < 2 * RULE_YEARS; i++) {
        struct time_change changes[2];
        const struct time_change *change = &changes[i % 2];
        struct segment *last = &zone->segments[zone->count - 1];

        time_rule_changes(rule, year - 1 + i / 2, changes);
        if (change->at_ms <= zone->table_ends_ms)
            continue;
        if (change->at_ms < last->from_ms)
            return error_set(err, ERROR_INVALID, "saw a rule whose changes overtake each other");
        if (change->at_ms == last->from_ms)
            last->offset_ms = change->offset_ms; /* summer time that never ends */
        else
            add_segment(zone, change->at_ms, change->offset_ms);
    }
    return 0;
}

static int read_footer(struct reader *reader, struct time_zone *zone, struct error *err)
{
    const unsigned char *newline = take(reader, 1);
    const unsigned char *end = newline == NULL ? NULL : memchr(reader->at, '\n', reader->left);
    const char *text = (const char *)reader->at;
    struct time_rule rule;
    int rc;

    if (newline == NULL || *newline != '\n' || end == NULL)
        return error_set(err, ERROR_INVALID, "saw no footer between two line ends");
    if (end == reader->at)
        return 0; /* the last change of the table stays in force */
    rc = time_rule_parse(text, (size_t)(end - reader->at), &rule, err);
    if (rc == 0 && zone->table_ends_ms == INT64_MIN)
        zone->segments[0].offset_ms = rule.standard_ms; /* without a table the rule says it all */
    if (rc == 0 && rule.has_summer)
        rc = add_rule(&rule, zone, err);
    return rc;
}

static int check_aligned(const struct time_zone *zone, struct error *err)
{
    for (size_t i = 0; i < zone->count; i++) {
        const struct segment *segment = &zone->segments[i];

        if (i + 1 < zone->count && segment[1].from_ms <= ALIGNED_MS)
            continue;
        if (segment->offset_ms % TIME_ZONE_QUARTER_HOUR_MS != 0 ||
            (segment->from_ms > ALIGNED_MS && segment->from_ms % TIME_ZONE_QUARTER_HOUR_MS != 0))
            return error_set(err, ERROR_INVALID,
                             "saw a clock that is not a multiple of 15 minutes off UTC, or changes "
                             "at another time: budgets are kept by quarter-hours");
    }
    return 0;
}

static int check_counts(const struct counts *counts, struct error *err)
{
    if (counts->leaps != 0)
        return error_set(err, ERROR_INVALID,
                         "saw leap seconds, expected none: take the zone without \"right/\"");
    if (counts->types < 1 || counts->types > MAX_TYPES || counts->changes > TIME_ZONE_MAX_CHANGES)
        return error_set(err, ERROR_INVALID,
                         "saw %u types and %u changes, expected 1 to %d and at most %d",
                         counts->types, counts->changes, MAX_TYPES, TIME_ZONE_MAX_CHANGES);
    return 0;
}

/* The second block, of 64-bit times, and the footer. `*out` is the caller's also after an error. */
static int read_zone(const char *name, struct reader *reader, struct time_zone **out,
                     struct error *err)
{
    struct counts counts = {0};
    const unsigned char *data;
    int rc = read_header(reader, &counts, err);

    if (rc == 0)
        rc = check_counts(&counts, err);
    if (rc != 0)
        return rc;
    data = take(reader, data_len(&counts, 8));
    if (data == NULL)
        return error_set(err, ERROR_INVALID, "saw a file that ends within its table");
    *out = calloc(1, sizeof(**out) +
                         (1 + counts.changes + 2 * RULE_YEARS) * sizeof((*out)->segments[0]));
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a time zone");
    memcpy((*out)->name, name, strlen(name) + 1);
    (*out)->table_ends_ms = INT64_MIN;
    (*out)->cycle_from_ms = INT64_MAX;
    rc = read_changes(&counts, data, *out, err);
    if (rc == 0)
        rc = read_footer(reader, *out, err);
    if (rc == 0)
        rc = check_aligned(*out, err);
    return rc;
}

int time_zone_parse(const char *name, const void *tzif, size_t len, struct time_zone **out,
                    struct error *err)
{
    struct reader reader = {tzif, len};
    struct counts counts = {0};
    int rc;

    *out = NULL;
    if (len > TIME_ZONE_MAX_BYTES || strlen(name) > TIME_ZONE_MAX_NAME)
        return error_set(err, ERROR_INVALID, "saw %zu bytes, expected a TZif file of at most %d",
                         len, TIME_ZONE_MAX_BYTES);
    rc = read_header(&reader, &counts, err);
    if (rc != 0)
        return rc;
    /* The first block is for readers of 32-bit times. */
    if (take(&reader, data_len(&counts, 4)) == NULL)
        return error_set(err, ERROR_INVALID, "saw a file that ends within its first table");
    rc = read_zone(name, &reader, out, err);
    if (rc != 0)
        time_zone_free(out);
    return rc;
}

void time_zone_free(struct time_zone **zone)
{
    if (zone == NULL)
        return;
    free(*zone);
    *zone = NULL;
}

const char *time_zone_name(const struct time_zone *zone)
{
    return zone->name;
}

/* --- looking up ---------------------------------------------------------------------------- */

static int64_t clamp_instant(int64_t at_ms)
{
    if (at_ms > INSTANT_LIMIT)
        return INSTANT_LIMIT;
    return at_ms < -INSTANT_LIMIT ? -INSTANT_LIMIT : at_ms;
}

/* By how much an instant has to go back to be one that the table has; whole cycles. */
static int64_t beyond_table(const struct time_zone *zone, int64_t at_ms)
{
    if (zone->cycle_from_ms == INT64_MAX || at_ms < zone->cycle_from_ms)
        return 0;
    return (at_ms - zone->cycle_from_ms) / CYCLE_MS * CYCLE_MS;
}

static const struct segment *find_segment(const struct time_zone *zone, int64_t at_ms)
{
    size_t low = 0, high = zone->count; /* the segment is in [low, high) */

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;

        if (zone->segments[middle].from_ms <= at_ms)
            low = middle;
        else
            high = middle;
    }
    return &zone->segments[low];
}

int64_t time_zone_offset_ms(const struct time_zone *zone, int64_t at_ms)
{
    at_ms = clamp_instant(at_ms);
    return find_segment(zone, at_ms - beyond_table(zone, at_ms))->offset_ms;
}

int64_t time_zone_to_utc_ms(const struct time_zone *zone, int64_t local_ms)
{
    const struct segment *end = zone->segments + zone->count, *segment;
    int64_t back_ms, at_ms;

    local_ms = clamp_instant(local_ms);
    back_ms = beyond_table(zone, local_ms - WIDEST_MS);
    local_ms -= back_ms;
    segment = find_segment(zone, local_ms - WIDEST_MS); /* its clock did not show it before this */
    for (; segment + 1 < end; segment++) {
        if (local_ms - segment->offset_ms < segment[1].from_ms)
            break;
    }
    at_ms = local_ms - segment->offset_ms;
    if (at_ms < segment->from_ms)
        at_ms = segment->from_ms; /* it was skipped */
    return at_ms + back_ms;
}
