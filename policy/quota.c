/* The stable names of rules and verdicts. */
#include "policy/quota.h"

const char *quota_rule_name(enum quota_rule_kind kind)
{
    switch (kind) {
    case QUOTA_TEAM_KNOWN:
        return "team_known";
    case QUOTA_PROJECT_ALLOWED:
        return "project_allowed";
    case QUOTA_UNITS_PER_MODEL:
        return "units_per_model";
    case QUOTA_CONCURRENT_UNITS:
        return "concurrent_units";
    case QUOTA_RUNNING_MODELS:
        return "running_models";
    case QUOTA_LEASE:
        return "lease";
    case QUOTA_UNIT_HOURS:
        return "unit_hours";
    }
    return "unknown";
}

const char *quota_rule_unit(enum quota_rule_kind kind)
{
    switch (kind) {
    case QUOTA_TEAM_KNOWN:
    case QUOTA_PROJECT_ALLOWED:
        return "";
    case QUOTA_UNITS_PER_MODEL:
    case QUOTA_CONCURRENT_UNITS:
        return "units";
    case QUOTA_RUNNING_MODELS:
        return "models";
    case QUOTA_LEASE:
        return "minutes";
    case QUOTA_UNIT_HOURS:
        return "unit-hours";
    }
    return "";
}

const char *quota_verdict_name(enum quota_verdict verdict)
{
    switch (verdict) {
    case QUOTA_ADMITTED:
        return "admitted";
    case QUOTA_REFUSED_NOW:
        return "refused_now";
    case QUOTA_REFUSED_EVER:
        return "refused_ever";
    }
    return "unknown";
}
