/* Passes over the live rows: recover, end leases, observe, stop, send again, forget. */
#include "gateway/control/reconciler.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/drift.h"
#include "gateway/control/lease_tell.h"
#include "gateway/control/model_change.h"
#include "gateway/control/model_status.h"
#include "gateway/control/rules.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 32 /* rows read at a time */
/* ACTIVE rows observed in one pass, in turn: they are watched for vanishing, nothing waits for
 * them. */
#define ACTIVE_PER_PASS 50
#define CALL_TIMEOUT_MS ((int64_t)20 * 1000) /* for one call to AWS, its turn included */
/* No further row of a kind is begun after so long: while AWS hangs the others have their turn, too,
 * and leases end. */
#define SHARE_MS ((int64_t)20 * 1000)
/* The search for drift: last in a pass, so that nothing waits for it but the next pass. */
#define DRIFT_SHARE_MS ((int64_t)5 * 1000)
#define MARKER_WAIT_MS ((int64_t)1000) /* for requests that repeat themselves without end */

/* Between two passes even when requests nudge without end. */
#define NUDGE_MS ((int64_t)1000)

#define STATE_BIT(state) (1u << (unsigned)(state))
#define IN_DOUBT         (STATE_BIT(RESERVATION_PENDING) | STATE_BIT(RESERVATION_UNCERTAIN))
#define NEEDS_WORK       (IN_DOUBT | STATE_BIT(RESERVATION_STOPPING))

struct pass {
    struct control *control;
    struct control_settings settings;
    bool boot;                            /* every open doubt begins anew, now */
    bool may_expire;                      /* rule 10 */
    uint64_t epoch;                       /* of the keeper, when this pass began */
    bool unread;                          /* a row could not be read */
    bool lost_in_doubt;                   /* a row whose stop may be lost is in doubt */
    int64_t pending, uncertain, stopping; /* rows seen in these states */
};

/* Where the next pass goes on: the id of the row visited last, "" = from the beginning. */
struct progress {
    char unrecorded_after[RESERVATION_ID_LEN + 1];
    char stopping_after[RESERVATION_ID_LEN + 1];
    char doubt_after[RESERVATION_ID_LEN + 1];
    char active_after[RESERVATION_ID_LEN + 1];
    uint64_t unread; /* failed reads when the round over the ACTIVE rows began */
};

struct reconciler {
    struct control *control;
    pthread_t thread;
    struct progress progress;
};

/* --- one row ------------------------------------------------------------------------------- */

static bool take_marker(struct control *control, const struct reservation *row,
                        struct model_call *call)
{
    return model_calls_acquire(control->calls, row->project, row->version,
                               clock_monotonic_ms(control->clock) + MARKER_WAIT_MS, call) == 0;
}

/* One DescribeModel, and what it says of the row. */
static struct observation look(const struct pass *pass, const struct reservation *row,
                               struct upstream_description *description)
{
    struct control *control = pass->control;
    struct upstream_answer answer;
    int64_t began_ms = control_now_ms(control);
    control_describe(control, row->project, row->version, PACING_RECONCILER,
                     clock_monotonic_ms(control->clock) + CALL_TIMEOUT_MS, &answer, description);
    struct observation observation = rules_observe(&answer, began_ms);
    CRASH_POINT(RECONCILER_OBSERVED);
    if (observation.kind == OBSERVED_NOTHING)
        LOG(LOG_WARNING, "reconciler.not_observed", log_str("reservation", row->id),
            log_str("fate", upstream_fate_name(answer.fate)), log_int("status", answer.http_status),
            log_str("error_type", answer.error_type), log_str("message", answer.message));
    return observation;
}

/* What can be listed and not read would be left out for ever with nobody knowing. */
static bool get_row(struct pass *pass, const char *id, struct reservation *row)
{
    struct error err = {0};
    int result = ledger_get(pass->control->ledger, id, row, &err);
    if (result == 0 || result == ERROR_NOT_FOUND)
        return result == 0;
    pass->unread = true;
    if (control_note_unreadable(pass->control, &err))
        LOG(LOG_ERROR, "reconciler.not_read", log_str("reservation", id),
            log_str("message", err.message));
    return false;
}

/* Rules 3 to 5. False when the row could not be written, so that nothing further may be built on
 * it. */
static bool observe(const struct pass *pass, uint64_t ticket, struct reservation *row,
                    struct observation *observation)
{
    struct control *control = pass->control;
    struct upstream_description description;
    *observation = look(pass, row, &description);
    if (observation->kind == OBSERVED_NOTHING)
        return true;
    /* Rule 10: the row's times are of another epoch; the next pass lets its doubts begin anew. */
    if (observation->kind != OBSERVED_RUNNING && time_keeper_epoch(control->keeper) != pass->epoch)
        return false;
    struct reservation changed = *row;
    const char *why = "observed";
    bool differs = rules_apply(&pass->settings, observation, control_now_ms(control), &changed);
    if (!drift_judge(control->drift, &pass->settings, observation, &description, &changed, &why) &&
        !differs)
        return true;
    if (!model_calls_ticket_holds(control->calls, row->project, row->version, ticket))
        return false;
    if (strcmp(row->status, changed.status) != 0)
        model_status_drop(control->statuses, row->project, row->version);
    rules_fence_lost_stop(&pass->settings, control_stop_may_be_lost(control, row),
                          control_booted_ms(control), control_now_ms(control), &changed);
    *row = changed;
    return model_change_write_row(control, why, row) == 0;
}

static struct change_budget one_try(const struct pass *pass)
{
    return (struct change_budget){
        .deadline_ms = clock_monotonic_ms(pass->control->clock) + CALL_TIMEOUT_MS,
        .attempts = 1,
        .pacing = PACING_RECONCILER,
        .cause = control_cause(pass->control, "reconciled"),
    };
}

/* Rule 2 for a start, rule 5 for a stop: with the model's marker, one try a pass. */
static void act(struct pass *pass, const struct observation *observation, struct reservation *row)
{
    struct control *control = pass->control;
    struct upstream_answer last;
    struct model_call call;
    struct change_budget budget = one_try(pass);
    int64_t now_ms = control_now_ms(control);
    /* Only after a look: who can't be seen may by now be another account. */
    bool seen_stopped =
        observation->kind != OBSERVED_RUNNING && observation->kind != OBSERVED_NOTHING;
    bool resend = seen_stopped && model_change_may_resend(control, &pass->settings, row);
    bool stop = rules_stop_due(&pass->settings, observation, now_ms, row);
    int64_t version = row->row_version;
    /* Rule 9: in another account it would be somebody else's model. */
    if ((!resend && !stop) || atomic_load(&control->wrong_account))
        return;
    if (!take_marker(control, row, &call))
        return; /* a request is at it */
    if (get_row(pass, row->id, row) && row->row_version == version) {
        if (resend)
            (void)model_change_start(control, &budget, row, &last);
        else
            (void)model_change_stop(control, &budget, row);
    }
    model_calls_release(control->calls, &call);
}

static bool needs_recovery(const struct pass *pass, const struct reservation *row)
{
    return pass->boot || row->state == RESERVATION_PENDING ||
           (rules_lacks_lost_stop(row) && control_stop_may_be_lost(pass->control, row));
}

/*
 * A row that is PENDING although nobody holds its model's marker was left so by a former process,
 * or by a ledger that could not take the outcome.
 */
static bool recover_pending(struct pass *pass, struct reservation *row)
{
    struct control *control = pass->control;
    struct model_call call;
    if (!take_marker(control, row, &call))
        return false;
    bool read = get_row(pass, row->id, row);
    model_calls_release(control->calls, &call);
    if (!read || row->state != RESERVATION_PENDING)
        return false;
    if (!rules_recover(control_stop_may_be_lost(control, row), control_now_ms(control), row))
        return false;
    int result = model_change_write_row(control, "recovered", row);
    return result == 0 || model_change_is_unwritable(result);
}

/* False when the row is somebody else's now. One that can't be written goes on as it should be. */
static bool recover(struct pass *pass, struct reservation *row)
{
    if (row->state == RESERVATION_PENDING)
        return recover_pending(pass, row);
    if (!needs_recovery(pass, row) || !rules_recover(control_stop_may_be_lost(pass->control, row),
                                                     control_now_ms(pass->control), row))
        return true;
    int result = model_change_write_row(pass->control, "recovered", row);
    return result == 0 || model_change_is_unwritable(result);
}

/* A lease that ends is a stop, also where nobody can write it down. */
static void end_lease(const struct pass *pass, struct reservation *row)
{
    int64_t now_ms = control_now_ms(pass->control);
    if (!pass->may_expire || !rules_lease_ended(now_ms, row))
        return;
    rules_begin_stop(RESERVATION_END_LEASE, now_ms, row);
    if (model_change_is_unwritable(model_change_write_row(pass->control, "lease ended", row)) &&
        !unrecorded_keep(pass->control->unrecorded, row))
        LOG(LOG_ERROR, "lease.not_kept", log_str("reservation", row->id));
    metric_add(pass->control->metrics.leases_ended, 1);
}

/* Ticket first, row second: see model_calls.h. */
static bool read_row(struct pass *pass, const struct reservation *listed, uint64_t *ticket,
                     struct reservation *row)
{
    struct control *control = pass->control;
    /* Not where the ledger does not know yet what became of it. */
    return !unrecorded_find(control->unrecorded, listed->id, row) &&
           model_calls_ticket(control->calls, listed->project, listed->version, ticket) &&
           get_row(pass, listed->id, row) && reservation_state_is_live(row->state);
}

/* What needs nobody but the ledger: so it waits for no call to AWS. */
static void settle(struct pass *pass, const struct reservation *listed)
{
    struct reservation row;
    uint64_t ticket = 0;
    pass->pending += listed->state == RESERVATION_PENDING;
    pass->uncertain += listed->state == RESERVATION_UNCERTAIN;
    pass->stopping += listed->state == RESERVATION_STOPPING;
    if (!needs_recovery(pass, listed) &&
        !(pass->may_expire && rules_lease_ended(control_now_ms(pass->control), listed)))
        return;
    if (read_row(pass, listed, &ticket, &row) && recover(pass, &row))
        end_lease(pass, &row);
}

/* What is told of leases, once for each end. */
static void tell(struct pass *pass, const struct reservation *listed)
{
    struct reservation row;
    uint64_t ticket = 0;
    int64_t now_ms = control_now_ms(pass->control);
    if (!rules_overrun_due(now_ms, listed) && !rules_warning_due(&pass->settings, now_ms, listed))
        return;
    if (!read_row(pass, listed, &ticket, &row))
        return;
    if (rules_overrun_due(now_ms, &row))
        lease_tell_overrun(pass->control, &row);
    else if (rules_warning_due(&pass->settings, now_ms, &row))
        lease_tell_end(pass->control, &row);
}

static void reconcile(struct pass *pass, const struct reservation *listed)
{
    struct observation observation = {.kind = OBSERVED_NOTHING};
    struct reservation row;
    uint64_t ticket = 0;
    if (read_row(pass, listed, &ticket, &row) && row.state != RESERVATION_PENDING &&
        observe(pass, ticket, &row, &observation))
        act(pass, &observation, &row);
}

/* --- a pass -------------------------------------------------------------------------------- */

typedef void visit_fn(struct pass *pass, const struct reservation *listed);

/*
 * Visits up to `most` rows of a filter after `*after`, which moves on and wraps at the end, until
 * `until_ms` (monotonic). False when the ledger could not be read.
 */
static bool walk(struct pass *pass, const struct ledger_filter *filter, visit_fn *visit,
                 size_t most, int64_t until_ms, char *after)
{
    struct control *control = pass->control;
    struct reservation *rows = calloc(PAGE, sizeof(*rows));
    struct error err = {0};
    bool readable = rows != NULL;
    bool more = readable;
    for (size_t done = 0; more && done < most;) {
        size_t want = most - done < PAGE ? most - done : PAGE;
        size_t count = 0;
        if (ledger_list_live(control->ledger, filter, after, rows, want, &count, &err) != 0) {
            if (control_note_unreadable(control, &err))
                LOG(LOG_ERROR, "reconciler.not_listed", log_str("message", err.message));
            readable = false;
            break;
        }
        more = count == want;
        for (size_t i = 0; i < count; i++, done++) {
            if (control_is_closing(control) || clock_monotonic_ms(control->clock) >= until_ms)
                goto out;
            visit(pass, &rows[i]);
            memcpy(after, rows[i].id, RESERVATION_ID_LEN + 1);
        }
        if (!more)
            after[0] = '\0';
    }
out:
    free(rows);
    return readable;
}

/*
 * Whether a stop that can't be written down is to be sent: until AWS takes it, and by rule 5 anew
 * where it did and the model runs on.
 */
static bool is_unrecorded_due(const struct pass *pass, const struct reservation *row)
{
    struct observation observation = {.kind = OBSERVED_NOTHING};
    struct upstream_description description;
    int64_t now_ms = control_now_ms(pass->control);
    if (row->stop_accepted_ms == 0)
        return true;
    if (now_ms - row->stop_accepted_ms >= pass->settings.stop_renew_ms)
        observation = look(pass, row, &description);
    return rules_stop_due(&pass->settings, &observation, now_ms, row);
}

/* Stops that only this process knows of: into the ledger, or else once more to AWS. */
static void finish_unrecorded(const struct pass *pass, char *after)
{
    struct control *control = pass->control;
    struct reservation row;
    int64_t until_ms = clock_monotonic_ms(control->clock) + SHARE_MS;
    while (!control_is_closing(control) && clock_monotonic_ms(control->clock) < until_ms) {
        if (!unrecorded_next(control->unrecorded, after, &row)) {
            after[0] = '\0';
            return;
        }
        memcpy(after, row.id, RESERVATION_ID_LEN + 1);
        struct model_call call;
        struct reservation now = row;
        struct error err = {0};
        struct change_budget budget = one_try(pass);
        if (!take_marker(control, &row, &call))
            continue;
        if (model_change_record(control, &budget.cause, &now, &err) != 0 &&
            unrecorded_find(control->unrecorded, row.id, &now) &&
            !atomic_load(&control->wrong_account) && is_unrecorded_due(pass, &now))
            (void)model_change_stop(control, &budget, &now);
        model_calls_release(control->calls, &call);
    }
}

/* First of all in every pass: what a former process left, and the leases that have ended. */
static bool settle_all(struct pass *pass)
{
    char after[RESERVATION_ID_LEN + 1] = "";
    /* Where every doubt begins anew, also that of a running one which was seen not running once. */
    struct ledger_filter unsettled = {.states = pass->boot ? 0 : NEEDS_WORK};
    struct ledger_filter ended = {.states = STATE_BIT(RESERVATION_ACTIVE),
                                  .lease_before_ms = control_now_ms(pass->control)};
    bool readable = walk(pass, &unsettled, settle, SIZE_MAX, INT64_MAX, after);
    after[0] = '\0';
    if (!pass->may_expire)
        return lease_tell_waiting(pass->control, &ended) && readable;
    atomic_store(&pass->control->lease_wait_told, false);
    readable &= walk(pass, &ended, settle, SIZE_MAX, INT64_MAX, after);
    after[0] = '\0';
    struct ledger_filter ending = {.lease_before_ms =
                                       ended.lease_before_ms + pass->settings.lease_warning_ms};
    return walk(pass, &ending, tell, SIZE_MAX, INT64_MAX, after) && readable;
}

static void find_lost(struct pass *pass, const struct reservation *listed)
{
    pass->lost_in_doubt |= control_stop_may_be_lost(pass->control, listed);
}

/* The mark of a former process stays while it says anything of its rows, or its stops may come. */
static void forget_lost_stops(struct pass *pass)
{
    int64_t up_ms = clock_monotonic_ms(pass->control->clock) - pass->control->booted_ms;
    const struct ledger_filter in_doubt = {.states = IN_DOUBT};
    char after[RESERVATION_ID_LEN + 1] = "";
    if (up_ms >= pass->settings.quiet_ms &&
        walk(pass, &in_doubt, find_lost, SIZE_MAX, INT64_MAX, after) &&
        !control_is_closing(pass->control) && !pass->lost_in_doubt)
        unrecorded_forget_lost(pass->control->unrecorded);
}

/* The rows in some states, against what AWS says of them, from where the last pass got to. */
static bool reconcile_some(struct pass *pass, unsigned states, size_t most, char *after)
{
    struct ledger_filter filter = {.states = states};
    int64_t until_ms = clock_monotonic_ms(pass->control->clock) + SHARE_MS;
    return walk(pass, &filter, reconcile, most, until_ms, after);
}

static void forget_keys(const struct pass *pass)
{
    struct error err = {0};
    int64_t before_ms = control_now_ms(pass->control) - pass->settings.key_retention_ms;
    int result = ledger_forget_keys(pass->control->ledger, before_ms, NULL, &err);
    if (result == 0)
        return;
    if (control_note_unwritable(pass->control, &err))
        LOG(LOG_WARNING, "reconciler.keys_not_forgotten", log_str("message", err.message));
}

/* False when the ledger could not be read, so that nobody knows what was left out. */
static bool run_pass(struct control *control, bool boot, struct progress *progress)
{
    struct pass pass = {.control = control,
                        .may_expire = time_keeper_may_expire(control->keeper),
                        .epoch = time_keeper_epoch(control->keeper)};
    pass.boot = boot || pass.epoch != atomic_load(&control->recovered_epoch);
    control_get_settings(control, &pass.settings);

    uint64_t unread = atomic_load(&control->unread);

    CRASH_POINT(RECONCILER_PASS);
    finish_unrecorded(&pass, progress->unrecorded_after);
    bool readable = settle_all(&pass) && !pass.unread;
    if (readable && !control_is_closing(control))
        atomic_store(&control->recovered_epoch, pass.epoch);
    if (unrecorded_are_lost(control->unrecorded))
        forget_lost_stops(&pass);
    CRASH_POINT(RECONCILER_RECOVERED);
    readable &=
        reconcile_some(&pass, STATE_BIT(RESERVATION_STOPPING), SIZE_MAX, progress->stopping_after);
    readable &= reconcile_some(&pass, IN_DOUBT, SIZE_MAX, progress->doubt_after) && !pass.unread;
    /* Only now is everything recovered that a former process left in doubt. */
    if (boot && readable && !control_is_closing(control))
        atomic_store(&control->recovered, true);
    CRASH_POINT(RECONCILER_READY);

    if (progress->active_after[0] == '\0')
        progress->unread = unread;
    bool all_read = reconcile_some(&pass, STATE_BIT(RESERVATION_ACTIVE), ACTIVE_PER_PASS,
                                   progress->active_after) &&
                    readable && !pass.unread;
    drift_scan(control->drift, &pass.settings, clock_monotonic_ms(control->clock) + DRIFT_SHARE_MS);
    forget_keys(&pass);
    if (all_read && progress->active_after[0] == '\0' && !control_is_closing(control))
        control_note_readable(control, progress->unread);

    metric_add(control->metrics.reconciler_passes, 1);
    metric_set(control->metrics.pending, pass.pending);
    metric_set(control->metrics.uncertain, pass.uncertain);
    metric_set(control->metrics.stopping, pass.stopping);
    return readable;
}

void reconciler_pass(struct control *control, bool boot)
{
    struct progress progress = {0};
    (void)run_pass(control, boot, &progress);
}

/* --- the thread ---------------------------------------------------------------------------- */

/* Until the next pass is due, somebody nudges, or we leave. False = leave. */
static bool wait_for_pass(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    int64_t began_ms = clock_monotonic_ms(control->clock);
    while (!control->closing) {
        int64_t wait_ms = control->settings.reconcile_ms;
        if (control->nudged && wait_ms > NUDGE_MS)
            wait_ms = NUDGE_MS;
        if (clock_monotonic_ms(control->clock) >= began_ms + wait_ms)
            break;
        (void)clock_wait_until(control->clock, &control->wake, &control->lock, began_ms + wait_ms);
    }
    control->nudged = false;
    bool closing = control->closing;
    pthread_mutex_unlock(&control->lock);
    return !closing;
}

static void *run(void *argument)
{
    struct reconciler *reconciler = argument;
    bool boot = true;
    do {
        if (run_pass(reconciler->control, boot, &reconciler->progress))
            boot = false;
    } while (wait_for_pass(reconciler->control));
    return NULL;
}

int reconciler_start(struct control *control, struct reconciler **out, struct error *err)
{
    struct reconciler *reconciler = calloc(1, sizeof(*reconciler));
    if (reconciler == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the reconciler");
    reconciler->control = control;
    if (pthread_create(&reconciler->thread, NULL, run, reconciler) != 0) {
        free(reconciler);
        return error_set(err, ERROR_IO, "can't start the reconciler's thread");
    }
    *out = reconciler;
    return 0;
}

void reconciler_stop(struct reconciler **reconciler)
{
    if (*reconciler == NULL)
        return;
    (void)pthread_join((*reconciler)->thread, NULL);
    free(*reconciler);
    *reconciler = NULL;
}
