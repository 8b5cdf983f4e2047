/*
 * What the test of promise 2 believes: every lease that it was granted, the windows of three teams
 * and the account with their amounts, and each period's sum as slow_books counts it.
 */
#ifndef LOOKOUT_TESTS_PROMISE_MODEL_H
#define LOOKOUT_TESTS_PROMISE_MODEL_H

#include "gateway/ledger/reservation.h"
#include "tests/money/money_world.h"
#include "tests/money/slow_books.h"

#define PROMISE_SCOPES      4 /* the account, then the teams */
#define PROMISE_WINDOWS_MAX 4
#define PROMISE_LEASES_MAX  1024
/* Of every team's leases; the longest that the history asks for are longer. */
#define PROMISE_LEASE_MAX_MINUTES 1200

struct promise_period {
    struct slow_unit_time now;
    struct slow_unit_time compared; /* with the books, last */
    int64_t before;                 /* used + reserved - overrun when it was last checked */
};

struct promise_window {
    struct slow_window window;
    struct slow_calendar calendar;
    int64_t amount_hours;
    bool lowered;  /* since the history began */
    bool assigned; /* the same, of drift to a team, or of more units: nobody decided that */
    struct promise_period *periods;
};

struct promise_scope {
    const char *team; /* "" = the account */
    size_t window_count;
    struct promise_window windows[PROMISE_WINDOWS_MAX];
};

struct promise_lease {
    char id[MONEY_ID_MAX];
    int64_t from_ms; /* its minutes count from here: the start, or the assignment of drift */
    struct slow_lease counted;
};

/* How often each thing that may put a period over its limit was seen to do so. */
struct promise_overs {
    unsigned overrun, lowered, assigned;
};

struct promise_model {
    int64_t allowance_ms; /* for a stop, beyond the lease's end */
    struct promise_scope scopes[PROMISE_SCOPES];
    struct promise_lease leases[PROMISE_LEASES_MAX];
    size_t lease_count;
    int64_t most_units; /* of one lease */
    struct promise_overs overs;
    size_t checks;
};

/* Which unit-time a start or an extension wants; [from, until) is its worst case. */
struct promise_request {
    const char *team;
    int64_t units, from_ms, until_ms;
    int64_t lease_minutes; /* the whole lease */
};

/* What was done since the last check. */
enum promise_step { PROMISE_NOTHING, PROMISE_GRANTED, PROMISE_ASSIGNED };

/* Calendars from 40 days before to 80 days after. */
void promise_model_make(struct promise_model *model, int64_t begin_ms, int64_t allowance_ms);
void promise_model_free(struct promise_model *model);

/* The policy document with the amounts as they are. Static storage. */
const char *promise_model_policy(const struct promise_model *model);

/* Whether the longest lease, and the windows of team and account, admit a request, by the sums of
 * the last check. */
bool promise_model_fits(const struct promise_model *model, const struct promise_request *request);

/* Adds what was granted, or returns the lease that is there. */
struct promise_lease *promise_model_lease(struct promise_model *model,
                                          const struct reservation *row);

/* Adds drift that the ledger holds and nobody was granted: it reserves nothing, so that all it uses
 * counts as overrun. True when there was any. */
bool promise_model_find_drift(struct promise_model *model, struct money_world *world);

/* An administrator gave drift to a team now, and nobody decided: what grows now may exceed. */
void promise_model_assign(struct promise_model *model, struct promise_lease *lease,
                          const struct reservation *row, int64_t now_ms);

/*
 * Reads every lease's end from the ledger, sums anew, and asserts: the ledger's books have the same
 * numbers, to the unit-millisecond; and in every period used + reserved is within the amount, or an
 * overrun, drift or a lowered amount explains it. What has grown since the last check, overruns
 * apart, was granted and is within the amount, or was assigned.
 */
void promise_model_check(struct promise_model *model, struct money_world *world,
                         enum promise_step step);

#endif
