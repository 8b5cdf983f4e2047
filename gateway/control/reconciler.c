/* Passes over the live rows: recover, end leases, observe, send again, stop, forget. */
#include "gateway/control/reconciler.h"

#include "gateway/base/log.h"
#include "gateway/control/context.h"
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

/* Between two passes even when requests nudge without end. */
#define NUDGE_MS ((int64_t)1000)

#define STATE_BIT(state) (1u << (unsigned)(state))
#define NEEDS_WORK                                                                                 \
    (STATE_BIT(RESERVATION_PENDING) | STATE_BIT(RESERVATION_UNCERTAIN) |                           \
     STATE_BIT(RESERVATION_STOPPING))

struct pass {
    struct control *control;
    struct control_settings settings;
    bool boot;
    int64_t pending, uncertain, stopping; /* rows seen in these states */
};

struct reconciler {
    struct control *control;
    pthread_t thread;
    char active_after[RESERVATION_ID_LEN + 1]; /* where the next pass goes on watching */
};

/* --- one row
 * --------------------------------------------------------------------------------------- */

/* Compare-and-set of a row that a rule changed. False when a request was faster, or on an error. */
static bool write_row(struct control *control, const char *why, struct reservation *row)
{
    struct error err = {0};
    enum reservation_state state = row->state;
    int result = ledger_update(control->ledger, row, &err);
    if (result == 0) {
        metric_add(control->metrics.reconciler_changes, 1);
        LOG(LOG_INFO, "reconciler.changed", log_str("reservation", row->id),
            log_str("team", row->team), log_str("project", row->project),
            log_str("version", row->version), log_str("state", reservation_state_name(state)),
            log_str("why", why), log_str("status", row->status),
            log_str("end", reservation_end_name(row->end)));
        return true;
    }
    if (result == ERROR_CONFLICT)
        metric_add(control->metrics.reconciler_lost_races, 1);
    else
        LOG(LOG_ERROR, "reconciler.not_written", log_str("reservation", row->id),
            log_str("why", why), log_str("message", err.message));
    return false;
}

/* Rules 3 to 5. False when the row could not be written, so that nothing further may be built on
 * it. */
static bool observe(const struct pass *pass, uint64_t ticket, struct reservation *row,
                    struct observation *observation)
{
    struct control *control = pass->control;
    struct upstream_answer answer;
    struct upstream_description description;
    int64_t began_ms = control_now_ms(control);
    control_describe(control, row->project, row->version, PACING_RECONCILER,
                     clock_monotonic_ms(control->clock) + CALL_TIMEOUT_MS, &answer, &description);
    *observation = rules_observe(&answer, began_ms);
    if (observation->kind == OBSERVED_NOTHING) {
        LOG(LOG_WARNING, "reconciler.not_observed", log_str("reservation", row->id),
            log_str("fate", upstream_fate_name(answer.fate)), log_int("status", answer.http_status),
            log_str("error_type", answer.error_type), log_str("message", answer.message));
        return true;
    }
    struct reservation changed = *row;
    if (!rules_apply(&pass->settings, observation, control_now_ms(control), &changed))
        return true;
    if (!model_calls_ticket_holds(control->calls, row->project, row->version, ticket))
        return false;
    if (strcmp(row->status, changed.status) != 0)
        model_status_drop(control->statuses, row->project, row->version);
    *row = changed;
    return write_row(control, "observed", row);
}

/* Rule 2 for a start, rule 5 for a stop: with the model's marker, one try a pass. */
static void act(const struct pass *pass, const struct observation *observation,
                struct reservation *row)
{
    struct control *control = pass->control;
    struct upstream_answer last;
    struct model_call call;
    struct error err = {0};
    struct change_budget budget = {
        .deadline_ms = clock_monotonic_ms(control->clock) + CALL_TIMEOUT_MS,
        .attempts = 1,
        .pacing = PACING_RECONCILER,
    };
    int64_t now_ms = control_now_ms(control);
    bool resend =
        observation->kind != OBSERVED_RUNNING && rules_may_resend(&pass->settings, now_ms, row);
    bool stop = rules_stop_due(&pass->settings, observation, now_ms, row);
    int64_t version = row->row_version;
    if (!resend && !stop)
        return;
    if (model_calls_acquire(control->calls, row->project, row->version, 0, &call) != 0)
        return; /* a request is at it */
    if (ledger_get(control->ledger, row->id, row, &err) == 0 && row->row_version == version) {
        if (resend)
            (void)model_change_start(control, &budget, row, &last);
        else
            (void)model_change_stop(control, &budget, row);
    }
    model_calls_release(control->calls, &call);
}

/*
 * A row that is PENDING with no call in flight was left so by a former process, or by a ledger that
 * could not take the outcome.
 */
static bool recover(const struct pass *pass, struct reservation *row)
{
    if (!pass->boot && row->state != RESERVATION_PENDING)
        return true;
    return !rules_recover(control_now_ms(pass->control), row) ||
           write_row(pass->control, "recovered", row);
}

static bool end_lease(const struct pass *pass, struct reservation *row)
{
    int64_t now_ms = control_now_ms(pass->control);
    if (!rules_lease_ended(now_ms, row))
        return true;
    rules_begin_stop(RESERVATION_END_LEASE, now_ms, row);
    return write_row(pass->control, "lease ended", row);
}

static void reconcile(const struct pass *pass, const struct reservation *listed)
{
    struct control *control = pass->control;
    struct observation observation = {.kind = OBSERVED_NOTHING};
    struct reservation row;
    struct error err = {0};
    uint64_t ticket = 0;
    /* Ticket first, row second: see model_calls.h. */
    if (!model_calls_ticket(control->calls, listed->project, listed->version, &ticket) ||
        ledger_get(control->ledger, listed->id, &row, &err) != 0 ||
        !reservation_state_is_live(row.state))
        return;
    if (!recover(pass, &row) || !end_lease(pass, &row))
        return;
    if (observe(pass, ticket, &row, &observation))
        act(pass, &observation, &row);
}

/* --- a pass
 * ---------------------------------------------------------------------------------------- */

/* Reconciles up to `most` rows of a filter after `*after`, which moves on and wraps at the end. */
static void walk(struct pass *pass, const struct ledger_filter *filter, size_t most, char *after)
{
    struct control *control = pass->control;
    struct reservation *rows = calloc(PAGE, sizeof(*rows));
    struct error err = {0};
    size_t count = PAGE;
    for (size_t done = 0; rows != NULL && count == PAGE && done < most; done += count) {
        size_t want = most - done < PAGE ? most - done : PAGE;
        if (ledger_list_live(control->ledger, filter, after, rows, want, &count, &err) != 0) {
            LOG(LOG_ERROR, "reconciler.not_listed", log_str("message", err.message));
            break;
        }
        for (size_t i = 0; i < count && !control_is_closing(control); i++) {
            pass->pending += rows[i].state == RESERVATION_PENDING;
            pass->uncertain += rows[i].state == RESERVATION_UNCERTAIN;
            pass->stopping += rows[i].state == RESERVATION_STOPPING;
            reconcile(pass, &rows[i]);
        }
        if (count > 0)
            memcpy(after, rows[count - 1].id, RESERVATION_ID_LEN + 1);
        if (count < want)
            after[0] = '\0';
    }
    free(rows);
}

static void forget_keys(const struct pass *pass)
{
    struct error err = {0};
    int64_t before_ms = control_now_ms(pass->control) - pass->settings.key_retention_ms;
    int result = ledger_forget_keys(pass->control->ledger, before_ms, NULL, &err);
    if (result != 0)
        LOG(LOG_WARNING, "reconciler.keys_not_forgotten", log_str("message", err.message));
}

static void run_pass(struct control *control, bool boot, char *active_after)
{
    struct pass pass = {.control = control, .boot = boot};
    char after[RESERVATION_ID_LEN + 1] = "";
    control_get_settings(control, &pass.settings);

    struct ledger_filter urgent = {.states = NEEDS_WORK};
    walk(&pass, &urgent, SIZE_MAX, after);

    after[0] = '\0';
    struct ledger_filter ended = {.states = STATE_BIT(RESERVATION_ACTIVE),
                                  .lease_before_ms = control_now_ms(control)};
    walk(&pass, &ended, SIZE_MAX, after);

    /* Only now is everything known that a former process left in doubt. */
    if (boot && !control_is_closing(control))
        atomic_store(&control->recovered, true);

    struct ledger_filter active = {.states = STATE_BIT(RESERVATION_ACTIVE)};
    walk(&pass, &active, ACTIVE_PER_PASS, active_after);
    forget_keys(&pass);

    metric_add(control->metrics.reconciler_passes, 1);
    metric_set(control->metrics.pending, pass.pending);
    metric_set(control->metrics.uncertain, pass.uncertain);
    metric_set(control->metrics.stopping, pass.stopping);
}

void reconciler_pass(struct control *control, bool boot)
{
    char active_after[RESERVATION_ID_LEN + 1] = "";
    run_pass(control, boot, active_after);
}

/* --- the thread
 * ------------------------------------------------------------------------------------ */

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
        run_pass(reconciler->control, boot, reconciler->active_after);
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
