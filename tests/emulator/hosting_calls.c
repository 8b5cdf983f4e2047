/* StartModel, StopModel and DescribeModel on the models: what is refused, replayed and done. */
#include "tests/emulator/hosting.h"

#include "tests/emulator/hosting_internal.h"
#include "tests/emulator/hosting_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define QUOTA_RUNNING_MODELS  "L-82DA2ABD"
#define QUOTA_UNITS_PER_MODEL "L-84E8C9F8"

static struct answer_details details_of(const char *name)
{
    return (struct answer_details){.resource_id = name, .resource_type = "MODEL"};
}

static enum hosting_effect refuse_missing(const struct hosting_call *call, struct answer *answer)
{
    char name[HOSTING_NAME_SIZE];
    struct answer_details details = details_of(name);

    snprintf(name, sizeof(name), "%s/%s", call->project, call->version);
    answer_set_error(answer, "ResourceNotFoundException", &details,
                     "Version %s of the model of project %s was not found.", call->version,
                     call->project);
    return HOSTING_NONE;
}

static enum hosting_effect refuse_conflict(const struct hosting_model *model, const char *verb,
                                           struct answer *answer)
{
    struct answer_details details = details_of(model->name);

    answer_set_error(answer, "ConflictException", &details,
                     "The model cannot be %s while its status is %s.", verb,
                     hosting_status_name(model->status));
    return HOSTING_NONE;
}

static enum hosting_effect refuse_full(const struct hosting_model *model, struct answer *answer)
{
    answer_set_error(answer, "InternalServerException", NULL,
                     "The emulator has no memory for another call on %s: at most %d tokens in 8 "
                     "hours and %d runs. POST /_emulator/reset empties it.",
                     model->name, HOSTING_TOKENS_MAX, HOSTING_RUNS_MAX);
    return HOSTING_NONE;
}

/*
 * A token that was used before: the first answer again, or an error where the parameters differ.
 * False when the token is new.
 */
static bool answer_token(const struct hosting *hosting, const struct hosting_model *model,
                         enum hosting_operation operation, const struct hosting_call *call,
                         int64_t now_ms, struct answer *answer, enum hosting_effect *effect)
{
    const struct hosting_token *known = hosting_token_find(model, operation, call->token, now_ms);
    struct answer_details details = details_of(model->name);
    bool conflict = hosting->settings->token_reuse == SETTING_TOKEN_CONFLICT;

    if (!known)
        return false;
    if (known->min_units == call->min_units && known->max_units == call->max_units) {
        answer_set_hosting(answer, hosting_status_name(known->answered));
        *effect = HOSTING_REPLAYED;
        return true;
    }
    answer_set_error(answer, conflict ? "ConflictException" : "ValidationException",
                     conflict ? &details : NULL,
                     "The client token was used before with other parameters.");
    *effect = HOSTING_NONE;
    return true;
}

/*
 * The quotas of a start. `counts_itself`: the model may be running already and is counted all the
 * same, which is what a service does that judges quotas before tokens.
 */
static bool quota_refuses(struct hosting *hosting, const struct hosting_model *model,
                          const struct hosting_call *call, int64_t now_ms, struct answer *answer)
{
    const struct settings *settings = hosting->settings;
    int64_t units = call->max_units ? call->max_units : call->min_units;
    struct answer_details details = details_of(model->name);

    if (settings->units_per_model > 0 && units > settings->units_per_model) {
        details.quota_code = QUOTA_UNITS_PER_MODEL;
        answer_set_error(answer, "ServiceQuotaExceededException", &details,
                         "%" PRId64 " inference units were asked for; the limit is %" PRId64
                         " for a model.",
                         units, settings->units_per_model);
        return true;
    }
    if (settings->running_models > 0 &&
        hosting_running(hosting, now_ms) >= settings->running_models) {
        details.quota_code = QUOTA_RUNNING_MODELS;
        answer_set_error(answer, "ServiceQuotaExceededException", &details,
                         "The account has reached its limit of %" PRId64 " running models.",
                         settings->running_models);
        return true;
    }
    return false;
}

static void apply_start(struct hosting *hosting, struct hosting_model *model,
                        const struct hosting_call *call, int64_t now_ms)
{
    struct hosting_start *start = &model->starts[model->start_count++];

    snprintf(start->token, sizeof(start->token), "%s", call->token);
    start->at_ms = now_ms;
    start->min_units = call->min_units;
    start->max_units = call->max_units;
    model->min_units = call->min_units;
    model->max_units = call->max_units;
    model->billed_units = call->min_units;
    if (call->max_units > 0 && hosting->settings->bill_units == SETTING_UNITS_MAX)
        model->billed_units = call->max_units;
    hosting_change(hosting, model, HOSTING_STARTING, now_ms);
}

/* A start whose token is new. */
static enum hosting_effect start_new(struct hosting *hosting, struct hosting_model *model,
                                     const struct hosting_call *call, int64_t now_ms,
                                     struct answer *answer)
{
    bool startable = model->status == HOSTING_TRAINED || model->status == HOSTING_FAILED;
    bool running = model->status == HOSTING_STARTING || model->status == HOSTING_HOSTED;

    if (running && hosting->settings->start_when_running == SETTING_ACCEPT) {
        answer_set_hosting(answer, hosting_status_name(model->status));
        hosting_token_remember(model, HOSTING_START, call, model->status, now_ms);
        return HOSTING_NONE;
    }
    if (!startable)
        return refuse_conflict(model, "started", answer);
    if (quota_refuses(hosting, model, call, now_ms, answer))
        return HOSTING_NONE;
    apply_start(hosting, model, call, now_ms);
    answer_set_hosting(answer, hosting_status_name(HOSTING_STARTING));
    hosting_token_remember(model, HOSTING_START, call, HOSTING_STARTING, now_ms);
    return HOSTING_APPLIED;
}

enum hosting_effect hosting_start(struct hosting *hosting, const struct hosting_call *call,
                                  int64_t now_ms, struct answer *answer)
{
    struct hosting_model *model = hosting_lookup(hosting, call->project, call->version, now_ms);
    enum hosting_effect effect;

    if (!model)
        return refuse_missing(call, answer);
    if (hosting->settings->quota_before_token == SETTING_YES &&
        quota_refuses(hosting, model, call, now_ms, answer))
        return HOSTING_NONE;
    if (answer_token(hosting, model, HOSTING_START, call, now_ms, answer, &effect))
        return effect;
    if (!hosting_token_reserve(model, now_ms) || !hosting_reserve(hosting, model))
        return refuse_full(model, answer);
    return start_new(hosting, model, call, now_ms, answer);
}

/* A stop whose token is new. */
static enum hosting_effect stop_new(struct hosting *hosting, struct hosting_model *model,
                                    const struct hosting_call *call, int64_t now_ms,
                                    struct answer *answer)
{
    const struct settings *settings = hosting->settings;
    bool starting = model->status == HOSTING_STARTING;
    bool stoppable = starting || model->status == HOSTING_HOSTED || model->status == HOSTING_FAILED;

    if (starting && settings->stop_when_starting == SETTING_CONFLICT)
        return refuse_conflict(model, "stopped", answer);
    if (model->status == HOSTING_TRAINED && settings->stop_when_stopped == SETTING_CONFLICT)
        return refuse_conflict(model, "stopped", answer);
    if (!stoppable && model->status != HOSTING_STOPPING && model->status != HOSTING_TRAINED)
        return refuse_conflict(model, "stopped", answer);
    answer_set_hosting(answer, hosting_status_name(HOSTING_STOPPING));
    hosting_token_remember(model, HOSTING_STOP, call, HOSTING_STOPPING, now_ms);
    if (!stoppable)
        return HOSTING_NONE;
    model->stops_applied++;
    hosting_change(hosting, model, HOSTING_STOPPING, now_ms);
    return HOSTING_APPLIED;
}

enum hosting_effect hosting_stop(struct hosting *hosting, const struct hosting_call *call,
                                 int64_t now_ms, struct answer *answer)
{
    struct hosting_model *model = hosting_lookup(hosting, call->project, call->version, now_ms);
    enum hosting_effect effect;

    if (!model)
        return refuse_missing(call, answer);
    if (answer_token(hosting, model, HOSTING_STOP, call, now_ms, answer, &effect))
        return effect;
    if (!hosting_token_reserve(model, now_ms) || !hosting_reserve(hosting, model))
        return refuse_full(model, answer);
    return stop_new(hosting, model, call, now_ms, answer);
}

static const char *status_message(enum hosting_status status)
{
    switch (status) {
    case HOSTING_TRAINING:
        return "The model is being trained.";
    case HOSTING_TRAINED:
        return "Training completed successfully.";
    case HOSTING_TRAINING_FAILED:
        return "The training failed.";
    case HOSTING_STARTING:
        return "Starting the hosting.";
    case HOSTING_HOSTED:
        return "The model is running.";
    case HOSTING_FAILED:
        return "The hosting failed.";
    case HOSTING_STOPPING:
        return "Stopping the hosting.";
    case HOSTING_UPDATING:
        return "The system is being updated.";
    case HOSTING_DELETING:
        return "The model is being deleted.";
    }
    return "";
}

/* All names have passed their patterns: nothing in them needs escaping. */
void hosting_describe(struct hosting *hosting, const struct hosting_call *call,
                      const struct hosting_view *view, int64_t now_ms, struct answer *answer)
{
    struct hosting_model *model = hosting_lookup(hosting, call->project, call->version, now_ms);
    enum hosting_status status;

    if (!model) {
        (void)refuse_missing(call, answer);
        return;
    }
    status = view->stale ? model->before : model->status;
    answer->status = 200;
    answer->error_type = NULL;
    strbuf_clear(&answer->body);
    strbuf_addf(&answer->body,
                "{\"ModelDescription\":{\"ModelVersion\":\"%" PRId64
                "\",\"ModelArn\":\"arn:aws:lookoutvision:%s:%s:model/%s\","
                "\"CreationTimestamp\":%" PRId64 ".%03" PRId64
                ",\"Status\":\"%s\",\"StatusMessage\":\"%s\"",
                model->version, view->region, view->account, model->name, model->created_ms / 1000,
                model->created_ms % 1000, hosting_status_name(status), status_message(status));
    if (hosting_status_runs(status) && model->min_units > 0)
        strbuf_addf(&answer->body, ",\"MinInferenceUnits\":%" PRId64, model->min_units);
    if (hosting_status_runs(status) && model->max_units > 0)
        strbuf_addf(&answer->body, ",\"MaxInferenceUnits\":%" PRId64, model->max_units);
    strbuf_addstr(&answer->body, "}}");
}
