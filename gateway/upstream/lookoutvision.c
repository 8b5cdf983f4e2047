/* The calls of Amazon Lookout for Vision: one turn, one signature, one request, one judgement. */
#include "gateway/upstream/lookoutvision.h"

#include "gateway/aws/sigv4.h"
#include "gateway/base/log.h"
#include "gateway/upstream/aws_answer.h"
#include "gateway/upstream/aws_endpoint.h"
#include "policy/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_NAME       "lookoutvision"
#define API_VERSION        "2020-11-20"
#define REGION_MAX         32
#define PATH_MAX_BYTES     2048 /* prefix, and a name whose every byte is encoded */
#define QUERY_MAX_BYTES    (64 + 3 * UPSTREAM_PAGE_TOKEN_MAX) /* of a list: every byte encoded */
#define AUTHORIZATION_MAX  4096
#define SIGNED_HEADERS_MAX 5
/* AWS takes signatures five minutes old: below this, a clock is not what it dislikes. */
#define SKEW_MIN_MS (INT64_C(4) * 60 * 1000)

enum operation {
    OPERATION_START,
    OPERATION_STOP,
    OPERATION_DESCRIBE,
    OPERATION_LIST_PROJECTS,
    OPERATION_LIST_MODELS,
    OPERATION_COUNT
};

/* How far a path goes: all projects, the models of one, one model. */
enum path_depth { PATH_PROJECTS, PATH_MODELS, PATH_MODEL };

static const struct operation_shape {
    const char *method;
    enum path_depth depth;
    const char *suffix;
    bool has_client_token;
    size_t max_response_bytes;
} shapes[OPERATION_COUNT] = {
    [OPERATION_START] = {"POST", PATH_MODEL, "/start", true, 64 * 1024},
    [OPERATION_STOP] = {"POST", PATH_MODEL, "/stop", true, 64 * 1024},
    [OPERATION_DESCRIBE] = {"GET", PATH_MODEL, "", false, 256 * 1024},
    [OPERATION_LIST_PROJECTS] = {"GET", PATH_PROJECTS, "", false, 1024 * 1024},
    [OPERATION_LIST_MODELS] = {"GET", PATH_MODELS, "", false, 1024 * 1024},
};

/* Where the answer of an operation goes besides struct upstream_answer; the others are NULL. */
struct result {
    struct upstream_description *description;
    struct upstream_page *projects, *models;
};

struct lookoutvision {
    struct aws_endpoint endpoint;
    char region[REGION_MAX + 1];
    int64_t attempt_timeout_ms;
    struct pacing *pacing[OPERATION_COUNT];
    struct sigv4_key_cache *keys;
    struct aws_credentials_provider *credentials;
    struct http_client *client;
    const struct clock *clock;
    _Atomic int64_t clock_offset_ms; /* AWS's clock minus ours, where AWS complained; else 0 */
};

/* ---- one request ---- */

/* A request on its way to the wire, with all that its headers point to. */
struct wire {
    struct strbuf path;
    struct strbuf query;
    struct strbuf url;
    struct strbuf authorization;
    struct sigv4_scope scope;
    struct sigv4_header headers[SIGNED_HEADERS_MAX];
    struct http_header sent[SIGNED_HEADERS_MAX + 1];
    size_t header_count;
};

static void wire_init(struct wire *wire)
{
    *wire = (struct wire){.header_count = 0};
    strbuf_init(&wire->path, PATH_MAX_BYTES);
    strbuf_init(&wire->query, QUERY_MAX_BYTES);
    strbuf_init(&wire->url, PATH_MAX_BYTES + QUERY_MAX_BYTES + AWS_ENDPOINT_MAX);
    strbuf_init(&wire->authorization, AUTHORIZATION_MAX);
}

static void wire_free(struct wire *wire)
{
    strbuf_free(&wire->path);
    strbuf_free(&wire->query);
    strbuf_free(&wire->url);
    strbuf_free(&wire->authorization);
}

static void add_header(struct wire *wire, const char *name, const char *value)
{
    assert(wire->header_count < SIGNED_HEADERS_MAX);
    wire->headers[wire->header_count] = (struct sigv4_header){.name = name, .value = value};
    wire->sent[wire->header_count] = (struct http_header){.name = name, .value = value};
    wire->header_count++;
}

static void build_path(const struct lookoutvision *lv, const struct operation_shape *shape,
                       const struct upstream_model *model, struct strbuf *path)
{
    strbuf_addstr(path, lv->endpoint.prefix);
    strbuf_addstr(path, "/" API_VERSION "/projects");
    if (shape->depth == PATH_PROJECTS)
        return;
    strbuf_addch(path, '/');
    sigv4_uri_encode(path, model->project, strlen(model->project));
    strbuf_addstr(path, "/models");
    if (shape->depth == PATH_MODELS)
        return;
    strbuf_addch(path, '/');
    sigv4_uri_encode(path, model->version, strlen(model->version));
    strbuf_addstr(path, shape->suffix);
}

/* A page token is made of letters, digits, '/', '+' and '=': the last three are encoded. */
static void build_query(const struct operation_shape *shape, const char *page_token,
                        struct strbuf *query)
{
    if (shape->depth == PATH_MODEL)
        return;
    strbuf_addf(query, "maxResults=%d", UPSTREAM_PAGE_MAX);
    if (page_token == NULL)
        return;
    strbuf_addstr(query, "&nextToken=");
    sigv4_uri_encode(query, page_token, strlen(page_token));
}

static int build_url(const struct lookoutvision *lv, const struct operation_shape *shape,
                     const struct upstream_call *call, struct wire *wire, struct error *err)
{
    build_path(lv, shape, &call->model, &wire->path);
    build_query(shape, call->page_token, &wire->query);
    strbuf_addstr(&wire->url, lv->endpoint.origin);
    strbuf_addstr(&wire->url, wire->path.data);
    if (wire->query.len > 0) {
        strbuf_addch(&wire->url, '?');
        strbuf_addstr(&wire->url, wire->query.data);
    }
    if (!strbuf_ok(&wire->path) || !strbuf_ok(&wire->query) || !strbuf_ok(&wire->url))
        return error_set(err, ERROR_INVALID,
                         "the request's path is over %d bytes, its query over %d, or out of memory",
                         PATH_MAX_BYTES, QUERY_MAX_BYTES);
    return 0;
}

static int build(struct lookoutvision *lv, const struct operation_shape *shape,
                 const struct upstream_call *call, const struct aws_credentials *credentials,
                 struct wire *wire, struct error *err)
{
    const char *session_token = aws_credentials_session_token(credentials);
    struct sigv4_request request = {
        .method = shape->method,
        .headers = wire->headers,
        .body = call->body,
        .body_len = call->body_len,
        .normalize_path = true,
    };
    int rc = build_url(lv, shape, call, wire, err);

    if (rc != 0)
        return rc;
    wire->scope.region = lv->region;
    wire->scope.service = SERVICE_NAME;
    sigv4_format_date(clock_wall_ms(lv->clock) + atomic_load(&lv->clock_offset_ms),
                      wire->scope.date);
    add_header(wire, "Host", lv->endpoint.host);
    add_header(wire, "X-Amz-Date", wire->scope.date);
    if (call->body_len > 0)
        add_header(wire, "Content-Type", "application/json");
    if (shape->has_client_token)
        add_header(wire, "X-Amzn-Client-Token", call->client_token);
    if (session_token != NULL)
        add_header(wire, "X-Amz-Security-Token", session_token);
    request.path = wire->path.data;
    request.query = wire->query.data;
    request.header_count = wire->header_count;
    rc = sigv4_sign(&request, &wire->scope, aws_credentials_access_key_id(credentials),
                    aws_credentials_secret_access_key(credentials), lv->keys, &wire->authorization,
                    err);
    if (rc != 0)
        return rc;
    wire->sent[wire->header_count] =
        (struct http_header){.name = "Authorization", .value = wire->authorization.data};
    return 0;
}

/* ---- its answer ---- */

static void fill_message(struct upstream_answer *answer, const char *message)
{
    (void)snprintf(answer->message, sizeof(answer->message), "%s", message);
    text_drop_partial(answer->message);
}

/* Nothing left for the upstream. */
static void not_sent(struct upstream_answer *answer, const struct error *err)
{
    answer->fate = UPSTREAM_NOT_SENT;
    fill_message(answer, err->message);
}

/* No whole answer. Only what the client is sure of counts as not sent. */
static void judge_failure(int rc, const struct error *err, struct upstream_answer *answer)
{
    if (answer->sends == 0 && rc != ERROR_UNCERTAIN) {
        not_sent(answer, err);
        return;
    }
    answer->fate = UPSTREAM_DOUBT;
    fill_message(answer, err->message);
}

/*
 * When AWS says that it was the clock, its Date tells by how much; a difference that is small now
 * means that an older correction has become wrong, since somebody set our clock.
 */
static void learn_clock(struct lookoutvision *lv, const struct upstream_answer *answer)
{
    int64_t offset_ms = answer->date_wall_ms - clock_wall_ms(lv->clock);

    if (!aws_answer_blames_clock(answer) || answer->date_wall_ms == 0)
        return;
    if (offset_ms > -SKEW_MIN_MS && offset_ms < SKEW_MIN_MS)
        offset_ms = 0;
    if (atomic_exchange(&lv->clock_offset_ms, offset_ms) != offset_ms)
        LOG(LOG_WARNING, "upstream.clock_offset", log_int("offset_ms", offset_ms),
            log_str("error_type", answer->error_type),
            log_str("hint", "this host's clock and the upstream's disagree: is it synchronised?"));
}

static void judge(struct lookoutvision *lv, const struct upstream_call *call,
                  const struct http_response *response, const char *session_token,
                  struct upstream_answer *answer, const struct result *result)
{
    aws_answer_read_head(response, answer);
    if (response->status < 200 || response->status > 299) {
        aws_answer_judge_error(response, session_token, answer);
        learn_clock(lv, answer);
    } else if (result->description != NULL) {
        aws_answer_decode_description(response, call->model.version, answer, result->description);
    } else if (result->projects != NULL) {
        aws_answer_decode_page(response, AWS_LIST_PROJECTS, call, answer, result->projects);
    } else if (result->models != NULL) {
        aws_answer_decode_page(response, AWS_LIST_MODELS, call, answer, result->models);
    } else {
        aws_answer_decode_status(response, answer);
    }
}

static void send_once(struct lookoutvision *lv, const struct operation_shape *shape,
                      const struct upstream_call *call, const struct aws_credentials *credentials,
                      struct upstream_answer *answer, const struct result *result)
{
    struct http_response response = {0};
    struct error err = {0};
    struct wire wire;

    wire_init(&wire);
    answer->began_monotonic_ms = clock_monotonic_ms(lv->clock);
    const int64_t left_ms = call->deadline_ms - answer->began_monotonic_ms;
    if (left_ms <= 0) {
        (void)error_set(&err, ERROR_RETRY, "nothing was sent: the request's time was over");
        not_sent(answer, &err);
        goto out;
    }
    if (build(lv, shape, call, credentials, &wire, &err) != 0) {
        not_sent(answer, &err);
        goto out;
    }
    const struct http_request request = {
        .method = shape->method,
        .url = wire.url.data,
        .headers = wire.sent,
        .header_count = wire.header_count + 1,
        .body = call->body,
        .body_len = call->body_len,
        .timeout_ms = left_ms < lv->attempt_timeout_ms ? left_ms : lv->attempt_timeout_ms,
        .max_response_bytes = shape->max_response_bytes,
    };
    const int rc = http_client_perform(lv->client, &request, &response, &answer->sends, &err);
    if (rc != 0) {
        judge_failure(rc, &err, answer);
        goto out;
    }
    judge(lv, call, &response, aws_credentials_session_token(credentials), answer, result);
    http_response_clear(&response);
out:
    wire_free(&wire);
}

/* Turn, credentials, signature, request: in this order, so that no signature grows old waiting. */
/* Waits for the turn, and asks whether the call still makes sense where that took time. */
static int take_turn(struct lookoutvision *lv, enum operation operation,
                     const struct upstream_call *call, struct error *err)
{
    const int64_t asked_ms = clock_monotonic_ms(lv->clock);
    const int rc = pacing_wait(lv->pacing[operation], call->pacing, call->deadline_ms, err);

    if (rc != 0 || call->still_wanted == NULL || clock_monotonic_ms(lv->clock) == asked_ms)
        return rc;
    if (call->still_wanted(call->context))
        return 0;
    return error_set(err, ERROR_REFUSED, "while it waited for its turn it was called off");
}

static void perform(struct lookoutvision *lv, enum operation operation,
                    const struct upstream_call *call, struct upstream_answer *answer,
                    const struct result *result)
{
    struct aws_credentials *credentials = NULL;
    struct error err = {0};

    assert(!shapes[operation].has_client_token || call->client_token != NULL);
    *answer = (struct upstream_answer){.fate = UPSTREAM_NOT_SENT,
                                       .began_monotonic_ms = clock_monotonic_ms(lv->clock)};
    if (take_turn(lv, operation, call, &err) != 0) {
        not_sent(answer, &err);
    } else if (aws_credentials_provider_get(lv->credentials, &credentials, &err) != 0) {
        error_prefix(&err, "nothing was sent");
        not_sent(answer, &err);
    } else {
        send_once(lv, &shapes[operation], call, credentials, answer, result);
    }
    aws_credentials_unref(&credentials);
    answer->ended_monotonic_ms = clock_monotonic_ms(lv->clock);
}

/* ---- the table ---- */

static void lookoutvision_start(void *self, const struct upstream_call *call,
                                struct upstream_answer *answer)
{
    perform(self, OPERATION_START, call, answer, &(struct result){0});
}

static void lookoutvision_stop(void *self, const struct upstream_call *call,
                               struct upstream_answer *answer)
{
    perform(self, OPERATION_STOP, call, answer, &(struct result){0});
}

static void lookoutvision_describe(void *self, const struct upstream_call *call,
                                   struct upstream_answer *answer,
                                   struct upstream_description *description)
{
    *description = (struct upstream_description){0};
    perform(self, OPERATION_DESCRIBE, call, answer, &(struct result){.description = description});
}

static void lookoutvision_list_projects(void *self, const struct upstream_call *call,
                                        struct upstream_answer *answer, struct upstream_page *page)
{
    upstream_page_clear(page);
    perform(self, OPERATION_LIST_PROJECTS, call, answer, &(struct result){.projects = page});
}

static void lookoutvision_list_models(void *self, const struct upstream_call *call,
                                      struct upstream_answer *answer, struct upstream_page *page)
{
    upstream_page_clear(page);
    perform(self, OPERATION_LIST_MODELS, call, answer, &(struct result){.models = page});
}

static int lookoutvision_start_body(void *self, int64_t min_units, int64_t max_units, char *out,
                                    size_t size)
{
    char maximum[64] = "";

    (void)self;
    if (min_units < 1 || max_units < 0)
        return ERROR_INVALID;
    if (max_units > 0)
        (void)snprintf(maximum, sizeof(maximum), ",\"MaxInferenceUnits\":%" PRId64, max_units);
    const int len =
        snprintf(out, size, "{\"MinInferenceUnits\":%" PRId64 "%s}", min_units, maximum);
    return len > 0 && (size_t)len < size ? 0 : ERROR_INVALID;
}

static void lookoutvision_close(void *self)
{
    struct lookoutvision *lv = self;

    for (int i = 0; i < OPERATION_COUNT; i++)
        pacing_close(lv->pacing[i]);
}

static void lookoutvision_free(void *self)
{
    struct lookoutvision *lv = self;

    for (int i = 0; i < OPERATION_COUNT; i++)
        pacing_free(&lv->pacing[i]);
    sigv4_key_cache_free(&lv->keys);
    free(lv);
}

static const struct upstream_ops lookoutvision_ops = {
    .name = SERVICE_NAME,
    .start = lookoutvision_start,
    .stop = lookoutvision_stop,
    .describe = lookoutvision_describe,
    .list_projects = lookoutvision_list_projects,
    .list_models = lookoutvision_list_models,
    .start_body = lookoutvision_start_body,
    .close = lookoutvision_close,
    .free = lookoutvision_free,
};

static int check_settings(const struct lookoutvision_settings *settings, struct error *err)
{
    const size_t len = strnlen(settings->region, REGION_MAX + 1);

    if (len == 0 || len > REGION_MAX ||
        settings->region[strspn(settings->region, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return error_set(err, ERROR_INVALID,
                         "the region \"%.64s\" is none: expected a name such as eu-central-1",
                         settings->region);
    if (settings->attempt_timeout_ms <= 0)
        return error_set(err, ERROR_INVALID,
                         "saw %" PRId64 " ms for one request to the upstream, expected more than 0",
                         settings->attempt_timeout_ms);
    return 0;
}

static int fill(struct lookoutvision *lv, const struct lookoutvision_settings *settings,
                struct error *err)
{
    const struct pacing_settings *const pacing[OPERATION_COUNT] = {
        [OPERATION_START] = &settings->start_pacing,
        [OPERATION_STOP] = &settings->stop_pacing,
        [OPERATION_DESCRIBE] = &settings->describe_pacing,
        [OPERATION_LIST_PROJECTS] = &settings->list_pacing,
        [OPERATION_LIST_MODELS] = &settings->list_pacing,
    };
    int rc = aws_endpoint_parse(settings->endpoint, &lv->endpoint, err);

    for (int i = 0; rc == 0 && i < OPERATION_COUNT; i++)
        rc = pacing_create(settings->clock, pacing[i], &lv->pacing[i], err);
    if (rc == 0)
        rc = sigv4_key_cache_create(&lv->keys, err);
    (void)snprintf(lv->region, sizeof(lv->region), "%s", settings->region);
    lv->attempt_timeout_ms = settings->attempt_timeout_ms;
    lv->credentials = settings->credentials;
    lv->client = settings->client;
    lv->clock = settings->clock;
    return rc;
}

int lookoutvision_open(const struct lookoutvision_settings *settings, struct upstream **out,
                       struct error *err)
{
    int rc = check_settings(settings, err);

    if (rc != 0)
        return rc;
    struct lookoutvision *lv = calloc(1, sizeof(*lv));
    struct upstream *upstream = calloc(1, sizeof(*upstream));
    if (lv == NULL || upstream == NULL) {
        free(upstream);
        free(lv);
        return error_set(err, ERROR_NOMEM, "out of memory for the upstream");
    }
    rc = fill(lv, settings, err);
    if (rc != 0) {
        free(upstream);
        lookoutvision_free(lv);
        return rc;
    }
    upstream->ops = &lookoutvision_ops;
    upstream->self = lv;
    *out = upstream;
    return 0;
}
