/* What the emulator tells about its models as JSON: their state, and the bill. Pure. */
#ifndef LOOKOUT_EMULATOR_REPORT_H
#define LOOKOUT_EMULATOR_REPORT_H

#include "tests/emulator/hosting.h"

#include <jansson.h>
#include <stdint.h>

/* All of these return a new object or array that the caller owns, or NULL when memory is out. */

/* {"model", "status", "since_ms", "min_units", …, "starts": [{"token", "at_ms", …}]} */
json_t *report_model(const struct hosting_model *model);

/* An array with each model, in the order they were made. */
json_t *report_models(struct hosting *hosting, int64_t now_ms);

/*
 * {"now_ms", "unit_ms", "billed_minutes", "unit_minutes", "models": [{"model", …, "runs":
 * [{"from_ms", "to_ms": number or null, "units"}]}]}: models that never ran are left out. A begun
 * minute of a run counts as one.
 */
json_t *report_bill(struct hosting *hosting, int64_t now_ms);

/* The sums over runs; one that goes on is counted to `now_ms`. */
struct report_sums {
    int64_t unit_ms;
    int64_t billed_minutes;
    int64_t unit_minutes;
};
void report_add_run(struct report_sums *sums, const struct hosting_run *run, int64_t now_ms);

#endif
