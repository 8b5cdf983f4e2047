/* The rules of leases, pure. */
#include "gateway/control/rules.h"

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool rules_lease_ended(int64_t now_ms, const struct reservation *row)
{
    switch (row->state) {
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
    case RESERVATION_ACTIVE:
        return now_ms >= row->lease_end_ms;
    case RESERVATION_STOPPING:
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        return false;
    }
    return false;
}

struct lease_change rules_change_lease(const struct control_settings *settings, int64_t lease_ms,
                                       int64_t now_ms, const struct reservation *row)
{
    struct lease_change change = {.now_ms = now_ms};
    int64_t end_ms = row->lease_from_ms + lease_ms;
    /* Asked again for what is past: it has ended already, and ends no earlier for it. */
    bool ended = end_ms <= now_ms && row->lease_end_ms <= now_ms;
    change.changes = end_ms != row->lease_end_ms && !ended;
    change.extends = end_ms > row->lease_end_ms && !ended;
    change.lease_end_ms = ended ? row->lease_end_ms : later(end_ms, now_ms);
    change.worst_end_ms = change.lease_end_ms + settings->stop_allowance_ms;
    /* The allowance was another when the lease began: what is reserved grows with the lease, and
     * only with it, so that no shortening needs a decision. */
    if (change.extends == (change.worst_end_ms < row->worst_end_ms))
        change.worst_end_ms = row->worst_end_ms;
    /* What overran is used already. */
    change.reserve_from_ms = later(row->worst_end_ms, now_ms);
    if (change.reserve_from_ms > change.worst_end_ms)
        change.reserve_from_ms = change.worst_end_ms;
    return change;
}

bool rules_warning_due(const struct control_settings *settings, int64_t now_ms,
                       const struct reservation *row)
{
    return row->state == RESERVATION_ACTIVE && settings->lease_warning_ms > 0 &&
           row->warned_ms != row->lease_end_ms && now_ms < row->lease_end_ms &&
           now_ms >= row->lease_end_ms - settings->lease_warning_ms;
}

bool rules_overrun_due(int64_t now_ms, const struct reservation *row)
{
    switch (row->state) {
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
    case RESERVATION_ACTIVE:
    case RESERVATION_STOPPING:
        /* Nothing was reserved for drift that nobody took over. */
        return row->worst_end_ms > row->created_ms && now_ms >= row->worst_end_ms &&
               row->warned_ms != row->worst_end_ms;
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        return false;
    }
    return false;
}

void rules_note_told(int64_t end_ms, struct reservation *row)
{
    row->warned_ms = end_ms;
}
