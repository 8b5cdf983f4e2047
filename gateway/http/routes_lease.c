/* POST …/lease: a lease that is to be longer or shorter. */
#include "gateway/control/admission.h"
#include "gateway/http/json_out.h"
#include "gateway/http/quota_answer.h"
#include "gateway/http/render.h"
#include "gateway/http/routes.h"
#include "policy/strict_json.h"

static const char *detail_or(const struct lease_result *result, const char *otherwise)
{
    return result->detail[0] != '\0' ? result->detail : otherwise;
}

static void answer_problem(struct exchange *exchange, enum problem_type type, const char *detail,
                           const struct lease_result *result)
{
    exchange_add_retry_after(exchange, result->retry_after_ms);
    struct strbuf *body = exchange_begin_problem(exchange, type, 0, detail);
    if (result->has_row)
        render_reservation(body, "Reservation", &result->row);
    exchange_end_json(exchange);
}

static void answer_changed(struct exchange *exchange, const struct lease_result *result)
{
    exchange->outcome = result->outcome == LEASE_CHANGED ? "lease-changed" : "lease-unchanged";
    struct strbuf *body = exchange_begin_json(exchange, 200);
    json_out_bool(body, "Changed", result->outcome == LEASE_CHANGED);
    render_reservation(body, "Reservation", &result->row);
    exchange_end_json(exchange);
}

static void answer(struct exchange *exchange, const struct lease_request *request,
                   const struct lease_result *result)
{
    const struct quota_answer decided = {
        .decision = result->has_decision ? &result->decision : NULL,
        .policy_digest = result->policy_digest,
        .detail = result->detail,
        .row = result->has_row ? &result->row : NULL,
        .retry_after_ms = result->retry_after_ms,
        .extension = true,
        .dry_run = request->dry_run,
    };
    switch (result->outcome) {
    case LEASE_CHANGED:
    case LEASE_UNCHANGED:
        if (request->dry_run)
            quota_answer_admission(exchange, &decided);
        else
            answer_changed(exchange, result);
        break;
    case LEASE_QUOTA:
        quota_answer_refusal(exchange, &decided);
        break;
    case LEASE_NOT_HELD:
        exchange_problem(exchange, PROBLEM_MODEL_NOT_HELD,
                         detail_or(result, "no live reservation of yours holds this model"));
        break;
    case LEASE_NOT_ACTIVE:
        answer_problem(exchange, PROBLEM_MODEL_NOT_ACTIVE,
                       detail_or(result, "only an active reservation can be extended"), result);
        break;
    case LEASE_UNAVAILABLE:
        answer_problem(exchange, PROBLEM_UNAVAILABLE,
                       detail_or(result, "nothing was changed: repeat later"), result);
        break;
    case LEASE_UNCERTAIN:
        answer_problem(exchange, PROBLEM_UNCERTAIN,
                       detail_or(result, "the lease may have been changed: repeat, or look"),
                       result);
        break;
    }
}

/* {"LeaseMinutes": 240}; false: answered with a problem. */
static bool read_minutes(struct exchange *exchange, int64_t *minutes)
{
    static const char *const members[] = {"LeaseMinutes", NULL};
    json_t *json = NULL;
    struct error err = {0};
    if (!routes_read_object(exchange, members, &json))
        return false;
    int result =
        strict_json_int(json, "", "LeaseMinutes", true, 1, POLICY_MAX_LEASE_MINUTES, minutes, &err);
    if (result != 0)
        exchange_problem_error(exchange, PROBLEM_INVALID_BODY, &err);
    json_decref(json);
    return result == 0;
}

void routes_change_lease(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {"DryRun", "Team", NULL};
    const struct http_context *self = context;
    struct lease_request request = {
        .subject = exchange->principal.subject,
        .request_id = exchange->request_id,
        .project = routes_segment(exchange, "ProjectName"),
        .version = routes_segment(exchange, "ModelVersion"),
    };
    if (!routes_allow_parameters(exchange, parameters) ||
        !routes_check_model(exchange, request.project, request.version) ||
        !routes_bool_parameter(exchange, "DryRun", &request.dry_run) ||
        !routes_resolve_team(exchange, NULL, true, &request.team) ||
        !read_minutes(exchange, &request.lease_minutes))
        return;
    struct lease_result result;
    admission_lease(self->control, &request, &result);
    answer(exchange, &request, &result);
}
