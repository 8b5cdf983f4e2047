/* The pure heart: policy + request + books -> decision. */
#ifndef LOOKOUT_POLICY_EVALUATOR_H
#define LOOKOUT_POLICY_EVALUATOR_H

#include "policy/quota.h"

/*
 * Decides one start, or one extension. No clock, no I/O, no allocation. Sums that would overflow
 * count as refused. A scope that holds more than its limit (the limit was lowered, or something
 * runs behind our back) refuses, with fits_now = 0; it never makes a number negative.
 *
 * The order of the rules: team known, project allowed (and nothing after a name rule that refuses),
 * then for the team and then for the account: units per model, concurrent units, running models,
 * lease, unit-hours (a rule for each window).
 *
 * Unit-hours follow Slurm's "safe": in every period that [from, until) touches, used + reserved +
 * what the request adds there <= amount.
 *
 * ERROR_INVALID for an interval that ends before it begins, is longer than QUOTA_MAX_INTERVAL_MS or
 * lies outside of 1970 to 9999, and for an extension by less than one unit; and what
 * books->unit_time returns. After an error `out` means nothing.
 */
int policy_evaluate(const struct policy *policy, const struct quota_request *request,
                    const struct quota_books *books, struct quota_decision *out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * As policy_evaluate, without the name rules: what the limits say, whatever the project.
 * ERROR_NOT_FOUND where the policy does not name the team.
 */
int policy_evaluate_limits(const struct policy *policy, const struct quota_request *request,
                           const struct quota_books *books, struct quota_decision *out,
                           struct error *err) __attribute__((warn_unused_result));

/*
 * All limits as they stand now, for people and dashboards, as a decision about nothing: `requested`
 * is 0, `fits_now` is what is left (of unit-hours: in the period of `now_ms`, in
 * unit-milliseconds), `admits` says whether anything is. Of `team` and the account; NULL: of the
 * account alone. ERROR_NOT_FOUND where the policy does not name the team.
 */
int policy_survey(const struct policy *policy, const char *team, int64_t now_ms,
                  const struct quota_books *books, struct quota_decision *out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * The limits of `team` alone, or (NULL) of the account, that what is held exceeds, as policy_survey
 * shows them. Of unit-hours each period counts, from that of `now_ms` to the last in which anything
 * is reserved, at most EARLIEST_HORIZON_MS ahead: the rule shows the one that is exceeded most, of
 * equals the first. ERROR_NOT_FOUND as above.
 */
int policy_find_exceeded(const struct policy *policy, const char *team, int64_t now_ms,
                         const struct quota_books *books, struct quota_decision *out,
                         struct error *err) __attribute__((warn_unused_result));

/*
 * One sentence for people that names the binding rule and its numbers, such as "team assembly-line
 * may hold 4 concurrent_units and holds 3 (2 used, 1 reserved): 2 more do not fit, at most 1 does".
 * Cut at `size`.
 */
void policy_explain(const struct quota_decision *decision, const struct quota_request *request,
                    char *out, size_t size);

/*
 * Why a refusal has no earliest time (policy_find_earliest gave INT64_MAX), and what it waits for:
 * "at no time" only where it can never fit. A sentence without its capital and full stop.
 */
const char *policy_explain_no_earliest(enum quota_verdict verdict, bool extension);

#endif
