/* A zone that was accepted has an answer for every instant, and its two directions agree. */
#include "policy/civil.h"
#include "policy/time_zone.h"
#include "policy/window.h"
#include "tests/fuzz/fuzz.h"

#include <stdbool.h>

static void check_instant(const struct time_zone *zone, int64_t at_ms)
{
    const int64_t local_ms = at_ms + time_zone_offset_ms(zone, at_ms);
    const int64_t first_ms = time_zone_to_utc_ms(zone, local_ms);

    /* The clock shows it at `at_ms`; the first time that it does is not later. */
    MUST(first_ms <= at_ms);
    MUST(first_ms + time_zone_offset_ms(zone, first_ms) == local_ms);
    MUST(first_ms - 1 + time_zone_offset_ms(zone, first_ms - 1) < local_ms);
}

static void check_periods(const struct time_zone *zone, int64_t at_ms)
{
    for (unsigned period = POLICY_DAY; period <= POLICY_TOTAL; period++) {
        const struct policy_window window = {.amount_unit_ms = 1,
                                             .period = (enum policy_period)period,
                                             .day_start_minutes = 165,
                                             .zone = zone};
        int64_t from_ms, until_ms;

        policy_window_bounds(&window, at_ms, &from_ms, &until_ms);
        MUST(from_ms <= at_ms && at_ms < until_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct time_zone *zone = NULL;
    struct error err = {0};

    if (time_zone_parse("Fuzzed", data, size, &zone, &err) != 0) {
        MUST(zone == NULL && err.message[0] != '\0');
        return 0;
    }
    /* Years from before the table to far behind it, in steps that meet all hours and seasons. */
    for (int64_t at_ms = -CIVIL_MAX_MS / 8; at_ms < CIVIL_MAX_MS; at_ms += CIVIL_MAX_MS / 997)
        check_instant(zone, at_ms);
    for (int64_t at_ms = 0; at_ms < CIVIL_MAX_MS; at_ms += CIVIL_MAX_MS / 97)
        check_periods(zone, at_ms);
    MUST(time_zone_offset_ms(zone, INT64_MAX) == time_zone_offset_ms(zone, INT64_MAX - 1));
    (void)time_zone_offset_ms(zone, INT64_MIN);
    (void)time_zone_to_utc_ms(zone, INT64_MIN);
    (void)time_zone_to_utc_ms(zone, INT64_MAX);
    time_zone_free(&zone);
    return 0;
}
