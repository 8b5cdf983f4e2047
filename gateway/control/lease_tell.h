/* What people are told of leases that end, ended late, or wait for the time. */
#ifndef LOOKOUT_CONTROL_LEASE_TELL_H
#define LOOKOUT_CONTROL_LEASE_TELL_H

#include "gateway/control/context.h"

/* Rule 7, once for each end: the row has outlived its worst case. What it uses is counted all the
 * same, and starts wait for it. */
void lease_tell_overrun(struct control *control, struct reservation *row);
/* The lease ends soon; once for each end. */
void lease_tell_end(struct control *control, struct reservation *row);
/*
 * Rule 10: of `ended`, the leases whose end has come while nobody knows the time. Once for each
 * wait. False when the ledger could not be read.
 */
bool lease_tell_waiting(struct control *control, const struct ledger_filter *ended);

#endif
