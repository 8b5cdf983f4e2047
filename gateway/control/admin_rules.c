/* Rows that people settle. */
#include "gateway/control/admin_rules.h"

#include <assert.h>

/* not_running_ms is the first of the looks that showed it not running since it was seen running. */
static bool was_seen_not_running(const struct control_settings *settings, int64_t now_ms,
                                 const struct reservation *row)
{
    return row->not_running_ms != 0 && now_ms - row->not_running_ms < settings->quiet_ms;
}

enum admin_doubt admin_rules_doubt(const struct control_settings *settings,
                                   const struct observation *observation,
                                   const struct reservation *row)
{
    bool lag_is_over = row->seen_running_ms != 0;
    switch (observation->kind) {
    case OBSERVED_RUNNING:
        return ADMIN_RUNS;
    case OBSERVED_NOTHING:
        if (!was_seen_not_running(settings, observation->began_ms, row))
            return ADMIN_UNSEEN;
        break;
    case OBSERVED_ABSENT: /* rule 4: believed only after QUIET */
        lag_is_over = false;
        break;
    case OBSERVED_NOT_RUNNING:
    case OBSERVED_FAILED:
        break;
    }
    return lag_is_over || rules_is_quiet(settings, observation, row) ? ADMIN_NO_DOUBT
                                                                     : ADMIN_MAY_START;
}

void admin_rules_close(int64_t ended_ms, int64_t now_ms, struct reservation *row)
{
    assert(row->state == RESERVATION_UNCERTAIN || row->state == RESERVATION_ACTIVE ||
           row->state == RESERVATION_STOPPING);
    row->state = RESERVATION_CLOSED;
    row->end = RESERVATION_END_BY_HAND;
    row->ended_ms = ended_ms;
    row->closed_ms = now_ms;
}
