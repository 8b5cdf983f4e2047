/* What a start comes to, in words. */
#include "gateway/control/start_outcome.h"

#include "gateway/base/log.h"
#include "gateway/control/drift_rules.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS ((int64_t)60 * 1000)

void start_outcome_keep_row(struct control *control, const struct start_request *request,
                            const struct reservation *row, struct start_result *out)
{
    out->has_row = true;
    out->row = *row;
    (void)unrecorded_find(control->unrecorded, row->id, &out->row); /* it is being stopped */
    out->row_is_own = strcmp(row->team, request->team) == 0;
}

static void keep_refusal(struct start_result *out)
{
    out->upstream_status = out->row.refusal_status;
    (void)snprintf(out->upstream_type, sizeof(out->upstream_type), "%s", out->row.refusal_type);
    (void)snprintf(out->upstream_message, sizeof(out->upstream_message), "%s",
                   out->row.refusal_message);
}

/* After a start was sent: what its row and AWS's last answer come to for the caller. */
void start_outcome_of_send(bool settled, const struct upstream_answer *last,
                           struct start_result *out)
{
    switch (out->row.state) {
    case RESERVATION_ACTIVE:
        out->outcome = START_ACCEPTED;
        return;
    case RESERVATION_STOPPING:
    case RESERVATION_CLOSED:
        out->outcome = START_PRESENT;
        control_say(out->detail, "the model was stopped while it was being started");
        return;
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
        out->outcome = START_UNCERTAIN;
        if (!settled && last->fate == UPSTREAM_ACCEPTED) {
            /* Started for certain; the ledger still holds the units and will hear of it. */
            out->outcome = START_ACCEPTED;
            (void)snprintf(out->row.status, sizeof(out->row.status), "%s",
                           model_status_name(last->status));
            return;
        }
        control_say(out->detail,
                    "AWS's answer did not arrive: the model may still start, and its units stay "
                    "reserved until that is known. Repeat with the same key, or look at the "
                    "reservation.");
        return;
    case RESERVATION_VOID:
        break;
    }
    out->retry_after_ms = last->retry_after_ms;
    if (out->row.end == RESERVATION_END_REFUSED) {
        out->outcome = START_REFUSED;
        keep_refusal(out);
        control_say(out->detail, "AWS refused the start: %s", out->row.refusal_message);
        return;
    }
    out->outcome = START_NOT_SENT;
    if (out->row.end == RESERVATION_END_THROTTLED)
        control_say(out->detail,
                    "AWS throttled every attempt; nothing was started and nothing is held");
    else if (out->row.end == RESERVATION_END_OUR_FAULT)
        control_say(out->detail,
                    "AWS does not accept the gateway's credentials (%s); nothing was started",
                    out->row.refusal_type);
    else
        control_say(out->detail, "nothing was sent to AWS and nothing is held: %s", last->message);
}

void start_outcome_of_ledger(int result, const struct error *err, struct start_result *out)
{
    out->outcome = result == ERROR_UNCERTAIN ? START_UNCERTAIN : START_UNAVAILABLE;
    if (result == ERROR_UNCERTAIN)
        control_say(out->detail,
                    "the ledger did not confirm the reservation: the model may still start; "
                    "repeat with the same key");
    else
        control_say(out->detail,
                    "the ledger can't record a start now, and nothing is started without a "
                    "record; repeat later");
    LOG(LOG_ERROR, "start.ledger_failed", log_str("class", error_code_name(err->code)),
        log_str("message", err->message));
}

/* Rule 12. */
static void answer_drift(struct start_result *out)
{
    char since[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(out->row.created_ms, since);
    control_say(
        out->detail,
        "model %s/%s runs although nobody started it here (drift, seen since %s, %s): ask an "
        "administrator of the gateway to assign it to your team, or to stop it",
        out->row.project, out->row.version, since,
        out->row.state == RESERVATION_STOPPING ? "being stopped" : "not being stopped");
}

void start_outcome_held(const struct start_request *request, struct start_result *out)
{
    out->outcome = START_HELD;
    if (drift_is_unassigned(&out->row)) {
        out->has_row = false;
        answer_drift(out);
        return;
    }
    if (!out->row_is_own) {
        out->has_row = false;
        control_say(out->detail, "model %s/%s is held by another team's reservation",
                    request->project, out->row.version);
        return;
    }
    if (out->row.state == RESERVATION_STOPPING) {
        control_say(out->detail,
                    "model %s/%s is being stopped: start it again when its reservation is closed",
                    out->row.project, out->row.version);
        return;
    }
    control_say(out->detail,
                "your team holds model %s/%s with MinInferenceUnits %lld and MaxInferenceUnits "
                "%lld: stop it first to run it with other units",
                out->row.project, out->row.version, (long long)out->row.min_units,
                (long long)out->row.max_units);
}

void start_outcome_frozen(const struct ledger_freeze *freeze, struct start_result *out)
{
    char since[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(freeze->since_ms, since);
    out->outcome = START_FROZEN;
    out->freeze = *freeze;
    control_say(out->detail, "the starts of %s%s are frozen since %s by %s: %s",
                freeze->team[0] != '\0' ? "team " : "all teams", freeze->team, since, freeze->actor,
                freeze->reason);
}

/* Whether a start of the caller's own model asks for what is there already. */
bool start_outcome_is_what_was_asked(const struct start_request *request,
                                     const struct start_result *out)
{
    return out->row_is_own && out->row.state != RESERVATION_STOPPING &&
           out->row.min_units == request->min_units && out->row.max_units == request->max_units;
}

/* The lease of what runs is not changed by starting it again. */
void start_outcome_mention_lease(const struct start_request *request, struct start_result *out)
{
    char end[CLOCK_RFC3339_SIZE];
    int64_t lease_ms = out->row.lease_end_ms - out->row.lease_from_ms;
    if (out->outcome != START_PRESENT || request->lease_minutes == 0 ||
        request->lease_minutes * MINUTE_MS == lease_ms || out->detail[0] != '\0')
        return;
    clock_format_rfc3339(out->row.lease_end_ms, end);
    control_say(out->detail,
                "your team holds model %s/%s already, and its lease still ends at %s: change the "
                "lease itself to have it end at another time",
                out->row.project, out->row.version, end);
}
