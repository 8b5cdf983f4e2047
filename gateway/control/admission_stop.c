/* A stop request: written down first, then sent, then left to the reconciler until it is observed.
 */
#include "gateway/control/admission.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/model_change.h"
#include "gateway/control/model_name.h"
#include "gateway/control/rules.h"

#include <string.h>

#define STOP_PAGE 16 /* live versions of one project read at a time */

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

/* Versions are numbers without leading zeros: the longer one is the larger one. */
static bool is_newer(const char *version, const char *than)
{
    size_t len = strlen(version), than_len = strlen(than);
    return len != than_len ? len > than_len : strcmp(version, than) > 0;
}

/* "latest" of a stop: the newest version of the project that is held. */
static int find_newest_held(struct control *control, const struct stop_request *request,
                            struct reservation *row, struct error *err)
{
    struct ledger_filter filter = {.team = request->team, .project = request->project};
    struct reservation page[STOP_PAGE];
    char after[RESERVATION_ID_LEN + 1] = "";
    size_t count = STOP_PAGE;
    row->version[0] = '\0';
    while (count == STOP_PAGE) {
        int result =
            ledger_list_live(control->ledger, &filter, after, page, STOP_PAGE, &count, err);
        if (result != 0)
            return result;
        for (size_t i = 0; i < count; i++)
            if (is_newer(page[i].version, row->version))
                *row = page[i];
        if (count > 0)
            memcpy(after, page[count - 1].id, sizeof(after));
    }
    if (row->version[0] == '\0')
        return error_set(err, ERROR_NOT_FOUND, "nothing of that project is held");
    return 0;
}

/* The live row that the caller may stop. */
static int find_held(struct control *control, const struct stop_request *request,
                     struct reservation *row, struct error *err)
{
    int result =
        model_name_is_latest(request->version)
            ? find_newest_held(control, request, row, err)
            : ledger_find_live(control->ledger, request->project, request->version, row, err);
    if (result == 0 && request->team != NULL && strcmp(row->team, request->team) != 0)
        return error_set(err, ERROR_NOT_FOUND, "held by another team");
    return result;
}

static void stop_held(struct control *control, const struct stop_request *request,
                      int64_t deadline_ms, struct stop_result *out)
{
    struct control_settings settings;
    struct model_call call;
    struct error err = {0};
    struct ledger_cause cause = control_cause(control, "stop");
    cause.actor = request->subject;
    cause.request_id = request->request_id;
    control_get_settings(control, &settings);
    int result = 0;
    /* Not where it is STOPPING: a write would only make an observation under way be lost. */
    if (out->row.state != RESERVATION_STOPPING)
        result = model_change_write(control, &cause, apply_stop_request, NULL, &out->row, &err);
    CRASH_POINT(STOP_WRITTEN);
    if (result != 0) {
        out->outcome = result == ERROR_UNCERTAIN ? STOP_UNCERTAIN : STOP_UNAVAILABLE;
        control_say(out->detail, "the stop could not be written down: repeat it");
        LOG(LOG_ERROR, "stop.ledger_failed", log_str("reservation", out->row.id),
            log_str("message", err.message));
        return;
    }
    out->outcome = STOP_ACCEPTED;
    if (out->row.state != RESERVATION_STOPPING)
        return; /* it ended by itself in the meantime */
    if (model_calls_acquire(control->calls, out->row.project, out->row.version, deadline_ms,
                            &call) != 0) {
        control_nudge(control);
        control_say(out->detail,
                    "a call for this model is under way; the stop follows it by itself");
        return;
    }
    if (ledger_get(control->ledger, out->row.id, &out->row, &err) == 0 &&
        out->row.state == RESERVATION_STOPPING) {
        struct change_budget budget = model_change_request_budget(&settings, deadline_ms, &cause);
        out->confirmed = out->row.stop_accepted_ms != 0;
        /* The first call is the request's, each further one the reconciler's: a caller who repeats
         * himself would begin the wait for two observations anew each time. */
        if (out->row.stop_sent_ms == 0 && !atomic_load(&control->wrong_account))
            out->confirmed = model_change_stop(control, &budget, &out->row);
    }
    model_calls_release(control->calls, &call);
    if (!out->confirmed && out->row.state == RESERVATION_STOPPING) {
        control_nudge(control);
        control_say(out->detail,
                    "AWS has not confirmed the stop yet; it is repeated until the model is seen "
                    "stopped");
    }
}

void admission_stop(struct control *control, const struct stop_request *request,
                    int64_t deadline_ms, struct stop_result *out)
{
    struct error err = {0};
    memset(out, 0, sizeof(*out));
    int result = find_held(control, request, &out->row, &err);
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
        control_say(out->detail, "the ledger can't be read now: repeat");
    }
    metric_add(out->outcome == STOP_ACCEPTED ? control->metrics.stops_accepted
                                             : control->metrics.stops_other,
               1);
}
