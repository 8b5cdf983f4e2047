/* What stands against settling a row by hand, case by case. */
#include "gateway/control/admin_rules.h"
#include "tests/unit/cmocka_all.h"

#define MINUTE ((int64_t)60 * 1000)
#define BEGAN  ((int64_t)1000 * MINUTE)

static struct control_settings settings;

static struct reservation make_row(enum reservation_state state)
{
    return (struct reservation){.state = state,
                                .created_ms = BEGAN,
                                .last_send_ms = BEGAN,
                                .accepted_ms = BEGAN,
                                .stop_doubt_ms = BEGAN + 3,
                                .end = RESERVATION_END_LEASE};
}

static void test_doubts(void **state)
{
    static const struct {
        const char *what;
        enum observation_kind kind;
        int64_t minutes; /* of the look */
        int64_t seen_running, not_running;
        enum admin_doubt doubt;
    } cases[] = {
        {"runs", OBSERVED_RUNNING, 600, 1, 0, ADMIN_RUNS},
        {"seen stopped, ran before", OBSERVED_NOT_RUNNING, 1, 1, 0, ADMIN_NO_DOUBT},
        {"seen stopped, start is fresh", OBSERVED_NOT_RUNNING, 14, 0, 0, ADMIN_MAY_START},
        {"seen stopped, start is old", OBSERVED_NOT_RUNNING, 15, 0, 0, ADMIN_NO_DOUBT},
        {"failed, ran before", OBSERVED_FAILED, 1, 1, 0, ADMIN_NO_DOUBT},
        {"absent within QUIET", OBSERVED_ABSENT, 14, 1, 0, ADMIN_MAY_START},
        {"absent after QUIET", OBSERVED_ABSENT, 15, 0, 0, ADMIN_NO_DOUBT},
        {"unseen, never seen", OBSERVED_NOTHING, 600, 0, 0, ADMIN_UNSEEN},
        {"unseen, last seen running", OBSERVED_NOTHING, 600, 1, 0, ADMIN_UNSEEN},
        {"unseen, not running a while ago", OBSERVED_NOTHING, 600, 1, 590, ADMIN_NO_DOUBT},
        {"unseen, not running long ago", OBSERVED_NOTHING, 600, 1, 585, ADMIN_UNSEEN},
        {"unseen, not running, start is fresh", OBSERVED_NOTHING, 14, 0, 5, ADMIN_MAY_START},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct observation observation = {.kind = cases[i].kind,
                                                .began_ms = BEGAN + cases[i].minutes * MINUTE};
        struct reservation row = make_row(RESERVATION_ACTIVE);
        row.seen_running_ms = cases[i].seen_running ? BEGAN + MINUTE : 0;
        row.not_running_ms = cases[i].not_running ? BEGAN + cases[i].not_running * MINUTE : 0;
        if (admin_rules_doubt(&settings, &observation, &row) != cases[i].doubt)
            fail_msg("%s", cases[i].what);
    }
}

static void test_closing_keeps_the_fence(void **state)
{
    static const enum reservation_state states[] = {RESERVATION_UNCERTAIN, RESERVATION_ACTIVE,
                                                    RESERVATION_STOPPING};
    (void)state;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct reservation row = make_row(states[i]);
        assert_true(reservation_state_may_become(states[i], RESERVATION_CLOSED));
        admin_rules_close(BEGAN + MINUTE, BEGAN + 2 * MINUTE, &row);
        assert_int_equal(row.state, RESERVATION_CLOSED);
        assert_int_equal(row.end, RESERVATION_END_BY_HAND);
        assert_int_equal(row.ended_ms, BEGAN + MINUTE);
        assert_int_equal(row.closed_ms, BEGAN + 2 * MINUTE);
        assert_int_equal(row.stop_doubt_ms, BEGAN + 3);
    }
}

static int set_up(void **state)
{
    (void)state;
    control_settings_default(&settings);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubts),
        cmocka_unit_test(test_closing_keeps_the_fence),
    };
    return cmocka_run_group_tests_name("admin_rules", tests, set_up, NULL);
}
