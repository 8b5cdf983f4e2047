/*
 * The routes: one table of what is served, driving router, metrics and documentation. To add one:
 * a line here, a handler, a test.
 */
#ifndef LOOKOUT_HTTP_ROUTES_H
#define LOOKOUT_HTTP_ROUTES_H

#include "gateway/http/context.h"
#include "gateway/http/exchange.h"
#include "gateway/http/router.h"
#include "gateway/ledger/ledger.h"

#include <jansson.h>

#define ROUTES_MODEL "/v1/projects/{ProjectName}/models/{ModelVersion}"

/* X(method, pattern, scope or 0, handler) */
#define ROUTES(X)                                                                                  \
    X("POST", ROUTES_MODEL "/start", SCOPE_MODELS_START, routes_start_model)                       \
    X("POST", ROUTES_MODEL "/stop", SCOPE_MODELS_STOP, routes_stop_model)                          \
    X("POST", ROUTES_MODEL "/lease", SCOPE_MODELS_START, routes_change_lease)                      \
    X("GET", ROUTES_MODEL, SCOPE_MODELS_READ, routes_describe_model)                               \
    X("POST", "/v1/start-model", SCOPE_MODELS_START, routes_start_document)                        \
    X("GET", "/v1/start-model/skeleton", 0, routes_skeleton)                                       \
    X("GET", "/v1/models", SCOPE_MODELS_READ, routes_list_models)                                  \
    X("GET", "/v1/reservations/{ReservationId}", SCOPE_MODELS_READ, routes_get_reservation)        \
    X("POST", "/v1/reservations/{ReservationId}/settle", SCOPE_GATEWAY_ADMIN,                      \
      routes_settle_reservation)                                                                   \
    X("POST", "/v1/admin/freeze", SCOPE_GATEWAY_ADMIN, routes_freeze)                              \
    X("POST", "/v1/admin/unfreeze", SCOPE_GATEWAY_ADMIN, routes_unfreeze)                          \
    X("GET", "/v1/admin/freezes", SCOPE_GATEWAY_ADMIN, routes_list_freezes)                        \
    X("GET", "/v1/admin/drift", SCOPE_GATEWAY_ADMIN, routes_list_drift)                            \
    X("POST", "/v1/admin/drift/assign", SCOPE_GATEWAY_ADMIN, routes_assign_drift)                  \
    X("GET", "/v1/quota", SCOPE_MODELS_READ, routes_get_quota)                                     \
    X("GET", "/v1/usage", SCOPE_MODELS_READ, routes_get_usage)                                     \
    X("GET", "/healthz", 0, routes_healthz)                                                        \
    X("GET", "/readyz", 0, routes_readyz)                                                          \
    X("GET", "/metrics", 0, routes_metrics)

#define ROUTES_DECLARE(method, pattern, scope, handler) route_handler handler;
ROUTES(ROUTES_DECLARE)
#undef ROUTES_DECLARE

/* What follows is shared by the handlers. Where a bool is false, a problem has been answered. */

/* What the path has where the route's pattern has "{name}". */
const char *routes_segment(const struct exchange *exchange, const char *name);

/* Every parameter of the query must be one of `names` (ends with NULL). */
bool routes_allow_parameters(struct exchange *exchange, const char *const *names);

/* A parameter that is "true" or "false"; absent = false. */
bool routes_bool_parameter(struct exchange *exchange, const char *name, bool *out);

/*
 * The team that this request is for: named in query or body (`from_body` may be NULL), else the
 * only one of the token. `*team` NULL = an administrator who named none, where `admin_may_omit`.
 * Must be the caller's own, unless an administrator asks. Also noted in exchange->team.
 */
bool routes_resolve_team(struct exchange *exchange, const char *from_body, bool admin_may_omit,
                         const char **team);

/* ProjectName and ModelVersion, checked. */
bool routes_check_model(struct exchange *exchange, const char *project, const char *version);

/* The body, whole and of the type application/json; bytes as of exchange_read_body. */
bool routes_read_json(struct exchange *exchange, const char **body, size_t *len);

/* The same, as an object that has only `members` (ends with NULL); the caller frees it. */
bool routes_read_object(struct exchange *exchange, const char *const *members, json_t **out);

bool routes_is_reservation_id(const char *id);

/*
 * Begins the answer with a page of live rows, `Models` and `NextToken`, from behind the query's
 * NextToken on; further members may follow, then exchange_end_json. NULL: a problem was answered.
 */
struct strbuf *routes_begin_rows(const struct http_context *context, struct exchange *exchange,
                                 const struct ledger_filter *filter);

int64_t routes_deadline(const struct http_context *context);

#endif
