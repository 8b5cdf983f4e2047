/*
 * The only floor where policy, ledger and upstream meet. It knows no HTTP: a test or a command can
 * drive it with no server. admission.h is what callers ask for, reconciler.h what happens by
 * itself.
 */
#ifndef LOOKOUT_CONTROL_CONTROL_H
#define LOOKOUT_CONTROL_CONTROL_H

#include "gateway/base/clock.h"
#include "gateway/base/metrics.h"
#include "gateway/control/policy_store.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stdint.h>

struct ledger;
struct upstream;

/* The constants of the rules of money and their neighbours; control_settings_default fills them. */
struct control_settings {
    int64_t quiet_ms;         /* QUIET: since the last send of unknown fate; 15 min */
    int64_t confirm_ms;       /* between the two not-running observations; 60 s */
    int64_t resend_window_ms; /* rule 2: a start may be sent again for so long; 30 min */
    int64_t unobserved_ms;    /* rule 3: longer without a look = charged; 5 min */
    int64_t stop_renew_ms; /* rule 5: still running after an accepted stop -> new token; 10 min */
    int64_t lease_ms;      /* of a start that says nothing, where the policy doesn't either; 8 h */
    int64_t stop_allowance_ms; /* rule 7: reserved beyond each lease, for its stop; 15 min */
    int64_t lease_warning_ms;  /* so long before a lease's end it is told; 0 = never; 15 min */
    int64_t key_retention_ms;  /* rule 11: after the row closed; 24 h */
    int64_t drift_scan_ms;     /* rule 12: between two scans; 0 = none; 5 min */
    int64_t reconcile_ms;      /* between two passes of the reconciler; 10 s */
    int64_t status_cache_ms;   /* how old a status may be that readers get; 5 s */
    int64_t unknown_cache_ms;  /* the same for models that AWS does not know; 30 s */
    int64_t attempts;          /* sends of one start or stop within one request; 4 */
    int64_t backoff_base_ms;   /* full jitter between them; 200 ms */
    int64_t backoff_cap_ms;    /* 5 s */
};
void control_settings_default(struct control_settings *settings);

struct control;

/*
 * Wires the floor. All arguments outlive it; settings are copied. Registers its metrics.
 */
int control_create(const struct control_settings *settings, const struct clock *clock,
                   struct ledger *ledger, struct upstream *upstream, struct policy_store *policies,
                   struct metrics *metrics, struct control **out, struct error *err)
    __attribute__((warn_unused_result));
void control_free(struct control **control);

/* For reloads: takes over all settings at once; calls under way keep the old ones. */
void control_configure(struct control *control, const struct control_settings *settings);

/*
 * First step of leaving: nobody waits any longer (for a turn at AWS, for another's call, between
 * attempts). Calls on the wire end by themselves.
 */
void control_close(struct control *control);

/* What time it is by rule 10, as all that the ledger keeps; wall. */
int64_t control_time_ms(const struct control *control);

struct control_readiness {
    bool ledger_usable;                    /* can be written, and was read whole */
    char ledger_reason[ERROR_MESSAGE_MAX]; /* why not, or "" */
    size_t unrecorded_stops;               /* sent, and known to nobody but this process */
    bool recovered;                        /* the first pass over the ledger has been made */
    bool account_matches;                  /* rule 9: AWS answers from the ledger's account */
    bool upstream_reachable; /* the last call to AWS got a whole answer; informative */
    bool clock_trusted;      /* rule 10: leases may end; informative */
};
void control_readiness(struct control *control, struct control_readiness *out);

#endif
