/* Stops that the ledger could not take: kept once each, in an order, and not without end. */
#include "gateway/control/unrecorded.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/lookout-unrecorded-XXXXXX";
static struct ledger *ledger;

static void path_in_folder(const char *name, char out[64])
{
    (void)snprintf(out, 64, "%s/%s", folder, name);
}

static int open_ledger(void **state)
{
    char path[64];
    struct ledger_settings settings = {
        .path = path, .endpoint = "http://127.0.0.1:1", .region = "eu-central-1"};
    (void)state;
    path_in_folder("ledger", path);
    return ledger_open(&settings, &ledger, NULL);
}

static int close_ledger(void **state)
{
    int result = ledger_mark_gap(ledger, false, NULL); /* some sets end as a process that dies */
    (void)state;
    ledger_close(&ledger);
    return result;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    static const char *const files[] = {"ledger", "ledger-wal", "ledger-shm", "ledger.lock"};
    char path[64];
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        path_in_folder(files[i], path);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static struct reservation make_row(unsigned number, int64_t sent_ms)
{
    struct reservation row = {.state = RESERVATION_STOPPING, .stop_sent_ms = sent_ms};
    (void)snprintf(row.id, sizeof(row.id), "%08u", number);
    (void)snprintf(row.project, sizeof(row.project), "p");
    (void)snprintf(row.version, sizeof(row.version), "%u", number);
    return row;
}

static void keeps_the_last_of_each(void **state)
{
    struct unrecorded *set = NULL;
    struct reservation row = make_row(1, 10), found;
    (void)state;
    assert_int_equal(unrecorded_create(ledger, &set, NULL), 0);
    assert_false(unrecorded_find(set, row.id, &found));
    assert_true(unrecorded_keep(set, &row));
    row.stop_sent_ms = 20;
    assert_true(unrecorded_keep(set, &row));
    assert_int_equal(unrecorded_count(set), 1);
    assert_true(unrecorded_find(set, row.id, &found));
    assert_int_equal(found.stop_sent_ms, 20);
    assert_true(unrecorded_holds(set, "p", "1"));
    assert_false(unrecorded_holds(set, "p", "2"));
    assert_false(unrecorded_holds(set, "q", "1"));
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
    assert_int_equal(unrecorded_create(ledger, &set, NULL), 0);
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
    assert_int_equal(unrecorded_create(ledger, &set, NULL), 0);
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

/* As long as there is one; and what a former process left, until that is dealt with. */
static void marks_the_ledger(void **state)
{
    struct unrecorded *set = NULL;
    struct reservation one = make_row(1, 0), two = make_row(2, 0);
    (void)state;
    assert_int_equal(unrecorded_create(ledger, &set, NULL), 0);
    assert_false(unrecorded_are_lost(set));
    assert_false(ledger_has_gap(ledger));
    assert_true(unrecorded_keep(set, &one));
    assert_true(ledger_has_gap(ledger));
    assert_true(unrecorded_keep(set, &two));
    unrecorded_drop(set, one.id);
    assert_true(ledger_has_gap(ledger));
    unrecorded_drop(set, two.id);
    assert_false(ledger_has_gap(ledger));
    assert_true(unrecorded_keep(set, &one));
    unrecorded_free(&set); /* the process ends with it */

    assert_true(ledger_has_gap(ledger));
    assert_int_equal(unrecorded_create(ledger, &set, NULL), 0);
    assert_true(unrecorded_are_lost(set));
    assert_true(unrecorded_keep(set, &two));
    unrecorded_drop(set, two.id);
    assert_true(ledger_has_gap(ledger));
    assert_true(unrecorded_keep(set, &two));
    unrecorded_forget_lost(set);
    assert_false(unrecorded_are_lost(set));
    assert_true(ledger_has_gap(ledger));
    unrecorded_drop(set, two.id);
    assert_false(ledger_has_gap(ledger));
    unrecorded_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_the_last_of_each, open_ledger, close_ledger),
        cmocka_unit_test_setup_teardown(goes_through_all_in_order_while_they_go, open_ledger,
                                        close_ledger),
        cmocka_unit_test_setup_teardown(says_when_it_is_full, open_ledger, close_ledger),
        cmocka_unit_test_setup_teardown(marks_the_ledger, open_ledger, close_ledger),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
