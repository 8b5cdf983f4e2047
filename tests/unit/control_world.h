/*
 * The control floor with no server: a real ledger, an upstream in memory that loses and refuses,
 * and a clock that the test moves.
 */
#ifndef LOOKOUT_TESTS_CONTROL_WORLD_H
#define LOOKOUT_TESTS_CONTROL_WORLD_H

#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/control/control.h"
#include "gateway/ledger/ledger.h"
#include "tests/unit/fake_upstream.h"

#include <stdint.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define FOREVER   INT64_MAX

struct world {
    char folder[64];
    _Atomic int64_t *offsets; /* of the movable clock: wall, monotonic */
    struct clock *clock;
    struct metrics *metrics;
    struct ledger *ledger;
    struct policy_store *policies;
    struct fake_upstream *fake;
    struct control_settings settings;
    struct control *control;
};

/* Opened, recovered, and with this policy in force. */
void world_open(struct world *world, const char *policy, uint64_t seed);
void world_close(struct world *world);
void world_load_policy(struct world *world, const char *policy);
void world_advance(struct world *world, int64_t ms);
/* What team "a" holds. */
int64_t world_held_units(struct world *world);

#endif
