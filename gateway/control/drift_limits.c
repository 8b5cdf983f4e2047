/* A start that is judged on books without its own row. */
#include "gateway/control/drift_limits.h"

#include "gateway/ledger/ledger_unit_time.h"
#include "policy/evaluator.h"
#include "policy/unit_time.h"

struct judging {
    const struct policy *policy;
    const struct reservation *row;
    struct quota_request request;
    const struct quota_books *books; /* with the row, as nobody's */
    struct quota_decision *out;
};

/* The ledger's, and for the team what the row has run. Of what it may still run nobody's row
 * reserves anything. */
static int add_run(void *self, enum quota_scope scope, int64_t from_ms, int64_t until_ms,
                   struct quota_unit_time *out, struct error *err)
{
    const struct judging *judging = self;
    int result =
        judging->books->unit_time(judging->books->self, scope, from_ms, until_ms, out, err);
    if (result != 0 || scope != QUOTA_SCOPE_TEAM)
        return result;
    int64_t ran_ms = ledger_unit_time_overlap(judging->row->created_ms, judging->request.now_ms,
                                              from_ms, until_ms);
    out->used = unit_time_add(out->used, unit_time_multiply(judging->row->units, ran_ms));
    return 0;
}

static int judge(void *context, const struct quota_books *books, struct error *err)
{
    struct judging *judging = context;
    struct quota_books without = {
        .account = books->account, .team = books->team, .unit_time = add_run, .self = judging};
    judging->books = books;
    without.account.used_units -= judging->row->units;
    without.account.used_models--;
    return policy_evaluate_limits(judging->policy, &judging->request, &without, judging->out, err);
}

int drift_limits_judge(struct control *control, const struct policy *policy,
                       const struct reservation *row, const char *team, int64_t lease_ms,
                       struct quota_decision *out, struct error *err)
{
    struct control_settings settings;
    control_get_settings(control, &settings);
    int64_t now_ms = control_now_ms(control);
    struct judging judging = {
        .policy = policy,
        .row = row,
        .request = {.team = team,
                    .project = row->project,
                    .units = row->units,
                    .now_ms = now_ms,
                    .lease_ms = lease_ms,
                    .from_ms = now_ms,
                    .until_ms = now_ms + lease_ms + settings.stop_allowance_ms},
        .out = out};
    return ledger_with_books(control->ledger, team, now_ms, judge, &judging, err);
}
