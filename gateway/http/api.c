/* The way of every request through routes, credentials, handlers, log and metrics. */
#include "gateway/http/api.h"

#include "gateway/base/log.h"
#include "gateway/http/authenticate.h"
#include "gateway/http/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const struct route routes[] = {
#define ROUTES_ROW(method, pattern, scope, handler) {method, pattern, scope, handler},
    ROUTES(ROUTES_ROW)
#undef ROUTES_ROW
};
#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

/* Series for each route, and one more for what matched none. */
#define SERIES_COUNT     (ROUTE_COUNT + 1)
#define SERIES_NONE      ROUTE_COUNT
#define CLASS_COUNT      4 /* 2xx to 5xx: nothing here answers with 1xx or redirects on its own */
#define CLASS_OF(status) ((size_t)((status) / 100 - 2))

struct api {
    struct http_context context;
    struct metric *requests[SERIES_COUNT][CLASS_COUNT];
    struct metric_histogram *durations[SERIES_COUNT];
    struct metric *refused_tokens[JWS_REASON_COUNT];
};

/* --- metrics ------------------------------------------------------------------------------- */

#define REQUESTS_NAME  "lookout_http_requests_total"
#define REQUESTS_HELP  "Requests by route and class of status."
#define DURATIONS_NAME "lookout_http_request_duration_seconds"
#define DURATIONS_HELP "Time from a request's head to its answer, by route."

/* The labels as literals: they must live as long as the registry. */
#define SERIES_ROW(method, pattern, scope, handler) "route=\"" pattern "\",method=\"" method "\""
#define CLASS_ROW(method, pattern, scope, handler)                                                 \
    {SERIES_ROW(method, pattern, scope, handler) ",class=\"2xx\"",                                 \
     SERIES_ROW(method, pattern, scope, handler) ",class=\"3xx\"",                                 \
     SERIES_ROW(method, pattern, scope, handler) ",class=\"4xx\"",                                 \
     SERIES_ROW(method, pattern, scope, handler) ",class=\"5xx\""},

static const char *const class_labels[SERIES_COUNT][CLASS_COUNT] = {
    ROUTES(CLASS_ROW) CLASS_ROW("", "none", 0, 0)};

#define DURATION_ROW(method, pattern, scope, handler) SERIES_ROW(method, pattern, scope, handler),
static const char *const duration_labels[SERIES_COUNT] = {ROUTES(DURATION_ROW)
                                                              DURATION_ROW("", "none", 0, 0)};

static const char *const reason_labels[JWS_REASON_COUNT] = {
    [JWS_OK] = NULL,
    [JWS_MALFORMED] = "reason=\"malformed\"",
    [JWS_ALGORITHM_UNSUPPORTED] = "reason=\"algorithm_unsupported\"",
    [JWS_ALGORITHM_MISMATCH] = "reason=\"algorithm_mismatch\"",
    [JWS_KEY_UNKNOWN] = "reason=\"key_unknown\"",
    [JWS_CRITICAL_HEADER] = "reason=\"critical_header\"",
    [JWS_TYPE_REFUSED] = "reason=\"type_refused\"",
    [JWS_BAD_SIGNATURE] = "reason=\"bad_signature\"",
    [JWS_ISSUER_UNKNOWN] = "reason=\"issuer_unknown\"",
    [JWS_AUDIENCE_REFUSED] = "reason=\"audience_refused\"",
    [JWS_EXPIRED] = "reason=\"expired\"",
    [JWS_NOT_YET_VALID] = "reason=\"not_yet_valid\"",
    [JWS_CLAIM_INVALID] = "reason=\"claim_invalid\"",
    [JWS_INTERNAL] = "reason=\"internal\"",
};

static void register_metrics(struct api *api)
{
    struct metrics *metrics = api->context.metrics;
    for (size_t i = 0; i < SERIES_COUNT; i++) {
        for (size_t class = 0; class < CLASS_COUNT; class ++)
            api->requests[i][class] =
                metrics_counter(metrics, REQUESTS_NAME, REQUESTS_HELP, class_labels[i][class]);
        api->durations[i] =
            metrics_histogram(metrics, DURATIONS_NAME, DURATIONS_HELP, duration_labels[i]);
    }
    for (size_t i = JWS_OK + 1; i < JWS_REASON_COUNT; i++)
        api->refused_tokens[i] =
            metrics_counter(metrics, "lookout_http_tokens_refused_total",
                            "Tokens that were not accepted, by reason.", reason_labels[i]);
}

int api_create(const struct http_context *context, struct api **out, struct error *err)
{
    struct api *api = calloc(1, sizeof(*api));
    if (api == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the API");
    api->context = *context;
    register_metrics(api);
    if (!metrics_complete(context->metrics)) {
        free(api);
        return error_set(err, ERROR_NOMEM, "out of memory for the API's metrics");
    }
    *out = api;
    return 0;
}

void api_free(struct api **api)
{
    free(*api);
    *api = NULL;
}

/* --- the way of a request ------------------------------------------------------------------ */

static void answer_wrong_method(struct exchange *exchange, const char *allow)
{
    char detail[ROUTER_MAX_ALLOW + 32];
    snprintf(detail, sizeof(detail), "this path is served with %s", allow);
    exchange_add_header(exchange, "Allow", allow);
    exchange_problem(exchange, PROBLEM_METHOD_NOT_ALLOWED, detail);
}

static void serve(struct api *api, struct exchange *exchange, const struct route *route)
{
    if (route->scope != 0) {
        enum jws_reason reason;
        if (!authenticate(&api->context, exchange, &reason)) {
            metric_add(reason != JWS_OK ? api->refused_tokens[reason] : NULL, 1);
            return;
        }
        if (!authenticate_require_scope(exchange, (enum scope)route->scope))
            return;
    }
    route->handler(&api->context, exchange);
}

/* Returns the index of its series. */
static size_t dispatch(struct api *api, struct exchange *exchange)
{
    struct router_match match;
    if (exchange->fault != PROBLEM_NONE) {
        exchange_problem(exchange, exchange->fault, exchange->fault_detail);
        return SERIES_NONE;
    }
    switch (router_find(routes, ROUTE_COUNT, exchange->head.method, &exchange->target, &match)) {
    case ROUTER_FOUND:
        exchange->route = routes[match.index].pattern;
        serve(api, exchange, &routes[match.index]);
        return match.index;
    case ROUTER_NO_METHOD:
        answer_wrong_method(exchange, match.allow);
        return SERIES_NONE;
    case ROUTER_NO_PATH:
        exchange_problem(exchange, PROBLEM_NOT_FOUND, "no route has this path");
        return SERIES_NONE;
    }
    return SERIES_NONE;
}

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* One line a request. The path is left out: its names may come from anybody; the query too. */
static void log_exchange(const struct exchange *exchange, int64_t duration_us)
{
    const char *subject = exchange->authenticated ? exchange->principal.subject : NULL;
    LOG(LOG_INFO, "http.request", log_str("request_id", exchange->request_id),
        log_str("method", exchange->head.method[0] != '\0' ? exchange->head.method : NULL),
        log_str("route", exchange->route), log_int("status", exchange->status),
        log_str("outcome", exchange->outcome),
        log_str("team", exchange->team[0] != '\0' ? exchange->team : NULL),
        log_str("subject", subject), log_str("remote", exchange->remote_address),
        log_int("bytes", (int64_t)exchange->body.len), log_int("duration_us", duration_us));
}

void api_handle(void *api, struct exchange *exchange)
{
    struct api *self = api;
    size_t series = dispatch(self, exchange);
    int64_t duration_us = monotonic_us() - exchange->began_us;
    if (exchange->status >= 200 && exchange->status < 600)
        metric_add(self->requests[series][CLASS_OF(exchange->status)], 1);
    metric_observe_us(self->durations[series], duration_us);
    log_exchange(exchange, duration_us);
}
