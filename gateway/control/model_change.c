/* Start and stop calls with their retries, and what they come to in the ledger. */
#include "gateway/control/model_change.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/crypto.h"
#include "gateway/base/log.h"
#include "gateway/control/model_status.h"
#include "gateway/control/rules.h"
#include "gateway/net/retry.h"

#include <string.h>

/* Reservation against reconciler: two race, so one more read is nearly always enough. */
#define WRITE_TRIES 5

struct change_budget model_change_request_budget(const struct control_settings *settings,
                                                 int64_t deadline_ms,
                                                 const struct ledger_cause *cause)
{
    return (struct change_budget){.deadline_ms = deadline_ms,
                                  .attempts = settings->attempts,
                                  .pacing = PACING_CALLER,
                                  .cause = *cause};
}

/* An accepted start needs no sync of its own: lost with the power, it is PENDING and is observed.
 */
static int write_row(struct control *control, enum reservation_state before,
                     struct reservation *changed, const struct ledger_cause *cause,
                     struct error *err)
{
    if (before == RESERVATION_PENDING && changed->state == RESERVATION_ACTIVE)
        return ledger_settle(control->ledger, changed, cause, err);
    return ledger_update(control->ledger, changed, cause, err);
}

int model_change_write(struct control *control, const struct ledger_cause *cause,
                       row_change_fn *change, const void *context, struct reservation *row,
                       struct error *err)
{
    struct ledger_cause now = *cause;
    int result = 0;
    for (int i = 0; i < WRITE_TRIES; i++) {
        struct reservation changed = *row;
        now.at_ms = control_now_ms(control);
        change(context, now.at_ms, &changed);
        result = write_row(control, row->state, &changed, &now, err);
        if (result == 0) {
            *row = changed;
            return 0;
        }
        if (result != ERROR_CONFLICT)
            return result;
        result = ledger_get(control->ledger, row->id, row, err);
        if (result != 0)
            return result;
    }
    return error_set(err, ERROR_CONFLICT, "reservation %s changed %d times under our hands",
                     row->id, WRITE_TRIES);
}

int model_change_write_row(struct control *control, const char *why, struct reservation *row)
{
    struct error err = {0};
    enum reservation_state state = row->state;
    struct ledger_cause cause = control_cause(control, why);
    int result = ledger_update(control->ledger, row, &cause, &err);
    CRASH_POINT(RECONCILER_WRITTEN);
    if (result == 0) {
        metric_add(control->metrics.reconciler_changes, 1);
        LOG(LOG_INFO, "reconciler.changed", log_str("reservation", row->id),
            log_str("team", row->team), log_str("project", row->project),
            log_str("version", row->version), log_str("state", reservation_state_name(state)),
            log_str("why", why), log_str("status", row->status),
            log_str("end", reservation_end_name(row->end)));
        return 0;
    }
    if (result == ERROR_CONFLICT)
        metric_add(control->metrics.reconciler_lost_races, 1);
    else
        LOG(LOG_ERROR, "reconciler.not_written", log_str("reservation", row->id),
            log_str("why", why), log_str("message", err.message));
    return result;
}

/* The budget's cause, of now and with what is done. */
static struct ledger_cause cause_of(struct control *control, const struct change_budget *budget,
                                    const char *why)
{
    struct ledger_cause cause = budget->cause;
    cause.at_ms = control_now_ms(control);
    cause.why = why;
    return cause;
}

/* A request leaves the rest to the reconciler, now; a pass of the reconciler goes on at its next.
 */
static void hand_over(struct control *control, const struct change_budget *budget)
{
    if (budget->pacing == PACING_CALLER)
        control_nudge(control);
}

static void log_write_failure(const char *event, const struct reservation *row,
                              const struct error *err)
{
    LOG(LOG_ERROR, event, log_str("reservation", row->id), log_str("message", err->message));
}

/* The request's own line tells of what went well. */
static enum log_level level_of(const struct upstream_answer *answer)
{
    return answer->fate == UPSTREAM_ACCEPTED ? LOG_DEBUG : LOG_WARNING;
}

/* Waits before the next attempt. False when there is none any more, or we are leaving. */
static bool wait_for_attempt(struct control *control, const struct change_budget *budget,
                             unsigned attempt, int64_t retry_after_ms)
{
    struct control_settings settings;
    control_get_settings(control, &settings);
    struct retry_schedule schedule = {
        .max_attempts = (unsigned)budget->attempts,
        .base_ms = settings.backoff_base_ms,
        .cap_ms = settings.backoff_cap_ms,
    };
    uint64_t random = 0;
    if (crypto_random(&random, sizeof(random)) != 0)
        return false;
    int64_t delay_ms = retry_delay_ms(&schedule, attempt, retry_after_ms, random);
    int64_t until_ms = clock_monotonic_ms(control->clock) + delay_ms;
    return delay_ms >= 0 && until_ms < budget->deadline_ms && control_sleep(control, until_ms);
}

/* --- start --------------------------------------------------------------------------------- */

bool model_change_may_resend(const struct control *control, const struct control_settings *settings,
                             const struct reservation *row)
{
    return rules_may_resend(settings, control_now_ms(control), row) &&
           !control_stop_may_be_lost(control, row);
}

/*
 * Before a start is sent again: the time of this send, durable. False when a stop was committed in
 * the meantime (rule 2), an administrator has frozen starts since, or the ledger can't say.
 */
static bool announce_resend(struct control *control, const struct change_budget *budget,
                            struct reservation *row)
{
    struct error err = {0};
    struct reservation changed = *row;
    struct ledger_cause cause = cause_of(control, budget, "start sent again");
    struct reservation stopped;
    struct ledger_freeze freeze;
    if (unrecorded_find(control->unrecorded, row->id, &stopped))
        return false;
    if (ledger_find_freeze(control->ledger, row->team, &freeze, &err) != ERROR_NOT_FOUND)
        return false;
    changed.last_send_ms = cause.at_ms;
    int result = ledger_update(control->ledger, &changed, &cause, &err);
    CRASH_POINT(START_ANNOUNCED);
    if (result == 0) {
        *row = changed;
        return true;
    }
    if (result != ERROR_CONFLICT)
        log_write_failure("start.not_announced", row, &err);
    return false;
}

struct wanted_start {
    struct control *control;
    const struct reservation *row;
};

/* Rule 2: not after a stop was asked for, also where that happened while this waited for its turn.
 */
static bool is_still_wanted(void *context)
{
    const struct wanted_start *start = context;
    struct reservation now;
    struct error err = {0};
    if (unrecorded_find(start->control->unrecorded, start->row->id, &now))
        return false;
    return ledger_get(start->control->ledger, start->row->id, &now, &err) != 0 ||
           now.row_version == start->row->row_version;
}

static void send_start(struct control *control, const struct change_budget *budget,
                       const struct reservation *row, struct upstream_answer *answer)
{
    struct wanted_start wanted = {.control = control, .row = row};
    struct upstream_call call = {
        .model = {.project = row->project, .version = row->version},
        .still_wanted = is_still_wanted,
        .context = &wanted,
        .client_token = row->client_token,
        .body = row->body,
        .body_len = row->body_len,
        .pacing = budget->pacing,
        .deadline_ms = budget->deadline_ms,
    };
    CRASH_POINT(START_SEND_BEFORE);
    control->upstream->ops->start(control->upstream->self, &call, answer);
    CRASH_POINT(START_ANSWERED);
    control_heard(control, control->metrics.sends_start, answer);
    LOG(level_of(answer), "upstream.start", log_str("reservation", row->id),
        log_str("project", row->project), log_str("version", row->version),
        log_str("fate", upstream_fate_name(answer->fate)), log_int("sends", answer->sends),
        log_int("status", answer->http_status), log_str("error_type", answer->error_type),
        log_str("aws_request_id", answer->request_id), log_str("message", answer->message));
}

struct start_outcome_context {
    struct start_fate fate;
    struct upstream_answer answer;
};

static void apply_start_outcome(const void *context, int64_t now_ms, struct reservation *row)
{
    const struct start_outcome_context *outcome = context;
    rules_settle_start(&outcome->fate, &outcome->answer, now_ms, row);
}

struct observation_context {
    struct control_settings settings;
    struct observation observation;
};

static void apply_observation(const void *context, int64_t now_ms, struct reservation *row)
{
    const struct observation_context *seen = context;
    (void)rules_apply(&seen->settings, &seen->observation, now_ms, row);
}

/* After doubt, one look: seen running is the truth; everything else leaves the doubt as it is. */
static void look_for_truth(struct control *control, const struct change_budget *budget,
                           struct reservation *row)
{
    struct upstream_answer answer;
    struct upstream_description description;
    struct error err = {0};
    if (clock_monotonic_ms(control->clock) >= budget->deadline_ms)
        return;
    int64_t began_ms = control_now_ms(control);
    control_describe(control, row->project, row->version, budget->pacing, budget->deadline_ms,
                     &answer, &description);
    struct observation_context seen = {.observation = rules_observe(&answer, began_ms)};
    struct ledger_cause cause = cause_of(control, budget, "observed after doubt");
    control_get_settings(control, &seen.settings);
    if (seen.observation.kind == OBSERVED_RUNNING &&
        model_change_write(control, &cause, apply_observation, &seen, row, &err) != 0)
        log_write_failure("start.observation_not_written", row, &err);
}

bool model_change_start(struct control *control, const struct change_budget *budget,
                        struct reservation *row, struct upstream_answer *last)
{
    struct start_outcome_context outcome = {
        .fate = {.doubt = row->state != RESERVATION_PENDING},
        .answer = {.fate = UPSTREAM_NOT_SENT},
    };
    struct error err = {0};
    bool was_sent = false;
    for (unsigned attempt = 1;; attempt++) {
        if ((attempt > 1 || outcome.fate.doubt) && !announce_resend(control, budget, row))
            break;
        if (!was_sent)
            model_calls_begin(control->calls, row->project, row->version);
        was_sent = true;
        send_start(control, budget, row, &outcome.answer);
        if (rules_add_answer(&outcome.fate, &outcome.answer))
            break;
        if (!wait_for_attempt(control, budget, attempt + 1, outcome.answer.retry_after_ms))
            break;
    }
    model_status_drop(control->statuses, row->project, row->version);
    *last = outcome.answer;
    if (!was_sent) /* called off before it began: nothing is new */
        return true;
    struct ledger_cause cause = cause_of(control, budget, "start answered");
    if (model_change_write(control, &cause, apply_start_outcome, &outcome, row, &err) != 0) {
        log_write_failure("start.outcome_not_written", row, &err);
        hand_over(control, budget);
        return false;
    }
    CRASH_POINT(START_SETTLED);
    if (row->state == RESERVATION_UNCERTAIN) {
        look_for_truth(control, budget, row);
        hand_over(control, budget);
    }
    return true;
}

/* --- stop ---------------------------------------------------------------------------------- */

static void apply_unrecorded(const void *context, int64_t now_ms, struct reservation *row)
{
    (void)now_ms;
    rules_record_stop(context, row);
}

int model_change_record(struct control *control, const struct ledger_cause *cause,
                        struct reservation *row, struct error *err)
{
    struct reservation kept, written;
    if (!unrecorded_find(control->unrecorded, row->id, &kept))
        return 0;
    int result = ledger_get(control->ledger, kept.id, &written, err);
    if (result == 0)
        result = model_change_write(control, cause, apply_unrecorded, &kept, &written, err);
    if (result == 0 || result == ERROR_NOT_FOUND)
        unrecorded_drop(control->unrecorded, kept.id);
    if (result == 0) {
        *row = written;
        LOG(LOG_INFO, "stop.recorded", log_str("reservation", row->id),
            log_str("state", reservation_state_name(row->state)));
    }
    return result;
}

bool model_change_is_unwritable(int result)
{
    return result == ERROR_RETRY || result == ERROR_UNCERTAIN || result == ERROR_IO ||
           result == ERROR_NOMEM;
}

/*
 * Before a stop is sent: its token and the doubt that begins now, durable (rules 5 and 6); where
 * the ledger can't take it, in memory. False when somebody was first, or nothing can be kept.
 */
static bool announce_stop(struct control *control, const struct change_budget *budget,
                          struct reservation *row)
{
    struct control_settings settings;
    struct error err = {0};
    struct reservation changed = *row;
    struct ledger_cause cause = cause_of(control, budget, "stop sent");
    control_get_settings(control, &settings);
    if (rules_stop_needs_token(&settings, cause.at_ms, row)) {
        if (crypto_uuid4(changed.stop_token) != 0)
            return false;
        changed.stop_accepted_ms = 0;
    }
    changed.stop_doubt_ms = cause.at_ms;
    int result = ledger_update(control->ledger, &changed, &cause, &err);
    CRASH_POINT(STOP_ANNOUNCED);
    if (result == ERROR_CONFLICT)
        return false;
    if (result != 0) {
        log_write_failure("stop.not_announced", row, &err);
        if (!model_change_is_unwritable(result) || !unrecorded_keep(control->unrecorded, &changed))
            return false;
    }
    *row = changed;
    return true;
}

static void send_stop(struct control *control, const struct change_budget *budget,
                      const struct reservation *row, struct upstream_answer *answer)
{
    struct upstream_call call = {
        .model = {.project = row->project, .version = row->version},
        .client_token = row->stop_token,
        .pacing = budget->pacing,
        .deadline_ms = budget->deadline_ms,
    };
    control->upstream->ops->stop(control->upstream->self, &call, answer);
    CRASH_POINT(STOP_ANSWERED);
    control_heard(control, control->metrics.sends_stop, answer);
    LOG(level_of(answer), "upstream.stop", log_str("reservation", row->id),
        log_str("project", row->project), log_str("version", row->version),
        log_str("fate", upstream_fate_name(answer->fate)), log_int("sends", answer->sends),
        log_int("status", answer->http_status), log_str("error_type", answer->error_type),
        log_str("aws_request_id", answer->request_id), log_str("message", answer->message));
}

struct stop_outcome_context {
    struct upstream_answer answer;
    int64_t earlier_doubt_ms;
};

static void apply_stop_outcome(const void *context, int64_t now_ms, struct reservation *row)
{
    const struct stop_outcome_context *outcome = context;
    if (row->state == RESERVATION_STOPPING)
        rules_settle_stop(&outcome->answer, outcome->earlier_doubt_ms, now_ms, row);
}

/* What the stop came to: in the ledger, or in memory where that can't take it. */
static void settle_stop(struct control *control, const struct change_budget *budget,
                        const struct stop_outcome_context *outcome, struct reservation *row)
{
    struct error err = {0};
    struct reservation kept;
    struct ledger_cause cause = cause_of(control, budget, "stop answered");
    if (!unrecorded_find(control->unrecorded, row->id, &kept)) {
        int result = model_change_write(control, &cause, apply_stop_outcome, outcome, row, &err);
        CRASH_POINT(STOP_SETTLED);
        if (result == 0)
            return;
        log_write_failure("stop.outcome_not_written", row, &err);
        if (!model_change_is_unwritable(result))
            return;
    }
    apply_stop_outcome(outcome, cause.at_ms, row);
    (void)unrecorded_keep(control->unrecorded, row); /* else the doubt that was announced stays */
}

/* A round ends with AWS's yes or no; silence, throttling and broken connections are repeated. */
static bool ends_round(const struct upstream_answer *answer)
{
    return answer->fate == UPSTREAM_ACCEPTED || answer->http_status == 409 ||
           (answer->fate == UPSTREAM_REFUSED && !answer->our_fault);
}

bool model_change_stop(struct control *control, const struct change_budget *budget,
                       struct reservation *row)
{
    struct error err = {0};
    bool accepted = false;
    model_calls_begin(control->calls, row->project, row->version);
    if (model_change_record(control, &budget->cause, row, &err) != 0)
        log_write_failure("stop.still_not_recorded", row, &err);
    for (unsigned attempt = 1; row->state == RESERVATION_STOPPING; attempt++) {
        struct stop_outcome_context outcome = {.earlier_doubt_ms = row->stop_doubt_ms};
        if (!announce_stop(control, budget, row))
            break;
        send_stop(control, budget, row, &outcome.answer);
        accepted = outcome.answer.fate == UPSTREAM_ACCEPTED;
        settle_stop(control, budget, &outcome, row);
        if (ends_round(&outcome.answer) ||
            !wait_for_attempt(control, budget, attempt + 1, outcome.answer.retry_after_ms))
            break;
    }
    model_status_drop(control->statuses, row->project, row->version);
    hand_over(control, budget);
    return accepted;
}
