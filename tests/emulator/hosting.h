/*
 * The models of one account in one region and their hosting: states by time, quotas, client tokens
 * and the bill. Pure: time is an input in milliseconds that never goes back, and nothing happens
 * between two calls; a state that time has changed is found changed at the next call, with the
 * moment of its change as its timestamp.
 *
 * Not thread-safe: the service above holds one lock.
 */
#ifndef LOOKOUT_EMULATOR_HOSTING_H
#define LOOKOUT_EMULATOR_HOSTING_H

#include "policy/error.h"
#include "tests/emulator/answer.h"
#include "tests/emulator/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTING_PROJECT_MAX 255 /* bytes; ProjectName of the service model */
#define HOSTING_VERSION_MAX 10  /* digits, or "latest" */
#define HOSTING_NAME_SIZE                                                                          \
    (HOSTING_PROJECT_MAX + 1 + HOSTING_VERSION_MAX + 1) /* project/version                         \
                                                         */
#define HOSTING_TOKEN_MAX      64
#define HOSTING_PAGE_MAX       100 /* MaxResults: the most, and what is meant where it is absent */
#define HOSTING_PAGE_TOKEN_MAX 2048
#define HOSTING_MODELS_MAX     2000000
#define HOSTING_TOKENS_MAX     1024 /* remembered at once, of one model */
#define HOSTING_RUNS_MAX       65536
#define HOSTING_UNITS_MAX      INT32_MAX
#define HOSTING_OPEN           (-1) /* to_ms of a run that goes on */

/* "An idempotency token is active for 8 hours" (StartModel, ClientToken). */
#define HOSTING_TOKEN_LIFE_MS (INT64_C(8) * 60 * 60 * 1000)

enum hosting_status {
    HOSTING_TRAINING,
    HOSTING_TRAINED,
    HOSTING_TRAINING_FAILED,
    HOSTING_STARTING,
    HOSTING_HOSTED,
    HOSTING_FAILED,
    HOSTING_STOPPING,
    HOSTING_UPDATING,
    HOSTING_DELETING
};

enum hosting_operation {
    HOSTING_START,
    HOSTING_STOP,
    HOSTING_DESCRIBE,
    HOSTING_LIST_PROJECTS,
    HOSTING_LIST_MODELS
};
#define HOSTING_OPERATIONS 5
/* StartModel and StopModel: the others change nothing. */
bool hosting_operation_changes(enum hosting_operation operation);

/* One stretch of billed time. */
struct hosting_run {
    int64_t from_ms;
    int64_t to_ms; /* HOSTING_OPEN while it goes on */
    int64_t units;
};

/* A start that took effect. */
struct hosting_start {
    char token[HOSTING_TOKEN_MAX + 1]; /* "" when it came without one */
    int64_t at_ms;
    int64_t min_units;
    int64_t max_units; /* 0 = not given */
};

struct hosting_token; /* of hosting_token.h */

struct hosting_model {
    char *name;         /* "project/version" */
    size_t project_len; /* of its first part */
    int64_t version;
    int64_t created_ms;
    enum hosting_status status;
    int64_t since_ms;
    int64_t until_ms;           /* end of STARTING and STOPPING */
    enum hosting_status before; /* before the last start, stop or forced change */
    int64_t min_units;          /* of the last start; 0 = never started */
    int64_t max_units;          /* 0 = not given */
    int64_t billed_units;
    int64_t stops_applied;
    struct hosting_start *starts;
    size_t start_count, start_capacity;
    struct hosting_run *runs;
    size_t run_count, run_capacity;
    struct hosting_token *tokens;
    size_t token_count, token_capacity;
    bool listed_live;
    struct hosting_model *next_in_bucket;
};

/* What lists are made of. */
struct hosting_project {
    char *name;
    int64_t created_ms;
    struct hosting_model **models; /* in the order they were made */
    size_t count, capacity;
};

struct hosting;

/* `settings` is borrowed, outlives the hosting, and may change between two calls. */
int hosting_create(struct hosting **out, const struct settings *settings, struct error *err)
    __attribute__((warn_unused_result));
void hosting_free(struct hosting **hosting);
/* Forgets all models. */
void hosting_clear(struct hosting *hosting);

/* By the patterns of the service model; a version is digits or "latest". */
bool hosting_project_valid(const char *project);
bool hosting_version_valid(const char *version);
bool hosting_token_valid(const char *token);
bool hosting_page_token_valid(const char *token); /* "" is none, and valid */

/* A TRAINED model; one that is there already is left alone. `version` is digits. */
int hosting_add(struct hosting *hosting, const char *project, const char *version, int64_t now_ms,
                struct error *err) __attribute__((warn_unused_result));

/*
 * The model as it is now, borrowed. `latest` is the highest version of the project. With the
 * setting auto_models it is made when it is missing. NULL when there is none.
 */
struct hosting_model *hosting_lookup(struct hosting *hosting, const char *project,
                                     const char *version, int64_t now_ms);

struct hosting_call {
    const char *project;
    const char *version;
    const char *token;      /* "" = none: a new call each time */
    int64_t min_units;      /* start only; at least 1 */
    int64_t max_units;      /* 0 = not given */
    const char *page_token; /* lists only: "" = the first page */
    int64_t max_results;    /* lists only: 1 to HOSTING_PAGE_MAX */
};

/* Whether a call changed anything. */
enum hosting_effect { HOSTING_NONE, HOSTING_APPLIED, HOSTING_REPLAYED };

enum hosting_effect hosting_start(struct hosting *hosting, const struct hosting_call *call,
                                  int64_t now_ms, struct answer *answer);
enum hosting_effect hosting_stop(struct hosting *hosting, const struct hosting_call *call,
                                 int64_t now_ms, struct answer *answer);

/* What DescribeModel's answer says besides the model. */
struct hosting_view {
    const char *region;
    const char *account;
    bool stale; /* the status before the last start, stop or forced change */
};
void hosting_describe(struct hosting *hosting, const struct hosting_call *call,
                      const struct hosting_view *view, int64_t now_ms, struct answer *answer);

/*
 * A page of ListProjects or ListModels, in the order of making. A page token is good for the list
 * that it comes from, and its '+', '/' and '=' want to be encoded. A stale list of models is what
 * it was before the last change of each.
 */
void hosting_list_projects(struct hosting *hosting, const struct hosting_call *call,
                           const struct hosting_view *view, struct answer *answer);
void hosting_list_models(struct hosting *hosting, const struct hosting_call *call,
                         const struct hosting_view *view, int64_t now_ms, struct answer *answer);

/*
 * Sets a status by hand, behind everybody's back. A status that runs opens the bill at `units`
 * (0: those of the last start, or 1), one that does not closes it.
 */
int hosting_force(struct hosting *hosting, struct hosting_model *model, enum hosting_status status,
                  int64_t units, int64_t now_ms, struct error *err)
    __attribute__((warn_unused_result));

/* Models in the order they were made, each brought to `now_ms`. */
size_t hosting_count(const struct hosting *hosting);
struct hosting_model *hosting_at(struct hosting *hosting, size_t index, int64_t now_ms);

/* How many count against the quota of running models; each live model is brought to `now_ms`. */
int64_t hosting_running(struct hosting *hosting, int64_t now_ms);

/* STARTING, HOSTED, STOPPING and SYSTEM_UPDATING. */
bool hosting_status_runs(enum hosting_status status);
const char *hosting_status_name(enum hosting_status status);
/* False when it is none. */
bool hosting_status_parse(const char *name, enum hosting_status *out);

#endif
