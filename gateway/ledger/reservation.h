/*
 * A reservation: one row of the ledger. Units held for a team's model from before the start call
 * until the stop is observed; and the states that it goes through.
 */
#ifndef LOOKOUT_LEDGER_RESERVATION_H
#define LOOKOUT_LEDGER_RESERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 *   reserve -> PENDING -> ACTIVE -> STOPPING -> CLOSED
 *                 |  \       ^          ^          |
 *                 |   UNCERTAIN --------+          | (a late 202 reopens)
 *               VOID <-/                 <---------+
 *
 * PENDING, UNCERTAIN, ACTIVE and STOPPING are live: they count against the limits. The switches
 * over this enum have no default, so that a new state does not compile until each place thought
 * about it.
 */
enum reservation_state {
    RESERVATION_PENDING,   /* committed; the start may be on its way */
    RESERVATION_UNCERTAIN, /* the start may have been applied: nobody knows yet */
    RESERVATION_ACTIVE,    /* the start was accepted, or the model was seen running */
    RESERVATION_STOPPING,  /* to be stopped until it is seen not running; never started again */
    RESERVATION_CLOSED,    /* ran, or may have run, and was seen not running */
    RESERVATION_VOID       /* proven never to have started */
};
#define RESERVATION_STATES 6

const char *reservation_state_name(enum reservation_state state); /* "PENDING" */
bool reservation_state_parse(const char *name, enum reservation_state *out);
bool reservation_state_is_live(enum reservation_state state);
/* Live states of which it is known that the model runs (quota_usage.used_*); the others are
 * reserved. */
bool reservation_state_is_used(enum reservation_state state);
/* Whether the machine has that edge; a state may always stay what it is. */
bool reservation_state_may_become(enum reservation_state from, enum reservation_state to);

/* Where a row came from. */
enum reservation_origin {
    RESERVATION_ORIGIN_START, /* a team asked for it */
    RESERVATION_ORIGIN_DRIFT  /* rule 12: found running with no row */
};
const char *reservation_origin_name(enum reservation_origin origin); /* "start" */
bool reservation_origin_parse(const char *name, enum reservation_origin *out);

/* The team of what runs although nobody asked for it. No team of a policy can have this name. */
#define RESERVATION_TEAM_UNASSIGNED "_unassigned"

/* Why a reservation ended, or is ending. Stable words in answers, journal and metrics. */
enum reservation_end {
    RESERVATION_END_NONE,
    RESERVATION_END_STOPPED,        /* the holder or an administrator asked */
    RESERVATION_END_LEASE,          /* the lease ended */
    RESERVATION_END_HOSTING_FAILED, /* AWS reported HOSTING_FAILED */
    RESERVATION_END_VANISHED,       /* seen not running although nobody stopped it here */
    RESERVATION_END_NOT_SENT,       /* VOID: no byte left for AWS; the key re-arms */
    RESERVATION_END_THROTTLED,      /* VOID: AWS throttled every send; the key re-arms */
    RESERVATION_END_OUR_FAULT, /* VOID: AWS refused the gateway's credentials; the key re-arms */
    RESERVATION_END_REFUSED,   /* VOID: AWS refused this start; the key replays that */
    RESERVATION_END_NEVER_STARTED, /* VOID or CLOSED: doubt ended by two observations */
    RESERVATION_END_BY_HAND,       /* an administrator settled it, with a reason in the journal */
    RESERVATION_END_DRIFT /* rule 12: ran without a reservation, and the policy stops that */
};
const char *reservation_end_name(enum reservation_end end); /* "lease-ended"; "" for NONE */
bool reservation_end_parse(const char *name, enum reservation_end *out);
/* VOID for a reason that a repeated call with the same key may try again (rule 11). */
bool reservation_end_rearms(enum reservation_end end);

/* lease_end_ms of what nobody asked for: it has no lease, and none that ends by itself. */
#define RESERVATION_NO_LEASE_MS INT64_MAX

#define RESERVATION_ID_LEN      36 /* a UUID */
#define RESERVATION_TEAM_MAX    64
#define RESERVATION_SUBJECT_MAX 256
#define RESERVATION_PROJECT_MAX 255
#define RESERVATION_VERSION_MAX 10
#define RESERVATION_TOKEN_LEN   36 /* a UUID: our client token */
#define RESERVATION_BODY_MAX    128
#define RESERVATION_STATUS_MAX  32
#define RESERVATION_TYPE_MAX    64
#define RESERVATION_MESSAGE_MAX 512

/* All times are wall-clock milliseconds since the epoch; 0 = did not happen. */
struct reservation {
    char id[RESERVATION_ID_LEN + 1];
    int64_t row_version; /* grows by one with each change: compare-and-set */
    enum reservation_state state;

    enum reservation_origin origin;

    char team[RESERVATION_TEAM_MAX + 1]; /* fixed, but for one that is _unassigned */
    char subject[RESERVATION_SUBJECT_MAX + 1];
    char project[RESERVATION_PROJECT_MAX + 1];
    char version[RESERVATION_VERSION_MAX + 1]; /* a number, never "latest" */
    int64_t min_units;
    int64_t max_units; /* 0 = absent */
    int64_t units;     /* the worst case, which counts: max_units, else min_units; only grows */

    char client_token[RESERVATION_TOKEN_LEN + 1]; /* fixed for life */
    char body[RESERVATION_BODY_MAX];              /* of the start request, fixed for life */
    size_t body_len;

    int64_t created_ms;    /* what it is charged and reserves begins here */
    int64_t lease_from_ms; /* its lease counts from here: created_ms, or when it was given to its
                              team; 0 = it is _unassigned and has none */
    int64_t lease_end_ms;
    int64_t worst_end_ms;    /* rule 7: lease end and stop allowance; units x time up to here are
                                reserved. Of DRIFT: created_ms, so that its use only grows */
    int64_t warned_ms;       /* the end that was told: lease_end_ms = warned of, worst_end_ms = its
                                overrun; 0 = none */
    int64_t first_send_ms;   /* no later than the first send */
    int64_t last_send_ms;    /* no earlier than the last start send known of */
    int64_t accepted_ms;     /* the 2xx to a start */
    int64_t seen_running_ms; /* first observation of it running since then */
    int64_t not_running_ms; /* answer of the first of the present run of not-running observations */
    int64_t observed_ms;    /* last observation of any outcome */
    bool unobserved;        /* rule 3: it may have run with nobody looking */

    int64_t stop_asked_ms;                      /* STOPPING was committed */
    char stop_token[RESERVATION_TOKEN_LEN + 1]; /* "" before the first stop call */
    int64_t stop_sent_ms;                       /* the last stop call that left; 0 = none yet */
    int64_t stop_accepted_ms;                   /* the last 2xx to a stop with this token */
    int64_t stop_doubt_ms; /* rule 6: last send of a stop whose fate is unknown; 0 = none */

    int64_t ended_ms;  /* usage is charged up to here */
    int64_t closed_ms; /* CLOSED or VOID was committed */
    enum reservation_end end;

    char status[RESERVATION_STATUS_MAX]; /* AWS's last word about the model: "HOSTED" */
    int refusal_status;                  /* AWS's refusal, to replay it: HTTP status, 0 = none */
    char refusal_type[RESERVATION_TYPE_MAX];
    char refusal_message[RESERVATION_MESSAGE_MAX];
};

/* Of an id, for tables that are looked up by it: its last digits, random in every UUID. */
uint64_t reservation_hash_id(const char *id);

/* Of a model's two names, for tables that are looked up by model (FNV-1a over "project/version").
 */
uint64_t reservation_hash_model(const char *project, const char *version);

#endif
