/*
 * What happens by itself: a thread that makes ledger and upstream agree, pass after pass. The pass
 * at boot is the crash recovery.
 */
#ifndef LOOKOUT_CONTROL_RECONCILER_H
#define LOOKOUT_CONTROL_RECONCILER_H

#include "gateway/control/control.h"

struct reconciler;

/* Starts the thread. Rows that a former process left PENDING become UNCERTAIN first. */
int reconciler_start(struct control *control, struct reconciler **out, struct error *err)
    __attribute__((warn_unused_result));
/* Ends the pass under way at the next call to AWS, joins the thread. After control_close. */
void reconciler_stop(struct reconciler **reconciler);

/*
 * One pass in the calling thread, without a thread of its own: for tests and commands. `boot`
 * treats every row as left by a former process.
 */
void reconciler_pass(struct control *control, bool boot);

#endif
