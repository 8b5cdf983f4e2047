/*
 * Promise 2 in random histories: start, extend, shorten, stop, repeat, crash, outage, overrun and
 * changes of the policy, with budgets by day, week, month and for ever in three zones, over both
 * changes of both clocks. What may start is decided a second time by the slow model, and both have
 * to say the same; see promise_model.h for what is asserted after each step.
 */
#include "gateway/control/admin.h"
#include "tests/money/promise_model.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define HISTORIES    12
#define STEPS        160
#define MODELS       12
#define ALLOWANCE_MS (15 * MINUTE_MS)

struct history {
    struct money_world world;
    struct promise_model model;
    uint64_t random;
    struct reservation live[MODELS + 1];
    size_t live_count;
    bool out;
    unsigned keys;
    unsigned started, refused, extended, not_extended, shortened, stopped, crashes, replayed,
        drifted, assigned, by_hand;
};

static uint64_t draw(struct history *history, uint64_t below)
{
    return hosting_draw(&history->random, below);
}

static const char *any_team(struct history *history)
{
    return history->model.scopes[1 + draw(history, PROMISE_SCOPES - 1)].team;
}

static int64_t any_lease_minutes(struct history *history)
{
    static const int64_t longest[] = {60, 300, 1500, 12000};
    return 1 + (int64_t)draw(history, (uint64_t)longest[draw(history, 4)]);
}

static const struct reservation *any_live(struct history *history)
{
    history->live_count = money_world_live(&history->world, history->live, MODELS + 1);
    return history->live_count > 0 ? &history->live[draw(history, history->live_count)] : NULL;
}

static void check(struct history *history, enum promise_step step)
{
    history->drifted += promise_model_find_drift(&history->model, &history->world);
    promise_model_check(&history->model, &history->world, step);
}

/* --- what teams do ------------------------------------------------------------------------- */

/* A row that this start made; what it reserves is what was asked for. */
static void grant(struct history *history, const struct start_request *request, int64_t at_ms,
                  const struct reservation *row)
{
    struct promise_lease *lease = promise_model_lease(&history->model, row);
    assert_int_equal(row->created_ms, at_ms);
    assert_int_equal(row->units, request->max_units != 0 ? request->max_units : request->min_units);
    assert_int_equal(row->lease_end_ms, at_ms + request->lease_minutes * MINUTE_MS);
    lease->counted.worst_end_ms = row->lease_end_ms + ALLOWANCE_MS;
    history->started++;
}

static bool is_held(struct history *history, const struct start_request *request)
{
    struct reservation row;
    struct error err = {0};
    return ledger_find_live(history->world.ledger, request->project, request->version, &row,
                            &err) == 0;
}

static bool is_too_early(struct history *history, const struct start_result *result)
{
    struct control_readiness now;
    control_readiness(history->world.control, &now);
    return result->outcome == START_NOT_SENT && !result->has_row && !now.clock_trusted;
}

static void start(struct history *history)
{
    char version[8], key[16];
    struct start_result result;
    int64_t now_ms = money_world_now_ms(&history->world);
    struct start_request request = {.team = any_team(history),
                                    .subject = "somebody",
                                    .project = "p",
                                    .version = version,
                                    .min_units = 1 + (int64_t)draw(history, 3),
                                    .lease_minutes = any_lease_minutes(history),
                                    .key = key,
                                    .dry_run = draw(history, 6) == 0};
    (void)snprintf(version, sizeof(version), "%u", (unsigned)draw(history, MODELS) + 1);
    (void)snprintf(key, sizeof(key), "k-%u", history->keys++);
    if (draw(history, 3) == 0)
        request.max_units = request.min_units + (int64_t)draw(history, 4);
    if (is_held(history, &request))
        return;
    struct promise_request wanted = {
        .team = request.team,
        .units = request.max_units != 0 ? request.max_units : request.min_units,
        .from_ms = now_ms,
        .until_ms = now_ms + request.lease_minutes * MINUTE_MS + ALLOWANCE_MS,
        .lease_minutes = request.lease_minutes};
    bool fits = promise_model_fits(&history->model, &wanted);
    admission_start(history->world.control, &request, money_world_deadline(&history->world),
                    &result);
    /* Where AWS has not told the time, nothing is decided at all. */
    if (result.outcome != START_FENCED && !is_too_early(history, &result) &&
        fits != (result.outcome != START_QUOTA))
        fail_msg("%lld units of %s for %lld minutes %s, and the answer was %d: %s",
                 (long long)wanted.units, wanted.team, (long long)request.lease_minutes,
                 fits ? "fit" : "do not fit", (int)result.outcome, result.detail);
    history->refused += result.outcome == START_QUOTA;
    bool granted = result.has_row && !request.dry_run;
    if (granted)
        grant(history, &request, now_ms, &result.row);
    check(history, granted ? PROMISE_GRANTED : PROMISE_NOTHING);
    if (granted && draw(history, 4) == 0) { /* the same once more: costs nothing */
        admission_start(history->world.control, &request, money_world_deadline(&history->world),
                        &result);
        history->replayed += result.outcome == START_REPLAYED;
        check(history, PROMISE_NOTHING);
    }
}

/* Extends or shortens. */
static void change_lease(struct history *history)
{
    const struct reservation *row = any_live(history);
    struct lease_result result;
    int64_t now_ms = money_world_now_ms(&history->world);
    if (row == NULL)
        return;
    struct promise_lease *lease = promise_model_lease(&history->model, row);
    struct lease_request request = {.team = row->team,
                                    .subject = "somebody",
                                    .project = row->project,
                                    .version = row->version,
                                    .lease_minutes = any_lease_minutes(history),
                                    .dry_run = draw(history, 8) == 0};
    int64_t asked_ms = lease->from_ms + request.lease_minutes * MINUTE_MS;
    /* A lease that is over by then ends now, not in the past. */
    int64_t end_ms = (asked_ms > now_ms ? asked_ms : now_ms) + ALLOWANCE_MS;
    /* What overran is used already. */
    int64_t from_ms = lease->counted.worst_end_ms > now_ms ? lease->counted.worst_end_ms : now_ms;
    struct promise_request wanted = {row->team, row->units, from_ms, end_ms, request.lease_minutes};
    bool longer = end_ms > lease->counted.worst_end_ms;
    bool fits = !longer || promise_model_fits(&history->model, &wanted);
    admission_lease(history->world.control, &request, &result);
    if (result.outcome == LEASE_QUOTA && fits)
        fail_msg("the lease of %s may be %lld minutes, and is refused: %s", row->id,
                 (long long)request.lease_minutes, result.detail);
    if (result.outcome == LEASE_CHANGED && !fits)
        fail_msg("the lease of %s may not be %lld minutes, and is", row->id,
                 (long long)request.lease_minutes);
    bool changed = result.outcome == LEASE_CHANGED && !request.dry_run;
    history->not_extended += result.outcome == LEASE_QUOTA;
    history->extended += changed && longer;
    history->shortened += changed && !longer;
    if (changed)
        lease->counted.worst_end_ms = end_ms;
    check(history, changed && longer ? PROMISE_GRANTED : PROMISE_NOTHING);
}

static void stop(struct history *history)
{
    const struct reservation *row = any_live(history);
    struct stop_result result;
    if (row == NULL)
        return;
    struct stop_request request = {
        .subject = "admin", .project = row->project, .version = row->version};
    admission_stop(history->world.control, &request, money_world_deadline(&history->world),
                   &result);
    assert_int_equal(result.outcome, STOP_ACCEPTED); /* never blocked by a quota */
    history->stopped++;
    check(history, PROMISE_NOTHING);
}

/* --- what an administrator does ------------------------------------------------------------ */

static const struct admin_act by_hand = {.subject = "admin", .reason = "a test"};

/* Also where the model runs on: the search for drift finds it then. */
static void settle(struct history *history)
{
    const struct reservation *row = any_live(history);
    struct admin_settled result;
    if (row == NULL)
        return;
    struct admin_settle request = {.id = row->id, .force = true, .act = by_hand};
    if (draw(history, 2) == 0)
        request.ended_ms = row->created_ms + (int64_t)draw(history, 30) * MINUTE_MS;
    admin_settle(history->world.control, &request, money_world_deadline(&history->world), &result);
    history->by_hand += result.outcome == ADMIN_DONE;
    check(history, PROMISE_NOTHING);
}

/* Somebody starts a model without asking the gateway. */
static void start_behind_our_back(struct history *history)
{
    char version[8];
    struct start_request request = {.project = "p", .version = version};
    struct hosting *hosting = hosting_upstream_service(history->world.hosting)->hosting;
    (void)snprintf(version, sizeof(version), "%u", (unsigned)draw(history, MODELS) + 1);
    struct hosting_model *model = hosting_upstream_model(history->world.hosting, "p", version);
    if (is_held(history, &request) || hosting_status_runs(model->status))
        return;
    assert_int_equal(
        hosting_force(hosting, model, HOSTING_HOSTED, 1, money_world_now_ms(&history->world), NULL),
        0);
}

static void assign(struct history *history)
{
    const struct reservation *row = any_live(history);
    struct admin_assigned result;
    if (row == NULL)
        return;
    struct promise_lease *lease = promise_model_lease(&history->model, row);
    struct admin_assign request = {.project = row->project,
                                   .version = row->version,
                                   .team = any_team(history),
                                   .lease_minutes = any_lease_minutes(history),
                                   .act = by_hand};
    int64_t now_ms = money_world_now_ms(&history->world);
    admin_assign_drift(history->world.control, &request, &result);
    bool drift = strcmp(row->team, RESERVATION_TEAM_UNASSIGNED) == 0;
    if (result.outcome == ADMIN_DONE) {
        assert_true(drift);
        assert_string_equal(result.row.team, request.team);
        assert_int_equal(result.row.lease_end_ms, now_ms + request.lease_minutes * MINUTE_MS);
        promise_model_assign(&history->model, lease, &result.row, now_ms);
        history->assigned++;
    }
    check(history, result.outcome == ADMIN_DONE ? PROMISE_ASSIGNED : PROMISE_NOTHING);
}

/* --- what happens to them ------------------------------------------------------------------ */

/* What has outlived its worst case was told, in log and journal, as soon as the time is known. */
static void check_told(struct history *history, int64_t passed_ms, bool trusted)
{
    if (!trusted)
        return;
    history->live_count = money_world_live(&history->world, history->live, MODELS + 1);
    for (size_t i = 0; i < history->live_count; i++) {
        const struct reservation *row = &history->live[i];
        if (row->worst_end_ms > row->created_ms && passed_ms >= row->worst_end_ms)
            assert_int_equal(row->warned_ms, row->worst_end_ms);
    }
}

static void let_time_pass(struct history *history)
{
    struct control_readiness before;
    static const int64_t longest_minutes[] = {5, 40, 300, 2500};
    int64_t minutes = 1 + (int64_t)draw(history, (uint64_t)longest_minutes[draw(history, 4)]);
    int64_t step_ms = minutes * MINUTE_MS / 6 + (int64_t)draw(history, MINUTE_MS);
    for (int i = 0; i < 6; i++) {
        money_world_advance(&history->world, step_ms);
        int64_t passed_ms = money_world_now_ms(&history->world);
        control_readiness(history->world.control, &before);
        money_world_pass(&history->world);
        check_told(history, passed_ms, before.clock_trusted);
        check(history, PROMISE_NOTHING);
    }
}

static void crash(struct history *history)
{
    money_world_crash(&history->world);
    history->crashes++;
    check(history, PROMISE_NOTHING);
}

static void begin_or_end_outage(struct history *history)
{
    history->out = !history->out;
    hosting_upstream_set_out(history->world.hosting, history->out);
}

/* Raised or lowered, at most to a fifth and to five times what it is. */
static void change_policy(struct history *history)
{
    struct promise_scope *scope = &history->model.scopes[draw(history, PROMISE_SCOPES)];
    struct promise_window *window = &scope->windows[draw(history, scope->window_count)];
    int64_t hours = window->amount_hours * (1 + (int64_t)draw(history, 25)) / 5;
    if (hours < 1 || hours > 5000)
        return;
    window->lowered |= hours < window->amount_hours;
    window->amount_hours = hours;
    size_t live = money_world_live(&history->world, history->live, MODELS + 1);
    money_world_load_policy(&history->world, promise_model_policy(&history->model));
    money_world_pass(&history->world);
    /* A lowered limit stops nothing. */
    assert_int_equal(money_world_live(&history->world, history->live, MODELS + 1), live);
    check(history, PROMISE_NOTHING);
}

static void do_something(struct history *history)
{
    static void (*const acts[])(struct history *) = {
        start,         start,         start,
        start,         start,         start,
        change_lease,  change_lease,  change_lease,
        stop,          let_time_pass, let_time_pass,
        let_time_pass, crash,         begin_or_end_outage,
        change_policy, settle,        start_behind_our_back,
        assign};
    acts[draw(history, sizeof(acts) / sizeof(acts[0]))](history);
}

/* --- the test ------------------------------------------------------------------------------ */

static void tell(const struct history *history, unsigned seed)
{
    print_message("history %u: %u started, %u refused, %u extended (%u not), %u shortened, %u "
                  "stopped, %u crashes, %u replays; %u drifted, %u assigned, %u settled by hand; "
                  "over: %u after an overrun, %u lowered, %u assigned\n",
                  seed, history->started, history->refused, history->extended,
                  history->not_extended, history->shortened, history->stopped, history->crashes,
                  history->replayed, history->drifted, history->assigned, history->by_hand,
                  history->model.overs.overrun, history->model.overs.lowered,
                  history->model.overs.assigned);
}

static void live_through(struct history *history, unsigned seed, int64_t begin_ms)
{
    static const struct hosting_chances storm = {.drop_before = 30,
                                                 .drop_after = 30,
                                                 .throttle = 30,
                                                 .error_500 = 20,
                                                 .stale = 200,
                                                 .lag_ms = 45 * SECOND_MS};
    memset(history, 0, sizeof(*history));
    history->random = seed * 7919 + 1;
    promise_model_make(&history->model, begin_ms, ALLOWANCE_MS);
    money_world_open(&history->world, promise_model_policy(&history->model), begin_ms, seed);
    assert_int_equal(history->world.settings.stop_allowance_ms, ALLOWANCE_MS);
    hosting_upstream_set_chances(history->world.hosting, &storm);
    for (int i = 0; i < STEPS; i++)
        do_something(history);
}

static void no_history_breaks_promise_2(void **state)
{
    /* the weekends on which the clocks of New York and Berlin change */
    const int64_t begins_ms[] = {slow_utc_ms(2026, 3, 6, 12, 0), slow_utc_ms(2026, 3, 27, 12, 0),
                                 slow_utc_ms(2026, 10, 23, 12, 0),
                                 slow_utc_ms(2026, 10, 30, 12, 0)};
    static struct history history;
    struct history sums = {0};
    (void)state;
    for (unsigned seed = 0; seed < HISTORIES; seed++) {
        live_through(&history, seed, begins_ms[seed % 4]);
        tell(&history, seed);
        sums.refused += history.refused;
        sums.extended += history.extended;
        sums.not_extended += history.not_extended;
        sums.shortened += history.shortened;
        sums.assigned += history.assigned;
        sums.by_hand += history.by_hand;
        sums.model.overs.overrun += history.model.overs.overrun;
        sums.model.overs.lowered += history.model.overs.lowered;
        money_world_close(&history.world);
        promise_model_free(&history.model);
    }
    /* Histories in which nothing is refused, extended or overrun prove little. */
    assert_true(sums.refused > HISTORIES && sums.extended > HISTORIES && sums.not_extended > 0 &&
                sums.shortened > HISTORIES && sums.model.overs.overrun > 0 &&
                sums.model.overs.lowered > 0 && sums.assigned > 0 && sums.by_hand > HISTORIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_history_breaks_promise_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
