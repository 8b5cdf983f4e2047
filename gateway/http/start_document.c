/* Strict reading of start documents. */
#include "gateway/http/start_document.h"

#include "policy/document.h"
#include "policy/strict_json.h"

/* Longer than any valid value, so that the checks of names find the rest with their own words. */
#define MAX_STRING 512

const char start_document_skeleton[] = "{\n"
                                       "    \"ProjectName\": \"\",\n"
                                       "    \"ModelVersion\": \"\",\n"
                                       "    \"MinInferenceUnits\": 0,\n"
                                       "    \"ClientToken\": \"\",\n"
                                       "    \"MaxInferenceUnits\": 0,\n"
                                       "    \"LeaseMinutes\": 0\n"
                                       "}\n";

static int read_members(struct start_document *out, bool with_model, struct error *err)
{
    static const char *const members[] = {
        "MinInferenceUnits", "MaxInferenceUnits", "LeaseMinutes", "ClientToken", "Team", NULL};
    static const char *const members_with_model[] = {"ProjectName",
                                                     "ModelVersion",
                                                     "MinInferenceUnits",
                                                     "MaxInferenceUnits",
                                                     "LeaseMinutes",
                                                     "ClientToken",
                                                     "Team",
                                                     NULL};
    const json_t *json = out->json;

    int result = strict_json_only(json, "", with_model ? members_with_model : members, err);
    if (result == 0 && with_model)
        result =
            strict_json_string(json, "", "ProjectName", true, 1, MAX_STRING, &out->project, err);
    if (result == 0 && with_model)
        result =
            strict_json_string(json, "", "ModelVersion", true, 1, MAX_STRING, &out->version, err);
    if (result == 0)
        result = strict_json_int(json, "", "MinInferenceUnits", true, 1, POLICY_MAX_UNITS,
                                 &out->min_units, err);
    if (result == 0)
        result = strict_json_int(json, "", "MaxInferenceUnits", false, 1, POLICY_MAX_UNITS,
                                 &out->max_units, err);
    if (result == 0)
        result = strict_json_int(json, "", "LeaseMinutes", false, 1, POLICY_MAX_LEASE_MINUTES,
                                 &out->lease_minutes, err);
    if (result == 0)
        result = strict_json_string(json, "", "ClientToken", false, 1, MAX_STRING,
                                    &out->client_token, err);
    if (result == 0)
        result = strict_json_string(json, "", "Team", false, 1, MAX_STRING, &out->team, err);
    return result;
}

int start_document_parse(const char *body, size_t len, bool with_model, struct start_document *out,
                         struct error *err)
{
    static const struct json_limits limits = {.max_bytes = 64 * 1024,
                                              .max_depth = START_DOCUMENT_MAX_DEPTH};
    *out = (struct start_document){0};
    int result = strict_json_parse(body, len, &limits, &out->json, err);
    if (result == 0)
        result = read_members(out, with_model, err);
    if (result == 0 && out->max_units != 0 && out->max_units < out->min_units)
        result = error_set_at(err, ERROR_INVALID, "/MaxInferenceUnits",
                              "saw %lld, expected at least MinInferenceUnits (%lld)",
                              (long long)out->max_units, (long long)out->min_units);
    if (result != 0)
        start_document_free(out);
    return result;
}

void start_document_free(struct start_document *document)
{
    json_decref(document->json);
    *document = (struct start_document){0};
}
