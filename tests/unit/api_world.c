/* The fakes and the wiring of the API's tests. */
#include "tests/unit/api_world.h"

#include "gateway/auth/token_cache.h"
#include "gateway/auth/token_issue.h"
#include "gateway/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ISSUER   "https://issuer.test"
#define AUDIENCE "lookout"
#define KID      "k1"

struct world world;

static const char secret[] = "0123456789abcdef0123456789abcdef";

static const char policy_text[] =
    "{\"version\":1,\"account\":{\"concurrent_units\":10,\"running_models\":2},"
    "\"teams\":{\"assembly-line\":{\"projects\":[\"circuit-boards\",\"solder-*\"],"
    "\"limits\":{\"concurrent_units\":4,\"units_per_model\":2}},"
    "\"paint-shop\":{\"projects\":[\"cans\"]}}}";

/* --- control ----------------------------------------------------------------------------------*/

static void see(const char *team, const char *subject, const char *project, const char *version)
{
    struct world_seen *seen = &world.seen;
    seen->has_team = team != NULL;
    snprintf(seen->team, sizeof(seen->team), "%s", team != NULL ? team : "");
    snprintf(seen->subject, sizeof(seen->subject), "%s", subject != NULL ? subject : "");
    snprintf(seen->project, sizeof(seen->project), "%s", project);
    snprintf(seen->version, sizeof(seen->version), "%s", version);
}

void admission_start(struct control *control, const struct start_request *request,
                     int64_t deadline_ms, struct start_result *out)
{
    (void)control;
    (void)deadline_ms;
    see(request->team, request->subject, request->project, request->version);
    world.seen.starts++;
    world.seen.has_key = request->key != NULL;
    snprintf(world.seen.key, sizeof(world.seen.key), "%s", request->key ? request->key : "");
    world.seen.dry_run = request->dry_run;
    world.seen.min_units = request->min_units;
    world.seen.max_units = request->max_units;
    world.seen.lease_minutes = request->lease_minutes;
    *out = world.start;
}

void admission_stop(struct control *control, const struct stop_request *request,
                    int64_t deadline_ms, struct stop_result *out)
{
    (void)control;
    (void)deadline_ms;
    see(request->team, request->subject, request->project, request->version);
    world.seen.stops++;
    *out = world.stop;
}

void admission_lease(struct control *control, const struct lease_request *request,
                     struct lease_result *out)
{
    (void)control;
    see(request->team, request->subject, request->project, request->version);
    world.seen.leases++;
    world.seen.dry_run = request->dry_run;
    world.seen.lease_minutes = request->lease_minutes;
    *out = world.lease;
}

void admission_quota(struct control *control, const char *team, struct quota_view *out)
{
    (void)control;
    see(team, NULL, "", "");
    *out = world.quota;
    out->snapshot = policy_store_acquire(world.context.policies);
}

void admission_quota_release(struct quota_view *view)
{
    policy_snapshot_release(&view->snapshot);
}

void admission_describe(struct control *control, const char *team, const char *project,
                        const char *version, int64_t deadline_ms, struct model_view *out)
{
    (void)control;
    (void)deadline_ms;
    see(team, NULL, project, version);
    world.seen.describes++;
    *out = world.view;
}

static void see_act(const struct admin_act *act)
{
    snprintf(world.seen.subject, sizeof(world.seen.subject), "%s", act->subject);
    snprintf(world.seen.reason, sizeof(world.seen.reason), "%s", act->reason);
}

enum admin_outcome admin_freeze(struct control *control, const char *team, bool on,
                                const struct admin_act *act, char detail[RESERVATION_MESSAGE_MAX])
{
    (void)control;
    see(team, NULL, "", "");
    see_act(act);
    world.seen.freezes++;
    world.seen.on = on;
    snprintf(detail, RESERVATION_MESSAGE_MAX, "as the test says");
    return world.frozen;
}

void admin_settle(struct control *control, const struct admin_settle *request, int64_t deadline_ms,
                  struct admin_settled *out)
{
    (void)control;
    (void)deadline_ms;
    see_act(&request->act);
    world.seen.settles++;
    world.seen.force = request->force;
    world.seen.ended_ms = request->ended_ms;
    snprintf(world.seen.id, sizeof(world.seen.id), "%s", request->id);
    *out = world.settled;
}

void admin_assign_drift(struct control *control, const struct admin_assign *request,
                        struct admin_assigned *out)
{
    (void)control;
    see(request->team, NULL, request->project, request->version);
    see_act(&request->act);
    world.seen.assigns++;
    world.seen.lease_minutes = request->lease_minutes;
    *out = world.assigned;
}

void admin_drift_scans(const struct control *control, struct drift_scan_state *out)
{
    (void)control;
    *out = world.scan;
}

void control_readiness(struct control *control, struct control_readiness *out)
{
    (void)control;
    *out = world.readiness;
}

int64_t control_time_ms(const struct control *control)
{
    (void)control;
    return WORLD_NOW_MS;
}

/* --- ledger -------------------------------------------------------------------------------- */

int ledger_get(struct ledger *ledger, const char *id, struct reservation *out, struct error *err)
{
    (void)ledger;
    if (world.ledger_result != 0)
        return error_set(err, (enum error_code)world.ledger_result, "as the test says");
    for (size_t i = 0; i < world.row_count; i++) {
        if (strcmp(world.rows[i].id, id) == 0) {
            *out = world.rows[i];
            return 0;
        }
    }
    return error_set(err, ERROR_NOT_FOUND, "no such row");
}

int ledger_list_live(struct ledger *ledger, const struct ledger_filter *filter,
                     const char *after_id, struct reservation *rows, size_t capacity, size_t *count,
                     struct error *err)
{
    (void)ledger;
    *count = 0;
    if (world.ledger_result != 0)
        return error_set(err, (enum error_code)world.ledger_result, "as the test says");
    for (size_t i = 0; i < world.row_count && *count < capacity; i++) {
        const struct reservation *row = &world.rows[i];
        if (strcmp(row->id, after_id) > 0 &&
            (filter->team == NULL || strcmp(filter->team, row->team) == 0))
            rows[(*count)++] = *row;
    }
    return 0;
}

int ledger_list_freezes(struct ledger *ledger, struct ledger_freeze *out, size_t capacity,
                        size_t *count, struct error *err)
{
    (void)ledger;
    *count = 0;
    if (world.ledger_result != 0)
        return error_set(err, (enum error_code)world.ledger_result, "as the test says");
    if (world.freeze.since_ms != 0 && capacity > 0)
        out[(*count)++] = world.freeze;
    return 0;
}

int usage_report(struct ledger *ledger, const struct usage_query *query, usage_line_fn *take,
                 void *context, struct error *err)
{
    int result = 0;
    (void)ledger;
    world.query = *query;
    snprintf(world.query_zone, sizeof(world.query_zone), "%s",
             policy_window_zone_name(&query->window));
    if (world.ledger_result != 0)
        return error_set(err, (enum error_code)world.ledger_result, "as the test says");
    for (size_t i = 0; result == 0 && i < world.line_count; i++)
        result = take(context, &world.line, err);
    return result;
}

/* --- wiring -------------------------------------------------------------------------------- */

static int make_authority(struct authority **out, struct error *err)
{
    static const char *const audiences[] = {AUDIENCE};
    const struct issuer_settings issuer = {
        .issuer = ISSUER,
        .audiences = audiences,
        .audience_count = 1,
        .team_claim = "team",
        .subject_claim = "sub",
        .scope_claim = "scope",
    };
    struct jwks *keys = NULL;
    struct jwk *key = NULL;
    int result = jwks_create(&keys, err);
    if (result == 0)
        result = jwk_from_secret(KID, JWS_HS256, secret, sizeof(secret) - 1, &key, err);
    if (result == 0)
        result = jwks_add(keys, key, err);
    if (result == 0)
        result = authority_create(out, err);
    if (result == 0)
        result = authority_add_issuer(*out, &issuer, keys, err);
    return result;
}

static int open_all(struct error *err)
{
    struct http_context *context = &world.context;
    struct authority *authority = NULL;
    int result = clock_open(&world.clock, err);
    if (result == 0)
        log_init(world.clock, STDERR_FILENO, LOG_ERROR);
    if (result == 0)
        result = metrics_create(&world.metrics, err);
    if (result == 0)
        result = authority_store_create(&context->authorities, err);
    if (result == 0)
        result = make_authority(&authority, err);
    if (result == 0)
        authority_store_set(context->authorities, authority);
    if (result == 0)
        result = token_cache_create(16, world.clock, &context->tokens, err);
    if (result == 0)
        result = policy_store_create(&context->policies, err);
    if (result == 0)
        result = policy_store_load(context->policies, policy_text, strlen(policy_text), err);
    if (result != 0)
        return result;
    context->metrics = world.metrics;
    context->clock = world.clock;
    context->request_deadline_ms = 30000;
    return api_create(context, &world.api, err);
}

int world_open(void)
{
    struct error err = {0};
    memset(&world, 0, sizeof(world));
    world.readiness = (struct control_readiness){.ledger_usable = true,
                                                 .recovered = true,
                                                 .account_matches = true,
                                                 .upstream_reachable = true,
                                                 .clock_trusted = true};
    if (open_all(&err) == 0)
        return 0;
    fprintf(stderr, "api_world: %s\n", err.message);
    return -1;
}

void world_close(void)
{
    api_free(&world.api);
    policy_store_free(&world.context.policies);
    token_cache_free(&world.context.tokens);
    authority_store_free(&world.context.authorities);
    metrics_free(&world.metrics);
    clock_close(&world.clock);
}

void world_token(const char *teams, const char *scopes, char out[WORLD_MAX_TOKEN])
{
    char names[256];
    const char *list[PRINCIPAL_MAX_TEAMS];
    size_t count = 0;
    struct error err = {0};
    struct strbuf token;
    char *rest = teams[0] != '\0' ? names : NULL;
    snprintf(names, sizeof(names), "%s", teams);
    for (char *name; (name = strsep(&rest, ",")) != NULL;)
        list[count++] = name;
    const struct token_request request = {
        .issuer = ISSUER,
        .audience = AUDIENCE,
        .subject = "someone",
        .teams = list,
        .team_count = count,
        .scopes = scopes,
        .kid = KID,
        .issued_wall_ms = clock_wall_ms(world.clock),
        .lifetime_seconds = 600,
    };
    strbuf_init_secret(&token, WORLD_MAX_TOKEN - 1);
    if (token_issue(&request, JWS_HS256, secret, sizeof(secret) - 1, &token, &err) != 0) {
        fprintf(stderr, "api_world: %s\n", err.message);
        abort();
    }
    snprintf(out, WORLD_MAX_TOKEN, "%s", token.data);
    strbuf_free(&token);
}

struct reservation world_row(unsigned number, const char *team)
{
    struct reservation row = {
        .row_version = 2,
        .state = RESERVATION_ACTIVE,
        .subject = "someone",
        .project = "circuit-boards",
        .version = "3",
        .min_units = 1,
        .max_units = 2,
        .units = 2,
        .client_token = "c11e27-c11e27-c11e27",
        .stop_token = "5709-5709",
        .created_ms = 1795449600000,
        .lease_from_ms = 1795449600000,
        .lease_end_ms = 1795478400000,
        .worst_end_ms = 1795479300000,
        .status = "STARTING_HOSTING",
    };
    snprintf(row.id, sizeof(row.id), "00000000-0000-4000-8000-%012x", number);
    snprintf(row.team, sizeof(row.team), "%s", team);
    return row;
}
