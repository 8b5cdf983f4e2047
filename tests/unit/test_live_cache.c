/* What readers are told from memory is what the ledger has. */
#include "gateway/ledger/live_cache.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

static struct live_cache *cache;

static int set_up(void **state)
{
    struct error err;
    (void)state;
    return live_cache_create(&cache, &err);
}

static int tear_down(void **state)
{
    (void)state;
    live_cache_free(&cache);
    return 0;
}

static bool knows(const char *project, const char *version, struct reservation *row, bool *found)
{
    uint64_t ticket = 0;
    return live_cache_get(cache, project, version, row, found, &ticket);
}

static uint64_t ticket_for(const char *project, const char *version)
{
    struct reservation row;
    uint64_t ticket = 0;
    bool found = false;
    assert_false(live_cache_get(cache, project, version, &row, &found, &ticket));
    return ticket;
}

static void what_was_put_is_known_until_it_is_forgotten(void **state)
{
    struct reservation row = {.state = RESERVATION_ACTIVE, .row_version = 3}, seen;
    bool found = false;
    (void)state;
    live_cache_put(cache, "p", "1", ticket_for("p", "1"), &row);
    assert_true(knows("p", "1", &seen, &found));
    assert_true(found);
    assert_int_equal(seen.row_version, 3);
    live_cache_forget(cache, "p", "1");
    assert_false(knows("p", "1", &seen, &found));
}

static void absence_is_remembered_too(void **state)
{
    struct reservation seen;
    bool found = true;
    (void)state;
    live_cache_put(cache, "p", "1", ticket_for("p", "1"), NULL);
    assert_true(knows("p", "1", &seen, &found));
    assert_false(found);
}

static void what_was_read_before_a_change_is_not_kept(void **state)
{
    struct reservation row = {.state = RESERVATION_ACTIVE}, seen;
    bool found = false;
    (void)state;
    uint64_t ticket = ticket_for("p", "1");
    live_cache_forget(cache, "p", "1");
    live_cache_put(cache, "p", "1", ticket, &row);
    assert_false(knows("p", "1", &seen, &found));
}

static void models_that_share_a_place_are_not_mixed_up(void **state)
{
    struct reservation row = {.state = RESERVATION_ACTIVE}, seen;
    char version[RESERVATION_VERSION_MAX + 1];
    bool found = false;
    (void)state;
    for (unsigned i = 1; i <= 4 * LIVE_CACHE_PLACES; i++) {
        (void)snprintf(version, sizeof(version), "%u", i);
        (void)snprintf(row.version, sizeof(row.version), "%u", i);
        live_cache_put(cache, "p", version, ticket_for("p", version), &row);
    }
    unsigned known = 0;
    for (unsigned i = 1; i <= 4 * LIVE_CACHE_PLACES; i++) {
        (void)snprintf(version, sizeof(version), "%u", i);
        if (!knows("p", version, &seen, &found))
            continue;
        assert_true(found);
        assert_string_equal(seen.version, version);
        known++;
    }
    assert_in_range(known, 1, LIVE_CACHE_PLACES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_put_is_known_until_it_is_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(absence_is_remembered_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_read_before_a_change_is_not_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(models_that_share_a_place_are_not_mixed_up, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
