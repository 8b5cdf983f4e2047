/* One call in flight per model; tickets that tell when there was one. */
#include "gateway/control/model_calls.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define THREADS 8
#define ROUNDS  500
#define FOREVER INT64_MAX

struct fixture {
    struct clock *clock;
    struct model_calls *calls;
    int inside; /* guarded by the marker alone: the sanitizers would see a second thread in it */
    int most;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct error err;
    fixture = (struct fixture){0};
    *state = &fixture;
    if (clock_open(&fixture.clock, &err) != 0)
        return -1;
    return model_calls_create(fixture.clock, &fixture.calls, &err);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    model_calls_free(&fixture->calls);
    clock_close(&fixture->clock);
    return 0;
}

static void a_second_call_is_refused_until_the_first_ended(void **state)
{
    struct fixture *fixture = *state;
    struct model_call first, second, other;
    assert_int_equal(model_calls_acquire(fixture->calls, "boards", "1", FOREVER, &first), 0);
    assert_int_equal(model_calls_acquire(fixture->calls, "boards", "1", 0, &second), ERROR_RETRY);
    assert_int_equal(model_calls_acquire(fixture->calls, "boards", "2", 0, &other), 0);
    model_calls_release(fixture->calls, &first);
    assert_int_equal(model_calls_acquire(fixture->calls, "boards", "1", 0, &second), 0);
    model_calls_release(fixture->calls, &second);
    model_calls_release(fixture->calls, &other);
}

static void a_ticket_tells_of_calls(void **state)
{
    struct fixture *fixture = *state;
    struct model_call call;
    uint64_t ticket = 0;
    assert_true(model_calls_ticket(fixture->calls, "boards", "1", &ticket));
    assert_true(model_calls_ticket_holds(fixture->calls, "boards", "1", ticket));
    assert_int_equal(model_calls_acquire(fixture->calls, "boards", "1", 0, &call), 0);
    model_calls_begin(fixture->calls, "boards", "1");
    assert_false(model_calls_ticket_holds(fixture->calls, "boards", "1", ticket));
    model_calls_release(fixture->calls, &call);
    assert_false(model_calls_ticket_holds(fixture->calls, "boards", "1", ticket));
    assert_true(model_calls_ticket(fixture->calls, "boards", "1", &ticket));
    assert_true(model_calls_ticket_holds(fixture->calls, "boards", "1", ticket));
}

static void a_marker_without_a_call_disturbs_no_ticket(void **state)
{
    struct fixture *fixture = *state;
    struct model_call call;
    uint64_t ticket = 0;
    assert_true(model_calls_ticket(fixture->calls, "boards", "1", &ticket));
    assert_int_equal(model_calls_acquire(fixture->calls, "boards", "1", 0, &call), 0);
    assert_true(model_calls_ticket_holds(fixture->calls, "boards", "1", ticket));
    model_calls_release(fixture->calls, &call);
    assert_true(model_calls_ticket_holds(fixture->calls, "boards", "1", ticket));
}

static void closing_refuses(void **state)
{
    struct fixture *fixture = *state;
    struct model_call call;
    model_calls_close(fixture->calls);
    assert_int_equal(model_calls_acquire(fixture->calls, "boards", "1", FOREVER, &call),
                     ERROR_RETRY);
}

static void *contend(void *argument)
{
    struct fixture *fixture = argument;
    for (int i = 0; i < ROUNDS; i++) {
        struct model_call call;
        if (model_calls_acquire(fixture->calls, "boards", "1", FOREVER, &call) != 0)
            return NULL;
        fixture->inside++;
        if (fixture->inside > fixture->most)
            fixture->most = fixture->inside;
        fixture->inside--;
        model_calls_release(fixture->calls, &call);
    }
    return argument;
}

static void many_threads_take_turns(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, contend, fixture), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    assert_int_equal(fixture->most, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_second_call_is_refused_until_the_first_ended, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_ticket_tells_of_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_marker_without_a_call_disturbs_no_ticket, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(closing_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads_take_turns, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
