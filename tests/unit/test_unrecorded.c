/* Stops that the ledger could not take: kept once each, in an order, and not without end. */
#include "gateway/control/unrecorded.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static struct reservation make_row(unsigned number, int64_t sent_ms)
{
    struct reservation row = {.state = RESERVATION_STOPPING, .stop_sent_ms = sent_ms};
    (void)snprintf(row.id, sizeof(row.id), "%08u", number);
    return row;
}

static void keeps_the_last_of_each(void **state)
{
    struct unrecorded *set = NULL;
    struct reservation row = make_row(1, 10), found;
    (void)state;
    assert_int_equal(unrecorded_create(&set, NULL), 0);
    assert_false(unrecorded_find(set, row.id, &found));
    assert_true(unrecorded_keep(set, &row));
    row.stop_sent_ms = 20;
    assert_true(unrecorded_keep(set, &row));
    assert_int_equal(unrecorded_count(set), 1);
    assert_true(unrecorded_find(set, row.id, &found));
    assert_int_equal(found.stop_sent_ms, 20);
    unrecorded_drop(set, "another");
    assert_int_equal(unrecorded_count(set), 1);
    unrecorded_drop(set, row.id);
    assert_false(unrecorded_find(set, row.id, &found));
    assert_int_equal(unrecorded_count(set), 0);
    unrecorded_free(&set);
    assert_null(set);
}

static void goes_through_all_in_order_while_they_go(void **state)
{
    static const unsigned numbers[] = {5, 2, 9, 1};
    struct unrecorded *set = NULL;
    struct reservation row;
    char after[RESERVATION_ID_LEN + 1] = "", seen[64] = "";
    (void)state;
    assert_int_equal(unrecorded_create(&set, NULL), 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        row = make_row(numbers[i], 0);
        assert_true(unrecorded_keep(set, &row));
    }
    while (unrecorded_next(set, after, &row)) {
        memcpy(after, row.id, sizeof(after));
        (void)snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%c", row.id[7]);
        unrecorded_drop(set, row.id);
    }
    assert_string_equal(seen, "1259");
    assert_int_equal(unrecorded_count(set), 0);
    unrecorded_free(&set);
}

static void says_when_it_is_full(void **state)
{
    struct unrecorded *set = NULL;
    struct reservation row;
    (void)state;
    assert_int_equal(unrecorded_create(&set, NULL), 0);
    for (unsigned i = 0; i < UNRECORDED_MAX; i++) {
        row = make_row(i, 0);
        assert_true(unrecorded_keep(set, &row));
    }
    row = make_row(UNRECORDED_MAX, 0);
    assert_false(unrecorded_keep(set, &row));
    row = make_row(7, 30); /* what is there is kept anew all the same */
    assert_true(unrecorded_keep(set, &row));
    unrecorded_drop(set, "00000000");
    row = make_row(UNRECORDED_MAX, 0);
    assert_true(unrecorded_keep(set, &row));
    unrecorded_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_last_of_each),
        cmocka_unit_test(goes_through_all_in_order_while_they_go),
        cmocka_unit_test(says_when_it_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
