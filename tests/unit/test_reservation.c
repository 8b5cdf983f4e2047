/* States, edges and names of a reservation, held to a table written from the rules of money. */
#include "gateway/ledger/reservation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define ENDS (RESERVATION_END_NEVER_STARTED + 1)

/* Row: from; column: to; the order is that of the enum. */
static const char *const edges[RESERVATION_STATES] = {
    /* PUASCV */
    "xxxx.x", /* PENDING */
    ".xxxxx", /* UNCERTAIN */
    "..xxx.", /* ACTIVE */
    "...xx.", /* STOPPING */
    "...xx.", /* CLOSED */
    "...x.x", /* VOID */
};

static void test_edges(void **state)
{
    (void)state;
    for (int from = 0; from < RESERVATION_STATES; from++) {
        for (int to = 0; to < RESERVATION_STATES; to++) {
            if (reservation_state_may_become((enum reservation_state)from,
                                             (enum reservation_state)to) !=
                (edges[from][to] == 'x'))
                fail_msg("%s -> %s: expected '%c'",
                         reservation_state_name((enum reservation_state)from),
                         reservation_state_name((enum reservation_state)to), edges[from][to]);
        }
    }
}

static void test_what_counts(void **state)
{
    static const struct {
        enum reservation_state state;
        bool live, used;
    } cases[RESERVATION_STATES] = {
        {RESERVATION_PENDING, true, false}, {RESERVATION_UNCERTAIN, true, false},
        {RESERVATION_ACTIVE, true, true},   {RESERVATION_STOPPING, true, true},
        {RESERVATION_CLOSED, false, false}, {RESERVATION_VOID, false, false},
    };

    (void)state;
    for (size_t i = 0; i < RESERVATION_STATES; i++) {
        assert_int_equal(reservation_state_is_live(cases[i].state), cases[i].live);
        assert_int_equal(reservation_state_is_used(cases[i].state), cases[i].used);
    }
}

static void test_state_names(void **state)
{
    enum reservation_state parsed = RESERVATION_VOID;

    (void)state;
    assert_string_equal(reservation_state_name(RESERVATION_PENDING), "PENDING");
    assert_string_equal(reservation_state_name(RESERVATION_VOID), "VOID");
    for (int i = 0; i < RESERVATION_STATES; i++) {
        assert_true(
            reservation_state_parse(reservation_state_name((enum reservation_state)i), &parsed));
        assert_int_equal(parsed, i);
    }
    assert_false(reservation_state_parse("pending", &parsed));
    assert_false(reservation_state_parse("", &parsed));
}

static void test_end_names(void **state)
{
    enum reservation_end parsed = RESERVATION_END_LEASE;

    (void)state;
    assert_string_equal(reservation_end_name(RESERVATION_END_NONE), "");
    assert_string_equal(reservation_end_name(RESERVATION_END_LEASE), "lease-ended");
    for (int i = 0; i < ENDS; i++) {
        assert_true(reservation_end_parse(reservation_end_name((enum reservation_end)i), &parsed));
        assert_int_equal(parsed, i);
    }
    assert_false(reservation_end_parse("lease", &parsed));
}

static void test_what_rearms(void **state)
{
    (void)state;
    for (int i = 0; i < ENDS; i++)
        assert_int_equal(reservation_end_rearms((enum reservation_end)i),
                         i == RESERVATION_END_NOT_SENT || i == RESERVATION_END_THROTTLED ||
                             i == RESERVATION_END_OUR_FAULT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges),       cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_state_names), cmocka_unit_test(test_end_names),
        cmocka_unit_test(test_what_rearms),
    };

    return cmocka_run_group_tests_name("reservation", tests, NULL, NULL);
}
