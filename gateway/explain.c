/* Prints rules and what follows from them. */
#include "gateway/explain.h"

#include "gateway/base/clock.h"
#include "policy/evaluator.h"
#include "policy/unit_time.h"

#include <inttypes.h>

#define MINUTE_MS INT64_C(60000)

/* --- rules --------------------------------------------------------------------------------- */

static void print_unit_hours(FILE *out, const struct quota_rule *rule)
{
    char limit[UNIT_TIME_TEXT_SIZE], used[UNIT_TIME_TEXT_SIZE], reserved[UNIT_TIME_TEXT_SIZE];
    char requested[UNIT_TIME_TEXT_SIZE], local[CIVIL_TEXT_SIZE];
    unit_time_format(rule->limit, limit);
    unit_time_format(rule->used, used);
    unit_time_format(rule->reserved, reserved);
    unit_time_format(rule->requested, requested);
    (void)fprintf(out, "%s unit-hours %s %s: used %s, reserved %s, requested %s", limit,
                  rule->period == POLICY_TOTAL ? "in" : "a", policy_period_name(rule->period), used,
                  reserved, requested);
    if (rule->fits_now != POLICY_NO_LIMIT)
        (void)fprintf(out, ", fits %" PRId64 " %s", rule->fits_now,
                      rule->fits_now == 1 ? "unit" : "units");
    if (rule->resets_ms == INT64_MAX)
        return;
    civil_format(rule->resets_local_ms, local);
    (void)fprintf(out, "; resets %s %s", local, rule->time_zone);
}

static void print_numbers(FILE *out, const struct quota_rule *rule)
{
    switch (rule->kind) {
    case QUOTA_TEAM_KNOWN:
        (void)fprintf(out, "the team is %snamed", rule->admits ? "" : "not ");
        return;
    case QUOTA_PROJECT_ALLOWED:
        (void)fprintf(out, "the project is %sallowed", rule->admits ? "" : "not ");
        return;
    case QUOTA_UNITS_PER_MODEL:
    case QUOTA_LEASE:
        (void)fprintf(out, "%" PRId64 " %s: requested %" PRId64, rule->limit,
                      quota_rule_unit(rule->kind), rule->requested);
        return;
    case QUOTA_CONCURRENT_UNITS:
    case QUOTA_RUNNING_MODELS:
        (void)fprintf(out,
                      "%" PRId64 " %s: used %" PRId64 ", reserved %" PRId64 ", requested %" PRId64
                      ", fits %" PRId64,
                      rule->limit, quota_rule_unit(rule->kind), rule->used, rule->reserved,
                      rule->requested, rule->fits_now);
        return;
    case QUOTA_UNIT_HOURS:
        print_unit_hours(out, rule);
        return;
    }
}

static void print_rules(FILE *out, const struct quota_decision *decision)
{
    for (size_t i = 0; i < decision->rule_count; i++) {
        const struct quota_rule *rule = &decision->rules[i];
        bool binds = decision->verdict != QUOTA_ADMITTED && i == decision->binding;
        (void)fprintf(out, "  %s  %s  ", rule->admits ? "admits " : "refuses", rule->pointer);
        print_numbers(out, rule);
        (void)fprintf(out, "%s\n", binds ? "  <- binds" : "");
    }
}

/* --- what would fit ------------------------------------------------------------------------ */

static void print_largest(FILE *out, const struct quota_decision *decision)
{
    if (decision->largest_units_now == POLICY_NO_LIMIT)
        (void)fprintf(out, "largest now at this lease: no limit of units\n");
    else
        (void)fprintf(out, "largest now at this lease: %" PRId64 " %s\n",
                      decision->largest_units_now,
                      decision->largest_units_now == 1 ? "unit" : "units");
    if (decision->largest_lease_now_ms == POLICY_NO_LIMIT)
        (void)fprintf(out, "longest now at these units: no limit of the lease\n");
    else
        (void)fprintf(out, "longest now at these units: %" PRId64 " minutes\n",
                      decision->largest_lease_now_ms / MINUTE_MS);
}

static void print_earliest(FILE *out, const struct quota_decision *decision,
                           const struct quota_request *request)
{
    char time[CLOCK_RFC3339_SIZE];
    if (decision->earliest_ms == INT64_MAX) {
        (void)fprintf(out, "earliest: none: %s\n",
                      policy_explain_no_earliest(decision->verdict, request->extension));
        return;
    }
    clock_format_rfc3339(decision->earliest_ms, time);
    (void)fprintf(out, "earliest: %s%s\n", time,
                  decision->earliest_ms == request->now_ms ? " (now)" : "");
}

int explain_print(FILE *out, const struct policy *policy, const struct quota_request *request,
                  const struct quota_books *books, const struct quota_release *releases,
                  size_t count, bool *admitted, struct error *err)
{
    struct quota_decision decision;
    char sentence[ERROR_MESSAGE_MAX];
    int result = policy_evaluate(policy, request, books, &decision, err);
    if (result == 0)
        result = policy_find_earliest(policy, request, books, releases, count,
                                      &decision.earliest_ms, err);
    if (result != 0)
        return result;
    policy_explain(&decision, request, sentence, sizeof(sentence));
    *admitted = decision.verdict == QUOTA_ADMITTED;
    (void)fprintf(out, "%s: %s\n", quota_verdict_name(decision.verdict), sentence);
    print_rules(out, &decision);
    print_largest(out, &decision);
    print_earliest(out, &decision, request);
    return 0;
}

/* --- limits -------------------------------------------------------------------------------- */

static void print_limit(FILE *out, const char *name, int64_t limit, int64_t none)
{
    if (limit != none)
        (void)fprintf(out, "  %s %" PRId64, name, limit);
}

static void print_window(FILE *out, const struct policy_window *window)
{
    (void)fprintf(out, "  unit_hours %" PRId64 " %s", window->amount_unit_ms / UNIT_TIME_HOUR_MS,
                  policy_period_name(window->period));
    if (window->period == POLICY_WEEK)
        (void)fprintf(out, " from %s", policy_week_start_words[window->week_start]);
    if (window->period != POLICY_TOTAL)
        (void)fprintf(out, " at %02u:%02u %s", window->day_start_minutes / 60,
                      window->day_start_minutes % 60, policy_window_zone_name(window));
    (void)fprintf(out, "\n");
}

void explain_print_limits(FILE *out, const struct policy_limits *limits)
{
    print_limit(out, "concurrent_units", limits->concurrent_units, POLICY_NO_LIMIT);
    print_limit(out, "running_models", limits->running_models, POLICY_NO_LIMIT);
    print_limit(out, "units_per_model", limits->units_per_model, POLICY_NO_LIMIT);
    print_limit(out, "lease.default_minutes", limits->lease_default_minutes, 0);
    print_limit(out, "lease.max_minutes", limits->lease_max_minutes, 0);
    (void)fprintf(out, "\n");
    for (size_t i = 0; i < limits->window_count; i++)
        print_window(out, &limits->windows[i]);
}
