/* A lease that is to end earlier or later. */
#include "gateway/control/admission.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/decision.h"
#include "gateway/control/held.h"
#include "gateway/control/rules.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_MS ((int64_t)60 * 1000)
/* Reads anew where the reconciler or another request was first. */
#define CHANGE_TRIES 5

static void say_end(const char *what, struct lease_result *out)
{
    char end[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(out->row.lease_end_ms, end);
    control_say(out->detail, "the lease of %s/%s %s %s", out->row.project, out->row.version, what,
                end);
}

static void answer_error(int result, const struct error *err, struct lease_result *out)
{
    switch (result) {
    case ERROR_REFUSED:
        out->outcome = LEASE_NOT_ACTIVE;
        control_say(out->detail, "%s", err->message);
        return;
    case ERROR_UNCERTAIN:
        out->outcome = LEASE_UNCERTAIN;
        control_say(out->detail, "the ledger did not confirm the change of the lease: repeat");
        break;
    default:
        out->outcome = LEASE_UNAVAILABLE;
        control_say(out->detail, "the ledger can't record a change of the lease now: repeat");
    }
    LOG(LOG_ERROR, "lease.ledger_failed", log_str("reservation", out->row.id),
        log_str("message", err->message));
}

/* Rule 5, and the words for each state that forbids it. False where the change may be made. */
static bool refuse_state(const struct lease_change *change, struct lease_result *out)
{
    switch (out->row.state) {
    case RESERVATION_ACTIVE:
        if (strcmp(out->row.team, RESERVATION_TEAM_UNASSIGNED) != 0)
            return false;
        control_say(out->detail,
                    "nobody started model %s/%s here: it has no lease before it is "
                    "assigned to a team",
                    out->row.project, out->row.version);
        break;
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
        if (!change->extends)
            return false;
        control_say(out->detail,
                    "it is not known yet whether model %s/%s runs: its lease can be "
                    "extended when it is",
                    out->row.project, out->row.version);
        break;
    case RESERVATION_STOPPING:
        control_say(out->detail, "model %s/%s is being stopped, which can't be called back",
                    out->row.project, out->row.version);
        break;
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        control_say(out->detail, "the reservation of model %s/%s has ended", out->row.project,
                    out->row.version);
        break;
    }
    out->outcome = LEASE_NOT_ACTIVE;
    return true;
}

static void begin_decision(const struct policy_snapshot *snapshot,
                           const struct lease_change *change, bool dry_run,
                           const struct reservation *row, struct decision *decision)
{
    *decision = (struct decision){.policy = policy_snapshot_policy(snapshot)};
    decision->request = (struct quota_request){
        .team = row->team,
        .project = row->project,
        .units = row->units,
        .extension = true,
        .look_ahead = dry_run,
        .now_ms = change->now_ms,
        .lease_ms = change->lease_end_ms - row->lease_from_ms,
        .from_ms = change->reserve_from_ms,
        .until_ms = change->worst_end_ms,
    };
}

static void keep_decision(struct control *control, struct decision *decision,
                          struct lease_result *out)
{
    out->has_decision = decision->made;
    if (!decision->made)
        return;
    out->retry_after_ms = decision_tell(control, decision, out->detail, sizeof(out->detail));
    out->decision = decision->answer;
}

/* With the row as it was read. ERROR_CONFLICT: read it again. */
static int try_change(struct control *control, const struct control_settings *settings,
                      const struct lease_request *request, const struct policy_snapshot *snapshot,
                      struct lease_result *out, struct error *err)
{
    struct decision decision;
    bool admitted = false;
    const struct lease_change change = rules_change_lease(
        settings, request->lease_minutes * MINUTE_MS, control_now_ms(control), &out->row);
    if (refuse_state(&change, out))
        return 0;
    if (!change.changes) {
        out->outcome = LEASE_UNCHANGED;
        say_end("ends already at", out);
        return 0;
    }
    begin_decision(snapshot, &change, request->dry_run, &out->row, &decision);
    struct ledger_lease lease = {
        .row_version = out->row.row_version,
        .lease_end_ms = change.lease_end_ms,
        .worst_end_ms = change.worst_end_ms,
        .now_ms = change.now_ms,
        .dry_run = request->dry_run,
        .decide = decision_make,
        .decide_context = &decision,
        .cause = {.at_ms = change.now_ms,
                  .actor = request->subject,
                  .request_id = request->request_id,
                  .policy = out->policy_digest,
                  .why = change.extends ? "lease extended" : "lease shortened"},
    };
    struct reservation changed;
    lease.id = out->row.id;
    int result = ledger_change_lease(control->ledger, &lease, &admitted, &changed, err);
    CRASH_POINT(LEASE_WRITTEN);
    if (result != 0)
        return result;
    if (admitted)
        out->row = changed;
    out->outcome = admitted ? LEASE_CHANGED : LEASE_QUOTA;
    keep_decision(control, &decision, out);
    if (admitted)
        say_end(request->dry_run ? "would end at" : "ends at", out);
    return 0;
}

static void change_held(struct control *control, const struct lease_request *request,
                        const struct policy_snapshot *snapshot, struct lease_result *out)
{
    struct control_settings settings;
    struct error err = {0};
    control_get_settings(control, &settings);
    int result = try_change(control, &settings, request, snapshot, out, &err);
    for (int i = 1; result == ERROR_CONFLICT && i < CHANGE_TRIES; i++) {
        result = ledger_get(control->ledger, out->row.id, &out->row, &err);
        if (result == 0)
            result = try_change(control, &settings, request, snapshot, out, &err);
    }
    if (result != 0) {
        answer_error(result, &err, out);
        return;
    }
    if (out->outcome != LEASE_CHANGED || request->dry_run)
        return;
    metric_add(control->metrics.leases_changed, 1);
    LOG(LOG_INFO, "lease.changed", log_str("reservation", out->row.id),
        log_str("team", out->row.team), log_str("subject", request->subject),
        log_int("lease_end_ms", out->row.lease_end_ms));
    if (out->row.lease_end_ms <= control_now_ms(control))
        control_nudge(control); /* it ends now */
}

void admission_lease(struct control *control, const struct lease_request *request,
                     struct lease_result *out)
{
    struct error err = {0};
    memset(out, 0, sizeof(*out));
    struct policy_snapshot *snapshot = policy_store_acquire(control->policies);
    (void)snprintf(out->policy_digest, sizeof(out->policy_digest), "%s",
                   policy_snapshot_digest(snapshot));
    int result =
        held_find(control, request->team, request->project, request->version, &out->row, &err);
    out->has_row = result == 0;
    if (result == 0) {
        change_held(control, request, snapshot, out);
    } else if (result == ERROR_NOT_FOUND) {
        out->outcome = LEASE_NOT_HELD;
        control_say(out->detail, "no live reservation of model %s/%s is yours", request->project,
                    request->version);
    } else {
        out->outcome = LEASE_UNAVAILABLE;
        control_say(out->detail, "the ledger can't be read now: repeat");
    }
    policy_snapshot_release(&snapshot);
}
