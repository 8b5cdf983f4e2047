/* What a decision asks of the SQLite ledger beside the balances. */
#include "gateway/ledger/ledger_sqlite_books.h"

#include "gateway/ledger/ledger_sqlite_file.h"
#include "gateway/ledger/ledger_sqlite_row.h"
#include "gateway/ledger/ledger_sqlite_session.h"

#include <string.h>

int ledger_sqlite_begin_snapshot(struct ledger_session *session, struct error *err)
{
    return ledger_sqlite_run(session, BEGIN_SNAPSHOT, "begin a snapshot", err);
}

void ledger_sqlite_end_snapshot(struct ledger_session *session)
{
    struct error ignored; /* it has only read */

    (void)ledger_sqlite_run(session, END_SNAPSHOT, "end a snapshot", &ignored);
}

/* --- unit-time ----------------------------------------------------------------------------- */

int ledger_sqlite_each_live_time(struct ledger_session *session, const char *team,
                                 ledger_live_time_fn *visit, void *context, struct error *err)
{
    sqlite3_stmt *statement = session->statements[team == NULL ? LIVE_TIMES : LIVE_TIMES_OF_TEAM];
    int stepped = SQLITE_DONE, code = 0;

    if (team != NULL)
        ledger_sqlite_bind_text(statement, 1, team);
    while (code == 0 && (stepped = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct ledger_live_time row = {
            .units = sqlite3_column_int64(statement, 1),
            .created_ms = sqlite3_column_int64(statement, 2),
            .worst_end_ms = sqlite3_column_int64(statement, 3),
        };
        const char *of = (const char *)sqlite3_column_text(statement, 0);

        code = of != NULL ? visit(context, of, &row, err)
                          : error_set(err, ERROR_NOMEM, "out of memory for a team's name");
    }
    if (code == 0 && stepped != SQLITE_DONE)
        code = ledger_sqlite_fail(session->db, "list what is held", err);
    sqlite3_reset(statement);
    return code;
}

int ledger_sqlite_sum_settled(struct ledger_session *session, const char *scope,
                              enum ledger_span span, int64_t from, int64_t until, int64_t *unit_ms,
                              struct error *err)
{
    sqlite3_stmt *statement = session->statements[SUM_SETTLED];
    int code;

    ledger_sqlite_bind_text(statement, 1, scope);
    sqlite3_bind_int(statement, 2, (int)span);
    sqlite3_bind_int64(statement, 3, from);
    sqlite3_bind_int64(statement, 4, until);
    code = ledger_sqlite_first(session, SUM_SETTLED, "sum up unit-time", err);
    if (code != 0)
        return code;
    *unit_ms = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return 0;
}

int ledger_sqlite_add_settled(struct ledger_session *session, const char *scope,
                              enum ledger_span span, int64_t bucket, int64_t unit_ms,
                              struct error *err)
{
    /* A negative sum must never be written, not even to be added to another: the schema forbids. */
    const enum statement which = unit_ms < 0 ? TAKE_SETTLED : ADD_SETTLED;
    sqlite3_stmt *statement = session->statements[which];
    int code;

    ledger_sqlite_bind_text(statement, 1, scope);
    sqlite3_bind_int(statement, 2, (int)span);
    sqlite3_bind_int64(statement, 3, bucket);
    sqlite3_bind_int64(statement, 4, unit_ms);
    code = ledger_sqlite_run(session, which, "settle unit-time", err);
    if (code == 0 && sqlite3_changes(session->db) != 1)
        code = error_set(err, ERROR_INVALID,
                         "unit-time that is to be taken back was never settled: the ledger was "
                         "changed by another program, restore a backup");
    return code;
}

static int visit_used(sqlite3_stmt *statement, ledger_used_fn *visit, void *context,
                      struct error *err)
{
    const char *texts[4];
    struct ledger_used row = {
        .units = sqlite3_column_int64(statement, 4),
        .created_ms = sqlite3_column_int64(statement, 5),
        .ended_ms = sqlite3_column_int64(statement, 6),
        .live = sqlite3_column_int(statement, 7) != 0,
    };

    for (int i = 0; i < 4; i++) {
        texts[i] = (const char *)sqlite3_column_text(statement, i);
        if (texts[i] == NULL)
            return error_set(err, ERROR_NOMEM, "out of memory for a name");
    }
    row.team = texts[0];
    row.project = texts[1];
    row.version = texts[2];
    row.subject = texts[3];
    return visit(context, &row, err);
}

int ledger_sqlite_each_used(struct ledger_session *session, const char *team, int64_t from_ms,
                            int64_t until_ms, ledger_used_fn *visit, void *context,
                            struct error *err)
{
    sqlite3_stmt *statement = session->statements[EACH_USED];
    int stepped = SQLITE_DONE, code = 0;

    ledger_sqlite_bind_text(statement, 1, team);
    sqlite3_bind_int64(statement, 2, from_ms);
    sqlite3_bind_int64(statement, 3, until_ms);
    while (code == 0 && (stepped = sqlite3_step(statement)) == SQLITE_ROW)
        code = visit_used(statement, visit, context, err);
    if (code == 0 && stepped != SQLITE_DONE)
        code = ledger_sqlite_fail(session->db, "list what was used", err);
    sqlite3_reset(statement);
    return code;
}

/* --- freezes ------------------------------------------------------------------------------- */

static int read_freeze(sqlite3_stmt *statement, struct ledger_freeze *out, struct error *err)
{
    out->since_ms = sqlite3_column_int64(statement, 3);
    if (ledger_sqlite_copy_text(statement, 0, out->team, sizeof(out->team)) &&
        ledger_sqlite_copy_text(statement, 1, out->reason, sizeof(out->reason)) &&
        ledger_sqlite_copy_text(statement, 2, out->actor, sizeof(out->actor)))
        return 0;
    return error_set(err, ERROR_IO, "a freeze in the ledger is unreadable: restore a backup");
}

int ledger_sqlite_get_freeze(struct ledger_session *session, const char *team,
                             struct ledger_freeze *out, struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_FREEZE];
    int code;

    ledger_sqlite_bind_text(statement, 1, team);
    code = ledger_sqlite_first(session, GET_FREEZE, "look for a freeze", err);
    if (code != 0)
        return code;
    code = read_freeze(statement, out, err);
    sqlite3_reset(statement);
    return code;
}

int ledger_sqlite_list_freezes(struct ledger_session *session, struct ledger_freeze *out,
                               size_t capacity, size_t *count, struct error *err)
{
    sqlite3_stmt *statement = session->statements[LIST_FREEZES];
    int stepped = SQLITE_DONE, code = 0;

    *count = 0;
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)capacity);
    while (code == 0 && (stepped = sqlite3_step(statement)) == SQLITE_ROW) {
        code = read_freeze(statement, &out[*count], err);
        *count += code == 0;
    }
    if (code == 0 && stepped != SQLITE_DONE)
        code = ledger_sqlite_fail(session->db, "list the freezes", err);
    sqlite3_reset(statement);
    return code;
}

int ledger_sqlite_put_freeze(struct ledger_session *session, const struct ledger_freeze *freeze,
                             struct error *err)
{
    sqlite3_stmt *statement = session->statements[PUT_FREEZE];

    ledger_sqlite_bind_text(statement, 1, freeze->team);
    ledger_sqlite_bind_text(statement, 2, freeze->reason);
    ledger_sqlite_bind_text(statement, 3, freeze->actor);
    sqlite3_bind_int64(statement, 4, freeze->since_ms);
    return ledger_sqlite_run(session, PUT_FREEZE, "write a freeze", err);
}

int ledger_sqlite_delete_freeze(struct ledger_session *session, const char *team, struct error *err)
{
    int code;

    ledger_sqlite_bind_text(session->statements[DELETE_FREEZE], 1, team);
    code = ledger_sqlite_run(session, DELETE_FREEZE, "end a freeze", err);
    if (code == 0 && sqlite3_changes(session->db) == 0)
        code = error_set(err, ERROR_NOT_FOUND, "%s is not frozen",
                         team[0] != '\0' ? team : "not everybody");
    return code;
}
