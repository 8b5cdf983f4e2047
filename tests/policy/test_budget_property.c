/*
 * Random policies, reservations and requests against a slow model that steps from one quarter of an
 * hour to the next. Its clock is the C library's, which reads the zone's rule by itself; a period
 * is a number that each quarter has, so that no end of a period is ever computed here.
 */
#include "policy/evaluator.h"
#include "policy/held.h"
#include "tests/policy/random.h"
#include "tests/policy/zones.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEED         UINT64_C(0xb0d6e7)
#define ROUNDS       60 /* for each zone and month */
#define MINUTE_MS    INT64_C(60000)
#define SLOT_MS      (15 * MINUTE_MS)
#define HOUR_MS      (60 * MINUTE_MS)
#define DAY_MS       (24 * HOUR_MS)
#define DAYS         120 /* that the model knows */
#define SLOTS        (DAYS * 96)
#define ALLOWANCE_MS (15 * MINUTE_MS)
#define MAX_HELD     8
#define MAX_WINDOWS  6 /* of both scopes */
#define MAX_LEASE_MS (31 * DAY_MS)
#define OVERDUE_MS   MINUTE_MS

/* The rule of a zone, and a first day such that the clock changes within the days after it. */
static const struct {
    const char *rule;
    int64_t first_day;
} places[] = {
    {"UTC0", 20700},
    {"CET-1CEST,M3.5.0,M10.5.0/3", 20500}, /* 2026-02-16 */
    {"CET-1CEST,M3.5.0,M10.5.0/3", 20720}, /* 2026-09-24 */
    {"EST5EDT,M3.2.0,M11.1.0", 20490},
    {"EST5EDT,M3.2.0,M11.1.0", 20720},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 20530},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 20700},
    {"<+0545>-5:45", 20600},
    {"<-04>4<-03>,M9.1.6/24,M4.1.6/24", 20530}, /* changes at midnight */
    {"<-04>4<-03>,M9.1.6/24,M4.1.6/24", 20680},
    {"NZST-12NZDT,M9.5.0,M4.1.0/3", 20530},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", 20720},      /* its winter is the exception */
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 47600}, /* 2100 */
};

static void require(bool holds, const char *what, uint64_t round)
{
    if (holds)
        return;
    fprintf(stderr, "round %" PRIu64 " of seed %#" PRIx64 ": %s\n", round, SEED, what);
    exit(1);
}

/* --- the model ----------------------------------------------------------------------------- */

struct model_window {
    bool of_team;
    int64_t amount_unit_ms;
    int period_of[SLOTS]; /* numbers from 0 on */
    int64_t held[DAYS + 2];
};

struct world {
    int64_t epoch_ms;
    const int64_t *local_ms; /* of each slot */
    struct policy *policy;
    struct held list[MAX_HELD];
    struct held_view view;
    struct quota_request request;
    int64_t team_units, account_units, account_models; /* limits, or POLICY_NO_LIMIT */
    int64_t max_lease_ms;
    struct model_window windows[MAX_WINDOWS];
    size_t window_count;
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Which day, week or month a clock shows. */
static int64_t number_period(const struct policy_window *window, int64_t local_ms)
{
    const time_t seconds = (time_t)(local_ms / 1000 - window->day_start_minutes * INT64_C(60));
    struct tm parts;

    gmtime_r(&seconds, &parts);
    switch (window->period) {
    case POLICY_DAY:
        return seconds / 86400;
    case POLICY_WEEK: /* 1970-01-05 was a Monday */
        return (seconds / 86400 - 4 - (int)window->week_start + 7000) / 7;
    case POLICY_MONTH:
        return parts.tm_year * INT64_C(12) + parts.tm_mon;
    case POLICY_TOTAL:
        return 0;
    }
    return 0;
}

/* A clock that is put back brings no old period back: the number never falls. */
static void number_slots(const struct world *world, const struct policy_window *window,
                         struct model_window *out)
{
    const int64_t first = number_period(window, world->local_ms[0]);
    int64_t now = first;

    for (int i = 0; i < SLOTS; i++) {
        now = larger(now, number_period(window, world->local_ms[i]));
        out->period_of[i] = (int)(now - first);
    }
}

/* What [from, until) has of each slot is added to `sums` by its period, times `units`. */
static void add_slots(const struct world *world, const struct model_window *window, int64_t units,
                      int64_t from_ms, int64_t until_ms, int64_t sums[DAYS + 2])
{
    for (int64_t i = (from_ms - world->epoch_ms) / SLOT_MS; i < SLOTS; i++) {
        const int64_t slot_ms = world->epoch_ms + i * SLOT_MS;

        if (slot_ms >= until_ms)
            return;
        sums[window->period_of[i]] +=
            units * (smaller(until_ms, slot_ms + SLOT_MS) - larger(from_ms, slot_ms));
    }
}

static int64_t end_of(const struct world *world, const struct held *held)
{
    return held->state == HELD_ENDED ? held->until_ms : larger(held->until_ms, world->view.now_ms);
}

static void sum_held(const struct world *world, struct model_window *window)
{
    memset(window->held, 0, sizeof(window->held));
    for (size_t i = 0; i < world->view.count; i++) {
        const struct held *held = &world->list[i];

        if (!window->of_team || strcmp(held->team, "a") == 0)
            add_slots(world, window, held->units, held->from_ms, end_of(world, held), window->held);
    }
}

static bool counts_fit(const struct world *world, int64_t units, int64_t at_ms)
{
    int64_t account_units = 0, team_units = 0, models = 0;

    for (size_t i = 0; i < world->view.count; i++) {
        const struct held *held = &world->list[i];
        const int64_t release_ms =
            held->until_ms > world->view.now_ms ? held->until_ms : world->view.now_ms + OVERDUE_MS;

        if (held->state == HELD_ENDED || release_ms <= at_ms)
            continue;
        account_units += held->units;
        team_units += strcmp(held->team, "a") == 0 ? held->units : 0;
        models++;
    }
    return units <= world->team_units - team_units &&
           units <= world->account_units - account_units && models < world->account_models;
}

/* Whether the request would be admitted with other units, lease and time. */
static bool admits(const struct world *world, int64_t units, int64_t lease_ms, int64_t from_ms)
{
    const int64_t length_ms =
        world->request.until_ms - world->request.from_ms + (lease_ms - world->request.lease_ms);

    if (lease_ms > world->max_lease_ms ||
        (!world->request.extension && !counts_fit(world, units, from_ms)))
        return false;
    for (size_t i = 0; i < world->window_count; i++) {
        int64_t added[DAYS + 2] = {0};

        add_slots(world, &world->windows[i], units, from_ms, from_ms + length_ms, added);
        for (int k = 0; k < DAYS + 2; k++) {
            if (added[k] > 0 &&
                world->windows[i].held[k] + added[k] > world->windows[i].amount_unit_ms)
                return false;
        }
    }
    return true;
}

/* --- drawing ------------------------------------------------------------------------------- */

/* JSON of up to three windows, and their periods in the model. */
static size_t draw_windows(uint64_t *state, struct world *world, bool of_team, char *json,
                           size_t size)
{
    static const char *const periods[] = {"day", "week", "month", "total"};
    static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                       "friday", "saturday", "sunday"};
    static const int64_t amounts[] = {60, 250, 900, 1500};
    size_t len = (size_t)snprintf(json, size, "\"unit_hours\": [");
    const unsigned first = (unsigned)draw_below(state, 4);

    for (unsigned i = 0; i < (unsigned)draw_below(state, 4); i++) {
        struct policy_window window = {.period = (enum policy_period)((first + i) % 4),
                                       .week_start = (unsigned)draw_below(state, 7),
                                       .day_start_minutes = (unsigned)draw_below(state, 96) * 15};
        struct model_window *model = &world->windows[world->window_count++];
        const int64_t amount = 1 + draw_below(state, amounts[window.period]);

        if (window.period != POLICY_WEEK)
            window.week_start = 0;
        if (draw_below(state, 3) == 0 || window.period == POLICY_TOTAL)
            window.day_start_minutes = 0;
        model->of_team = of_team;
        model->amount_unit_ms = amount * HOUR_MS;
        number_slots(world, &window, model);
        sum_held(world, model);
        len += (size_t)snprintf(json + len, size - len,
                                "%s{\"amount\": %" PRId64 ", \"period\": \"%s\"", i > 0 ? ", " : "",
                                amount, periods[window.period]);
        if (window.period == POLICY_WEEK)
            len += (size_t)snprintf(json + len, size - len, ", \"week_starts\": \"%s\"",
                                    days[window.week_start]);
        if (window.period != POLICY_TOTAL)
            len +=
                (size_t)snprintf(json + len, size - len,
                                 ", \"time_zone\": \"Test/Place\", \"day_starts\": \"%02u:%02u\"",
                                 window.day_start_minutes / 60, window.day_start_minutes % 60);
        len += (size_t)snprintf(json + len, size - len, "}");
    }
    return len + (size_t)snprintf(json + len, size - len, "]");
}

static void draw_list(uint64_t *state, struct world *world)
{
    world->view.count = (size_t)draw_below(state, MAX_HELD + 1);
    for (size_t i = 0; i < world->view.count; i++) {
        struct held *held = &world->list[i];
        const int64_t now = (world->view.now_ms - world->epoch_ms) / SLOT_MS;
        const int64_t ago = draw_below(state, draw_below(state, 2) == 0 ? 96 * 20 : 96 * 2);
        const int64_t from = now - ago % (now + 1);

        held->state = (enum held_state)draw_below(state, 3);
        snprintf(held->team, sizeof(held->team), "%s", draw_below(state, 2) == 0 ? "a" : "b");
        held->units = 1 + draw_below(state, 4);
        held->from_ms = world->epoch_ms + from * SLOT_MS;
        held->until_ms = held->from_ms + draw_below(state, 96 * 4) * SLOT_MS;
        if (held->state == HELD_ENDED)
            held->until_ms = smaller(held->until_ms, world->view.now_ms);
    }
}

static int64_t draw_limit(uint64_t *state, int64_t most)
{
    return draw_below(state, 3) == 0 ? POLICY_NO_LIMIT : 1 + draw_below(state, most);
}

static void add_limit(char *json, size_t size, const char *name, int64_t limit)
{
    const size_t len = strlen(json);

    if (limit != POLICY_NO_LIMIT)
        snprintf(json + len, size - len, ", \"%s\": %" PRId64, name, limit);
}

static void draw_request(uint64_t *state, struct world *world)
{
    struct quota_request *request = &world->request;
    const int64_t minutes = 1 + draw_below(state, draw_below(state, 2) == 0 ? 600 : 4320);
    const int64_t longer = draw_below(state, 8) == 0 ? 0 : draw_below(state, 600);

    *request = (struct quota_request){.team = "a",
                                      .project = "p",
                                      .units = 1 + draw_below(state, 4),
                                      .extension = draw_below(state, 5) == 0,
                                      .look_ahead = draw_below(state, 2) == 0,
                                      .now_ms = world->view.now_ms};
    request->lease_ms = minutes * MINUTE_MS;
    request->from_ms = world->view.now_ms;
    request->until_ms = world->view.now_ms + request->lease_ms + ALLOWANCE_MS;
    if (request->extension) {
        request->from_ms = request->until_ms;
        request->until_ms += longer * MINUTE_MS;
        request->lease_ms += longer * MINUTE_MS;
    }
}

struct place {
    unsigned char tzif[ZONES_TZIF_MAX];
    size_t len;
    int64_t epoch_ms, local_ms[SLOTS];
};

static int load_place(void *context, const char *name, struct time_zone **out, struct error *err)
{
    const struct place *place = context;

    return time_zone_parse(name, place->tzif, place->len, out, err);
}

static void draw_world(uint64_t *state, const struct place *place, struct world *world,
                       uint64_t round)
{
    static char team[2048], account[2048], text[8192];
    struct error err = {.message = ""};
    const int64_t lease_minutes = draw_below(state, 5) != 0 ? 0 : 60 + draw_below(state, 3000);
    int len;

    world->epoch_ms = place->epoch_ms;
    world->local_ms = place->local_ms;
    world->window_count = 0;
    world->view = (struct held_view){.team = "a",
                                     .now_ms = place->epoch_ms +
                                               (96 * 5 + draw_below(state, 96 * 45)) * SLOT_MS,
                                     .list = world->list};
    draw_list(state, world);
    draw_request(state, world);
    draw_windows(state, world, true, team, sizeof(team));
    draw_windows(state, world, false, account, sizeof(account));
    world->team_units = draw_limit(state, 12);
    world->account_units = draw_limit(state, 24);
    world->account_models = draw_limit(state, 8);
    add_limit(team, sizeof(team), "concurrent_units", world->team_units);
    add_limit(account, sizeof(account), "concurrent_units", world->account_units);
    add_limit(account, sizeof(account), "running_models", world->account_models);
    /* Often as long as it may be, a millisecond less or a millisecond more. */
    if (lease_minutes != 0 && !world->request.extension && draw_below(state, 2) == 0) {
        world->request.lease_ms = lease_minutes * MINUTE_MS + draw_below(state, 3) - 1;
        world->request.until_ms = world->view.now_ms + world->request.lease_ms + ALLOWANCE_MS;
    }
    world->max_lease_ms = lease_minutes != 0 ? lease_minutes * MINUTE_MS : MAX_LEASE_MS;
    len = snprintf(text, sizeof(text),
                   "{\"version\": 1, \"account\": {%s}, \"teams\": {\"a\": {\"projects\": [\"p\"], "
                   "\"limits\": {%s, \"lease\": {%s%.0" PRId64 "}}}}}",
                   account, team, lease_minutes != 0 ? "\"max_minutes\": " : "", lease_minutes);
    world->policy = NULL;
    if (policy_parse(text, (size_t)len, load_place, (void *)(uintptr_t)place, &world->policy,
                     &err) != 0)
        fprintf(stderr, "%s: %s\n%s\n", err.pointer, err.message, text);
    require(world->policy != NULL, "policy not taken", round);
}

/* --- checks -------------------------------------------------------------------------------- */

static bool admits_now(const struct world *world, int64_t units, int64_t lease_ms)
{
    return admits(world, units, lease_ms, world->request.from_ms);
}

static void check_largest(const struct world *world, const struct quota_decision *decision,
                          uint64_t round)
{
    const int64_t units = decision->largest_units_now, lease_ms = decision->largest_lease_now_ms;
    const struct quota_request *request = &world->request;

    require(units == 0 || units == POLICY_NO_LIMIT || admits_now(world, units, request->lease_ms),
            "the largest units are refused", round);
    require(units == POLICY_NO_LIMIT || !admits_now(world, units + 1, request->lease_ms),
            "one unit more than the largest is admitted", round);
    if (decision->verdict == QUOTA_ADMITTED && !request->look_ahead) {
        require(lease_ms == request->lease_ms, "not its own lease", round);
        return;
    }
    if (lease_ms == POLICY_NO_LIMIT) {
        require(admits_now(world, request->units, world->max_lease_ms),
                "no limit for leases, and 31 days are refused", round);
        return;
    }
    require(lease_ms == 0 || admits_now(world, request->units, lease_ms),
            "the largest lease is refused", round);
    /* A lease can't end before it was to: an extension that adds nothing takes nothing. */
    require(!admits_now(world, request->units, lease_ms + 1),
            "a millisecond more than the largest lease is admitted", round);
}

/* Each rule of unit-hours, by the model's numbers. */
static void check_rules(const struct world *world, const struct quota_decision *decision,
                        uint64_t round)
{
    const struct quota_request *request = &world->request;
    size_t k = 0;

    for (size_t i = 0; i < decision->rule_count; i++) {
        const struct quota_rule *rule = &decision->rules[i];
        const struct model_window *window = &world->windows[k];
        int64_t added[DAYS + 2] = {0}, fits = POLICY_NO_LIMIT;

        if (rule->kind != QUOTA_UNIT_HOURS)
            continue;
        k++;
        add_slots(world, window, 1, request->from_ms, request->until_ms, added);
        for (int period = 0; period < DAYS + 2; period++) {
            const int64_t left = larger(window->amount_unit_ms - window->held[period], 0);

            if (added[period] > 0)
                fits = smaller(fits, left / added[period]);
        }
        require(rule->limit == window->amount_unit_ms, "another limit", round);
        require(rule->fits_now == fits, "other units fit", round);
        require(rule->admits == (fits >= request->units), "admits what does not fit", round);
        if (fits == POLICY_NO_LIMIT) {
            require(rule->ever_admits, "adds no time, and can never fit", round);
            continue;
        }
        /* The period that is shown: what it holds, and what the request adds. */
        const int64_t slot =
            (larger(rule->period_from_ms, request->from_ms) - world->epoch_ms) / SLOT_MS;
        const int period = window->period_of[slot];

        require(rule->used + rule->reserved == window->held[period], "other unit-time held", round);
        require(rule->requested == request->units * added[period], "other unit-time asked", round);
        require(rule->resets_ms == INT64_MAX ||
                    window->period_of[(rule->resets_ms - world->epoch_ms) / SLOT_MS] == period + 1,
                "reset at another time", round);
    }
    require(k == world->window_count, "another number of windows", round);
}

/* What is told as exceeded, of one scope; returns how many rules show a later period. */
static size_t check_exceeded(const struct world *world, bool of_team,
                             const struct quota_books *books, uint64_t round)
{
    struct quota_decision decision;
    size_t later = 0, i = 0;

    require(policy_find_exceeded(world->policy, of_team ? "a" : NULL, world->view.now_ms, books,
                                 &decision, NULL) == 0,
            "not told what is exceeded", round);
    while (i < decision.rule_count && decision.rules[i].kind != QUOTA_UNIT_HOURS)
        i++;
    for (size_t k = 0; k < world->window_count; k++) {
        const struct model_window *window = &world->windows[k];
        const struct quota_rule *rule = &decision.rules[i];
        const int now = window->period_of[(world->view.now_ms - world->epoch_ms) / SLOT_MS];
        int worst = now;

        for (int period = now; period < DAYS + 2; period++)
            worst = window->held[period] > window->held[worst] ? period : worst;
        if (window->of_team != of_team || window->held[worst] <= window->amount_unit_ms)
            continue;
        require(i++ < decision.rule_count, "not told as exceeded", round);
        require(rule->limit == window->amount_unit_ms &&
                    rule->used + rule->reserved == window->held[worst],
                "told by other numbers", round);
        require(
            window->period_of[(larger(rule->period_from_ms, world->epoch_ms) - world->epoch_ms) /
                              SLOT_MS] == worst,
            "told of another period", round);
        later += worst > now;
    }
    require(i == decision.rule_count, "told as exceeded, and is not", round);
    return later;
}

static void check_earliest(uint64_t *state, const struct world *world,
                           const struct quota_decision *decision, int64_t earliest_ms,
                           uint64_t round)
{
    const struct quota_request *request = &world->request;
    const int64_t length_ms = request->until_ms - request->from_ms;
    const int64_t end_ms = world->epoch_ms + SLOTS * SLOT_MS - length_ms;
    const int64_t before_ms = smaller(earliest_ms, end_ms);

    if (decision->verdict == QUOTA_ADMITTED || request->extension) {
        require(earliest_ms == (decision->verdict == QUOTA_ADMITTED ? request->now_ms : INT64_MAX),
                "not now and not never", round);
        return;
    }
    if (earliest_ms < end_ms) {
        require(admits(world, request->units, request->lease_ms, earliest_ms),
                "refused at the earliest time", round);
        require(!admits(world, request->units, request->lease_ms, earliest_ms - 1),
                "admitted a millisecond before", round);
    }
    for (int64_t at_ms = request->now_ms; at_ms < before_ms; at_ms += SLOT_MS) {
        require(!admits(world, request->units, request->lease_ms, at_ms), "admitted earlier",
                round);
        at_ms += draw_below(state, 4) == 0 ? draw_below(state, SLOT_MS) / 2 : 0;
    }
}

/* Promise 2 the other way round: what is refused for ever is refused with nothing held. */
static void check_ever(const struct world *world, const struct quota_decision *decision,
                       uint64_t round)
{
    static struct world idle;

    if (world->request.extension || decision->verdict == QUOTA_ADMITTED)
        return;
    idle = *world;
    idle.view.count = 0;
    for (size_t i = 0; i < idle.window_count; i++)
        sum_held(&idle, &idle.windows[i]);
    for (size_t i = 0; i < decision->rule_count; i++) {
        if (decision->rules[i].kind == QUOTA_UNIT_HOURS &&
            decision->rules[i].resets_ms == INT64_MAX)
            return; /* what was used of a total counts for ever */
    }
    require(decision->verdict == QUOTA_REFUSED_NOW ||
                !admits_now(&idle, world->request.units, world->request.lease_ms),
            "refused for ever, and fits where nothing is held", round);
}

/* Returns 0 admitted, 1 refused now, 2 refused for ever, for the tally; adds to that of `later`. */
static int run_round(uint64_t *state, const struct place *place, uint64_t round, size_t *later)
{
    static struct world world;
    struct quota_release releases[MAX_HELD];
    struct quota_decision decision;
    struct quota_books books;
    char sentence[ERROR_MESSAGE_MAX];
    int64_t earliest_ms;

    draw_world(state, place, &world, round);
    held_books(&world.view, &books);
    require(policy_evaluate(world.policy, &world.request, &books, &decision, NULL) == 0,
            "no decision", round);
    require(policy_find_earliest(world.policy, &world.request, &books, releases,
                                 held_releases(&world.view, releases), &earliest_ms, NULL) == 0,
            "no earliest time", round);
    require((decision.verdict == QUOTA_ADMITTED) ==
                admits_now(&world, world.request.units, world.request.lease_ms),
            "another verdict", round);
    check_largest(&world, &decision, round);
    check_rules(&world, &decision, round);
    check_earliest(state, &world, &decision, earliest_ms, round);
    check_ever(&world, &decision, round);
    *later +=
        check_exceeded(&world, true, &books, round) + check_exceeded(&world, false, &books, round);
    policy_explain(&decision, &world.request, sentence, sizeof(sentence));
    require(strlen(sentence) > 20 && strlen(sentence) < sizeof(sentence) - 1, "no sentence", round);
    require(strstr(sentence, "9223372036854775807") == NULL, "no limit, told as a number", round);
    policy_free(&world.policy);
    return (int)decision.verdict;
}

static void prepare(const char *rule, int64_t first_day, struct place *out)
{
    out->len = zones_make_tzif(rule, out->tzif);
    out->epoch_ms = first_day * DAY_MS;
    setenv("TZ", rule, 1);
    tzset();
    for (int i = 0; i < SLOTS; i++) {
        const time_t seconds = (time_t)((out->epoch_ms + i * SLOT_MS) / 1000);
        struct tm parts;

        localtime_r(&seconds, &parts);
        out->local_ms[i] = (int64_t)timegm(&parts) * 1000;
    }
}

int main(void)
{
    static struct place place;
    uint64_t state = SEED, round = 0;
    size_t verdicts[3] = {0}, later = 0;

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        prepare(places[i].rule, places[i].first_day, &place);
        for (int k = 0; k < ROUNDS; k++)
            verdicts[run_round(&state, &place, round++, &later)]++;
    }
    printf("%" PRIu64
           " rounds: %zu admitted, %zu refused now, %zu for ever; %zu limits exceeded later\n",
           round, verdicts[0], verdicts[1], verdicts[2], later);
    require(verdicts[0] > round / 10 && verdicts[1] > round / 10 && verdicts[2] > round / 100 &&
                later > round / 100,
            "the draws are lopsided", round);
    return 0;
}
