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
    const char *team; /* of the present survey; NULL = the account */
    int64_t now_ms;
    size_t noted, left_out;
    struct quota_decision survey;
};

static void note(const struct noting *noting, const char *event, const char *why)
{
    struct ledger_cause cause = control_cause(noting->control, why);
    struct error err = {0};
    cause.policy = noting->digest;
    if (ledger_note(noting->control->ledger, event, NULL, &cause, &err) != 0)
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

static void note_rule(struct noting *noting, const struct quota_rule *rule)
{
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
    (void)snprintf(why, sizeof(why), "%s is %s %s, and %s used and %s reserved are held",
                   rule->pointer, limit, quota_rule_unit(rule->kind), used, reserved);
    note(noting, "over-limit", why);
    LOG(LOG_WARNING, "policy.over_limit", log_str("team", noting->team), log_str("why", why),
        log_str("effect", "what runs goes on; nothing starts until it fits"));
}

static int survey(void *context, const struct quota_books *books, struct error *err)
{
    struct noting *noting = context;
    return policy_survey(noting->policy, noting->team, noting->now_ms, books, &noting->survey, err);
}

/* Of the team, or of the account: a team's survey tells the account's rules again. */
static void note_scope(struct noting *noting, const char *team)
{
    enum quota_scope scope = team != NULL ? QUOTA_SCOPE_TEAM : QUOTA_SCOPE_ACCOUNT;
    struct error err = {0};
    noting->team = team;
    if (ledger_with_books(noting->control->ledger, team, noting->now_ms, survey, noting, &err) !=
        0) {
        LOG(LOG_WARNING, "policy.not_surveyed", log_str("team", team),
            log_str("message", err.message));
        return;
    }
    for (size_t i = 0; i < noting->survey.rule_count; i++) {
        const struct quota_rule *rule = &noting->survey.rules[i];
        if (rule->scope == scope && unit_time_add(rule->used, rule->reserved) > rule->limit)
            note_rule(noting, rule);
    }
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
    note(&noting, "policy", why);
    note_scope(&noting, NULL);
    for (size_t i = 0; i < policy_team_count(noting.policy); i++)
        note_scope(&noting, policy_team_at(noting.policy, i)->name);
    if (noting.left_out > 0)
        LOG(LOG_WARNING, "policy.over_limit_too_often",
            log_int("left_out", (int64_t)noting.left_out));
    policy_snapshot_release(&snapshot);
}
