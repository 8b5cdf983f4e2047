/* The control floor with no server. */
#include "tests/unit/control_world.h"

#include "gateway/control/reconciler.h"
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void path_in(const struct world *world, const char *name, char *out, size_t size)
{
    assert_true(snprintf(out, size, "%s/%s", world->folder, name) < (int)size);
}

static void make_clock(struct world *world)
{
    char path[128];
    path_in(world, "clock", path, sizeof(path));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, 16) == 0);
    world->offsets = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(world->offsets != MAP_FAILED);
    (void)close(fd);
    assert_int_equal(setenv("LOOKOUT_TEST_CLOCK", path, 1), 0);
}

void world_advance(struct world *world, int64_t ms)
{
    atomic_fetch_add(&world->offsets[0], ms);
    atomic_fetch_add(&world->offsets[1], ms);
}

void world_load_policy(struct world *world, const char *policy)
{
    struct error err = {0};
    assert_int_equal(policy_store_load(world->policies, policy, strlen(policy), &err), 0);
}

void world_open(struct world *world, const char *policy, uint64_t seed)
{
    struct error err = {0};
    char path[128];
    memset(world, 0, sizeof(*world));
    (void)snprintf(world->folder, sizeof(world->folder), "/tmp/test_control.XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    make_clock(world);
    path_in(world, "ledger.db", path, sizeof(path));
    struct ledger_settings ledger = {.path = path, .endpoint = "http://fake", .region = "nowhere"};
    control_settings_default(&world->settings);
    world->settings.backoff_base_ms = 1;
    world->settings.backoff_cap_ms = 1;
    world->settings.status_cache_ms = 0;
    assert_int_equal(clock_open(&world->clock, &err), 0);
    assert_int_equal(metrics_create(&world->metrics, &err), 0);
    assert_int_equal(ledger_open(&ledger, &world->ledger, &err), 0);
    assert_int_equal(policy_store_create(&world->policies, &err), 0);
    world_load_policy(world, policy);
    world->fake = fake_upstream_create(world->clock, seed);
    assert_int_equal(control_create(&world->settings, world->clock, world->ledger,
                                    fake_upstream_interface(world->fake), world->policies,
                                    world->metrics, &world->control, &err),
                     0);
    reconciler_pass(world->control, true);
}

void world_close(struct world *world)
{
    static const char *const files[] = {"clock", "ledger.db", "ledger.db-wal", "ledger.db-shm",
                                        "ledger.db.lock"};
    char path[128];
    control_close(world->control);
    control_free(&world->control);
    policy_store_free(&world->policies);
    ledger_close(&world->ledger);
    fake_upstream_free(world->fake);
    metrics_free(&world->metrics);
    clock_close(&world->clock);
    (void)munmap((void *)(uintptr_t)world->offsets, 16);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        path_in(world, files[i], path, sizeof(path));
        (void)unlink(path);
    }
    (void)rmdir(world->folder);
}

int64_t world_held_units(struct world *world)
{
    struct quota_usage account, team;
    struct error err = {0};
    assert_int_equal(ledger_usage(world->ledger, "a", &account, &team, &err), 0);
    return team.used_units + team.reserved_units;
}
