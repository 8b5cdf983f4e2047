/* GET /v1/quota: the limits that bind a team, what is held, what is left, and when it resets. */
#include "gateway/control/admission.h"
#include "gateway/http/json_out.h"
#include "gateway/http/render_rule.h"
#include "gateway/http/routes.h"

#include <string.h>

static void render_team(struct strbuf *body, const struct policy_team *team,
                        const struct quota_view *view)
{
    json_out_string(body, "Team", team->name);
    json_out_open(body, "Projects", '[');
    for (size_t i = 0; i < team->project_count; i++)
        json_out_string(body, NULL, team->projects[i]);
    json_out_close(body, ']');
    json_out_open(body, "Lease", '{');
    json_out_int(body, "DefaultMinutes", view->lease_default_minutes);
    json_out_int(body, "MaxMinutes", view->lease_max_minutes);
    json_out_close(body, '}');
    render_limits(body, "TeamLimits", QUOTA_SCOPE_TEAM, &view->survey, &view->team);
}

static void answer_known(struct exchange *exchange, const char *name, const struct quota_view *view)
{
    const struct policy *policy = policy_snapshot_policy(view->snapshot);
    struct strbuf *body = exchange_begin_json(exchange, 200);
    json_out_time(body, "AsOf", view->now_ms);
    if (name != NULL)
        render_team(body, policy_find_team(policy, name), view);
    render_limits(body, "AccountLimits", QUOTA_SCOPE_ACCOUNT, &view->survey, &view->account);
    json_out_string(body, "PolicyDigest", policy_snapshot_digest(view->snapshot));
    exchange_end_json(exchange);
}

static void answer(struct exchange *exchange, const char *team, const struct quota_view *view)
{
    switch (view->outcome) {
    case QUOTA_VIEW_KNOWN:
        answer_known(exchange, team, view);
        break;
    case QUOTA_VIEW_UNKNOWN_TEAM:
        exchange_problem(exchange, PROBLEM_NOT_FOUND, view->detail);
        break;
    case QUOTA_VIEW_UNAVAILABLE:
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, view->detail);
        break;
    }
}

void routes_get_quota(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {"Team", NULL};
    const struct http_context *self = context;
    const char *team;
    struct quota_view view;
    if (!routes_allow_parameters(exchange, parameters) ||
        !routes_resolve_team(exchange, NULL, true, &team))
        return;
    admission_quota(self->control, team, &view);
    answer(exchange, team, &view);
    admission_quota_release(&view);
}
