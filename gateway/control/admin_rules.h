/* What may be done to a row by hand, as pure functions. */
#ifndef LOOKOUT_CONTROL_ADMIN_RULES_H
#define LOOKOUT_CONTROL_ADMIN_RULES_H

#include "gateway/control/rules.h"

/* Why units that are given back by hand may still cost money. */
enum admin_doubt {
    ADMIN_NO_DOUBT,
    ADMIN_RUNS,      /* it was just seen running */
    ADMIN_MAY_START, /* not seen running, but its start was sent within QUIET and may still apply */
    ADMIN_UNSEEN     /* AWS can't be asked, and did not say within QUIET that it does not run */
};
/* `observation` is of just now, with no start or stop of the model in flight. */
enum admin_doubt admin_rules_doubt(const struct control_settings *settings,
                                   const struct observation *observation,
                                   const struct reservation *row);

/* Closes a live row that is not PENDING. What fences the model (rule 6) stays in it. */
void admin_rules_close(int64_t ended_ms, int64_t now_ms, struct reservation *row);

#endif
