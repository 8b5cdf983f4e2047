/* What GET /v1/usage is asked: its query, read strictly. */
#ifndef LOOKOUT_HTTP_USAGE_REQUEST_H
#define LOOKOUT_HTTP_USAGE_REQUEST_H

#include "gateway/http/request.h"
#include "gateway/ledger/usage_report.h"
#include "policy/error.h"
#include "policy/time_zone.h"

#define USAGE_REQUEST_MAX_DAYS 400

struct usage_request {
    struct usage_query query; /* but for `team`, which is not this file's */
    enum usage_format format;
    struct time_zone *zone; /* owned; NULL = UTC */
};

/*
 * The parameters From, Until, Period, TimeZone, WeekStarts, DayStarts (usage_words.h) and Format,
 * which is json where absent. Without From and Until it is the present month of that clock up to
 * now. Errors name the parameter: those of usage_words.h, and ERROR_INVALID for an interval that is
 * empty or longer than USAGE_REQUEST_MAX_DAYS. Free it after success.
 */
int usage_request_read(const struct request_target *target, int64_t now_ms,
                       struct usage_request *out, struct error *err)
    __attribute__((warn_unused_result));
void usage_request_free(struct usage_request *request);

#endif
