/* The calls beside starts and their course: leases, drift, freezes, notes, books. */
#include "gateway/ledger/ledger.h"

#include "gateway/ledger/ledger_handle.h"
#include "gateway/ledger/ledger_logic.h"
#include "gateway/ledger/ledger_unit_time.h"

#include <stdlib.h>
#include <string.h>

/* --- leases -------------------------------------------------------------------------------- */

struct lease_call {
    const struct ledger_lease *lease;
    bool *admitted;
    struct reservation *row;
};

static int run_lease(struct ledger_change *change, void *context, struct error *err)
{
    const struct lease_call *call = context;

    return ledger_logic_change_lease(change, call->lease, call->admitted, call->row, err);
}

static int look_lease(const struct ledger_backend *backend, struct ledger_session *session,
                      void *context, struct error *err)
{
    const struct lease_call *call = context;
    struct reservation found;

    if (backend->get_row(session, call->lease->id, &found, err) != 0)
        return ERROR_UNCERTAIN;
    return found.row_version == call->lease->row_version ? 0 : ERROR_UNCERTAIN;
}

int ledger_change_lease(struct ledger *ledger, const struct ledger_lease *lease, bool *admitted,
                        struct reservation *row, struct error *err)
{
    char id[RESERVATION_ID_LEN + 1];
    struct ledger_lease own = *lease; /* `row` may be the very row that the caller read */
    struct lease_call call = {.lease = &own, .admitted = admitted, .row = row};
    struct ledger_job job = {.run = run_lease, .look = look_lease, .context = &call};
    int code;

    if (lease->worst_end_ms < 0 || strlen(lease->id) != RESERVATION_ID_LEN)
        return error_set(err, ERROR_INVALID,
                         "a lease can't end before the epoch, and a reservation's id has %d bytes",
                         RESERVATION_ID_LEN);
    memcpy(id, lease->id, sizeof(id));
    own.id = id;
    memset(row, 0, sizeof(*row));
    *admitted = false;
    code = ledger_writer_do(ledger->writer, &job, err);
    live_cache_forget(ledger->live, row->project, row->version);
    return code;
}

/* --- drift --------------------------------------------------------------------------------- */

struct adopt_call {
    const struct reservation *row;
    const struct ledger_cause *cause;
};

static int run_adopt(struct ledger_change *change, void *context, struct error *err)
{
    const struct adopt_call *call = context;

    return ledger_logic_adopt(change, call->row, call->cause, err);
}

static int look_adopt(const struct ledger_backend *backend, struct ledger_session *session,
                      void *context, struct error *err)
{
    const struct adopt_call *call = context;
    struct reservation found;
    const int code = backend->get_row(session, call->row->id, &found, err);

    return code == ERROR_NOT_FOUND ? 0 : ERROR_UNCERTAIN;
}

int ledger_adopt(struct ledger *ledger, struct reservation *row, const struct ledger_cause *cause,
                 struct error *err)
{
    struct adopt_call call = {.row = row, .cause = cause};
    struct ledger_job job = {.run = run_adopt, .look = look_adopt, .context = &call};
    int code = ledger_logic_check_row(row, err);

    if (code == 0 && (row->state != RESERVATION_ACTIVE || row->origin != RESERVATION_ORIGIN_DRIFT))
        code = error_set(err, ERROR_INVALID,
                         "what is adopted is %s of origin %s, expected ACTIVE "
                         "of origin drift",
                         reservation_state_name(row->state), reservation_origin_name(row->origin));
    if (code != 0)
        return code;
    code = ledger_writer_do(ledger->writer, &job, err);
    live_cache_forget(ledger->live, row->project, row->version);
    if (code == 0)
        row->row_version = 1;
    return code;
}

/* --- freezes and notes --------------------------------------------------------------------- */

struct freeze_call {
    const struct ledger_freeze *freeze;
    bool on;
    const struct ledger_cause *cause;
    int64_t entry; /* the number of its entry in the journal */
};

static int run_freeze(struct ledger_change *change, void *context, struct error *err)
{
    struct freeze_call *call = context;
    const int code = ledger_logic_set_freeze(change, call->freeze, call->on, call->cause, err);

    call->entry = change->journal->head.number;
    return code;
}

/* Only the writer appends: the entry is there with its change, or its number is still free. */
static int look_freeze(const struct ledger_backend *backend, struct ledger_session *session,
                       void *context, struct error *err)
{
    const struct freeze_call *call = context;
    struct ledger_journal_head head;

    if (backend->get_journal_head(session, &head, err) != 0)
        return ERROR_UNCERTAIN;
    return head.number < call->entry ? 0 : ERROR_UNCERTAIN;
}

int ledger_set_freeze(struct ledger *ledger, const struct ledger_freeze *freeze, bool on,
                      const struct ledger_cause *cause, struct error *err)
{
    struct freeze_call call = {.freeze = freeze, .on = on, .cause = cause};
    struct ledger_job job = {.run = run_freeze, .look = look_freeze, .context = &call};

    return ledger_writer_do(ledger->writer, &job, err);
}

int ledger_find_freeze(struct ledger *ledger, const char *team, struct ledger_freeze *out,
                       struct error *err)
{
    struct ledger_session *session = NULL;
    const int code = ledger_readers_take(ledger->readers, &session, err);

    if (code != 0)
        return code;
    return ledger_finish_read(ledger, &session,
                              ledger->backend->get_freeze(session, team, out, err));
}

int ledger_list_freezes(struct ledger *ledger, struct ledger_freeze *out, size_t capacity,
                        size_t *count, struct error *err)
{
    struct ledger_session *session = NULL;
    const int code = ledger_readers_take(ledger->readers, &session, err);

    if (code != 0)
        return code;
    return ledger_finish_read(ledger, &session,
                              ledger->backend->list_freezes(session, out, capacity, count, err));
}

struct note_call {
    const char *event, *about, *id;
    const struct ledger_cause *cause;
};

static int run_note(struct ledger_change *change, void *context, struct error *err)
{
    const struct note_call *call = context;

    return ledger_logic_note(change, call->event, call->about, call->id, call->cause, err);
}

int ledger_note(struct ledger *ledger, const char *event, const char *about, const char *id,
                const struct ledger_cause *cause, struct error *err)
{
    struct note_call call = {.event = event, .about = about, .id = id, .cause = cause};
    struct ledger_job job = {.run = run_note, .context = &call};

    if (event[0] == '\0' || strlen(event) > LEDGER_JOURNAL_EVENT_MAX)
        return error_set(err, ERROR_INVALID, "an event has 1 to %d bytes",
                         LEDGER_JOURNAL_EVENT_MAX);
    return ledger_writer_do(ledger->writer, &job, err);
}

/* --- books --------------------------------------------------------------------------------- */

/* Within a snapshot. */
static int read_books(struct ledger *ledger, struct ledger_session *session, const char *team,
                      int64_t now_ms, ledger_books_fn *read, void *context, struct error *err)
{
    struct ledger_books books;
    int code;

    ledger_books_open(&books, ledger->backend, session, team, now_ms);
    code = ledger->backend->get_usage(session, team, &books.books.account, &books.books.team, err);
    if (code == 0)
        code = read(context, &books.books, err);
    ledger_books_close(&books);
    return code;
}

int ledger_with_books(struct ledger *ledger, const char *team, int64_t now_ms,
                      ledger_books_fn *read, void *context, struct error *err)
{
    struct ledger_session *session = NULL;
    int code = ledger_readers_take(ledger->readers, &session, err);

    if (code != 0)
        return code;
    code = ledger->backend->begin_snapshot(session, err);
    if (code == 0) {
        code = read_books(ledger, session, team, now_ms, read, context, err);
        ledger->backend->end_snapshot(session);
    }
    return ledger_finish_read(ledger, &session, code);
}

int ledger_list_releases(struct ledger *ledger, const char *team, struct quota_release *out,
                         size_t capacity, size_t *count, struct error *err)
{
    struct ledger_session *session = NULL;
    int64_t commits, changes;
    int code = ledger_readers_take(ledger->readers, &session, err);

    *count = 0;
    if (code != 0)
        return code;
    ledger_counters(ledger, &commits, &changes);
    code = ledger_releases_list(ledger->releases, ledger->backend, session, changes, team, out,
                                capacity, count, err);
    return ledger_finish_read(ledger, &session, code);
}
