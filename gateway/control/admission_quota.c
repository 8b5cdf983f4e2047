/* All limits as they stand, for those who look. */
#include "gateway/control/admission.h"

#include "gateway/control/context.h"
#include "policy/evaluator.h"

#include <stdio.h>

struct survey {
    const struct policy *policy;
    const char *team;
    int64_t now_ms;
    struct quota_decision *out;
};

static int survey(void *context, const struct quota_books *books, struct error *err)
{
    const struct survey *survey = context;
    return policy_survey(survey->policy, survey->team, survey->now_ms, books, survey->out, err);
}

int admission_quota(struct control *control, const char *team, struct quota_decision *out,
                    char policy_digest[65], struct error *err)
{
    struct policy_snapshot *snapshot = policy_store_acquire(control->policies);
    struct survey context = {.policy = policy_snapshot_policy(snapshot),
                             .team = team,
                             .now_ms = control_now_ms(control),
                             .out = out};
    (void)snprintf(policy_digest, 65, "%s", policy_snapshot_digest(snapshot));
    int result = ledger_with_books(control->ledger, team, context.now_ms, survey, &context, err);
    policy_snapshot_release(&snapshot);
    return result;
}
