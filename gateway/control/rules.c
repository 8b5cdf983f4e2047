/* The rules of money, pure. */
#include "gateway/control/rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void set_status(struct reservation *row, enum model_status status)
{
    (void)snprintf(row->status, sizeof(row->status), "%s", model_status_name(status));
}

struct observation rules_observe(const struct upstream_answer *answer, int64_t began_ms)
{
    struct observation observation = {.kind = OBSERVED_NOTHING, .began_ms = began_ms};
    if (answer->fate == UPSTREAM_REFUSED && answer->http_status == 404 &&
        strcmp(answer->error_type, "ResourceNotFoundException") == 0) {
        observation.kind = OBSERVED_ABSENT;
    } else if (answer->fate == UPSTREAM_ACCEPTED) {
        observation.status = answer->status;
        if (answer->status == MODEL_HOSTING_FAILED)
            observation.kind = OBSERVED_FAILED;
        else if (model_status_is_running(answer->status))
            observation.kind = OBSERVED_RUNNING;
        else
            observation.kind = OBSERVED_NOT_RUNNING;
    }
    return observation;
}

/* When the start was last known to be on its way or accepted: QUIET counts from here. */
static int64_t last_start_ms(const struct reservation *row)
{
    return later(row->last_send_ms, row->accepted_ms);
}

bool rules_is_quiet(const struct control_settings *settings, const struct observation *observation,
                    const struct reservation *row)
{
    return observation->began_ms - last_start_ms(row) >= settings->quiet_ms;
}

/*
 * Counts towards the pair of rule 3 and 4; true when this observation completes it. The first one's
 * time, which is what is charged, is when its answer was there: the model may have run until then.
 */
static bool confirms_not_running(const struct control_settings *settings,
                                 const struct observation *observation, int64_t now_ms,
                                 struct reservation *row)
{
    if (row->not_running_ms == 0 || observation->began_ms < row->not_running_ms) {
        row->not_running_ms = now_ms;
        return false;
    }
    return observation->began_ms - row->not_running_ms >= settings->confirm_ms;
}

static void close_row(enum reservation_state state, enum reservation_end end, int64_t ended_ms,
                      int64_t now_ms, struct reservation *row)
{
    row->state = state;
    row->end = end;
    row->ended_ms = ended_ms;
    row->closed_ms = now_ms;
}

/* Rule 3: whether somebody looked all the time, which any answer about the model shows. */
static void note_look(const struct control_settings *settings,
                      const struct observation *observation, struct reservation *row)
{
    int64_t since = later(row->observed_ms, row->first_send_ms);
    if (observation->began_ms - since > settings->unobserved_ms)
        row->unobserved = true;
    row->observed_ms = observation->began_ms;
}

/* Rule 3: only looks after QUIET count, and what nobody could watch is charged. */
static void apply_uncertain(const struct control_settings *settings,
                            const struct observation *observation, int64_t now_ms,
                            struct reservation *row)
{
    if (observation->kind == OBSERVED_RUNNING) {
        row->state = RESERVATION_ACTIVE;
        row->seen_running_ms = observation->began_ms;
        row->not_running_ms = 0;
        return;
    }
    if (!rules_is_quiet(settings, observation, row))
        return;
    if (observation->kind == OBSERVED_FAILED) { /* rule 4: one stop, and then it is closed */
        rules_begin_stop(RESERVATION_END_HOSTING_FAILED, now_ms, row);
        return;
    }
    if (!confirms_not_running(settings, observation, now_ms, row))
        return;
    if (row->unobserved)
        close_row(RESERVATION_CLOSED, RESERVATION_END_NEVER_STARTED, row->not_running_ms, now_ms,
                  row);
    else
        close_row(RESERVATION_VOID, RESERVATION_END_NEVER_STARTED, row->created_ms, now_ms, row);
}

/* True when the model was seen running. */
static bool note_running(const struct observation *observation, struct reservation *row)
{
    if (observation->kind != OBSERVED_RUNNING)
        return false;
    if (row->seen_running_ms == 0)
        row->seen_running_ms = observation->began_ms;
    row->not_running_ms = 0;
    return true;
}

/* Rule 4: a sighting of it running, or QUIET, stands against a DescribeModel that lags. */
static bool is_believable(const struct control_settings *settings,
                          const struct observation *observation, const struct reservation *row)
{
    return row->seen_running_ms != 0 || rules_is_quiet(settings, observation, row);
}

/* A look lags by less than lies between two of them, once the start is known to be accepted. */
bool rules_shows_this_run(const struct control_settings *settings,
                          const struct observation *observation, const struct reservation *row)
{
    return rules_is_quiet(settings, observation, row) ||
           (row->accepted_ms != 0 &&
            observation->began_ms - last_start_ms(row) >= settings->confirm_ms);
}

/*
 * Whether a look that shows it not running may be the end, which is what is charged. Before that it
 * may show the time before the start: lagging behind one that was accepted, or while one of unknown
 * fate can still come.
 */
static bool may_be_the_end(const struct control_settings *settings,
                           const struct observation *observation, const struct reservation *row)
{
    return row->seen_running_ms != 0 || rules_shows_this_run(settings, observation, row);
}

static void apply_active(const struct control_settings *settings,
                         const struct observation *observation, int64_t now_ms,
                         struct reservation *row)
{
    if (note_running(observation, row) || !may_be_the_end(settings, observation, row))
        return;
    bool believable = is_believable(settings, observation, row);
    if (observation->kind == OBSERVED_FAILED && believable) {
        rules_begin_stop(RESERVATION_END_HOSTING_FAILED, now_ms, row);
        return;
    }
    if (confirms_not_running(settings, observation, now_ms, row) && believable)
        close_row(RESERVATION_CLOSED, RESERVATION_END_VANISHED, row->not_running_ms, now_ms, row);
}

static void apply_stopping(const struct control_settings *settings,
                           const struct observation *observation, int64_t now_ms,
                           struct reservation *row)
{
    if (note_running(observation, row) || !may_be_the_end(settings, observation, row))
        return;
    /* HOSTING_FAILED wants its one stop before anything is over. */
    if (observation->kind == OBSERVED_FAILED && row->stop_sent_ms == 0)
        return;
    if (confirms_not_running(settings, observation, now_ms, row) &&
        is_believable(settings, observation, row))
        close_row(RESERVATION_CLOSED, row->end, row->not_running_ms, now_ms, row);
}

/* Whether an observation or a recovery left anything to write. */
static bool differs(const struct reservation *a, const struct reservation *b)
{
    return a->state != b->state || strcmp(a->status, b->status) != 0 ||
           a->seen_running_ms != b->seen_running_ms || a->not_running_ms != b->not_running_ms ||
           a->observed_ms != b->observed_ms || a->unobserved != b->unobserved ||
           a->last_send_ms != b->last_send_ms || a->stop_doubt_ms != b->stop_doubt_ms;
}

bool rules_apply(const struct control_settings *settings, const struct observation *observation,
                 int64_t now_ms, struct reservation *row)
{
    if (observation->kind == OBSERVED_NOTHING)
        return false;

    struct reservation before = *row;
    if (row->state == RESERVATION_UNCERTAIN)
        note_look(settings, observation, row);
    if (observation->kind == OBSERVED_ABSENT && !rules_is_quiet(settings, observation, row))
        return differs(&before, row);
    if (observation->kind != OBSERVED_ABSENT)
        set_status(row, observation->status);
    switch (row->state) {
    case RESERVATION_UNCERTAIN:
        apply_uncertain(settings, observation, now_ms, row);
        break;
    case RESERVATION_ACTIVE:
        apply_active(settings, observation, now_ms, row);
        break;
    case RESERVATION_STOPPING:
        apply_stopping(settings, observation, now_ms, row);
        break;
    case RESERVATION_PENDING: /* its start is in flight, or rules_recover comes first */
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        return false;
    }
    return differs(&before, row);
}

bool rules_lacks_lost_stop(const struct reservation *row)
{
    return !row->unobserved &&
           (row->state == RESERVATION_PENDING || row->state == RESERVATION_UNCERTAIN);
}

bool rules_recover(bool stop_lost, int64_t now_ms, struct reservation *row)
{
    struct reservation before = *row;
    if (stop_lost && rules_lacks_lost_stop(row))
        row->unobserved = true;
    switch (row->state) {
    case RESERVATION_PENDING:
        row->state = RESERVATION_UNCERTAIN;
        if (row->first_send_ms == 0)
            row->first_send_ms = row->created_ms;
        row->last_send_ms = now_ms;
        break;
    case RESERVATION_UNCERTAIN:
        row->last_send_ms = now_ms;
        break;
    case RESERVATION_STOPPING:
        if (row->accepted_ms == 0)
            row->last_send_ms = now_ms;
        if (row->stop_doubt_ms != 0)
            row->stop_doubt_ms = now_ms;
        break;
    case RESERVATION_ACTIVE:
        break;
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        return false;
    }
    row->not_running_ms = 0;
    return differs(&before, row);
}

void rules_begin_stop(enum reservation_end end, int64_t now_ms, struct reservation *row)
{
    assert(row->state == RESERVATION_PENDING || row->state == RESERVATION_UNCERTAIN ||
           row->state == RESERVATION_ACTIVE);
    row->state = RESERVATION_STOPPING;
    row->end = end;
    row->stop_asked_ms = now_ms;
    row->not_running_ms = 0;
}

static void keep_stop(const struct reservation *kept, struct reservation *row)
{
    memcpy(row->stop_token, kept->stop_token, sizeof(row->stop_token));
    row->stop_sent_ms = kept->stop_sent_ms;
    row->stop_accepted_ms = kept->stop_accepted_ms;
    row->stop_doubt_ms = kept->stop_doubt_ms;
    row->not_running_ms = 0;
    if (kept->stop_accepted_ms != 0)
        memcpy(row->status, kept->status, sizeof(row->status));
}

void rules_record_stop(const struct reservation *kept, struct reservation *row)
{
    switch (row->state) {
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
    case RESERVATION_ACTIVE:
        rules_begin_stop(kept->end, kept->stop_asked_ms, row);
        keep_stop(kept, row);
        break;
    case RESERVATION_STOPPING:
        keep_stop(kept, row);
        break;
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        row->stop_doubt_ms = later(row->stop_doubt_ms, kept->stop_doubt_ms);
        break;
    }
}

void rules_fence_lost_stop(const struct control_settings *settings, bool stop_lost, int64_t boot_ms,
                           int64_t now_ms, struct reservation *row)
{
    if (row->state == RESERVATION_CLOSED && (stop_lost || row->end == RESERVATION_END_VANISHED) &&
        now_ms - boot_ms < settings->quiet_ms)
        row->stop_doubt_ms = later(row->stop_doubt_ms, boot_ms);
}

bool rules_may_resend(const struct control_settings *settings, int64_t now_ms,
                      const struct reservation *row)
{
    /* After a refusal that came too late to be definite we only watch; also where the clock was set
     * back since the first send (rule 10), and the window would be longer by as much. */
    return row->state == RESERVATION_UNCERTAIN && row->refusal_status == 0 &&
           now_ms < row->lease_end_ms && now_ms >= row->first_send_ms &&
           now_ms - row->first_send_ms < settings->resend_window_ms;
}

bool rules_stop_due(const struct control_settings *settings, const struct observation *observation,
                    int64_t now_ms, const struct reservation *row)
{
    if (row->state != RESERVATION_STOPPING)
        return false;
    if (row->stop_sent_ms == 0)
        return true;
    /* Unseen, it may run: who can't look still stops. */
    if (row->stop_accepted_ms == 0)
        return observation->kind == OBSERVED_RUNNING || observation->kind == OBSERVED_NOTHING;
    return observation->kind == OBSERVED_RUNNING &&
           now_ms - row->stop_accepted_ms >= settings->stop_renew_ms;
}

bool rules_stop_needs_token(const struct control_settings *settings, int64_t now_ms,
                            const struct reservation *row)
{
    if (row->stop_token[0] == '\0')
        return true;
    return row->stop_accepted_ms != 0 && now_ms - row->stop_accepted_ms >= settings->stop_renew_ms;
}

bool rules_add_answer(struct start_fate *fate, const struct upstream_answer *answer)
{
    switch (answer->fate) {
    case UPSTREAM_ACCEPTED:
        return true;
    case UPSTREAM_REFUSED:
        /* A signature that was too old, or a rotated key, is good at the next attempt. */
        return !answer->our_fault;
    case UPSTREAM_THROTTLED:
        fate->throttled = true;
        return false;
    case UPSTREAM_DOUBT:
        fate->doubt = true;
        /* A conflict will not go away by asking again; the model's status tells more. */
        return answer->http_status == 409;
    case UPSTREAM_NOT_SENT:
        return false;
    }
    return false;
}

static void keep_refusal(const struct upstream_answer *answer, struct reservation *row)
{
    row->refusal_status = answer->http_status;
    (void)snprintf(row->refusal_type, sizeof(row->refusal_type), "%s", answer->error_type);
    (void)snprintf(row->refusal_message, sizeof(row->refusal_message), "%s", answer->message);
}

static void settle_accepted(const struct upstream_answer *answer, int64_t now_ms,
                            struct reservation *row)
{
    row->accepted_ms = now_ms;
    row->not_running_ms = 0;
    set_status(row, answer->status);
    switch (row->state) {
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
        row->state = RESERVATION_ACTIVE;
        break;
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        row->state = RESERVATION_STOPPING;
        row->seen_running_ms = 0; /* it was an earlier run that was seen */
        row->stop_asked_ms = now_ms;
        row->stop_token[0] = '\0';
        row->stop_sent_ms = 0;
        row->stop_accepted_ms = 0;
        row->ended_ms = 0;
        row->closed_ms = 0;
        break;
    case RESERVATION_ACTIVE:
    case RESERVATION_STOPPING:
        break;
    }
}

static void settle_doubt(const struct upstream_answer *answer, int64_t now_ms,
                         struct reservation *row)
{
    row->last_send_ms = now_ms;
    row->not_running_ms = 0;
    /* One of our credentials says nothing of the start: it may be sent again. */
    if ((answer->fate == UPSTREAM_REFUSED && !answer->our_fault) || answer->http_status == 409)
        keep_refusal(answer, row);
    if (row->state == RESERVATION_PENDING)
        row->state = RESERVATION_UNCERTAIN;
}

/* Proven: no send was applied. */
static void settle_void(const struct start_fate *fate, const struct upstream_answer *answer,
                        int64_t now_ms, struct reservation *row)
{
    enum reservation_end end = RESERVATION_END_NOT_SENT;
    if (answer->fate == UPSTREAM_REFUSED) {
        end = answer->our_fault ? RESERVATION_END_OUR_FAULT : RESERVATION_END_REFUSED;
        keep_refusal(answer, row);
    } else if (fate->throttled) {
        end = RESERVATION_END_THROTTLED;
    }
    if (row->state == RESERVATION_STOPPING)
        close_row(RESERVATION_CLOSED, row->end, row->created_ms, now_ms, row);
    else if (row->state == RESERVATION_PENDING)
        close_row(RESERVATION_VOID, end, row->created_ms, now_ms, row);
}

void rules_settle_start(const struct start_fate *fate, const struct upstream_answer *answer,
                        int64_t now_ms, struct reservation *row)
{
    if (answer->fate == UPSTREAM_ACCEPTED)
        settle_accepted(answer, now_ms, row);
    else if (fate->doubt)
        settle_doubt(answer, now_ms, row);
    else
        settle_void(fate, answer, now_ms, row);
}

void rules_settle_stop(const struct upstream_answer *answer, int64_t earlier_doubt_ms,
                       int64_t now_ms, struct reservation *row)
{
    row->not_running_ms = 0;
    switch (answer->fate) {
    case UPSTREAM_ACCEPTED:
        row->stop_sent_ms = now_ms;
        row->stop_accepted_ms = now_ms;
        row->stop_doubt_ms = 0; /* the same token: an earlier send that comes late is a replay */
        set_status(row, answer->status);
        return;
    case UPSTREAM_DOUBT:
        row->stop_sent_ms = now_ms;
        row->stop_doubt_ms = now_ms;
        if (answer->http_status == 409)
            row->stop_doubt_ms = earlier_doubt_ms;
        break;
    case UPSTREAM_THROTTLED:
    case UPSTREAM_REFUSED:
        row->stop_sent_ms = now_ms;
        row->stop_doubt_ms = earlier_doubt_ms;
        break;
    case UPSTREAM_NOT_SENT:
        row->stop_doubt_ms = earlier_doubt_ms;
        break;
    }
    /* Nothing of this token is on its way any more: the next round has a token of its own. */
    if (row->stop_doubt_ms == 0)
        row->stop_token[0] = '\0';
}
