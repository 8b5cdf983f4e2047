/*
 * What a start comes to for its caller: an outcome, the row as far as it may be shown, and one
 * sentence. Nothing here decides or changes anything.
 */
#ifndef LOOKOUT_CONTROL_START_OUTCOME_H
#define LOOKOUT_CONTROL_START_OUTCOME_H

#include "gateway/control/admission.h"
#include "gateway/control/context.h"

/* The row into the result; one whose stop could not be recorded is shown as it is: STOPPING. */
void start_outcome_keep_row(struct control *control, const struct start_request *request,
                            const struct reservation *row, struct start_result *out);

/* After a start was sent: what its row (in `out`) and AWS's last answer come to. `settled` is false
 * where the ledger could not take that. */
void start_outcome_of_send(bool settled, const struct upstream_answer *last,
                           struct start_result *out);

/* The ledger could not reserve, or can't tell whether it did. */
void start_outcome_of_ledger(int result, const struct error *err, struct start_result *out);

/* Whether the row in `out` is what this request asks for, so that no second start is needed. */
bool start_outcome_is_what_was_asked(const struct start_request *request,
                                     const struct start_result *out);
/* It is not: by whom the model is held, and what can be done. */
void start_outcome_held(const struct start_request *request, struct start_result *out);
/* It is, with another lease: the lease of what runs is not changed by starting it again. */
void start_outcome_mention_lease(const struct start_request *request, struct start_result *out);

void start_outcome_frozen(const struct ledger_freeze *freeze, struct start_result *out);

#endif
