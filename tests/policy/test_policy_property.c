/*
 * Random policies, usages and requests against what must always hold. The limits are kept beside
 * the policy and the sums are made in 128 bits, so nothing here shares the evaluator's arithmetic.
 */
#include "policy/evaluator.h"
#include "tests/policy/random.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS       20000
#define UNKNOWN_TEAM "\xE2\x82\xAC\xF0\x9D\x84\x9E\xC3\xA4" /* characters of 3, 4 and 2 bytes */
#define SEED         UINT64_C(0x5eed0f9017c4)

__extension__ typedef __int128 wide;

static void require(bool holds, const char *what, uint64_t round)
{
    if (holds)
        return;
    fprintf(stderr, "round %" PRIu64 " of seed %#" PRIx64 ": %s\n", round, SEED, what);
    exit(1);
}

/* Mostly small, so that sums fall on both sides of a limit; now and then close to overflow. */
static int64_t draw_count(uint64_t *state)
{
    if (draw_below(state, 50) == 0)
        return INT64_MAX - draw_below(state, 3);
    return draw_below(state, 5);
}

struct world {
    struct policy_limits team_limits, account_limits;
    struct quota_usage team, account;
    struct quota_request request;
    struct policy *policy;
};

static void draw_limits(uint64_t *state, struct policy_limits *out, char *json, size_t size)
{
    int64_t *const targets[] = {&out->concurrent_units, &out->running_models,
                                &out->units_per_model};
    static const char *const names[] = {"concurrent_units", "running_models", "units_per_model"};
    size_t len = 0;

    json[0] = '\0';
    for (size_t i = 0; i < 3; i++) {
        *targets[i] = POLICY_NO_LIMIT;
        if (draw_below(state, 4) == 0)
            continue;
        *targets[i] = 1 + draw_below(state, 16);
        len += (size_t)snprintf(json + len, size - len, "%s\"%s\": %" PRId64, len > 0 ? ", " : "",
                                names[i], *targets[i]);
    }
}

static void draw_usage(uint64_t *state, struct quota_usage *out)
{
    *out = (struct quota_usage){draw_count(state), draw_count(state), draw_count(state),
                                draw_count(state)};
}

static void draw_world(uint64_t *state, struct world *world, uint64_t round)
{
    char team[128], account[128], text[512];
    int len;

    draw_limits(state, &world->team_limits, team, sizeof(team));
    draw_limits(state, &world->account_limits, account, sizeof(account));
    len =
        snprintf(text, sizeof(text),
                 "{\"version\": 1, \"account\": {%s}, \"teams\": {\"a\": {\"projects\": [\"p*\"], "
                 "\"limits\": {%s}}}}",
                 account, team);
    require(policy_parse(text, (size_t)len, NULL, NULL, &world->policy, NULL) == 0,
            "policy not taken", round);
    draw_usage(state, &world->team);
    draw_usage(state, &world->account);
    world->request = (struct quota_request){.team = draw_below(state, 40) == 0 ? UNKNOWN_TEAM : "a",
                                            .project = draw_below(state, 40) == 0 ? "q" : "p-1",
                                            .units = draw_count(state)};
}

static bool scope_fits(const struct policy_limits *limits, const struct quota_usage *usage,
                       int64_t units)
{
    const bool size_fits =
        limits->units_per_model == POLICY_NO_LIMIT || units <= limits->units_per_model;
    const bool units_fit =
        limits->concurrent_units == POLICY_NO_LIMIT ||
        (wide)usage->used_units + usage->reserved_units + units <= limits->concurrent_units;
    const bool models_fit =
        limits->running_models == POLICY_NO_LIMIT ||
        (wide)usage->used_models + usage->reserved_models + 1 <= limits->running_models;

    return size_fits && units_fit && models_fit;
}

/* Promise 2, said once more: admitted exactly where both names match and every sum fits. */
static bool should_admit(const struct world *world)
{
    return world->request.units >= 1 && strcmp(world->request.team, "a") == 0 &&
           strcmp(world->request.project, "p-1") == 0 &&
           scope_fits(&world->team_limits, &world->team, world->request.units) &&
           scope_fits(&world->account_limits, &world->account, world->request.units);
}

static void evaluate(const struct world *world, struct quota_decision *out)
{
    const struct quota_books books = {.account = world->account, .team = world->team};

    require(policy_evaluate(world->policy, &world->request, &books, out, NULL) == 0, "no decision",
            0);
}

static bool admits(const struct world *world)
{
    struct quota_decision decision;

    evaluate(world, &decision);
    return decision.verdict == QUOTA_ADMITTED;
}

static void check_verdict(const struct world *world, const struct quota_decision *decision,
                          uint64_t round)
{
    const bool admitted = decision->verdict == QUOTA_ADMITTED;
    struct world idle = *world;
    size_t refusing = 0;

    for (size_t i = 0; i < decision->rule_count; i++) {
        const struct quota_rule *rule = &decision->rules[i];

        refusing += !rule->admits;
        require(rule->fits_now >= 0, "a fit below zero", round);
        require(rule->ever_admits || !rule->admits, "admits what it never admits", round);
    }
    require(admitted == should_admit(world), "verdict differs from the sums", round);
    require(admitted == (refusing == 0), "verdict and rules disagree", round);
    require(admitted || !decision->rules[decision->binding].admits, "a binding rule admits", round);

    memset(&idle.team, 0, sizeof(idle.team));
    memset(&idle.account, 0, sizeof(idle.account));
    require((decision->verdict == QUOTA_REFUSED_EVER) == !should_admit(&idle),
            "refused for ever and fits an idle account, or the reverse", round);
}

/* largest_units_now is admitted, one more is not. */
static void check_largest(const struct world *world, const struct quota_decision *decision,
                          uint64_t round)
{
    struct world other = *world;

    if (world->request.units < 1)
        return; /* refused by a limit that stands for this request alone */
    other.request.units = decision->largest_units_now;
    require(decision->largest_units_now == 0 || admits(&other), "largest is refused", round);
    if (decision->largest_units_now == POLICY_NO_LIMIT)
        return;
    other.request.units++;
    require(!admits(&other), "one more than largest is admitted", round);
}

/* What others start meanwhile never turns a refusal into an admission. */
static void check_monotony(uint64_t *state, const struct world *world,
                           const struct quota_decision *decision, uint64_t round)
{
    struct world fuller = *world;
    int64_t *const counts[] = {&fuller.team.used_units,     &fuller.team.reserved_units,
                               &fuller.team.used_models,    &fuller.team.reserved_models,
                               &fuller.account.used_units,  &fuller.account.reserved_units,
                               &fuller.account.used_models, &fuller.account.reserved_models};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        const int64_t more = draw_count(state);

        *counts[i] = *counts[i] > INT64_MAX - more ? INT64_MAX : *counts[i] + more;
    }
    require(decision->verdict == QUOTA_ADMITTED || !admits(&fuller),
            "more usage turned a refusal into an admission", round);
}

/* Whatever the size, the sentence ends inside it, and can stand in JSON. */
static void check_sentence(uint64_t *state, const struct world *world,
                           const struct quota_decision *decision, uint64_t round)
{
    const size_t size = 1 + (size_t)draw_below(state, 200);
    char sentence[256];
    json_t *json;

    memset(sentence, '#', sizeof(sentence));
    policy_explain(decision, &world->request, sentence, size);
    require(memchr(sentence, '\0', size) != NULL, "sentence without an end", round);
    require(size < 8 || sentence[0] != '\0', "no sentence", round);
    require(sentence[size] == '#', "sentence beyond its size", round);
    json = json_string(sentence);
    require(json != NULL, "sentence with half a character", round);
    json_decref(json);
}

int main(void)
{
    uint64_t state = SEED;
    size_t admitted = 0;

    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct world world = {.policy = NULL};
        struct quota_decision decision;

        draw_world(&state, &world, round);
        evaluate(&world, &decision);
        admitted += decision.verdict == QUOTA_ADMITTED;
        check_verdict(&world, &decision, round);
        check_largest(&world, &decision, round);
        check_monotony(&state, &world, &decision, round);
        check_sentence(&state, &world, &decision, round);
        policy_free(&world.policy);
    }
    printf("%d rounds, %zu admitted\n", ROUNDS, admitted);
    require(admitted > ROUNDS / 20 && admitted < ROUNDS / 2, "the draws are lopsided", ROUNDS);
    return 0;
}
