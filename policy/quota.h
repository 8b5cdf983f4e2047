/* The numbers a decision is made of: what is asked, what is held, what each rule says to it. */
#ifndef LOOKOUT_POLICY_QUOTA_H
#define LOOKOUT_POLICY_QUOTA_H

#include "policy/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One start, or one extension of a lease. Strings are borrowed. */
struct quota_request {
    const char *team;
    const char *project;
    int64_t
        units; /* the worst case: MaxInferenceUnits, else MinInferenceUnits; below 1 is refused */
    /* The model is held already: what is counted at one moment (units, models) is not asked again,
     * only the lease and unit-hours are. */
    bool extension;
    /* Also look for leases longer than this one: quota_decision.largest_lease_now_ms. */
    bool look_ahead;
    int64_t now_ms;
    int64_t lease_ms; /* the whole lease, from its start */
    /* The unit-time to be reserved, [from, until): of a start from now until the lease's end and
     * what a stop may take, of an extension from the old such end to the new one. */
    int64_t from_ms, until_ms;
};

#define QUOTA_MAX_INTERVAL_MS (62 * INT64_C(86400000)) /* of [from, until) */

/*
 * What one scope (the account, or one team) holds. `used` is what is known to run (ACTIVE,
 * STOPPING), `reserved` what may run (PENDING, UNCERTAIN); promise 2 is used + reserved <= limit.
 */
struct quota_usage {
    int64_t used_units, reserved_units;
    int64_t used_models, reserved_models;
};

/* Unit-time of one scope in some interval, in unit-milliseconds: what was settled and what live
 * reservations have run (used), and the rest of their worst case (reserved). */
struct quota_unit_time {
    int64_t used, reserved;
};

enum quota_scope { QUOTA_SCOPE_TEAM, QUOTA_SCOPE_ACCOUNT };

/* What is held and what was used, as the ledger knows it at one moment. */
struct quota_books {
    struct quota_usage account, team;
    /* The unit-time of the account, or of the request's team, in [from, until). Asked only for the
     * periods of windows, which end on quarter-hours. */
    int (*unit_time)(void *self, enum quota_scope scope, int64_t from_ms, int64_t until_ms,
                     struct quota_unit_time *out, struct error *err);
    /* The latest worst end of what lives of that scope; 0 where nothing does. No unit-time is
     * reserved behind it. Asked only by policy_find_exceeded. */
    int (*held_until)(void *self, enum quota_scope scope, int64_t *until_ms, struct error *err);
    void *self;
};

enum quota_rule_kind {
    QUOTA_TEAM_KNOWN,       /* the policy names the team */
    QUOTA_PROJECT_ALLOWED,  /* a pattern of the team matches the project */
    QUOTA_UNITS_PER_MODEL,  /* requested <= limit; what is held plays no part, and counts as 0 */
    QUOTA_CONCURRENT_UNITS, /* used + reserved + requested <= limit */
    QUOTA_RUNNING_MODELS,   /* the same, requested = 1 model */
    QUOTA_LEASE,            /* requested <= limit, in minutes */
    QUOTA_UNIT_HOURS        /* used + reserved + requested <= limit, in unit-milliseconds, in each
                             * period that the request touches */
};

/*
 * One rule's answer. For the two name rules the numbers are all 0. A rule of unit-hours shows one
 * period: of those that the request touches the one in which the fewest units fit.
 */
struct quota_rule {
    enum quota_rule_kind kind;
    enum quota_scope scope; /* whose rule it is, and whose usage `used` and `reserved` are */
    /* JSON pointer of the rule in the policy: "/teams/assembly-line/limits/concurrent_units". Of a
     * name rule: what was matched, or the place where a match was looked for. */
    char pointer[160];
    int64_t limit; /* POLICY_NO_LIMIT rules are left out, so this is always a real number */
    int64_t used, reserved, requested;
    /* The largest `requested` that this rule would admit now; 0 or more. Of unit-hours: the most
     * units at this lease; POLICY_NO_LIMIT where the request adds no time, which always fits. */
    int64_t fits_now;
    bool admits;      /* now */
    bool ever_admits; /* whatever ends and whatever is reset */
    /* Of unit-hours; all that answers need, so that a decision outlives its policy. */
    enum policy_period period;
    int64_t period_from_ms, resets_ms; /* INT64_MAX: a total is never reset */
    int64_t resets_local_ms;           /* what the window's clock shows at the reset */
    char time_zone[TIME_ZONE_MAX_NAME + 1];
};

enum quota_verdict {
    QUOTA_ADMITTED,
    QUOTA_REFUSED_NOW, /* fits when something ended or was reset: HTTP 429 */
    QUOTA_REFUSED_EVER /* can never fit under this policy: HTTP 403 */
};

#define QUOTA_MAX_RULES    (2 + 2 * (4 + POLICY_MAX_WINDOWS))
#define QUOTA_PROJECTS_MAX 256

struct quota_decision {
    enum quota_verdict verdict;
    size_t rule_count;
    /* Index of the rule that binds: the first that never admits, else the one with the smallest
     * fits_now among those that refuse now. Meaningless where the verdict is QUOTA_ADMITTED. */
    size_t binding;
    /* Units of one model that all rules together would admit now; POLICY_NO_LIMIT where none
     * limits. */
    int64_t largest_units_now;
    /* The longest lease at these units that all rules together would admit now; POLICY_NO_LIMIT
     * where none limits. Of a request that is admitted it is its own, but with `look_ahead`. */
    int64_t largest_lease_now_ms;
    int64_t earliest_ms; /* of policy_find_earliest, for the caller to put here; 0 = not computed */
    /* Where the project is not allowed: "circuit-boards, solder-* and 3 more". Else "". */
    char team_projects[QUOTA_PROJECTS_MAX];
    /* Every rule that was looked at, in policy order; beyond rule_count they are not set. */
    struct quota_rule rules[QUOTA_MAX_RULES];
};

/* Names that stand in answers and logs; stable. "concurrent_units", ... / "admitted", ... */
const char *quota_rule_name(enum quota_rule_kind kind);
/* What its numbers count: "units", "models", "minutes", "unit-hours"; "" of a name rule. */
const char *quota_rule_unit(enum quota_rule_kind kind);
const char *quota_verdict_name(enum quota_verdict verdict);

#endif
