/* The rules of leases, one by one. */
#include "gateway/control/rules.h"

#include "tests/unit/cmocka_all.h"

#define MINUTE    ((int64_t)60 * 1000)
#define BEGAN     ((int64_t)1000 * MINUTE)
#define ALLOWANCE (15 * MINUTE)

static struct control_settings settings;

static int set_up(void **state)
{
    (void)state;
    control_settings_default(&settings);
    return 0;
}

/* With a lease of so many minutes from BEGAN. */
static struct reservation make_row(enum reservation_state state, int64_t minutes)
{
    return (struct reservation){.state = state,
                                .created_ms = BEGAN,
                                .lease_from_ms = BEGAN,
                                .lease_end_ms = BEGAN + minutes * MINUTE,
                                .worst_end_ms = BEGAN + minutes * MINUTE + ALLOWANCE,
                                .units = 1};
}

/* Minutes after BEGAN. */
struct change_case {
    const char *what;
    int64_t lease, now, asked; /* before, and what is asked for */
    bool changes, extends;
    int64_t end, reserve_from;
};

static const struct change_case change_cases[] = {
    {"extended", 60, 30, 120, true, true, 120, 75},
    {"extended by a minute", 60, 30, 61, true, true, 61, 75},
    {"extended when it had ended and nobody had stopped it yet", 60, 70, 120, true, true, 120, 75},
    {"extended out of an overrun: what ran is used already", 60, 90, 120, true, true, 120, 90},
    {"the same", 60, 30, 60, false, false, 60, 75},
    {"shortened", 60, 30, 45, true, false, 45, 60},
    {"shortened to what has passed: it ends now", 60, 30, 10, true, false, 30, 45},
    {"shortened to nothing", 60, 30, 0, true, false, 30, 45},
    {"ended already, and asked again", 30, 31, 10, false, false, 30, 45},
    {"ended already, and asked for its own end", 30, 31, 30, false, false, 30, 45},
    {"ended already, and an end that has passed, too", 30, 40, 35, false, false, 30, 45},
};

static void check_change(const struct change_case *c, const struct reservation *row)
{
    struct lease_change change =
        rules_change_lease(&settings, c->asked * MINUTE, BEGAN + c->now * MINUTE, row);
    if (change.changes != c->changes || change.extends != c->extends ||
        change.lease_end_ms != BEGAN + c->end * MINUTE ||
        change.worst_end_ms != change.lease_end_ms + ALLOWANCE ||
        change.reserve_from_ms != BEGAN + c->reserve_from * MINUTE)
        fail_msg("%s: changes %d, extends %d, end %lld, from %lld", c->what, change.changes,
                 change.extends, (long long)(change.lease_end_ms - BEGAN) / MINUTE,
                 (long long)(change.reserve_from_ms - BEGAN) / MINUTE);
}

static void a_change_of_a_lease(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(change_cases) / sizeof(change_cases[0]); i++) {
        const struct change_case *c = &change_cases[i];
        struct reservation row = make_row(RESERVATION_ACTIVE, c->lease);
        check_change(c, &row);
    }
}

/* Of drift that a team was given: what ran before does not shorten its lease. */
static void a_lease_counts_from_its_assignment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(change_cases) / sizeof(change_cases[0]); i++) {
        const struct change_case *c = &change_cases[i];
        struct reservation row = make_row(RESERVATION_ACTIVE, c->lease);
        row.origin = RESERVATION_ORIGIN_DRIFT;
        row.created_ms = BEGAN - 500 * MINUTE;
        check_change(c, &row);
    }
}

/* A smaller allowance in the meantime gives nothing back to who asks for more. */
static void an_extension_never_reserves_less(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_ACTIVE, 60);
    row.worst_end_ms = BEGAN + 120 * MINUTE;
    struct lease_change change =
        rules_change_lease(&settings, 61 * MINUTE, BEGAN + 30 * MINUTE, &row);
    assert_int_equal(change.worst_end_ms, BEGAN + 120 * MINUTE);
    assert_int_equal(change.reserve_from_ms, BEGAN + 120 * MINUTE);
}

/* A larger one makes no extension of it: giving back is never refused. */
static void a_shortening_never_reserves_more(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_ACTIVE, 60);
    row.worst_end_ms = row.lease_end_ms + MINUTE;
    struct lease_change change =
        rules_change_lease(&settings, 59 * MINUTE, BEGAN + 30 * MINUTE, &row);
    assert_true(change.changes);
    assert_int_equal(change.lease_end_ms, BEGAN + 59 * MINUTE);
    assert_int_equal(change.worst_end_ms, BEGAN + 61 * MINUTE);
}

static void leases_end(void **state)
{
    static const enum reservation_state ending[] = {RESERVATION_PENDING, RESERVATION_UNCERTAIN,
                                                    RESERVATION_ACTIVE};
    static const enum reservation_state others[] = {RESERVATION_STOPPING, RESERVATION_CLOSED,
                                                    RESERVATION_VOID};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct reservation row = make_row(ending[i], 60);
        assert_false(rules_lease_ended(row.lease_end_ms - 1, &row));
        assert_true(rules_lease_ended(row.lease_end_ms, &row));
        row.state = others[i];
        assert_false(rules_lease_ended(row.lease_end_ms, &row));
    }
}

static void an_end_is_warned_of_once(void **state)
{
    (void)state;
    struct reservation row = make_row(RESERVATION_ACTIVE, 60);
    assert_false(rules_warning_due(&settings, row.lease_end_ms - 15 * MINUTE - 1, &row));
    assert_true(rules_warning_due(&settings, row.lease_end_ms - 15 * MINUTE, &row));
    assert_false(rules_warning_due(&settings, row.lease_end_ms, &row)); /* it is stopped now */
    rules_note_told(row.lease_end_ms, &row);
    assert_false(rules_warning_due(&settings, row.lease_end_ms - 1, &row));
    row.lease_end_ms += 60 * MINUTE; /* extended: another end */
    assert_false(rules_warning_due(&settings, row.lease_end_ms - 15 * MINUTE - 1, &row));
    assert_true(rules_warning_due(&settings, row.lease_end_ms - 1, &row));
    row.state = RESERVATION_STOPPING;
    assert_false(rules_warning_due(&settings, row.lease_end_ms - 1, &row));
    row.state = RESERVATION_ACTIVE;
    settings.lease_warning_ms = 0;
    assert_false(rules_warning_due(&settings, row.lease_end_ms - 1, &row));
}

static void an_overrun_is_told_once(void **state)
{
    static const enum reservation_state live[] = {RESERVATION_PENDING, RESERVATION_UNCERTAIN,
                                                  RESERVATION_ACTIVE, RESERVATION_STOPPING};
    (void)state;
    for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
        struct reservation row = make_row(live[i], 60);
        rules_note_told(row.lease_end_ms, &row); /* it was warned of */
        assert_false(rules_overrun_due(row.worst_end_ms - 1, &row));
        assert_true(rules_overrun_due(row.worst_end_ms, &row));
        rules_note_told(row.worst_end_ms, &row);
        assert_false(rules_overrun_due(row.worst_end_ms + 1, &row));
    }
    struct reservation row = make_row(RESERVATION_CLOSED, 60);
    assert_false(rules_overrun_due(row.worst_end_ms, &row));
    row = make_row(RESERVATION_ACTIVE, 60); /* drift: nothing was ever reserved */
    row.worst_end_ms = row.created_ms;
    assert_false(rules_overrun_due(BEGAN + 1000 * MINUTE, &row));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_change_of_a_lease, set_up),
        cmocka_unit_test_setup(a_lease_counts_from_its_assignment, set_up),
        cmocka_unit_test_setup(an_extension_never_reserves_less, set_up),
        cmocka_unit_test_setup(a_shortening_never_reserves_more, set_up),
        cmocka_unit_test_setup(leases_end, set_up),
        cmocka_unit_test_setup(an_end_is_warned_of_once, set_up),
        cmocka_unit_test_setup(an_overrun_is_told_once, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
