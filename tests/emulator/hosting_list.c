/* ListProjects and ListModels: the projects, and pages of them and of their models. */
#include "tests/emulator/hosting.h"

#include "tests/emulator/hosting_internal.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_SIZE 64 /* of the ones that are made here */

/* The projects. */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct hosting_project *)a)->name,
                  ((const struct hosting_project *)b)->name);
}

struct hosting_project *hosting_find_project(const struct hosting *hosting, const char *name)
{
    const struct hosting_project key = {.name = (char *)(uintptr_t)name};
    struct hosting_project *const *found = tfind(&key, &hosting->projects_by_name, compare_names);

    return found ? *found : NULL;
}

static void project_free(struct hosting_project *project)
{
    if (!project)
        return;
    free(project->name);
    free(project->models);
    free(project);
}

static struct hosting_project *add_project(struct hosting *hosting, const char *name,
                                           int64_t created_ms)
{
    struct hosting_project *project = calloc(1, sizeof(*project));

    if (!project)
        return NULL;
    project->created_ms = created_ms;
    project->name = strdup(name);
    if (!project->name ||
        !hosting_grow((void **)&hosting->projects, &hosting->project_capacity,
                      hosting->project_count, sizeof(struct hosting_project *),
                      HOSTING_MODELS_MAX) ||
        !tsearch(project, &hosting->projects_by_name, compare_names)) {
        project_free(project);
        return NULL;
    }
    hosting->projects[hosting->project_count++] = project;
    return project;
}

bool hosting_add_to_project(struct hosting *hosting, const char *name, struct hosting_model *model)
{
    struct hosting_project *project = hosting_find_project(hosting, name);

    if (!project)
        project = add_project(hosting, name, model->created_ms);
    if (!project || !hosting_grow((void **)&project->models, &project->capacity, project->count,
                                  sizeof(struct hosting_model *), HOSTING_MODELS_MAX))
        return false;
    project->models[project->count++] = model;
    return true;
}

static void free_nothing(void *node)
{
    (void)node;
}

void hosting_clear_projects(struct hosting *hosting)
{
    tdestroy(hosting->projects_by_name, free_nothing);
    hosting->projects_by_name = NULL;
    for (size_t i = 0; i < hosting->project_count; i++)
        project_free(hosting->projects[i]);
    hosting->project_count = 0;
}

/* The pages. */

/* "+/12/boards==" goes on with entry 12 of the project boards: it has all that wants encoding. */
static void make_token(char *out, size_t size, const char *scope, size_t next)
{
    uint32_t sum = 0;

    for (const char *at = scope; *at; at++)
        sum = sum * 31 + (unsigned char)*at;
    snprintf(out, size, "+/%zu/%" PRIu32 "==", next, sum);
}

/* Where the page begins; false when the token is none of this list. */
static bool read_token(const struct hosting_call *call, const char *scope, size_t count,
                       size_t *first)
{
    char again[TOKEN_SIZE];

    *first = 0;
    if (call->page_token[0] == '\0')
        return true;
    if (sscanf(call->page_token, "+/%zu/", first) != 1 || *first > count)
        return false;
    make_token(again, sizeof(again), scope, *first);
    return strcmp(again, call->page_token) == 0;
}

typedef void add_entry_function(struct strbuf *out, const struct hosting_view *view,
                                const void *entry);

/* All names have passed their patterns: nothing in them needs escaping. */
static void add_project_entry(struct strbuf *out, const struct hosting_view *view,
                              const void *entry)
{
    const struct hosting_project *project = entry;

    strbuf_addf(out,
                "{\"ProjectName\":\"%s\",\"ProjectArn\":\"arn:aws:lookoutvision:%s:%s:project/%s\","
                "\"CreationTimestamp\":%" PRId64 ".%03" PRId64 "}",
                project->name, view->region, view->account, project->name,
                project->created_ms / 1000, project->created_ms % 1000);
}

static void add_model_entry(struct strbuf *out, const struct hosting_view *view, const void *entry)
{
    const struct hosting_model *model = entry;

    strbuf_addf(out,
                "{\"ModelVersion\":\"%" PRId64
                "\",\"ModelArn\":\"arn:aws:lookoutvision:%s:%s:model/%s\",\"Status\":\"%s\","
                "\"CreationTimestamp\":%" PRId64 ".%03" PRId64 "}",
                model->version, view->region, view->account, model->name,
                hosting_status_name(view->stale ? model->before : model->status),
                model->created_ms / 1000, model->created_ms % 1000);
}

/* The page of `entries` that the call wants; `scope` is what the list is of, "" for projects. */
static void answer_page(const struct hosting_call *call, const struct hosting_view *view,
                        const char *array, const char *scope, void *const *entries, size_t count,
                        add_entry_function *add, struct answer *answer)
{
    char token[TOKEN_SIZE];
    size_t first;

    if (!read_token(call, scope, count, &first)) {
        answer_set_error(answer, "ValidationException", NULL, "NextToken is none of this list.");
        return;
    }
    answer->status = 200;
    answer->error_type = NULL;
    strbuf_clear(&answer->body);
    strbuf_addf(&answer->body, "{\"%s\":[", array);
    size_t end = first;
    for (; end < count && end - first < (size_t)call->max_results; end++) {
        strbuf_addstr(&answer->body, end > first ? "," : "");
        add(&answer->body, view, entries[end]);
    }
    strbuf_addch(&answer->body, ']');
    if (end < count) {
        make_token(token, sizeof(token), scope, end);
        strbuf_addf(&answer->body, ",\"NextToken\":\"%s\"", token);
    }
    strbuf_addch(&answer->body, '}');
}

void hosting_list_projects(struct hosting *hosting, const struct hosting_call *call,
                           const struct hosting_view *view, struct answer *answer)
{
    answer_page(call, view, "Projects", "", (void *const *)hosting->projects,
                hosting->project_count, add_project_entry, answer);
}

void hosting_list_models(struct hosting *hosting, const struct hosting_call *call,
                         const struct hosting_view *view, int64_t now_ms, struct answer *answer)
{
    struct answer_details details = {.resource_id = call->project, .resource_type = "PROJECT"};
    struct hosting_project *project = hosting_find_project(hosting, call->project);

    if (!project && hosting->settings->auto_models != SETTING_YES) {
        answer_set_error(answer, "ResourceNotFoundException", &details,
                         "The project %s was not found.", call->project);
        return;
    }
    for (size_t i = 0; project && i < project->count; i++)
        hosting_settle(hosting, project->models[i], now_ms);
    answer_page(call, view, "Models", call->project,
                project ? (void *const *)project->models : NULL, project ? project->count : 0,
                add_model_entry, answer);
}
