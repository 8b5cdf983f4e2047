/*
 * A third clock behind clock.h: it stands still until a test moves it, so that a test's numbers are
 * exact to the millisecond and a month passes in seconds. A program links this instead of the
 * system's or the movable one.
 *
 * Who waits on it moves it: clock_wait_until goes to the deadline at once, since in a test of one
 * thread nothing else can happen until then. Any thread may read it.
 */
#ifndef LOOKOUT_TESTS_CLOCK_BY_HAND_H
#define LOOKOUT_TESTS_CLOCK_BY_HAND_H

#include "gateway/base/clock.h"

#define CLOCK_BY_HAND_START_MS INT64_C(1000000) /* what the monotonic clock begins with */
#define CLOCK_BY_HAND_WAIT_MAX_MS                                                                  \
    (INT64_C(24) * 60 * 60 * 1000)                         /* a longer wait is a bug: abort        \
                                                            */
#define CLOCK_BY_HAND_WALL_START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

/* Another host's clock: the same monotonic time, a wall clock of its own that can be wrong. */
int clock_by_hand_twin(const struct clock *of, struct clock **out, struct error *err)
    __attribute__((warn_unused_result));

/* Time passes, for all twins. Never negative. */
void clock_by_hand_move(const struct clock *clock, int64_t ms);

/* Somebody sets this host's wall clock; no time passes. */
void clock_by_hand_set_wall(struct clock *clock, int64_t wall_ms);

#endif
