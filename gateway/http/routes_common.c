/* What several routes need: parameters, teams, names, bodies, pages of rows. */
#include "gateway/control/model_name.h"
#include "gateway/http/json_out.h"
#include "gateway/http/render.h"
#include "gateway/http/routes.h"
#include "policy/strict_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_PAGE        50
#define OBJECT_MAX_DEPTH 2 /* of small bodies: members are numbers, strings and bools */

static bool refuse(struct exchange *exchange, enum problem_type type, const char *detail)
{
    exchange_problem(exchange, type, detail);
    return false;
}

const char *routes_segment(const struct exchange *exchange, const char *name)
{
    return router_segment(exchange->route, &exchange->target, name);
}

bool routes_allow_parameters(struct exchange *exchange, const char *const *names)
{
    for (size_t i = 0; i < exchange->target.parameter_count; i++) {
        const char *seen = exchange->target.parameters[i].name;
        const char *const *name = names;
        while (*name != NULL && strcmp(*name, seen) != 0)
            name++;
        if (*name != NULL)
            continue;
        struct error err;
        error_set(&err, ERROR_INVALID, "the parameter \"%s\" is not known here", seen);
        return refuse(exchange, PROBLEM_INVALID_PARAMETER, err.message);
    }
    return true;
}

bool routes_bool_parameter(struct exchange *exchange, const char *name, bool *out)
{
    const char *value = request_parameter(&exchange->target, name);
    *out = value != NULL && strcmp(value, "true") == 0;
    if (value == NULL || *out || strcmp(value, "false") == 0)
        return true;
    struct error err;
    error_set(&err, ERROR_INVALID, "saw %s=\"%s\", expected true or false", name, value);
    return refuse(exchange, PROBLEM_INVALID_PARAMETER, err.message);
}

/* No team was named: the token's only one, else the caller has to choose. */
static bool choose_team(struct exchange *exchange, bool admin_may_omit, const char **team)
{
    const struct principal *principal = &exchange->principal;
    bool admin = principal_has_scope(principal, SCOPE_GATEWAY_ADMIN);
    if (admin && admin_may_omit)
        return true;
    if (principal->team_count == 1) {
        *team = principal->teams[0];
        return true;
    }
    struct strbuf names;
    strbuf_init(&names, 2048);
    strbuf_addstr(&names, "say with Team for which team this is");
    for (size_t i = 0; i < principal->team_count; i++)
        strbuf_addf(&names, "%s %s", i == 0 ? ": one of" : ",", principal->teams[i]);
    exchange_problem(exchange, PROBLEM_TEAM_REQUIRED, names.data);
    strbuf_free(&names);
    return false;
}

bool routes_resolve_team(struct exchange *exchange, const char *from_body, bool admin_may_omit,
                         const char **team)
{
    const char *named = request_parameter(&exchange->target, "Team");
    *team = NULL;
    if (named != NULL && from_body != NULL && strcmp(named, from_body) != 0)
        return refuse(exchange, PROBLEM_INVALID_PARAMETER, "Team differs between query and body");
    if (named == NULL)
        named = from_body;
    if (named == NULL && !choose_team(exchange, admin_may_omit, team))
        return false;
    if (named != NULL) {
        if (strlen(named) > PRINCIPAL_MAX_TEAM || *named == '\0')
            return refuse(exchange, PROBLEM_INVALID_PARAMETER, "Team is not the name of a team");
        if (!principal_in_team(&exchange->principal, named) &&
            !principal_has_scope(&exchange->principal, SCOPE_GATEWAY_ADMIN))
            return refuse(exchange, PROBLEM_TEAM_FORBIDDEN, "the token does not name this team");
        *team = named;
    }
    if (*team != NULL)
        snprintf(exchange->team, sizeof(exchange->team), "%s", *team);
    return true;
}

bool routes_check_model(struct exchange *exchange, const char *project, const char *version)
{
    struct error err = {0};
    if (model_name_check_project(project, strlen(project), &err) == 0 &&
        model_name_check_version(version, strlen(version), &err) == 0)
        return true;
    exchange_problem_error(exchange, PROBLEM_INVALID_PARAMETER, &err);
    return false;
}

bool routes_read_json(struct exchange *exchange, const char **body, size_t *len)
{
    struct error err = {0};
    const char *type = NULL;
    enum problem_type problem = request_single_field(&exchange->head, "Content-Type", &type, &err);
    if (problem == PROBLEM_NONE && (type == NULL || !request_is_json_type(type))) {
        problem = PROBLEM_UNSUPPORTED_MEDIA_TYPE;
        error_set(&err, ERROR_INVALID, "send Content-Type: application/json");
    }
    if (problem == PROBLEM_NONE)
        problem = exchange_read_body(exchange, body, len, &err);
    if (problem == PROBLEM_NONE)
        return true;
    exchange->close = true;
    exchange_problem_error(exchange, problem, &err);
    return false;
}

bool routes_read_object(struct exchange *exchange, const char *const *members, json_t **out)
{
    const char *body = NULL;
    size_t len = 0;
    struct error err = {0};
    *out = NULL;
    if (!routes_read_json(exchange, &body, &len))
        return false;
    const struct json_limits limits = {.max_bytes = len, .max_depth = OBJECT_MAX_DEPTH};
    int result = strict_json_parse(body, len, &limits, out, &err);
    if (result == 0)
        result = strict_json_only(*out, "", members, &err);
    if (result == 0)
        return true;
    json_decref(*out);
    *out = NULL;
    exchange_problem_error(exchange, PROBLEM_INVALID_BODY, &err);
    return false;
}

bool routes_is_reservation_id(const char *id)
{
    return strlen(id) == RESERVATION_ID_LEN &&
           strspn(id, "0123456789abcdef-") == RESERVATION_ID_LEN;
}

struct strbuf *routes_begin_rows(const struct http_context *context, struct exchange *exchange,
                                 const struct ledger_filter *filter)
{
    const char *after = request_parameter(&exchange->target, "NextToken");
    struct strbuf *body = NULL;
    size_t count = 0;
    struct error err = {0};
    if (after != NULL && !routes_is_reservation_id(after)) {
        exchange_problem(exchange, PROBLEM_INVALID_PARAMETER,
                         "NextToken is not one that this route gave");
        return NULL;
    }
    struct reservation *rows = calloc(ROWS_PAGE, sizeof(*rows));
    if (rows == NULL) {
        exchange_problem(exchange, PROBLEM_INTERNAL_ERROR, "out of memory");
        return NULL;
    }
    if (ledger_list_live(context->ledger, filter, after != NULL ? after : "", rows, ROWS_PAGE,
                         &count, &err) != 0) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "the ledger could not be read");
        goto out;
    }
    body = exchange_begin_json(exchange, 200);
    json_out_open(body, "Models", '[');
    for (size_t i = 0; i < count; i++)
        render_reservation(body, NULL, &rows[i]);
    json_out_close(body, ']');
    if (count == ROWS_PAGE)
        json_out_string(body, "NextToken", rows[count - 1].id);
out:
    free(rows);
    return body;
}

int64_t routes_deadline(const struct http_context *context)
{
    return clock_monotonic_ms(context->clock) + context->request_deadline_ms;
}
