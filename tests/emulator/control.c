/* The control endpoint: a table of routes, each a small function under the service's lock. */
#include "tests/emulator/control.h"

#include "policy/strict_json.h"
#include "tests/emulator/report.h"

#include <stdio.h>
#include <string.h>

#define CONTROL_DEPTH_MAX    8
#define CONTROL_INTEGER_SIZE 24
#define CONTROL_SHIFT_MAX    (INT64_C(366) * 24 * 60 * 60 * 1000)

/* `body` is an object, empty when none was sent. `*out` is the answer. */
typedef int control_function(struct service *service, const json_t *body, int64_t now_ms,
                             json_t **out, struct error *err);

static json_t *counters_json(const struct service_counters *counters)
{
    json_t *answers = json_object();

    for (size_t i = 0; answers && i < counters->answer_count; i++)
        (void)json_object_set_new(answers, counters->answers[i].label,
                                  json_integer(counters->answers[i].count));
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "received", (json_int_t)counters->received,
                     "applied", (json_int_t)counters->applied, "replayed",
                     (json_int_t)counters->replayed, "faulted", (json_int_t)counters->faulted,
                     "answers", answers);
}

static int get_state(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                     struct error *err)
{
    json_t *operations = json_object();

    (void)body;
    (void)err;
    for (int i = 0; operations && i < HOSTING_OPERATIONS; i++)
        (void)json_object_set_new(operations, faults_operation_name((enum hosting_operation)i),
                                  counters_json(&service->counters[i]));
    *out = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "now_ms", (json_int_t)now_ms,
                     "shift_ms", (json_int_t)service->shift_ms, "running_models",
                     (json_int_t)hosting_running(service->hosting, now_ms), "late_calls",
                     (json_int_t)service->late.count, "unknown_operations",
                     (json_int_t)service->unknown_operations, "operations", operations, "models",
                     report_models(service->hosting, now_ms));
    return 0;
}

static int get_bill(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                    struct error *err)
{
    (void)body;
    (void)err;
    *out = report_bill(service->hosting, now_ms);
    return 0;
}

static int get_settings(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                        struct error *err)
{
    (void)body;
    (void)now_ms;
    (void)err;
    *out = settings_json(&service->settings);
    return 0;
}

static int post_settings(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                         struct error *err)
{
    int rc = settings_set_json(&service->settings, body, err);

    return rc != 0 ? rc : get_settings(service, body, now_ms, out, err);
}

static int get_faults(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                      struct error *err)
{
    (void)body;
    (void)now_ms;
    (void)err;
    *out = json_pack("{s:o}", "faults", faults_json(&service->faults));
    return 0;
}

static int post_faults(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                       struct error *err)
{
    int rc = faults_arm_json(&service->faults, body, now_ms, err);

    return rc != 0 ? rc : get_faults(service, body, now_ms, out, err);
}

static int clear_faults(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                        struct error *err)
{
    faults_clear(&service->faults);
    return get_faults(service, body, now_ms, out, err);
}

static int post_clock(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                      struct error *err)
{
    static const char *const allowed[] = {"shift_ms", NULL};
    int64_t shift_ms = 0;
    int rc;

    (void)now_ms;
    if ((rc = strict_json_only(body, "", allowed, err)) != 0 ||
        (rc = strict_json_int(body, "", "shift_ms", true, -CONTROL_SHIFT_MAX, CONTROL_SHIFT_MAX,
                              &shift_ms, err)) != 0)
        return rc;
    service->shift_ms = shift_ms;
    *out = json_pack("{s:I}", "shift_ms", (json_int_t)shift_ms);
    return 0;
}

/* "project" and "version", an integer or a string of digits; makes the model when it is missing. */
static int named_model(struct service *service, const json_t *body, int64_t now_ms,
                       struct hosting_model **out, struct error *err)
{
    const json_t *number = json_object_get(body, "version");
    char digits[CONTROL_INTEGER_SIZE];
    const char *project = NULL;
    const char *version = digits;
    int rc;

    snprintf(digits, sizeof(digits), "%lld", (long long)json_integer_value(number));
    rc = strict_json_string(body, "", "project", true, 1, HOSTING_PROJECT_MAX, &project, err);
    if (rc == 0 && !json_is_integer(number))
        rc = strict_json_string(body, "", "version", true, 1, HOSTING_VERSION_MAX, &version, err);
    if (rc == 0)
        rc = hosting_add(service->hosting, project, version, now_ms, err);
    if (rc == 0)
        *out = hosting_lookup(service->hosting, project, version, now_ms);
    return rc;
}

static int post_models(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                       struct error *err)
{
    static const char *const allowed[] = {"project", "version", NULL};
    struct hosting_model *model = NULL;
    int rc = strict_json_only(body, "", allowed, err);

    if (rc == 0)
        rc = named_model(service, body, now_ms, &model, err);
    if (rc == 0)
        *out = report_model(model);
    return rc;
}

static int post_set_status(struct service *service, const json_t *body, int64_t now_ms,
                           json_t **out, struct error *err)
{
    static const char *const allowed[] = {"project", "version", "status", "units", NULL};
    struct hosting_model *model = NULL;
    enum hosting_status status;
    const char *name = NULL;
    int64_t units = 0;
    int rc;

    if ((rc = strict_json_only(body, "", allowed, err)) != 0 ||
        (rc = strict_json_string(body, "", "status", true, 1, 32, &name, err)) != 0 ||
        (rc = strict_json_int(body, "", "units", false, 1, HOSTING_UNITS_MAX, &units, err)) != 0)
        return rc;
    if (!hosting_status_parse(name, &status))
        return error_set(err, ERROR_INVALID, "status: \"%s\" is no ModelStatus", name);
    if ((rc = named_model(service, body, now_ms, &model, err)) != 0 ||
        (rc = hosting_force(service->hosting, model, status, units, now_ms, err)) != 0)
        return rc;
    *out = report_model(model);
    return 0;
}

static int post_reset(struct service *service, const json_t *body, int64_t now_ms, json_t **out,
                      struct error *err)
{
    service_reset(service);
    return get_state(service, body, now_ms, out, err);
}

static const struct {
    const char *method;
    const char *path; /* after CONTROL_PREFIX */
    control_function *function;
} routes[] = {
    {"GET", "state", get_state},
    {"GET", "bill", get_bill},
    {"GET", "settings", get_settings},
    {"POST", "settings", post_settings},
    {"GET", "faults", get_faults},
    {"POST", "faults", post_faults},
    {"POST", "faults/clear", clear_faults},
    {"POST", "clock", post_clock},
    {"POST", "models", post_models},
    {"POST", "set-status", post_set_status},
    {"POST", "reset", post_reset},
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static int fail(json_t **out, int status, const char *message)
{
    json_decref(*out);
    *out = json_pack("{s:s}", "error", message);
    return status;
}

static int parse_body(const char *body, size_t body_len, json_t **out, struct error *err)
{
    static const struct json_limits limits = {.max_bytes = SERVICE_BODY_MAX,
                                              .max_depth = CONTROL_DEPTH_MAX};
    int rc = body_len == 0 ? strict_json_parse("{}", 2, &limits, out, err)
                           : strict_json_parse(body, body_len, &limits, out, err);

    if (rc == 0 && !json_is_object(*out))
        rc = error_set(err, ERROR_INVALID, "expected a JSON object");
    return rc;
}

/* Late calls first: whoever looks sees what is due. */
static int run(struct service *service, control_function *function, const json_t *body,
               json_t **out, struct error *err)
{
    int64_t now_ms;
    int rc;

    pthread_mutex_lock(&service->lock);
    now_ms = service_now_ms(service);
    service_apply_due(service, now_ms);
    rc = function(service, body, now_ms, out, err);
    pthread_mutex_unlock(&service->lock);
    return rc;
}

static control_function *find_route(const char *method, const char *name, bool *path_known)
{
    *path_known = false;
    for (size_t i = 0; i < ROUTES; i++) {
        if (strcmp(routes[i].path, name) != 0)
            continue;
        *path_known = true;
        if (strcmp(routes[i].method, method) == 0)
            return routes[i].function;
    }
    return NULL;
}

int control_handle(struct service *service, const char *method, const char *path, const char *body,
                   size_t body_len, json_t **out)
{
    const char *name = path + strlen(CONTROL_PREFIX);
    struct error err = {0};
    json_t *parsed = NULL;
    bool path_known;
    control_function *function = find_route(method, name, &path_known);
    int rc;

    *out = NULL;
    if (!function)
        return fail(out, path_known ? 405 : 404,
                    path_known ? "not with this method" : "there is no such control");
    rc = parse_body(body, body_len, &parsed, &err);
    if (rc == 0)
        rc = run(service, function, parsed, out, &err);
    json_decref(parsed);
    if (rc != 0)
        return fail(out, 400, err.message);
    return *out ? 200 : 500;
}
