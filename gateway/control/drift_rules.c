/* Drift, as far as it is a matter of rows and observations alone. */
#include "gateway/control/drift_rules.h"

#include "policy/document.h"

#include <stdio.h>
#include <string.h>

int64_t drift_described_units(const struct upstream_description *description)
{
    return description->max_inference_units > 0 ? description->max_inference_units
                                                : description->min_inference_units;
}

void drift_fill_row(const struct upstream_model *model, const struct observation *observation,
                    const struct upstream_description *description, int64_t units_per_model,
                    struct reservation *row)
{
    *row = (struct reservation){
        .state = RESERVATION_ACTIVE,
        .origin = RESERVATION_ORIGIN_DRIFT,
        .min_units = description->min_inference_units,
        .max_units = description->max_inference_units,
        .units = drift_described_units(description),
        .created_ms = observation->began_ms,
        .lease_end_ms = RESERVATION_NO_LEASE_MS,
        .worst_end_ms = observation->began_ms,
        .seen_running_ms = observation->began_ms,
        .observed_ms = observation->began_ms,
    };
    if (row->units == 0)
        row->units = units_per_model == POLICY_NO_LIMIT ? 1 : units_per_model;
    if (row->min_units == 0)
        row->min_units = row->units;
    (void)snprintf(row->team, sizeof(row->team), "%s", RESERVATION_TEAM_UNASSIGNED);
    (void)snprintf(row->project, sizeof(row->project), "%s", model->project);
    (void)snprintf(row->version, sizeof(row->version), "%s", model->version);
    (void)snprintf(row->status, sizeof(row->status), "%s", model_status_name(observation->status));
}

bool drift_is_unassigned(const struct reservation *row)
{
    return row->origin == RESERVATION_ORIGIN_DRIFT &&
           strcmp(row->team, RESERVATION_TEAM_UNASSIGNED) == 0;
}

bool drift_stop_due(const struct control_settings *settings, const struct observation *observation,
                    const struct reservation *row)
{
    return row->state == RESERVATION_ACTIVE && drift_is_unassigned(row) &&
           observation->kind == OBSERVED_RUNNING && row->seen_running_ms != 0 &&
           observation->began_ms - row->seen_running_ms >= settings->quiet_ms;
}

enum drift_units drift_compare_units(const struct control_settings *settings,
                                     const struct observation *observation,
                                     const struct upstream_description *description,
                                     struct reservation *row)
{
    int64_t described = drift_described_units(description);
    if (observation->kind != OBSERVED_RUNNING || described == 0 ||
        !rules_shows_this_run(settings, observation, row))
        return DRIFT_UNITS_EQUAL;
    if (described < row->units)
        return DRIFT_UNITS_FEWER;
    if (described == row->units)
        return DRIFT_UNITS_EQUAL;
    row->units = described;
    return DRIFT_UNITS_RAISED;
}
