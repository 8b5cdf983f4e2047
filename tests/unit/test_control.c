/* The control floor under many callers and an upstream that loses and refuses. */
#include "gateway/base/crypto.h"
#include "gateway/control/admission.h"
#include "gateway/control/reconciler.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/control_world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS    8
#define ROUNDS     60
#define UNIT_LIMIT 10
#define SETTLE_MAX 600 /* passes until nothing may be in doubt any more */

static const char policy_text[] =
    "{\"version\":1,\"account\":{},\"teams\":{\"a\":{\"projects\":[\"*\"],"
    "\"limits\":{\"concurrent_units\":10}}}}";

static struct start_request request_for(const char *version, const char *key)
{
    return (struct start_request){.team = "a",
                                  .subject = "s",
                                  .project = "p",
                                  .version = version,
                                  .min_units = 1,
                                  .key = key};
}

/* --- one at a time ------------------------------------------------------------------------- */

static void a_dry_run_writes_nothing(void **state)
{
    struct world world;
    struct start_result result;
    struct start_request request = request_for("1", NULL);
    (void)state;
    world_open(&world, policy_text, 1);
    request.dry_run = true;
    admission_start(world.control, &request, FOREVER, &result);
    assert_int_equal(result.outcome, START_ACCEPTED);
    assert_false(result.has_row);
    assert_int_equal(world_held_units(&world), 0);
    assert_int_equal(fake_upstream_starts(world.fake), 0);
    world_close(&world);
}

/* The commit that the ledger could not confirm is told as doubt, and nothing is sent. */
static void a_closed_gateway_starts_nothing(void **state)
{
    struct world world;
    struct start_result result;
    struct start_request request = request_for("1", NULL);
    (void)state;
    world_open(&world, policy_text, 1);
    control_close(world.control);
    admission_start(world.control, &request, FOREVER, &result);
    assert_int_equal(result.outcome, START_UNAVAILABLE);
    assert_int_equal(fake_upstream_starts(world.fake), 0);
    world_close(&world);
}

/* --- many at a time ------------------------------------------------------------------------ */

struct caller {
    struct world *world;
    unsigned number;
    unsigned accepted, refused, other;
};

static void *start_own_models(void *argument)
{
    struct caller *caller = argument;
    for (unsigned i = 0; i < FAKE_MODELS / THREADS; i++) {
        char version[8];
        struct start_result result;
        (void)snprintf(version, sizeof(version), "%u", caller->number * THREADS + i + 1);
        struct start_request request = request_for(version, NULL);
        admission_start(caller->world->control, &request, FOREVER, &result);
        caller->accepted += result.outcome == START_ACCEPTED;
        caller->refused += result.outcome == START_QUOTA;
        caller->other += result.outcome != START_ACCEPTED && result.outcome != START_QUOTA;
    }
    return NULL;
}

static void run_callers(struct world *world, void *(*run)(void *), struct caller callers[THREADS])
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.world = world, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &callers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void never_over_in_any_interleaving(void **state)
{
    struct world world;
    struct caller callers[THREADS];
    unsigned accepted = 0, refused = 0;
    (void)state;
    world_open(&world, policy_text, 2);
    run_callers(&world, start_own_models, callers);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(callers[i].other, 0);
        accepted += callers[i].accepted;
        refused += callers[i].refused;
    }
    assert_int_equal(accepted, UNIT_LIMIT);
    assert_int_equal(refused, FAKE_MODELS - UNIT_LIMIT);
    assert_int_equal(fake_upstream_starts(world.fake), UNIT_LIMIT);
    world_close(&world);
}

/* Starts and stops of a few models by all, while the reconciler of another thread passes. */
static void *start_and_stop(void *argument)
{
    struct caller *caller = argument;
    struct control *control = caller->world->control;
    unsigned draw = caller->number * 7919 + 17;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char version[8], key[CRYPTO_UUID_LEN + 1];
        draw = draw * 1103515245 + 12345;
        (void)snprintf(version, sizeof(version), "%u", (draw >> 16) % 16 + 1);
        if (caller->number == 0) {
            world_advance(caller->world, 20 * 1000);
            reconciler_pass(control, false);
        } else if ((draw >> 8) % 3 == 0) {
            struct stop_request request = {
                .team = "a", .subject = "s", .project = "p", .version = version};
            struct stop_result result;
            admission_stop(control, &request, FOREVER, &result);
        } else {
            struct start_result result;
            if (crypto_uuid4(key) != 0)
                return NULL;
            struct start_request request = request_for(version, key);
            admission_start(control, &request, FOREVER, &result);
            admission_start(control, &request, FOREVER, &result); /* the same key again */
        }
    }
    return NULL;
}

static size_t live_rows(struct world *world, unsigned states, bool running[FAKE_MODELS + 1])
{
    static struct reservation rows[FAKE_MODELS];
    struct ledger_filter filter = {.states = states};
    struct error err = {0};
    size_t count = 0;
    assert_int_equal(ledger_list_live(world->ledger, &filter, "", rows, FAKE_MODELS, &count, &err),
                     0);
    for (size_t i = 0; running != NULL && i < count; i++)
        running[strtoul(rows[i].version, NULL, 10)] = true;
    return count;
}

/* With a quiet upstream, passes until nothing is in doubt and nothing is being stopped. */
static void settle(struct world *world)
{
    const unsigned in_doubt =
        1u << RESERVATION_PENDING | 1u << RESERVATION_UNCERTAIN | 1u << RESERVATION_STOPPING;
    static const struct fake_chances quiet = {0};
    fake_upstream_set_chances(world->fake, &quiet);
    for (int i = 0; i < SETTLE_MAX && live_rows(world, in_doubt, NULL) > 0; i++) {
        world_advance(world, MINUTE_MS);
        reconciler_pass(world->control, false);
    }
    assert_int_equal(live_rows(world, in_doubt, NULL), 0);
}

static void ledger_and_upstream_agree_after_any_storm(void **state)
{
    static const struct fake_chances storm = {
        .lost_before = 15, .lost_after = 15, .throttled = 10, .refused = 10, .failed = 10};
    struct world world;
    struct caller callers[THREADS];
    bool held[FAKE_MODELS + 1] = {false};
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        world_open(&world, policy_text, seed);
        fake_upstream_set_chances(world.fake, &storm);
        run_callers(&world, start_and_stop, callers);
        assert_int_equal(fake_upstream_double_starts(world.fake), 0);
        assert_true(fake_upstream_most_running(world.fake) <= UNIT_LIMIT);
        assert_true(fake_upstream_starts(world.fake) > 0);
        settle(&world);
        memset(held, 0, sizeof(held));
        size_t count = live_rows(&world, 1u << RESERVATION_ACTIVE, held);
        assert_int_equal(world_held_units(&world), count);
        for (unsigned version = 1; version <= FAKE_MODELS; version++)
            if (held[version] != fake_upstream_is_running(world.fake, version))
                fail_msg("seed %llu: model %u is %s by the ledger and %s upstream",
                         (unsigned long long)seed, version, held[version] ? "held" : "free",
                         held[version] ? "stopped" : "running");
        world_close(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dry_run_writes_nothing),
        cmocka_unit_test(a_closed_gateway_starts_nothing),
        cmocka_unit_test(never_over_in_any_interleaving),
        cmocka_unit_test(ledger_and_upstream_agree_after_any_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
