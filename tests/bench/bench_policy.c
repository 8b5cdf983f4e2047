/* The evaluator alone: one decision of a policy with many teams, admitted and refused. */
#include "policy/evaluator.h"
#include "tests/bench/bench_loop.h"
#include "tests/policy/zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEAMS     200
#define TEAM_SIZE 512
#define TEAM                                                                                       \
    "%s\"team-%03d\":{\"projects\":[\"circuit-boards-%03d\",\"solder-%03d-*\"],"                   \
    "\"limits\":{\"concurrent_units\":4,\"units_per_model\":2,\"running_models\":3%s}}"
#define WINDOWS                                                                                    \
    ",\"unit_hours\":[{\"amount\":40,\"period\":\"day\",\"time_zone\":\"Europe/Berlin\","          \
    "\"day_starts\":\"06:00\"},{\"amount\":400,\"period\":\"month\",\"time_zone\":\"Europe/"       \
    "Berlin\"}]"
#define NOW_MS   INT64_C(1792454400000) /* 2026-10-20, a week before the clock is put back */
#define LEASE_MS INT64_C(14400000)      /* 4 hours */

/* A zone that is put forward and back; without a table, as if all its years were to come. */
static int load_zone(void *context, const char *name, struct time_zone **out, struct error *err)
{
    unsigned char tzif[ZONES_TZIF_MAX];

    (void)context;
    return time_zone_parse(name, tzif, zones_make_tzif("CET-1CEST,M3.5.0,M10.5.0/3", tzif), out,
                           err);
}

static struct policy *make_policy(const char *more_limits)
{
    static char text[TEAMS * TEAM_SIZE];
    struct policy *policy = NULL;
    struct error err;
    int len = snprintf(text, sizeof(text),
                       "{\"version\":1,\"account\":{\"concurrent_units\":10},\"teams\":{");

    for (int i = 0; i < TEAMS; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, TEAM, i > 0 ? "," : "", i, i, i,
                        more_limits);
    len += snprintf(text + len, sizeof(text) - (size_t)len, "}}");
    if (policy_parse(text, (size_t)len, load_zone, NULL, &policy, &err) != 0)
        (void)fprintf(stderr, "%s\n", err.message);
    return policy;
}

/* An empty ledger that is asked for nothing but an answer. */
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

static bool decide(const struct policy *policy, uint64_t n, int64_t used_units,
                   enum quota_verdict expected)
{
    char team[POLICY_MAX_NAME + 1];
    char project[32];
    (void)snprintf(team, sizeof(team), "team-%03u", (unsigned)(n % TEAMS));
    (void)snprintf(project, sizeof(project), "solder-%03u-line", (unsigned)(n % TEAMS));
    const struct quota_request request = {.team = team,
                                          .project = project,
                                          .units = 2,
                                          .now_ms = NOW_MS,
                                          .lease_ms = LEASE_MS,
                                          .from_ms = NOW_MS,
                                          .until_ms = NOW_MS + LEASE_MS};
    const struct quota_usage usage = {.used_units = used_units, .used_models = used_units > 0};
    const struct quota_books books = {.account = usage, .team = usage, .unit_time = no_unit_time};
    static struct quota_decision decision;

    return policy_evaluate(policy, &request, &books, &decision, NULL) == 0 &&
           decision.verdict == expected;
}

struct policies {
    struct policy *counted, *budgeted;
};

static bool admit(void *policies, uint64_t n)
{
    return decide(((struct policies *)policies)->counted, n, 0, QUOTA_ADMITTED);
}

static bool refuse(void *policies, uint64_t n)
{
    return decide(((struct policies *)policies)->counted, n, 4, QUOTA_REFUSED_NOW);
}

static bool admit_budgets(void *policies, uint64_t n)
{
    return decide(((struct policies *)policies)->budgeted, n, 0, QUOTA_ADMITTED);
}

static bool parse(void *context, uint64_t n)
{
    struct policy *policy = make_policy("");

    (void)context;
    (void)n;
    const bool parsed = policy != NULL;
    policy_free(&policy);
    return parsed;
}

int main(int argc, char **argv)
{
    static const struct bench_work works[] = {{"admit", admit},
                                              {"refuse", refuse},
                                              {"admit-2-budgets", admit_budgets},
                                              {"parse-200-teams", parse},
                                              {NULL, NULL}};
    struct policies policies = {make_policy(""), make_policy(WINDOWS)};

    if (policies.counted == NULL || policies.budgeted == NULL)
        return EXIT_FAILURE;
    const int status = bench_run(argc, argv, works, &policies);
    policy_free(&policies.counted);
    policy_free(&policies.budgeted);
    return status;
}
