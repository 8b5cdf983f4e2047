/* The pure heart: policy + request + usage -> decision. Total: every input has an answer. */
#ifndef LOOKOUT_POLICY_EVALUATOR_H
#define LOOKOUT_POLICY_EVALUATOR_H

#include "policy/quota.h"

/*
 * Decides one start. No clock, no I/O, no allocation, no failure. Sums that would overflow count as
 * refused. A scope that holds more than its limit (the limit was lowered, or something runs behind
 * our back) refuses, with fits_now = 0; it never makes a number negative.
 *
 * The order of the rules: team known, project allowed (and nothing after a name rule that refuses),
 * then for the team and then for the account: units per model, concurrent units, running models.
 */
void policy_evaluate(const struct policy *policy, const struct quota_request *request,
                     const struct quota_usage *account, const struct quota_usage *team,
                     struct quota_decision *out);

/*
 * One sentence for people that names the binding rule and its numbers, such as "team assembly-line
 * may hold 4 concurrent_units and holds 3 (2 used, 1 reserved): 2 more do not fit, at most 1 does".
 * Cut at `size`.
 */
void policy_explain(const struct quota_decision *decision, const struct quota_request *request,
                    char *out, size_t size);

#endif
