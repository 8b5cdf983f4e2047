/* GET /v1/usage: unit-time per team, model, subject and period, from the ledger's own rows. */
#include "gateway/base/log.h"
#include "gateway/http/json_out.h"
#include "gateway/http/routes.h"
#include "gateway/http/usage_request.h"
#include "policy/unit_time.h"

#define BUSY_RETRY_MS 2000

struct answer {
    struct strbuf *body;
    enum usage_format format;
    size_t lines;
    int64_t unit_ms;
};

/* A usage_line_fn. */
static int take_line(void *context, const struct usage_line *line, struct error *err)
{
    struct answer *answer = context;
    if (answer->format == USAGE_JSON && answer->lines > 0)
        strbuf_addch(answer->body, ',');
    usage_write_line(answer->format, line, answer->body);
    answer->unit_ms = unit_time_add(answer->unit_ms, line->unit_ms);
    answer->lines++;
    if (strbuf_ok(answer->body))
        return 0;
    return error_set(err, ERROR_REFUSED,
                     "the answer has more than %d bytes, which end after %zu lines: ask for a "
                     "shorter interval (From, Until), longer periods (Period) or one team (Team)",
                     EXCHANGE_MAX_RESPONSE, answer->lines);
}

static void begin(struct exchange *exchange, const struct usage_request *request,
                  struct answer *answer)
{
    const struct policy_window *window = &request->query.window;
    answer->body = exchange_begin_json(exchange, 200);
    if (request->format == USAGE_CSV) {
        strbuf_clear(answer->body);
        exchange->content_type = "text/csv; charset=utf-8; header=present";
        usage_write_head(USAGE_CSV, answer->body);
        return;
    }
    json_out_time(answer->body, "AsOf", request->query.now_ms);
    json_out_time(answer->body, "From", request->query.from_ms);
    json_out_time(answer->body, "Until", request->query.until_ms);
    json_out_string(answer->body, "Period", policy_period_name(window->period));
    json_out_string(answer->body, "TimeZone", policy_window_zone_name(window));
    if (request->query.team != NULL)
        json_out_string(answer->body, "Team", request->query.team);
    json_out_open(answer->body, "Usage", '[');
}

static void end(struct exchange *exchange, const struct answer *answer)
{
    char hours[UNIT_TIME_TEXT_SIZE];
    if (answer->format == USAGE_CSV)
        return;
    unit_time_format(answer->unit_ms, hours);
    json_out_close(answer->body, ']');
    json_out_literal(answer->body, "UnitHours", hours);
    json_out_int(answer->body, "UnitMilliseconds", answer->unit_ms);
    exchange_end_json(exchange);
}

static void report(const struct http_context *context, struct exchange *exchange,
                   const struct usage_request *request)
{
    struct answer answer = {.format = request->format};
    struct error err = {0};
    begin(exchange, request, &answer);
    int result = usage_report(context->ledger, &request->query, take_line, &answer, &err);
    if (result == 0) {
        end(exchange, &answer);
        return;
    }
    if (result == ERROR_REFUSED) {
        exchange_problem_error(exchange, PROBLEM_RESULT_TOO_LARGE, &err);
        return;
    }
    if (result == ERROR_RETRY) {
        exchange_add_retry_after(exchange, BUSY_RETRY_MS);
        exchange_problem_error(exchange, PROBLEM_UNAVAILABLE, &err);
        return;
    }
    LOG(LOG_ERROR, "usage.ledger_failed", log_str("class", error_code_name(err.code)),
        log_str("message", err.message));
    exchange_problem(exchange, PROBLEM_UNAVAILABLE, "the ledger could not be read");
}

void routes_get_usage(void *context, struct exchange *exchange)
{
    static const char *const parameters[] = {
        "From", "Until", "Period", "TimeZone", "WeekStarts", "DayStarts", "Format", "Team", NULL};
    const struct http_context *self = context;
    struct usage_request request;
    struct error err = {0};
    const char *team;
    if (!routes_allow_parameters(exchange, parameters) ||
        !routes_resolve_team(exchange, NULL, true, &team))
        return;
    if (usage_request_read(&exchange->target, control_time_ms(self->control), &request, &err) !=
        0) {
        exchange_problem_error(exchange, PROBLEM_INVALID_PARAMETER, &err);
        return;
    }
    request.query.team = team;
    report(self, exchange, &request);
    usage_request_free(&request);
}
