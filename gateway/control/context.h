/* The wired floor, as the files of this folder share it. Not for others: they have control.h. */
#ifndef LOOKOUT_CONTROL_CONTEXT_H
#define LOOKOUT_CONTROL_CONTEXT_H

#include "gateway/control/control.h"
#include "gateway/control/model_calls.h"
#include "gateway/control/time_keeper.h"
#include "gateway/control/unrecorded.h"
#include "gateway/ledger/ledger.h"
#include "gateway/upstream/upstream.h"

#include <pthread.h>
#include <stdatomic.h>

struct drift;
struct model_status_cache;

struct control_metrics {
    struct metric *starts_accepted, *starts_present, *starts_refused_quota,
        *starts_refused_upstream, *starts_not_sent, *starts_uncertain, *starts_other;
    struct metric *stops_accepted, *stops_other;
    struct metric *leases_changed, *leases_ended, *leases_warned, *leases_overrun;
    struct metric *sends_start, *sends_stop, *sends_describe, *sends_list_projects,
        *sends_list_models;
    struct metric *status_cache_hits, *status_cache_misses;
    struct metric *reconciler_passes, *reconciler_changes, *reconciler_lost_races;
    struct metric *pending, *uncertain, *stopping; /* rows in that state after the last pass */
};

struct control {
    const struct clock *clock; /* for deadlines; what time it is, the keeper knows */
    struct time_keeper *keeper;
    struct ledger *ledger;
    struct upstream *upstream;
    struct policy_store *policies;
    struct model_calls *calls;
    struct unrecorded *unrecorded;
    struct model_status_cache *statuses;
    struct drift *drift;
    int64_t booted_ms; /* monotonic */
    struct control_metrics metrics;

    pthread_mutex_t lock; /* guards settings to nudged; never held across a call */
    pthread_cond_t wake;  /* closing, and the reconciler's nudge */
    struct control_settings settings;
    char ledger_reason[ERROR_MESSAGE_MAX]; /* why it can't be read or written, or "" */
    bool closing;
    bool nudged; /* the reconciler has something to do before its time */

    /* Reads of the ledger that failed, and how many of them there were when it was read whole. */
    _Atomic uint64_t unread, unread_seen;
    atomic_bool heard_dateless; /* the last answer from AWS had no Date */
    atomic_bool recovered;
    _Atomic uint64_t recovered_epoch; /* of the keeper, when doubts began anew last */
    atomic_bool lease_wait_told;      /* that leases wait for the time; once for each wait */
    atomic_bool account_asked;        /* whose account it is has been asked since we live */
    atomic_bool wrong_account;        /* the last that AWS named is not the ledger's */
    atomic_bool upstream_reachable;
};

void control_get_settings(struct control *control, struct control_settings *out);

/* Sleeps until `until_ms` (monotonic); false when it was ended by control_close. */
bool control_sleep(struct control *control, int64_t until_ms);
bool control_is_closing(struct control *control);

/* Why the ledger could not be written, for those who ask whether we are ready. True: that is news.
 */
bool control_note_unwritable(struct control *control, const struct error *err);
/* The same of a read; nothing new is started any more until the reconciler has read it whole. */
bool control_note_unreadable(struct control *control, const struct error *err);
bool control_is_unreadable(const struct control *control);
/* After all of it was read; `unread` is what it was when that began. */
void control_note_readable(struct control *control, uint64_t unread);

/* Wall, by rule 10: when this process began. */
int64_t control_booted_ms(const struct control *control);
/* Whether a former process may have sent a stop of this row that nobody could write down. */
bool control_stop_may_be_lost(const struct control *control, const struct reservation *row);

/* Lets the reconciler begin its next pass now. */
void control_nudge(struct control *control);

/* What every answer teaches, whatever was asked: metrics, reachability and the time (rule 10). */
void control_heard(struct control *control, struct metric *sends,
                   const struct upstream_answer *answer);

/*
 * One DescribeModel on the wire, with what its answer teaches, and rule 9: an answer from an
 * account other than the ledger's is no answer (fate DOUBT) and sets wrong_account, which the next
 * answer from the right one clears.
 */
void control_describe(struct control *control, const char *project, const char *version,
                      enum pacing_class pacing, int64_t deadline_ms, struct upstream_answer *answer,
                      struct upstream_description *description);

/*
 * One page of a list, likewise: of the models of call->model.project, or of the projects where that
 * is NULL.
 */
void control_list(struct control *control, const struct upstream_call *call,
                  struct upstream_answer *answer, struct upstream_page *page);

/* A sentence for people into a `detail`; a longer one is cut. */
void control_say(char out[RESERVATION_MESSAGE_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Why a row is changed now, for the journal. What the gateway does by itself has the actor
 * CONTROL_ACTOR and no request.
 */
#define CONTROL_ACTOR "gateway"
struct ledger_cause control_cause(struct control *control, const char *why);

/* What time it is by rule 10: milliseconds since the epoch, for all that the ledger keeps. */
static inline int64_t control_now_ms(const struct control *control)
{
    return time_keeper_now_ms(control->keeper);
}

#endif
