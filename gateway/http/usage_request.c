/* Reading the query of GET /v1/usage. */
#include "gateway/http/usage_request.h"

#include "gateway/ledger/usage_words.h"

static struct usage_word word_of(const struct request_target *target, const char *name)
{
    return (struct usage_word){name, request_parameter(target, name)};
}

static int read_window(const struct request_target *target, struct usage_request *out,
                       struct error *err)
{
    const struct usage_words words = {.period = word_of(target, "Period"),
                                      .time_zone = word_of(target, "TimeZone"),
                                      .week_starts = word_of(target, "WeekStarts"),
                                      .day_starts = word_of(target, "DayStarts")};
    return usage_words_read_window(&words, &out->query.window, &out->zone, err);
}

static int read_format(const struct request_target *target, struct usage_request *out,
                       struct error *err)
{
    static const char *const formats[] = {"csv", "json", NULL};
    const struct usage_word word = word_of(target, "Format");
    unsigned format = USAGE_JSON;
    int result = usage_words_read_one(&word, formats, &format, err);
    out->format = (enum usage_format)format;
    return result;
}

static int read_interval(const struct request_target *target, int64_t now_ms,
                         struct usage_request *out, struct error *err)
{
    const struct usage_word from = word_of(target, "From"), until = word_of(target, "Until");
    struct usage_query *query = &out->query;
    struct policy_window month = query->window;
    int64_t month_ends_ms;
    query->until_ms = query->now_ms = now_ms;
    int result = usage_words_read_time(&until, &query->window, &query->until_ms, err);
    if (result != 0)
        return result;
    month.period = POLICY_MONTH;
    policy_window_bounds(&month, query->until_ms > 0 ? query->until_ms - 1 : 0, &query->from_ms,
                         &month_ends_ms);
    result = usage_words_read_time(&from, &query->window, &query->from_ms, err);
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

int usage_request_read(const struct request_target *target, int64_t now_ms,
                       struct usage_request *out, struct error *err)
{
    *out = (struct usage_request){0};
    int result = read_window(target, out, err);
    if (result == 0)
        result = read_format(target, out, err);
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
