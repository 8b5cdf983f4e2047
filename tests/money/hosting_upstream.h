/*
 * The emulator as an upstream in this process: its models, faults and bill, and the gateway's own
 * reading of AWS's answers, with no wire between them. What travels takes time on the clock by
 * hand. One thread.
 */
#ifndef LOOKOUT_TESTS_HOSTING_UPSTREAM_H
#define LOOKOUT_TESTS_HOSTING_UPSTREAM_H

#include "gateway/base/clock.h"
#include "gateway/upstream/upstream.h"
#include "tests/emulator/service.h"

/* Of every call, in thousandths, each drawn for itself. */
struct hosting_chances {
    unsigned drop_before; /* nothing done, no answer */
    unsigned drop_after;  /* done, no answer */
    unsigned apply_late;  /* no answer; done late_ms later (start and stop) */
    unsigned throttle;
    unsigned error_500;
    unsigned stale; /* describe: the status before the last change, for lag_ms after it */
    unsigned delay; /* answered late_ms later */
    int64_t late_ms, lag_ms;
};

/* A number below `below`, from a state that is not 0: the same histories on every machine. */
uint64_t hosting_draw(uint64_t *state, uint64_t below);

struct hosting_upstream;

/* `clock` is the emulator's own, borrowed: its Date headers come from it. Quotas and rate limits
 * are lifted, every name is a model. */
struct hosting_upstream *hosting_upstream_create(const struct clock *clock, uint64_t seed);
void hosting_upstream_free(struct hosting_upstream **hosting);
struct upstream *hosting_upstream_interface(struct hosting_upstream *hosting);

/* For settings, faults, and the bill. */
struct service *hosting_upstream_service(struct hosting_upstream *hosting);

void hosting_upstream_set_chances(struct hosting_upstream *hosting,
                                  const struct hosting_chances *chances);
/* How long each call takes to arrive, and its answer to come back. */
void hosting_upstream_set_latency(struct hosting_upstream *hosting, int64_t ms);
/* Nothing can be sent while it is out. */
void hosting_upstream_set_out(struct hosting_upstream *hosting, bool out);
/* Arms a fault as the control endpoint does: {"operation": "stop", "fault": "drop_after"}. */
void hosting_upstream_arm(struct hosting_upstream *hosting, const char *fault);

/* What became of a call that was sent; for tests that keep a record of their own. */
struct hosting_event {
    enum hosting_operation operation;
    const char *project, *version;
    const struct upstream_answer *answer;
};
typedef void hosting_watch_fn(void *context, const struct hosting_event *event);
void hosting_upstream_watch(struct hosting_upstream *hosting, hosting_watch_fn *watch,
                            void *context);

/* The model as it is now, with its starts and its bill. Borrowed. */
struct hosting_model *hosting_upstream_model(struct hosting_upstream *hosting, const char *project,
                                             const char *version);

#endif
