/* The numbers a decision is made of: what is asked, what is held, what each rule says to it. */
#ifndef LOOKOUT_POLICY_QUOTA_H
#define LOOKOUT_POLICY_QUOTA_H

#include "policy/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one start asks for. Strings are borrowed. */
struct quota_request {
    const char *team;
    const char *project;
    int64_t
        units; /* the worst case: MaxInferenceUnits, else MinInferenceUnits; below 1 is refused */
};

/*
 * What one scope (the account, or one team) holds. `used` is what is known to run (ACTIVE,
 * STOPPING), `reserved` what may run (PENDING, UNCERTAIN); promise 2 is used + reserved <= limit.
 */
struct quota_usage {
    int64_t used_units, reserved_units;
    int64_t used_models, reserved_models;
};

struct quota_unit_time {
    int64_t used;     /* unit-milliseconds: settled, and elapsed of what is held */
    int64_t reserved; /* the rest of the worst case of what is held */
};

enum quota_scope { QUOTA_SCOPE_TEAM, QUOTA_SCOPE_ACCOUNT };

/* What is known at one instant, as a decision may ask for it; the ledger fills it. */
struct quota_books {
    struct quota_usage account, team;
    /* Unit-time of a scope within [from, until), both on quarter-hours. */
    int (*unit_time)(void *self, enum quota_scope scope, int64_t from_ms, int64_t until_ms,
                     struct quota_unit_time *out, struct error *err);
    void *self;
};

enum quota_rule_kind {
    QUOTA_TEAM_KNOWN,       /* the policy names the team */
    QUOTA_PROJECT_ALLOWED,  /* a pattern of the team matches the project */
    QUOTA_UNITS_PER_MODEL,  /* requested <= limit; what is held plays no part, and counts as 0 */
    QUOTA_CONCURRENT_UNITS, /* used + reserved + requested <= limit */
    QUOTA_RUNNING_MODELS    /* the same, requested = 1 model */
};

/* One rule's answer. For the two name rules the numbers are all 0. */
struct quota_rule {
    enum quota_rule_kind kind;
    enum quota_scope scope; /* whose rule it is, and whose usage `used` and `reserved` are */
    /* JSON pointer of the rule in the policy: "/teams/assembly-line/limits/concurrent_units". Of a
     * name rule: what was matched, or the place where a match was looked for. */
    char pointer[160];
    int64_t limit; /* POLICY_NO_LIMIT rules are left out, so this is always a real number */
    int64_t used, reserved, requested;
    int64_t fits_now; /* the largest `requested` that this rule would admit now; 0 or more */
    bool admits;      /* now */
    bool ever_admits; /* with nothing held at all */
};

enum quota_verdict {
    QUOTA_ADMITTED,
    QUOTA_REFUSED_NOW, /* fits when something else ended: HTTP 429 */
    QUOTA_REFUSED_EVER /* can never fit under this policy: HTTP 403 */
};

#define QUOTA_MAX_RULES    8
#define QUOTA_PROJECTS_MAX 256

struct quota_decision {
    enum quota_verdict verdict;
    struct quota_rule rules[QUOTA_MAX_RULES]; /* every rule that was looked at, in policy order */
    size_t rule_count;
    /* Index of the rule that binds: the first that never admits, else the one with the smallest
     * fits_now among those that refuse now. Meaningless where the verdict is QUOTA_ADMITTED. */
    size_t binding;
    /* Units of one model that all rules together would admit now; POLICY_NO_LIMIT where none
     * limits. */
    int64_t largest_units_now;
    /* Where the project is not allowed: "circuit-boards, solder-* and 3 more". Else "". */
    char team_projects[QUOTA_PROJECTS_MAX];
};

/* Names that stand in answers and logs; stable. "concurrent_units", ... / "admitted", ... */
const char *quota_rule_name(enum quota_rule_kind kind);
const char *quota_verdict_name(enum quota_verdict verdict);

#endif
