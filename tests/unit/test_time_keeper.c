/* Rule 10: what a clock that jumps, a wrong Date and a silent upstream do to the time. */
#include "gateway/control/time_keeper.h"

#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MINUTE ((int64_t)60 * 1000)
#define HOUR   (60 * MINUTE)

/* The host: two clocks, each moved on its own. The truth is what the wall clock showed at first. */
struct host {
    char path[64];
    _Atomic int64_t *offsets;
    struct clock *clock;
    struct time_keeper *keeper;
    int64_t truth_ms; /* what to add to the monotonic clock to have the true time */
};

static void open_host(struct host *host, int64_t wrong_by_ms)
{
    (void)snprintf(host->path, sizeof(host->path), "/tmp/test_time_keeper.XXXXXX");
    int fd = mkstemp(host->path);
    assert_true(fd >= 0 && ftruncate(fd, 16) == 0);
    host->offsets = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(host->offsets != MAP_FAILED);
    (void)close(fd);
    assert_int_equal(setenv("LOOKOUT_TEST_CLOCK", host->path, 1), 0);
    assert_int_equal(clock_open(&host->clock, NULL), 0);
    host->truth_ms = clock_wall_ms(host->clock) - clock_monotonic_ms(host->clock);
    atomic_store(&host->offsets[0], wrong_by_ms);
    assert_int_equal(time_keeper_create(host->clock, &host->keeper, NULL), 0);
}

static void close_host(struct host *host)
{
    time_keeper_free(&host->keeper);
    clock_close(&host->clock);
    (void)munmap((void *)(uintptr_t)host->offsets, 16);
    (void)unlink(host->path);
}

static void move_wall(struct host *host, int64_t ms)
{
    atomic_fetch_add(&host->offsets[0], ms);
}

static void pass_time(struct host *host, int64_t ms)
{
    atomic_fetch_add(&host->offsets[1], ms);
    atomic_fetch_add(&host->offsets[0], ms);
}

static int64_t truth(const struct host *host)
{
    return host->truth_ms + clock_monotonic_ms(host->clock);
}

/* An answer with a Date that is wrong by so much; whole seconds, as it has them. */
static void hear(struct host *host, int64_t wrong_by_ms)
{
    int64_t now_ms = clock_monotonic_ms(host->clock);
    int64_t date_ms = (truth(host) + wrong_by_ms) / 1000 * 1000;
    time_keeper_learn(host->keeper, date_ms, now_ms - 20, now_ms);
}

static void assert_keeps_time(const struct host *host, int64_t wrong_by_ms, int64_t at_most_ms)
{
    int64_t off_ms = time_keeper_now_ms(host->keeper) - truth(host) - wrong_by_ms;
    if (llabs(off_ms) > at_most_ms)
        fail_msg("the time is off by %lld ms", (long long)off_ms);
}

/* --- jumps --------------------------------------------------------------------------------- */

static void waits_for_a_date_after_a_boot(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    assert_false(time_keeper_may_expire(host.keeper));
    hear(&host, 0);
    assert_true(time_keeper_may_expire(host.keeper));
    assert_keeps_time(&host, 0, 1100);
    assert_int_equal(time_keeper_epoch(host.keeper), 0);
    close_host(&host);
}

static void a_host_that_is_wrong_at_boot_is_put_right(void **state)
{
    static const int64_t wrong_by[] = {-HOUR, HOUR, -2 * MINUTE, 3 * 1000};
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_by) / sizeof(wrong_by[0]); i++) {
        struct host host = {0};
        open_host(&host, wrong_by[i]);
        assert_keeps_time(&host, wrong_by[i], 100);
        hear(&host, 0);
        assert_true(time_keeper_may_expire(host.keeper));
        assert_keeps_time(&host, 0, 1100);
        assert_int_equal(time_keeper_epoch(host.keeper), 1);
        close_host(&host);
    }
}

static void a_wall_clock_that_jumps_moves_nothing(void **state)
{
    static const int64_t jumps[] = {-HOUR, HOUR, 2 * MINUTE};
    (void)state;
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct host host = {0};
        open_host(&host, 0);
        hear(&host, 0);
        move_wall(&host, jumps[i]);
        assert_keeps_time(&host, 0, 1100);
        assert_false(time_keeper_may_expire(host.keeper));
        assert_false(time_keeper_may_expire(host.keeper)); /* asking again does not help */
        pass_time(&host, 5 * MINUTE);
        assert_keeps_time(&host, 0, 1100);
        hear(&host, 0);
        assert_true(time_keeper_may_expire(host.keeper));
        assert_keeps_time(&host, 0, 1100);
        assert_int_equal(time_keeper_epoch(host.keeper), 0);
        close_host(&host);
    }
}

static void a_small_step_of_the_wall_clock_is_no_jump(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    hear(&host, 0);
    move_wall(&host, 50 * 1000);
    assert_true(time_keeper_may_expire(host.keeper));
    move_wall(&host, 50 * 1000); /* but many are one */
    assert_false(time_keeper_may_expire(host.keeper));
    close_host(&host);
}

/* The monotonic clock of a suspended machine stands still. */
static void a_machine_that_slept_is_put_right(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    hear(&host, 0);
    move_wall(&host, HOUR);
    host.truth_ms += HOUR;
    assert_false(time_keeper_may_expire(host.keeper));
    hear(&host, 0);
    assert_true(time_keeper_may_expire(host.keeper));
    assert_keeps_time(&host, 0, 1100);
    assert_int_equal(time_keeper_epoch(host.keeper), 1);
    close_host(&host);
}

/* --- Dates --------------------------------------------------------------------------------- */

static void one_wrong_date_moves_nothing(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    hear(&host, 0);
    for (int i = 0; i < 3; i++) {
        hear(&host, HOUR);
        assert_keeps_time(&host, 0, 1100);
        hear(&host, 0);
    }
    hear(&host, HOUR);
    hear(&host, -HOUR); /* two that contradict each other are none */
    assert_keeps_time(&host, 0, 1100);
    assert_int_equal(time_keeper_epoch(host.keeper), 0);
    close_host(&host);
}

static void two_dates_in_a_row_are_believed(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    hear(&host, 0);
    hear(&host, HOUR);
    pass_time(&host, MINUTE);
    hear(&host, HOUR);
    assert_keeps_time(&host, HOUR, 1100);
    assert_int_equal(time_keeper_epoch(host.keeper), 1);
    hear(&host, 0); /* back: the wall clock says so, too */
    assert_keeps_time(&host, 0, 1100);
    close_host(&host);
}

static void a_date_within_the_tolerance_moves_nothing(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    hear(&host, 0);
    int64_t before_ms = time_keeper_now_ms(host.keeper) - clock_monotonic_ms(host.clock);
    for (int i = 0; i < 3; i++)
        hear(&host, 59 * 1000);
    assert_int_equal(time_keeper_now_ms(host.keeper) - clock_monotonic_ms(host.clock), before_ms);
    close_host(&host);
}

/* A Date is a second long, and its answer was on its way: all that is allowed for. */
static void a_slow_answer_tells_the_time_no_better_than_it_can(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    int64_t now_ms = clock_monotonic_ms(host.clock);
    time_keeper_learn(host.keeper, truth(&host) / 1000 * 1000 - 9000, now_ms - 10000, now_ms);
    assert_true(time_keeper_may_expire(host.keeper));
    assert_keeps_time(&host, 0, 20); /* the host's time may be true, so it stays */
    close_host(&host);
}

static void an_upstream_without_dates_is_not_waited_for_for_ever(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    int64_t now_ms = clock_monotonic_ms(host.clock);
    time_keeper_learn(host.keeper, 0, now_ms, now_ms);
    assert_false(time_keeper_may_expire(host.keeper));
    pass_time(&host, TIME_KEEPER_DATELESS_MS);
    assert_false(time_keeper_may_expire(host.keeper)); /* nobody answered: nobody can be stopped */
    now_ms = clock_monotonic_ms(host.clock);
    time_keeper_learn(host.keeper, 0, now_ms, now_ms);
    assert_true(time_keeper_may_expire(host.keeper));
    close_host(&host);
}

/* Nothing here asks for local time. */
static void a_change_to_summer_time_is_none_of_our_business(void **state)
{
    struct host host = {0};
    (void)state;
    open_host(&host, 0);
    hear(&host, 0);
    assert_int_equal(setenv("TZ", "Europe/Berlin", 1), 0);
    tzset();
    assert_true(time_keeper_may_expire(host.keeper));
    assert_int_equal(setenv("TZ", "America/New_York", 1), 0);
    tzset();
    assert_true(time_keeper_may_expire(host.keeper));
    assert_keeps_time(&host, 0, 1100);
    close_host(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_a_date_after_a_boot),
        cmocka_unit_test(a_host_that_is_wrong_at_boot_is_put_right),
        cmocka_unit_test(a_wall_clock_that_jumps_moves_nothing),
        cmocka_unit_test(a_small_step_of_the_wall_clock_is_no_jump),
        cmocka_unit_test(a_machine_that_slept_is_put_right),
        cmocka_unit_test(one_wrong_date_moves_nothing),
        cmocka_unit_test(two_dates_in_a_row_are_believed),
        cmocka_unit_test(a_date_within_the_tolerance_moves_nothing),
        cmocka_unit_test(a_slow_answer_tells_the_time_no_better_than_it_can),
        cmocka_unit_test(an_upstream_without_dates_is_not_waited_for_for_ever),
        cmocka_unit_test(a_change_to_summer_time_is_none_of_our_business),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
