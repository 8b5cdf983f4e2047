/* Reading the query of GET /v1/usage. */
#include "gateway/http/usage_request.h"

#include "gateway/base/clock.h"
#include "gateway/base/zone_file.h"

#include <stdio.h>
#include <string.h>

#define DATE_LEN 10 /* "2026-11-01" */

/* The index of the parameter's value in `words` (ends with NULL); absent: `*out` as it is. */
static int read_word(const struct request_target *target, const char *name,
                     const char *const *words, unsigned *out, struct error *err)
{
    const char *value = request_parameter(target, name);
    char expected[128] = "";
    size_t len = 0;
    if (value == NULL)
        return 0;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(value, words[i]) == 0) {
            *out = i;
            return 0;
        }
        len += (size_t)snprintf(expected + len, sizeof(expected) - len, "%s%s", i == 0 ? "" : ", ",
                                words[i]);
    }
    return error_set(err, ERROR_INVALID, "saw %s=\"%s\", expected one of %s", name, value,
                     expected);
}

static int read_zone(const struct request_target *target, struct usage_request *out,
                     struct error *err)
{
    const char *name = request_parameter(target, "TimeZone");
    struct error cause = {0};
    if (name == NULL || strcmp(name, "UTC") == 0 ||
        zone_file_load(NULL, name, &out->zone, &cause) == 0) {
        out->query.window.zone = out->zone;
        return 0;
    }
    return error_set(err, ERROR_INVALID,
                     "saw TimeZone=\"%s\", expected a name such as Europe/Berlin: %s", name,
                     cause.message);
}

static int64_t to_utc_ms(const struct usage_request *request, int64_t local_ms)
{
    return request->zone != NULL ? time_zone_to_utc_ms(request->zone, local_ms) : local_ms;
}

/* A time, or a date, which begins at midnight of the zone; absent: `*out` as it is. */
static int read_time(const struct request_target *target, const char *name,
                     const struct usage_request *request, int64_t *out, struct error *err)
{
    const char *value = request_parameter(target, name);
    char midnight[CLOCK_RFC3339_SIZE];
    if (value == NULL || clock_parse_rfc3339(value, out))
        return 0;
    if (strlen(value) == DATE_LEN) {
        snprintf(midnight, sizeof(midnight), "%sT00:00:00Z", value);
        if (clock_parse_rfc3339(midnight, out)) {
            *out = to_utc_ms(request, *out);
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID,
                     "saw %s=\"%s\", expected a time such as 2026-11-01T06:00:00Z (a + in it is "
                     "written %%2B), or a date such as 2026-11-01",
                     name, value);
}

static int read_interval(const struct request_target *target, int64_t now_ms,
                         struct usage_request *out, struct error *err)
{
    const struct policy_window month = {.period = POLICY_MONTH, .zone = out->zone};
    struct usage_query *query = &out->query;
    int64_t month_ends_ms;
    query->until_ms = query->now_ms = now_ms;
    int result = read_time(target, "Until", out, &query->until_ms, err);
    if (result != 0)
        return result;
    policy_window_bounds(&month, query->until_ms > 0 ? query->until_ms - 1 : 0, &query->from_ms,
                         &month_ends_ms);
    result = read_time(target, "From", out, &query->from_ms, err);
    if (result != 0)
        return result;
    if (query->from_ms < 0)
        return error_set(err, ERROR_INVALID, "From is before 1970, where nothing was ever used");
    if (query->from_ms >= query->until_ms)
        return error_set(err, ERROR_INVALID,
                         "From is not before Until (which is now where it is not given)");
    if (query->until_ms - query->from_ms > USAGE_REQUEST_MAX_DAYS * CIVIL_DAY_MS)
        return error_set(err, ERROR_INVALID,
                         "From and Until are more than %d days apart: ask for a shorter interval",
                         USAGE_REQUEST_MAX_DAYS);
    return 0;
}

static int read_words(const struct request_target *target, struct usage_request *out,
                      struct error *err)
{
    static const char *const periods[] = {"day", "week", "month", "total", NULL};
    static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday",    NULL};
    static const char *const formats[] = {"csv", "json", NULL};
    unsigned period = POLICY_MONTH, format = USAGE_JSON;
    int result = read_word(target, "Period", periods, &period, err);
    if (result == 0)
        result = read_word(target, "WeekStarts", days, &out->query.window.week_start, err);
    if (result == 0)
        result = read_word(target, "Format", formats, &format, err);
    out->query.window.period = (enum policy_period)period;
    out->format = (enum usage_format)format;
    if (result == 0 && period != POLICY_WEEK && request_parameter(target, "WeekStarts") != NULL)
        return error_set(err, ERROR_INVALID, "WeekStarts means something with Period=week only");
    return result;
}

int usage_request_read(const struct request_target *target, int64_t now_ms,
                       struct usage_request *out, struct error *err)
{
    *out = (struct usage_request){0};
    int result = read_words(target, out, err);
    if (result == 0)
        result = read_zone(target, out, err);
    if (result == 0)
        result = read_interval(target, now_ms, out, err);
    if (result != 0)
        usage_request_free(out);
    return result;
}

void usage_request_free(struct usage_request *request)
{
    time_zone_free(&request->zone);
    *request = (struct usage_request){0};
}
