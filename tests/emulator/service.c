/* The way of a request: verify, route, throttle, validate, fault, model, count. */
#include "tests/emulator/service.h"

#include "gateway/base/log.h"
#include "policy/strict_json.h"
#include "tests/emulator/route.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_DEPTH_MAX 16
#define QUOTA_REQUESTS "L-6C6DBBAE"

int service_create(struct service **out, const struct service_config *config, struct error *err)
{
    struct service *service = calloc(1, sizeof(*service));
    int rc;

    if (!service)
        return error_set(err, ERROR_NOMEM, "no memory for the service");
    service->clock = config->clock;
    service->verifier = config->verifier;
    service->region = config->region;
    service->account = config->account;
    service->settings = *config->settings;
    service->epoch_ms = clock_wall_ms(config->clock) - clock_monotonic_ms(config->clock);
    rc = hosting_create(&service->hosting, &service->settings, err);
    if (rc != 0) {
        free(service);
        return rc;
    }
    if (pthread_mutex_init(&service->lock, NULL) != 0 || clock_cond_init(&service->wake) != 0) {
        hosting_free(&service->hosting);
        free(service);
        return error_set(err, ERROR_IO, "the service's lock could not be made");
    }
    *out = service;
    return 0;
}

void service_free(struct service **service)
{
    if (!*service)
        return;
    hosting_free(&(*service)->hosting);
    pthread_cond_destroy(&(*service)->wake);
    pthread_mutex_destroy(&(*service)->lock);
    free(*service);
    *service = NULL;
}

int64_t service_now_ms(const struct service *service)
{
    return service->epoch_ms + clock_monotonic_ms(service->clock);
}

int64_t service_wall_ms(struct service *service)
{
    int64_t shift_ms;

    pthread_mutex_lock(&service->lock);
    shift_ms = service->shift_ms;
    pthread_mutex_unlock(&service->lock);
    return clock_wall_ms(service->clock) + shift_ms;
}

void service_reset(struct service *service)
{
    hosting_clear(service->hosting);
    faults_clear(&service->faults);
    service->late.count = 0;
    service->shift_ms = 0;
    service->unknown_operations = 0;
    service->generation++;
    memset(service->rates, 0, sizeof(service->rates));
    memset(service->counters, 0, sizeof(service->counters));
    pthread_cond_broadcast(&service->wake);
}

void service_release(struct service *service)
{
    pthread_mutex_lock(&service->lock);
    service->stopping = true;
    pthread_cond_broadcast(&service->wake);
    pthread_mutex_unlock(&service->lock);
}

static enum hosting_effect apply(struct service *service, enum hosting_operation operation,
                                 const struct hosting_call *call, int64_t now_ms,
                                 struct answer *answer)
{
    enum hosting_effect effect = operation == HOSTING_START
                                     ? hosting_start(service->hosting, call, now_ms, answer)
                                     : hosting_stop(service->hosting, call, now_ms, answer);

    if (effect == HOSTING_APPLIED)
        service->counters[operation].applied++;
    if (effect == HOSTING_REPLAYED)
        service->counters[operation].replayed++;
    return effect;
}

void service_apply_due(struct service *service, int64_t now_ms)
{
    struct late_call late;
    struct hosting_call call;
    struct answer unheard;

    while (late_take_due(&service->late, now_ms, &late)) {
        call = (struct hosting_call){.project = late.project,
                                     .version = late.version,
                                     .token = late.token,
                                     .min_units = late.min_units,
                                     .max_units = late.max_units};
        answer_init(&unheard);
        (void)apply(service, late.operation, &call, late.due_ms, &unheard);
        answer_free(&unheard);
    }
}

static void tally(struct service_counters *counters, const char *label)
{
    size_t i = 0;

    while (i < counters->answer_count && strcmp(counters->answers[i].label, label) != 0)
        i++;
    if (i == SERVICE_ANSWERS_MAX)
        return;
    if (i == counters->answer_count) {
        snprintf(counters->answers[i].label, SERVICE_LABEL_SIZE, "%s", label);
        counters->answer_count++;
    }
    counters->answers[i].count++;
}

static void tally_answer(struct service_counters *counters, const struct answer *answer,
                         enum service_delivery delivery)
{
    char label[SERVICE_LABEL_SIZE];

    if (delivery == SERVICE_DROP)
        snprintf(label, sizeof(label), "dropped");
    else if (answer->error_type)
        snprintf(label, sizeof(label), "%d %s", answer->status, answer->error_type);
    else
        snprintf(label, sizeof(label), "%d", answer->status);
    tally(counters, label);
}

static bool invalid(struct answer *answer, const char *message)
{
    answer_set_error(answer, "ValidationException", NULL, "%s", message);
    return false;
}

/* MinInferenceUnits and MaxInferenceUnits of a start; other members are ignored, as AWS does. */
static bool read_units(const struct verifier_request *request, struct hosting_call *call,
                       struct answer *answer)
{
    static const struct json_limits limits = {.max_bytes = SERVICE_BODY_MAX,
                                              .max_depth = BODY_DEPTH_MAX};
    struct error err = {0};
    json_t *body = NULL;
    bool ok = false;

    if (strict_json_parse(request->body, request->body_len, &limits, &body, &err) != 0) {
        answer_set_error(answer, "SerializationException", NULL, "%s", err.message);
        return false;
    }
    if (!json_is_object(body))
        answer_set_error(answer, "SerializationException", NULL, "Expected a JSON object.");
    else if (strict_json_int(body, "", "MinInferenceUnits", true, 1, HOSTING_UNITS_MAX,
                             &call->min_units, &err) != 0 ||
             strict_json_int(body, "", "MaxInferenceUnits", false, 1, HOSTING_UNITS_MAX,
                             &call->max_units, &err) != 0)
        ok = invalid(answer, err.message);
    else if (call->max_units > 0 && call->max_units < call->min_units)
        ok = invalid(answer, "MaxInferenceUnits must not be less than MinInferenceUnits.");
    else
        ok = true;
    json_decref(body);
    return ok;
}

static const char *client_token(const struct verifier_request *request)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, "x-amzn-client-token") == 0)
            return request->headers[i].value;
    return NULL;
}

static bool read_page(const struct route *route, struct hosting_call *call, struct answer *answer)
{
    const char *digits = route->max_results;

    call->page_token = route->page_token;
    call->max_results = digits[0] == '\0' ? HOSTING_PAGE_MAX : strtol(digits, NULL, 10);
    if (digits[strspn(digits, "0123456789")] != '\0' || strlen(digits) > 3 ||
        call->max_results < 1 || call->max_results > HOSTING_PAGE_MAX)
        return invalid(answer, "MaxResults must be 1 to 100");
    if (!hosting_page_token_valid(route->page_token))
        return invalid(answer, "NextToken must be up to 2048 characters that match "
                               "^[a-zA-Z0-9\\/\\+\\=]{0,2048}$");
    return true;
}

static bool has_project(enum hosting_operation operation)
{
    return operation != HOSTING_LIST_PROJECTS;
}

static bool has_version(enum hosting_operation operation)
{
    return operation != HOSTING_LIST_PROJECTS && operation != HOSTING_LIST_MODELS;
}

/* What the service model demands of the parameters; fills `call`, which borrows from its inputs. */
static bool validate(const struct verifier_request *request, const struct route *route,
                     struct hosting_call *call, struct answer *answer)
{
    const char *token = client_token(request);

    *call = (struct hosting_call){
        .project = route->project, .version = route->version, .token = token ? token : ""};
    if (has_project(route->operation) && !hosting_project_valid(route->project))
        return invalid(answer, "ProjectName must be 1 to 255 characters that match "
                               "[a-zA-Z0-9][a-zA-Z0-9_\\-]*");
    if (has_version(route->operation) && !hosting_version_valid(route->version))
        return invalid(answer, "ModelVersion must be 1 to 10 characters that match "
                               "([1-9][0-9]*|latest)");
    if (token && hosting_operation_changes(route->operation) && !hosting_token_valid(token))
        return invalid(answer, "ClientToken must be 1 to 64 characters that match "
                               "^[a-zA-Z0-9-]+$");
    if (!has_version(route->operation))
        return read_page(route, call, answer);
    return route->operation != HOSTING_START || read_units(request, call, answer);
}

static bool throttled(struct service *service, enum hosting_operation operation, int64_t now_ms,
                      struct answer *answer)
{
    struct answer_details details = {.quota_code = QUOTA_REQUESTS};

    if (rate_take(&service->rates[operation], service->settings.requests_per_second, now_ms))
        return false;
    answer_set_error(answer, "ThrottlingException", &details, "Rate exceeded");
    return true;
}

/* The answer of a call that meets no fault, and its effect. */
static void answer_call(struct service *service, enum hosting_operation operation,
                        const struct hosting_call *call, bool stale, int64_t now_ms,
                        struct answer *answer)
{
    struct hosting_view view = {
        .region = service->region, .account = service->account, .stale = stale};

    switch (operation) {
    case HOSTING_START:
    case HOSTING_STOP:
        (void)apply(service, operation, call, now_ms, answer);
        break;
    case HOSTING_DESCRIBE:
        hosting_describe(service->hosting, call, &view, now_ms, answer);
        break;
    case HOSTING_LIST_PROJECTS:
        hosting_list_projects(service->hosting, call, &view, answer);
        break;
    case HOSTING_LIST_MODELS:
        hosting_list_models(service->hosting, call, &view, now_ms, answer);
        break;
    }
}

/* What an armed fault's pattern is held against. */
static const char *fault_name(struct service *service, enum hosting_operation operation,
                              const struct hosting_call *call, int64_t now_ms)
{
    const struct hosting_model *model;

    if (!has_version(operation))
        return call->project;
    model = hosting_lookup(service->hosting, call->project, call->version, now_ms);
    return model ? model->name : "";
}

/* Faults that answer with an error; with the others the answer that is there stands. */
static void answer_fault(const struct fault *fault, const char *model, struct answer *answer)
{
    struct answer_details details = {.resource_id = model, .resource_type = "MODEL"};
    const char *type = NULL;

    switch (fault->kind) {
    case FAULT_THROTTLE:
        type = "ThrottlingException";
        break;
    case FAULT_ERROR_500:
        type = "InternalServerException";
        break;
    case FAULT_CONFLICT:
        type = "ConflictException";
        break;
    case FAULT_REFUSE:
        type = fault->error_type;
        break;
    case FAULT_NONE:
    case FAULT_DELAY:
    case FAULT_APPLY_LATE:
    case FAULT_DROP_BEFORE:
    case FAULT_DROP_AFTER:
    case FAULT_GARBAGE:
    case FAULT_HALF_BODY:
    case FAULT_STALE:
    case FAULT_REPLAY:
        return;
    }
    answer_set_error(answer, type, &details, "The emulator was told to answer this.");
}

static enum service_delivery delivery_of(const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_APPLY_LATE:
    case FAULT_DROP_BEFORE:
    case FAULT_DROP_AFTER:
        return SERVICE_DROP;
    case FAULT_GARBAGE:
        return SERVICE_GARBAGE;
    case FAULT_HALF_BODY:
        return SERVICE_HALF;
    case FAULT_NONE:
    case FAULT_DELAY:
    case FAULT_THROTTLE:
    case FAULT_ERROR_500:
    case FAULT_STALE:
    case FAULT_CONFLICT:
    case FAULT_REPLAY:
    case FAULT_REFUSE:
        break;
    }
    return SERVICE_DELIVER;
}

/* A call that has passed validation; returns how its answer travels and how much later. */
static enum service_delivery perform(struct service *service, enum hosting_operation operation,
                                     const struct hosting_call *call, int64_t now_ms,
                                     struct answer *answer, int64_t *delay_ms)
{
    const char *name = fault_name(service, operation, call, now_ms);
    struct fault fault;

    if (faults_take(&service->faults, operation, name, now_ms, &fault))
        service->counters[operation].faulted++;
    if (fault.kind == FAULT_APPLY_LATE &&
        !late_add(&service->late, operation, call, now_ms + fault.delay_ms)) {
        answer_set_error(answer, "InternalServerException", NULL,
                         "The emulator holds %d late calls, which is the most.", LATE_MAX);
        return SERVICE_DELIVER;
    }
    if (fault.applied || !hosting_operation_changes(operation))
        answer_call(service, operation, call, fault.kind == FAULT_STALE, now_ms, answer);
    else
        answer_set_hosting(
            answer,
            hosting_status_name(operation == HOSTING_START ? HOSTING_STARTING : HOSTING_STOPPING));
    answer_fault(&fault, name, answer);
    *delay_ms = fault.kind == FAULT_DELAY ? fault.delay_ms : 0;
    return delivery_of(&fault);
}

void service_call(struct service *service, enum hosting_operation operation,
                  const struct hosting_call *call, struct answer *answer,
                  enum service_delivery *delivery, int64_t *delay_ms)
{
    struct service_counters *counters = &service->counters[operation];
    int64_t now_ms = service_now_ms(service);

    pthread_mutex_lock(&service->lock);
    *delivery = SERVICE_DELIVER;
    *delay_ms = 0;
    counters->received++;
    service_apply_due(service, now_ms);
    if (!throttled(service, operation, now_ms, answer))
        *delivery = perform(service, operation, call, now_ms, answer, delay_ms);
    tally_answer(counters, answer, *delivery);
    pthread_mutex_unlock(&service->lock);
}

/* Until the answer is due, the emulator ends, or a reset forgets the request. */
static void wait_out(struct service *service, int64_t delay_ms)
{
    int64_t deadline_ms = clock_monotonic_ms(service->clock) + delay_ms;
    int64_t generation = service->generation;

    while (!service->stopping && service->generation == generation &&
           clock_monotonic_ms(service->clock) < deadline_ms)
        (void)clock_wait_until(service->clock, &service->wake, &service->lock, deadline_ms);
}

static void log_request(const struct verifier_request *request, const struct answer *answer,
                        enum service_delivery delivery)
{
    LOG(LOG_INFO, "emulator.request", log_str("method", request->method),
        log_str("path", request->path), log_int("status", answer->status),
        log_str("error", answer->error_type), log_bool("dropped", delivery == SERVICE_DROP));
}

/* With the lock held. */
static enum service_delivery handle_locked(struct service *service, const struct route *route,
                                           const struct verifier_request *request,
                                           struct answer *answer, bool verified)
{
    struct service_counters *counters = &service->counters[route->operation];
    enum service_delivery delivery = SERVICE_DELIVER;
    struct hosting_call call;
    int64_t now_ms = service_now_ms(service);
    int64_t delay_ms = 0;

    counters->received++;
    service_apply_due(service, now_ms);
    if (verified && !throttled(service, route->operation, now_ms, answer) &&
        validate(request, route, &call, answer))
        delivery = perform(service, route->operation, &call, now_ms, answer, &delay_ms);
    tally_answer(counters, answer, delivery);
    if (delay_ms > 0)
        wait_out(service, delay_ms);
    return delivery;
}

void service_handle(struct service *service, const struct verifier_request *request,
                    struct answer *answer, enum service_delivery *delivery)
{
    struct route route;
    bool known = route_parse(request->method, request->path, request->query, &route);
    bool verified = verifier_check(service->verifier, request, service_wall_ms(service), answer);

    pthread_mutex_lock(&service->lock);
    *delivery = SERVICE_DELIVER;
    if (known)
        *delivery = handle_locked(service, &route, request, answer, verified);
    else
        service->unknown_operations++;
    pthread_mutex_unlock(&service->lock);
    if (!known && verified)
        answer_set_error(answer, "UnknownOperationException", NULL,
                         "%s %s is no operation of this service.", request->method, request->path);
    log_request(request, answer, *delivery);
}
