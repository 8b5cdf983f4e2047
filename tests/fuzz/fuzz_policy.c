/* A policy that was accepted has only what its document promises, and can be asked everything. */
#include "policy/document.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *policy = NULL;
    struct error err = {0};

    if (policy_parse((const char *)data, size, NULL, NULL, &policy, &err) != 0) {
        MUST(policy == NULL && err.message[0] != '\0');
        return 0;
    }
    MUST(policy_team_count(policy) <= POLICY_MAX_TEAMS);
    for (size_t i = 0; i < policy_team_count(policy); i++) {
        const struct policy_team *team = policy_team_at(policy, i);

        MUST(policy_find_team(policy, team->name) == team);
        MUST(team->project_count >= 1 && team->project_count <= POLICY_MAX_PROJECTS);
        MUST(team->limits.concurrent_units >= 1);
        /* A pattern without a `*` admits the project of that name; so does one with it. */
        for (size_t k = 0; k < team->project_count; k++)
            MUST(policy_match_project(team, team->projects[k]) != NULL);
    }
    policy_free(&policy);
    return 0;
}
