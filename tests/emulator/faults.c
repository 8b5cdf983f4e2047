/* The list of armed faults and its JSON. */
#include "tests/emulator/faults.h"

#include "policy/strict_json.h"
#include "tests/emulator/answer.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define REFUSE_PREFIX "refuse:"

#define ON_START    (1U << HOSTING_START)
#define ON_STOP     (1U << HOSTING_STOP)
#define ON_DESCRIBE (1U << HOSTING_DESCRIBE)
#define ON_PROJECTS (1U << HOSTING_LIST_PROJECTS)
#define ON_MODELS   (1U << HOSTING_LIST_MODELS)
#define ON_CHANGES  (ON_START | ON_STOP)
#define ON_ALL      (ON_CHANGES | ON_DESCRIBE | ON_PROJECTS | ON_MODELS)

static const struct {
    const char *name;
    enum fault_kind kind;
    unsigned operations; /* it makes sense for */
    bool applied;        /* unless said otherwise */
} kinds[] = {
    {"delay", FAULT_DELAY, ON_ALL, true},
    {"apply_late", FAULT_APPLY_LATE, ON_CHANGES, false},
    {"drop_before", FAULT_DROP_BEFORE, ON_ALL, false},
    {"drop_after", FAULT_DROP_AFTER, ON_ALL, true},
    {"throttle", FAULT_THROTTLE, ON_ALL, false},
    {"error_500", FAULT_ERROR_500, ON_ALL, false},
    {"garbage", FAULT_GARBAGE, ON_ALL, true},
    {"half_body", FAULT_HALF_BODY, ON_ALL, true},
    {"stale", FAULT_STALE, ON_DESCRIBE | ON_MODELS, true},
    {"conflict", FAULT_CONFLICT, ON_ALL, false},
    {"replay", FAULT_REPLAY, ON_STOP, false},
    {"refuse", FAULT_REFUSE, ON_ALL, false},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const char *const operation_names[HOSTING_OPERATIONS] = {"start", "stop", "describe",
                                                                "list_projects", "list_models"};

const char *faults_operation_name(enum hosting_operation operation)
{
    return operation_names[operation];
}

static int parse_operation(const char *name, enum hosting_operation *out, struct error *err)
{
    for (size_t i = 0; i < HOSTING_OPERATIONS; i++) {
        if (strcmp(operation_names[i], name) == 0) {
            *out = (enum hosting_operation)i;
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID,
                     "operation: saw \"%s\", expected start, stop, describe, list_projects or "
                     "list_models",
                     name);
}

static int parse_kind(const char *name, struct fault *fault, struct error *err)
{
    size_t prefix_len = strlen(REFUSE_PREFIX);
    bool refuse = strncmp(name, REFUSE_PREFIX, prefix_len) == 0;
    size_t i = 0;

    if (refuse && answer_error_status(name + prefix_len, &fault->error_type) == 0)
        return error_set(err, ERROR_INVALID, "fault: \"%s\" is no error type that is known here",
                         name + prefix_len);
    while (i < KINDS && strcmp(kinds[i].name, refuse ? "refuse" : name) != 0)
        i++;
    if (i == KINDS)
        return error_set(err, ERROR_INVALID, "fault: there is none called \"%s\"", name);
    if (kinds[i].kind == FAULT_REFUSE && !refuse)
        return error_set(err, ERROR_INVALID,
                         "fault: refuse names its error, "
                         "as in \"refuse:AccessDeniedException\"");
    if ((kinds[i].operations & (1U << fault->operation)) == 0)
        return error_set(err, ERROR_INVALID, "fault: %s has no meaning for %s", name,
                         operation_names[fault->operation]);
    fault->kind = kinds[i].kind;
    fault->applied = kinds[i].applied;
    return 0;
}

static int parse_fault(const json_t *object, struct fault *fault, struct error *err)
{
    static const char *const allowed[] = {"operation", "fault",   "count", "delay_ms",
                                          "model",     "applied", NULL};
    const char *operation = NULL;
    const char *kind = NULL;
    const char *model = "";
    int rc;

    if ((rc = strict_json_only(object, "", allowed, err)) != 0 ||
        (rc = strict_json_string(object, "", "operation", true, 1, 16, &operation, err)) != 0 ||
        (rc = parse_operation(operation, &fault->operation, err)) != 0 ||
        (rc = strict_json_string(object, "", "fault", true, 1, 64, &kind, err)) != 0 ||
        (rc = parse_kind(kind, fault, err)) != 0 ||
        (rc = strict_json_int(object, "", "count", false, -1, FAULTS_COUNT_MAX, &fault->count,
                              err)) != 0 ||
        (rc = strict_json_int(object, "", "delay_ms", false, 0, FAULTS_DELAY_MAX_MS,
                              &fault->delay_ms, err)) != 0 ||
        (rc = strict_json_bool(object, "", "applied", false, &fault->applied, err)) != 0 ||
        (rc = strict_json_string(object, "", "model", false, 0, HOSTING_NAME_SIZE - 1, &model,
                                 err)) != 0)
        return rc;
    snprintf(fault->model, sizeof(fault->model), "%s", model);
    if (fault->kind == FAULT_STALE && fault->delay_ms > 0 && !json_object_get(object, "count"))
        fault->count = -1;
    return 0;
}

int faults_arm_json(struct faults *faults, const json_t *object, int64_t now_ms, struct error *err)
{
    struct fault fault = {.count = 1, .armed_ms = now_ms};
    int rc = parse_fault(object, &fault, err);

    if (rc != 0)
        return rc;
    if (faults->count == FAULTS_MAX)
        return error_set(err, ERROR_REFUSED, "%d faults are armed, which is the most", FAULTS_MAX);
    if (fault.count != 0)
        faults->armed[faults->count++] = fault;
    return 0;
}

static bool is_over(const struct fault *fault, int64_t now_ms)
{
    return fault->count == 0 || (fault->kind == FAULT_STALE && fault->delay_ms > 0 &&
                                 now_ms - fault->armed_ms >= fault->delay_ms);
}

static void disarm_over(struct faults *faults, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < faults->count; i++)
        if (!is_over(&faults->armed[i], now_ms))
            faults->armed[kept++] = faults->armed[i];
    faults->count = kept;
}

bool faults_take(struct faults *faults, enum hosting_operation operation, const char *model,
                 int64_t now_ms, struct fault *out)
{
    struct fault *fault;

    *out = (struct fault){.kind = FAULT_NONE, .applied = true};
    disarm_over(faults, now_ms);
    for (size_t i = 0; i < faults->count; i++) {
        fault = &faults->armed[i];
        if (fault->operation != operation ||
            (fault->model[0] && fnmatch(fault->model, model, 0) != 0))
            continue;
        if (fault->count > 0)
            fault->count--;
        *out = *fault;
        return true;
    }
    return false;
}

void faults_clear(struct faults *faults)
{
    faults->count = 0;
}

static const char *kind_name(enum fault_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "none";
}

json_t *faults_json(const struct faults *faults)
{
    json_t *array = json_array();
    const struct fault *fault;

    for (size_t i = 0; array && i < faults->count; i++) {
        fault = &faults->armed[i];
        if (fault->count == 0)
            continue;
        (void)json_array_append_new(
            array, json_pack("{s:s, s:s, s:I, s:I, s:s, s:b, s:s?}", "operation",
                             operation_names[fault->operation], "fault", kind_name(fault->kind),
                             "count", (json_int_t)fault->count, "delay_ms",
                             (json_int_t)fault->delay_ms, "model", fault->model, "applied",
                             (int)fault->applied, "error_type", fault->error_type));
    }
    return array;
}
