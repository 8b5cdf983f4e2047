/* POST …/start and POST /v1/start-model: a start, from bytes to admission and back. */
#include "gateway/control/admission.h"
#include "gateway/control/model_name.h"
#include "gateway/http/json_out.h"
#include "gateway/http/routes.h"
#include "gateway/http/start_answer.h"
#include "gateway/http/start_document.h"
#include "gateway/ledger/ledger.h"
#include "policy/strict_json.h"

#include <stdio.h>
#include <string.h>

/* The draft of Idempotency-Key writes the key as a quoted string; most clients write it bare. */
static const char *unquote(const char *value, char out[LEDGER_KEY_MAX + 1])
{
    size_t len = strlen(value);
    if (len < 2 || len > LEDGER_KEY_MAX + 2 || value[0] != '"' || value[len - 1] != '"')
        return value;
    memcpy(out, value + 1, len - 2);
    out[len - 2] = '\0';
    return out;
}

/*
 * The idempotency key: header, SDK's header and ClientToken are one and the same thing, and all
 * that are there must agree. `*key` is borrowed from the request or `unquoted`.
 */
static bool find_key(struct exchange *exchange, const char *from_body,
                     char unquoted[LEDGER_KEY_MAX + 1], const char **key)
{
    struct error err = {0};
    enum { HEADER, SDK_HEADER, BODY, PLACES };
    const char *values[PLACES] = {[BODY] = from_body};
    *key = NULL;
    enum problem_type problem =
        request_single_field(&exchange->head, "Idempotency-Key", &values[HEADER], &err);
    if (problem == PROBLEM_NONE)
        problem =
            request_single_field(&exchange->head, "X-Amzn-Client-Token", &values[SDK_HEADER], &err);
    if (values[HEADER] != NULL)
        values[HEADER] = unquote(values[HEADER], unquoted);
    for (int i = 0; i < PLACES && problem == PROBLEM_NONE; i++) {
        if (values[i] == NULL)
            continue;
        if (model_name_check_key(values[i], strlen(values[i]), &err) != 0) {
            problem = i == BODY ? PROBLEM_INVALID_BODY : PROBLEM_INVALID_PARAMETER;
            if (i == BODY)
                strict_json_pointer(err.pointer, "", "ClientToken");
        } else if (*key != NULL && strcmp(*key, values[i]) != 0) {
            error_set(&err, ERROR_INVALID,
                      "Idempotency-Key, X-Amzn-Client-Token and ClientToken must be equal where "
                      "more than one is given");
            problem = PROBLEM_KEYS_DIFFER;
        }
        *key = values[i];
    }
    if (problem == PROBLEM_NONE)
        return true;
    exchange_problem_error(exchange, problem, &err);
    return false;
}

static void start(const struct http_context *context, struct exchange *exchange,
                  const struct start_document *document, const char *project, const char *version)
{
    char unquoted[LEDGER_KEY_MAX + 1];
    struct start_request request = {
        .subject = exchange->principal.subject,
        .request_id = exchange->request_id,
        .project = project,
        .version = version,
        .min_units = document->min_units,
        .max_units = document->max_units,
        .lease_minutes = document->lease_minutes,
    };
    if (!routes_check_model(exchange, project, version) ||
        !routes_bool_parameter(exchange, "DryRun", &request.dry_run) ||
        !routes_resolve_team(exchange, document->team, false, &request.team) ||
        !find_key(exchange, document->client_token, unquoted, &request.key))
        return;
    struct start_result result;
    admission_start(context->control, &request, routes_deadline(context), &result);
    start_answer(exchange, &request, &result);
}

/* Both routes: parse the body, then take the names from the path or from the document. */
static void start_from_body(const struct http_context *context, struct exchange *exchange,
                            bool with_model)
{
    static const char *const parameters[] = {"DryRun", "Team", NULL};
    const char *body = NULL;
    size_t len = 0;
    struct start_document document;
    struct error err = {0};
    if (!routes_allow_parameters(exchange, parameters) || !routes_read_json(exchange, &body, &len))
        return;
    if (start_document_parse(body, len, with_model, &document, &err) != 0) {
        exchange_problem_error(exchange, PROBLEM_INVALID_BODY, &err);
        return;
    }
    start(context, exchange, &document,
          with_model ? document.project : routes_segment(exchange, "ProjectName"),
          with_model ? document.version : routes_segment(exchange, "ModelVersion"));
    start_document_free(&document);
}

void routes_start_model(void *context, struct exchange *exchange)
{
    start_from_body(context, exchange, false);
}

void routes_start_document(void *context, struct exchange *exchange)
{
    start_from_body(context, exchange, true);
}

void routes_skeleton(void *context, struct exchange *exchange)
{
    (void)context;
    exchange->status = 200;
    exchange->content_type = "application/json";
    strbuf_clear(&exchange->body);
    strbuf_addstr(&exchange->body, start_document_skeleton);
}
