/* What callers ask for: start, stop, look. One call here is one request of a team. */
#ifndef LOOKOUT_CONTROL_ADMISSION_H
#define LOOKOUT_CONTROL_ADMISSION_H

#include "gateway/control/control.h"
#include "gateway/control/policy_store.h"
#include "gateway/ledger/ledger.h"
#include "gateway/ledger/reservation.h"
#include "policy/quota.h"

#include <stdbool.h>
#include <stdint.h>

/* Strings are borrowed; names and numbers were checked with model_name.h before. */
struct start_request {
    const char *team;
    const char *subject;
    const char *request_id; /* for the journal; NULL = none */
    const char *project;
    const char *version; /* a number or "latest", which is resolved before anything is counted */
    int64_t min_units;
    int64_t max_units;     /* 0 = absent */
    int64_t lease_minutes; /* 0 = absent: the policy's default; checked to be at most 44640 */
    const char *key;       /* idempotency key or NULL */
    bool dry_run; /* decide and explain: nothing is written, AWS is asked only for "latest" */
};

enum start_outcome {
    START_ACCEPTED, /* a new start that AWS accepted, or that was seen running; on a dry run: would
                       be admitted */
    START_PRESENT,  /* the team holds this model with these units: no second start */
    START_REPLAYED, /* the key is known: `row` is the present state of what it started */
    START_QUOTA,    /* `decision` refuses, now or ever */
    START_HELD,     /* another team holds the model, or this one with other units (`row_is_own`) */
    START_FENCED,   /* rule 6: the fate of a stop is unknown; `retry_after_ms` */
    START_FROZEN,   /* an administrator forbids starts: `freeze` says who, why and since when */
    START_KEY_REUSED,    /* the key was used with other parameters */
    START_REFUSED,       /* AWS refused: `upstream_*` has its answer; nothing is held */
    START_NOT_SENT,      /* nothing was sent, nothing is held: safe to repeat */
    START_UNCERTAIN,     /* may still start; `row` (where there is one) holds the units */
    START_UNKNOWN_MODEL, /* "latest" could not be resolved: AWS knows no such model */
    START_UNAVAILABLE    /* the ledger can't write, or we are leaving: nothing was done */
};

struct start_result {
    enum start_outcome outcome;
    bool has_row;
    bool row_is_own; /* of the caller's team: else nothing of the row may be shown */
    struct reservation row;
    bool has_decision;
    struct quota_decision decision;
    char policy_digest[65];
    int64_t retry_after_ms; /* 0 = not known */
    int upstream_status;    /* AWS's refusal, or 0 */
    char upstream_type[RESERVATION_TYPE_MAX];
    char upstream_message[RESERVATION_MESSAGE_MAX];
    struct ledger_freeze freeze;          /* START_FROZEN */
    char detail[RESERVATION_MESSAGE_MAX]; /* one sentence for people */
};

/*
 * `deadline_ms` is monotonic: by then there is an answer, whatever it is. A refusal and a dry run
 * carry the whole decision: every rule, the largest units at this lease, the largest lease at these
 * units, and the earliest time; `retry_after_ms` is how long that is.
 */
void admission_start(struct control *control, const struct start_request *request,
                     int64_t deadline_ms, struct start_result *out);

struct lease_request {
    const char *team; /* the caller's; NULL for an administrator, who may change any */
    const char *subject;
    const char *request_id; /* for the journal; NULL = none */
    const char *project;
    const char *version;   /* a number, or "latest": the newest version that the team holds */
    int64_t lease_minutes; /* the whole lease, from lease_from_ms; 0 or more, at most 44640 */
    bool dry_run;          /* decide and explain: nothing is written */
};

enum lease_outcome {
    LEASE_CHANGED,    /* `row` has the new end (on a dry run: would have) */
    LEASE_UNCHANGED,  /* it is so already: a repeat is harmless */
    LEASE_NOT_HELD,   /* no live reservation of that model, or not the caller's */
    LEASE_NOT_ACTIVE, /* rule 5: it is being stopped, or to be extended before it is known to run */
    LEASE_QUOTA,      /* an extension that `decision` refuses, now or ever */
    LEASE_UNAVAILABLE, /* the ledger can't write: nothing was done */
    LEASE_UNCERTAIN    /* the ledger did not confirm it: repeat */
};

struct lease_result {
    enum lease_outcome outcome;
    bool has_row;
    struct reservation row;
    bool has_decision; /* of an extension */
    struct quota_decision decision;
    char policy_digest[65];
    int64_t retry_after_ms; /* 0 = not known */
    char detail[RESERVATION_MESSAGE_MAX];
};

/*
 * Changes when a lease ends. Later is a new decision over the added time, and only for a model that
 * is known to run; earlier gives back at once. An end that is not after now is now: the model is
 * stopped.
 */
void admission_lease(struct control *control, const struct lease_request *request,
                     struct lease_result *out);

struct stop_request {
    const char *team; /* the caller's; NULL for an administrator, who may stop any */
    const char *subject;
    const char *request_id; /* for the journal; NULL = none */
    const char *project;
    const char *version; /* a number, or "latest": the newest version that the team holds */
};

enum stop_outcome {
    STOP_ACCEPTED,    /* STOPPING is committed, or else (`unrecorded`) AWS accepted it: it will be
                       * stopped until that is observed */
    STOP_NOT_HELD,    /* no live reservation of that model, or not the caller's */
    STOP_UNAVAILABLE, /* neither ledger nor AWS took it: repeat */
    STOP_UNCERTAIN    /* one of them may have taken it: repeat */
};

struct stop_result {
    enum stop_outcome outcome;
    struct reservation row; /* row.status is AWS's last word; may be "" */
    bool confirmed;         /* AWS accepted the stop within this call */
    bool unrecorded;        /* the ledger could not take it: in memory, until it can be written */
    char detail[RESERVATION_MESSAGE_MAX];
};
void admission_stop(struct control *control, const struct stop_request *request,
                    int64_t deadline_ms, struct stop_result *out);

enum status_outcome {
    STATUS_KNOWN,
    STATUS_UNKNOWN_MODEL, /* AWS: ResourceNotFoundException */
    STATUS_UNAVAILABLE    /* AWS could not be asked in time and nothing is cached */
};

/* What readers get of a model. */
struct model_view {
    enum status_outcome outcome;
    char version[RESERVATION_VERSION_MAX + 1]; /* the number, also where "latest" was asked */
    char status[RESERVATION_STATUS_MAX];
    char status_message[RESERVATION_MESSAGE_MAX];
    int64_t observed_ms; /* wall time of the observation */
    bool has_row;        /* a live reservation that the caller may see */
    struct reservation row;
    char detail[RESERVATION_MESSAGE_MAX];
};
/*
 * `team` NULL = an administrator. Coalesced (one DescribeModel in flight per model) and cached.
 */
void admission_describe(struct control *control, const char *team, const char *project,
                        const char *version, int64_t deadline_ms, struct model_view *out);

enum quota_view_outcome {
    QUOTA_VIEW_KNOWN,
    QUOTA_VIEW_UNKNOWN_TEAM, /* the policy does not name it */
    QUOTA_VIEW_UNAVAILABLE   /* no policy yet, or the ledger can't be read */
};

/* Every limit as it stands now, all read at one instant. */
struct quota_view {
    enum quota_view_outcome outcome;
    struct policy_snapshot *snapshot; /* whose limits these are; owned: admission_quota_release */
    int64_t now_ms;                   /* wall */
    struct quota_usage account, team; /* what is held; `team` is all 0 where none was asked for */
    struct quota_decision survey;     /* policy_survey's */
    /* Of the team: the lease of a start that names none, and the longest. */
    int64_t lease_default_minutes, lease_max_minutes;
    char detail[RESERVATION_MESSAGE_MAX];
};
/* Of `team` and the account; NULL: of the account alone. */
void admission_quota(struct control *control, const char *team, struct quota_view *out);
void admission_quota_release(struct quota_view *view);

#endif
