/* A model's status, its stop, what a team holds, and single reservations. */
#include "gateway/control/admission.h"
#include "gateway/http/json_out.h"
#include "gateway/http/render.h"
#include "gateway/http/routes.h"

#include <string.h>

/* --- stop ---------------------------------------------------------------------------------- */

static void answer_stopped(struct exchange *exchange, const struct stop_result *result)
{
    exchange->outcome = "stopping";
    struct strbuf *body = exchange_begin_json(exchange, 202);
    const char *word = result->row.status;
    if (word[0] != '\0')
        json_out_string(body, "Status", word);
    else if (result->confirmed)
        json_out_string(body, "Status", "STOPPING_HOSTING");
    json_out_bool(body, "Confirmed", result->confirmed);
    if (result->unrecorded) {
        json_out_bool(body, "Recorded", false);
        json_out_string(body, "Detail", result->detail);
    }
    render_reservation(body, "Reservation", &result->row);
    exchange_end_json(exchange);
}

static void answer_stop(struct exchange *exchange, const struct stop_result *result)
{
    const char *detail = result->detail[0] != '\0' ? result->detail : NULL;
    switch (result->outcome) {
    case STOP_ACCEPTED:
        answer_stopped(exchange, result);
        break;
    case STOP_NOT_HELD:
        exchange_problem(exchange, PROBLEM_MODEL_NOT_HELD,
                         detail ? detail : "no live reservation of yours holds this model");
        break;
    case STOP_UNAVAILABLE:
        exchange_problem(exchange, PROBLEM_UNAVAILABLE,
                         detail ? detail : "the stop could not be recorded: repeat");
        break;
    case STOP_UNCERTAIN:
        exchange_problem(exchange, PROBLEM_UNCERTAIN,
                         detail ? detail : "the stop may have been recorded: repeat");
        break;
    }
}

void routes_stop_model(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {"Team", NULL};
    const struct http_context *self = context;
    struct stop_request request = {
        .subject = exchange->principal.subject,
        .request_id = exchange->request_id,
        .project = routes_segment(exchange, "ProjectName"),
        .version = routes_segment(exchange, "ModelVersion"),
    };
    const char *body;
    size_t len;
    struct error err = {0};
    if (!routes_allow_parameters(exchange, parameters) ||
        !routes_check_model(exchange, request.project, request.version) ||
        !routes_resolve_team(exchange, NULL, true, &request.team))
        return;
    enum problem_type problem = exchange_read_body(exchange, &body, &len, &err);
    if (problem == PROBLEM_NONE && len > 0 && !(len == 2 && memcmp(body, "{}", 2) == 0)) {
        problem = PROBLEM_INVALID_BODY;
        error_set(&err, ERROR_INVALID, "a stop has no body");
    }
    if (problem != PROBLEM_NONE) {
        exchange_problem_error(exchange, problem, &err);
        return;
    }
    struct stop_result result;
    admission_stop(self->control, &request, routes_deadline(self), &result);
    answer_stop(exchange, &result);
}

/* --- status -------------------------------------------------------------------------------- */

static void answer_view(struct exchange *exchange, const char *project,
                        const struct model_view *view)
{
    struct strbuf *body = exchange_begin_json(exchange, 200);
    json_out_string(body, "ProjectName", project);
    json_out_string(body, "ModelVersion", view->version);
    json_out_string(body, "Status", view->status);
    if (view->status_message[0] != '\0')
        json_out_string(body, "StatusMessage", view->status_message);
    json_out_time(body, "ObservedAt", view->observed_ms);
    if (view->has_row)
        render_reservation(body, "Reservation", &view->row);
    exchange_end_json(exchange);
}

static void answer_no_view(struct exchange *exchange, enum problem_type type,
                           const struct model_view *view, const char *otherwise)
{
    struct strbuf *body = exchange_begin_problem(
        exchange, type, 0, view->detail[0] != '\0' ? view->detail : otherwise);
    if (view->has_row)
        render_reservation(body, "Reservation", &view->row);
    exchange_end_json(exchange);
}

void routes_describe_model(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {"Team", NULL};
    const struct http_context *self = context;
    const char *project = routes_segment(exchange, "ProjectName");
    const char *version = routes_segment(exchange, "ModelVersion");
    const char *team;
    if (!routes_allow_parameters(exchange, parameters) ||
        !routes_check_model(exchange, project, version) ||
        !routes_resolve_team(exchange, NULL, true, &team))
        return;
    struct model_view view;
    admission_describe(self->control, team, project, version, routes_deadline(self), &view);
    switch (view.outcome) {
    case STATUS_KNOWN:
        answer_view(exchange, project, &view);
        break;
    case STATUS_UNKNOWN_MODEL:
        answer_no_view(exchange, PROBLEM_UNKNOWN_MODEL, &view, "AWS knows no such model");
        break;
    case STATUS_UNAVAILABLE:
        answer_no_view(exchange, PROBLEM_UPSTREAM_UNAVAILABLE, &view,
                       "AWS could not be asked in time");
        break;
    }
}

/* --- reservations -------------------------------------------------------------------------- */

void routes_list_models(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {"Team", "NextToken", NULL};
    const char *team;
    if (!routes_allow_parameters(exchange, parameters) ||
        !routes_resolve_team(exchange, NULL, true, &team))
        return;
    const struct ledger_filter filter = {.team = team};
    if (routes_begin_rows(context, exchange, &filter) != NULL)
        exchange_end_json(exchange);
}

/* Of another team is the same as not there: ids tell nothing. */
static bool may_see(const struct exchange *exchange, const struct reservation *row)
{
    return principal_has_scope(&exchange->principal, SCOPE_GATEWAY_ADMIN) ||
           principal_in_team(&exchange->principal, row->team);
}

void routes_get_reservation(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {NULL};
    const struct http_context *self = context;
    const char *id = routes_segment(exchange, "ReservationId");
    struct reservation row;
    struct error err;
    if (!routes_allow_parameters(exchange, parameters))
        return;
    int result =
        routes_is_reservation_id(id) ? ledger_get(self->ledger, id, &row, &err) : ERROR_NOT_FOUND;
    if (result == ERROR_NOT_FOUND || (result == 0 && !may_see(exchange, &row))) {
        exchange_problem(exchange, PROBLEM_NOT_FOUND, "no reservation of yours has this id");
        return;
    }
    if (result != 0) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "the ledger could not be read");
        return;
    }
    exchange->status = 200;
    exchange->content_type = "application/json";
    strbuf_clear(&exchange->body);
    render_reservation(&exchange->body, NULL, &row);
}
