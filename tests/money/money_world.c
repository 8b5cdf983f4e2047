/* Wiring, time and short ways to the floor. */
#include "tests/money/money_world.h"

#include "gateway/base/metrics.h"
#include "gateway/control/policy_store.h"
#include "gateway/control/reconciler.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the system has one: a month is some 50,000 commits, and each is synced. */
#define MEMORY_FOLDER "/dev/shm"
#define REQUEST_MS    (20 * SECOND_MS)

static void path_in(const struct money_world *world, const char *name, char *out, size_t size)
{
    assert_true(snprintf(out, size, "%s/%s", world->folder, name) < (int)size);
}

/* What a start of the program does, from the ledger's lock to the first pass. */
static void boot(struct money_world *world)
{
    char path[128];
    struct error err = {0};
    struct ledger_settings ledger = {.path = path, .endpoint = "http://aws", .region = "here"};

    path_in(world, "ledger.db", path, sizeof(path));
    assert_int_equal(metrics_create(&world->metrics, &err), 0);
    if (ledger_open(&ledger, &world->ledger, &err) != 0)
        fail_msg("the ledger does not open: %s", err.message);
    assert_int_equal(policy_store_create(&world->policies, &err), 0);
    money_world_load_policy(world, world->policy);
    assert_int_equal(control_create(&world->settings, world->clock, world->ledger,
                                    hosting_upstream_interface(world->hosting), world->policies,
                                    world->metrics, &world->control, &err),
                     0);
    reconciler_pass(world->control, true);
}

static void leave(struct money_world *world)
{
    control_close(world->control);
    control_free(&world->control);
    policy_store_free(&world->policies);
    ledger_close(&world->ledger);
    metrics_free(&world->metrics);
}

void money_world_open(struct money_world *world, const char *policy, int64_t wall_ms, uint64_t seed)
{
    const char *tmp = getenv("TMPDIR");
    bool memory = tmp == NULL && access(MEMORY_FOLDER, W_OK) == 0;
    struct error err = {0};

    memset(world, 0, sizeof(*world));
    (void)snprintf(world->folder, sizeof(world->folder), "%s/money.XXXXXX",
                   tmp != NULL ? tmp
                   : memory    ? MEMORY_FOLDER
                               : "/tmp");
    assert_non_null(mkdtemp(world->folder));
    assert_int_equal(clock_open(&world->aws_clock, &err), 0);
    clock_by_hand_set_wall(world->aws_clock, wall_ms);
    assert_int_equal(clock_by_hand_twin(world->aws_clock, &world->clock, &err), 0);
    world->hosting = hosting_upstream_create(world->aws_clock, seed);
    control_settings_default(&world->settings);
    world->settings.status_cache_ms = 0;
    world->policy = strdup(policy);
    assert_non_null(world->policy);
    boot(world);
}

void money_world_close(struct money_world *world)
{
    static const char *const files[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm",
                                        "ledger.db.lock"};
    char path[128];

    leave(world);
    hosting_upstream_free(&world->hosting);
    clock_close(&world->clock);
    clock_close(&world->aws_clock);
    free(world->policy);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        path_in(world, files[i], path, sizeof(path));
        (void)unlink(path);
    }
    (void)rmdir(world->folder);
}

void money_world_crash(struct money_world *world)
{
    leave(world);
    boot(world);
}

void money_world_load_policy(struct money_world *world, const char *policy)
{
    struct error err = {0};

    if (policy_store_load(world->policies, policy, strlen(policy), &err) != 0)
        fail_msg("the policy is refused: %s", err.message);
    if (policy == world->policy)
        return;
    free(world->policy);
    world->policy = strdup(policy);
    assert_non_null(world->policy);
}

void money_world_make_instant(struct money_world *world)
{
    struct settings *settings = &hosting_upstream_service(world->hosting)->settings;

    settings->starting_ms = 0;
    settings->stopping_ms = 0;
}

int64_t money_world_now_ms(const struct money_world *world)
{
    return clock_wall_ms(world->aws_clock);
}

void money_world_advance(struct money_world *world, int64_t ms)
{
    clock_by_hand_move(world->aws_clock, ms);
}

void money_world_advance_to(struct money_world *world, int64_t at_ms)
{
    int64_t now_ms = money_world_now_ms(world);

    if (at_ms > now_ms)
        money_world_advance(world, at_ms - now_ms);
}

int64_t money_world_deadline(const struct money_world *world)
{
    return clock_monotonic_ms(world->clock) + REQUEST_MS;
}

void money_world_pass(struct money_world *world)
{
    reconciler_pass(world->control, false);
}

void money_world_run(struct money_world *world, int64_t for_ms, int64_t step_ms)
{
    int64_t until_ms = money_world_now_ms(world) + for_ms;

    while (money_world_now_ms(world) < until_ms) {
        money_world_advance(world, step_ms);
        money_world_pass(world);
    }
}

struct start_result money_world_start(struct money_world *world, const char *version, int64_t units,
                                      int64_t minutes, const char *key)
{
    struct start_result result;
    struct start_request request = {.team = "a",
                                    .subject = "somebody",
                                    .project = "p",
                                    .version = version,
                                    .min_units = units,
                                    .lease_minutes = minutes,
                                    .key = key};
    admission_start(world->control, &request, money_world_deadline(world), &result);
    return result;
}

void money_world_stop(struct money_world *world, const char *version)
{
    struct stop_result result;
    struct stop_request request = {
        .team = "a", .subject = "somebody", .project = "p", .version = version};
    admission_stop(world->control, &request, money_world_deadline(world), &result);
    assert_int_equal(result.outcome, STOP_ACCEPTED);
}

struct reservation money_world_get(struct money_world *world, const char *id)
{
    struct reservation row;
    struct error err = {0};

    assert_int_equal(ledger_get(world->ledger, id, &row, &err), 0);
    return row;
}

size_t money_world_live(struct money_world *world, struct reservation *rows, size_t capacity)
{
    static const struct ledger_filter every;
    struct error err = {0};
    size_t count = 0;

    assert_int_equal(ledger_list_live(world->ledger, &every, "", rows, capacity, &count, &err), 0);
    assert_true(count < capacity);
    return count;
}
