/*
 * An upstream in memory that loses, refuses and throttles calls by a seeded draw: what the control
 * floor is driven against where no wire is wanted. Any thread.
 */
#ifndef LOOKOUT_TESTS_FAKE_UPSTREAM_H
#define LOOKOUT_TESTS_FAKE_UPSTREAM_H

#include "gateway/base/clock.h"
#include "gateway/upstream/upstream.h"

#define FAKE_MODELS 64 /* versions 1 to 64 of whatever project */

/* Chances in a hundred, for each call on its own. */
struct fake_chances {
    unsigned lost_before; /* nothing applied, no answer */
    unsigned lost_after;  /* applied, no answer */
    unsigned throttled;
    unsigned refused;
    unsigned failed; /* 500, nothing applied */
};

struct fake_upstream;

struct fake_upstream *fake_upstream_create(const struct clock *clock, uint64_t seed);
void fake_upstream_free(struct fake_upstream *fake);
struct upstream *fake_upstream_interface(struct fake_upstream *fake);
void fake_upstream_set_chances(struct fake_upstream *fake, const struct fake_chances *chances);

/* Which project the lists show with all the models; none before. `project` is borrowed. */
void fake_upstream_set_listed(struct fake_upstream *fake, const char *project);
/* Behind everybody's back: it runs, or not, with `units` in its description (0 = it tells none). */
void fake_upstream_set_running(struct fake_upstream *fake, unsigned version, bool running,
                               int64_t units);

/*
 * What happens between a describe or list and its answer, called with no lock held: for races. NULL
 * for nothing.
 */
typedef void fake_hook_fn(void *context);
void fake_upstream_set_hooks(struct fake_upstream *fake, fake_hook_fn *on_describe,
                             fake_hook_fn *on_list, void *context);

bool fake_upstream_is_running(struct fake_upstream *fake, unsigned version);
/* Starts that took effect although the model had been started with another token and not stopped.
 */
unsigned fake_upstream_double_starts(struct fake_upstream *fake);
/* The largest number of models that ran at the same time. */
unsigned fake_upstream_most_running(struct fake_upstream *fake);
unsigned fake_upstream_starts(struct fake_upstream *fake);

#endif
