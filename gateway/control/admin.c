/* Freezes, rows settled by hand, drift given to a team. */
#include "gateway/control/admin.h"

#include "gateway/base/log.h"
#include "gateway/control/admin_rules.h"
#include "gateway/control/context.h"
#include "gateway/control/drift_limits.h"
#include "gateway/control/drift_rules.h"
#include "gateway/control/model_change.h"
#include "gateway/control/model_name.h"
#include "gateway/control/model_status.h"

#include <stdio.h>
#include <string.h>

#define WRITE_TRIES 5 /* observations change rows, too */
#define MINUTE_MS   ((int64_t)60 * 1000)

static struct ledger_cause cause_of(struct control *control, const struct admin_act *act)
{
    struct ledger_cause cause = control_cause(control, act->reason);
    cause.actor = act->subject;
    cause.request_id = act->request_id;
    return cause;
}

static enum admin_outcome outcome_of(int result, char detail[RESERVATION_MESSAGE_MAX])
{
    if (result == 0)
        return ADMIN_DONE;
    if (result == ERROR_UNCERTAIN) {
        control_say(detail, "it may or may not have been written down: look, and repeat");
        return ADMIN_UNCERTAIN;
    }
    if (result == ERROR_CONFLICT) {
        control_say(detail, "it was changed at the same time: look, and repeat");
        return ADMIN_CONFLICT;
    }
    control_say(detail, "the ledger can't be written: nothing was done, repeat later");
    return ADMIN_UNAVAILABLE;
}

/* The policy's digest, for the journal; `*team_known` says whether it has the team. */
static void read_policy(struct control *control, const char *team, char digest[65],
                        bool *team_known)
{
    struct policy_snapshot *snapshot = policy_store_acquire(control->policies);
    (void)snprintf(digest, 65, "%s", policy_snapshot_digest(snapshot));
    *team_known = policy_find_team(policy_snapshot_policy(snapshot), team) != NULL;
    policy_snapshot_release(&snapshot);
}

/* --- freezes ------------------------------------------------------------------------------- */

enum admin_outcome admin_freeze(struct control *control, const char *team, bool on,
                                const struct admin_act *act, char detail[RESERVATION_MESSAGE_MAX])
{
    struct ledger_cause cause = cause_of(control, act);
    struct ledger_freeze freeze = {.since_ms = cause.at_ms};
    struct error err = {0};
    char digest[65];
    bool team_known = false;
    read_policy(control, team, digest, &team_known);
    cause.policy = digest;
    if (on && team[0] != '\0' && !team_known) {
        control_say(detail, "the policy has no team %s: its starts are refused as it is", team);
        return ADMIN_INVALID;
    }
    (void)snprintf(freeze.team, sizeof(freeze.team), "%s", team);
    (void)snprintf(freeze.reason, sizeof(freeze.reason), "%s", act->reason);
    (void)snprintf(freeze.actor, sizeof(freeze.actor), "%s", act->subject);
    int result = ledger_set_freeze(control->ledger, &freeze, on, &cause, &err);
    if (result == ERROR_NOT_FOUND)
        return ADMIN_UNCHANGED;
    if (result == 0)
        LOG(LOG_WARNING, on ? "admin.frozen" : "admin.unfrozen",
            log_str("team", team[0] != '\0' ? team : NULL), log_str("subject", act->subject),
            log_str("reason", act->reason));
    return outcome_of(result, detail);
}

/* --- settling ------------------------------------------------------------------------------ */

/* Fills what was seen, and says what stands against it. NULL = nothing. */
static const char *find_doubt(struct control *control, const struct reservation *row,
                              int64_t deadline_ms, struct admin_settled *out)
{
    struct control_settings settings;
    struct upstream_answer answer;
    struct upstream_description description;
    control_get_settings(control, &settings);
    int64_t began_ms = control_now_ms(control);
    control_describe(control, row->project, row->version, PACING_CALLER, deadline_ms, &answer,
                     &description);
    struct observation observation = rules_observe(&answer, began_ms);
    if (observation.kind != OBSERVED_NOTHING) {
        out->seen_ms = began_ms;
        (void)snprintf(out->seen, sizeof(out->seen), "%s",
                       observation.kind == OBSERVED_ABSENT ? "ABSENT"
                                                           : model_status_name(observation.status));
    }
    switch (admin_rules_doubt(&settings, &observation, row)) {
    case ADMIN_NO_DOUBT:
        return NULL;
    case ADMIN_RUNS:
        return "the model runs and costs money: stop it, which always works";
    case ADMIN_MAY_START:
        return "the model was not seen running, but its start was sent a short while ago and may "
               "still take effect: wait for quiet_ms since then";
    case ADMIN_UNSEEN:
        return "AWS could not be asked now, and has not said within quiet_ms that the model does "
               "not run: it may run and cost money";
    }
    return NULL;
}

static int write_settled(struct control *control, const struct admin_settle *request,
                         struct reservation *row, struct error *err)
{
    struct ledger_cause cause = cause_of(control, &request->act);
    struct reservation changed = *row;
    struct control_settings settings;
    control_get_settings(control, &settings);
    admin_rules_close(request->ended_ms != 0 ? request->ended_ms : cause.at_ms, cause.at_ms,
                      &changed);
    rules_fence_lost_stop(&settings, control_stop_may_be_lost(control, row),
                          control_booted_ms(control), cause.at_ms, &changed);
    int result = ledger_update(control->ledger, &changed, &cause, err);
    if (result == 0)
        *row = changed;
    return result;
}

static void tell_settled(const struct admin_settle *request, const struct admin_settled *out)
{
    LOG(LOG_WARNING, "admin.settled", log_str("reservation", out->row.id),
        log_str("team", out->row.team), log_str("project", out->row.project),
        log_str("version", out->row.version), log_str("subject", request->act.subject),
        log_str("reason", request->act.reason), log_str("seen", out->seen),
        log_bool("frees_running", out->frees_running));
}

/* With the model's marker. False when the row was changed in the meantime: by an observation, since
 * nobody else can. */
static bool settle_marked(struct control *control, const struct admin_settle *request,
                          int64_t deadline_ms, struct admin_settled *out)
{
    struct error err = {0};
    if (out->row.state == RESERVATION_PENDING) {
        out->outcome = ADMIN_CONFLICT;
        control_say(out->detail,
                    "the outcome of its start is being written down: repeat in some seconds");
        return true;
    }
    /* A stop that is only in memory so far may be its fence. */
    struct ledger_cause cause = cause_of(control, &request->act);
    int result = model_change_record(control, &cause, &out->row, &err);
    if (result != 0) {
        out->outcome = outcome_of(result, out->detail);
        return true;
    }
    const char *doubt = find_doubt(control, &out->row, deadline_ms, out);
    if (doubt != NULL && !request->force) {
        out->outcome = ADMIN_NEEDS_FORCE;
        control_say(out->detail, "%s; \"Force\": true settles it all the same", doubt);
        return true;
    }
    result = write_settled(control, request, &out->row, &err);
    out->outcome = outcome_of(result, out->detail);
    if (result != 0)
        return result != ERROR_CONFLICT;
    out->frees_running = doubt != NULL;
    if (doubt != NULL)
        control_say(out->detail,
                    "settled although %s; what runs is counted again when the search for "
                    "drift finds it",
                    doubt);
    model_status_drop(control->statuses, out->row.project, out->row.version);
    tell_settled(request, out);
    return true;
}

/* Whether the row is one that can be settled so. */
static bool check_settle(struct control *control, const struct admin_settle *request,
                         struct admin_settled *out)
{
    int64_t now_ms = control_now_ms(control);
    if (!reservation_state_is_live(out->row.state)) {
        out->outcome = ADMIN_UNCHANGED;
        control_say(out->detail, "it has ended already");
        return false;
    }
    if (request->ended_ms != 0 &&
        (request->ended_ms < out->row.created_ms || request->ended_ms > now_ms)) {
        out->outcome = ADMIN_INVALID;
        control_say(out->detail, "EndedAt must lie between the reservation's beginning and now");
        return false;
    }
    return true;
}

static bool read_settle(struct control *control, const struct admin_settle *request,
                        struct admin_settled *out)
{
    struct error err = {0};
    int result = ledger_get(control->ledger, request->id, &out->row, &err);
    out->detail[0] = '\0';
    out->has_row = result == 0;
    if (result == 0)
        return check_settle(control, request, out);
    if (result == ERROR_NOT_FOUND) {
        out->outcome = ADMIN_NOT_FOUND;
        control_say(out->detail, "no reservation has this id");
    } else {
        out->outcome = ADMIN_UNAVAILABLE;
        control_say(out->detail, "the ledger could not be read: %s", err.message);
    }
    return false;
}

void admin_settle(struct control *control, const struct admin_settle *request, int64_t deadline_ms,
                  struct admin_settled *out)
{
    struct model_call call;
    memset(out, 0, sizeof(*out));
    if (!read_settle(control, request, out))
        return;
    if (model_calls_acquire(control->calls, out->row.project, out->row.version, deadline_ms,
                            &call) != 0) {
        out->outcome = ADMIN_CONFLICT;
        control_say(out->detail, "a start or stop of this model is on its way: repeat");
        return;
    }
    for (int i = 0; i < WRITE_TRIES; i++)
        if (!read_settle(control, request, out) ||
            settle_marked(control, request, deadline_ms, out))
            break;
    model_calls_release(control->calls, &call);
}

/* --- drift --------------------------------------------------------------------------------- */

void admin_drift_scans(const struct control *control, struct drift_scan_state *out)
{
    drift_get_scan_state(control->drift, out);
}

/* The row, where it is drift that runs and belongs to nobody. */
static bool find_drift(struct control *control, const struct admin_assign *request,
                       struct admin_assigned *out)
{
    struct error err = {0};
    int result =
        ledger_find_live(control->ledger, request->project, request->version, &out->row, &err);
    if (result == ERROR_NOT_FOUND) {
        out->outcome = ADMIN_NOT_FOUND;
        control_say(out->detail,
                    "nothing holds model %s/%s: either it does not run, or the "
                    "search for drift has not found it yet",
                    request->project, request->version);
        return false;
    }
    if (result != 0) {
        out->outcome = outcome_of(ERROR_RETRY, out->detail);
        return false;
    }
    if (!drift_is_unassigned(&out->row) || out->row.state != RESERVATION_ACTIVE) {
        out->outcome = ADMIN_CONFLICT;
        control_say(out->detail,
                    "model %s/%s is held by team %s (%s): only what runs and belongs "
                    "to nobody can be assigned",
                    request->project, request->version, out->row.team,
                    reservation_state_name(out->row.state));
        return false;
    }
    return true;
}

static int write_assigned(struct control *control, const struct admin_assign *request,
                          const char *digest, struct reservation *row, struct error *err)
{
    struct control_settings settings;
    struct ledger_cause cause = cause_of(control, &request->act);
    struct reservation changed = *row;
    control_get_settings(control, &settings);
    cause.policy = digest;
    (void)snprintf(changed.team, sizeof(changed.team), "%s", request->team);
    (void)snprintf(changed.subject, sizeof(changed.subject), "%s", request->act.subject);
    changed.lease_from_ms = cause.at_ms;
    changed.lease_end_ms = changed.lease_from_ms + request->lease_minutes * MINUTE_MS;
    changed.worst_end_ms = changed.lease_end_ms + settings.stop_allowance_ms;
    int result = ledger_update(control->ledger, &changed, &cause, err);
    if (result == 0)
        *row = changed;
    return result;
}

/* What the limits would say to it, as long as it is nobody's. */
static void judge_assigned(struct control *control, const struct admin_assign *request,
                           struct admin_assigned *out)
{
    struct policy_snapshot *snapshot = policy_store_acquire(control->policies);
    const struct policy *policy = policy_snapshot_policy(snapshot);
    const struct policy_team *team = policy_find_team(policy, request->team);
    struct error err = {0};
    out->project_allowed = team != NULL && policy_match_project(team, request->project) != NULL;
    out->has_decision =
        drift_limits_judge(control, policy, &out->row, request->team,
                           request->lease_minutes * MINUTE_MS, &out->decision, &err) == 0;
    if (!out->has_decision)
        control_say(out->detail, "assigned, but what it exceeds could not be told: %s",
                    err.message);
    policy_snapshot_release(&snapshot);
}

void admin_assign_drift(struct control *control, const struct admin_assign *request,
                        struct admin_assigned *out)
{
    struct error err = {0};
    char digest[65];
    bool team_known = false;
    memset(out, 0, sizeof(*out));
    read_policy(control, request->team, digest, &team_known);
    if (!team_known || model_name_is_latest(request->version)) {
        out->outcome = ADMIN_INVALID;
        control_say(out->detail, team_known ? "ModelVersion must be a number, not latest"
                                            : "the policy has no team of this name");
        return;
    }
    int result = ERROR_CONFLICT; /* with an observation: the row is read again */
    for (int i = 0; i < WRITE_TRIES && result == ERROR_CONFLICT; i++) {
        if (!find_drift(control, request, out))
            return;
        judge_assigned(control, request, out);
        result = write_assigned(control, request, digest, &out->row, &err);
    }
    out->outcome = outcome_of(result, out->detail);
    if (result != 0)
        return;
    LOG(LOG_WARNING, "admin.assigned", log_str("reservation", out->row.id),
        log_str("team", out->row.team), log_str("project", out->row.project),
        log_str("version", out->row.version), log_str("subject", request->act.subject),
        log_str("reason", request->act.reason));
}
