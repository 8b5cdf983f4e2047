/* When a request that is refused now would fit. */
#ifndef LOOKOUT_POLICY_EARLIEST_H
#define LOOKOUT_POLICY_EARLIEST_H

#include "policy/quota.h"

/* One live reservation, as seen from the team that asks. */
struct quota_release {
    int64_t at_ms; /* its worst end: the lease's, and what a stop may take */
    int64_t units;
    bool of_team;
};

#define EARLIEST_HORIZON_MS (400 * INT64_C(86400000))

/*
 * The first moment from `request->now_ms` on at which the same request (its interval moved along)
 * is admitted, if each live reservation runs to its worst end, nothing else starts and the policy
 * stays. `releases` are all live reservations in the order of `at_ms`; one whose worst end has
 * passed is expected to end in a minute. INT64_MAX: never under this policy, or not within
 * EARLIEST_HORIZON_MS unless something ends before its worst end, which nobody can foresee. An
 * extension can't be moved along and is not searched for: INT64_MAX where it does not fit now.
 * Errors as policy_evaluate.
 */
int policy_find_earliest(const struct policy *policy, const struct quota_request *request,
                         const struct quota_books *books, const struct quota_release *releases,
                         size_t count, int64_t *earliest_ms, struct error *err)
    __attribute__((warn_unused_result));

#endif
