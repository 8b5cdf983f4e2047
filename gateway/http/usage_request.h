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
 * The parameters From, Until, Period, TimeZone, WeekStarts and Format. From and Until are times of
 * RFC 3339, or dates of that zone; absent: the present month of that zone up to now. Period is
 * month, TimeZone UTC, WeekStarts monday, Format json where absent. ERROR_INVALID names the
 * parameter: for a value that is none, an interval that is empty or longer than
 * USAGE_REQUEST_MAX_DAYS, and for WeekStarts without Period=week. Free it after success.
 */
int usage_request_read(const struct request_target *target, int64_t now_ms,
                       struct usage_request *out, struct error *err)
    __attribute__((warn_unused_result));
void usage_request_free(struct usage_request *request);

#endif
