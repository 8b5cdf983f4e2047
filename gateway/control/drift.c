/* The scan: projects, their models, a look at each that runs and is not held, a row. */
#include "gateway/control/drift.h"

#include "gateway/base/crypto.h"
#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/drift_rules.h"
#include "gateway/control/model_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT_MS ((int64_t)10 * 1000) /* of one call to AWS, its turn included */
#define PAGE_TRIES      3                    /* of one page in a row */
#define TOLD_MAX        64
#define PAGES_MAX       20000 /* lists of one scan: a list without end ends here */
/* After a scan that did not see all lists. */
#define RETRY_MS ((int64_t)60 * 1000)

enum phase {
    PHASE_IDLE,
    PHASE_PROJECTS, /* the next page of projects is wanted */
    PHASE_MODELS,   /* the next page of the present project's models is wanted */
    PHASE_ENTRIES   /* the models of the present page are looked at */
};

struct drift {
    struct control *control;
    enum phase phase;
    int64_t due_ms; /* monotonic: of the next scan */
    unsigned pages; /* of this scan */
    unsigned tries; /* of the page that is wanted */
    bool incomplete;
    struct upstream_page projects, models;
    size_t project, model; /* present entries of these */

    /* Rows whose fewer units have been told, the latest ones: a ring. */
    char told[TOLD_MAX][RESERVATION_ID_LEN + 1];
    size_t told_next;

    _Atomic int64_t ended_ms;
    atomic_bool failed;
    struct metric *unassigned;
    struct metric *scans_whole, *scans_failed, *adopted, *last_scan, *units_raised, *stopped;
};

int drift_create(struct control *control, struct metrics *metrics, struct drift **out,
                 struct error *err)
{
    struct drift *drift = calloc(1, sizeof(*drift));
    if (drift == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the search for drift");
    drift->control = control;
    drift->due_ms = INT64_MIN;
    const char *name = "lookout_drift_scans_total";
    const char *help = "Scans of AWS's lists for models that run without a reservation.";
    drift->scans_whole = metrics_counter(metrics, name, help, "outcome=\"whole\"");
    drift->scans_failed = metrics_counter(metrics, name, help, "outcome=\"incomplete\"");
    drift->unassigned = metrics_gauge(metrics, "lookout_drift_models",
                                      "Models that run without a reservation and that no team was "
                                      "made to answer for, at the reconciler's last pass.",
                                      NULL);
    drift->adopted = metrics_counter(metrics, "lookout_drift_found_total",
                                     "Models that were found running without a reservation.", NULL);
    drift->last_scan =
        metrics_gauge(metrics, "lookout_drift_last_scan_timestamp_seconds",
                      "When the last scan ended that saw all lists; 0 = none yet.", NULL);
    drift->stopped = metrics_counter(metrics, "lookout_drift_stopped_total",
                                     "Drift that was begun to be stopped by the policy.", NULL);
    drift->units_raised =
        metrics_counter(metrics, "lookout_units_raised_total",
                        "Reservations that AWS ran with more units than they held.", NULL);
    *out = drift;
    return 0;
}

void drift_free(struct drift **drift)
{
    free(*drift);
    *drift = NULL;
}

void drift_get_scan_state(const struct drift *drift, struct drift_scan_state *out)
{
    out->ended_ms = atomic_load(&drift->ended_ms);
    out->failed = atomic_load(&drift->failed);
}

/* --- one model ----------------------------------------------------------------------------- */

static bool is_held(const struct drift *drift, const struct upstream_model *model)
{
    struct reservation row;
    struct error err = {0};
    int result =
        ledger_find_live(drift->control->ledger, model->project, model->version, &row, &err);
    /* Who can't be looked up is not called drift. */
    return result != ERROR_NOT_FOUND;
}

/* What the policy in force says of it. */
static enum policy_drift read_policy(struct control *control, int64_t *units_per_model)
{
    struct policy_snapshot *snapshot = policy_store_acquire(control->policies);
    const struct policy *policy = policy_snapshot_policy(snapshot);
    enum policy_drift answer = policy_drift(policy);
    *units_per_model = policy_account(policy)->units_per_model;
    policy_snapshot_release(&snapshot);
    return answer;
}

static void tell(const struct reservation *row, int64_t described_units)
{
    LOG(LOG_WARNING, "drift.found", log_str("reservation", row->id),
        log_str("project", row->project), log_str("version", row->version),
        log_str("status", row->status), log_int("units", row->units),
        log_bool("units_known", described_units != 0),
        log_str("hint", "it runs and no reservation holds it: it counts for the account. Stop it, "
                        "or assign it to a team (POST /v1/admin/drift/assign)"));
}

static void adopt(struct drift *drift, const struct upstream_model *model,
                  const struct observation *observation,
                  const struct upstream_description *description)
{
    struct control *control = drift->control;
    struct ledger_cause cause = control_cause(control, "found running without a reservation");
    struct reservation row;
    struct error err = {0};
    int64_t units_per_model = 0;
    (void)read_policy(control, &units_per_model);
    drift_fill_row(model, observation, description, units_per_model, &row);
    if (crypto_uuid7(row.created_ms, row.id) != 0 || crypto_uuid4(row.client_token) != 0)
        return;
    int result = ledger_adopt(control->ledger, &row, &cause, &err);
    if (result == ERROR_CONFLICT)
        return; /* a team's start was faster: now it is held */
    if (result != 0) {
        drift->incomplete = true;
        LOG(LOG_ERROR, "drift.not_written", log_str("project", model->project),
            log_str("version", model->version), log_str("message", err.message));
        return;
    }
    metric_add(drift->adopted, 1);
    model_status_drop(control->statuses, row.project, row.version);
    tell(&row, drift_described_units(description));
}

/*
 * A list lags, and a start or stop may be on its way: only a look that no call of this model
 * crossed counts. Where one did the next scan asks again. True when AWS was asked.
 */
static bool look(struct drift *drift, const struct upstream_model *model)
{
    struct control *control = drift->control;
    struct upstream_answer answer;
    struct upstream_description description;
    uint64_t ticket = 0;
    if (!model_calls_ticket(control->calls, model->project, model->version, &ticket) ||
        is_held(drift, model))
        return false;
    int64_t began_ms = control_now_ms(control);
    control_describe(control, model->project, model->version, PACING_RECONCILER,
                     clock_monotonic_ms(control->clock) + CALL_TIMEOUT_MS, &answer, &description);
    struct observation observation = rules_observe(&answer, began_ms);
    if (observation.kind == OBSERVED_NOTHING) {
        drift->incomplete = true;
        LOG(LOG_WARNING, "drift.not_observed", log_str("project", model->project),
            log_str("version", model->version), log_str("fate", upstream_fate_name(answer.fate)),
            log_int("status", answer.http_status), log_str("message", answer.message));
    } else if (observation.kind == OBSERVED_RUNNING &&
               model_calls_ticket_holds(control->calls, model->project, model->version, ticket)) {
        adopt(drift, model, &observation, &description);
    }
    return true;
}

/* --- rows that are observed anyway --------------------------------------------------------- */

static bool was_told(struct drift *drift, const struct reservation *row)
{
    for (size_t i = 0; i < TOLD_MAX; i++)
        if (strcmp(drift->told[i], row->id) == 0)
            return true;
    memcpy(drift->told[drift->told_next++ % TOLD_MAX], row->id, sizeof(row->id));
    return false;
}

static void tell_units(const char *event, const struct reservation *row, int64_t described,
                       const char *hint)
{
    LOG(LOG_WARNING, event, log_str("reservation", row->id), log_str("team", row->team),
        log_str("project", row->project), log_str("version", row->version),
        log_int("units", row->units), log_int("described_units", described), log_str("hint", hint));
}

static bool judge_units(struct drift *drift, const struct control_settings *settings,
                        const struct observation *observation,
                        const struct upstream_description *description, struct reservation *row)
{
    switch (drift_compare_units(settings, observation, description, row)) {
    case DRIFT_UNITS_EQUAL:
        break;
    case DRIFT_UNITS_FEWER:
        if (!was_told(drift, row))
            tell_units("drift.fewer_units", row, drift_described_units(description),
                       "AWS runs it with fewer units than are charged for it");
        break;
    case DRIFT_UNITS_RAISED:
        metric_add(drift->units_raised, 1);
        tell_units("drift.more_units", row, drift_described_units(description),
                   "AWS runs it with more units than were asked for: all its time is charged with "
                   "these");
        return true;
    }
    return false;
}

static bool judge_drift(struct drift *drift, const struct control_settings *settings,
                        const struct observation *observation, struct reservation *row)
{
    struct control *control = drift->control;
    int64_t units_per_model = 0;
    if (!drift_stop_due(settings, observation, row) ||
        read_policy(control, &units_per_model) != POLICY_DRIFT_STOP)
        return false;
    rules_begin_stop(RESERVATION_END_DRIFT, control_now_ms(control), row);
    metric_add(drift->stopped, 1);
    LOG(LOG_WARNING, "drift.stopped", log_str("reservation", row->id),
        log_str("project", row->project), log_str("version", row->version),
        log_int("seen_since_ms", row->seen_running_ms),
        log_str("hint", "the policy says \"drift\": \"stop\""));
    return true;
}

bool drift_judge(struct drift *drift, const struct control_settings *settings,
                 const struct observation *observation,
                 const struct upstream_description *description, struct reservation *row,
                 const char **why)
{
    bool changed = judge_units(drift, settings, observation, description, row);
    if (changed)
        *why = "AWS runs it with more units";
    if (judge_drift(drift, settings, observation, row)) {
        *why = "drift: the policy stops it";
        changed = true;
    }
    return changed;
}

/* --- the lists ----------------------------------------------------------------------------- */

static void end_scan(struct drift *drift, const struct control_settings *settings)
{
    struct control *control = drift->control;
    int64_t wait_ms = settings->drift_scan_ms;
    if (drift->incomplete && wait_ms > RETRY_MS)
        wait_ms = RETRY_MS;
    drift->phase = PHASE_IDLE;
    drift->due_ms = clock_monotonic_ms(control->clock) + wait_ms;
    metric_add(drift->incomplete ? drift->scans_failed : drift->scans_whole, 1);
    atomic_store(&drift->failed, drift->incomplete);
    if (drift->incomplete)
        return;
    atomic_store(&drift->ended_ms, control_now_ms(control));
    metric_set(drift->last_scan, control_now_ms(control) / 1000);
}

static void begin_scan(struct drift *drift)
{
    drift->phase = PHASE_PROJECTS;
    drift->pages = 0;
    drift->tries = 0;
    drift->incomplete = false;
    upstream_page_clear(&drift->projects);
}

static void next_project(struct drift *drift, const struct control_settings *settings)
{
    drift->project++;
    upstream_page_clear(&drift->models);
    drift->tries = 0;
    if (drift->project < drift->projects.count)
        drift->phase = PHASE_MODELS;
    else if (drift->projects.next_token[0] != '\0')
        drift->phase = PHASE_PROJECTS;
    else
        end_scan(drift, settings);
}

/* A page did not come. True when it is to be asked for again. */
static bool try_again(struct drift *drift, const char *what, const struct upstream_answer *answer)
{
    if (++drift->tries < PAGE_TRIES)
        return true;
    drift->incomplete = true;
    LOG(LOG_WARNING, "drift.not_listed", log_str("what", what),
        log_str("fate", upstream_fate_name(answer->fate)), log_int("status", answer->http_status),
        log_str("error_type", answer->error_type), log_str("message", answer->message));
    return false;
}

/* The page after `page`, over which it is written where it comes. */
static bool get_page(struct drift *drift, const char *project, struct upstream_page *page,
                     struct upstream_answer *answer)
{
    char token[UPSTREAM_PAGE_TOKEN_MAX + 1];
    struct control *control = drift->control;
    struct upstream_call call = {
        .model = {.project = project},
        .page_token = page->next_token[0] != '\0' ? token : NULL,
        .pacing = PACING_RECONCILER,
        .deadline_ms = clock_monotonic_ms(control->clock) + CALL_TIMEOUT_MS,
    };
    memcpy(token, page->next_token, sizeof(token));
    drift->pages++;
    control_list(control, &call, answer, page);
    if (answer->fate == UPSTREAM_ACCEPTED)
        return true;
    memcpy(page->next_token, token, sizeof(token)); /* for another try */
    return false;
}

static void list_projects(struct drift *drift, const struct control_settings *settings)
{
    struct upstream_answer answer;
    if (get_page(drift, NULL, &drift->projects, &answer)) {
        drift->project = SIZE_MAX; /* so that the next one is the first */
        next_project(drift, settings);
    } else if (!try_again(drift, "projects", &answer)) {
        end_scan(drift, settings);
    }
}

static void list_models(struct drift *drift, const struct control_settings *settings)
{
    const char *project = drift->projects.entries[drift->project].name;
    struct upstream_answer answer;
    if (get_page(drift, project, &drift->models, &answer)) {
        drift->model = 0;
        drift->tries = 0;
        drift->phase = PHASE_ENTRIES;
    } else if (answer.http_status == 404 && answer.fate == UPSTREAM_REFUSED) {
        next_project(drift, settings); /* deleted since it was listed */
    } else if (!try_again(drift, project, &answer)) {
        next_project(drift, settings);
    }
}

/* To the next model that runs, by the list; a look at it. */
static void look_at_entries(struct drift *drift, const struct control_settings *settings)
{
    while (drift->model < drift->models.count) {
        size_t at = drift->model++;
        const struct upstream_model model = {
            .project = drift->projects.entries[drift->project].name,
            .version = drift->models.entries[at].name,
        };
        if (model_status_is_running(drift->models.entries[at].status) && look(drift, &model))
            return;
    }
    if (drift->models.next_token[0] != '\0')
        drift->phase = PHASE_MODELS;
    else
        next_project(drift, settings);
}

/* One list, or one look. */
static void step(struct drift *drift, const struct control_settings *settings)
{
    if (drift->pages >= PAGES_MAX) {
        drift->incomplete = true;
        LOG(LOG_WARNING, "drift.list_without_end", log_int("pages", drift->pages));
        end_scan(drift, settings);
        return;
    }
    switch (drift->phase) {
    case PHASE_IDLE:
        break;
    case PHASE_PROJECTS:
        list_projects(drift, settings);
        break;
    case PHASE_MODELS:
        list_models(drift, settings);
        break;
    case PHASE_ENTRIES:
        look_at_entries(drift, settings);
        break;
    }
}

static void count_models(struct drift *drift)
{
    struct quota_usage account, unassigned;
    struct error err = {0};
    if (ledger_usage(drift->control->ledger, RESERVATION_TEAM_UNASSIGNED, &account, &unassigned,
                     &err) == 0)
        metric_set(drift->unassigned, unassigned.used_models + unassigned.reserved_models);
}

void drift_scan(struct drift *drift, const struct control_settings *settings, int64_t until_ms)
{
    const struct clock *clock = drift->control->clock;
    if (settings->drift_scan_ms == 0)
        drift->phase = PHASE_IDLE;
    else if (drift->phase == PHASE_IDLE && clock_monotonic_ms(clock) >= drift->due_ms)
        begin_scan(drift);
    while (drift->phase != PHASE_IDLE && clock_monotonic_ms(clock) < until_ms &&
           !control_is_closing(drift->control))
        step(drift, settings);
    count_models(drift);
}
