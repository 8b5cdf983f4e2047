/* One budget against one request: the arithmetic of windows. For evaluator.c and earliest.c. */
#ifndef LOOKOUT_POLICY_UNIT_HOURS_H
#define LOOKOUT_POLICY_UNIT_HOURS_H

#include "policy/quota.h"

struct unit_hours {
    const struct policy_window *window;
    enum quota_scope scope;
    const struct quota_books *books; /* NULL: nothing was ever used */
    int64_t units;                   /* at least 1 */
};

/*
 * Judges [request->from_ms, request->until_ms): fills the numbers of `rule`, and lowers
 * `*latest_until_ms` to the last end of an interval from `from_ms` that this window admits now,
 * where that is before `look_until_ms` (at least request->until_ms): nothing is looked for behind
 * it.
 */
int unit_hours_judge(const struct unit_hours *budget, const struct quota_request *request,
                     int64_t look_until_ms, struct quota_rule *rule, int64_t *latest_until_ms,
                     struct error *err) __attribute__((warn_unused_result));

/*
 * Fills `rule` as policy_survey has it, with the period of `now_ms` or, where a later one that
 * begins before `until_ms` is exceeded by more, with the first of those that are exceeded most.
 */
int unit_hours_survey(const struct unit_hours *budget, int64_t now_ms, int64_t until_ms,
                      struct quota_rule *rule, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Moves `*at_ms` to the first moment at or after it at which an interval of `length_ms` may begin;
 * stops looking behind `horizon_ms`, and then `*at_ms` is later than that.
 */
int unit_hours_find_start(const struct unit_hours *budget, int64_t length_ms, int64_t horizon_ms,
                          int64_t *at_ms, struct error *err) __attribute__((warn_unused_result));

#endif
