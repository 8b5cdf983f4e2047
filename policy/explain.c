/* The sentences that people read. */
#include "policy/evaluator.h"
#include "policy/text.h"
#include "policy/unit_time.h"

#include <inttypes.h>
#include <stdio.h>

#define MINUTE_MS INT64_C(60000)

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
                 who, name, rule->limit, rule_name, unit_time_add(rule->used, rule->reserved),
                 rule->used, rule->reserved, rule->requested, rule->requested == 1 ? "does" : "do",
                 fits);
    }
}

/* "8 h 15 min"; what is less than a minute counts as one. */
static void say_duration(char *out, size_t size, int64_t ms)
{
    const int64_t minutes = ms / MINUTE_MS + (ms % MINUTE_MS > 0);

    if (minutes < 60)
        snprintf(out, size, "%" PRId64 " min", minutes);
    else if (minutes % 60 == 0)
        snprintf(out, size, "%" PRId64 " h", minutes / 60);
    else
        snprintf(out, size, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
}

/* What a budget's period is called in a sentence. */
static const char *say_period(enum policy_period period)
{
    switch (period) {
    case POLICY_DAY:
        return "a day";
    case POLICY_WEEK:
        return "a week";
    case POLICY_MONTH:
        return "a month";
    case POLICY_TOTAL:
        return "in total";
    }
    return "";
}

/* "2 units for 8 h 15 min": what was asked for, as a budget sees it. */
static void say_request(char *out, size_t size, const struct quota_request *request)
{
    char length[48];

    say_duration(length, sizeof(length), request->until_ms - request->from_ms);
    snprintf(out, size, "%" PRId64 " unit%s for %s%s", request->units,
             request->units == 1 ? "" : "s", length, request->extension ? " more" : "");
}

/* What was used and reserved until when, and what the request would take of it. */
static void explain_period(const struct quota_rule *rule, const struct quota_request *request,
                           const char *asked, char *out, size_t size)
{
    char used[UNIT_TIME_TEXT_SIZE], reserved[UNIT_TIME_TEXT_SIZE], requested[UNIT_TIME_TEXT_SIZE];
    char local[CIVIL_TEXT_SIZE], reset[128] = "", fits[48];

    unit_time_format(rule->used, used);
    unit_time_format(rule->reserved, reserved);
    unit_time_format(rule->requested, requested);
    say_fits(fits, sizeof(fits), rule->fits_now);
    if (rule->resets_ms != INT64_MAX) {
        civil_format(rule->resets_local_ms, local);
        snprintf(reset, sizeof(reset), " in the period until %s %s", local, rule->time_zone);
    }
    snprintf(out, size, "has %s used and %s reserved%s: %s take%s %s of them and %s fit, %s", used,
             reserved, reset, asked, request->units == 1 ? "s" : "", requested,
             rule->ever_admits ? request->units == 1 ? "does not" : "do not" : "can never", fits);
}

static void explain_unit_hours(const struct quota_rule *rule, const struct quota_request *request,
                               const char *who, const char *name, char *out, size_t size)
{
    char limit[UNIT_TIME_TEXT_SIZE], asked[96], rest[ERROR_MESSAGE_MAX];

    unit_time_format(rule->limit, limit);
    say_request(asked, sizeof(asked), request);
    /* A start that fits at no time at all is not told about this period. */
    if (!rule->ever_admits && rule->period != POLICY_TOTAL && !request->extension)
        snprintf(rest, sizeof(rest), "can never have %s, whenever that begins", asked);
    else
        explain_period(rule, request, asked, rest, sizeof(rest));
    snprintf(out, size, "%s%s may use %s unit-hours %s and %s", who, name, limit,
             say_period(rule->period), rest);
}

/* The rule refuses. */
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
                 who, name, rule->limit, quota_rule_name(rule->kind),
                 unit_time_add(rule->used, rule->reserved), rule->used, rule->reserved);
        return;
    case QUOTA_LEASE:
        snprintf(out, size,
                 "%s%s may hold a model for %" PRId64 " minutes (lease): %" PRId64 " can never fit",
                 who, name, rule->limit, rule->requested);
        return;
    case QUOTA_UNIT_HOURS:
        explain_unit_hours(rule, request, who, name, out, size);
        return;
    }
}

static void explain_admission(const struct quota_decision *decision,
                              const struct quota_request *request, char *out, size_t size)
{
    const char *plural = request->units == 1 ? "" : "s";
    char most[48] = "nothing limits units";

    if (request->extension) {
        snprintf(out, size,
                 "team %s may hold its model of project %s with %" PRId64 " unit%s longer",
                 request->team, request->project, request->units, plural);
        return;
    }
    if (decision->largest_units_now != POLICY_NO_LIMIT)
        snprintf(most, sizeof(most), "at most %" PRId64 " now", decision->largest_units_now);
    snprintf(out, size, "team %s may start a model of project %s with %" PRId64 " unit%s: %s",
             request->team, request->project, request->units, plural, most);
}

/* How far the look ahead goes is policy/earliest.h's. */
const char *policy_explain_no_earliest(enum quota_verdict verdict, bool extension)
{
    if (extension && verdict == QUOTA_REFUSED_EVER)
        return "an extension stays where it is: it can never fit under this policy, however the "
               "leases end and the windows reset";
    if (extension)
        return "an extension stays where it is, so no window that resets makes room for it: it can "
               "fit only when something else gives back what is reserved in that period (it ends "
               "early, is stopped or shortened), or when the limit is raised";
    if (verdict == QUOTA_REFUSED_EVER)
        return "it would fit at no time of the next 400 days, however the leases end and the "
               "windows reset";
    return "no lease that ends and no window that resets makes room for it within 400 days: it can "
           "fit only when something that is held ends sooner (stop it, or shorten its lease), or "
           "when the limit is raised";
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
