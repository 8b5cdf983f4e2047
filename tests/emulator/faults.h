/*
 * Armed faults: what goes wrong with which calls, and how often. The first armed fault that fits a
 * call is used, so that faults armed one after the other happen one after the other. Pure.
 */
#ifndef LOOKOUT_EMULATOR_FAULTS_H
#define LOOKOUT_EMULATOR_FAULTS_H

#include "policy/error.h"
#include "tests/emulator/hosting.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULTS_MAX          64
#define FAULTS_DELAY_MAX_MS (INT64_C(7) * 24 * 60 * 60 * 1000)
#define FAULTS_COUNT_MAX    1000000

enum fault_kind {
    FAULT_NONE,
    FAULT_DELAY,       /* done at once, answered delay_ms later */
    FAULT_APPLY_LATE,  /* the connection closes without an answer; done delay_ms later */
    FAULT_DROP_BEFORE, /* the connection closes without an answer; not done */
    FAULT_DROP_AFTER,  /* done; the connection closes without an answer */
    FAULT_THROTTLE,    /* 429, not done */
    FAULT_ERROR_500,   /* 500, not done */
    FAULT_GARBAGE,     /* done; a body that is not JSON under the right status */
    FAULT_HALF_BODY,   /* done; the connection closes in the middle of the body */
    FAULT_STALE,    /* describe, list_models: the status before the last change; for delay_ms, or by
                       count */
    FAULT_CONFLICT, /* 409, not done */
    FAULT_REPLAY,   /* stop: answers STOPPING_HOSTING; not done */
    FAULT_REFUSE    /* the named error, not done */
};

struct fault {
    enum fault_kind kind;
    enum hosting_operation operation;
    int64_t count;    /* how many times still; -1 = until it is disarmed */
    int64_t delay_ms; /* see the kinds; 0 = not given */
    int64_t armed_ms;
    bool applied;                  /* the call takes effect although it is answered so */
    const char *error_type;        /* of FAULT_REFUSE; a literal */
    char model[HOSTING_NAME_SIZE]; /* pattern of "project/version" such as "boards/[12]", for
                                      list_models of "project"; "" = any */
};

struct faults {
    struct fault armed[FAULTS_MAX];
    size_t count;
};

/*
 * Arms what an object says: "operation", "fault" ("refuse:AccessDeniedException" names its error),
 * optional "count" (1; for a stale answer with delay_ms: as many as come), "delay_ms", "model", and
 * "applied", which overrides whether a start or stop takes effect (one that does not is answered
 * like one that does). ERROR_INVALID for anything else.
 */
int faults_arm_json(struct faults *faults, const json_t *object, int64_t now_ms, struct error *err)
    __attribute__((warn_unused_result));

/* Uses up one occurrence of the first fault that fits; false (and FAULT_NONE) when none does. */
bool faults_take(struct faults *faults, enum hosting_operation operation, const char *model,
                 int64_t now_ms, struct fault *out);

void faults_clear(struct faults *faults);

/* The armed faults as an array; NULL when memory is out. */
json_t *faults_json(const struct faults *faults);

/* "start", "stop", "describe", "list_projects", "list_models". */
const char *faults_operation_name(enum hosting_operation operation);

#endif
