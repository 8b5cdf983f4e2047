/*
 * Token buckets that keep us below the account's request rates: callers wait for their turn instead
 * of being throttled by AWS. A bucket can keep a share for a second class of caller (of the five
 * DescribeModel calls a second, two are the reconciler's, who must never starve).
 */
#ifndef LOOKOUT_NET_PACING_H
#define LOOKOUT_NET_PACING_H

#include "gateway/base/clock.h"
#include "policy/error.h"

#include <stdint.h>

enum pacing_class {
    PACING_CALLER,    /* somebody waits for the answer */
    PACING_RECONCILER /* money waits for the answer: may use its own share and the callers' */
};

struct pacing_settings {
    int64_t per_second; /* 0 = not paced at all */
    int64_t reserved;   /* of these, for PACING_RECONCILER only; less than per_second */
};

struct pacing;
int pacing_create(const struct clock *clock, const struct pacing_settings *settings,
                  struct pacing **out, struct error *err) __attribute__((warn_unused_result));
void pacing_free(struct pacing **pacing);

/*
 * Waits for a turn. 0, or ERROR_RETRY at once when the turn would come after `deadline_ms` on the
 * monotonic clock (the message says when it would have come), or when pacing_close was called.
 * First come, first served within a class. Bursts: what one second allows.
 */
int pacing_wait(struct pacing *pacing, enum pacing_class who, int64_t deadline_ms,
                struct error *err) __attribute__((warn_unused_result));
/* Wakes all who wait, with ERROR_RETRY, and refuses all later ones: for shutting down. */
void pacing_close(struct pacing *pacing);

#endif
