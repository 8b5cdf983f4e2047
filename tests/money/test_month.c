/*
 * A month of twenty teams and thousands of leases, with lost answers, outages and crashes; at its
 * end the ledger is laid beside the emulator's bill, lease by lease.
 */
#include "tests/money/money_world.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEAMS      20
#define VERSIONS   8 /* models of each team */
#define MODELS     (TEAMS * VERSIONS)
#define LEASES_MAX 8192
#define LIVE_MAX   (MODELS + 1)
#define DAYS       30
#define SEED       20260301

#define ARRIVAL_MS   (13 * MINUTE_MS) /* between two things that somebody does, on average */
#define LATENCY_MS   40
#define WATCH_MS     (60 * SECOND_MS) /* between two looks at what is in doubt */
#define SETTLE_MS    (3 * DAY_MS)     /* by then everything has ended that a month began */
#define STARTING_MS  (3 * MINUTE_MS)
#define STOPPING_MS  (1 * MINUTE_MS)
#define SCAN_MS      (12 * HOUR_MS) /* of all models for drift, which this test has none of */
#define RECONCILE_MS (10 * SECOND_MS)

struct lease {
    char id[MONEY_ID_MAX];
    unsigned model;
    int64_t looked_ms; /* the look that settles it, as this test saw it; 0 = there was none */
};

struct month {
    struct money_world world;
    uint64_t random;
    struct lease leases[LEASES_MAX];
    size_t lease_count;
    /* Of each model: the first answer, since the last call or restart that could change it, that
     * told it does not run. */
    int64_t looked_ms[MODELS];
    struct lease *last[MODELS];
    struct reservation live[LIVE_MAX];
    size_t live_count;
    int64_t out_until_ms, next_out_ms, next_crash_ms;
    unsigned crashes, outages, repeats, stops, extended, shortened, refused;
};

static uint64_t draw(struct month *month, uint64_t below)
{
    return hosting_draw(&month->random, below);
}

/* --- what people do ------------------------------------------------------------------------ */

struct names {
    char team[16], project[16], version[8];
};

static struct names names_of(unsigned model)
{
    struct names names;
    (void)snprintf(names.team, sizeof(names.team), "team-%02u", model / VERSIONS);
    (void)snprintf(names.project, sizeof(names.project), "line-%02u", model / VERSIONS);
    (void)snprintf(names.version, sizeof(names.version), "%u", model % VERSIONS + 1);
    return names;
}

/* The observation delay is what this test sees itself, not what the ledger says. */
static void watch(void *context, const struct hosting_event *event)
{
    struct month *month = context;
    unsigned team = 0, version = 0;
    int64_t *looked_ms;
    if (event->operation == HOSTING_LIST_PROJECTS || event->operation == HOSTING_LIST_MODELS)
        return;
    assert_int_equal(sscanf(event->project, "line-%u", &team), 1);
    assert_int_equal(sscanf(event->version, "%u", &version), 1);
    looked_ms = &month->looked_ms[team * VERSIONS + version - 1];
    if (event->operation != HOSTING_DESCRIBE)
        *looked_ms = 0;
    else if (event->answer->fate != UPSTREAM_ACCEPTED)
        return;
    else if (model_status_is_running(event->answer->status))
        *looked_ms = 0;
    else if (*looked_ms == 0)
        *looked_ms = money_world_now_ms(&month->world);
}

/* The last lease of a model is over: its end was observed, or another one begins. */
static void end_watch(struct month *month, unsigned model)
{
    if (month->last[model] != NULL)
        month->last[model]->looked_ms = month->looked_ms[model];
    month->last[model] = NULL;
}

static bool is_live(struct month *month, unsigned model)
{
    struct names names = names_of(model);
    struct reservation row;
    struct error err = {0};
    return ledger_find_live(month->world.ledger, names.project, names.version, &row, &err) == 0;
}

static void remember(struct month *month, unsigned model, const struct start_result *result)
{
    struct lease *lease = &month->leases[month->lease_count];
    if (!result->has_row)
        return;
    for (size_t i = month->lease_count; i-- > 0;)
        if (strcmp(month->leases[i].id, result->row.id) == 0)
            return;
    assert_true(month->lease_count < LEASES_MAX);
    memcpy(lease->id, result->row.id, sizeof(lease->id));
    lease->model = model;
    month->last[model] = lease;
    month->lease_count++;
}

static int64_t any_lease_minutes(struct month *month)
{
    return 10 + (int64_t)draw(month, draw(month, 4) != 0 ? 90 : 700);
}

static void start_one(struct month *month)
{
    unsigned model = (unsigned)draw(month, MODELS);
    struct names names = names_of(model);
    char key[32];
    struct start_result result;
    struct start_request request = {.team = names.team,
                                    .subject = "somebody",
                                    .project = names.project,
                                    .version = names.version,
                                    .min_units = 1 + (int64_t)draw(month, 3),
                                    .lease_minutes = any_lease_minutes(month),
                                    .key = key};
    (void)snprintf(key, sizeof(key), "key-%zu", month->lease_count);
    if (draw(month, 8) == 0)
        request.max_units = request.min_units + (int64_t)draw(month, 3);
    if (!is_live(month, model))
        end_watch(month, model);
    for (uint64_t tries = 1 + (draw(month, 5) == 0); tries > 0; tries--) {
        admission_start(month->world.control, &request, money_world_deadline(&month->world),
                        &result);
        remember(month, model, &result);
        month->refused += result.outcome == START_QUOTA;
        month->repeats += result.outcome == START_REPLAYED;
    }
}

static const struct reservation *any_live(struct month *month)
{
    month->live_count = money_world_live(&month->world, month->live, LIVE_MAX);
    return month->live_count > 0 ? &month->live[draw(month, month->live_count)] : NULL;
}

static void stop_one(struct month *month)
{
    const struct reservation *row = any_live(month);
    struct stop_result result;
    if (row == NULL)
        return;
    struct stop_request request = {
        .team = row->team, .subject = "somebody", .project = row->project, .version = row->version};
    admission_stop(month->world.control, &request, money_world_deadline(&month->world), &result);
    month->stops += result.outcome == STOP_ACCEPTED;
}

static void change_one(struct month *month)
{
    const struct reservation *row = any_live(month);
    struct lease_result result;
    if (row == NULL)
        return;
    struct lease_request request = {.team = row->team,
                                    .subject = "somebody",
                                    .project = row->project,
                                    .version = row->version,
                                    .lease_minutes = any_lease_minutes(month)};
    int64_t end_ms = row->lease_end_ms;
    admission_lease(month->world.control, &request, &result);
    if (result.outcome != LEASE_CHANGED)
        return;
    month->extended += result.row.lease_end_ms > end_ms;
    month->shortened += result.row.lease_end_ms < end_ms;
}

static void do_something(struct month *month)
{
    static void (*const acts[])(struct month *) = {start_one, start_one,  start_one,
                                                   start_one, change_one, stop_one};
    acts[draw(month, sizeof(acts) / sizeof(acts[0]))](month);
}

/* --- what happens to them ------------------------------------------------------------------ */

static void begin_or_end_outage(struct month *month, int64_t now_ms)
{
    if (month->out_until_ms != 0 && now_ms >= month->out_until_ms) {
        hosting_upstream_set_out(month->world.hosting, false);
        month->out_until_ms = 0;
    }
    if (now_ms < month->next_out_ms)
        return;
    month->outages++;
    hosting_upstream_set_out(month->world.hosting, true);
    month->out_until_ms = now_ms + MINUTE_MS * (int64_t)(2 + draw(month, 90));
    month->next_out_ms = month->out_until_ms + HOUR_MS * (int64_t)(10 + draw(month, 60));
}

static void crash(struct month *month, int64_t now_ms)
{
    if (now_ms < month->next_crash_ms)
        return;
    month->crashes++;
    for (unsigned model = 0; model < MODELS; model++)
        if (is_live(month, model))
            month->looked_ms[model] = 0;
    money_world_crash(&month->world);
    month->next_crash_ms = now_ms + HOUR_MS * (int64_t)(2 + draw(month, 20));
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When a pass of the reconciler will next have something to do for a row. */
static int64_t next_work_ms(struct month *month, const struct reservation *row, int64_t now_ms)
{
    const struct hosting_model *model =
        hosting_upstream_model(month->world.hosting, row->project, row->version);
    int64_t next_ms = now_ms + RECONCILE_MS;
    if (row->state == RESERVATION_ACTIVE && row->seen_running_ms != 0)
        return row->lease_end_ms > now_ms ? row->lease_end_ms : next_ms;
    if (row->state == RESERVATION_UNCERTAIN || month->out_until_ms != 0)
        return now_ms + WATCH_MS;
    if (row->not_running_ms != 0)
        return later(row->not_running_ms + month->world.settings.confirm_ms, next_ms);
    /* A look that begins just before the end and is answered after it is the hardest to charge. */
    if (model->status == HOSTING_STOPPING)
        return later(model->until_ms - (int64_t)draw(month, 2 * LATENCY_MS), next_ms);
    return next_ms;
}

/* The next tick of the reconciler at which there is work. */
static int64_t next_pass_ms(struct month *month, int64_t now_ms)
{
    int64_t at_ms = INT64_MAX - RECONCILE_MS;
    month->live_count = money_world_live(&month->world, month->live, LIVE_MAX);
    for (size_t i = 0; i < month->live_count; i++)
        at_ms = earlier(at_ms, next_work_ms(month, &month->live[i], now_ms));
    return at_ms;
}

static void live_on(struct month *month, int64_t until_ms, bool people)
{
    int64_t now_ms = money_world_now_ms(&month->world);
    int64_t action_ms = now_ms;
    while (now_ms < until_ms) {
        int64_t pass_ms = next_pass_ms(month, now_ms);
        int64_t next_ms = earlier(earlier(pass_ms, people ? action_ms : until_ms), until_ms);
        if (month->out_until_ms != 0)
            next_ms = earlier(next_ms, month->out_until_ms);
        money_world_advance_to(&month->world, next_ms);
        begin_or_end_outage(month, next_ms);
        crash(month, next_ms);
        if (next_ms >= pass_ms)
            money_world_pass(&month->world);
        if (people && next_ms >= action_ms) {
            do_something(month);
            action_ms = next_ms + (int64_t)draw(month, 2 * ARRIVAL_MS);
        }
        now_ms = money_world_now_ms(&month->world);
    }
}

/* --- the reckoning ------------------------------------------------------------------------- */

/* What the emulator bills of one model between two instants, in unit-milliseconds. */
struct bill {
    int64_t unit_ms, from_ms, until_ms;
    size_t runs;
};

static struct bill bill_between(const struct hosting_model *model, int64_t from_ms,
                                int64_t until_ms)
{
    struct bill bill = {0};
    for (size_t i = 0; i < model->run_count; i++) {
        const struct hosting_run *run = &model->runs[i];
        if (run->to_ms == HOSTING_OPEN)
            fail_msg("%s still runs", model->name);
        if (run->to_ms <= from_ms || run->from_ms >= until_ms)
            continue;
        if (run->from_ms < from_ms || run->to_ms > until_ms)
            fail_msg("%s ran from %lld to %lld, and its lease is charged from %lld to %lld",
                     model->name, (long long)run->from_ms, (long long)run->to_ms,
                     (long long)from_ms, (long long)until_ms);
        bill.unit_ms += run->units * (run->to_ms - run->from_ms);
        bill.from_ms = bill.runs == 0 ? run->from_ms : bill.from_ms;
        bill.until_ms = run->to_ms;
        bill.runs++;
    }
    return bill;
}

static int64_t settled_unit_ms(const struct reservation *row)
{
    switch (row->state) {
    case RESERVATION_CLOSED:
        return row->units * (row->ended_ms - row->created_ms);
    case RESERVATION_VOID:
        return 0;
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
    case RESERVATION_ACTIVE:
    case RESERVATION_STOPPING:
        break;
    }
    fail_msg("reservation %s is still %s", row->id, reservation_state_name(row->state));
    return 0;
}

struct sums {
    int64_t settled, billed;
    size_t closed, voided, never_ran, prompt;
};

/* Rule 7 for a lease whose units cannot vary. `bill` is of one run. */
static void check_excess(const struct lease *lease, const struct reservation *row,
                         const struct bill *bill)
{
    int64_t heard_ms = row->accepted_ms != 0 ? row->accepted_ms : row->seen_running_ms;
    int64_t answer_delay_ms = heard_ms - row->created_ms;
    int64_t observation_delay_ms = lease->looked_ms - bill->until_ms;
    int64_t most = row->units * (answer_delay_ms + observation_delay_ms + MINUTE_MS);
    int64_t excess = settled_unit_ms(row) - bill->unit_ms;
    if (lease->looked_ms == 0 || heard_ms == 0 || excess > most)
        fail_msg(
            "reservation %s: settled %lld unit-ms above its bill; answer after %lld ms, looked "
            "%lld ms after its end, %lld units",
            row->id, (long long)excess, (long long)answer_delay_ms, (long long)observation_delay_ms,
            (long long)row->units);
}

static void reckon(struct month *month, const struct lease *lease, struct sums *sums)
{
    struct names names = names_of(lease->model);
    struct reservation row = money_world_get(&month->world, lease->id);
    const struct hosting_model *model =
        hosting_upstream_model(month->world.hosting, names.project, names.version);
    int64_t settled = settled_unit_ms(&row);
    int64_t until_ms = row.state == RESERVATION_VOID ? row.created_ms : row.ended_ms;
    struct bill bill = bill_between(model, row.created_ms, until_ms);
    sums->settled += settled;
    sums->billed += bill.unit_ms;
    sums->voided += row.state == RESERVATION_VOID;
    sums->closed += row.state == RESERVATION_CLOSED;
    sums->never_ran += row.state == RESERVATION_CLOSED && bill.runs == 0;
    if (settled < bill.unit_ms)
        fail_msg("reservation %s: settled %lld, billed %lld", row.id, (long long)settled,
                 (long long)bill.unit_ms);
    if (bill.runs == 0)
        return;
    assert_int_equal(bill.runs, 1);
    sums->prompt += until_ms - bill.until_ms <= 2 * RECONCILE_MS;
    if (row.max_units == 0 || row.max_units == row.min_units)
        check_excess(lease, &row, &bill);
}

static int64_t billed_at_all(struct month *month)
{
    int64_t unit_ms = 0;
    for (unsigned i = 0; i < MODELS; i++) {
        struct names names = names_of(i);
        unit_ms +=
            bill_between(hosting_upstream_model(month->world.hosting, names.project, names.version),
                         0, INT64_MAX)
                .unit_ms;
    }
    return unit_ms;
}

/* --- the test ------------------------------------------------------------------------------ */

static char *make_policy(void)
{
    static char text[16384];
    int len = snprintf(text, sizeof(text), "{\"version\":1,\"account\":{},\"teams\":{");
    for (unsigned i = 0; i < TEAMS; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len,
                        "%s\"team-%02u\":{\"projects\":[\"line-%02u\"],"
                        "\"limits\":{\"concurrent_units\":8,\"unit_hours\":["
                        "{\"amount\":300,\"period\":\"month\",\"time_zone\":\"Europe/Berlin\"},"
                        "{\"amount\":30,\"period\":\"day\"}]}}",
                        i > 0 ? "," : "", i, i);
    (void)snprintf(text + len, sizeof(text) - (size_t)len, "}}");
    return text;
}

static void tell(const struct month *month, const struct sums *sums)
{
    print_message(
        "%zu leases: %zu closed (%zu never ran, %zu observed within two passes), %zu void; %u "
        "repeats, %u refused, %u extended, %u shortened, %u stopped; %u crashes, %u "
        "outages; %lld unit-minutes settled, %lld billed\n",
        month->lease_count, sums->closed, sums->never_ran, sums->prompt, sums->voided,
        month->repeats, month->refused, month->extended, month->shortened, month->stops,
        month->crashes, month->outages, (long long)(sums->settled / MINUTE_MS),
        (long long)(sums->billed / MINUTE_MS));
}

static void each_lease_of_a_month_is_settled_as_it_is_billed(void **state)
{
    static struct month month;
    const int64_t begin_ms = INT64_C(1772323200000); /* 2026-03-01T00:00:00Z */
    struct sums sums = {0};
    (void)state;
    month.random = SEED;
    money_world_open(&month.world, make_policy(), begin_ms, SEED);
    struct settings *emulator = &hosting_upstream_service(month.world.hosting)->settings;
    emulator->starting_ms = STARTING_MS;
    emulator->stopping_ms = STOPPING_MS;
    emulator->bill_units = SETTING_UNITS_MIN;
    hosting_upstream_watch(month.world.hosting, watch, &month);
    hosting_upstream_set_latency(month.world.hosting, LATENCY_MS);
    month.world.settings.drift_scan_ms = SCAN_MS;
    control_configure(month.world.control, &month.world.settings);
    month.next_crash_ms = begin_ms + HOUR_MS;
    month.next_out_ms = begin_ms + 5 * HOUR_MS;
    hosting_upstream_set_chances(month.world.hosting,
                                 &(struct hosting_chances){.drop_before = 15,
                                                           .drop_after = 15,
                                                           .apply_late = 5,
                                                           .throttle = 10,
                                                           .error_500 = 10,
                                                           .stale = 200,
                                                           .delay = 10,
                                                           .late_ms = 8 * SECOND_MS,
                                                           .lag_ms = 45 * SECOND_MS});
    live_on(&month, begin_ms + DAYS * DAY_MS, true);
    live_on(&month, begin_ms + DAYS * DAY_MS + SETTLE_MS, false);
    for (unsigned model = 0; model < MODELS; model++)
        end_watch(&month, model);
    for (size_t i = 0; i < month.lease_count; i++)
        reckon(&month, &month.leases[i], &sums);
    assert_int_equal(sums.billed, billed_at_all(&month));
    tell(&month, &sums);
    /* A month in which nothing of this happens proves little. */
    assert_true(sums.closed > 1000 && sums.prompt > sums.closed / 2 && month.refused > 10 &&
                month.extended > 50 && month.shortened > 50 && month.crashes > 20);
    money_world_close(&month.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lease_of_a_month_is_settled_as_it_is_billed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
