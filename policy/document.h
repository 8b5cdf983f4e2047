/* The policy: an immutable document that says how much each team and the account may run, and how
 * long. */
#ifndef LOOKOUT_POLICY_DOCUMENT_H
#define LOOKOUT_POLICY_DOCUMENT_H

#include "policy/error.h"
#include "policy/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_MAX_BYTES    (1024 * 1024)
#define POLICY_MAX_TEAMS    1000
#define POLICY_MAX_PROJECTS 100 /* patterns of one team */
#define POLICY_MAX_NAME     64  /* of a team: [A-Za-z0-9][A-Za-z0-9_.-]* */
#define POLICY_MAX_PATTERN  255 /* bytes, as AWS's project names */

/* What becomes of a model that runs without a reservation. */
enum policy_drift {
    POLICY_DRIFT_ALERT, /* it is counted and told */
    POLICY_DRIFT_STOP   /* and stopped */
};

struct policy_team {
    char name[POLICY_MAX_NAME + 1];
    struct policy_limits limits;
    char **projects; /* patterns: a project's name, in which `*` stands for any run of characters */
    size_t project_count;
};

struct policy; /* immutable once parsed; shared between threads freely */

/*
 * Parses and checks a whole document (policy/policy.schema.json describes it). Strict: an unknown
 * member, a wrong type, a limit below 1, a version other than 1, a duplicate or empty pattern,
 * and every rule that can match nothing (a team without a project pattern, a pattern that no
 * project name can match or that another pattern of the same team already covers, a second window
 * over the same periods, a default lease above the maximum) is an error with its JSON pointer.
 * `account`, a team's `limits` and each limit may be left out: no limit. `load` is called once for
 * each time zone but "UTC"; NULL where only that one can be named. `*out` is owned by the caller,
 * and NULL after an error.
 */
int policy_parse(const char *text, size_t len, time_zone_load_fn *load, void *context,
                 struct policy **out, struct error *err) __attribute__((warn_unused_result));
void policy_free(struct policy **policy);

const struct policy_limits *policy_account(const struct policy *policy);
enum policy_drift policy_drift(const struct policy *policy);
/* The team of that exact name, or NULL. Borrowed from `policy`. */
const struct policy_team *policy_find_team(const struct policy *policy, const char *name);
/* Teams in the order of their names, for listings; NULL beyond the last. */
size_t policy_team_count(const struct policy *policy);
const struct policy_team *policy_team_at(const struct policy *policy, size_t index);

/* The pattern that admits the project, or NULL. Case matters, as it does for AWS. */
const char *policy_match_project(const struct policy_team *team, const char *project);

/*
 * How long a lease is that says nothing (0: neither the team nor the account says it, so the caller
 * has a value of its own, and keeps it at or below the maximum), and how long one may be. The
 * account's maximum counts for all teams, its default for those that have none.
 */
void policy_lease(const struct policy *policy, const struct policy_team *team,
                  int64_t *default_minutes, int64_t *max_minutes);

#endif
