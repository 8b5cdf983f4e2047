/*
 * Rules of money that only show in the whole: floor, ledger and bill together, over time. The
 * table in tests/README.md tells which test stands for which rule.
 */
#include "gateway/control/admin.h"
#include "tests/money/money_world.h"
#include "tests/money/slow_books.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define ALLOWANCE_MS (15 * MINUTE_MS)
#define STEP_MS      (10 * SECOND_MS) /* between two passes */
#define DATE_MS      SECOND_MS        /* a Date header tells no more than the second */

static const char policy[] =
    "{\"version\":1,\"account\":{},\"teams\":{\"a\":{\"projects\":[\"*\"],\"limits\":{"
    "\"unit_hours\":[{\"amount\":10,\"period\":\"day\"}]}}}}";

static void open_world(struct money_world *world)
{
    money_world_open(world, policy, slow_utc_ms(2026, 6, 20, 8, 0), 1);
    money_world_make_instant(world);
}

static size_t starts_of(struct money_world *world, const char *version)
{
    return hosting_upstream_model(world->hosting, "p", version)->start_count;
}

/* --- rule 2 -------------------------------------------------------------------------------- */

struct sends {
    struct money_world *world;
    int64_t last_ms;
    unsigned count;
};

static void note_start(void *context, const struct hosting_event *event)
{
    struct sends *sends = context;
    if (event->operation != HOSTING_START)
        return;
    sends->count++;
    sends->last_ms = money_world_now_ms(sends->world);
}

static void a_start_is_not_sent_again_after_half_an_hour(void **state)
{
    struct money_world world;
    struct sends sends = {.world = &world};
    (void)state;
    open_world(&world);
    hosting_upstream_watch(world.hosting, note_start, &sends);
    hosting_upstream_arm(world.hosting,
                         "{\"operation\":\"start\",\"fault\":\"drop_before\",\"count\":-1}");
    struct reservation row = money_world_start(&world, "1", 1, 60, NULL).row;
    money_world_run(&world, 29 * MINUTE_MS, STEP_MS);
    assert_true(sends.count > 10); /* until then it is */
    assert_int_equal(money_world_get(&world, row.id).state, RESERVATION_UNCERTAIN);
    money_world_run(&world, 31 * MINUTE_MS, STEP_MS);
    assert_in_range(sends.last_ms, row.created_ms + 29 * MINUTE_MS,
                    row.created_ms + 30 * MINUTE_MS);
    assert_int_equal(money_world_get(&world, row.id).state, RESERVATION_VOID);
    money_world_close(&world);
}

/* --- rule 4 -------------------------------------------------------------------------------- */

struct overtaking {
    struct money_world *world;
    bool armed;
};

/* While the answer of a look is on its way, the caller repeats the start, and it is accepted. */
static void repeat_the_start(void *context, const struct hosting_event *event)
{
    struct overtaking *overtaking = context;
    if (!overtaking->armed || event->operation != HOSTING_DESCRIBE)
        return;
    overtaking->armed = false;
    assert_int_equal(money_world_start(overtaking->world, "1", 1, 60, "key").row.state,
                     RESERVATION_ACTIVE);
}

static void a_look_that_a_start_overtook_counts_for_nothing(void **state)
{
    struct money_world world;
    struct overtaking overtaking = {.world = &world};
    (void)state;
    open_world(&world);
    hosting_upstream_watch(world.hosting, repeat_the_start, &overtaking);
    hosting_upstream_arm(world.hosting,
                         "{\"operation\":\"start\",\"fault\":\"drop_before\",\"count\":4}");
    struct reservation row = money_world_start(&world, "1", 1, 60, "key").row;
    money_world_advance(&world, 16 * MINUTE_MS);
    hosting_upstream_arm(world.hosting, /* the reconciler's own tries */
                         "{\"operation\":\"start\",\"fault\":\"throttle\",\"count\":2}");
    overtaking.armed = false;
    money_world_pass(&world);
    money_world_advance(&world, 2 * MINUTE_MS);
    assert_int_equal(money_world_get(&world, row.id).state, RESERVATION_UNCERTAIN);
    faults_clear(&hosting_upstream_service(world.hosting)->faults);
    overtaking.armed = true;
    money_world_pass(&world);
    assert_false(overtaking.armed);
    assert_int_equal(money_world_get(&world, row.id).state, RESERVATION_ACTIVE);
    assert_int_equal(starts_of(&world, "1"), 1);
    money_world_close(&world);
}

/* --- rule 7 -------------------------------------------------------------------------------- */

/* Two units for an hour, and AWS can't be reached for six more. */
static void what_outlives_its_worst_case_counts_and_is_told(void **state)
{
    struct money_world world;
    (void)state;
    open_world(&world);
    struct reservation row = money_world_start(&world, "1", 2, 60, NULL).row;
    assert_int_equal(row.worst_end_ms, row.created_ms + 60 * MINUTE_MS + ALLOWANCE_MS);
    money_world_run(&world, 59 * MINUTE_MS, MINUTE_MS);
    hosting_upstream_set_out(world.hosting, true);
    money_world_run(&world, 20 * MINUTE_MS, MINUTE_MS);
    row = money_world_get(&world, row.id);
    assert_int_equal(row.state, RESERVATION_STOPPING);
    assert_int_equal(row.warned_ms, row.worst_end_ms); /* told by name, in log and journal */
    money_world_run(&world, 221 * MINUTE_MS, MINUTE_MS);

    /* Five hours of two units: the ten of the day are used up. */
    hosting_upstream_set_out(world.hosting, false);
    struct start_result refused = money_world_start(&world, "2", 1, 1, NULL);
    assert_int_equal(refused.outcome, START_QUOTA);
    const struct quota_rule *rule = &refused.decision.rules[refused.decision.binding];
    assert_int_equal(rule->used, 2 * 5 * HOUR_MS);
    assert_int_equal(rule->reserved, 0);
    assert_int_equal(rule->fits_now, 0);
    for (int i = 0; i < 2; i++)
        money_world_pass(&world);
    int64_t seen_ms = money_world_now_ms(&world);
    money_world_run(&world, 2 * MINUTE_MS, MINUTE_MS);
    row = money_world_get(&world, row.id);
    assert_int_equal(row.state, RESERVATION_CLOSED);
    assert_int_equal(row.ended_ms, seen_ms);
    money_world_advance_to(&world, slow_utc_ms(2026, 6, 21, 0, 0));
    assert_int_equal(money_world_start(&world, "2", 1, 1, NULL).outcome, START_ACCEPTED);
    money_world_close(&world);
}

/* --- rule 10 ------------------------------------------------------------------------------- */

struct clock_case {
    int64_t jump_ms;
    bool boot; /* the gateway is made anew after it */
};

/* To its end by true time, and charged by true time, whatever the host's wall clock shows. */
static void a_wrong_clock_moves_no_lease_and_no_charge(void **state)
{
    static const struct clock_case cases[] = {{HOUR_MS, false},
                                              {-HOUR_MS, false},
                                              {HOUR_MS, true},
                                              {-HOUR_MS, true},
                                              {40 * DAY_MS, true}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct money_world world;
        open_world(&world);
        struct reservation row = money_world_start(&world, "1", 1, 60, NULL).row;
        money_world_run(&world, 20 * MINUTE_MS, MINUTE_MS);
        clock_by_hand_set_wall(world.clock, money_world_now_ms(&world) + cases[i].jump_ms);
        if (cases[i].boot)
            money_world_crash(&world);
        money_world_run(&world, 38 * MINUTE_MS, MINUTE_MS);
        money_world_advance_to(&world, row.lease_end_ms - 2 * DATE_MS);
        money_world_pass(&world);
        assert_int_equal(hosting_upstream_model(world.hosting, "p", "1")->status, HOSTING_HOSTED);
        money_world_run(&world, 3 * MINUTE_MS, STEP_MS);
        row = money_world_get(&world, row.id);
        assert_int_equal(row.state, RESERVATION_CLOSED);
        assert_in_range(row.ended_ms, row.lease_end_ms, row.lease_end_ms + STEP_MS + MINUTE_MS);
        const struct hosting_run *run = hosting_upstream_model(world.hosting, "p", "1")->runs;
        assert_true(row.created_ms <= run->from_ms && row.ended_ms >= run->to_ms - DATE_MS);
        money_world_close(&world);
    }
}

/* --- rule 11 ------------------------------------------------------------------------------- */

static void a_key_is_kept_for_a_day_after_its_end(void **state)
{
    struct money_world world;
    (void)state;
    open_world(&world);
    struct reservation row = money_world_start(&world, "1", 1, 60, "key").row;
    money_world_pass(&world); /* sees it running */
    money_world_stop(&world, "1");
    money_world_run(&world, 2 * MINUTE_MS, MINUTE_MS);
    row = money_world_get(&world, row.id);
    assert_int_equal(row.state, RESERVATION_CLOSED);
    money_world_advance_to(&world, row.closed_ms + 24 * HOUR_MS);
    money_world_pass(&world);
    assert_int_equal(money_world_start(&world, "1", 1, 60, "key").outcome, START_REPLAYED);
    money_world_advance(&world, SECOND_MS);
    money_world_pass(&world);
    assert_int_equal(money_world_start(&world, "1", 1, 60, "key").outcome, START_ACCEPTED);
    assert_int_equal(starts_of(&world, "1"), 2);
    money_world_close(&world);
}

/* --- rule 12 ------------------------------------------------------------------------------- */

static int read_account(void *context, const struct quota_books *books, struct error *err)
{
    return books->unit_time(books->self, QUOTA_SCOPE_ACCOUNT, 0, INT64_MAX, context, err);
}

static int read_team(void *context, const struct quota_books *books, struct error *err)
{
    return books->unit_time(books->self, QUOTA_SCOPE_TEAM, 0, INT64_MAX, context, err);
}

static struct quota_unit_time used(struct money_world *world, ledger_books_fn *read)
{
    struct quota_unit_time sum = {0};
    struct error err = {0};
    assert_int_equal(
        ledger_with_books(world->ledger, "a", money_world_now_ms(world), read, &sum, &err), 0);
    return sum;
}

/* Someone starts three units without asking: the account pays from the moment that it is found, and
 * the team from then on that it is given to. */
static void what_runs_unasked_is_found_counted_and_given(void **state)
{
    struct money_world world;
    struct reservation row;
    struct error err = {0};
    (void)state;
    open_world(&world);
    struct hosting_model *model = hosting_upstream_model(world.hosting, "p", "1");
    assert_int_equal(hosting_force(hosting_upstream_service(world.hosting)->hosting, model,
                                   HOSTING_HOSTED, 3, money_world_now_ms(&world), NULL),
                     0);
    money_world_run(&world, 2 * world.settings.drift_scan_ms, STEP_MS);
    assert_int_equal(ledger_find_live(world.ledger, "p", "1", &row, &err), 0);
    assert_string_equal(row.team, RESERVATION_TEAM_UNASSIGNED);
    assert_int_equal(row.units, 3);
    money_world_run(&world, HOUR_MS, MINUTE_MS);
    int64_t ran_ms = money_world_now_ms(&world) - row.created_ms;
    assert_int_equal(used(&world, read_account).used, 3 * ran_ms);
    assert_int_equal(used(&world, read_team).used, 0);
    assert_int_equal(model->status, HOSTING_HOSTED); /* "alert" stops nothing */
    assert_int_equal(money_world_start(&world, "1", 3, 60, NULL).outcome, START_HELD);

    struct admin_assigned assigned;
    admin_assign_drift(world.control,
                       &(struct admin_assign){.project = "p",
                                              .version = "1",
                                              .team = "a",
                                              .lease_minutes = 30,
                                              .act = {.subject = "admin", .reason = "theirs"}},
                       &assigned);
    assert_int_equal(assigned.outcome, ADMIN_DONE);
    assert_int_equal(used(&world, read_team).used, 3 * ran_ms);
    assert_int_equal(used(&world, read_team).reserved, 3 * (30 * MINUTE_MS + ALLOWANCE_MS));
    money_world_run(&world, 33 * MINUTE_MS, MINUTE_MS);
    assert_int_equal(money_world_get(&world, row.id).state, RESERVATION_CLOSED);
    assert_int_equal(hosting_upstream_model(world.hosting, "p", "1")->status, HOSTING_TRAINED);
    money_world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_is_not_sent_again_after_half_an_hour),
        cmocka_unit_test(a_look_that_a_start_overtook_counts_for_nothing),
        cmocka_unit_test(what_outlives_its_worst_case_counts_and_is_told),
        cmocka_unit_test(a_wrong_clock_moves_no_lease_and_no_charge),
        cmocka_unit_test(a_key_is_kept_for_a_day_after_its_end),
        cmocka_unit_test(what_runs_unasked_is_found_counted_and_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
