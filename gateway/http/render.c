/* What the ledger says, in AWS's vocabulary. */
#include "gateway/http/render.h"

#include "gateway/http/json_out.h"

#include <stdio.h>

#define MINUTE_MS INT64_C(60000)
#define HREF_SIZE 64

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

/*
 * When it ends, and up to when its units are counted as the worst case. What runs without a team
 * has no lease; it is null there, so that nobody takes the members' absence for an older server.
 */
static void render_lease(struct strbuf *out, const struct reservation *row)
{
    if (row->lease_end_ms == RESERVATION_NO_LEASE_MS) {
        json_out_literal(out, "LeaseMinutes", "null");
        json_out_literal(out, "LeaseEndsAt", "null");
        json_out_literal(out, "WorstCaseEndsAt", "null");
        return;
    }
    json_out_int(out, "LeaseMinutes", (row->lease_end_ms - row->lease_from_ms) / MINUTE_MS);
    json_out_time(out, "LeaseEndsAt", row->lease_end_ms);
    json_out_time(out, "WorstCaseEndsAt", row->worst_end_ms);
}

void render_reservation(struct strbuf *out, const char *name, const struct reservation *row)
{
    char href[HREF_SIZE];
    snprintf(href, sizeof(href), "/v1/reservations/%s", row->id);
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
    render_lease(out, row);
    if (row->stop_asked_ms != 0)
        json_out_time(out, "StopAskedAt", row->stop_asked_ms);
    if (row->ended_ms != 0)
        json_out_time(out, "EndedAt", row->ended_ms);
    if (row->end != RESERVATION_END_NONE)
        json_out_string(out, "EndReason", reservation_end_name(row->end));
    render_refusal(out, row);
    json_out_close(out, '}');
}
