/* Books made of a list of reservations: for decisions away from a ledger, and for tests. */
#ifndef LOOKOUT_POLICY_HELD_H
#define LOOKOUT_POLICY_HELD_H

#include "policy/earliest.h"
#include "policy/quota.h"

#define HELD_MAX 10000

enum held_state {
    HELD_RUNNING,  /* known to run: counts as used */
    HELD_STARTING, /* may run: counts as reserved */
    HELD_ENDED     /* holds nothing; its unit-time was used */
};

struct held {
    char team[POLICY_MAX_NAME + 1];
    int64_t units;
    int64_t from_ms;
    int64_t until_ms; /* the worst end; of one that ended the end */
    enum held_state state;
};

/* A list as one team sees it at one moment. */
struct held_view {
    const char *team;
    int64_t now_ms;
    const struct held *list; /* borrowed */
    size_t count;
};

/*
 * Fills the books: what the list holds at `view->now_ms` and, through books->unit_time, its
 * unit-time, of which each part before now is used and each part after it reserved. `view` is
 * borrowed as long as the books are.
 */
void held_books(struct held_view *view, struct quota_books *out);

/* What is held, in the order of its ends. `out` has room for view->count; returns how many. */
size_t held_releases(const struct held_view *view, struct quota_release *out);

#endif
