/*
 * The time that leases, QUIET and the ledger run on (rule 10). While the process lives it runs on
 * the monotonic clock, so that a wall clock that jumps moves nothing; the upstream's `Date` puts it
 * right. Leases end only while it is trusted: not after a boot, and not after wall and monotonic
 * clock parted, until an answer has told the time.
 */
#ifndef LOOKOUT_CONTROL_TIME_KEEPER_H
#define LOOKOUT_CONTROL_TIME_KEEPER_H

#include "gateway/base/clock.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stdint.h>

/* How far clocks may be apart before one of them is taken to have jumped. */
#define TIME_KEEPER_TOLERANCE_MS ((int64_t)60 * 1000)
/* An upstream whose answers carry no Date is waited for so long; then the wall clock is believed:
 * a lease is not extended for ever. */
#define TIME_KEEPER_DATELESS_MS ((int64_t)15 * 60 * 1000)

struct time_keeper;

/* Begins with the wall clock's time, not trusted. Any thread for all calls. */
int time_keeper_create(const struct clock *clock, struct time_keeper **out, struct error *err)
    __attribute__((warn_unused_result));
void time_keeper_free(struct time_keeper **keeper);

/* Milliseconds since the epoch, UTC. */
int64_t time_keeper_now_ms(const struct time_keeper *keeper);

/*
 * What an answer's Date (0 = it had none) says of the time: a moment within that second, somewhere
 * between began and ended (monotonic).
 * Untrusted: the time is moved into those bounds, and trusted. Trusted: nothing where it is within
 * the tolerance; else it is set anew when the wall clock agrees, or a second answer in a row. So
 * one wrong Date ends nobody's lease.
 */
void time_keeper_learn(struct time_keeper *keeper, int64_t date_ms, int64_t began_ms,
                       int64_t ended_ms);

/* Whether leases may end. Compares the clocks, so a jump is noticed before it is acted on. */
bool time_keeper_may_expire(struct time_keeper *keeper);

/*
 * Grows when the time is set anew: spans that were measured across that are worth nothing, and
 * every doubt begins anew.
 */
uint64_t time_keeper_epoch(const struct time_keeper *keeper);

#endif
