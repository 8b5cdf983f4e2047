/* Every team's limits against what it holds. */
#include "gateway/control/policy_note.h"

#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/policy_store.h"
#include "policy/evaluator.h"
#include "policy/unit_time.h"

#include <stdio.h>

struct noting {
    struct control *control;
    const struct policy *policy;
    const char *digest;
    const char *team; /* whose limits are looked at; NULL = the account */
    int64_t now_ms;
    size_t noted, left_out;
    struct quota_decision exceeded;
};

/* `team` NULL: of the policy, or of the account. */
static void note(const struct noting *noting, const char *event, const char *team, const char *why)
{
    struct ledger_cause cause = control_cause(noting->control, why);
    struct error err = {0};
    cause.policy = noting->digest;
    if (ledger_note(noting->control->ledger, event, team, NULL, &cause, &err) != 0)
        LOG(LOG_WARNING, "policy.not_noted", log_str("event", event), log_str("why", why),
            log_str("message", err.message));
}

static void write_number(const struct quota_rule *rule, int64_t value,
                         char out[UNIT_TIME_TEXT_SIZE])
{
    if (rule->kind == QUOTA_UNIT_HOURS)
        unit_time_format(value, out);
    else
        (void)snprintf(out, UNIT_TIME_TEXT_SIZE, "%lld", (long long)value);
}

/* Of unit-hours, which period the numbers are of: " in the month from ...". */
static void write_period(const struct quota_rule *rule, char *out, size_t size)
{
    char from[CLOCK_RFC3339_SIZE];
    out[0] = '\0';
    if (rule->kind != QUOTA_UNIT_HOURS || rule->period == POLICY_TOTAL)
        return;
    clock_format_rfc3339(rule->period_from_ms, from);
    (void)snprintf(out, size, " in the %s from %s", policy_period_name(rule->period), from);
}

static void note_rule(struct noting *noting, const struct quota_rule *rule)
{
    char period[CLOCK_RFC3339_SIZE + sizeof(" in the month from ")];
    char limit[UNIT_TIME_TEXT_SIZE], used[UNIT_TIME_TEXT_SIZE], reserved[UNIT_TIME_TEXT_SIZE];
    char why[LEDGER_CAUSE_MAX];
    if (noting->noted == POLICY_NOTE_MAX) {
        noting->left_out++;
        return;
    }
    noting->noted++;
    write_number(rule, rule->limit, limit);
    write_number(rule, rule->used, used);
    write_number(rule, rule->reserved, reserved);
    write_period(rule, period, sizeof(period));
    (void)snprintf(why, sizeof(why), "%s is %s %s, and %s used and %s reserved are held%s",
                   rule->pointer, limit, quota_rule_unit(rule->kind), used, reserved, period);
    note(noting, "over-limit", noting->team, why);
    LOG(LOG_WARNING, "policy.over_limit", log_str("team", noting->team), log_str("why", why),
        log_str("effect", "what runs goes on; nothing starts that does not fit"));
}

static int find(void *context, const struct quota_books *books, struct error *err)
{
    struct noting *noting = context;
    return policy_find_exceeded(noting->policy, noting->team, noting->now_ms, books,
                                &noting->exceeded, err);
}

/* Of the team, or (NULL) of the account. */
static void note_scope(struct noting *noting, const char *team)
{
    struct error err = {0};
    noting->team = team;
    if (ledger_with_books(noting->control->ledger, team, noting->now_ms, find, noting, &err) != 0) {
        LOG(LOG_WARNING, "policy.not_surveyed", log_str("team", team),
            log_str("message", err.message));
        return;
    }
    for (size_t i = 0; i < noting->exceeded.rule_count; i++)
        note_rule(noting, &noting->exceeded.rules[i]);
}

void policy_note(struct control *control, const char *why)
{
    struct policy_snapshot *snapshot = policy_store_acquire(control->policies);
    if (snapshot == NULL)
        return;
    struct noting noting = {.control = control,
                            .policy = policy_snapshot_policy(snapshot),
                            .digest = policy_snapshot_digest(snapshot),
                            .now_ms = control_now_ms(control)};
    note(&noting, "policy", NULL, why);
    note_scope(&noting, NULL);
    for (size_t i = 0; i < policy_team_count(noting.policy); i++)
        note_scope(&noting, policy_team_at(noting.policy, i)->name);
    if (noting.left_out > 0)
        LOG(LOG_WARNING, "policy.over_limit_too_often",
            log_int("left_out", (int64_t)noting.left_out));
    policy_snapshot_release(&snapshot);
}
