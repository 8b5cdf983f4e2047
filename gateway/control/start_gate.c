/* What stands before every start. */
#include "gateway/control/start_gate.h"

static void refuse(struct start_result *out, enum start_outcome outcome, const char *detail)
{
    out->outcome = outcome;
    control_say(out->detail, "%s", detail);
}

static bool must_ask(struct control *control)
{
    return !atomic_load(&control->account_asked) || atomic_load(&control->wrong_account) ||
           !time_keeper_may_expire(control->keeper);
}

/* One DescribeModel, whose answer teaches account and time. True when AWS said anything. */
static bool ask(struct control *control, const struct start_request *request, int64_t deadline_ms)
{
    struct upstream_answer answer;
    struct upstream_description description;
    struct model_call turn;
    bool heard = false;
    /* The marker is that of a model that can't be. */
    if (model_calls_acquire(control->calls, "", "", deadline_ms, &turn) != 0)
        return false;
    if (must_ask(control)) {
        control_describe(control, request->project, request->version, PACING_CALLER, deadline_ms,
                         &answer, &description);
        heard = answer.http_status != 0;
        /* An unknown model has no account; who can't be asked stops nobody. */
        if (answer.http_status != 404)
            atomic_store(&control->account_asked, true);
    }
    model_calls_release(control->calls, &turn);
    return heard;
}

bool start_gate_pass(struct control *control, const struct start_request *request,
                     int64_t deadline_ms, struct start_result *out)
{
    if (atomic_load(&control->unreadable)) {
        refuse(out, START_UNAVAILABLE,
               "the ledger can't be read now, so nobody knows what is held: nothing is started; "
               "repeat later");
        return false;
    }
    bool heard = !request->dry_run && must_ask(control) && ask(control, request, deadline_ms);
    if (atomic_load(&control->wrong_account)) {
        refuse(out, START_UNAVAILABLE,
               "AWS answered from another account than the ledger's: no starts until an "
               "administrator has corrected credentials or endpoint");
        return false;
    }
    /* An upstream that tells no Date is taken at this host's word. */
    if (!request->dry_run && !heard && !time_keeper_may_expire(control->keeper)) {
        refuse(out, START_NOT_SENT,
               "AWS can't be reached, and has not told the time since this gateway started or its "
               "clock jumped: nothing was sent; repeat later");
        return false;
    }
    return true;
}
