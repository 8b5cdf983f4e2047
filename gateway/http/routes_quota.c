/* GET /v1/quota: the limits that bind a team, what is held, and what is left. */
#include "gateway/http/json_out.h"
#include "gateway/http/render.h"
#include "gateway/http/routes.h"

#include <string.h>

static void render_team(struct strbuf *body, const struct policy_team *team,
                        const struct quota_usage *usage)
{
    json_out_string(body, "Team", team->name);
    json_out_open(body, "Projects", '[');
    for (size_t i = 0; i < team->project_count; i++) {
        if (i > 0)
            strbuf_addch(body, ',');
        strbuf_add_json(body, team->projects[i], strlen(team->projects[i]));
    }
    json_out_close(body, ']');
    render_usage(body, "TeamLimits", &team->limits, usage);
}

static void answer(const struct http_context *context, struct exchange *exchange,
                   const struct policy_snapshot *snapshot, const char *name)
{
    const struct policy *policy = policy_snapshot_policy(snapshot);
    const struct policy_team *team = name != NULL ? policy_find_team(policy, name) : NULL;
    struct quota_usage account, of_team;
    struct error err = {0};
    if (name != NULL && team == NULL) {
        exchange_problem(exchange, PROBLEM_NOT_FOUND, "the policy does not name this team");
        return;
    }
    if (ledger_usage(context->ledger, name, &account, name != NULL ? &of_team : NULL, &err) != 0) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "the ledger could not be read");
        return;
    }
    struct strbuf *body = exchange_begin_json(exchange, 200);
    if (team != NULL)
        render_team(body, team, &of_team);
    render_usage(body, "AccountLimits", policy_account(policy), &account);
    json_out_string(body, "PolicyDigest", policy_snapshot_digest(snapshot));
    exchange_end_json(exchange);
}

void routes_get_quota(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {"Team", NULL};
    const struct http_context *self = context;
    const char *team;
    if (!routes_allow_parameters(exchange, parameters) ||
        !routes_resolve_team(exchange, NULL, true, &team))
        return;
    struct policy_snapshot *snapshot = policy_store_acquire(self->policies);
    if (snapshot == NULL) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "no policy is loaded yet");
        return;
    }
    answer(self, exchange, snapshot, team);
    policy_snapshot_release(&snapshot);
}
