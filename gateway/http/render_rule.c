/* What the evaluator says, in units, models, minutes and unit-hours. */
#include "gateway/http/render_rule.h"

#include "gateway/http/json_out.h"
#include "policy/unit_time.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)

/* --- numbers ------------------------------------------------------------------------------- */

static void render_number(struct strbuf *out, const char *name, enum quota_rule_kind kind,
                          int64_t value)
{
    char text[UNIT_TIME_TEXT_SIZE];
    if (kind != QUOTA_UNIT_HOURS) {
        json_out_int(out, name, value);
        return;
    }
    unit_time_format(value, text);
    json_out_literal(out, name, text);
}

/* One more number of a rule than all have: what was requested, or what is left. */
struct further {
    const char *name;
    int64_t value;
};

static void render_numbers(struct strbuf *out, const struct quota_rule *rule,
                           const struct further *further)
{
    render_number(out, "Limit", rule->kind, rule->limit);
    render_number(out, "Used", rule->kind, rule->used);
    render_number(out, "Reserved", rule->kind, rule->reserved);
    render_number(out, further->name, rule->kind, further->value);
}

/* Of unit-hours: the exact numbers, and which period they are of. */
static void render_period(struct strbuf *out, const struct quota_rule *rule,
                          const struct further *further)
{
    json_out_open(out, "UnitMilliseconds", '{');
    json_out_int(out, "Limit", rule->limit);
    json_out_int(out, "Used", rule->used);
    json_out_int(out, "Reserved", rule->reserved);
    json_out_int(out, further->name, further->value);
    json_out_close(out, '}');
    json_out_string(out, "Period", policy_period_name(rule->period));
    if (rule->period != POLICY_TOTAL) {
        json_out_string(out, "TimeZone", rule->time_zone);
        json_out_time(out, "PeriodStartsAt", rule->period_from_ms);
    }
    json_out_time(out, "ResetsAt", rule->resets_ms);
}

/* --- a decision ---------------------------------------------------------------------------- */

void render_rule(struct strbuf *out, const struct quota_rule *rule)
{
    const struct further requested = {"Requested", rule->requested};
    const char *unit = quota_rule_unit(rule->kind);
    json_out_string(out, "Rule", quota_rule_name(rule->kind));
    json_out_string(out, "Scope", rule->scope == QUOTA_SCOPE_TEAM ? "team" : "account");
    json_out_string(out, "Pointer", rule->pointer);
    if (unit[0] != '\0') {
        json_out_string(out, "Unit", unit);
        render_numbers(out, rule, &requested);
        if (rule->fits_now != POLICY_NO_LIMIT)
            json_out_int(out, "FitsNow", rule->fits_now);
    }
    json_out_bool(out, "Admits", rule->admits);
    json_out_bool(out, "EverAdmits", rule->ever_admits);
    if (rule->kind == QUOTA_UNIT_HOURS)
        render_period(out, rule, &requested);
}

void render_decision(struct strbuf *out, const struct quota_decision *decision,
                     const char *policy_digest)
{
    if (decision->largest_units_now != POLICY_NO_LIMIT)
        json_out_int(out, "LargestFit", decision->largest_units_now);
    if (decision->largest_lease_now_ms != POLICY_NO_LIMIT)
        json_out_int(out, "LargestLeaseMinutes", decision->largest_lease_now_ms / MINUTE_MS);
    if (decision->earliest_ms != 0)
        json_out_time(out, "EarliestFit", decision->earliest_ms);
    json_out_string(out, "PolicyDigest", policy_digest);
    json_out_open(out, "Rules", '[');
    for (size_t i = 0; i < decision->rule_count; i++) {
        json_out_open(out, NULL, '{');
        render_rule(out, &decision->rules[i]);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

/* --- limits -------------------------------------------------------------------------------- */

/* The first rule of that kind from `*at` on, which is moved behind it; NULL: there is none. */
static const struct quota_rule *next_rule(const struct quota_decision *survey,
                                          enum quota_scope scope, enum quota_rule_kind kind,
                                          size_t *at)
{
    while (*at < survey->rule_count) {
        const struct quota_rule *rule = &survey->rules[(*at)++];
        if (rule->scope == scope && rule->kind == kind)
            return rule;
    }
    return NULL;
}

static const struct quota_rule *find_rule(const struct quota_decision *survey,
                                          enum quota_scope scope, enum quota_rule_kind kind)
{
    size_t at = 0;
    return next_rule(survey, scope, kind, &at);
}

/* What is held of something, and what is left where `rule` limits it. */
static void render_held(struct strbuf *out, enum quota_rule_kind kind,
                        const struct quota_rule *rule, int64_t used, int64_t reserved)
{
    json_out_open(out, quota_rule_name(kind), '{');
    if (rule != NULL) {
        render_numbers(out, rule, &(struct further){"Left", rule->fits_now});
    } else {
        json_out_int(out, "Used", used);
        json_out_int(out, "Reserved", reserved);
    }
    json_out_string(out, "Unit", quota_rule_unit(kind));
    json_out_close(out, '}');
}

/* A limit of a single request, of which nothing is ever used up. */
static void render_single(struct strbuf *out, const struct quota_rule *rule)
{
    if (rule == NULL)
        return;
    json_out_open(out, quota_rule_name(rule->kind), '{');
    json_out_int(out, "Limit", rule->limit);
    json_out_string(out, "Unit", quota_rule_unit(rule->kind));
    json_out_close(out, '}');
}

static void render_windows(struct strbuf *out, enum quota_scope scope,
                           const struct quota_decision *survey)
{
    const struct quota_rule *rule;
    size_t at = 0;
    json_out_open(out, quota_rule_name(QUOTA_UNIT_HOURS), '[');
    while ((rule = next_rule(survey, scope, QUOTA_UNIT_HOURS, &at)) != NULL) {
        const struct further left = {"Left", rule->fits_now};
        json_out_open(out, NULL, '{');
        json_out_string(out, "Pointer", rule->pointer);
        json_out_string(out, "Unit", quota_rule_unit(rule->kind));
        render_numbers(out, rule, &left);
        render_period(out, rule, &left);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

void render_limits(struct strbuf *out, const char *name, enum quota_scope scope,
                   const struct quota_decision *survey, const struct quota_usage *usage)
{
    json_out_open(out, name, '{');
    render_held(out, QUOTA_CONCURRENT_UNITS, find_rule(survey, scope, QUOTA_CONCURRENT_UNITS),
                usage->used_units, usage->reserved_units);
    render_held(out, QUOTA_RUNNING_MODELS, find_rule(survey, scope, QUOTA_RUNNING_MODELS),
                usage->used_models, usage->reserved_models);
    render_single(out, find_rule(survey, scope, QUOTA_UNITS_PER_MODEL));
    render_single(out, find_rule(survey, scope, QUOTA_LEASE));
    render_windows(out, scope, survey);
    json_out_close(out, '}');
}
