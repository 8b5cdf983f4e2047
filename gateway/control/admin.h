/*
 * What an administrator does by hand: freeze starts, settle a stuck row, give drift to a team. Each
 * is journaled with who did it and why. Stopping any model is admission.h's.
 */
#ifndef LOOKOUT_CONTROL_ADMIN_H
#define LOOKOUT_CONTROL_ADMIN_H

#include "gateway/control/admission.h"
#include "gateway/control/control.h"
#include "gateway/control/drift.h"
#include "gateway/ledger/ledger.h"

#define ADMIN_REASON_MAX 256 /* bytes of a reason; at least 1 */

/* Who acts, and why. Strings are borrowed. */
struct admin_act {
    const char *subject;
    const char *request_id;
    const char *reason;
};

enum admin_outcome {
    ADMIN_DONE,
    ADMIN_UNCHANGED,   /* it was so already */
    ADMIN_NOT_FOUND,   /* no such row, or no such model held */
    ADMIN_CONFLICT,    /* what is there is not what this is for; `detail` says what it is */
    ADMIN_NEEDS_FORCE, /* settle: the model runs, or may run; `detail` says what was seen */
    ADMIN_INVALID,     /* a value that can't be; `detail` says which */
    ADMIN_UNAVAILABLE, /* the ledger can't be written: nothing was done */
    ADMIN_UNCERTAIN    /* it may or may not have been written: look, and repeat */
};

/* --- freezes ------------------------------------------------------------------------------- */

/*
 * No team ("" = of everybody) starts anything until it is unfrozen; what runs goes on, is extended
 * and is stopped as ever. Survives restarts.
 */
enum admin_outcome admin_freeze(struct control *control, const char *team, bool on,
                                const struct admin_act *act, char detail[RESERVATION_MESSAGE_MAX]);

/* --- a stuck row --------------------------------------------------------------------------- */

struct admin_settle {
    const char *id;
    int64_t ended_ms; /* charged up to here: from the row's beginning to now; 0 = now */
    bool force;       /* although the model runs, or may run */
    struct admin_act act;
};

struct admin_settled {
    enum admin_outcome outcome;
    bool has_row;
    struct reservation row;            /* as it is afterwards */
    char seen[RESERVATION_STATUS_MAX]; /* AWS's word of just now; "" where it could not be asked */
    int64_t seen_ms;                   /* wall; 0 = it was not asked */
    bool frees_running;                /* its units were given back although it runs, or may run */
    char detail[RESERVATION_MESSAGE_MAX];
};

/*
 * Closes a live row by hand. AWS is asked first, with no start or stop of that model in flight: a
 * row whose model runs, or may run, is settled only with `force`; it then costs money that no row
 * counts until the search for drift finds it. A stop of unknown fate keeps fencing the model
 * (rule 6).
 */
void admin_settle(struct control *control, const struct admin_settle *request, int64_t deadline_ms,
                  struct admin_settled *out);

/* --- drift --------------------------------------------------------------------------------- */

struct admin_assign {
    const char *project;
    const char *version;   /* a number */
    const char *team;      /* of the policy */
    int64_t lease_minutes; /* from now */
    struct admin_act act;
};

struct admin_assigned {
    enum admin_outcome outcome;
    bool has_row;
    struct reservation row; /* as it is afterwards */
    bool has_decision;
    struct quota_decision decision; /* drift_limits_judge's: what does not admit it is exceeded */
    bool project_allowed;           /* the policy lets the team use this project */
    char detail[RESERVATION_MESSAGE_MAX];
};

/*
 * Makes a team answer for a model that ran without a reservation, from its beginning on, with a
 * lease like any other, which counts from now. It is done whatever the limits say: `decision` shows
 * which it exceeds.
 */
void admin_assign_drift(struct control *control, const struct admin_assign *request,
                        struct admin_assigned *out);

/* What is known of the scans for drift; the rows are ledger_list_live's of
 * RESERVATION_TEAM_UNASSIGNED. */
void admin_drift_scans(const struct control *control, struct drift_scan_state *out);

#endif
