/* Looks at every rule in a fixed order, then picks the one that binds. */
#include "policy/evaluator.h"
#include "policy/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- rules --------------------------------------------------------------------------------- */

static struct quota_rule *add_rule(struct quota_decision *decision, enum quota_rule_kind kind)
{
    struct quota_rule *rule;

    assert(decision->rule_count < QUOTA_MAX_RULES);
    rule = &decision->rules[decision->rule_count++];
    rule->kind = kind;
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

static int64_t sum_held(const struct quota_rule *rule)
{
    int64_t held;

    return __builtin_add_overflow(rule->used, rule->reserved, &held) ? INT64_MAX : held;
}

/* requested <= limit - held, by a difference that cannot overflow instead of a sum that can. */
static void judge(struct quota_rule *rule)
{
    int64_t held;

    rule->used = at_least_zero(rule->used);
    rule->reserved = at_least_zero(rule->reserved);
    held = sum_held(rule);
    rule->fits_now = held < rule->limit ? rule->limit - held : 0;
    rule->admits = rule->requested >= 1 && rule->requested <= rule->fits_now;
    rule->ever_admits = rule->requested >= 1 && rule->requested <= rule->limit;
}

/* The numeric rules of one scope, whose limits stand at the pointer `at`. */
static void add_limits(struct quota_decision *decision, enum quota_scope scope, const char *at,
                       const struct policy_limits *limits, const struct quota_usage *usage,
                       int64_t units)
{
    const struct quota_rule rows[] = {
        {.kind = QUOTA_UNITS_PER_MODEL, .limit = limits->units_per_model, .requested = units},
        {.kind = QUOTA_CONCURRENT_UNITS,
         .limit = limits->concurrent_units,
         .used = usage->used_units,
         .reserved = usage->reserved_units,
         .requested = units},
        {.kind = QUOTA_RUNNING_MODELS,
         .limit = limits->running_models,
         .used = usage->used_models,
         .reserved = usage->reserved_models,
         .requested = 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct quota_rule *rule;

        if (rows[i].limit == POLICY_NO_LIMIT)
            continue;
        rule = add_rule(decision, rows[i].kind);
        *rule = rows[i];
        rule->scope = scope;
        snprintf(rule->pointer, sizeof(rule->pointer), "%s/%s", at, quota_rule_name(rule->kind));
        judge(rule);
    }
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
        const bool counts_units =
            rule->kind == QUOTA_UNITS_PER_MODEL || rule->kind == QUOTA_CONCURRENT_UNITS;

        if (counts_units && rule->fits_now < largest)
            largest = rule->fits_now;
        if (!counts_units && !rule->admits)
            largest = 0;
    }
    return largest;
}

void policy_evaluate(const struct policy *policy, const struct quota_request *request,
                     const struct quota_usage *account, const struct quota_usage *team,
                     struct quota_decision *out)
{
    struct policy_limits account_limits = *policy_account(policy);
    const struct policy_team *known;
    char at[sizeof(out->rules[0].pointer) - sizeof("/concurrent_units")];

    *out = (struct quota_decision){.verdict = QUOTA_ADMITTED};
    /* Below 1 unit somebody must refuse even where nothing is limited: the largest limit there is.
     */
    if (request->units < 1 && account_limits.units_per_model == POLICY_NO_LIMIT)
        account_limits.units_per_model = POLICY_MAX_UNITS;

    known = add_name_rules(policy, request, out);
    if (known != NULL) {
        snprintf(at, sizeof(at), "/teams/%s/limits", known->name);
        add_limits(out, QUOTA_SCOPE_TEAM, at, &known->limits, team, request->units);
        add_limits(out, QUOTA_SCOPE_ACCOUNT, "/account", &account_limits, account, request->units);
    }
    find_binding(out);
    out->largest_units_now = find_largest_units(out);
}

/* --- the sentence -------------------------------------------------------------------------- */

/* "at most 1 does", "at most 3 do", "none does": how many of something fit. */
static void say_fits(char *out, size_t size, int64_t fits)
{
    if (fits == 0)
        snprintf(out, size, "none does");
    else
        snprintf(out, size, "at most %" PRId64 " %s", fits, fits == 1 ? "does" : "do");
}

static void explain_units(const struct quota_rule *rule, const char *who, const char *name,
                          char *out, size_t size)
{
    const char *rule_name = quota_rule_name(rule->kind);
    char fits[48];

    if (rule->requested < 1) {
        snprintf(out, size,
                 "a model runs on at least 1 inference unit: %" PRId64 " cannot be asked for",
                 rule->requested);
    } else if (rule->kind == QUOTA_UNITS_PER_MODEL) {
        snprintf(out, size,
                 "%s%s may give one model %" PRId64 " inference units (%s): %" PRId64
                 " can never fit",
                 who, name, rule->limit, rule_name, rule->requested);
    } else if (!rule->ever_admits) {
        snprintf(out, size, "%s%s may hold %" PRId64 " %s: %" PRId64 " can never fit", who, name,
                 rule->limit, rule_name, rule->requested);
    } else {
        say_fits(fits, sizeof(fits), rule->fits_now);
        snprintf(out, size,
                 "%s%s may hold %" PRId64 " %s and holds %" PRId64 " (%" PRId64 " used, %" PRId64
                 " reserved): %" PRId64 " more %s not fit, %s",
                 who, name, rule->limit, rule_name, sum_held(rule), rule->used, rule->reserved,
                 rule->requested, rule->requested == 1 ? "does" : "do", fits);
    }
}

static void explain_rule(const struct quota_decision *decision, const struct quota_rule *rule,
                         const struct quota_request *request, char *out, size_t size)
{
    const bool of_team = rule->scope == QUOTA_SCOPE_TEAM;
    const char *who = of_team ? "team " : "the account", *name = of_team ? request->team : "";

    switch (rule->kind) {
    case QUOTA_TEAM_KNOWN:
        snprintf(out, size,
                 "the policy names no team \"%s\": a team that is not named may start nothing",
                 request->team);
        return;
    case QUOTA_PROJECT_ALLOWED:
        snprintf(out, size, "team %s may not start models of project \"%s\", only of: %s", name,
                 request->project, decision->team_projects);
        return;
    case QUOTA_UNITS_PER_MODEL:
    case QUOTA_CONCURRENT_UNITS:
        explain_units(rule, who, name, out, size);
        return;
    case QUOTA_RUNNING_MODELS:
        snprintf(out, size,
                 "%s%s may hold %" PRId64 " %s and holds %" PRId64 " (%" PRId64 " used, %" PRId64
                 " reserved): one more does not fit",
                 who, name, rule->limit, quota_rule_name(rule->kind), sum_held(rule), rule->used,
                 rule->reserved);
        return;
    }
}

static void explain_admission(const struct quota_decision *decision,
                              const struct quota_request *request, char *out, size_t size)
{
    char most[48] = "nothing limits units";

    if (decision->largest_units_now != POLICY_NO_LIMIT)
        snprintf(most, sizeof(most), "at most %" PRId64 " now", decision->largest_units_now);
    snprintf(out, size, "team %s may start a model of project %s with %" PRId64 " unit%s: %s",
             request->team, request->project, request->units, request->units == 1 ? "" : "s", most);
}

void policy_explain(const struct quota_decision *decision, const struct quota_request *request,
                    char *out, size_t size)
{
    if (size == 0)
        return;
    out[0] = '\0';
    if (decision->verdict != QUOTA_ADMITTED)
        explain_rule(decision, &decision->rules[decision->binding], request, out, size);
    else
        explain_admission(decision, request, out, size);
    text_drop_partial(out);
}
