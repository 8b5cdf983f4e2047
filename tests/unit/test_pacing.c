/* pacing, on a clock of its own: waiting moves it, so every turn is known to the millisecond. */
#include "gateway/net/pacing.h"

#include "tests/unit/cmocka_all.h"

#include <semaphore.h>
#include <string.h>

#define START_MS INT64_C(1000000007)
#define NEVER    INT64_MAX

/* The clock that is linked here instead of a real one. */
struct clock {
    int64_t now_ms;
    bool blocks; /* a wait lasts until it is woken */
    sem_t waiting;
};

int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->now_ms;
}

bool clock_wait_until(const struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *mutex,
                      int64_t deadline_ms)
{
    struct clock *moved = (struct clock *)(uintptr_t)clock;

    if (clock->now_ms >= deadline_ms)
        return true;
    if (clock->blocks) {
        sem_post(&moved->waiting);
        pthread_cond_wait(cond, mutex);
        return false;
    }
    moved->now_ms = deadline_ms;
    return true;
}

struct fixture {
    struct clock clock;
    struct pacing *pacing;
};

static void start(struct fixture *f, int64_t per_second, int64_t reserved)
{
    const struct pacing_settings settings = {.per_second = per_second, .reserved = reserved};

    *f = (struct fixture){.clock.now_ms = START_MS};
    assert_int_equal(sem_init(&f->clock.waiting, 0, 0), 0);
    assert_int_equal(pacing_create(&f->clock, &settings, &f->pacing, NULL), 0);
}

static void finish(struct fixture *f)
{
    pacing_free(&f->pacing);
    assert_null(f->pacing);
    pacing_free(&f->pacing);
    sem_destroy(&f->clock.waiting);
}

/* Waits for a turn and returns how many ms after START_MS it came. */
static int64_t turn_ms(struct fixture *f, enum pacing_class who)
{
    assert_int_equal(pacing_wait(f->pacing, who, NEVER, NULL), 0);
    return f->clock.now_ms - START_MS;
}

static void test_a_burst_then_the_rate(void **state)
{
    static const int64_t want_ms[] = {0, 0, 0, 334, 667, 1000, 1334};
    struct fixture f;

    (void)state;
    start(&f, 3, 0);
    for (size_t i = 0; i < sizeof(want_ms) / sizeof(want_ms[0]); i++)
        assert_int_equal(turn_ms(&f, PACING_CALLER), want_ms[i]);
    f.clock.now_ms += 3600000; /* what was not used is saved up for one burst, not more */
    for (int i = 0; i < 3; i++)
        assert_int_equal(turn_ms(&f, PACING_CALLER), 3601334);
    assert_int_equal(turn_ms(&f, PACING_CALLER), 3601668);
    finish(&f);
}

static void test_a_deadline_is_refused_at_once_and_costs_no_turn(void **state)
{
    struct fixture f;
    struct error err;

    (void)state;
    start(&f, 5, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(turn_ms(&f, PACING_CALLER), 0);
    assert_int_equal(pacing_wait(f.pacing, PACING_CALLER, START_MS + 199, &err), ERROR_RETRY);
    assert_int_equal(f.clock.now_ms, START_MS);
    assert_non_null(strstr(err.message, "of 5 a second comes in 200 ms, the deadline in 199 ms"));
    assert_int_equal(pacing_wait(f.pacing, PACING_CALLER, START_MS + 200, &err), 0);
    assert_int_equal(f.clock.now_ms, START_MS + 200);
    finish(&f);
}

static void test_callers_leave_the_reconcilers_share(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 5, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(turn_ms(&f, PACING_CALLER), 0);
    assert_int_equal(pacing_wait(f.pacing, PACING_CALLER, START_MS, NULL), ERROR_RETRY);
    assert_int_equal(turn_ms(&f, PACING_RECONCILER), 0);
    assert_int_equal(turn_ms(&f, PACING_RECONCILER), 0);
    assert_int_equal(pacing_wait(f.pacing, PACING_RECONCILER, START_MS, NULL), ERROR_RETRY);
    finish(&f);
}

static void test_the_reconciler_takes_what_callers_leave(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 5, 2);
    for (int i = 0; i < 5; i++)
        assert_int_equal(turn_ms(&f, PACING_RECONCILER), 0);
    assert_int_equal(pacing_wait(f.pacing, PACING_RECONCILER, START_MS, NULL), ERROR_RETRY);
    assert_int_equal(pacing_wait(f.pacing, PACING_CALLER, START_MS, NULL), ERROR_RETRY);
    finish(&f);
}

static void test_zero_paces_nothing(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 0, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pacing_wait(f.pacing, PACING_CALLER, 0, NULL), 0);
    pacing_close(f.pacing);
    assert_int_equal(pacing_wait(f.pacing, PACING_CALLER, NEVER, NULL), ERROR_RETRY);
    finish(&f);
}

static void *take_a_hundred_turns(void *arg)
{
    struct fixture *f = arg;
    intptr_t failed = 0;

    for (int i = 0; i < 100; i++)
        failed += pacing_wait(f->pacing, PACING_CALLER, NEVER, NULL) != 0;
    return (void *)failed;
}

static void test_threads_share_the_rate(void **state)
{
    struct fixture f;
    pthread_t threads[8];
    void *failed;

    (void)state;
    start(&f, 100, 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_a_hundred_turns, &f), 0);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(f.clock.now_ms - START_MS, 7000); /* 800 turns, a burst of 100 */
    finish(&f);
}

static void *wait_for_a_turn(void *arg)
{
    struct fixture *f = arg;

    return (void *)(intptr_t)pacing_wait(f->pacing, PACING_CALLER, NEVER, NULL);
}

static void test_closing_wakes_who_waits(void **state)
{
    struct fixture f;
    pthread_t threads[2];
    void *rc;

    (void)state;
    start(&f, 1, 0);
    assert_int_equal(turn_ms(&f, PACING_CALLER), 0);
    f.clock.blocks = true;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_for_a_turn, &f), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(sem_wait(&f.clock.waiting), 0);
    pacing_close(f.pacing);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], &rc), 0);
        assert_int_equal((intptr_t)rc, ERROR_RETRY);
    }
    assert_int_equal(pacing_wait(f.pacing, PACING_RECONCILER, NEVER, NULL), ERROR_RETRY);
    finish(&f);
}

static void test_wrong_settings_are_told(void **state)
{
    static const struct pacing_settings wrong[] = {{-1, 0}, {10001, 0}, {5, 5}, {5, -1}, {0, 1}};
    struct clock clock = {0};
    struct pacing *pacing;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(pacing_create(&clock, &wrong[i], &pacing, &err), ERROR_INVALID);
        assert_non_null(strstr(err.message, "expected"));
        assert_null(pacing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_then_the_rate),
        cmocka_unit_test(test_a_deadline_is_refused_at_once_and_costs_no_turn),
        cmocka_unit_test(test_callers_leave_the_reconcilers_share),
        cmocka_unit_test(test_the_reconciler_takes_what_callers_leave),
        cmocka_unit_test(test_zero_paces_nothing),
        cmocka_unit_test(test_threads_share_the_rate),
        cmocka_unit_test(test_closing_wakes_who_waits),
        cmocka_unit_test(test_wrong_settings_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
