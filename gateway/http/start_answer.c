/* One function for each outcome of a start. */
#include "gateway/http/start_answer.h"

#include "gateway/http/json_out.h"
#include "gateway/http/quota_answer.h"
#include "gateway/http/render.h"

static const char *detail_or(const struct start_result *result, const char *otherwise)
{
    return result->detail[0] != '\0' ? result->detail : otherwise;
}

static struct quota_answer decision_of(const struct start_request *request,
                                       const struct start_result *result)
{
    return (struct quota_answer){
        .decision = result->has_decision ? &result->decision : NULL,
        .policy_digest = result->policy_digest,
        .detail = result->detail,
        .retry_after_ms = result->retry_after_ms,
        .dry_run = request->dry_run,
    };
}

/* A 202 or 200: the model's status, and what holds its units. */
static void answer_row(struct exchange *exchange, int status, const struct start_result *result)
{
    struct strbuf *body = exchange_begin_json(exchange, status);
    const char *word = result->row.status;
    /* AWS's answer to a start that it accepts; what follows is seen by the reconciler. */
    if (word[0] == '\0' && result->row.state == RESERVATION_ACTIVE)
        word = "STARTING_HOSTING";
    if (word[0] != '\0')
        json_out_string(body, "Status", word);
    render_reservation(body, "Reservation", &result->row);
    exchange_end_json(exchange);
}

static void answer_accepted(struct exchange *exchange, const struct start_request *request,
                            const struct start_result *result)
{
    exchange->outcome = request->dry_run ? "would-start" : "started";
    if (!request->dry_run) {
        answer_row(exchange, 202, result);
        return;
    }
    const struct quota_answer answer = decision_of(request, result);
    quota_answer_admission(exchange, &answer);
}

/*
 * AWS's refusal, mapped: what blames the request keeps its meaning, what blames the account's own
 * quota (402) asks for patience, and what blames the gateway's credentials is not the caller's
 * fault.
 */
static int status_of_upstream(int upstream_status)
{
    switch (upstream_status) {
    case 400:
    case 404:
    case 409:
        return upstream_status;
    case 402:
        return 429;
    default:
        return 502;
    }
}

static void answer_refused(struct exchange *exchange, int status, const char *type,
                           const char *message)
{
    struct strbuf *body =
        exchange_begin_problem(exchange, PROBLEM_UPSTREAM_REFUSED, status_of_upstream(status),
                               "Amazon Lookout for Vision refused the call; nothing is held");
    json_out_int(body, "UpstreamStatus", status);
    json_out_string(body, "UpstreamType", type);
    json_out_string(body, "UpstreamMessage", message);
    exchange_end_json(exchange);
}

/* Rule 11: a replay shows the present state, and a refusal by AWS stays a refusal. */
static void answer_replayed(struct exchange *exchange, const struct start_result *result)
{
    exchange_add_header(exchange, "Idempotency-Replayed", "true");
    if (result->row.end == RESERVATION_END_REFUSED) {
        answer_refused(exchange, result->row.refusal_status, result->row.refusal_type,
                       result->row.refusal_message);
        return;
    }
    exchange->outcome = "replayed";
    answer_row(exchange, 200, result);
}

static void answer_quota(struct exchange *exchange, const struct start_request *request,
                         const struct start_result *result)
{
    const struct quota_answer answer = decision_of(request, result);
    quota_answer_refusal(exchange, &answer);
}

/* A problem with the reservation it is about, as far as the caller may see it. */
static void answer_problem(struct exchange *exchange, enum problem_type type, const char *detail,
                           const struct start_result *result)
{
    exchange_add_retry_after(exchange, result->retry_after_ms);
    struct strbuf *body = exchange_begin_problem(exchange, type, 0, detail);
    if (result->has_row && result->row_is_own)
        render_reservation(body, "Reservation", &result->row);
    exchange_end_json(exchange);
}

static void answer_frozen(struct exchange *exchange, const struct start_result *result)
{
    const struct ledger_freeze *freeze = &result->freeze;
    struct strbuf *body =
        exchange_begin_problem(exchange, PROBLEM_STARTS_FROZEN, 0,
                               detail_or(result, "an administrator has frozen starts"));
    if (freeze->team[0] != '\0')
        json_out_string(body, "Team", freeze->team);
    json_out_string(body, "Reason", freeze->reason);
    json_out_string(body, "Actor", freeze->actor);
    json_out_time(body, "FrozenAt", freeze->since_ms);
    exchange_end_json(exchange);
}

void start_answer(struct exchange *exchange, const struct start_request *request,
                  const struct start_result *result)
{
    switch (result->outcome) {
    case START_ACCEPTED:
        answer_accepted(exchange, request, result);
        break;
    case START_PRESENT:
        exchange->outcome = "present";
        answer_row(exchange, 200, result);
        break;
    case START_REPLAYED:
        answer_replayed(exchange, result);
        break;
    case START_QUOTA:
        answer_quota(exchange, request, result);
        break;
    case START_HELD:
        answer_problem(exchange, PROBLEM_MODEL_HELD, detail_or(result, "the model is held"),
                       result);
        break;
    case START_FENCED:
        answer_problem(exchange, PROBLEM_MODEL_FENCED,
                       detail_or(result, "a stop may still arrive and would end your start"),
                       result);
        break;
    case START_FROZEN:
        answer_frozen(exchange, result);
        break;
    case START_KEY_REUSED:
        answer_problem(exchange, PROBLEM_KEY_REUSED,
                       detail_or(result, "the key belongs to a request with other parameters"),
                       result);
        break;
    case START_REFUSED:
        answer_refused(exchange, result->upstream_status, result->upstream_type,
                       result->upstream_message);
        break;
    case START_NOT_SENT:
        answer_problem(exchange, PROBLEM_NOT_SENT,
                       detail_or(result, "nothing was sent and nothing is held: repeat"), result);
        break;
    case START_UNCERTAIN:
        answer_problem(exchange, PROBLEM_UNCERTAIN,
                       detail_or(result,
                                 "the model may still start; the units stay held until that "
                                 "is known; repeat with the same key"),
                       result);
        break;
    case START_UNKNOWN_MODEL:
        answer_problem(exchange, PROBLEM_UNKNOWN_MODEL,
                       detail_or(result, "AWS knows no such model"), result);
        break;
    case START_UNAVAILABLE:
        answer_problem(exchange, PROBLEM_UNAVAILABLE,
                       detail_or(result, "nothing was done: repeat later"), result);
        break;
    }
}
