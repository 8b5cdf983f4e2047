/* retry: the bounds of every wait, whatever is drawn. */
#include "gateway/net/retry.h"

#include "tests/unit/cmocka_all.h"

static void test_waits_lie_inside_their_bounds(void **state)
{
    static const struct retry_schedule schedule = {
        .max_attempts = 6, .base_ms = 100, .cap_ms = 1000};
    static const struct {
        unsigned attempt;
        int64_t retry_after_ms;
        uint64_t random;
        int64_t want_ms;
    } cases[] = {
        {1, 0, UINT64_MAX, 0},   {2, 0, 0, 0},         {2, 0, 100, 100},   {2, 0, 101, 0},
        {3, 0, 200, 200},        {3, 0, 201, 0},       {4, 0, 400, 400},   {5, 0, 800, 800},
        {6, 0, 1000, 1000},      {6, 0, 1001, 0},      {7, 0, 0, -1},      {UINT32_MAX, 0, 0, -1},
        {2, 70, 30, 70},         {2, 70, 90, 90},      {2, 5000, 0, 1000}, {2, -5, 0, 0},
        {2, INT64_MAX, 1, 1000}, {2, INT64_MIN, 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(retry_delay_ms(&schedule, cases[i].attempt, cases[i].retry_after_ms,
                                   cases[i].random) == cases[i].want_ms);
}

static void test_extreme_schedules_do_not_overflow(void **state)
{
    static const struct retry_schedule huge = {
        .max_attempts = UINT32_MAX, .base_ms = 1, .cap_ms = INT64_MAX};
    static const struct retry_schedule none = {.max_attempts = 3, .base_ms = 0, .cap_ms = 0};

    (void)state;
    assert_true(retry_delay_ms(&huge, 64, 0, UINT64_C(1) << 62) == INT64_C(1) << 62);
    assert_true(retry_delay_ms(&huge, 65, 0, INT64_MAX) == INT64_MAX);
    assert_true(retry_delay_ms(&huge, UINT32_MAX, 0, 7) == 7);
    assert_true(retry_delay_ms(&none, 3, 100, 12345) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_lie_inside_their_bounds),
        cmocka_unit_test(test_extreme_schedules_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
