/* A policy that was accepted has only what its document promises, and can be asked everything. */
#include "policy/document.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define AT_MS INT64_C(1798761600000) /* 2027-01-01 */

/* RFC 9636, section 3: twice a header and one type of local time, then an empty footer. */
#define EMPTY_TZIF                                                                                 \
    "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"                                                          \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"                                             \
    "\0\0\0\0\0\0UTC\0"

/* Any name is a zone, so that what follows in the document is reached. */
static int load_zone(void *context, const char *name, struct time_zone **out, struct error *err)
{
    static const char tzif[] = EMPTY_TZIF EMPTY_TZIF "\n\n";

    (void)context;
    return time_zone_parse(name, tzif, sizeof(tzif) - 1, out, err);
}

static void check_limits(const struct policy_limits *limits)
{
    int64_t from_ms, until_ms;

    MUST(limits->concurrent_units >= 1 && limits->window_count <= POLICY_MAX_WINDOWS);
    MUST(limits->lease_max_minutes >= 0 && limits->lease_max_minutes <= POLICY_MAX_LEASE_MINUTES);
    for (size_t i = 0; i < limits->window_count; i++) {
        const struct policy_window *window = &limits->windows[i];

        MUST(window->amount_unit_ms > 0 && window->week_start < 7);
        MUST(window->day_start_minutes < 24 * 60 && window->day_start_minutes % 15 == 0);
        policy_window_bounds(window, AT_MS, &from_ms, &until_ms);
        MUST(from_ms <= AT_MS && AT_MS < until_ms);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *policy = NULL;
    struct error err = {0};

    if (policy_parse((const char *)data, size, load_zone, NULL, &policy, &err) != 0) {
        MUST(policy == NULL && err.message[0] != '\0');
        return 0;
    }
    MUST(policy_team_count(policy) <= POLICY_MAX_TEAMS);
    check_limits(policy_account(policy));
    for (size_t i = 0; i < policy_team_count(policy); i++) {
        const struct policy_team *team = policy_team_at(policy, i);

        MUST(policy_find_team(policy, team->name) == team);
        MUST(team->project_count >= 1 && team->project_count <= POLICY_MAX_PROJECTS);
        check_limits(&team->limits);
        /* A pattern without a `*` admits the project of that name; so does one with it. */
        for (size_t k = 0; k < team->project_count; k++)
            MUST(policy_match_project(team, team->projects[k]) != NULL);
    }
    policy_free(&policy);
    return 0;
}
