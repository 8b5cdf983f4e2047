/* What a team's limits say to drift that is given to it, which nobody decided about. */
#ifndef LOOKOUT_CONTROL_DRIFT_LIMITS_H
#define LOOKOUT_CONTROL_DRIFT_LIMITS_H

#include "gateway/control/context.h"
#include "gateway/ledger/reservation.h"
#include "policy/quota.h"

/*
 * Judges a row of RESERVATION_TEAM_UNASSIGNED as if the team started it now: its units, for this
 * lease and what a stop may take, beside all else that is held. What it ran before now is used, by
 * the team too. The rules that do not admit that are those it will exceed. ERROR_NOT_FOUND where
 * the policy does not name the team; and what reading the ledger returns.
 */
int drift_limits_judge(struct control *control, const struct policy *policy,
                       const struct reservation *row, const char *team, int64_t lease_ms,
                       struct quota_decision *out, struct error *err)
    __attribute__((warn_unused_result));

#endif
