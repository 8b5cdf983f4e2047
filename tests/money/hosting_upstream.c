/* From a call to the emulator's service and back, through the gateway's own reading of answers. */
#include "tests/money/hosting_upstream.h"

#include "gateway/upstream/aws_answer.h"
#include "tests/money/clock_by_hand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATE_SIZE    64
#define GARBAGE      "<html>not JSON</html>"
#define PER_THOUSAND 1000

struct hosting_upstream {
    struct upstream interface;
    const struct clock *clock;
    struct service *service;
    struct hosting_chances chances;
    uint64_t random;
    int64_t latency_ms;
    hosting_watch_fn *watch;
    void *watch_context;
    bool out;
};

/* xorshift64 */
uint64_t hosting_draw(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (*state >> 11) % below;
}

/* What an answer is decoded into, besides the answer itself; both NULL for a start or stop. */
struct wanted_out {
    struct upstream_description *description;
    struct upstream_page *page;
};

/* Whether a model was started, or stopped, so lately that a DescribeModel that lags may not know.
 */
static bool may_lag(struct hosting_upstream *hosting, const struct upstream_call *call)
{
    const struct hosting_model *model =
        hosting_upstream_model(hosting, call->model.project, call->model.version);
    return model != NULL && model->status != HOSTING_HOSTED &&
           service_now_ms(hosting->service) - model->since_ms < hosting->chances.lag_ms;
}

/* Arms, for the next call alone, what its draw says. */
static void maybe_arm(struct hosting_upstream *hosting, enum hosting_operation operation,
                      const struct upstream_call *call)
{
    const struct hosting_chances *chances = &hosting->chances;
    const bool changes = hosting_operation_changes(operation);
    const bool lags = operation == HOSTING_DESCRIBE && may_lag(hosting, call);
    const struct {
        unsigned chance;
        enum fault_kind kind;
        bool applied;
    } kinds[] = {
        {chances->drop_before, FAULT_DROP_BEFORE, false},
        {chances->drop_after, FAULT_DROP_AFTER, true},
        {changes ? chances->apply_late : 0, FAULT_APPLY_LATE, false},
        {chances->throttle, FAULT_THROTTLE, false},
        {chances->error_500, FAULT_ERROR_500, false},
        {lags ? chances->stale : 0, FAULT_STALE, true},
        {chances->delay, FAULT_DELAY, true},
    };
    struct faults *faults = &hosting->service->faults;
    unsigned drawn = (unsigned)hosting_draw(&hosting->random, PER_THOUSAND), least = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        least += kinds[i].chance;
        if (drawn >= least || faults->count == FAULTS_MAX)
            continue;
        faults->armed[faults->count++] =
            (struct fault){.kind = kinds[i].kind,
                           .operation = operation,
                           .count = 1,
                           .delay_ms = kinds[i].kind == FAULT_STALE ? 0 : chances->late_ms,
                           .armed_ms = service_now_ms(hosting->service),
                           .applied = kinds[i].applied};
        return;
    }
}

/* "Mon, 23 Nov 2026 15:48:00 GMT": whole seconds, as on the wire. */
static void format_date(int64_t wall_ms, char out[DATE_SIZE])
{
    struct tm utc = {0};
    time_t seconds = (time_t)(wall_ms / 1000);

    (void)gmtime_r(&seconds, &utc);
    (void)strftime(out, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

static void read_answer(struct hosting_upstream *hosting, enum hosting_operation operation,
                        const struct upstream_call *call, const struct answer *from,
                        enum service_delivery delivery, struct upstream_answer *answer,
                        struct wanted_out out)
{
    char date[DATE_SIZE], retry_after[16], garbage[] = GARBAGE;
    struct http_response response = {.status = from->status, .body = from->body.data};

    format_date(service_wall_ms(hosting->service), date);
    (void)snprintf(retry_after, sizeof(retry_after), "%d", from->retry_after_s);
    response.headers[response.header_count++] = (struct http_header){"date", date};
    if (from->error_type != NULL)
        response.headers[response.header_count++] =
            (struct http_header){"x-amzn-errortype", from->error_type};
    if (from->retry_after_s > 0)
        response.headers[response.header_count++] =
            (struct http_header){"retry-after", retry_after};
    if (delivery == SERVICE_GARBAGE)
        response.body = garbage;
    response.body_len = strlen(response.body);

    aws_answer_read_head(&response, answer);
    if (response.status < 200 || response.status > 299)
        aws_answer_judge_error(&response, NULL, answer);
    else if (out.description != NULL)
        aws_answer_decode_description(&response, call->model.version, answer, out.description);
    else if (out.page != NULL)
        aws_answer_decode_page(
            &response, operation == HOSTING_LIST_MODELS ? AWS_LIST_MODELS : AWS_LIST_PROJECTS, call,
            answer, out.page);
    else
        aws_answer_decode_status(&response, answer);
}

/* Time passes on the way; false when the caller's time is over before. */
static bool travel(struct hosting_upstream *hosting, const struct upstream_call *call, int64_t ms)
{
    int64_t left_ms = call->deadline_ms - clock_monotonic_ms(hosting->clock);

    if (ms > left_ms) {
        clock_by_hand_move(hosting->clock, left_ms > 0 ? left_ms : 0);
        return false;
    }
    clock_by_hand_move(hosting->clock, ms);
    return true;
}

static void exchange(struct hosting_upstream *hosting, enum hosting_operation operation,
                     const struct upstream_call *call, const struct hosting_call *wanted,
                     struct upstream_answer *answer, struct wanted_out out)
{
    struct answer from;
    enum service_delivery delivery;
    int64_t delay_ms = 0;

    answer_init(&from);
    answer->sends = 1;
    answer->fate = UPSTREAM_DOUBT;
    maybe_arm(hosting, operation, call);
    /* Also what was given up arrives. */
    bool in_time = travel(hosting, call, hosting->latency_ms);
    service_call(hosting->service, operation, wanted, &from, &delivery, &delay_ms);
    in_time = in_time && travel(hosting, call, delay_ms + hosting->latency_ms);
    if (in_time && (delivery == SERVICE_DELIVER || delivery == SERVICE_GARBAGE))
        read_answer(hosting, operation, call, &from, delivery, answer, out);
    answer_free(&from);
}

static void perform(struct hosting_upstream *hosting, enum hosting_operation operation,
                    const struct upstream_call *call, const struct hosting_call *wanted,
                    struct upstream_answer *answer, struct wanted_out out)
{
    int64_t began_ms = clock_monotonic_ms(hosting->clock);

    *answer = (struct upstream_answer){.fate = UPSTREAM_NOT_SENT, .began_monotonic_ms = began_ms};
    if (out.description != NULL)
        *out.description = (struct upstream_description){0};
    if (hosting->out)
        (void)snprintf(answer->message, sizeof(answer->message), "the emulator is out");
    else
        exchange(hosting, operation, call, wanted, answer, out);
    answer->ended_monotonic_ms = clock_monotonic_ms(hosting->clock);
    if (answer->sends > 0 && hosting->watch != NULL)
        hosting->watch(hosting->watch_context, &(struct hosting_event){operation, wanted->project,
                                                                       wanted->version, answer});
}

static struct hosting_call call_of(const struct upstream_call *call)
{
    return (struct hosting_call){.project = call->model.project,
                                 .version = call->model.version,
                                 .token = call->client_token != NULL ? call->client_token : ""};
}

static void list(struct hosting_upstream *hosting, enum hosting_operation operation,
                 const struct upstream_call *call, struct upstream_answer *answer,
                 struct upstream_page *page)
{
    struct hosting_call wanted = {.project = call->model.project,
                                  .page_token = call->page_token != NULL ? call->page_token : "",
                                  .max_results = HOSTING_PAGE_MAX};

    upstream_page_clear(page);
    perform(hosting, operation, call, &wanted, answer, (struct wanted_out){.page = page});
}

static void list_projects(void *self, const struct upstream_call *call,
                          struct upstream_answer *answer, struct upstream_page *page)
{
    list(self, HOSTING_LIST_PROJECTS, call, answer, page);
}

static void list_models(void *self, const struct upstream_call *call,
                        struct upstream_answer *answer, struct upstream_page *page)
{
    list(self, HOSTING_LIST_MODELS, call, answer, page);
}

/* The body as start_body made it. */
static void start_it(void *self, const struct upstream_call *call, struct upstream_answer *answer)
{
    struct hosting_call wanted = call_of(call);

    if (sscanf(call->body, "%" SCNd64 " %" SCNd64, &wanted.min_units, &wanted.max_units) != 2)
        abort();
    perform(self, HOSTING_START, call, &wanted, answer, (struct wanted_out){0});
}

static void stop_it(void *self, const struct upstream_call *call, struct upstream_answer *answer)
{
    struct hosting_call wanted = call_of(call);

    perform(self, HOSTING_STOP, call, &wanted, answer, (struct wanted_out){0});
}

static void describe_it(void *self, const struct upstream_call *call,
                        struct upstream_answer *answer, struct upstream_description *description)
{
    struct hosting_call wanted = call_of(call);

    perform(self, HOSTING_DESCRIBE, call, &wanted, answer,
            (struct wanted_out){.description = description});
}

static int start_body(void *self, int64_t min_units, int64_t max_units, char *out, size_t size)
{
    (void)self;
    int len = snprintf(out, size, "%" PRId64 " %" PRId64, min_units, max_units);
    return len > 0 && (size_t)len < size ? 0 : ERROR_INVALID;
}

static void nothing(void *self)
{
    (void)self;
}

static const struct upstream_ops ops = {
    .name = "emulator in this process",
    .start = start_it,
    .stop = stop_it,
    .describe = describe_it,
    .list_projects = list_projects,
    .list_models = list_models,
    .start_body = start_body,
    .close = nothing,
    .free = nothing,
};

struct hosting_upstream *hosting_upstream_create(const struct clock *clock, uint64_t seed)
{
    struct hosting_upstream *hosting = calloc(1, sizeof(*hosting));
    struct settings settings;
    struct service_config config = {
        .region = "eu-central-1", .account = "123456789012", .clock = clock, .settings = &settings};
    struct error err = {0};

    settings_init(&settings);
    settings.running_models = 0;
    settings.units_per_model = 0;
    settings.requests_per_second = 0;
    settings.auto_models = SETTING_YES;
    if (hosting == NULL || service_create(&hosting->service, &config, &err) != 0)
        abort();
    hosting->clock = clock;
    hosting->random = seed * 2 + 1;
    hosting->interface = (struct upstream){.ops = &ops, .self = hosting};
    return hosting;
}

void hosting_upstream_free(struct hosting_upstream **hosting)
{
    if (*hosting == NULL)
        return;
    service_free(&(*hosting)->service);
    free(*hosting);
    *hosting = NULL;
}

struct upstream *hosting_upstream_interface(struct hosting_upstream *hosting)
{
    return &hosting->interface;
}

struct service *hosting_upstream_service(struct hosting_upstream *hosting)
{
    return hosting->service;
}

void hosting_upstream_set_chances(struct hosting_upstream *hosting,
                                  const struct hosting_chances *chances)
{
    hosting->chances = *chances;
}

void hosting_upstream_set_latency(struct hosting_upstream *hosting, int64_t ms)
{
    hosting->latency_ms = ms;
}

void hosting_upstream_set_out(struct hosting_upstream *hosting, bool out)
{
    hosting->out = out;
}

void hosting_upstream_watch(struct hosting_upstream *hosting, hosting_watch_fn *watch,
                            void *context)
{
    hosting->watch = watch;
    hosting->watch_context = context;
}

void hosting_upstream_arm(struct hosting_upstream *hosting, const char *fault)
{
    json_t *object = json_loads(fault, 0, NULL);
    struct error err = {0};

    if (faults_arm_json(&hosting->service->faults, object, service_now_ms(hosting->service),
                        &err) != 0) {
        (void)fprintf(stderr, "the fault %s can't be armed: %s\n", fault, err.message);
        abort();
    }
    json_decref(object);
}

struct hosting_model *hosting_upstream_model(struct hosting_upstream *hosting, const char *project,
                                             const char *version)
{
    int64_t now_ms = service_now_ms(hosting->service);

    service_apply_due(hosting->service, now_ms);
    return hosting_lookup(hosting->service->hosting, project, version, now_ms);
}
