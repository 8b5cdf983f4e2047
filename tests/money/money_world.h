/*
 * A gateway without a server for the proofs of money: the real control floor on the real ledger, a
 * clock that stands still until a test moves it, and the emulator with its bill as the upstream.
 * One thread. Every call asserts its own success with cmocka.
 */
#ifndef LOOKOUT_TESTS_MONEY_WORLD_H
#define LOOKOUT_TESTS_MONEY_WORLD_H

#include "gateway/control/admission.h"
#include "gateway/control/control.h"
#include "gateway/ledger/ledger.h"
#include "tests/money/clock_by_hand.h"
#include "tests/money/hosting_upstream.h"

#include <stdbool.h>
#include <stdint.h>

#define SECOND_MS    INT64_C(1000)
#define MINUTE_MS    (60 * SECOND_MS)
#define HOUR_MS      (60 * MINUTE_MS)
#define DAY_MS       (24 * HOUR_MS)
#define MONEY_ID_MAX (RESERVATION_ID_LEN + 1)

struct money_world {
    char folder[64];
    struct clock *clock;     /* the gateway's host */
    struct clock *aws_clock; /* the emulator's: always right */
    struct metrics *metrics;
    struct ledger *ledger;
    struct policy_store *policies;
    struct hosting_upstream *hosting;
    struct control_settings settings;
    struct control *control;
    char *policy; /* the document in force: a gateway that is made anew reads it again */
};

/* At `wall_ms`, recovered, with an emulator on which nothing runs. `seed` is the emulator's. */
void money_world_open(struct money_world *world, const char *policy, int64_t wall_ms,
                      uint64_t seed);
void money_world_close(struct money_world *world);

/* The gateway is gone, and a new one takes the ledger over: its first pass is the recovery. */
void money_world_crash(struct money_world *world);
void money_world_load_policy(struct money_world *world, const char *policy);

/* Models start and stop in no time: what a test expects is then exact to the millisecond. */
void money_world_make_instant(struct money_world *world);

/* True time, which is the emulator's. */
int64_t money_world_now_ms(const struct money_world *world);
void money_world_advance(struct money_world *world, int64_t ms);
/* No further than there; nothing happens where that is past. */
void money_world_advance_to(struct money_world *world, int64_t at_ms);

/* Monotonic: of a request that begins now. */
int64_t money_world_deadline(const struct money_world *world);

/* One pass of the reconciler. */
void money_world_pass(struct money_world *world);
/* Passes every `step_ms` for so long. */
void money_world_run(struct money_world *world, int64_t for_ms, int64_t step_ms);

/* A start by somebody of team "a", of project "p"; `minutes` 0 and `key` NULL: not said. */
struct start_result money_world_start(struct money_world *world, const char *version, int64_t units,
                                      int64_t minutes, const char *key);
/* The stop of such a model, which has to be accepted. */
void money_world_stop(struct money_world *world, const char *version);

struct reservation money_world_get(struct money_world *world, const char *id);
/* All live rows, into `rows` of `capacity`, which must suffice. */
size_t money_world_live(struct money_world *world, struct reservation *rows, size_t capacity);

#endif
