/* A stop request: written down first, then sent, then left to the reconciler until it is observed.
 */
#include "gateway/control/admission.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/held.h"
#include "gateway/control/model_change.h"
#include "gateway/control/rules.h"

#include <string.h>

static void apply_stop_request(const void *context, int64_t now_ms, struct reservation *row)
{
    (void)context;
    switch (row->state) {
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
    case RESERVATION_ACTIVE:
        rules_begin_stop(RESERVATION_END_STOPPED, now_ms, row);
        break;
    case RESERVATION_STOPPING: /* asked again: nothing to add */
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        break;
    }
}

/* What can't be written down now is done all the same, and kept in memory until it can be. */
static bool keep_unrecorded(struct control *control, int result, struct reservation *row)
{
    if (!model_change_is_unwritable(result))
        return false;
    apply_stop_request(NULL, control_now_ms(control), row);
    return row->state == RESERVATION_STOPPING && unrecorded_keep(control->unrecorded, row);
}

/* STOPPING is committed, or kept in memory where it can't be. False when `out` has the answer. */
static bool begin_stop(struct control *control, const struct ledger_cause *cause,
                       struct stop_result *out)
{
    struct error err = {0};
    /* Not where it is STOPPING: a write would only make an observation under way be lost. */
    if (out->row.state == RESERVATION_STOPPING)
        return true;
    int result = model_change_write(control, cause, apply_stop_request, NULL, &out->row, &err);
    CRASH_POINT(STOP_WRITTEN);
    if (result == 0)
        return out->row.state == RESERVATION_STOPPING; /* else it ended by itself */
    LOG(LOG_ERROR, "stop.ledger_failed", log_str("reservation", out->row.id),
        log_str("message", err.message));
    if (keep_unrecorded(control, result, &out->row))
        return true;
    out->outcome = result == ERROR_UNCERTAIN ? STOP_UNCERTAIN : STOP_UNAVAILABLE;
    control_say(out->detail, "the stop could not be written down: repeat it");
    return false;
}

/* With the model's marker. */
static void send_first_stop(struct control *control, const struct change_budget *budget,
                            struct stop_result *out)
{
    struct error err = {0};
    if (!unrecorded_find(control->unrecorded, out->row.id, &out->row) &&
        ledger_get(control->ledger, out->row.id, &out->row, &err) != 0)
        return;
    if (out->row.state != RESERVATION_STOPPING)
        return;
    out->confirmed = out->row.stop_accepted_ms != 0;
    /* The first call is the request's, each further one the reconciler's: a caller who repeats
     * himself would begin the wait for two observations anew each time. */
    if (out->row.stop_sent_ms == 0 && !atomic_load(&control->wrong_account))
        out->confirmed = model_change_stop(control, budget, &out->row);
}

/* What a caller is told of a stop that only this process remembers. */
static void answer_unrecorded(struct stop_result *out)
{
    out->unrecorded = true;
    /* A start of unknown fate may be sent again by who comes after us and knows of no stop. */
    bool runs = out->row.accepted_ms != 0 || out->row.seen_running_ms != 0;
    if (out->confirmed && runs) {
        control_say(out->detail, "AWS accepted the stop; the ledger can't record it now, and it is "
                                 "written down as soon as it can be");
        return;
    }
    out->outcome =
        out->confirmed || out->row.stop_doubt_ms != 0 ? STOP_UNCERTAIN : STOP_UNAVAILABLE;
    control_say(out->detail, "the ledger can't record the stop now: it is sent all the same, and "
                             "repeated while this gateway lives; repeat it, too");
}

static void stop_held(struct control *control, const struct stop_request *request,
                      int64_t deadline_ms, struct stop_result *out)
{
    struct control_settings settings;
    struct model_call call;
    struct reservation kept;
    struct ledger_cause cause = control_cause(control, "stop");
    cause.actor = request->subject;
    cause.request_id = request->request_id;
    control_get_settings(control, &settings);
    out->outcome = STOP_ACCEPTED;
    if (!begin_stop(control, &cause, out))
        return;
    if (model_calls_acquire(control->calls, out->row.project, out->row.version, deadline_ms,
                            &call) == 0) {
        struct change_budget budget = model_change_request_budget(&settings, deadline_ms, &cause);
        send_first_stop(control, &budget, out);
        model_calls_release(control->calls, &call);
    }
    if (!out->confirmed && out->row.state == RESERVATION_STOPPING) {
        control_nudge(control);
        control_say(out->detail,
                    "AWS has not confirmed the stop yet; it is repeated until the model is seen "
                    "stopped");
    }
    if (unrecorded_find(control->unrecorded, out->row.id, &kept))
        answer_unrecorded(out);
}

void admission_stop(struct control *control, const struct stop_request *request,
                    int64_t deadline_ms, struct stop_result *out)
{
    struct error err = {0};
    memset(out, 0, sizeof(*out));
    int result =
        held_find(control, request->team, request->project, request->version, &out->row, &err);
    if (result == 0) {
        LOG(LOG_INFO, "stop.asked", log_str("reservation", out->row.id),
            log_str("subject", request->subject), log_str("team", request->team));
        stop_held(control, request, deadline_ms, out);
    } else if (result == ERROR_NOT_FOUND) {
        out->outcome = STOP_NOT_HELD;
        control_say(out->detail, "no running reservation of model %s/%s is yours to stop",
                    request->project, request->version);
    } else {
        out->outcome = STOP_UNAVAILABLE;
        if (control_note_unreadable(control, &err))
            LOG(LOG_ERROR, "stop.ledger_not_read", log_str("message", err.message));
        control_say(out->detail, "the ledger can't be read now: repeat");
    }
    metric_add(out->outcome == STOP_ACCEPTED ? control->metrics.stops_accepted
                                             : control->metrics.stops_other,
               1);
}
