/* The store of models and the clockwork that time drives. */
#include "tests/emulator/hosting.h"

#include "tests/emulator/hosting_internal.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTING_FIRST_BUCKETS  256 /* a power of two */
#define HOSTING_FIRST_CAPACITY 4

static const char *const status_names[] = {
    [HOSTING_TRAINING] = "TRAINING",
    [HOSTING_TRAINED] = "TRAINED",
    [HOSTING_TRAINING_FAILED] = "TRAINING_FAILED",
    [HOSTING_STARTING] = "STARTING_HOSTING",
    [HOSTING_HOSTED] = "HOSTED",
    [HOSTING_FAILED] = "HOSTING_FAILED",
    [HOSTING_STOPPING] = "STOPPING_HOSTING",
    [HOSTING_UPDATING] = "SYSTEM_UPDATING",
    [HOSTING_DELETING] = "DELETING",
};
#define STATUSES (sizeof(status_names) / sizeof(status_names[0]))

const char *hosting_status_name(enum hosting_status status)
{
    return status_names[status];
}

bool hosting_status_parse(const char *name, enum hosting_status *out)
{
    for (size_t i = 0; i < STATUSES; i++) {
        if (strcmp(status_names[i], name) == 0) {
            *out = (enum hosting_status)i;
            return true;
        }
    }
    return false;
}

bool hosting_operation_changes(enum hosting_operation operation)
{
    switch (operation) {
    case HOSTING_START:
    case HOSTING_STOP:
        return true;
    case HOSTING_DESCRIBE:
    case HOSTING_LIST_PROJECTS:
    case HOSTING_LIST_MODELS:
        return false;
    }
    return false;
}

bool hosting_status_runs(enum hosting_status status)
{
    return status == HOSTING_STARTING || status == HOSTING_HOSTED || status == HOSTING_STOPPING ||
           status == HOSTING_UPDATING;
}

/* Names. */

static bool all_of(const char *text, const char *also)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr(also, *text))
            return false;
    return true;
}

bool hosting_project_valid(const char *project)
{
    size_t len = strlen(project);

    return len >= 1 && len <= HOSTING_PROJECT_MAX && isalnum((unsigned char)project[0]) &&
           all_of(project, "_-");
}

bool hosting_version_valid(const char *version)
{
    size_t len = strlen(version);

    if (strcmp(version, "latest") == 0)
        return true;
    return len >= 1 && len <= HOSTING_VERSION_MAX && version[0] != '0' &&
           strspn(version, "0123456789") == len;
}

bool hosting_token_valid(const char *token)
{
    size_t len = strlen(token);

    return len >= 1 && len <= HOSTING_TOKEN_MAX && all_of(token, "-");
}

bool hosting_page_token_valid(const char *token)
{
    return strlen(token) <= HOSTING_PAGE_TOKEN_MAX && all_of(token, "/+=");
}

/* The store. */

bool hosting_grow(void **array, size_t *capacity, size_t count, size_t element_size, size_t max)
{
    size_t wanted;
    void *moved;

    if (count < *capacity)
        return true;
    if (count >= max)
        return false;
    wanted = *capacity ? *capacity * 2 : HOSTING_FIRST_CAPACITY;
    if (wanted > max)
        wanted = max;
    moved = reallocarray(*array, wanted, element_size);
    if (!moved)
        return false;
    *array = moved;
    *capacity = wanted;
    return true;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash;
}

static struct hosting_model **bucket_of(const struct hosting *hosting, const char *name)
{
    return &hosting->buckets[hash_name(name) & (hosting->bucket_count - 1)];
}

static struct hosting_model *find_name(const struct hosting *hosting, const char *name)
{
    struct hosting_model *model = *bucket_of(hosting, name);

    while (model && strcmp(model->name, name) != 0)
        model = model->next_in_bucket;
    return model;
}

static void put_in_bucket(struct hosting *hosting, struct hosting_model *model)
{
    struct hosting_model **bucket = bucket_of(hosting, model->name);

    model->next_in_bucket = *bucket;
    *bucket = model;
}

/* Chains stay short: as many buckets as models. Staying with the old ones is slower, not wrong. */
static void widen_buckets(struct hosting *hosting)
{
    struct hosting_model **wider;

    if (hosting->count < hosting->bucket_count)
        return;
    wider = calloc(hosting->bucket_count * 2, sizeof(struct hosting_model *));
    if (!wider)
        return;
    free(hosting->buckets);
    hosting->buckets = wider;
    hosting->bucket_count *= 2;
    for (size_t i = 0; i < hosting->count; i++)
        put_in_bucket(hosting, hosting->models[i]);
}

int hosting_create(struct hosting **out, const struct settings *settings, struct error *err)
{
    struct hosting *hosting = calloc(1, sizeof(*hosting));

    if (hosting)
        hosting->buckets = calloc(HOSTING_FIRST_BUCKETS, sizeof(struct hosting_model *));
    if (!hosting || !hosting->buckets) {
        free(hosting);
        return error_set(err, ERROR_NOMEM, "no memory for the models");
    }
    hosting->bucket_count = HOSTING_FIRST_BUCKETS;
    hosting->settings = settings;
    *out = hosting;
    return 0;
}

static void model_free(struct hosting_model *model)
{
    if (!model)
        return;
    free(model->name);
    free(model->starts);
    free(model->runs);
    free(model->tokens);
    free(model);
}

void hosting_clear(struct hosting *hosting)
{
    hosting_clear_projects(hosting);
    for (size_t i = 0; i < hosting->count; i++)
        model_free(hosting->models[i]);
    hosting->count = 0;
    hosting->live_count = 0;
    memset(hosting->buckets, 0, hosting->bucket_count * sizeof(struct hosting_model *));
}

void hosting_free(struct hosting **hosting)
{
    if (!*hosting)
        return;
    hosting_clear(*hosting);
    free((*hosting)->models);
    free((*hosting)->projects);
    free((*hosting)->buckets);
    free((*hosting)->live);
    free(*hosting);
    *hosting = NULL;
}

static struct hosting_model *model_create(const char *project, const char *version, int64_t now_ms)
{
    struct hosting_model *model = calloc(1, sizeof(*model));

    if (!model)
        return NULL;
    if (asprintf(&model->name, "%s/%s", project, version) < 0) {
        free(model);
        return NULL;
    }
    model->project_len = strlen(project);
    model->version = strtoll(version, NULL, 10);
    model->created_ms = now_ms;
    model->since_ms = now_ms;
    model->status = HOSTING_TRAINED;
    model->before = HOSTING_TRAINED;
    return model;
}

int hosting_add(struct hosting *hosting, const char *project, const char *version, int64_t now_ms,
                struct error *err)
{
    char name[HOSTING_NAME_SIZE];
    struct hosting_model *model;

    if (!hosting_project_valid(project) || !hosting_version_valid(version) ||
        strcmp(version, "latest") == 0)
        return error_set(err, ERROR_INVALID,
                         "model \"%s/%s\": expected a project of 1 to %d letters, digits, '_' and "
                         "'-', and a version of 1 to %d digits without leading zero",
                         project, version, HOSTING_PROJECT_MAX, HOSTING_VERSION_MAX);
    snprintf(name, sizeof(name), "%s/%s", project, version);
    if (find_name(hosting, name))
        return 0;
    if (!hosting_grow((void **)&hosting->models, &hosting->capacity, hosting->count,
                      sizeof(struct hosting_model *), HOSTING_MODELS_MAX))
        return error_set(err, ERROR_NOMEM, "no room for another model (at most %d)",
                         HOSTING_MODELS_MAX);
    model = model_create(project, version, now_ms);
    if (!model || !hosting_add_to_project(hosting, project, model)) {
        model_free(model);
        return error_set(err, ERROR_NOMEM, "no memory for another model");
    }
    widen_buckets(hosting);
    hosting->models[hosting->count++] = model;
    put_in_bucket(hosting, model);
    return 0;
}

/* A walk over the models of the project: nobody asks for `latest` often enough for an index. */
static struct hosting_model *find_latest(const struct hosting *hosting, const char *name)
{
    const struct hosting_project *project = hosting_find_project(hosting, name);
    struct hosting_model *latest = NULL;

    for (size_t i = 0; project && i < project->count; i++)
        if (!latest || project->models[i]->version > latest->version)
            latest = project->models[i];
    return latest;
}

static struct hosting_model *find(const struct hosting *hosting, const char *project,
                                  const char *version)
{
    char name[HOSTING_NAME_SIZE];

    if (strcmp(version, "latest") == 0)
        return find_latest(hosting, project);
    snprintf(name, sizeof(name), "%s/%s", project, version);
    return find_name(hosting, name);
}

struct hosting_model *hosting_lookup(struct hosting *hosting, const char *project,
                                     const char *version, int64_t now_ms)
{
    struct hosting_model *model = find(hosting, project, version);

    if (!model && hosting->settings->auto_models == SETTING_YES) {
        if (strcmp(version, "latest") == 0)
            version = "1";
        if (hosting_add(hosting, project, version, now_ms, NULL) != 0)
            return NULL;
        model = find(hosting, project, version);
    }
    if (model)
        hosting_settle(hosting, model, now_ms);
    return model;
}

size_t hosting_count(const struct hosting *hosting)
{
    return hosting->count;
}

struct hosting_model *hosting_at(struct hosting *hosting, size_t index, int64_t now_ms)
{
    hosting_settle(hosting, hosting->models[index], now_ms);
    return hosting->models[index];
}

int64_t hosting_running(struct hosting *hosting, int64_t now_ms)
{
    struct hosting_model *model;
    size_t kept = 0;

    for (size_t i = 0; i < hosting->live_count; i++) {
        model = hosting->live[i];
        hosting_settle(hosting, model, now_ms);
        model->listed_live = hosting_status_runs(model->status);
        if (model->listed_live)
            hosting->live[kept++] = model;
    }
    hosting->live_count = kept;
    return (int64_t)kept;
}

/* The clockwork. */

/* Whether the bill of a model runs. */
static bool run_is_open(const struct hosting_model *model)
{
    return model->run_count > 0 && model->runs[model->run_count - 1].to_ms == HOSTING_OPEN;
}

static void open_run(struct hosting_model *model, int64_t from_ms)
{
    if (run_is_open(model))
        return;
    assert(model->run_count < model->run_capacity);
    model->runs[model->run_count++] = (struct hosting_run){
        .from_ms = from_ms, .to_ms = HOSTING_OPEN, .units = model->billed_units};
}

static void close_run(struct hosting_model *model, int64_t to_ms)
{
    if (run_is_open(model))
        model->runs[model->run_count - 1].to_ms = to_ms;
}

static bool is_billed(const struct settings *settings, enum hosting_status status)
{
    if (status == HOSTING_STARTING)
        return settings->bill_starting == SETTING_YES;
    if (status == HOSTING_STOPPING)
        return settings->bill_stopping == SETTING_YES;
    return hosting_status_runs(status);
}

/* A stop goes on with a run that is open; it opens none. */
static void bill_status(const struct settings *settings, struct hosting_model *model, int64_t at_ms)
{
    if (!is_billed(settings, model->status))
        close_run(model, at_ms);
    else if (model->status != HOSTING_STOPPING)
        open_run(model, at_ms);
}

static void set_status(const struct hosting *hosting, struct hosting_model *model,
                       enum hosting_status status, int64_t at_ms)
{
    model->status = status;
    model->since_ms = at_ms;
    bill_status(hosting->settings, model, at_ms);
}

void hosting_settle(const struct hosting *hosting, struct hosting_model *model, int64_t now_ms)
{
    if (model->until_ms > now_ms)
        return;
    if (model->status == HOSTING_STARTING)
        set_status(hosting, model, HOSTING_HOSTED, model->until_ms);
    else if (model->status == HOSTING_STOPPING)
        set_status(hosting, model, HOSTING_TRAINED, model->until_ms);
}

bool hosting_reserve(struct hosting *hosting, struct hosting_model *model)
{
    if (!hosting_grow((void **)&model->runs, &model->run_capacity, model->run_count,
                      sizeof(*model->runs), HOSTING_RUNS_MAX))
        return false;
    if (!hosting_grow((void **)&model->starts, &model->start_capacity, model->start_count,
                      sizeof(*model->starts), HOSTING_RUNS_MAX))
        return false;
    return model->listed_live ||
           hosting_grow((void **)&hosting->live, &hosting->live_capacity, hosting->live_count,
                        sizeof(struct hosting_model *), HOSTING_MODELS_MAX);
}

void hosting_change(struct hosting *hosting, struct hosting_model *model,
                    enum hosting_status status, int64_t at_ms)
{
    model->before = model->status;
    if (status == HOSTING_STARTING)
        model->until_ms = at_ms + hosting->settings->starting_ms;
    else if (status == HOSTING_STOPPING)
        model->until_ms = at_ms + hosting->settings->stopping_ms;
    set_status(hosting, model, status, at_ms);
    if (hosting_status_runs(status) && !model->listed_live) {
        assert(hosting->live_count < hosting->live_capacity);
        hosting->live[hosting->live_count++] = model;
        model->listed_live = true;
    }
    hosting_settle(hosting, model, at_ms);
}

int hosting_force(struct hosting *hosting, struct hosting_model *model, enum hosting_status status,
                  int64_t units, int64_t now_ms, struct error *err)
{
    if (!hosting_reserve(hosting, model))
        return error_set(err, ERROR_NOMEM, "no room for another run of %s", model->name);
    if (units > 0) {
        model->min_units = units;
        model->max_units = 0;
    } else if (model->min_units == 0) {
        model->min_units = 1;
    }
    if (!run_is_open(model))
        model->billed_units = units > 0 ? units : model->min_units;
    hosting_change(hosting, model, status, now_ms);
    return 0;
}
