/* Refusals by the policy and dry runs. */
#include "gateway/http/quota_answer.h"

#include "gateway/http/json_out.h"
#include "gateway/http/render.h"
#include "gateway/http/render_rule.h"
#include "policy/evaluator.h"

static void render_row(struct strbuf *body, const struct quota_answer *answer)
{
    if (answer->row != NULL)
        render_reservation(body, "Reservation", answer->row);
}

void quota_answer_refusal(struct exchange *exchange, const struct quota_answer *answer)
{
    const struct quota_decision *decision = answer->decision;
    bool ever = decision->verdict == QUOTA_REFUSED_EVER;
    bool no_time = decision->earliest_ms == INT64_MAX;
    if (!ever && !no_time)
        exchange_add_retry_after(exchange, answer->retry_after_ms);
    struct strbuf *body = exchange_begin_problem(
        exchange, ever ? PROBLEM_QUOTA_NEVER_FITS : PROBLEM_QUOTA_EXCEEDED, 0,
        answer->detail[0] != '\0' ? answer->detail : "the policy does not admit this");
    if (answer->dry_run)
        json_out_bool(body, "DryRun", true);
    if (decision->binding < decision->rule_count)
        render_rule(body, &decision->rules[decision->binding]);
    if (no_time)
        json_out_string(body, "EarliestFitDetail",
                        policy_explain_no_earliest(decision->verdict, answer->extension));
    render_decision(body, decision, answer->policy_digest);
    render_row(body, answer);
    exchange_end_json(exchange);
}

void quota_answer_admission(struct exchange *exchange, const struct quota_answer *answer)
{
    struct strbuf *body = exchange_begin_json(exchange, 200);
    json_out_bool(body, "DryRun", true);
    json_out_bool(body, "Admitted", true);
    if (answer->decision != NULL)
        render_decision(body, answer->decision, answer->policy_digest);
    render_row(body, answer);
    exchange_end_json(exchange);
}
