/* What people are told of leases: in the log, and in the journal with the row. */
#include "gateway/control/lease_tell.h"

#include "gateway/base/log.h"
#include "gateway/control/model_change.h"
#include "gateway/control/rules.h"

void lease_tell_overrun(struct control *control, struct reservation *row)
{
    bool stopping = row->state == RESERVATION_STOPPING;
    rules_note_told(row->worst_end_ms, row);
    if (model_change_write_row(control,
                               stopping ? "overrun: its stop has not been observed"
                                        : "overrun: it has not ended",
                               row) != 0)
        return;
    metric_add(control->metrics.leases_overrun, 1);
    LOG(LOG_ERROR, "lease.overrun", log_str("reservation", row->id), log_str("team", row->team),
        log_str("project", row->project), log_str("version", row->version),
        log_int("units", row->units), log_int("worst_end_ms", row->worst_end_ms),
        log_str("effect", "it runs on the account of its team until it is seen stopped"));
}

void lease_tell_end(struct control *control, struct reservation *row)
{
    int64_t left_ms = row->lease_end_ms - control_now_ms(control);
    rules_note_told(row->lease_end_ms, row);
    if (model_change_write_row(control, "lease ends soon", row) != 0)
        return;
    metric_add(control->metrics.leases_warned, 1);
    LOG(LOG_WARNING, "lease.ends_soon", log_str("reservation", row->id), log_str("team", row->team),
        log_str("subject", row->subject), log_str("project", row->project),
        log_str("version", row->version), log_int("left_ms", left_ms));
}

bool lease_tell_waiting(struct control *control, const struct ledger_filter *ended)
{
    struct reservation row;
    struct error err = {0};
    size_t count = 0;
    if (ledger_list_live(control->ledger, ended, "", &row, 1, &count, &err) != 0)
        return false;
    if (count > 0 && !atomic_exchange(&control->lease_wait_told, true))
        LOG(LOG_WARNING, "lease.waits", log_str("reservation", row.id),
            log_str("why", "by this host's clock leases have ended; they are stopped when an "
                           "answer from AWS has told the time"));
    return true;
}
