/* The way of a start request: decide, write down, send, answer. */
#include "gateway/control/admission.h"

#include "gateway/base/crash_point.h"
#include "gateway/base/crypto.h"
#include "gateway/base/log.h"
#include "gateway/control/context.h"
#include "gateway/control/drift_rules.h"
#include "gateway/control/model_change.h"
#include "gateway/control/model_name.h"
#include "gateway/control/model_status.h"
#include "gateway/control/rules.h"
#include "policy/evaluator.h"

#include <stdio.h>
#include <string.h>

#define FINGERPRINT_MAX 1024

/* --- deciding ------------------------------------------------------------------------------ */

/* What the ledger's writer calls inside its transaction. */
struct decide_context {
    const struct policy *policy;
    struct quota_request request;
    struct quota_decision decision;
    bool decided;
};

static int decide(void *context, const struct quota_books *books, bool *admitted, struct error *err)
{
    struct decide_context *decide_context = context;
    int result = policy_evaluate(decide_context->policy, &decide_context->request, books,
                                 &decide_context->decision, err);
    decide_context->decided = result == 0;
    *admitted = result == 0 && decide_context->decision.verdict == QUOTA_ADMITTED;
    return result;
}

static struct ledger_cause start_cause(struct control *control, const struct start_request *request,
                                       const struct start_result *out)
{
    struct ledger_cause cause = control_cause(control, "start");
    cause.actor = request->subject;
    cause.request_id = request->request_id;
    cause.policy = out->policy_digest;
    return cause;
}

static int64_t worst_case_units(const struct start_request *request)
{
    return request->max_units != 0 ? request->max_units : request->min_units;
}

/* Rule 11: the canonical request, with the literal version that the caller wrote. */
static int make_fingerprint(const struct start_request *request,
                            unsigned char out[LEDGER_FINGERPRINT_LEN])
{
    char text[FINGERPRINT_MAX];
    int len =
        snprintf(text, sizeof(text), "start\n%s\n%s\n%lld\n%lld", request->project,
                 request->version, (long long)request->min_units, (long long)request->max_units);
    return crypto_sha256(text, (size_t)len, out);
}

/* Fills the row that is to be inserted. */
static int make_row(struct control *control, const struct control_settings *settings,
                    const struct start_request *request, const char *version,
                    struct reservation *row)
{
    memset(row, 0, sizeof(*row));
    row->created_ms = control_now_ms(control);
    /* Ids in the order of time keep the ledger's indexes compact; a token must not be guessed. */
    if (crypto_uuid7(row->created_ms, row->id) != 0 || crypto_uuid4(row->client_token) != 0)
        return ERROR_IO;
    row->state = RESERVATION_PENDING;
    (void)snprintf(row->team, sizeof(row->team), "%s", request->team);
    (void)snprintf(row->subject, sizeof(row->subject), "%s", request->subject);
    (void)snprintf(row->project, sizeof(row->project), "%s", request->project);
    (void)snprintf(row->version, sizeof(row->version), "%s", version);
    row->min_units = request->min_units;
    row->max_units = request->max_units;
    row->units = worst_case_units(request);
    int result = control->upstream->ops->start_body(control->upstream->self, row->min_units,
                                                    row->max_units, row->body, sizeof(row->body));
    if (result != 0)
        return result;
    row->body_len = strlen(row->body);
    row->first_send_ms = row->created_ms;
    row->last_send_ms = row->created_ms;
    row->lease_end_ms = row->created_ms + settings->lease_ms;
    row->worst_end_ms = row->lease_end_ms;
    return 0;
}

static void keep_decision(const struct decide_context *context, struct start_result *out)
{
    out->has_decision = context->decided;
    if (!context->decided)
        return;
    out->decision = context->decision;
    policy_explain(&context->decision, &context->request, out->detail, sizeof(out->detail));
}

/* What was used in time decides about now, and here is asked about ever. */
static int no_unit_time(void *self, enum quota_scope scope, int64_t from_ms, int64_t until_ms,
                        struct quota_unit_time *out, struct error *err)
{
    (void)self;
    (void)scope;
    (void)from_ms;
    (void)until_ms;
    (void)err;
    *out = (struct quota_unit_time){0};
    return 0;
}

/* Refusals that no change of usage could turn are given before AWS is asked for anything. */
static bool refused_for_ever(struct control *control, struct decide_context *context,
                             struct start_result *out)
{
    struct quota_books books = {.unit_time = no_unit_time};
    struct error err = {0};
    bool admitted = false;
    if (ledger_usage(control->ledger, context->request.team, &books.account, &books.team, &err) !=
            0 ||
        decide(context, &books, &admitted, &err) != 0)
        return false; /* the ledger's own step will tell */
    if (admitted || context->decision.verdict != QUOTA_REFUSED_EVER)
        return false;
    out->outcome = START_QUOTA;
    keep_decision(context, out);
    return true;
}

/* --- answering ----------------------------------------------------------------------------- */

static void keep_row(struct control *control, const struct start_request *request,
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
static void answer_sent(bool settled, const struct upstream_answer *last, struct start_result *out)
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

/* A row that is there already, by key or by model: send again where that finds the truth, then
 * tell. */
static void answer_present(struct control *control, const struct control_settings *settings,
                           const struct start_request *request, enum start_outcome outcome,
                           int64_t deadline_ms, struct start_result *out)
{
    struct upstream_answer last = {.fate = UPSTREAM_NOT_SENT};
    out->outcome = outcome;
    if (out->row.state == RESERVATION_VOID && out->row.end == RESERVATION_END_REFUSED) {
        answer_sent(true, &last, out);
        return;
    }
    if (rules_may_resend(settings, control_now_ms(control), &out->row)) {
        struct ledger_cause cause = start_cause(control, request, out);
        struct change_budget budget = model_change_request_budget(settings, deadline_ms, &cause);
        bool settled = model_change_start(control, &budget, &out->row, &last);
        if (out->row.state != RESERVATION_ACTIVE)
            answer_sent(settled, &last, out);
    } else if (out->row.state == RESERVATION_PENDING || out->row.state == RESERVATION_UNCERTAIN) {
        answer_sent(true, &last, out);
    }
}

static void answer_ledger_error(int result, const struct error *err, struct start_result *out)
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

/* --- the way of a request ------------------------------------------------------------------ */

/* True when there is an answer already. */
static bool answer_known_key(struct control *control, const struct control_settings *settings,
                             const struct start_request *request,
                             const unsigned char fingerprint[LEDGER_FINGERPRINT_LEN],
                             int64_t deadline_ms, struct start_result *out)
{
    struct ledger_reserve_result found;
    struct model_call call;
    struct error err = {0};
    if (request->key == NULL || ledger_find_key(control->ledger, request->team, request->key,
                                                fingerprint, &found, &err) != 0)
        return false;
    keep_row(control, request, &found.row, out);
    if (found.outcome == LEDGER_KEY_REUSED) {
        out->outcome = START_KEY_REUSED;
        control_say(out->detail, "this idempotency key was used before with other parameters");
        return true;
    }
    if (request->dry_run) {
        out->outcome = START_REPLAYED;
        return true;
    }
    /* A key in flight waits for the answer. */
    if (model_calls_acquire(control->calls, out->row.project, out->row.version, deadline_ms,
                            &call) != 0) {
        out->outcome = START_UNCERTAIN;
        control_say(out->detail, "the first call with this key is still under way: repeat it");
        return true;
    }
    if (ledger_get(control->ledger, found.row.id, &found.row, &err) == 0)
        keep_row(control, request, &found.row, out);
    bool known = !(out->row.state == RESERVATION_VOID && reservation_end_rearms(out->row.end));
    if (known)
        answer_present(control, settings, request, START_REPLAYED, deadline_ms, out);
    model_calls_release(control->calls, &call);
    return known;
}

/* The number behind "latest". True when `version` is set, else `out` has the answer. */
static bool resolve_latest(struct control *control, const struct start_request *request,
                           int64_t deadline_ms, char version[RESERVATION_VERSION_MAX + 1],
                           struct start_result *out)
{
    struct model_status_view view;
    model_status_get(control->statuses, request->project, request->version, deadline_ms, &view);
    if (view.answer.fate == UPSTREAM_ACCEPTED) {
        (void)snprintf(version, RESERVATION_VERSION_MAX + 1, "%s", view.description.version);
        return true;
    }
    out->upstream_status = view.answer.http_status;
    if (view.answer.http_status == 404) {
        out->outcome = START_UNKNOWN_MODEL;
        control_say(out->detail, "AWS knows no model in project %s", request->project);
        return false;
    }
    out->outcome = START_NOT_SENT;
    out->retry_after_ms = view.answer.retry_after_ms;
    control_say(out->detail,
                "\"latest\" could not be resolved, and nothing is started before it is: %s",
                view.answer.message);
    return false;
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

static void answer_held(const struct start_request *request, struct start_result *out)
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

static void answer_frozen(const struct ledger_freeze *freeze, struct start_result *out)
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
static bool is_what_was_asked(const struct start_request *request, const struct start_result *out)
{
    return out->row_is_own && out->row.state != RESERVATION_STOPPING &&
           out->row.min_units == request->min_units && out->row.max_units == request->max_units;
}

/* With the model's marker held, or on a dry run. */
static void reserve_and_send(struct control *control, const struct control_settings *settings,
                             const struct start_request *request, struct ledger_reserve *reserve,
                             int64_t deadline_ms, struct start_result *out)
{
    struct ledger_reserve_result reserved;
    struct upstream_answer last;
    struct error err = {0};
    struct change_budget budget =
        model_change_request_budget(settings, deadline_ms, &reserve->cause);

    int result = ledger_reserve(control->ledger, reserve, &reserved, &err);
    CRASH_POINT(START_RESERVED);
    if (result != 0) {
        answer_ledger_error(result, &err, out);
        return;
    }
    keep_decision(reserve->decide_context, out);
    if (reserved.outcome != LEDGER_REFUSED && reserved.outcome != LEDGER_FENCED &&
        reserved.outcome != LEDGER_FROZEN)
        keep_row(control, request, &reserved.row, out);
    if (reserved.outcome == LEDGER_REPLAY &&
        strcmp(reserved.row.version, reserve->row.version) != 0) {
        out->outcome = START_REPLAYED; /* its model's marker is not ours: see start */
        return;
    }
    switch (reserved.outcome) {
    case LEDGER_RESERVED:
        out->outcome = START_ACCEPTED;
        if (request->dry_run) {
            out->has_row = false;
            break;
        }
        answer_sent(model_change_start(control, &budget, &out->row, &last), &last, out);
        break;
    case LEDGER_REPLAY:
    case LEDGER_HELD:
        if (reserved.outcome == LEDGER_HELD && !is_what_was_asked(request, out))
            answer_held(request, out);
        else if (request->dry_run)
            out->outcome = reserved.outcome == LEDGER_HELD ? START_PRESENT : START_REPLAYED;
        else
            answer_present(control, settings, request,
                           reserved.outcome == LEDGER_HELD ? START_PRESENT : START_REPLAYED,
                           deadline_ms, out);
        break;
    case LEDGER_KEY_REUSED:
        out->outcome = START_KEY_REUSED;
        control_say(out->detail, "this idempotency key was used before with other parameters");
        break;
    case LEDGER_FENCED:
        out->outcome = START_FENCED;
        out->retry_after_ms = reserved.fence_until_ms - reserve->now_ms;
        control_say(out->detail,
                    "a stop of this model was sent whose fate is unknown, and could still stop "
                    "a new start: starts wait until it can't arrive any more");
        break;
    case LEDGER_FROZEN:
        answer_frozen(&reserved.freeze, out);
        break;
    case LEDGER_REFUSED:
        out->outcome = START_QUOTA;
        break;
    }
}

/* Somebody else's call of this model is under way and did not end in time. */
static void answer_busy(struct control *control, const struct start_request *request,
                        const char *version, struct start_result *out)
{
    struct reservation row;
    struct error err = {0};
    if (control_is_closing(control)) {
        out->outcome = START_UNAVAILABLE;
        control_say(out->detail, "the gateway is shutting down; nothing was started");
        return;
    }
    if (ledger_find_live(control->ledger, request->project, version, &row, &err) == 0) {
        keep_row(control, request, &row, out);
        if (!is_what_was_asked(request, out)) {
            answer_held(request, out);
            return;
        }
    }
    out->outcome = START_UNCERTAIN;
    control_say(out->detail, "another call for this model is still under way: repeat this one");
}

static void start(struct control *control, const struct control_settings *settings,
                  const struct start_request *request, struct decide_context *context,
                  int64_t deadline_ms, struct start_result *out)
{
    char version[RESERVATION_VERSION_MAX + 1];
    struct ledger_reserve reserve = {
        .key = request->key,
        .quiet_ms = settings->quiet_ms,
        .dry_run = request->dry_run,
        .decide = decide,
        .decide_context = context,
        .cause = start_cause(control, request, out),
    };
    struct model_call call;
    if (make_fingerprint(request, reserve.fingerprint) != 0) {
        out->outcome = START_UNAVAILABLE;
        control_say(out->detail, "the gateway can't hash the request");
        return;
    }
    (void)snprintf(version, sizeof(version), "%s", request->version);
    /* A known key is answered in the ledger's step, but for one whose model is not known yet. */
    if (model_name_is_latest(request->version)) {
        if (answer_known_key(control, settings, request, reserve.fingerprint, deadline_ms, out))
            return;
        out->has_row = false;
        if (refused_for_ever(control, context, out))
            return;
        if (!resolve_latest(control, request, deadline_ms, version, out))
            return;
    }
    if (!request->dry_run &&
        model_calls_acquire(control->calls, request->project, version, deadline_ms, &call) != 0) {
        answer_busy(control, request, version, out);
        return;
    }
    if (make_row(control, settings, request, version, &reserve.row) == 0) {
        reserve.now_ms = reserve.cause.at_ms = reserve.row.created_ms;
        context->request.now_ms = context->request.from_ms = reserve.row.created_ms;
        context->request.lease_ms = reserve.row.lease_end_ms - reserve.row.created_ms;
        context->request.until_ms = reserve.row.worst_end_ms;
        reserve_and_send(control, settings, request, &reserve, deadline_ms, out);
    } else {
        out->outcome = START_UNAVAILABLE;
        control_say(out->detail, "the gateway has no randomness for a client token");
    }
    if (request->dry_run)
        return;
    model_calls_release(control->calls, &call);
    /* While this call waited, another with its key found that "latest" is a newer version. */
    if (out->outcome == START_REPLAYED && strcmp(out->row.version, version) != 0)
        (void)answer_known_key(control, settings, request, reserve.fingerprint, deadline_ms, out);
}

/*
 * Rule 9: the first start of a process asks first whose account the credentials lead to, and so
 * does each one while that is the wrong one. One asks, the others wait for it: the marker is that
 * of a model that can't be.
 */
static bool is_our_account(struct control *control, const struct start_request *request,
                           int64_t deadline_ms)
{
    struct upstream_answer answer;
    struct upstream_description description;
    struct model_call turn;
    if (atomic_load(&control->account_asked) && !atomic_load(&control->wrong_account))
        return true;
    if (model_calls_acquire(control->calls, "", "", deadline_ms, &turn) == 0) {
        if (!atomic_load(&control->account_asked) || atomic_load(&control->wrong_account)) {
            control_describe(control, request->project, request->version, PACING_CALLER,
                             deadline_ms, &answer, &description);
            /* An unknown model has no account; who can't be asked stops nobody. */
            if (answer.http_status != 404)
                atomic_store(&control->account_asked, true);
        }
        model_calls_release(control->calls, &turn);
    }
    return !atomic_load(&control->wrong_account);
}

static void count_start(struct control *control, enum start_outcome outcome)
{
    struct control_metrics *metrics = &control->metrics;
    switch (outcome) {
    case START_ACCEPTED:
        metric_add(metrics->starts_accepted, 1);
        break;
    case START_PRESENT:
    case START_REPLAYED:
        metric_add(metrics->starts_present, 1);
        break;
    case START_QUOTA:
        metric_add(metrics->starts_refused_quota, 1);
        break;
    case START_REFUSED:
        metric_add(metrics->starts_refused_upstream, 1);
        break;
    case START_NOT_SENT:
        metric_add(metrics->starts_not_sent, 1);
        break;
    case START_UNCERTAIN:
        metric_add(metrics->starts_uncertain, 1);
        break;
    case START_HELD:
    case START_FENCED:
    case START_FROZEN:
    case START_KEY_REUSED:
    case START_UNKNOWN_MODEL:
    case START_UNAVAILABLE:
        metric_add(metrics->starts_other, 1);
        break;
    }
}

void admission_start(struct control *control, const struct start_request *request,
                     int64_t deadline_ms, struct start_result *out)
{
    struct control_settings settings;
    memset(out, 0, sizeof(*out));
    control_get_settings(control, &settings);
    struct policy_snapshot *snapshot = policy_store_acquire(control->policies);
    struct decide_context context = {
        .policy = policy_snapshot_policy(snapshot),
        .request = {.team = request->team,
                    .project = request->project,
                    .units = worst_case_units(request)},
    };
    (void)snprintf(out->policy_digest, sizeof(out->policy_digest), "%s",
                   policy_snapshot_digest(snapshot));
    if (!request->dry_run && !is_our_account(control, request, deadline_ms)) {
        out->outcome = START_UNAVAILABLE;
        control_say(out->detail,
                    "AWS answered from another account than the ledger's: no starts until an "
                    "administrator has corrected credentials or endpoint");
    } else {
        start(control, &settings, request, &context, deadline_ms, out);
    }
    policy_snapshot_release(&snapshot);
    if (!request->dry_run)
        count_start(control, out->outcome);
}
