/* clock: built twice, with the movable clock and with the system's (TEST_SYSTEM_CLOCK). */
#include "gateway/base/clock.h"

#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void test_formats_rfc3339(void **state)
{
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {951782400007, "2000-02-29T00:00:00.007Z"},
        {1795448880123, "2026-11-23T15:48:00.123Z"},
        {-1, "1970-01-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    char text[CLOCK_RFC3339_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        clock_format_rfc3339(cases[i].ms, text);
        assert_string_equal(text, cases[i].want);
    }
}

static void test_shows_the_systems_time(void **state)
{
    struct clock *clock;
    time_t before = time(NULL);
    int64_t monotonic_ms;

    (void)state;
    assert_int_equal(clock_open(&clock, NULL), 0);
    assert_true(clock_wall_ms(clock) >= (int64_t)before * 1000);
    assert_true(clock_wall_ms(clock) <= (int64_t)(time(NULL) + 1) * 1000);
    monotonic_ms = clock_monotonic_ms(clock);
    assert_true(clock_monotonic_ms(clock) >= monotonic_ms);
    clock_close(&clock);
    assert_null(clock);
    clock_close(&clock);
}

struct waiter {
    struct clock *clock;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool waiting;
    bool signalled;
    int64_t deadline_ms;
    bool timed_out;
};

static void *wait_for_signal(void *arg)
{
    struct waiter *w = arg;

    pthread_mutex_lock(&w->mutex);
    w->waiting = true;
    pthread_cond_broadcast(&w->cond);
    while (!w->signalled && !w->timed_out)
        w->timed_out = clock_wait_until(w->clock, &w->cond, &w->mutex, w->deadline_ms);
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

static void start_waiter(struct waiter *w, pthread_t *thread, int64_t wait_ms)
{
    *w = (struct waiter){.mutex = PTHREAD_MUTEX_INITIALIZER};
    assert_int_equal(clock_open(&w->clock, NULL), 0);
    assert_int_equal(clock_cond_init(&w->cond), 0);
    w->deadline_ms = clock_monotonic_ms(w->clock) + wait_ms;
    assert_int_equal(pthread_create(thread, NULL, wait_for_signal, w), 0);
}

/* Returns with the mutex held, when the thread has given it up inside its wait. */
static void lock_when_waiting(struct waiter *w)
{
    pthread_mutex_lock(&w->mutex);
    while (!w->waiting)
        pthread_cond_wait(&w->cond, &w->mutex);
}

static void finish_waiter(struct waiter *w, pthread_t thread)
{
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_cond_destroy(&w->cond);
    pthread_mutex_destroy(&w->mutex);
    clock_close(&w->clock);
}

static void test_a_wait_ends_with_the_signal(void **state)
{
    struct waiter w;
    pthread_t thread;

    (void)state;
    start_waiter(&w, &thread, 3600000);
    lock_when_waiting(&w);
    w.signalled = true;
    pthread_cond_broadcast(&w.cond);
    pthread_mutex_unlock(&w.mutex);
    finish_waiter(&w, thread);
    assert_false(w.timed_out);
}

static void test_a_wait_ends_with_its_deadline(void **state)
{
    struct waiter w;
    pthread_t thread;

    (void)state;
    start_waiter(&w, &thread, 12);
    finish_waiter(&w, thread);
    assert_true(w.timed_out);
    start_waiter(&w, &thread, -1);
    finish_waiter(&w, thread);
    assert_true(w.timed_out);
}

#ifndef TEST_SYSTEM_CLOCK
struct moved {
    char path[32];
    _Atomic int64_t *offsets;
};

static void make_moved(struct moved *m)
{
    int fd;
    void *map;

    (void)snprintf(m->path, sizeof m->path, "/tmp/test_clock.XXXXXX");
    fd = mkstemp(m->path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 16), 0);
    map = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    m->offsets = map;
    close(fd);
    assert_int_equal(setenv("LOOKOUT_TEST_CLOCK", m->path, 1), 0);
}

static void drop_moved(struct moved *m)
{
    void *map = m->offsets;

    unsetenv("LOOKOUT_TEST_CLOCK");
    munmap(map, 16);
    unlink(m->path);
}

static void test_the_file_moves_each_clock(void **state)
{
    struct moved m = {0};
    struct clock *clock;
    int64_t wall_ms, monotonic_ms;

    (void)state;
    make_moved(&m);
    assert_int_equal(clock_open(&clock, NULL), 0);
    wall_ms = clock_wall_ms(clock);
    monotonic_ms = clock_monotonic_ms(clock);
    atomic_store(&m.offsets[0], -7200000);
    atomic_store(&m.offsets[1], 86400000);
    assert_true(clock_wall_ms(clock) < wall_ms - 3600000);
    assert_true(clock_monotonic_ms(clock) >= monotonic_ms + 86400000);
    clock_close(&clock);
    drop_moved(&m);
}

static void test_a_waiter_notices_the_move(void **state)
{
    struct moved m = {0};
    struct waiter w;
    pthread_t thread;

    (void)state;
    make_moved(&m);
    start_waiter(&w, &thread, 3600000);
    lock_when_waiting(&w);
    atomic_store(&m.offsets[1], 3600000);
    pthread_mutex_unlock(&w.mutex);
    finish_waiter(&w, thread);
    assert_true(w.timed_out);
    drop_moved(&m);
}

static void test_a_wrong_file_is_told(void **state)
{
    struct moved m = {0};
    struct clock *clock;
    struct error err;

    (void)state;
    make_moved(&m);
    assert_int_equal(truncate(m.path, 15), 0);
    assert_int_equal(clock_open(&clock, &err), ERROR_INVALID);
    assert_non_null(strstr(err.message, m.path));
    assert_null(clock);
    unlink(m.path);
    assert_int_equal(clock_open(&clock, &err), ERROR_IO);
    assert_non_null(strstr(err.message, "LOOKOUT_TEST_CLOCK"));
    drop_moved(&m);
}
#else
static void test_the_file_is_ignored(void **state)
{
    struct clock *clock;

    (void)state;
    assert_int_equal(setenv("LOOKOUT_TEST_CLOCK", "/nonexistent", 1), 0);
    assert_int_equal(clock_open(&clock, NULL), 0);
    clock_close(&clock);
    unsetenv("LOOKOUT_TEST_CLOCK");
}
#endif

static void test_parses_rfc3339(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1 = is none */
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-23T15:48:00Z", 1795448880000},
        {"2026-11-23T15:48:00.123Z", 1795448880123},
        {"2026-11-23T15:48:00.5Z", 1795448880500},
        {"2026-11-23T15:48:00.123999Z", 1795448880123},
        {"2026-11-23T16:48:00+01:00", 1795448880000},
        {"2026-11-23T10:18:00.001-05:30", 1795448880001},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2023-02-29T00:00:00Z", -1},
        {"2026-13-01T00:00:00Z", -1},
        {"2026-11-31T00:00:00Z", -1},
        {"2026-11-23T24:00:00Z", -1},
        {"2026-11-23T15:48:60Z", -1},
        {"2026-11-23 15:48:00Z", -1},
        {"2026-11-23T15:48:00", -1},
        {"2026-11-23T15:48:00z", -1},
        {"2026-11-23T15:48:00.Z", -1},
        {"2026-11-23T15:48:00Z ", -1},
        {"2026-11-23T15:48:00+0100", -1},
        {"2026-11-23T15:48:00+24:00", -1},
        {"2026-11-23T15:48:00+01:000", -1},
        {"1969-12-31T23:59:59Z", -1},
        {"1970-01-01T00:00:00+00:01", -1},
        {"2026-11-23", -1},
        {"", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = -1;
        bool parsed = clock_parse_rfc3339(cases[i].text, &ms);
        if (parsed != (cases[i].ms >= 0) || (parsed && ms != cases[i].ms))
            fail_msg("%s: saw %d, %lld", cases[i].text, parsed, (long long)ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_rfc3339),
        cmocka_unit_test(test_parses_rfc3339),
        cmocka_unit_test(test_shows_the_systems_time),
        cmocka_unit_test(test_a_wait_ends_with_the_signal),
        cmocka_unit_test(test_a_wait_ends_with_its_deadline),
#ifndef TEST_SYSTEM_CLOCK
        cmocka_unit_test(test_the_file_moves_each_clock),
        cmocka_unit_test(test_a_waiter_notices_the_move),
        cmocka_unit_test(test_a_wrong_file_is_told),
#else
        cmocka_unit_test(test_the_file_is_ignored),
#endif
    };

    unsetenv("LOOKOUT_TEST_CLOCK");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
