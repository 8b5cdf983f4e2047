/* Wiring of the floor where policy, ledger and upstream meet. */
#include "gateway/control/control.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/drift.h"
#include "gateway/control/model_status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS ((int64_t)60 * 1000)

void control_settings_default(struct control_settings *settings)
{
    *settings = (struct control_settings){
        .quiet_ms = 15 * MINUTE_MS,
        .confirm_ms = 1 * MINUTE_MS,
        .resend_window_ms = 30 * MINUTE_MS,
        .unobserved_ms = 5 * MINUTE_MS,
        .stop_renew_ms = 10 * MINUTE_MS,
        .lease_ms = 8 * 60 * MINUTE_MS,
        .stop_allowance_ms = 15 * MINUTE_MS,
        .lease_warning_ms = 15 * MINUTE_MS,
        .key_retention_ms = 24 * 60 * MINUTE_MS,
        .drift_scan_ms = 5 * MINUTE_MS,
        .reconcile_ms = 10 * 1000,
        .status_cache_ms = 5 * 1000,
        .unknown_cache_ms = 30 * 1000,
        .attempts = 4,
        .backoff_base_ms = 200,
        .backoff_cap_ms = 5 * 1000,
    };
}

static void register_metrics(struct metrics *metrics, struct control_metrics *out)
{
    const char *name = "lookout_starts_total";
    const char *help = "Start requests by what became of them.";
    out->starts_accepted = metrics_counter(metrics, name, help, "outcome=\"accepted\"");
    out->starts_present = metrics_counter(metrics, name, help, "outcome=\"present\"");
    out->starts_refused_quota = metrics_counter(metrics, name, help, "outcome=\"quota\"");
    out->starts_refused_upstream = metrics_counter(metrics, name, help, "outcome=\"upstream\"");
    out->starts_not_sent = metrics_counter(metrics, name, help, "outcome=\"not_sent\"");
    out->starts_uncertain = metrics_counter(metrics, name, help, "outcome=\"uncertain\"");
    out->starts_other = metrics_counter(metrics, name, help, "outcome=\"other\"");

    name = "lookout_stops_total";
    help = "Stop requests by what became of them.";
    out->stops_accepted = metrics_counter(metrics, name, help, "outcome=\"accepted\"");
    out->stops_other = metrics_counter(metrics, name, help, "outcome=\"other\"");

    name = "lookout_leases_total";
    help = "Leases by what happened to them.";
    out->leases_changed = metrics_counter(metrics, name, help, "event=\"changed\"");
    out->leases_ended = metrics_counter(metrics, name, help, "event=\"ended\"");
    out->leases_warned = metrics_counter(metrics, name, help, "event=\"warned\"");
    out->leases_overrun = metrics_counter(metrics, name, help, "event=\"overrun\"");

    name = "lookout_upstream_sends_total";
    help = "Requests that left for AWS.";
    out->sends_start = metrics_counter(metrics, name, help, "operation=\"StartModel\"");
    out->sends_stop = metrics_counter(metrics, name, help, "operation=\"StopModel\"");
    out->sends_describe = metrics_counter(metrics, name, help, "operation=\"DescribeModel\"");
    out->sends_list_projects = metrics_counter(metrics, name, help, "operation=\"ListProjects\"");
    out->sends_list_models = metrics_counter(metrics, name, help, "operation=\"ListModels\"");

    name = "lookout_status_reads_total";
    help = "Reads of a model's status, by where the answer came from.";
    out->status_cache_hits = metrics_counter(metrics, name, help, "source=\"cache\"");
    out->status_cache_misses = metrics_counter(metrics, name, help, "source=\"upstream\"");

    out->reconciler_passes = metrics_counter(metrics, "lookout_reconciler_passes_total",
                                             "Passes over the ledger's live rows.", NULL);
    out->reconciler_changes = metrics_counter(metrics, "lookout_reconciler_changes_total",
                                              "Rows that the reconciler changed.", NULL);
    out->reconciler_lost_races =
        metrics_counter(metrics, "lookout_reconciler_lost_races_total",
                        "Changes of the reconciler that a request was faster with.", NULL);

    name = "lookout_reservations";
    help = "Live reservations that need work, by state, at the reconciler's last pass.";
    out->pending = metrics_gauge(metrics, name, help, "state=\"PENDING\"");
    out->uncertain = metrics_gauge(metrics, name, help, "state=\"UNCERTAIN\"");
    out->stopping = metrics_gauge(metrics, name, help, "state=\"STOPPING\"");
}

int control_create(const struct control_settings *settings, const struct clock *clock,
                   struct ledger *ledger, struct upstream *upstream, struct policy_store *policies,
                   struct metrics *metrics, struct control **out, struct error *err)
{
    struct control *control = calloc(1, sizeof(*control));
    if (control == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the control floor");
    control->clock = clock;
    control->ledger = ledger;
    control->upstream = upstream;
    control->policies = policies;
    control->settings = *settings;
    control->booted_ms = clock_monotonic_ms(clock);
    register_metrics(metrics, &control->metrics);
    if (pthread_mutex_init(&control->lock, NULL) != 0 || clock_cond_init(&control->wake) != 0) {
        free(control);
        return error_set(err, ERROR_IO, "can't make the locks of the control floor");
    }
    int result = time_keeper_create(clock, &control->keeper, err);
    if (result == 0)
        result = model_calls_create(clock, &control->calls, err);
    if (result == 0)
        result = unrecorded_create(ledger, &control->unrecorded, err);
    if (result == 0)
        result = model_status_cache_create(control, &control->statuses, err);
    if (result == 0)
        result = drift_create(control, metrics, &control->drift, err);
    if (result != 0) {
        control_free(&control);
        return result;
    }
    *out = control;
    return 0;
}

void control_free(struct control **control)
{
    if (*control == NULL)
        return;
    drift_free(&(*control)->drift);
    model_status_cache_free(&(*control)->statuses);
    model_calls_free(&(*control)->calls);
    unrecorded_free(&(*control)->unrecorded);
    time_keeper_free(&(*control)->keeper);
    (void)pthread_cond_destroy(&(*control)->wake);
    (void)pthread_mutex_destroy(&(*control)->lock);
    free(*control);
    *control = NULL;
}

void control_configure(struct control *control, const struct control_settings *settings)
{
    pthread_mutex_lock(&control->lock);
    control->settings = *settings;
    pthread_mutex_unlock(&control->lock);
}

void control_get_settings(struct control *control, struct control_settings *out)
{
    pthread_mutex_lock(&control->lock);
    *out = control->settings;
    pthread_mutex_unlock(&control->lock);
}

void control_close(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    control->closing = true;
    pthread_cond_broadcast(&control->wake);
    pthread_mutex_unlock(&control->lock);
    model_calls_close(control->calls);
    control->upstream->ops->close(control->upstream->self);
}

bool control_is_closing(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    bool closing = control->closing;
    pthread_mutex_unlock(&control->lock);
    return closing;
}

bool control_sleep(struct control *control, int64_t until_ms)
{
    pthread_mutex_lock(&control->lock);
    while (!control->closing && clock_monotonic_ms(control->clock) < until_ms)
        (void)clock_wait_until(control->clock, &control->wake, &control->lock, until_ms);
    bool closing = control->closing;
    pthread_mutex_unlock(&control->lock);
    return !closing;
}

void control_nudge(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    control->nudged = true;
    pthread_cond_broadcast(&control->wake);
    pthread_mutex_unlock(&control->lock);
}

int64_t control_time_ms(const struct control *control)
{
    return control_now_ms(control);
}

int64_t control_booted_ms(const struct control *control)
{
    return control_now_ms(control) - (clock_monotonic_ms(control->clock) - control->booted_ms);
}

bool control_stop_may_be_lost(const struct control *control, const struct reservation *row)
{
    return unrecorded_are_lost(control->unrecorded) && row->created_ms < control_booted_ms(control);
}

bool control_note_unwritable(struct control *control, const struct error *err)
{
    pthread_mutex_lock(&control->lock);
    bool news = strcmp(control->ledger_reason, err->message) != 0;
    (void)snprintf(control->ledger_reason, sizeof(control->ledger_reason), "%s", err->message);
    pthread_mutex_unlock(&control->lock);
    return news;
}

bool control_note_unreadable(struct control *control, const struct error *err)
{
    (void)atomic_fetch_add(&control->unread, 1);
    return control_note_unwritable(control, err);
}

bool control_is_unreadable(const struct control *control)
{
    return atomic_load(&control->unread) != atomic_load(&control->unread_seen);
}

void control_note_readable(struct control *control, uint64_t unread)
{
    if (atomic_exchange(&control->unread_seen, unread) != unread)
        LOG(LOG_INFO, "ledger.readable");
    if (!ledger_is_writable(control->ledger) || control_is_unreadable(control))
        return;
    pthread_mutex_lock(&control->lock);
    control->ledger_reason[0] = '\0';
    pthread_mutex_unlock(&control->lock);
}

void control_readiness(struct control *control, struct control_readiness *out)
{
    out->ledger_usable = ledger_is_writable(control->ledger) && !control_is_unreadable(control);
    pthread_mutex_lock(&control->lock);
    memcpy(out->ledger_reason, control->ledger_reason, sizeof(out->ledger_reason));
    pthread_mutex_unlock(&control->lock);
    out->unrecorded_stops = unrecorded_count(control->unrecorded);
    out->recovered = atomic_load(&control->recovered);
    out->account_matches = !atomic_load(&control->wrong_account);
    out->upstream_reachable = atomic_load(&control->upstream_reachable);
    out->clock_trusted = time_keeper_may_expire(control->keeper);
}

/* Rule 9. False when the answer came from an account that is not the ledger's. */
static bool check_account(struct control *control, const char *account)
{
    struct error err = {0};
    if (account[0] == '\0')
        return true;
    int result = ledger_pin_account(control->ledger, account, &err);
    atomic_store(&control->account_asked, true);
    if (result == ERROR_REFUSED) {
        if (!atomic_exchange(&control->wrong_account, true))
            LOG(LOG_ERROR, "control.wrong_account", log_str("message", err.message));
        return false;
    }
    if (result != 0) /* not remembered now; the next answer tries again */
        LOG(LOG_WARNING, "control.account_not_pinned", log_str("message", err.message));
    else if (atomic_exchange(&control->wrong_account, false))
        LOG(LOG_INFO, "control.right_account", log_str("account", account));
    return true;
}

void control_heard(struct control *control, struct metric *sends,
                   const struct upstream_answer *answer)
{
    metric_add(sends, answer->sends);
    if (answer->sends > 0)
        atomic_store(&control->upstream_reachable, answer->http_status != 0);
    if (answer->http_status != 0) {
        atomic_store(&control->heard_dateless, answer->date_wall_ms == 0);
        time_keeper_learn(control->keeper, answer->date_wall_ms, answer->began_monotonic_ms,
                          answer->ended_monotonic_ms);
    }
}

void control_describe(struct control *control, const char *project, const char *version,
                      enum pacing_class pacing, int64_t deadline_ms, struct upstream_answer *answer,
                      struct upstream_description *description)
{
    struct upstream_call call = {
        .model = {.project = project, .version = version},
        .pacing = pacing,
        .deadline_ms = deadline_ms,
    };
    const struct upstream *upstream = control->upstream;
    CRASH_POINT(DESCRIBE_SEND_BEFORE);
    upstream->ops->describe(upstream->self, &call, answer, description);
    CRASH_POINT(DESCRIBE_ANSWERED);
    control_heard(control, control->metrics.sends_describe, answer);
    if (answer->fate == UPSTREAM_ACCEPTED && !check_account(control, description->account))
        answer->fate = UPSTREAM_DOUBT;
}

void control_list(struct control *control, const struct upstream_call *call,
                  struct upstream_answer *answer, struct upstream_page *page)
{
    const struct upstream *upstream = control->upstream;
    bool models = call->model.project != NULL;
    CRASH_POINT(LIST_SEND_BEFORE);
    if (models)
        upstream->ops->list_models(upstream->self, call, answer, page);
    else
        upstream->ops->list_projects(upstream->self, call, answer, page);
    CRASH_POINT(LIST_ANSWERED);
    control_heard(
        control, models ? control->metrics.sends_list_models : control->metrics.sends_list_projects,
        answer);
    if (answer->fate == UPSTREAM_ACCEPTED && !check_account(control, page->account))
        answer->fate = UPSTREAM_DOUBT;
}

struct ledger_cause control_cause(struct control *control, const char *why)
{
    return (struct ledger_cause){
        .at_ms = control_now_ms(control), .actor = CONTROL_ACTOR, .why = why};
}

void control_say(char out[RESERVATION_MESSAGE_MAX], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out, RESERVATION_MESSAGE_MAX, format, args);
    va_end(args);
}
