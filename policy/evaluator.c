/* Looks at every rule in a fixed order, then picks the one that binds. */
#include "policy/evaluator.h"
#include "policy/earliest.h"
#include "policy/unit_hours.h"
#include "policy/unit_time.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

/* --- rules --------------------------------------------------------------------------------- */

static struct quota_rule *add_rule(struct quota_decision *decision, enum quota_rule_kind kind)
{
    struct quota_rule *rule;

    assert(decision->rule_count < QUOTA_MAX_RULES);
    rule = &decision->rules[decision->rule_count++];
    *rule = (struct quota_rule){.kind = kind};
    return rule;
}

/* "circuit-boards, solder-* and 3 more": as many patterns as fit, and how many do not. */
static void list_projects(const struct policy_team *team, char out[QUOTA_PROJECTS_MAX])
{
    const size_t room = QUOTA_PROJECTS_MAX - sizeof(" and 100 more"); /* POLICY_MAX_PROJECTS */
    size_t len = 0, i;

    for (i = 0; i < team->project_count; i++) {
        const size_t needed = strlen(team->projects[i]) + (i > 0 ? 2 : 0);

        if (len + needed > room)
            break;
        snprintf(out + len, QUOTA_PROJECTS_MAX - len, "%s%s", i > 0 ? ", " : "", team->projects[i]);
        len += needed;
    }
    if (i == 0)
        snprintf(out, QUOTA_PROJECTS_MAX, "%zu long patterns", team->project_count);
    else if (i < team->project_count)
        snprintf(out + len, QUOTA_PROJECTS_MAX - len, " and %zu more", team->project_count - i);
}

/* The two name rules. Returns the team, or NULL where one of them refuses. */
static const struct policy_team *add_name_rules(const struct policy *policy,
                                                const struct quota_request *request,
                                                struct quota_decision *decision)
{
    const struct policy_team *team = policy_find_team(policy, request->team);
    const char *pattern;
    struct quota_rule *rule = add_rule(decision, QUOTA_TEAM_KNOWN);
    size_t index = 0;

    rule->admits = rule->ever_admits = team != NULL;
    snprintf(rule->pointer, sizeof(rule->pointer), "/teams%s%s", team != NULL ? "/" : "",
             team != NULL ? team->name : "");
    if (team == NULL)
        return NULL;

    rule = add_rule(decision, QUOTA_PROJECT_ALLOWED);
    pattern = policy_match_project(team, request->project);
    rule->admits = rule->ever_admits = pattern != NULL;
    if (pattern == NULL) {
        snprintf(rule->pointer, sizeof(rule->pointer), "/teams/%s/projects", team->name);
        list_projects(team, decision->team_projects);
        return NULL;
    }
    while (team->projects[index] != pattern)
        index++;
    snprintf(rule->pointer, sizeof(rule->pointer), "/teams/%s/projects/%zu", team->name, index);
    return team;
}

/* Usage comes from a ledger that keeps it at 0 or more; if it ever does not, that must free
 * nothing. */
static int64_t at_least_zero(int64_t count)
{
    return count > 0 ? count : 0;
}

/* requested <= limit - held, by a difference that cannot overflow instead of a sum that can. */
static void judge(struct quota_rule *rule)
{
    int64_t held;

    rule->used = at_least_zero(rule->used);
    rule->reserved = at_least_zero(rule->reserved);
    held = unit_time_add(rule->used, rule->reserved);
    rule->fits_now = held < rule->limit ? rule->limit - held : 0;
    rule->admits = rule->requested >= 1 && rule->requested <= rule->fits_now;
    rule->ever_admits = rule->requested >= 1 && rule->requested <= rule->limit;
}

/* One scope's limits, against one request or (`request` NULL: a survey) none. */
struct scope {
    enum quota_scope scope;
    char at[sizeof("/teams//limits") + POLICY_MAX_NAME]; /* JSON pointer of the limits */
    const struct policy_limits *limits;
    const struct quota_usage *usage;
    const struct quota_books *books;
    const struct quota_request *request;
    int64_t now_ms, survey_until_ms; /* of a survey */
    int64_t look_until_ms;
    int64_t latest_until_ms; /* of an interval that begins as the request's, as windows admit it */
};

/* `path` is what the document calls the rule, below the scope's pointer. */
static struct quota_rule *add_scope_rule(struct quota_decision *decision, const struct scope *scope,
                                         enum quota_rule_kind kind, const char *path)
{
    struct quota_rule *rule = add_rule(decision, kind);

    rule->scope = scope->scope;
    snprintf(rule->pointer, sizeof(rule->pointer), "%s/%s", scope->at, path);
    return rule;
}

static void add_counts(struct quota_decision *decision, const struct scope *scope)
{
    const struct policy_limits *limits = scope->limits;
    const struct quota_usage *usage = scope->usage;
    const int64_t units = scope->request != NULL ? scope->request->units : 0;
    const struct {
        enum quota_rule_kind kind;
        int64_t limit, used, reserved, requested;
    } rows[] = {
        {QUOTA_UNITS_PER_MODEL, limits->units_per_model, 0, 0, units},
        {QUOTA_CONCURRENT_UNITS, limits->concurrent_units, usage->used_units, usage->reserved_units,
         units},
        {QUOTA_RUNNING_MODELS, limits->running_models, usage->used_models, usage->reserved_models,
         scope->request != NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t limit = rows[i].limit;
        struct quota_rule *rule;

        /* Below 1 unit somebody must refuse even where nothing is limited: the largest limit. */
        if (rows[i].kind == QUOTA_UNITS_PER_MODEL && limit == POLICY_NO_LIMIT &&
            scope->scope == QUOTA_SCOPE_ACCOUNT && scope->request != NULL && units < 1)
            limit = POLICY_MAX_UNITS;
        if (limit == POLICY_NO_LIMIT)
            continue;
        rule = add_scope_rule(decision, scope, rows[i].kind, quota_rule_name(rows[i].kind));
        rule->limit = limit;
        rule->used = rows[i].used;
        rule->reserved = rows[i].reserved;
        rule->requested = rows[i].requested;
        judge(rule);
    }
}

static int64_t to_minutes(int64_t ms)
{
    return ms / MINUTE_MS + (ms % MINUTE_MS > 0);
}

/* Where nobody says how long a lease may be, the account has a rule for those that are too long. */
static void add_lease(struct quota_decision *decision, const struct scope *scope)
{
    const int64_t minutes = scope->request != NULL ? to_minutes(scope->request->lease_ms) : 0;
    int64_t limit = scope->limits->lease_max_minutes;
    struct quota_rule *rule;

    if (limit == 0 && scope->scope == QUOTA_SCOPE_ACCOUNT && minutes > POLICY_MAX_LEASE_MINUTES)
        limit = POLICY_MAX_LEASE_MINUTES;
    if (limit == 0)
        return;
    rule = add_scope_rule(decision, scope, QUOTA_LEASE, "lease/max_minutes");
    rule->limit = rule->fits_now = limit;
    rule->requested = minutes;
    rule->admits = rule->ever_admits = minutes <= limit;
}

static int add_windows(struct quota_decision *decision, struct scope *scope, struct error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < scope->limits->window_count; i++) {
        const struct unit_hours budget = {
            .window = &scope->limits->windows[i],
            .scope = scope->scope,
            .books = scope->books,
            .units =
                scope->request != NULL && scope->request->units > 1 ? scope->request->units : 1};
        char path[40];
        struct quota_rule *rule;

        snprintf(path, sizeof(path), "unit_hours/%zu", i);
        rule = add_scope_rule(decision, scope, QUOTA_UNIT_HOURS, path);
        if (scope->request == NULL)
            rc = unit_hours_survey(&budget, scope->now_ms, scope->survey_until_ms, rule, err);
        else
            rc = unit_hours_judge(&budget, scope->request, scope->look_until_ms, rule,
                                  &scope->latest_until_ms, err);
    }
    return rc;
}

static int add_limits(struct quota_decision *decision, struct scope *scope, struct error *err)
{
    if (scope->request == NULL || !scope->request->extension)
        add_counts(decision, scope);
    add_lease(decision, scope);
    return add_windows(decision, scope, err);
}

/* Makes it the scope of the team, or (NULL) of the account. */
static void set_scope(const struct policy *policy, const struct policy_team *team,
                      struct scope *scope)
{
    scope->scope = team != NULL ? QUOTA_SCOPE_TEAM : QUOTA_SCOPE_ACCOUNT;
    scope->limits = team != NULL ? &team->limits : policy_account(policy);
    scope->usage = team != NULL ? &scope->books->team : &scope->books->account;
    if (team != NULL)
        snprintf(scope->at, sizeof(scope->at), "/teams/%s/limits", team->name);
    else
        snprintf(scope->at, sizeof(scope->at), "/account");
}

/* The limits of the team (NULL: not asked for) and of the account. Lowers `*latest_until_ms`. */
static int add_scopes(const struct policy *policy, const struct policy_team *team,
                      const struct scope *asked, struct quota_decision *decision,
                      int64_t *latest_until_ms, struct error *err)
{
    struct scope scope = *asked;
    int rc = 0;

    scope.latest_until_ms = INT64_MAX;
    if (team != NULL) {
        set_scope(policy, team, &scope);
        rc = add_limits(decision, &scope, err);
    }
    if (rc == 0) {
        set_scope(policy, NULL, &scope);
        rc = add_limits(decision, &scope, err);
    }
    *latest_until_ms = scope.latest_until_ms;
    return rc;
}

/* --- the decision -------------------------------------------------------------------------- */

static void find_binding(struct quota_decision *decision)
{
    for (size_t i = 0; i < decision->rule_count; i++) {
        const struct quota_rule *rule = &decision->rules[i];

        if (!rule->ever_admits) {
            decision->verdict = QUOTA_REFUSED_EVER;
            decision->binding = i;
            return;
        }
        if (rule->admits)
            continue;
        if (decision->verdict == QUOTA_ADMITTED ||
            rule->fits_now < decision->rules[decision->binding].fits_now)
            decision->binding = i;
        decision->verdict = QUOTA_REFUSED_NOW;
    }
}

static int64_t find_largest_units(const struct quota_decision *decision)
{
    int64_t largest = POLICY_NO_LIMIT;

    for (size_t i = 0; i < decision->rule_count; i++) {
        const struct quota_rule *rule = &decision->rules[i];

        switch (rule->kind) {
        case QUOTA_UNITS_PER_MODEL:
        case QUOTA_CONCURRENT_UNITS:
        case QUOTA_UNIT_HOURS:
            if (rule->fits_now < largest)
                largest = rule->fits_now;
            break;
        case QUOTA_TEAM_KNOWN:
        case QUOTA_PROJECT_ALLOWED:
        case QUOTA_RUNNING_MODELS:
        case QUOTA_LEASE:
            if (!rule->admits)
                largest = 0;
            break;
        }
    }
    return largest;
}

static int64_t find_largest_lease(const struct quota_decision *decision,
                                  const struct quota_request *request, int64_t latest_until_ms)
{
    const int64_t beyond_lease_ms = request->until_ms - request->lease_ms;
    int64_t largest = latest_until_ms != INT64_MAX ? latest_until_ms - beyond_lease_ms : INT64_MAX;

    if (decision->verdict == QUOTA_ADMITTED && !request->look_ahead)
        return request->lease_ms;
    for (size_t i = 0; i < decision->rule_count; i++) {
        const struct quota_rule *rule = &decision->rules[i];

        switch (rule->kind) {
        case QUOTA_TEAM_KNOWN:
        case QUOTA_PROJECT_ALLOWED:
        case QUOTA_UNITS_PER_MODEL:
        case QUOTA_CONCURRENT_UNITS:
        case QUOTA_RUNNING_MODELS:
            if (!rule->admits)
                return 0;
            break;
        case QUOTA_LEASE:
            if (rule->limit * MINUTE_MS < largest)
                largest = rule->limit * MINUTE_MS;
            break;
        case QUOTA_UNIT_HOURS:
            break; /* in latest_until_ms */
        }
    }
    return largest > 0 ? largest : 0;
}

static int check_request(const struct quota_request *request, struct error *err)
{
    if (request->from_ms < 0 || request->until_ms < request->from_ms ||
        request->until_ms >= CIVIL_MAX_MS ||
        request->until_ms - request->from_ms > QUOTA_MAX_INTERVAL_MS || request->lease_ms < 0 ||
        request->lease_ms > QUOTA_MAX_INTERVAL_MS)
        return error_set(err, ERROR_INVALID,
                         "saw the interval %lld to %lld and a lease of %lld ms, expected one that "
                         "ends after it begins and has at most %lld ms",
                         (long long)request->from_ms, (long long)request->until_ms,
                         (long long)request->lease_ms, (long long)QUOTA_MAX_INTERVAL_MS);
    if (request->extension && request->units < 1)
        return error_set(err, ERROR_INVALID, "saw an extension by %lld units, expected 1 or more",
                         (long long)request->units);
    return 0;
}

static void clear_decision(struct quota_decision *out)
{
    /* Not the rules: they are many, and each is set when it is added. */
    memset(out, 0, offsetof(struct quota_decision, rules));
    out->verdict = QUOTA_ADMITTED;
}

/* What follows the name rules; `team` NULL: one of them refuses. */
static int decide(const struct policy *policy, const struct policy_team *team,
                  const struct quota_request *request, const struct quota_books *books,
                  struct quota_decision *out, struct error *err)
{
    const int64_t beyond_lease_ms = request->until_ms - request->lease_ms;
    struct scope scope = {.books = books, .request = request, .look_until_ms = request->until_ms};
    int64_t default_minutes, max_minutes, latest_until_ms = INT64_MAX;
    int rc = 0;

    if (team != NULL) {
        policy_lease(policy, team, &default_minutes, &max_minutes);
        if (request->look_ahead && beyond_lease_ms + max_minutes * MINUTE_MS > request->until_ms)
            scope.look_until_ms = beyond_lease_ms + max_minutes * MINUTE_MS;
        rc = add_scopes(policy, team, &scope, out, &latest_until_ms, err);
    }
    if (rc != 0)
        return rc;
    find_binding(out);
    out->largest_units_now = find_largest_units(out);
    out->largest_lease_now_ms = find_largest_lease(out, request, latest_until_ms);
    return 0;
}

int policy_evaluate(const struct policy *policy, const struct quota_request *request,
                    const struct quota_books *books, struct quota_decision *out, struct error *err)
{
    int rc = check_request(request, err);

    clear_decision(out);
    if (rc != 0)
        return rc;
    return decide(policy, add_name_rules(policy, request, out), request, books, out, err);
}

static int find_team(const struct policy *policy, const char *name, const struct policy_team **out,
                     struct error *err)
{
    *out = policy_find_team(policy, name);
    if (*out == NULL)
        return error_set(err, ERROR_NOT_FOUND, "the policy names no team \"%s\"", name);
    return 0;
}

int policy_evaluate_limits(const struct policy *policy, const struct quota_request *request,
                           const struct quota_books *books, struct quota_decision *out,
                           struct error *err)
{
    const struct policy_team *team;
    int rc = check_request(request, err);

    clear_decision(out);
    if (rc == 0)
        rc = find_team(policy, request->team, &team, err);
    if (rc != 0)
        return rc;
    return decide(policy, team, request, books, out, err);
}

int policy_survey(const struct policy *policy, const char *team, int64_t now_ms,
                  const struct quota_books *books, struct quota_decision *out, struct error *err)
{
    const struct scope scope = {.books = books, .now_ms = now_ms, .survey_until_ms = now_ms};
    const struct policy_team *known = NULL;
    int64_t latest_until_ms;
    int rc = team != NULL ? find_team(policy, team, &known, err) : 0;

    clear_decision(out);
    if (rc != 0)
        return rc;
    rc = add_scopes(policy, known, &scope, out, &latest_until_ms, err);
    for (size_t i = 0; rc == 0 && i < out->rule_count; i++) {
        struct quota_rule *rule = &out->rules[i];

        rule->admits = rule->fits_now > 0;
        rule->ever_admits = true;
    }
    return rc;
}

/* Leaves only what is exceeded. */
static void keep_exceeded(struct quota_decision *decision)
{
    size_t kept = 0;

    for (size_t i = 0; i < decision->rule_count; i++) {
        struct quota_rule *rule = &decision->rules[i];

        rule->ever_admits = true;
        if (unit_time_add(rule->used, rule->reserved) > rule->limit)
            decision->rules[kept++] = *rule;
    }
    decision->rule_count = kept;
}

int policy_find_exceeded(const struct policy *policy, const char *team, int64_t now_ms,
                         const struct quota_books *books, struct quota_decision *out,
                         struct error *err)
{
    struct scope scope = {.books = books, .now_ms = now_ms};
    const struct policy_team *known = NULL;
    int rc = team != NULL ? find_team(policy, team, &known, err) : 0;

    clear_decision(out);
    if (rc != 0)
        return rc;
    set_scope(policy, known, &scope);
    if (scope.limits->window_count > 0)
        rc = books->held_until(books->self, scope.scope, &scope.survey_until_ms, err);
    if (scope.survey_until_ms > now_ms + EARLIEST_HORIZON_MS)
        scope.survey_until_ms = now_ms + EARLIEST_HORIZON_MS;
    if (rc == 0)
        rc = add_limits(out, &scope, err);
    if (rc == 0)
        keep_exceeded(out);
    return rc;
}
