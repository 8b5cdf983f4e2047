/* Reads the policy document strictly and keeps it, its teams sorted by name. */
#include "policy/document.h"
#include "policy/limits_read.h"
#include "policy/strict_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_VERSION   1
#define POLICY_MAX_DEPTH 8 /* the deepest member, of a window, needs 6 */

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct policy {
    struct policy_limits account;
    struct policy_team *teams; /* by strcmp of their names */
    size_t team_count;
    enum policy_drift drift;
    struct zone_list zones; /* of which the windows borrow */
};

/* --- patterns ------------------------------------------------------------------------------ */

/*
 * Greedy, with one place to come back to: a later `*` makes all earlier ones settled, because what
 * they could still give up the later one can take. So at most len(pattern) * len(text) steps, never
 * 2^n.
 */
static bool pattern_matches(const char *pattern, const char *text)
{
    const char *after_star = NULL, *retry_at = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            after_star = ++pattern;
            retry_at = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (after_star != NULL) {
            pattern = after_star;
            text = ++retry_at;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/*
 * Whether `wide` admits every project that `narrow` admits. `narrow` is matched as if it were a
 * name: its `*` equals no letter of `wide`, so only a `*` there can take it, and then takes any
 * run. Never says yes wrongly; says no wrongly only where `wide` spells out all that `*` may stand
 * for.
 */
static bool pattern_covers(const char *wide, const char *narrow)
{
    return pattern_matches(wide, narrow);
}

/* --- reading ------------------------------------------------------------------------------- */

#define LIMITS "concurrent_units", "running_models", "units_per_model", "unit_hours", "lease"

static int read_team_limits(const json_t *team, const char *at, struct zone_list *zones,
                            struct policy_limits *out, struct error *err)
{
    static const char *const members[] = {LIMITS, NULL};
    char pointer[ERROR_POINTER_MAX];
    json_t *limits = NULL;
    int rc = strict_json_container(team, at, "limits", false, JSON_OBJECT, &limits, err);

    limits_clear(out);
    if (rc != 0 || limits == NULL)
        return rc;
    strict_json_pointer(pointer, at, "limits");
    rc = strict_json_only(limits, pointer, members, err);
    if (rc == 0)
        rc = limits_read(limits, pointer, zones, out, err);
    return rc;
}

static int read_drift(const json_t *account, enum policy_drift *out, struct error *err)
{
    const char *word = NULL;
    int rc = strict_json_string(account, "/account", "drift", false, 1, 16, &word, err);

    *out = POLICY_DRIFT_ALERT;
    if (rc != 0 || word == NULL || strcmp(word, "alert") == 0)
        return rc;
    if (strcmp(word, "stop") != 0)
        return error_set_at(err, ERROR_INVALID, "/account/drift",
                            "saw \"%s\", expected one of: alert, stop", word);
    *out = POLICY_DRIFT_STOP;
    return 0;
}

static int read_account(const json_t *root, struct policy *policy, struct error *err)
{
    static const char *const members[] = {LIMITS, "drift", NULL};
    json_t *account = NULL;
    int rc = strict_json_container(root, "", "account", false, JSON_OBJECT, &account, err);

    limits_clear(&policy->account);
    if (rc != 0 || account == NULL)
        return rc;
    rc = strict_json_only(account, "/account", members, err);
    if (rc == 0)
        rc = limits_read(account, "/account", &policy->zones, &policy->account, err);
    if (rc == 0)
        rc = read_drift(account, &policy->drift, err);
    return rc;
}

/* Holds a pattern against the names that AWS allows for projects: [a-zA-Z0-9][a-zA-Z0-9_-]{0,254}.
 */
static int check_pattern(const json_t *value, const char *at, struct error *err)
{
    const char *pattern = json_string_value(value);
    size_t len = json_string_length(value);

    if (pattern == NULL)
        return error_set_at(err, ERROR_INVALID, at,
                            "saw no string, expected a project's name or a pattern with `*`");
    if (len == 0 || len > POLICY_MAX_PATTERN)
        return error_set_at(
            err, ERROR_INVALID, at,
            "saw a pattern of %zu bytes, expected 1 to %d: no project has such a name", len,
            POLICY_MAX_PATTERN);
    if (strspn(pattern, LETTERS_AND_DIGITS "_-*") != len)
        return error_set_at(
            err, ERROR_INVALID, at,
            "saw the pattern \"%s\", which no project can match: expected only A-Z, "
            "a-z, 0-9, `_`, `-`, and `*` for any run of them",
            pattern);
    if (pattern[0] == '_' || pattern[0] == '-')
        return error_set_at(
            err, ERROR_INVALID, at,
            "saw the pattern \"%s\", which no project can match: expected a letter, "
            "a digit or `*` first",
            pattern);
    return 0;
}

/* Refuses the newest pattern of `team` if it adds nothing, or an older one that it makes idle. */
static int check_shadows(const struct policy_team *team, const char *at, struct error *err)
{
    const size_t newest = team->project_count - 1;
    char pointer[ERROR_POINTER_MAX], index[24];

    for (size_t i = 0; i < newest; i++) {
        size_t idle, wide;

        if (pattern_covers(team->projects[i], team->projects[newest])) {
            idle = newest;
            wide = i;
        } else if (pattern_covers(team->projects[newest], team->projects[i])) {
            idle = i;
            wide = newest;
        } else {
            continue;
        }
        snprintf(index, sizeof(index), "%zu", idle);
        strict_json_pointer(pointer, at, index);
        return error_set_at(err, ERROR_INVALID, pointer,
                            "saw a pattern that the one at index %zu covers: remove one of them "
                            "(\"%s\", covered by \"%s\")",
                            wide, team->projects[idle], team->projects[wide]);
    }
    return 0;
}

static int read_pattern(const json_t *item, const char *list_at, struct policy_team *team,
                        struct error *err)
{
    char at[ERROR_POINTER_MAX], index[24];
    int rc;

    snprintf(index, sizeof(index), "%zu", team->project_count);
    strict_json_pointer(at, list_at, index);
    rc = check_pattern(item, at, err);
    if (rc != 0)
        return rc;
    team->projects[team->project_count] = strdup(json_string_value(item));
    if (team->projects[team->project_count] == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a pattern");
    team->project_count++;
    return check_shadows(team, list_at, err);
}

static int read_projects(const json_t *object, const char *at, struct policy_team *team,
                         struct error *err)
{
    char list_at[ERROR_POINTER_MAX];
    json_t *list = NULL;
    size_t count;
    int rc = strict_json_container(object, at, "projects", true, JSON_ARRAY, &list, err);

    if (rc != 0)
        return rc;
    strict_json_pointer(list_at, at, "projects");
    count = json_array_size(list);
    if (count == 0 || count > POLICY_MAX_PROJECTS)
        return error_set_at(err, ERROR_INVALID, list_at, "saw %zu patterns, expected 1 to %d%s",
                            count, POLICY_MAX_PROJECTS,
                            count == 0 ? ": a team without one can start nothing" : "");
    team->projects = calloc(count, sizeof(*team->projects));
    if (team->projects == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu patterns", count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_pattern(json_array_get(list, i), list_at, team, err);
    return rc;
}

/* A default that the account's maximum refuses would refuse each start that names no lease. */
static int check_lease(const struct policy *policy, const struct policy_team *team, const char *at,
                       struct error *err)
{
    const int64_t minutes = team->limits.lease_default_minutes;
    const int64_t max_minutes = policy->account.lease_max_minutes;
    char limits_at[ERROR_POINTER_MAX], lease_at[ERROR_POINTER_MAX], pointer[ERROR_POINTER_MAX];

    if (max_minutes == 0 || minutes <= max_minutes)
        return 0;
    strict_json_pointer(limits_at, at, "limits");
    strict_json_pointer(lease_at, limits_at, "lease");
    strict_json_pointer(pointer, lease_at, "default_minutes");
    return error_set_at(err, ERROR_INVALID, pointer,
                        "saw a default of %lld minutes, expected at most the account's "
                        "max_minutes, which is %lld",
                        (long long)minutes, (long long)max_minutes);
}

static int read_team(const char *name, const json_t *object, struct policy *policy,
                     struct policy_team *team, struct error *err)
{
    static const char *const members[] = {"projects", "limits", NULL};
    const size_t len = strlen(name);
    char at[ERROR_POINTER_MAX];
    int rc;

    strict_json_pointer(at, "/teams", name);
    if (len == 0 || len > POLICY_MAX_NAME || strspn(name, LETTERS_AND_DIGITS) == 0 ||
        strspn(name, LETTERS_AND_DIGITS "_.-") != len)
        return error_set_at(err, ERROR_INVALID, at,
                            "expected a team name of 1 to %d of A-Z, a-z, 0-9, `_`, `.`, `-`, the "
                            "first a letter or digit; saw \"%s\"",
                            POLICY_MAX_NAME, name);
    memcpy(team->name, name, len + 1);
    rc = strict_json_only(object, at, members, err);
    if (rc == 0)
        rc = read_projects(object, at, team, err);
    if (rc == 0)
        rc = read_team_limits(object, at, &policy->zones, &team->limits, err);
    if (rc == 0)
        rc = check_lease(policy, team, at, err);
    return rc;
}

static int compare_teams(const void *a, const void *b)
{
    const struct policy_team *left = a, *right = b;

    return strcmp(left->name, right->name);
}

static int read_teams(const json_t *root, struct policy *policy, struct error *err)
{
    json_t *teams = NULL;
    size_t count;
    int rc = strict_json_container(root, "", "teams", true, JSON_OBJECT, &teams, err);

    if (rc != 0)
        return rc;
    count = json_object_size(teams);
    if (count > POLICY_MAX_TEAMS)
        return error_set_at(err, ERROR_INVALID, "/teams", "saw %zu teams, expected at most %d",
                            count, POLICY_MAX_TEAMS);
    policy->teams = calloc(count > 0 ? count : 1, sizeof(*policy->teams));
    if (policy->teams == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for %zu teams", count);
    for (void *it = json_object_iter(teams); it != NULL; it = json_object_iter_next(teams, it)) {
        struct policy_team *team = &policy->teams[policy->team_count++];

        rc = read_team(json_object_iter_key(it), json_object_iter_value(it), policy, team, err);
        if (rc != 0)
            return rc;
    }
    qsort(policy->teams, policy->team_count, sizeof(*policy->teams), compare_teams);
    return 0;
}

static int read_document(const json_t *root, struct policy *policy, struct error *err)
{
    static const char *const members[] = {"version", "account", "teams", NULL};
    int64_t version;
    int rc = strict_json_only(root, "", members, err);

    if (rc == 0)
        rc = strict_json_int(root, "", "version", true, POLICY_VERSION, POLICY_VERSION, &version,
                             err);
    if (rc == 0)
        rc = read_account(root, policy, err);
    if (rc == 0)
        rc = read_teams(root, policy, err);
    return rc;
}

int policy_parse(const char *text, size_t len, time_zone_load_fn *load, void *context,
                 struct policy **out, struct error *err)
{
    static const struct json_limits limits = {.max_bytes = POLICY_MAX_BYTES,
                                              .max_depth = POLICY_MAX_DEPTH};
    struct policy *policy = NULL;
    json_t *root = NULL;
    int rc;

    *out = NULL;
    rc = strict_json_parse(text, len, &limits, &root, err);
    if (rc != 0)
        goto out;
    policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        rc = error_set(err, ERROR_NOMEM, "out of memory for a policy");
        goto out;
    }
    policy->zones.load = load;
    policy->zones.context = context;
    rc = read_document(root, policy, err);
    if (rc != 0)
        goto out;
    *out = policy;
    policy = NULL;
out:
    policy_free(&policy);
    json_decref(root);
    return rc;
}

void policy_free(struct policy **policy)
{
    if (policy == NULL || *policy == NULL)
        return;
    for (size_t i = 0; i < (*policy)->team_count; i++) {
        struct policy_team *team = &(*policy)->teams[i];

        for (size_t j = 0; j < team->project_count; j++)
            free(team->projects[j]);
        free(team->projects);
    }
    free((*policy)->teams);
    for (size_t i = 0; i < (*policy)->zones.count; i++)
        time_zone_free(&(*policy)->zones.zones[i]);
    free(*policy);
    *policy = NULL;
}

/* --- looking up ---------------------------------------------------------------------------- */

const struct policy_limits *policy_account(const struct policy *policy)
{
    return &policy->account;
}

enum policy_drift policy_drift(const struct policy *policy)
{
    return policy->drift;
}

static int compare_name(const void *name, const void *team)
{
    return strcmp(name, ((const struct policy_team *)team)->name);
}

const struct policy_team *policy_find_team(const struct policy *policy, const char *name)
{
    return bsearch(name, policy->teams, policy->team_count, sizeof(*policy->teams), compare_name);
}

size_t policy_team_count(const struct policy *policy)
{
    return policy->team_count;
}

const struct policy_team *policy_team_at(const struct policy *policy, size_t index)
{
    return index < policy->team_count ? &policy->teams[index] : NULL;
}

const char *policy_match_project(const struct policy_team *team, const char *project)
{
    for (size_t i = 0; i < team->project_count; i++) {
        if (pattern_matches(team->projects[i], project))
            return team->projects[i];
    }
    return NULL;
}

void policy_lease(const struct policy *policy, const struct policy_team *team,
                  int64_t *default_minutes, int64_t *max_minutes)
{
    const struct policy_limits *account = &policy->account, *own = &team->limits;

    *max_minutes =
        account->lease_max_minutes != 0 ? account->lease_max_minutes : POLICY_MAX_LEASE_MINUTES;
    if (own->lease_max_minutes != 0 && own->lease_max_minutes < *max_minutes)
        *max_minutes = own->lease_max_minutes;
    *default_minutes = own->lease_default_minutes != 0 ? own->lease_default_minutes
                                                       : account->lease_default_minutes;
    if (*default_minutes > *max_minutes)
        *default_minutes = *max_minutes; /* the account's, in a team with a smaller maximum */
}
