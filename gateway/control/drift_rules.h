/*
 * Rule 12 as pure functions: what runs without a reservation, what its row says, when it is
 * stopped; and what AWS runs with other units than a row holds. No clock, no I/O.
 */
#ifndef LOOKOUT_CONTROL_DRIFT_RULES_H
#define LOOKOUT_CONTROL_DRIFT_RULES_H

#include "gateway/control/rules.h"

/* The most units that AWS may bill for what it describes: the maximum, else the minimum. 0 where it
 * tells neither. */
int64_t drift_described_units(const struct upstream_description *description);

/*
 * The row of a model that was observed running, complete but for id and client token. Units that
 * AWS does not tell are `units_per_model`, the account's (POLICY_NO_LIMIT: 1). Metering begins with
 * the observation: before it nobody looked.
 */
void drift_fill_row(const struct upstream_model *model, const struct observation *observation,
                    const struct upstream_description *description, int64_t units_per_model,
                    struct reservation *row);

/* Whether a row is drift that nobody has been made to answer for. */
bool drift_is_unassigned(const struct reservation *row);

/*
 * Whether drift is to be stopped, where the policy says so: two observations of it running, QUIET
 * apart. In between a late answer to somebody's start could still have explained it.
 */
bool drift_stop_due(const struct control_settings *settings, const struct observation *observation,
                    const struct reservation *row);

enum drift_units {
    DRIFT_UNITS_EQUAL,
    DRIFT_UNITS_RAISED, /* row->units is what AWS runs it with: the caller writes the row */
    DRIFT_UNITS_FEWER   /* it may be charged too much, never too little; nothing changed */
};
/*
 * Compares what AWS describes with what the row holds. Only QUIET after the last start: before
 * that, DescribeModel may still show the run before. Charging is from the row's beginning, so that
 * nothing is lost by waiting.
 */
enum drift_units drift_compare_units(const struct control_settings *settings,
                                     const struct observation *observation,
                                     const struct upstream_description *description,
                                     struct reservation *row);

#endif
