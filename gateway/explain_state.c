/* Reads the document of `policy explain --state`. */
#include "gateway/explain_state.h"

#include "gateway/base/clock.h"
#include "gateway/ledger/reservation.h"
#include "policy/strict_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH     4
#define MAX_TIME_LEN  40
#define MAX_STATE_LEN 16

static int read_time(const json_t *object, const char *at, const char *name, int64_t *out,
                     struct error *err)
{
    char pointer[ERROR_POINTER_MAX];
    const char *text = NULL;
    int result = strict_json_string(object, at, name, true, 1, MAX_TIME_LEN, &text, err);
    if (result != 0 || clock_parse_rfc3339(text, out))
        return result;
    strict_json_pointer(pointer, at, name);
    return error_set_at(err, ERROR_INVALID, pointer,
                        "saw \"%s\", expected a time like \"2026-11-25T08:00:00Z\"", text);
}

static bool read_state_name(const char *name, enum held_state *out)
{
    enum reservation_state state;
    if (!reservation_state_parse(name, &state))
        return false;
    switch (state) {
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
        *out = HELD_STARTING;
        return true;
    case RESERVATION_ACTIVE:
    case RESERVATION_STOPPING:
        *out = HELD_RUNNING;
        return true;
    case RESERVATION_CLOSED:
        *out = HELD_ENDED;
        return true;
    case RESERVATION_VOID:
        break;
    }
    return false;
}

static int read_state(const json_t *object, const char *at, enum held_state *out, struct error *err)
{
    char pointer[ERROR_POINTER_MAX];
    const char *name = NULL;
    int result = strict_json_string(object, at, "state", true, 1, MAX_STATE_LEN, &name, err);
    if (result != 0 || read_state_name(name, out))
        return result;
    strict_json_pointer(pointer, at, "state");
    return error_set_at(err, ERROR_INVALID, pointer,
                        "saw \"%s\", expected one of: PENDING, UNCERTAIN, ACTIVE, STOPPING, CLOSED",
                        name);
}

/* A reservation of the future would be counted as if it were there. */
static int check_times(const struct held *held, const char *at, int64_t now_ms, struct error *err)
{
    if (held->from_ms > now_ms)
        return error_set_at(err, ERROR_INVALID, at,
                            "saw \"from\" after the time that is asked about");
    if (held->until_ms < held->from_ms)
        return error_set_at(err, ERROR_INVALID, at, "saw \"until\" before \"from\"");
    if (held->state == HELD_ENDED && held->until_ms > now_ms)
        return error_set_at(err, ERROR_INVALID, at,
                            "saw a CLOSED one that ends after the time that is asked about");
    return 0;
}

static int read_reservation(const json_t *object, const char *at, int64_t now_ms, struct held *out,
                            struct error *err)
{
    static const char *const members[] = {"team", "units", "state", "from", "until", NULL};
    const char *team = NULL;
    int result = strict_json_only(object, at, members, err);
    if (result == 0)
        result = strict_json_string(object, at, "team", true, 1, POLICY_MAX_NAME, &team, err);
    if (result == 0)
        result = strict_json_int(object, at, "units", true, 1, POLICY_MAX_UNITS, &out->units, err);
    if (result == 0)
        result = read_state(object, at, &out->state, err);
    if (result == 0)
        result = read_time(object, at, "from", &out->from_ms, err);
    if (result == 0)
        result = read_time(object, at, "until", &out->until_ms, err);
    if (result != 0)
        return result;
    (void)snprintf(out->team, sizeof(out->team), "%s", team);
    return check_times(out, at, now_ms, err);
}

static int read_reservations(const json_t *list, int64_t now_ms, struct held *out,
                             struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < json_array_size(list); i++) {
        char at[64];
        (void)snprintf(at, sizeof(at), "/reservations/%zu", i);
        result = read_reservation(json_array_get(list, i), at, now_ms, &out[i], err);
    }
    return result;
}

int explain_state_parse(const char *text, size_t len, int64_t now_ms, struct held **out,
                        size_t *count, struct error *err)
{
    static const struct json_limits limits = {.max_bytes = EXPLAIN_STATE_MAX_BYTES,
                                              .max_depth = MAX_DEPTH};
    static const char *const members[] = {"version", "reservations", NULL};
    json_t *root = NULL, *list = NULL;
    int64_t version;
    *out = NULL;
    *count = 0;
    int result = strict_json_parse(text, len, &limits, &root, err);
    if (result == 0)
        result = strict_json_only(root, "", members, err);
    if (result == 0)
        result = strict_json_int(root, "", "version", true, 1, 1, &version, err);
    if (result == 0)
        result = strict_json_container(root, "", "reservations", true, JSON_ARRAY, &list, err);
    if (result != 0)
        goto out;
    *count = json_array_size(list);
    if (*count > HELD_MAX) {
        result = error_set_at(err, ERROR_INVALID, "/reservations",
                              "saw %zu reservations, expected at most %d", *count, HELD_MAX);
        goto out;
    }
    *out = calloc(*count + 1, sizeof(**out));
    result = *out == NULL ? error_set(err, ERROR_NOMEM, "out of memory for the state")
                          : read_reservations(list, now_ms, *out, err);
out:
    if (result != 0) {
        free(*out);
        *out = NULL;
        *count = 0;
    }
    json_decref(root);
    return result;
}
