/* The way of a start request: decide, write down, send, answer. */
#include "gateway/control/admission.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/decision.h"
#include "gateway/control/model_change.h"
#include "gateway/control/model_name.h"
#include "gateway/control/model_status.h"
#include "gateway/control/rules.h"
#include "gateway/control/start_gate.h"
#include "gateway/control/start_outcome.h"
#include "gateway/control/start_row.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS ((int64_t)60 * 1000)

/* --- deciding ------------------------------------------------------------------------------ */

static struct ledger_cause start_cause(struct control *control, const struct start_request *request,
                                       const struct start_result *out)
{
    struct ledger_cause cause = control_cause(control, "start");
    cause.actor = request->subject;
    cause.request_id = request->request_id;
    cause.policy = out->policy_digest;
    return cause;
}

static void keep_decision(struct control *control, struct decision *decision,
                          struct start_result *out)
{
    out->has_decision = decision->made;
    if (!decision->made)
        return;
    out->retry_after_ms = decision_tell(control, decision, out->detail, sizeof(out->detail));
    out->decision = decision->answer;
}

/* The policy in force decides; the snapshot keeps it alive, and is released by the caller. */
static struct policy_snapshot *begin_decision(struct control *control,
                                              const struct control_settings *settings,
                                              const struct start_request *request,
                                              struct decision *decision, struct start_result *out)
{
    struct policy_snapshot *snapshot = policy_store_acquire(control->policies);
    *decision = (struct decision){.policy = policy_snapshot_policy(snapshot)};
    decision->request = (struct quota_request){
        .team = request->team,
        .project = request->project,
        .units = start_row_units(request),
        .look_ahead = request->dry_run,
        .now_ms = control_now_ms(control),
        .lease_ms = request->lease_minutes * MINUTE_MS,
    };
    if (request->lease_minutes == 0)
        decision->request.lease_ms =
            decision_default_lease_ms(decision->policy, settings, request->team);
    decision->request.from_ms = decision->request.now_ms;
    decision->request.until_ms =
        decision->request.now_ms + decision->request.lease_ms + settings->stop_allowance_ms;
    (void)snprintf(out->policy_digest, sizeof(out->policy_digest), "%s",
                   policy_snapshot_digest(snapshot));
    return snapshot;
}

/* Refusals that no change of usage could turn are given before AWS is asked for anything. */
static bool refused_for_ever(struct control *control, const struct control_settings *settings,
                             const struct start_request *request, struct start_result *out)
{
    struct decision decision;
    struct policy_snapshot *snapshot = begin_decision(control, settings, request, &decision, out);
    bool refused =
        decision_preview(control, &decision) && decision.answer.verdict == QUOTA_REFUSED_EVER;
    if (refused) {
        out->outcome = START_QUOTA;
        keep_decision(control, &decision, out);
    }
    policy_snapshot_release(&snapshot);
    return refused;
}

/* One request on its way. */
struct start_call {
    struct control *control;
    struct control_settings settings;
    const struct start_request *request;
    int64_t deadline_ms;
    struct start_gate gate;
};

/* A row that is there already, by key or by model: send again where that finds the truth, then
 * tell. */
static void answer_present(const struct start_call *call, enum start_outcome outcome,
                           struct start_result *out)
{
    struct control *control = call->control;
    struct upstream_answer last = {.fate = UPSTREAM_NOT_SENT};
    out->outcome = outcome;
    if (out->row.state == RESERVATION_VOID && out->row.end == RESERVATION_END_REFUSED) {
        start_outcome_of_send(true, &last, out);
        return;
    }
    if (call->gate.open && model_change_may_resend(control, &call->settings, &out->row)) {
        struct ledger_cause cause = start_cause(control, call->request, out);
        struct change_budget budget =
            model_change_request_budget(&call->settings, call->deadline_ms, &cause);
        bool settled = model_change_start(control, &budget, &out->row, &last);
        if (out->row.state != RESERVATION_ACTIVE)
            start_outcome_of_send(settled, &last, out);
    } else if (out->row.state == RESERVATION_PENDING || out->row.state == RESERVATION_UNCERTAIN) {
        start_outcome_of_send(true, &last, out);
    }
}

/* --- the way of a request ------------------------------------------------------------------ */

/* True when there is an answer already. */
static bool answer_known_key(const struct start_call *call,
                             const unsigned char fingerprint[LEDGER_FINGERPRINT_LEN],
                             struct start_result *out)
{
    struct control *control = call->control;
    const struct start_request *request = call->request;
    struct ledger_reserve_result found;
    struct model_call marker;
    struct error err = {0};
    if (request->key == NULL || ledger_find_key(control->ledger, request->team, request->key,
                                                fingerprint, &found, &err) != 0)
        return false;
    start_outcome_keep_row(control, request, &found.row, out);
    if (found.outcome == LEDGER_KEY_REUSED) {
        out->outcome = START_KEY_REUSED;
        control_say(out->detail, "this idempotency key was used before with other parameters");
        return true;
    }
    if (request->dry_run) {
        out->outcome = START_REPLAYED;
        return true;
    }
    /* A key in flight waits for the answer. */
    if (model_calls_acquire(control->calls, out->row.project, out->row.version, call->deadline_ms,
                            &marker) != 0) {
        out->outcome = START_UNCERTAIN;
        control_say(out->detail, "the first call with this key is still under way: repeat it");
        return true;
    }
    if (ledger_get(control->ledger, found.row.id, &found.row, &err) == 0)
        start_outcome_keep_row(control, request, &found.row, out);
    bool known = !(out->row.state == RESERVATION_VOID && reservation_end_rearms(out->row.end));
    if (known)
        answer_present(call, START_REPLAYED, out);
    model_calls_release(control->calls, &marker);
    return known;
}

/* The number behind "latest". True when `version` is set, else `out` has the answer. */
static bool resolve_latest(struct control *control, const struct start_request *request,
                           int64_t deadline_ms, char version[RESERVATION_VERSION_MAX + 1],
                           struct start_result *out)
{
    struct model_status_view view;
    model_status_get(control->statuses, request->project, request->version, deadline_ms, &view);
    if (view.answer.fate == UPSTREAM_ACCEPTED) {
        (void)snprintf(version, RESERVATION_VERSION_MAX + 1, "%s", view.description.version);
        return true;
    }
    out->upstream_status = view.answer.http_status;
    if (view.answer.http_status == 404) {
        out->outcome = START_UNKNOWN_MODEL;
        control_say(out->detail, "AWS knows no model in project %s", request->project);
        return false;
    }
    out->outcome = START_NOT_SENT;
    out->retry_after_ms = view.answer.retry_after_ms;
    control_say(out->detail,
                "\"latest\" could not be resolved, and nothing is started before it is: %s",
                view.answer.message);
    return false;
}

struct gated_decision {
    const struct start_gate *gate;
    struct decision *decision;
};

/* The last step before something new is inserted: what is there already was found before. */
static int decide_at_gate(void *context, const struct quota_books *books, bool *admitted,
                          struct error *err)
{
    const struct gated_decision *gated = context;
    if (!gated->gate->open)
        return error_set(err, ERROR_REFUSED, "%s", gated->gate->detail);
    return decision_make(gated->decision, books, admitted, err);
}

/* With the model's marker held, or on a dry run. */
static void reserve_and_send(const struct start_call *call, struct ledger_reserve *reserve,
                             struct start_result *out)
{
    struct control *control = call->control;
    const struct start_request *request = call->request;
    const struct gated_decision *gated = reserve->decide_context;
    struct ledger_reserve_result reserved;
    struct upstream_answer last;
    struct error err = {0};
    struct change_budget budget =
        model_change_request_budget(&call->settings, call->deadline_ms, &reserve->cause);

    int result = ledger_reserve(control->ledger, reserve, &reserved, &err);
    CRASH_POINT(START_RESERVED);
    if (result == ERROR_REFUSED) { /* decide_at_gate's */
        out->outcome = call->gate.outcome;
        control_say(out->detail, "%s", call->gate.detail);
        return;
    }
    if (result != 0) {
        if (model_change_is_unwritable(result))
            (void)control_note_unwritable(control, &err);
        start_outcome_of_ledger(result, &err, out);
        return;
    }
    keep_decision(control, gated->decision, out);
    if (reserved.outcome != LEDGER_REFUSED && reserved.outcome != LEDGER_FENCED &&
        reserved.outcome != LEDGER_FROZEN)
        start_outcome_keep_row(control, request, &reserved.row, out);
    if (reserved.outcome == LEDGER_REPLAY &&
        strcmp(reserved.row.version, reserve->row.version) != 0) {
        out->outcome = START_REPLAYED; /* its model's marker is not ours: see start */
        return;
    }
    switch (reserved.outcome) {
    case LEDGER_RESERVED:
        out->outcome = START_ACCEPTED;
        if (request->dry_run) {
            out->has_row = false;
            break;
        }
        start_outcome_of_send(model_change_start(control, &budget, &out->row, &last), &last, out);
        break;
    case LEDGER_REPLAY:
    case LEDGER_HELD:
        if (reserved.outcome == LEDGER_HELD && !start_outcome_is_what_was_asked(request, out))
            start_outcome_held(request, out);
        else if (request->dry_run)
            out->outcome = reserved.outcome == LEDGER_HELD ? START_PRESENT : START_REPLAYED;
        else
            answer_present(call, reserved.outcome == LEDGER_HELD ? START_PRESENT : START_REPLAYED,
                           out);
        start_outcome_mention_lease(request, out);
        break;
    case LEDGER_KEY_REUSED:
        out->outcome = START_KEY_REUSED;
        control_say(out->detail, "this idempotency key was used before with other parameters");
        break;
    case LEDGER_FENCED:
        out->outcome = START_FENCED;
        out->retry_after_ms = reserved.fence_until_ms - reserve->now_ms;
        control_say(out->detail,
                    "a stop of this model was sent whose fate is unknown, and could still stop "
                    "a new start: starts wait until it can't arrive any more");
        break;
    case LEDGER_FROZEN:
        start_outcome_frozen(&reserved.freeze, out);
        break;
    case LEDGER_REFUSED:
        out->outcome = START_QUOTA;
        break;
    }
}

/* Somebody else's call of this model is under way and did not end in time. */
static void answer_busy(struct control *control, const struct start_request *request,
                        const char *version, struct start_result *out)
{
    struct reservation row;
    struct error err = {0};
    if (control_is_closing(control)) {
        out->outcome = START_UNAVAILABLE;
        control_say(out->detail, "the gateway is shutting down; nothing was started");
        return;
    }
    if (ledger_find_live(control->ledger, request->project, version, &row, &err) == 0) {
        start_outcome_keep_row(control, request, &row, out);
        if (!start_outcome_is_what_was_asked(request, out)) {
            start_outcome_held(request, out);
            return;
        }
    }
    out->outcome = START_UNCERTAIN;
    control_say(out->detail, "another call for this model is still under way: repeat this one");
}

/* With the model's marker, or on a dry run; what others did while it was waited for counts. */
static void decide_and_send(const struct start_call *call, const char *version,
                            struct ledger_reserve *reserve, struct start_result *out)
{
    struct control *control = call->control;
    const struct start_request *request = call->request;
    const struct control_settings *settings = &call->settings;
    struct decision decision;
    struct gated_decision gated = {.gate = &call->gate, .decision = &decision};
    struct policy_snapshot *snapshot = begin_decision(control, settings, request, &decision, out);
    struct reservation *row = &reserve->row;
    if (start_row_make(control, settings, request, version, decision.request.lease_ms, row) == 0) {
        decision.request.now_ms = decision.request.from_ms = row->created_ms;
        decision.request.until_ms = row->worst_end_ms;
        reserve->now_ms = row->created_ms;
        reserve->cause = start_cause(control, request, out);
        reserve->decide = decide_at_gate;
        /* cppcheck-suppress autoVariables ; asked within this call only */
        reserve->decide_context = &gated;
        reserve_and_send(call, reserve, out);
    } else {
        out->outcome = START_UNAVAILABLE;
        control_say(out->detail, "the gateway has no randomness for a client token");
    }
    policy_snapshot_release(&snapshot);
}

static void start(struct start_call *call, struct start_result *out)
{
    struct control *control = call->control;
    const struct start_request *request = call->request;
    char version[RESERVATION_VERSION_MAX + 1];
    struct ledger_reserve reserve = {
        .key = request->key,
        .quiet_ms = call->settings.quiet_ms,
        .dry_run = request->dry_run,
    };
    struct model_call marker;
    if (start_row_fingerprint(request, reserve.fingerprint) != 0) {
        out->outcome = START_UNAVAILABLE;
        control_say(out->detail, "the gateway can't hash the request");
        return;
    }
    (void)snprintf(version, sizeof(version), "%s", request->version);
    /* A known key is answered in the ledger's step, but for one whose model is not known yet. */
    if (model_name_is_latest(request->version)) {
        if (answer_known_key(call, reserve.fingerprint, out))
            return;
        out->has_row = false;
        if (refused_for_ever(control, &call->settings, request, out))
            return;
        if (!resolve_latest(control, request, call->deadline_ms, version, out))
            return;
    }
    if (request->dry_run) {
        decide_and_send(call, version, &reserve, out);
        return;
    }
    if (model_calls_acquire(control->calls, request->project, version, call->deadline_ms,
                            &marker) != 0) {
        answer_busy(control, request, version, out);
        return;
    }
    start_gate_look_at_model(control, request->project, version, &call->gate);
    decide_and_send(call, version, &reserve, out);
    model_calls_release(control->calls, &marker);
    /* While this call waited, another with its key found that "latest" is a newer version. */
    if (out->outcome == START_REPLAYED && strcmp(out->row.version, version) != 0)
        (void)answer_known_key(call, reserve.fingerprint, out);
}

static void count_start(struct control *control, enum start_outcome outcome)
{
    struct control_metrics *metrics = &control->metrics;
    switch (outcome) {
    case START_ACCEPTED:
        metric_add(metrics->starts_accepted, 1);
        break;
    case START_PRESENT:
    case START_REPLAYED:
        metric_add(metrics->starts_present, 1);
        break;
    case START_QUOTA:
        metric_add(metrics->starts_refused_quota, 1);
        break;
    case START_REFUSED:
        metric_add(metrics->starts_refused_upstream, 1);
        break;
    case START_NOT_SENT:
        metric_add(metrics->starts_not_sent, 1);
        break;
    case START_UNCERTAIN:
        metric_add(metrics->starts_uncertain, 1);
        break;
    case START_HELD:
    case START_FENCED:
    case START_FROZEN:
    case START_KEY_REUSED:
    case START_UNKNOWN_MODEL:
    case START_UNAVAILABLE:
        metric_add(metrics->starts_other, 1);
        break;
    }
}

void admission_start(struct control *control, const struct start_request *request,
                     int64_t deadline_ms, struct start_result *out)
{
    struct start_call call = {.control = control, .request = request, .deadline_ms = deadline_ms};
    memset(out, 0, sizeof(*out));
    control_get_settings(control, &call.settings);
    start_gate_look(control, request, deadline_ms, &call.gate);
    start(&call, out);
    if (!request->dry_run)
        count_start(control, out->outcome);
}
