/* The limits of the account or of one team, as a policy's document has them. */
#ifndef LOOKOUT_POLICY_LIMITS_H
#define LOOKOUT_POLICY_LIMITS_H

#include "policy/window.h"

#include <stddef.h>
#include <stdint.h>

#define POLICY_MAX_UNITS         1000000
#define POLICY_NO_LIMIT          INT64_MAX
#define POLICY_MAX_WINDOWS       8          /* of one team, or of the account */
#define POLICY_MAX_ZONES         100        /* different time zones of a whole document */
#define POLICY_MAX_AMOUNT        1000000000 /* unit-hours of one window */
#define POLICY_MAX_LEASE_MINUTES 44640      /* 31 days, where a policy says nothing */

/* POLICY_NO_LIMIT where the document says nothing. */
struct policy_limits {
    int64_t concurrent_units; /* inference units of all models together */
    int64_t running_models;   /* models that run at the same time */
    int64_t units_per_model;  /* inference units of one model */
    struct policy_window windows[POLICY_MAX_WINDOWS];
    size_t window_count;
    int64_t lease_default_minutes, lease_max_minutes; /* 0 = not said; use policy_lease */
};

#endif
