/* What the limits are, and what is left of them. */
#include "gateway/control/admission.h"

#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/decision.h"
#include "policy/evaluator.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)

struct survey {
    const char *team;
    struct quota_view *out;
};

static int read_books(void *context, const struct quota_books *books, struct error *err)
{
    struct survey *survey = context;
    struct quota_view *out = survey->out;
    out->account = books->account;
    if (survey->team != NULL)
        out->team = books->team;
    return policy_survey(policy_snapshot_policy(out->snapshot), survey->team, out->now_ms, books,
                         &out->survey, err);
}

static void resolve_lease(struct control *control, const struct policy_team *team,
                          struct quota_view *out)
{
    const struct policy *policy = policy_snapshot_policy(out->snapshot);
    struct control_settings settings;
    int64_t said_minutes;
    control_get_settings(control, &settings);
    policy_lease(policy, team, &said_minutes, &out->lease_max_minutes);
    out->lease_default_minutes =
        decision_default_lease_ms(policy, &settings, team->name) / MINUTE_MS;
}

void admission_quota(struct control *control, const char *team, struct quota_view *out)
{
    struct survey survey = {.team = team, .out = out};
    const struct policy_team *known = NULL;
    struct error err = {0};
    memset(out, 0, sizeof(*out));
    out->outcome = QUOTA_VIEW_UNAVAILABLE;
    out->now_ms = control_now_ms(control);
    out->snapshot = policy_store_acquire(control->policies);
    if (out->snapshot == NULL) {
        control_say(out->detail, "no policy is loaded yet");
        return;
    }
    if (team != NULL) {
        known = policy_find_team(policy_snapshot_policy(out->snapshot), team);
        if (known == NULL) {
            out->outcome = QUOTA_VIEW_UNKNOWN_TEAM;
            control_say(out->detail, "the policy does not name this team");
            return;
        }
        resolve_lease(control, known, out);
    }
    if (ledger_with_books(control->ledger, team, out->now_ms, read_books, &survey, &err) == 0) {
        out->outcome = QUOTA_VIEW_KNOWN;
        return;
    }
    control_say(out->detail, "the ledger could not be read");
    LOG(LOG_ERROR, "quota.ledger_failed", log_str("class", error_code_name(err.code)),
        log_str("message", err.message));
}

void admission_quota_release(struct quota_view *view)
{
    if (view->snapshot != NULL)
        policy_snapshot_release(&view->snapshot);
}
