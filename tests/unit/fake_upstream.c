/* The upstream in memory. */
#include "tests/unit/fake_upstream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_model {
    bool running;
    int64_t units;                                /* what describe tells */
    char start_token[MODEL_CLIENT_TOKEN_MAX + 1]; /* of the start that took effect last */
    char stop_token[MODEL_CLIENT_TOKEN_MAX + 1];
};

struct fake_upstream {
    struct upstream interface;
    const struct clock *clock;
    int64_t epoch_ms; /* what to add to the monotonic clock to have the true time */
    pthread_mutex_t lock;
    uint64_t random;
    struct fake_chances chances;
    const char *listed;
    fake_hook_fn *on_describe, *on_list;
    void *hook_context;
    struct fake_model models[FAKE_MODELS + 1];
    unsigned running, most_running, starts, double_starts;
};

/* xorshift64: any seed but 0. */
static unsigned draw(struct fake_upstream *fake)
{
    fake->random ^= fake->random << 13;
    fake->random ^= fake->random >> 7;
    fake->random ^= fake->random << 17;
    return (unsigned)(fake->random >> 33) % 100;
}

static struct fake_model *find(struct fake_upstream *fake, const struct upstream_call *call)
{
    unsigned long version = strtoul(call->model.version, NULL, 10);
    if (version < 1 || version > FAKE_MODELS)
        abort(); /* a test of ours asks for what is not there */
    return &fake->models[version];
}

static void begin(const struct fake_upstream *fake, struct upstream_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->sends = 1;
    answer->began_monotonic_ms = clock_monotonic_ms(fake->clock);
    answer->ended_monotonic_ms = answer->began_monotonic_ms;
    /* The truth: a wall clock that nothing moves but time. */
    answer->date_wall_ms = (fake->epoch_ms + answer->began_monotonic_ms) / 1000 * 1000;
}

static void refuse(struct upstream_answer *answer, enum upstream_fate fate, int status,
                   const char *type)
{
    answer->fate = fate;
    answer->http_status = status;
    (void)snprintf(answer->error_type, sizeof(answer->error_type), "%s", type);
}

static void accept(struct upstream_answer *answer, int status, enum model_status model)
{
    answer->fate = UPSTREAM_ACCEPTED;
    answer->http_status = status;
    answer->status = model;
}

/* What happens to a call before it takes effect; false = it does not. */
static bool arrives(struct fake_upstream *fake, struct upstream_answer *answer, bool may_refuse)
{
    const struct fake_chances *chances = &fake->chances;
    unsigned drawn = draw(fake), least = 0;
    if (drawn < (least += chances->lost_before)) {
        refuse(answer, UPSTREAM_DOUBT, 0, "");
        return false;
    }
    if (drawn < (least += chances->throttled)) {
        refuse(answer, UPSTREAM_THROTTLED, 429, "ThrottlingException");
        return false;
    }
    if (drawn < (least += chances->failed)) {
        refuse(answer, UPSTREAM_DOUBT, 500, "InternalServerException");
        return false;
    }
    if (may_refuse && drawn < least + chances->refused) {
        refuse(answer, UPSTREAM_REFUSED, 400, "ValidationException");
        return false;
    }
    return true;
}

static void maybe_lose(struct fake_upstream *fake, struct upstream_answer *answer)
{
    if (draw(fake) < fake->chances.lost_after)
        refuse(answer, UPSTREAM_DOUBT, 0, "");
}

static void fake_start(void *self, const struct upstream_call *call, struct upstream_answer *answer)
{
    struct fake_upstream *fake = self;
    begin(fake, answer);
    pthread_mutex_lock(&fake->lock);
    struct fake_model *model = find(fake, call);
    bool replay = strcmp(model->start_token, call->client_token) == 0;
    if (arrives(fake, answer, true)) {
        if (!replay) {
            fake->double_starts += model->running;
            fake->running += !model->running;
            fake->starts++;
            model->running = true;
            (void)snprintf(model->start_token, sizeof(model->start_token), "%s",
                           call->client_token);
        }
        if (fake->running > fake->most_running)
            fake->most_running = fake->running;
        accept(answer, 202, MODEL_STARTING_HOSTING);
        maybe_lose(fake, answer);
    }
    pthread_mutex_unlock(&fake->lock);
}

static void fake_stop(void *self, const struct upstream_call *call, struct upstream_answer *answer)
{
    struct fake_upstream *fake = self;
    begin(fake, answer);
    pthread_mutex_lock(&fake->lock);
    struct fake_model *model = find(fake, call);
    bool replay = strcmp(model->stop_token, call->client_token) == 0;
    if (arrives(fake, answer, false)) {
        if (!replay) {
            fake->running -= model->running;
            model->running = false;
            (void)snprintf(model->stop_token, sizeof(model->stop_token), "%s", call->client_token);
        }
        accept(answer, 202, MODEL_STOPPING_HOSTING);
        maybe_lose(fake, answer);
    }
    pthread_mutex_unlock(&fake->lock);
}

static void call_hook(struct fake_upstream *fake, fake_hook_fn *hook)
{
    if (hook != NULL)
        hook(fake->hook_context);
}

static void fake_describe(void *self, const struct upstream_call *call,
                          struct upstream_answer *answer, struct upstream_description *description)
{
    struct fake_upstream *fake = self;
    begin(fake, answer);
    memset(description, 0, sizeof(*description));
    pthread_mutex_lock(&fake->lock);
    if (arrives(fake, answer, false)) {
        accept(answer, 200, find(fake, call)->running ? MODEL_HOSTED : MODEL_TRAINED);
        (void)snprintf(description->version, sizeof(description->version), "%s",
                       call->model.version);
        description->min_inference_units = find(fake, call)->units;
    }
    pthread_mutex_unlock(&fake->lock);
    call_hook(fake, fake->on_describe);
}

/* One page: the project, or all the models. */
static void list(struct fake_upstream *fake, bool models, struct upstream_answer *answer,
                 struct upstream_page *page)
{
    begin(fake, answer);
    upstream_page_clear(page);
    pthread_mutex_lock(&fake->lock);
    if (arrives(fake, answer, false)) {
        accept(answer, 200, MODEL_STATUS_UNKNOWN);
        page->count = models ? FAKE_MODELS : fake->listed != NULL;
        if (page->count == 1)
            (void)snprintf(page->entries[0].name, sizeof(page->entries[0].name), "%s",
                           fake->listed);
    }
    for (unsigned i = 0; models && i < page->count; i++) {
        (void)snprintf(page->entries[i].name, sizeof(page->entries[i].name), "%u", i + 1);
        page->entries[i].status = fake->models[i + 1].running ? MODEL_HOSTED : MODEL_TRAINED;
    }
    pthread_mutex_unlock(&fake->lock);
    call_hook(fake, fake->on_list);
}

static void fake_list_projects(void *self, const struct upstream_call *call,
                               struct upstream_answer *answer, struct upstream_page *page)
{
    (void)call;
    list(self, false, answer, page);
}

static void fake_list_models(void *self, const struct upstream_call *call,
                             struct upstream_answer *answer, struct upstream_page *page)
{
    (void)call;
    list(self, true, answer, page);
}

static int fake_start_body(void *self, int64_t min_units, int64_t max_units, char *out, size_t size)
{
    (void)self;
    (void)snprintf(out, size, "%lld-%lld", (long long)min_units, (long long)max_units);
    return 0;
}

static void fake_close(void *self)
{
    (void)self;
}

static const struct upstream_ops ops = {
    .name = "fake",
    .start = fake_start,
    .stop = fake_stop,
    .describe = fake_describe,
    .list_projects = fake_list_projects,
    .list_models = fake_list_models,
    .start_body = fake_start_body,
    .close = fake_close,
    .free = fake_close,
};

struct fake_upstream *fake_upstream_create(const struct clock *clock, uint64_t seed)
{
    struct fake_upstream *fake = calloc(1, sizeof(*fake));
    if (fake == NULL || pthread_mutex_init(&fake->lock, NULL) != 0)
        abort();
    fake->clock = clock;
    fake->epoch_ms = clock_wall_ms(clock) - clock_monotonic_ms(clock);
    fake->random = seed * 2 + 1;
    fake->interface = (struct upstream){.ops = &ops, .self = fake};
    return fake;
}

void fake_upstream_free(struct fake_upstream *fake)
{
    (void)pthread_mutex_destroy(&fake->lock);
    free(fake);
}

struct upstream *fake_upstream_interface(struct fake_upstream *fake)
{
    return &fake->interface;
}

void fake_upstream_set_chances(struct fake_upstream *fake, const struct fake_chances *chances)
{
    pthread_mutex_lock(&fake->lock);
    fake->chances = *chances;
    pthread_mutex_unlock(&fake->lock);
}

void fake_upstream_set_listed(struct fake_upstream *fake, const char *project)
{
    pthread_mutex_lock(&fake->lock);
    fake->listed = project;
    pthread_mutex_unlock(&fake->lock);
}

void fake_upstream_set_hooks(struct fake_upstream *fake, fake_hook_fn *on_describe,
                             fake_hook_fn *on_list, void *context)
{
    pthread_mutex_lock(&fake->lock);
    fake->on_describe = on_describe;
    fake->on_list = on_list;
    fake->hook_context = context;
    pthread_mutex_unlock(&fake->lock);
}

void fake_upstream_set_running(struct fake_upstream *fake, unsigned version, bool running,
                               int64_t units)
{
    pthread_mutex_lock(&fake->lock);
    fake->running += running;
    fake->running -= fake->models[version].running;
    fake->models[version].running = running;
    fake->models[version].units = units;
    pthread_mutex_unlock(&fake->lock);
}

bool fake_upstream_is_running(struct fake_upstream *fake, unsigned version)
{
    pthread_mutex_lock(&fake->lock);
    bool running = fake->models[version].running;
    pthread_mutex_unlock(&fake->lock);
    return running;
}

static unsigned read_count(struct fake_upstream *fake, const unsigned *count)
{
    pthread_mutex_lock(&fake->lock);
    unsigned value = *count;
    pthread_mutex_unlock(&fake->lock);
    return value;
}

unsigned fake_upstream_double_starts(struct fake_upstream *fake)
{
    return read_count(fake, &fake->double_starts);
}

unsigned fake_upstream_most_running(struct fake_upstream *fake)
{
    return read_count(fake, &fake->most_running);
}

unsigned fake_upstream_starts(struct fake_upstream *fake)
{
    return read_count(fake, &fake->starts);
}
