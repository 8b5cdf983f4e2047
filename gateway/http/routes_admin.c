/* What administrators do by hand: freezes, rows that are stuck, drift. */
#include "gateway/control/admin.h"
#include "gateway/control/model_name.h"
#include "gateway/http/json_out.h"
#include "gateway/http/render.h"
#include "gateway/http/render_rule.h"
#include "gateway/http/routes.h"
#include "policy/strict_json.h"

#include <stdlib.h>
#include <string.h>

static const char *const no_parameters[] = {NULL};

/* --- bodies -------------------------------------------------------------------------------- */

/* Acts by hand have no parameters. */
static bool read_object(struct exchange *exchange, const char *const *allowed, json_t **out)
{
    return routes_allow_parameters(exchange, no_parameters) &&
           routes_read_object(exchange, allowed, out);
}

static bool answer_invalid(struct exchange *exchange, const struct error *err)
{
    exchange_problem_error(exchange, PROBLEM_INVALID_BODY, err);
    return false;
}

/* Reason, which every act by hand has; and who acts. */
static bool read_act(struct exchange *exchange, const json_t *body, struct admin_act *act)
{
    struct error err = {0};
    *act = (struct admin_act){.subject = exchange->principal.subject,
                              .request_id = exchange->request_id};
    return strict_json_string(body, "", "Reason", true, 1, ADMIN_REASON_MAX, &act->reason, &err) ==
               0 ||
           answer_invalid(exchange, &err);
}

/* A member that is a time; 0 where it is absent. */
static bool read_time(struct exchange *exchange, const json_t *body, const char *name, int64_t *out)
{
    const char *text = NULL;
    struct error err = {0};
    *out = 0;
    int result = strict_json_string(body, "", name, false, 1, CLOCK_RFC3339_SIZE + 16, &text, &err);
    if (result == 0 && (text == NULL || clock_parse_rfc3339(text, out)))
        return true;
    if (result == 0) {
        error_set(&err, ERROR_INVALID,
                  "saw \"%s\", expected a time of RFC 3339, such as 2026-11-23T15:48:00Z", text);
        strict_json_pointer(err.pointer, "", name);
    }
    return answer_invalid(exchange, &err);
}

/* --- outcomes ------------------------------------------------------------------------------ */

/* The problem of an act that was not done. */
static struct strbuf *begin_problem(struct exchange *exchange, enum admin_outcome outcome,
                                    const char *detail)
{
    switch (outcome) {
    case ADMIN_DONE:
    case ADMIN_UNCHANGED:
        break;
    case ADMIN_NOT_FOUND:
        return exchange_begin_problem(exchange, PROBLEM_NOT_FOUND, 0, detail);
    case ADMIN_CONFLICT:
        return exchange_begin_problem(exchange, PROBLEM_NOT_APPLICABLE, 0, detail);
    case ADMIN_NEEDS_FORCE:
        return exchange_begin_problem(exchange, PROBLEM_NEEDS_FORCE, 0, detail);
    case ADMIN_INVALID:
        return exchange_begin_problem(exchange, PROBLEM_INVALID_BODY, 0, detail);
    case ADMIN_UNAVAILABLE:
        return exchange_begin_problem(exchange, PROBLEM_UNAVAILABLE, 0, detail);
    case ADMIN_UNCERTAIN:
        return exchange_begin_problem(exchange, PROBLEM_UNCERTAIN, 0, detail);
    }
    return exchange_begin_json(exchange, 200);
}

static bool was_done(enum admin_outcome outcome)
{
    return outcome == ADMIN_DONE || outcome == ADMIN_UNCHANGED;
}

/* --- freezes ------------------------------------------------------------------------------- */

static void render_freeze(struct strbuf *out, const struct ledger_freeze *freeze)
{
    json_out_open(out, NULL, '{');
    if (freeze->team[0] != '\0')
        json_out_string(out, "Team", freeze->team);
    json_out_string(out, "Reason", freeze->reason);
    json_out_string(out, "Actor", freeze->actor);
    json_out_time(out, "FrozenAt", freeze->since_ms);
    json_out_close(out, '}');
}

static void answer_freezes(const struct http_context *context, struct exchange *exchange)
{
    struct ledger_freeze *freezes = calloc(LEDGER_FREEZES_MAX, sizeof(*freezes));
    size_t count = 0;
    struct error err = {0};
    if (freezes == NULL ||
        ledger_list_freezes(context->ledger, freezes, LEDGER_FREEZES_MAX, &count, &err) != 0) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "the ledger could not be read");
        free(freezes);
        return;
    }
    struct strbuf *body = exchange_begin_json(exchange, 200);
    json_out_open(body, "Freezes", '[');
    for (size_t i = 0; i < count; i++)
        render_freeze(body, &freezes[i]);
    json_out_close(body, ']');
    exchange_end_json(exchange);
    free(freezes);
}

static void set_freeze(const struct http_context *context, struct exchange *exchange, bool on)
{
    static const char *const allowed[] = {"Team", "Reason", NULL};
    char detail[RESERVATION_MESSAGE_MAX] = "";
    const char *team = "";
    struct admin_act act;
    struct error err = {0};
    json_t *body = NULL;
    if (!read_object(exchange, allowed, &body))
        return;
    if (strict_json_string(body, "", "Team", false, 1, RESERVATION_TEAM_MAX, &team, &err) != 0) {
        (void)answer_invalid(exchange, &err);
    } else if (read_act(exchange, body, &act)) {
        enum admin_outcome outcome = admin_freeze(context->control, team, on, &act, detail);
        if (was_done(outcome)) {
            exchange->outcome = on ? "frozen" : "unfrozen";
            answer_freezes(context, exchange);
        } else {
            (void)begin_problem(exchange, outcome, detail);
            exchange_end_json(exchange);
        }
    }
    json_decref(body);
}

void routes_freeze(void *context, struct exchange *exchange)
{
    set_freeze(context, exchange, true);
}

void routes_unfreeze(void *context, struct exchange *exchange)
{
    set_freeze(context, exchange, false);
}

void routes_list_freezes(void *context, struct exchange *exchange)
{
    if (routes_allow_parameters(exchange, no_parameters))
        answer_freezes(context, exchange);
}

/* --- a stuck row --------------------------------------------------------------------------- */

static void answer_settled(struct exchange *exchange, const struct admin_settled *settled)
{
    struct strbuf *body = begin_problem(exchange, settled->outcome, settled->detail);
    if (was_done(settled->outcome)) {
        exchange->outcome = "settled";
        json_out_bool(body, "Settled", settled->outcome == ADMIN_DONE);
        if (settled->detail[0] != '\0')
            json_out_string(body, settled->frees_running ? "Warning" : "Detail", settled->detail);
    }
    if (settled->seen_ms != 0) {
        json_out_open(body, "Seen", '{');
        json_out_string(body, "Status", settled->seen);
        json_out_time(body, "ObservedAt", settled->seen_ms);
        json_out_close(body, '}');
    }
    if (settled->has_row)
        render_reservation(body, "Reservation", &settled->row);
    exchange_end_json(exchange);
}

void routes_settle_reservation(void *context, struct exchange *exchange)
{
    static const char *const allowed[] = {"EndedAt", "Force", "Reason", NULL};
    const struct http_context *self = context;
    struct admin_settle request = {.id = routes_segment(exchange, "ReservationId")};
    struct error err = {0};
    json_t *body = NULL;
    if (!read_object(exchange, allowed, &body))
        return;
    if (strict_json_bool(body, "", "Force", false, &request.force, &err) != 0) {
        (void)answer_invalid(exchange, &err);
    } else if (read_time(exchange, body, "EndedAt", &request.ended_ms) &&
               read_act(exchange, body, &request.act)) {
        struct admin_settled settled;
        admin_settle(self->control, &request, routes_deadline(self), &settled);
        answer_settled(exchange, &settled);
    }
    json_decref(body);
}

/* --- drift --------------------------------------------------------------------------------- */

void routes_list_drift(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {"NextToken", NULL};
    const struct http_context *self = context;
    const struct ledger_filter filter = {.team = RESERVATION_TEAM_UNASSIGNED};
    struct drift_scan_state scan;
    if (!routes_allow_parameters(exchange, parameters))
        return;
    struct strbuf *body = routes_begin_rows(self, exchange, &filter);
    if (body == NULL)
        return;
    admin_drift_scans(self->control, &scan);
    json_out_time(body, "ScannedAt", scan.ended_ms);
    json_out_bool(body, "LastScanFailed", scan.failed);
    exchange_end_json(exchange);
}

/* The limits that would have refused it as a start. */
static void render_exceeded(struct strbuf *body, const struct quota_decision *decision)
{
    json_out_open(body, "Exceeds", '[');
    for (size_t i = 0; i < decision->rule_count; i++) {
        const struct quota_rule *rule = &decision->rules[i];
        if (rule->admits)
            continue;
        json_out_open(body, NULL, '{');
        render_rule(body, rule);
        json_out_close(body, '}');
    }
    json_out_close(body, ']');
}

static void answer_assigned(struct exchange *exchange, const struct admin_assigned *assigned)
{
    struct strbuf *body = begin_problem(exchange, assigned->outcome, assigned->detail);
    if (was_done(assigned->outcome)) {
        exchange->outcome = "assigned";
        render_reservation(body, "Reservation", &assigned->row);
        json_out_bool(body, "ProjectAllowed", assigned->project_allowed);
        if (assigned->has_decision)
            render_exceeded(body, &assigned->decision);
        else
            json_out_string(body, "Warning", assigned->detail);
    }
    exchange_end_json(exchange);
}

static bool read_assign(struct exchange *exchange, const json_t *body, struct admin_assign *request)
{
    struct error err = {0};
    int result = strict_json_string(body, "", "ProjectName", true, 1, RESERVATION_PROJECT_MAX,
                                    &request->project, &err);
    if (result == 0)
        result = strict_json_string(body, "", "ModelVersion", true, 1, RESERVATION_VERSION_MAX,
                                    &request->version, &err);
    if (result == 0)
        result = strict_json_string(body, "", "Team", true, 1, RESERVATION_TEAM_MAX, &request->team,
                                    &err);
    if (result == 0)
        result = strict_json_int(body, "", "LeaseMinutes", true, 1, POLICY_MAX_LEASE_MINUTES,
                                 &request->lease_minutes, &err);
    if (result != 0)
        return answer_invalid(exchange, &err);
    return routes_check_model(exchange, request->project, request->version) &&
           read_act(exchange, body, &request->act);
}

void routes_assign_drift(void *context, struct exchange *exchange)
{
    static const char *const allowed[] = {"ProjectName",  "ModelVersion", "Team",
                                          "LeaseMinutes", "Reason",       NULL};
    const struct http_context *self = context;
    struct admin_assign request = {0};
    json_t *body = NULL;
    if (!read_object(exchange, allowed, &body))
        return;
    if (read_assign(exchange, body, &request)) {
        struct admin_assigned assigned;
        admin_assign_drift(self->control, &request, &assigned);
        answer_assigned(exchange, &assigned);
    }
    json_decref(body);
}
