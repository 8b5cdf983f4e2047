/* What stands before every new start. */
#include "gateway/control/start_gate.h"

#include <stdio.h>

static void shut(struct start_gate *gate, enum start_outcome outcome, const char *detail)
{
    gate->open = false;
    gate->outcome = outcome;
    (void)snprintf(gate->detail, sizeof(gate->detail), "%s", detail);
}

/* An upstream that tells no Date is taken at this host's word. */
static bool is_time_known(struct control *control)
{
    return time_keeper_may_expire(control->keeper) || atomic_load(&control->heard_dateless);
}

static bool must_ask(struct control *control)
{
    return !atomic_load(&control->account_asked) || atomic_load(&control->wrong_account) ||
           !is_time_known(control);
}

/* One DescribeModel, whose answer teaches account and time; shuts the gate where the time stays
 * unknown. */
static void ask(struct control *control, const struct start_request *request, int64_t deadline_ms,
                struct start_gate *gate)
{
    struct upstream_answer answer = {.message = ""};
    struct upstream_description description;
    struct model_call turn;
    /* The marker is that of a model that can't be. */
    bool has_turn = model_calls_acquire(control->calls, "", "", deadline_ms, &turn) == 0;
    if (has_turn && must_ask(control)) {
        control_describe(control, request->project, request->version, PACING_CALLER, deadline_ms,
                         &answer, &description);
        /* An unknown model has no account; who can't be asked stops nobody. */
        if (answer.http_status != 404)
            atomic_store(&control->account_asked, true);
    }
    if (has_turn)
        model_calls_release(control->calls, &turn);
    if (is_time_known(control))
        return;
    shut(gate, START_NOT_SENT, "");
    control_say(gate->detail,
                "AWS has not told the time since this gateway started or its clock jumped, and "
                "nothing new is sent before that; repeat later%s%s",
                answer.message[0] != '\0' ? ": " : "", answer.message);
}

void start_gate_look(struct control *control, const struct start_request *request,
                     int64_t deadline_ms, struct start_gate *gate)
{
    *gate = (struct start_gate){.open = true};
    if (!request->dry_run && must_ask(control))
        ask(control, request, deadline_ms, gate);
    if (atomic_load(&control->wrong_account))
        shut(gate, START_UNAVAILABLE,
             "AWS answered from another account than the ledger's: no starts until an "
             "administrator has corrected credentials or endpoint");
    /* A start finds out by itself whether the ledger can be written by now. */
    if (request->dry_run && !ledger_is_writable(control->ledger))
        shut(gate, START_UNAVAILABLE,
             "the ledger can't record a start now, and nothing is started without a record; "
             "repeat later");
    if (control_is_unreadable(control))
        shut(gate, START_UNAVAILABLE,
             "the ledger can't be read now, so nobody knows what is held: nothing is started; "
             "repeat later");
}

void start_gate_look_at_model(struct control *control, const char *project, const char *version,
                              struct start_gate *gate)
{
    if (unrecorded_holds(control->unrecorded, project, version))
        shut(gate, START_UNAVAILABLE,
             "a stop of this model was sent and is not written down yet: nothing was started; "
             "repeat in some seconds");
}
