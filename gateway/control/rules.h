/*
 * The rules of money as pure functions: a row, an observation and the time in, a changed row out.
 * No clock, no I/O: each rule is a line in a test's table. The numbers in comments are those of
 * the README's "rules of money".
 */
#ifndef LOOKOUT_CONTROL_RULES_H
#define LOOKOUT_CONTROL_RULES_H

#include "gateway/control/control.h"
#include "gateway/ledger/reservation.h"
#include "gateway/upstream/upstream.h"

/* What one uncached DescribeModel says about a model. */
enum observation_kind {
    OBSERVED_NOTHING,     /* no whole answer, 403, throttled, another account: says nothing */
    OBSERVED_RUNNING,     /* runs, or may run: also SYSTEM_UPDATING and unknown words */
    OBSERVED_NOT_RUNNING, /* TRAINED and the like */
    OBSERVED_FAILED,      /* HOSTING_FAILED: not running, with a reason */
    OBSERVED_ABSENT       /* 404: not running, but believed only after QUIET */
};

struct observation {
    enum observation_kind kind;
    enum model_status status; /* valid for all but NOTHING and ABSENT */
    int64_t began_ms;         /* wall time before the request was signed */
};

struct observation rules_observe(const struct upstream_answer *answer, int64_t began_ms);

/* Whether QUIET has passed since the model's last start was sent or accepted. */
bool rules_is_quiet(const struct control_settings *settings, const struct observation *observation,
                    const struct reservation *row);

/* Rule 4: whether an observation is of the run that the row is about, and can't show, lagging, the
 * one before. */
bool rules_shows_this_run(const struct control_settings *settings,
                          const struct observation *observation, const struct reservation *row);

/*
 * Rules 3, 4 and 5: applies an observation that began after the model's last start or stop call
 * ended. True when the row changed and has to be written; the caller writes it by compare-and-set.
 */
bool rules_apply(const struct control_settings *settings, const struct observation *observation,
                 int64_t now_ms, struct reservation *row);

/*
 * A row that no call in this process works on, seen for the first time: what a former process sent
 * may still be on its way, so PENDING becomes UNCERTAIN and every open doubt begins anew, now. The
 * same where the time was set anew (rule 10): what was measured before is worth nothing.
 * `stop_lost`: a former process may have sent a stop that no row tells of. Then a start in doubt
 * may have run and been stopped before anybody looked, so that it is charged (rule 3). True when
 * the row changed.
 */
bool rules_recover(bool stop_lost, int64_t now_ms, struct reservation *row);
/* Whether a row of such a process does not say so yet. */
bool rules_lacks_lost_stop(const struct reservation *row);

/* Commits a row to be stopped. `row` must be PENDING, UNCERTAIN or ACTIVE. */
void rules_begin_stop(enum reservation_end end, int64_t now_ms, struct reservation *row);

/*
 * Writes into a row of the ledger what came of a stop that could not be written down when it was
 * sent; `kept` is the row as it should have been. A row that is finished by now keeps the fence.
 */
void rules_record_stop(const struct reservation *kept, struct reservation *row);

/*
 * A row that was closed soon after a boot, because its model had vanished or where a stop may be
 * lost (`stop_lost`): the former process may have stopped it without being able to write that down,
 * and such a stop may still be on its way (rule 6). `boot_ms` in wall time.
 */
void rules_fence_lost_stop(const struct control_settings *settings, bool stop_lost, int64_t boot_ms,
                           int64_t now_ms, struct reservation *row);

/* Whether the lease of a row that is not being stopped yet has ended. */
bool rules_lease_ended(int64_t now_ms, const struct reservation *row);

/* What a caller's wish for another lease comes to. */
struct lease_change {
    bool changes; /* false: the row has that end already */
    bool extends; /* rule 5: only for a row that is ACTIVE, and a new decision */
    int64_t now_ms, lease_end_ms, worst_end_ms;
    int64_t reserve_from_ms; /* of an extension: [reserve_from, worst_end) is to be reserved anew */
};
/*
 * A lease of `lease_ms`, from the row's lease_from_ms. An end that has passed is now: it ends at
 * once. A stop of the row is allowed its time beyond each end (rule 7).
 */
struct lease_change rules_change_lease(const struct control_settings *settings, int64_t lease_ms,
                                       int64_t now_ms, const struct reservation *row);

/* Whether the end of the lease is to be warned of now; once for each end. */
bool rules_warning_due(const struct control_settings *settings, int64_t now_ms,
                       const struct reservation *row);
/* Whether the row has just outlived what was reserved for it (rule 7), which is told once. */
bool rules_overrun_due(int64_t now_ms, const struct reservation *row);
/* Remembers in the row that this end, of the lease or of the worst case, was told. */
void rules_note_told(int64_t end_ms, struct reservation *row);

/* Rule 2: whether the start of an uncertain row may be sent again. */
bool rules_may_resend(const struct control_settings *settings, int64_t now_ms,
                      const struct reservation *row);

/* Rule 5: whether a stop call is due, after `observation` (kind NOTHING = there was none). */
bool rules_stop_due(const struct control_settings *settings, const struct observation *observation,
                    int64_t now_ms, const struct reservation *row);
/* Whether that call needs a token of its own, or repeats the one whose fate is unknown. */
bool rules_stop_needs_token(const struct control_settings *settings, int64_t now_ms,
                            const struct reservation *row);

/* What a sequence of start sends has come to. */
struct start_fate {
    bool doubt;     /* an earlier send has no definite answer, or the row was recovered */
    bool throttled; /* at least one send was throttled */
};
/* Adds one more answer. True when nothing more is to be sent: the answer is final. */
bool rules_add_answer(struct start_fate *fate, const struct upstream_answer *answer);
/*
 * Rule 1: writes into `row` what the last answer and the fate before it come to: ACTIVE, VOID or
 * UNCERTAIN; a row that is STOPPING stays so, or becomes CLOSED where it is proven never started; a
 * finished row that turns out to be started is reopened as STOPPING (rule 6).
 */
void rules_settle_start(const struct start_fate *fate, const struct upstream_answer *answer,
                        int64_t now_ms, struct reservation *row);

/* The same for a stop call of a STOPPING row; `earlier_doubt_ms` is stop_doubt_ms before it. */
void rules_settle_stop(const struct upstream_answer *answer, int64_t earlier_doubt_ms,
                       int64_t now_ms, struct reservation *row);

#endif
