/*
 * The service that runs models, behind a table of functions: `lookoutvision` now, others later.
 * One call here is at most one request on the wire; who repeats it, and when, is decided by those
 * who know the ledger (control/).
 */
#ifndef LOOKOUT_UPSTREAM_UPSTREAM_H
#define LOOKOUT_UPSTREAM_UPSTREAM_H

#include "gateway/net/pacing.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds of the names, from the service's model: ProjectName, ModelVersion, ClientToken. */
#define MODEL_PROJECT_MAX      255
#define MODEL_VERSION_MAX      10
#define MODEL_CLIENT_TOKEN_MAX 64

/* ModelStatus of the service's model. */
enum model_status {
    MODEL_STATUS_UNKNOWN, /* a word that we don't know: counts as running */
    MODEL_TRAINING,
    MODEL_TRAINED,
    MODEL_TRAINING_FAILED,
    MODEL_STARTING_HOSTING,
    MODEL_HOSTED,
    MODEL_HOSTING_FAILED,
    MODEL_STOPPING_HOSTING,
    MODEL_SYSTEM_UPDATING,
    MODEL_DELETING
};
/* AWS's word, such as "STARTING_HOSTING"; "UNKNOWN" for MODEL_STATUS_UNKNOWN. */
const char *model_status_name(enum model_status status);
/* MODEL_STATUS_UNKNOWN for every word that is none of them. */
enum model_status model_status_parse(const char *word);
/* Rule 4 of the rules of money: SYSTEM_UPDATING and unknown words count as running. */
bool model_status_is_running(enum model_status status);

struct upstream_model {
    const char *project;
    const char *version; /* a number; "latest" only for describe */
};

/* What became of one call. */
enum upstream_fate {
    UPSTREAM_ACCEPTED,  /* 2xx, whole, decoded: `status` (and the description) are set */
    UPSTREAM_NOT_SENT,  /* no byte left: no turn, no credentials, no connection */
    UPSTREAM_THROTTLED, /* a throttling answer: this request was not applied */
    UPSTREAM_REFUSED,   /* a known AWS error type that is a definite no: not 408, 409 or 5xx */
    UPSTREAM_DOUBT      /* everything else: lost, broken, 408, 409, 5xx, unknown types */
};
const char *upstream_fate_name(enum upstream_fate fate);

#define UPSTREAM_TYPE_MAX    64
#define UPSTREAM_MESSAGE_MAX 512

struct upstream_answer {
    enum upstream_fate fate;
    unsigned sends;                     /* 0 or 1 */
    int http_status;                    /* 0 where there was no whole answer */
    char error_type[UPSTREAM_TYPE_MAX]; /* bare name, such as "ConflictException"; "" where none */
    char message[UPSTREAM_MESSAGE_MAX]; /* AWS's, or ours about the transport; never a secret */
    bool our_fault; /* AWS judged the gateway's signature or credentials, not the request */
    char resource_id[256], resource_type[32], quota_code[32],
        service_code[32];       /* "" where absent */
    int64_t retry_after_ms;     /* 0 where AWS named none */
    char request_id[64];        /* x-amzn-RequestId, for tickets */
    int64_t date_wall_ms;       /* the answer's Date header; 0 where absent or unreadable */
    int64_t began_monotonic_ms; /* when the request was about to be signed */
    int64_t ended_monotonic_ms;
    enum model_status status; /* valid where fate is UPSTREAM_ACCEPTED */
};

/* DescribeModel's answer, as much of it as we use; strings "" and numbers 0 where absent. */
struct upstream_description {
    char version[MODEL_VERSION_MAX + 1]; /* the number, also where "latest" was asked */
    char arn[512];
    char account[13]; /* from the ARN: 12 digits */
    char status_message[UPSTREAM_MESSAGE_MAX];
    int64_t min_inference_units, max_inference_units;
};

/* What one page of a list may hold: AWS's own largest page, and its longest token. */
#define UPSTREAM_PAGE_MAX       100
#define UPSTREAM_PAGE_TOKEN_MAX 2048

/* One page of ListProjects or ListModels. AWS calls lists "eventually consistent": they are a hint
 * where to look with describe, not an observation. They tell no units. */
struct upstream_page {
    struct {
        char name[MODEL_PROJECT_MAX + 1]; /* of the project; of a model its version, a number */
        enum model_status status;         /* of a model */
    } entries[UPSTREAM_PAGE_MAX];
    size_t count;
    char account[13]; /* from the ARNs: 12 digits, "" where there is none */
    char next_token[UPSTREAM_PAGE_TOKEN_MAX + 1]; /* "" = this was the last page */
};
/* A page without entries, that is the last. */
void upstream_page_clear(struct upstream_page *page);

struct upstream_call {
    struct upstream_model model; /* list_projects needs none of it, list_models the project */
    const char *page_token;      /* lists: next_token of the page before; NULL = the first */
    const char *client_token;    /* start and stop */
    const void *body;            /* start: the bytes fixed in the reservation */
    size_t body_len;
    enum pacing_class pacing;
    int64_t deadline_ms; /* monotonic; includes the wait for a turn */
    /* Asked after a wait for the turn, where it took time; false = UPSTREAM_NOT_SENT. May be NULL.
     */
    bool (*still_wanted)(void *context);
    void *context;
};

/*
 * A backend fills this table.
 * start, stop, describe: must fill `*answer` in every case and never send more than once; must wait
 *     for the turn first, then get credentials, then sign, then send. Any thread. 404 is
 *     UPSTREAM_REFUSED with error_type ResourceNotFoundException.
 * list_projects, list_models: the same, for one page; answer->status means nothing.
 */
struct upstream_ops {
    const char *name;
    void (*start)(void *self, const struct upstream_call *call, struct upstream_answer *answer);
    void (*stop)(void *self, const struct upstream_call *call, struct upstream_answer *answer);
    void (*describe)(void *self, const struct upstream_call *call, struct upstream_answer *answer,
                     struct upstream_description *description);
    void (*list_projects)(void *self, const struct upstream_call *call,
                          struct upstream_answer *answer, struct upstream_page *page);
    void (*list_models)(void *self, const struct upstream_call *call,
                        struct upstream_answer *answer, struct upstream_page *page);
    /* Bytes of a start request's body, so that retries are byte-equal. `max_units` 0 = absent. */
    int (*start_body)(void *self, int64_t min_units, int64_t max_units, char *out, size_t size);
    void (*close)(void *self); /* wakes all who wait for a turn: for shutting down */
    void (*free)(void *self);
};

struct upstream {
    const struct upstream_ops *ops;
    void *self;
};

void upstream_free(struct upstream **upstream);

#endif
