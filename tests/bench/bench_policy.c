/* The evaluator alone: one decision of a policy with many teams, admitted and refused. */
#include "policy/evaluator.h"
#include "tests/bench/bench_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEAMS     200
#define TEAM_SIZE 256
#define TEAM                                                                                       \
    "%s\"team-%03d\":{\"projects\":[\"circuit-boards-%03d\",\"solder-%03d-*\"],"                   \
    "\"limits\":{\"concurrent_units\":4,\"units_per_model\":2,\"running_models\":3}}"

static struct policy *make_policy(void)
{
    static char text[TEAMS * TEAM_SIZE];
    struct policy *policy = NULL;
    struct error err;
    int len = snprintf(text, sizeof(text),
                       "{\"version\":1,\"account\":{\"concurrent_units\":10},\"teams\":{");

    for (int i = 0; i < TEAMS; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, TEAM, i > 0 ? "," : "", i, i, i);
    len += snprintf(text + len, sizeof(text) - (size_t)len, "}}");
    if (policy_parse(text, (size_t)len, NULL, NULL, &policy, &err) != 0)
        (void)fprintf(stderr, "%s\n", err.message);
    return policy;
}

static bool decide(const struct policy *policy, uint64_t n, int64_t used_units,
                   enum quota_verdict expected)
{
    char team[POLICY_MAX_NAME + 1];
    char project[32];
    (void)snprintf(team, sizeof(team), "team-%03u", (unsigned)(n % TEAMS));
    (void)snprintf(project, sizeof(project), "solder-%03u-line", (unsigned)(n % TEAMS));
    const struct quota_request request = {.team = team, .project = project, .units = 2};
    const struct quota_usage usage = {.used_units = used_units, .used_models = used_units > 0};
    const struct quota_books books = {.account = usage, .team = usage};
    static struct quota_decision decision;

    return policy_evaluate(policy, &request, &books, &decision, NULL) == 0 &&
           decision.verdict == expected;
}

static bool admit(void *policy, uint64_t n)
{
    return decide(policy, n, 0, QUOTA_ADMITTED);
}

static bool refuse(void *policy, uint64_t n)
{
    return decide(policy, n, 4, QUOTA_REFUSED_NOW);
}

static bool parse(void *context, uint64_t n)
{
    struct policy *policy = make_policy();

    (void)context;
    (void)n;
    const bool parsed = policy != NULL;
    policy_free(&policy);
    return parsed;
}

int main(int argc, char **argv)
{
    static const struct bench_work works[] = {
        {"admit", admit}, {"refuse", refuse}, {"parse-200-teams", parse}, {NULL, NULL}};
    struct policy *policy = make_policy();

    if (policy == NULL)
        return EXIT_FAILURE;
    const int status = bench_run(argc, argv, works, policy);
    policy_free(&policy);
    return status;
}
