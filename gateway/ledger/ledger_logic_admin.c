/* Changes beside starts and their course: leases, drift, freezes, notes. */
#include "gateway/ledger/ledger_logic.h"

#include <inttypes.h>
#include <string.h>

/* --- leases -------------------------------------------------------------------------------- */

static int decide_extension(struct ledger_change *change, const struct ledger_lease *lease,
                            const char *team, bool *admitted, struct error *err)
{
    struct ledger_books books;
    int code = ledger_logic_open_books(change, team, lease->now_ms, &books, err);

    if (code == 0)
        code = lease->decide(lease->decide_context, &books.books, admitted, err);
    ledger_books_close(&books);
    return code;
}

/* Rule 5: extending works only from ACTIVE. What is being stopped has no lease any more. */
static bool may_change_lease(enum reservation_state state, bool shortens)
{
    switch (state) {
    case RESERVATION_ACTIVE:
        return true;
    case RESERVATION_PENDING:
    case RESERVATION_UNCERTAIN:
        return shortens;
    case RESERVATION_STOPPING:
    case RESERVATION_CLOSED:
    case RESERVATION_VOID:
        return false;
    }
    return false;
}

int ledger_logic_change_lease(struct ledger_change *change, const struct ledger_lease *lease,
                              bool *admitted, struct reservation *row, struct error *err)
{
    struct reservation before;
    int code = ledger_logic_get(change, lease->id, lease->row_version, &before, err);

    if (code != 0)
        return code;
    *row = before;
    *admitted =
        lease->lease_end_ms <= before.lease_end_ms && lease->worst_end_ms <= before.worst_end_ms;
    if (!may_change_lease(before.state, *admitted))
        return error_set(err, ERROR_REFUSED, "reservation %s is %s: its lease can't be %s",
                         before.id, reservation_state_name(before.state),
                         *admitted ? "changed any more" : "extended");
    if (!*admitted)
        code = decide_extension(change, lease, before.team, admitted, err);
    if (code != 0 || !*admitted)
        return code;
    row->lease_end_ms = lease->lease_end_ms;
    row->worst_end_ms = lease->worst_end_ms;
    row->row_version++;
    if (!lease->dry_run)
        code = ledger_logic_write(change, "lease", &before, row, &lease->cause, err);
    return code;
}

/* --- drift --------------------------------------------------------------------------------- */

int ledger_logic_adopt(struct ledger_change *change, const struct reservation *row,
                       const struct ledger_cause *cause, struct error *err)
{
    struct reservation after = *row;
    struct reservation held;
    const int code =
        change->backend->get_live(change->session, row->project, row->version, &held, err);

    if (code == 0)
        return error_set(err, ERROR_CONFLICT, "model %s/%s is held by reservation %s of team %s",
                         row->project, row->version, held.id, held.team);
    if (code != ERROR_NOT_FOUND)
        return code;
    after.row_version = 1;
    return ledger_logic_write(change, "adopt", NULL, &after, cause, err);
}

/* --- freezes and notes --------------------------------------------------------------------- */

int ledger_logic_set_freeze(struct ledger_change *change, const struct ledger_freeze *freeze,
                            bool on, const struct ledger_cause *cause, struct error *err)
{
    const struct ledger_entry entry = {
        .event = on ? "freeze" : "unfreeze", .about = freeze->team, .cause = cause};
    int code;

    *change->freezes = LEDGER_FREEZES_UNKNOWN;
    code = on ? change->backend->put_freeze(change->session, freeze, err)
              : change->backend->delete_freeze(change->session, freeze->team, err);
    if (code != 0)
        return code;
    change->wrote = true;
    return ledger_journal_append(change->journal, change->backend, change->session, &entry, err);
}

int ledger_logic_note(struct ledger_change *change, const char *event, const char *about,
                      const char *id, const struct ledger_cause *cause, struct error *err)
{
    struct reservation row = {0};
    const struct ledger_entry entry = {
        .event = event, .about = about, .row = id != NULL ? &row : NULL, .cause = cause};
    const int code = id == NULL ? 0 : change->backend->get_row(change->session, id, &row, err);

    if (code != 0)
        return code;
    change->wrote = true;
    return ledger_journal_append(change->journal, change->backend, change->session, &entry, err);
}
