/*
 * Starting and stopping on the wire: send, repeat within the rules, settle in the ledger. The
 * caller holds the model's marker (model_calls.h).
 */
#ifndef LOOKOUT_CONTROL_MODEL_CHANGE_H
#define LOOKOUT_CONTROL_MODEL_CHANGE_H

#include "gateway/control/context.h"

/* How much one call may do: a request has seconds, a pass of the reconciler one try. */
struct change_budget {
    int64_t deadline_ms; /* monotonic */
    int64_t attempts;
    enum pacing_class pacing;
    struct ledger_cause cause; /* who wants it; time and reason are those of each step */
};
/* That of a request with this deadline (monotonic). */
struct change_budget model_change_request_budget(const struct control_settings *settings,
                                                 int64_t deadline_ms,
                                                 const struct ledger_cause *cause);

/*
 * Sends the start of `row`, which is PENDING (just reserved: this is its first send) or UNCERTAIN
 * (then rules_may_resend said yes), and settles it. Where doubt remains, one DescribeModel is asked
 * for the truth. `*row` is the row as it is afterwards, `*last` AWS's last answer. False when the
 * ledger could not take the outcome: the row in it is older than what is known, and holds its
 * units.
 */
bool model_change_start(struct control *control, const struct change_budget *budget,
                        struct reservation *row, struct upstream_answer *last);

/*
 * One round of stop calls for a STOPPING row, each announced in the ledger before it is sent, or in
 * memory (unrecorded.h) where the ledger can't take it: nothing blocks a stop. True when AWS
 * accepted one. `*row` is the row as it is afterwards.
 */
bool model_change_stop(struct control *control, const struct change_budget *budget,
                       struct reservation *row);

/*
 * Writes into the ledger what was kept in memory of a stop of this row, if there is anything; then
 * `*row` is the ledger's row. 0 or the ledger's error. With the model's marker.
 */
int model_change_record(struct control *control, const struct ledger_cause *cause,
                        struct reservation *row, struct error *err)
    __attribute__((warn_unused_result));

/*
 * Rule 2: whether the start of a row in doubt may be sent again; not where a former process may
 * have been asked to stop it.
 */
bool model_change_may_resend(const struct control *control, const struct control_settings *settings,
                             const struct reservation *row);

/* Whether an error of a write says that the ledger can't be written, and not that it need not. */
bool model_change_is_unwritable(int result);

/*
 * Writes `row`; where somebody was first reads it again and applies `change` anew, a few times. 0
 * or the ledger's error, with `*row` as it is in the ledger, as far as that can be told.
 */
typedef void row_change_fn(const void *context, int64_t now_ms, struct reservation *row);
int model_change_write(struct control *control, const struct ledger_cause *cause,
                       row_change_fn *change, const void *context, struct reservation *row,
                       struct error *err) __attribute__((warn_unused_result));

/*
 * Compare-and-set of a row that a rule changed, tried once and logged: what the gateway does by
 * itself. 0 or the ledger's error; ERROR_CONFLICT where a request was faster.
 */
int model_change_write_row(struct control *control, const char *why, struct reservation *row);

#endif
