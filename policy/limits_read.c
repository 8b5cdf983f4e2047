/* Reads the limits of the account or of a team, strictly. */
#include "policy/limits_read.h"
#include "policy/strict_json.h"
#include "policy/unit_time.h"

#include <stdio.h>
#include <string.h>

#define ZONE_UTC "UTC"

/* Joins `at`, a list's name and an index: "/account/unit_hours/0". */
static void point_at_item(char out[ERROR_POINTER_MAX], const char *list_at, size_t index)
{
    char text[24];

    snprintf(text, sizeof(text), "%zu", index);
    strict_json_pointer(out, list_at, text);
}

/* --- windows ------------------------------------------------------------------------------- */

/* The index of the word in `words`, a list that ends with NULL. */
static int read_word(const json_t *object, const char *at, const char *name, bool required,
                     const char *const *words, unsigned *out, struct error *err)
{
    char pointer[ERROR_POINTER_MAX], list[96] = "";
    const char *text = NULL;
    size_t len = 0;
    int rc = strict_json_string(object, at, name, required, 1, 16, &text, err);

    if (rc != 0 || text == NULL)
        return rc;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return 0;
        }
        len +=
            (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    strict_json_pointer(pointer, at, name);
    return error_set_at(err, ERROR_INVALID, pointer, "saw \"%s\", expected one of: %s", text, list);
}

static int read_day_start(const json_t *object, const char *at, unsigned *out, struct error *err)
{
    char pointer[ERROR_POINTER_MAX];
    const char *text = NULL;
    int rc = strict_json_string(object, at, "day_starts", false, 1, 16, &text, err);

    *out = 0;
    if (rc != 0 || text == NULL || policy_day_start_parse(text, out))
        return rc;
    strict_json_pointer(pointer, at, "day_starts");
    return error_set_at(err, ERROR_INVALID, pointer, "saw \"%s\", expected " POLICY_DAY_START_WORDS,
                        text);
}

static int load_zone(struct zone_list *zones, const char *name, const char *pointer,
                     const struct time_zone **out, struct error *err)
{
    struct error reason = {.message = ""};
    int rc;

    for (size_t i = 0; i < zones->count; i++) {
        if (strcmp(time_zone_name(zones->zones[i]), name) == 0) {
            *out = zones->zones[i];
            return 0;
        }
    }
    if (zones->load == NULL)
        return error_set_at(
            err, ERROR_INVALID, pointer,
            "saw the time zone \"%s\", expected \"" ZONE_UTC "\": zones are not read here", name);
    if (zones->count == POLICY_MAX_ZONES)
        return error_set_at(err, ERROR_INVALID, pointer,
                            "saw more than %d time zones, expected fewer", POLICY_MAX_ZONES);
    rc = zones->load(zones->context, name, &zones->zones[zones->count], &reason);
    if (rc != 0)
        return error_set_at(err, (enum error_code)rc, pointer, "%s", reason.message);
    *out = zones->zones[zones->count++];
    return 0;
}

static int read_zone(const json_t *object, const char *at, struct zone_list *zones,
                     const struct time_zone **out, struct error *err)
{
    char pointer[ERROR_POINTER_MAX];
    const char *name = NULL;
    int rc = strict_json_string(object, at, "time_zone", false, 1, TIME_ZONE_MAX_NAME, &name, err);

    *out = NULL;
    if (rc != 0 || name == NULL || strcmp(name, ZONE_UTC) == 0)
        return rc;
    strict_json_pointer(pointer, at, "time_zone");
    return load_zone(zones, name, pointer, out, err);
}

/* A member that the period has no use for would be silently not applied. */
static int check_idle_member(const json_t *object, const char *at, const char *name, bool has_use,
                             enum policy_period period, struct error *err)
{
    char pointer[ERROR_POINTER_MAX];

    if (has_use || json_object_get(object, name) == NULL)
        return 0;
    strict_json_pointer(pointer, at, name);
    return error_set_at(err, ERROR_INVALID, pointer,
                        "saw \"%s\", which says nothing about the period \"%s\": remove it", name,
                        policy_period_name(period));
}

static int read_window(const json_t *object, const char *at, struct zone_list *zones,
                       struct policy_window *out, struct error *err)
{
    static const char *const members[] = {"amount",      "period",     "time_zone",
                                          "week_starts", "day_starts", NULL};
    unsigned period = POLICY_TOTAL;
    int64_t amount = 0;
    int rc = strict_json_only(object, at, members, err);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = strict_json_int(object, at, "amount", true, 1, POLICY_MAX_AMOUNT, &amount, err);
    if (rc == 0)
        rc = read_word(object, at, "period", true, policy_period_words, &period, err);
    out->amount_unit_ms = unit_time_multiply(amount, UNIT_TIME_HOUR_MS);
    out->period = (enum policy_period)period;
    if (rc == 0)
        rc = check_idle_member(object, at, "week_starts", out->period == POLICY_WEEK, out->period,
                               err);
    if (rc == 0)
        rc = check_idle_member(object, at, "day_starts", out->period != POLICY_TOTAL, out->period,
                               err);
    if (rc == 0)
        rc = check_idle_member(object, at, "time_zone", out->period != POLICY_TOTAL, out->period,
                               err);
    if (rc == 0)
        rc = read_word(object, at, "week_starts", false, policy_week_start_words, &out->week_start,
                       err);
    if (rc == 0)
        rc = read_day_start(object, at, &out->day_start_minutes, err);
    if (rc == 0)
        rc = read_zone(object, at, zones, &out->zone, err);
    return rc;
}

static bool same_periods(const struct policy_window *a, const struct policy_window *b)
{
    return a->period == b->period && a->week_start == b->week_start &&
           a->day_start_minutes == b->day_start_minutes && a->zone == b->zone;
}

/* Of two windows over the same periods the larger one could never refuse anything. */
static int check_twin(const struct policy_limits *limits, const char *list_at, struct error *err)
{
    const size_t newest = limits->window_count - 1;
    char pointer[ERROR_POINTER_MAX];

    for (size_t i = 0; i < newest; i++) {
        if (!same_periods(&limits->windows[i], &limits->windows[newest]))
            continue;
        point_at_item(pointer, list_at, newest);
        return error_set_at(err, ERROR_INVALID, pointer,
                            "saw a window over the same periods as the one at index %zu: only the "
                            "smaller could ever count; remove one of them",
                            i);
    }
    return 0;
}

static int read_windows(const json_t *object, const char *at, struct zone_list *zones,
                        struct policy_limits *out, struct error *err)
{
    char list_at[ERROR_POINTER_MAX], item_at[ERROR_POINTER_MAX];
    json_t *list = NULL;
    size_t count;
    int rc = strict_json_container(object, at, "unit_hours", false, JSON_ARRAY, &list, err);

    if (rc != 0 || list == NULL)
        return rc;
    strict_json_pointer(list_at, at, "unit_hours");
    count = json_array_size(list);
    if (count > POLICY_MAX_WINDOWS)
        return error_set_at(err, ERROR_INVALID, list_at, "saw %zu windows, expected at most %d",
                            count, POLICY_MAX_WINDOWS);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        point_at_item(item_at, list_at, i);
        rc = read_window(json_array_get(list, i), item_at, zones, &out->windows[i], err);
        out->window_count = i + 1;
        if (rc == 0)
            rc = check_twin(out, list_at, err);
    }
    return rc;
}

/* --- the lease ----------------------------------------------------------------------------- */

static int read_lease(const json_t *object, const char *at, struct policy_limits *out,
                      struct error *err)
{
    static const char *const members[] = {"default_minutes", "max_minutes", NULL};
    char lease_at[ERROR_POINTER_MAX], pointer[ERROR_POINTER_MAX];
    json_t *lease = NULL;
    int rc = strict_json_container(object, at, "lease", false, JSON_OBJECT, &lease, err);

    if (rc != 0 || lease == NULL)
        return rc;
    strict_json_pointer(lease_at, at, "lease");
    rc = strict_json_only(lease, lease_at, members, err);
    if (rc == 0)
        rc = strict_json_int(lease, lease_at, "default_minutes", false, 1, POLICY_MAX_LEASE_MINUTES,
                             &out->lease_default_minutes, err);
    if (rc == 0)
        rc = strict_json_int(lease, lease_at, "max_minutes", false, 1, POLICY_MAX_LEASE_MINUTES,
                             &out->lease_max_minutes, err);
    if (rc != 0 || out->lease_max_minutes == 0 ||
        out->lease_default_minutes <= out->lease_max_minutes)
        return rc;
    strict_json_pointer(pointer, lease_at, "default_minutes");
    return error_set_at(
        err, ERROR_INVALID, pointer,
        "saw a default of %lld minutes, expected at most max_minutes, which is %lld",
        (long long)out->lease_default_minutes, (long long)out->lease_max_minutes);
}

/* --- all of it ----------------------------------------------------------------------------- */

void limits_clear(struct policy_limits *out)
{
    memset(out, 0, sizeof(*out));
    out->concurrent_units = POLICY_NO_LIMIT;
    out->running_models = POLICY_NO_LIMIT;
    out->units_per_model = POLICY_NO_LIMIT;
}

int limits_read(const json_t *object, const char *at, struct zone_list *zones,
                struct policy_limits *out, struct error *err)
{
    const struct {
        const char *name;
        int64_t *target;
    } counts[] = {
        {"concurrent_units", &out->concurrent_units},
        {"running_models", &out->running_models},
        {"units_per_model", &out->units_per_model},
    };
    int rc = 0;

    limits_clear(out);
    for (size_t i = 0; rc == 0 && i < sizeof(counts) / sizeof(counts[0]); i++)
        rc = strict_json_int(object, at, counts[i].name, false, 1, POLICY_MAX_UNITS,
                             counts[i].target, err);
    if (rc == 0)
        rc = read_windows(object, at, zones, out, err);
    if (rc == 0)
        rc = read_lease(object, at, out, err);
    return rc;
}
