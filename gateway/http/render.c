/* What the ledger and the evaluator say, in AWS's vocabulary. */
#include "gateway/http/render.h"

#include "gateway/http/json_out.h"

#include <stdio.h>

void render_href(const struct reservation *row, char out[RENDER_HREF_SIZE])
{
    snprintf(out, RENDER_HREF_SIZE, "/v1/reservations/%s", row->id);
}

static void render_refusal(struct strbuf *out, const struct reservation *row)
{
    if (row->refusal_status == 0)
        return;
    json_out_open(out, "Refusal", '{');
    json_out_int(out, "UpstreamStatus", row->refusal_status);
    json_out_string(out, "UpstreamType", row->refusal_type);
    json_out_string(out, "UpstreamMessage", row->refusal_message);
    json_out_close(out, '}');
}

void render_reservation(struct strbuf *out, const char *name, const struct reservation *row)
{
    char href[RENDER_HREF_SIZE];
    render_href(row, href);
    json_out_open(out, name, '{');
    json_out_string(out, "Id", row->id);
    json_out_string(out, "Href", href);
    json_out_string(out, "State", reservation_state_name(row->state));
    json_out_string(out, "Team", row->team);
    json_out_string(out, "Subject", row->subject);
    if (row->origin != RESERVATION_ORIGIN_START)
        json_out_string(out, "Origin", reservation_origin_name(row->origin));
    json_out_string(out, "ProjectName", row->project);
    json_out_string(out, "ModelVersion", row->version);
    json_out_int(out, "MinInferenceUnits", row->min_units);
    if (row->max_units != 0)
        json_out_int(out, "MaxInferenceUnits", row->max_units);
    json_out_int(out, "Units", row->units);
    if (row->status[0] != '\0')
        json_out_string(out, "Status", row->status);
    json_out_time(out, "CreatedAt", row->created_ms);
    json_out_time(out, "LeaseEndsAt",
                  row->lease_end_ms == RESERVATION_NO_LEASE_MS ? 0 : row->lease_end_ms);
    if (row->stop_asked_ms != 0)
        json_out_time(out, "StopAskedAt", row->stop_asked_ms);
    if (row->ended_ms != 0)
        json_out_time(out, "EndedAt", row->ended_ms);
    if (row->end != RESERVATION_END_NONE)
        json_out_string(out, "EndReason", reservation_end_name(row->end));
    render_refusal(out, row);
    json_out_close(out, '}');
}

void render_rule(struct strbuf *out, const struct quota_rule *rule)
{
    json_out_string(out, "Rule", quota_rule_name(rule->kind));
    json_out_string(out, "Scope", rule->scope == QUOTA_SCOPE_TEAM ? "team" : "account");
    json_out_string(out, "Pointer", rule->pointer);
    json_out_int(out, "Limit", rule->limit);
    json_out_int(out, "Used", rule->used);
    json_out_int(out, "Reserved", rule->reserved);
    json_out_int(out, "Requested", rule->requested);
    json_out_int(out, "FitsNow", rule->fits_now);
    json_out_bool(out, "Admits", rule->admits);
    json_out_bool(out, "EverAdmits", rule->ever_admits);
}

void render_decision(struct strbuf *out, const struct quota_decision *decision,
                     const char *policy_digest)
{
    if (decision->largest_units_now != POLICY_NO_LIMIT)
        json_out_int(out, "LargestFit", decision->largest_units_now);
    json_out_string(out, "PolicyDigest", policy_digest);
    json_out_open(out, "Rules", '[');
    for (size_t i = 0; i < decision->rule_count; i++) {
        json_out_open(out, NULL, '{');
        render_rule(out, &decision->rules[i]);
        json_out_close(out, '}');
    }
    json_out_close(out, ']');
}

static void render_limit(struct strbuf *out, const char *name, int64_t limit, int64_t used,
                         int64_t reserved)
{
    int64_t held = used + reserved;
    json_out_open(out, name, '{');
    if (limit != POLICY_NO_LIMIT)
        json_out_int(out, "Limit", limit);
    json_out_int(out, "Used", used);
    json_out_int(out, "Reserved", reserved);
    if (limit != POLICY_NO_LIMIT)
        json_out_int(out, "Left", limit > held ? limit - held : 0);
    json_out_close(out, '}');
}

void render_usage(struct strbuf *out, const char *name, const struct policy_limits *limits,
                  const struct quota_usage *usage)
{
    json_out_open(out, name, '{');
    render_limit(out, "concurrent_units", limits->concurrent_units, usage->used_units,
                 usage->reserved_units);
    render_limit(out, "running_models", limits->running_models, usage->used_models,
                 usage->reserved_models);
    if (limits->units_per_model != POLICY_NO_LIMIT) {
        json_out_open(out, "units_per_model", '{');
        json_out_int(out, "Limit", limits->units_per_model);
        json_out_close(out, '}');
    }
    json_out_close(out, '}');
}
