/* Whether anything can be started now, whoever asks: the ledger, the account and the time. */
#ifndef LOOKOUT_CONTROL_START_GATE_H
#define LOOKOUT_CONTROL_START_GATE_H

#include "gateway/control/admission.h"
#include "gateway/control/context.h"

/*
 * False when nothing is started now; `out` then has the answer. A dry run is told what is known and
 * asks nobody. Without the model's marker.
 *
 * Rules 9 and 10: the first start of a process asks AWS first, and so does each one while AWS's
 * account is the wrong one or the time is not known: a row that begins at a wrong time is charged
 * too little, and in the wrong window. One asks, the others wait for it.
 */
bool start_gate_pass(struct control *control, const struct start_request *request,
                     int64_t deadline_ms, struct start_result *out);

#endif
