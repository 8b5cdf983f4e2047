/* A cursor over a whole table, and what is made of each of its rows. */
#include "gateway/ledger/ledger_sqlite_scan.h"

#include "gateway/ledger/ledger_sqlite_file.h"
#include "gateway/ledger/ledger_sqlite_row.h"
#include "gateway/ledger/ledger_sqlite_session.h"

#include <inttypes.h>
#include <string.h>

/* The caller's visitor, of whichever kind. */
struct visitor {
    ledger_entry_fn *entry;
    ledger_row_fn *row;
    ledger_usage_fn *usage;
    ledger_settled_fn *settled;
    void *context;
};

typedef int visit_fn(const struct visitor *visitor, sqlite3_stmt *statement, struct error *err);

static int walk(struct ledger_session *session, enum statement which, visit_fn *visit,
                const struct visitor *visitor, struct error *err)
{
    sqlite3_stmt *statement = session->statements[which];
    int stepped = SQLITE_DONE, code = 0;

    while (code == 0 && (stepped = sqlite3_step(statement)) == SQLITE_ROW)
        code = visit(visitor, statement, err);
    if (code == 0 && stepped != SQLITE_DONE)
        code = ledger_sqlite_fail(session->db, "read the whole ledger", err);
    sqlite3_reset(statement);
    return code;
}

static int visit_entry(const struct visitor *visitor, sqlite3_stmt *statement, struct error *err)
{
    struct ledger_journal_head head = {.number = sqlite3_column_int64(statement, 0)};
    const unsigned char *entry = sqlite3_column_blob(statement, 2);

    if (sqlite3_column_bytes(statement, 1) != LEDGER_JOURNAL_HASH_LEN || entry == NULL)
        return error_set(err, ERROR_REFUSED,
                         "entry %" PRId64 " of the journal has a hash of %d and a text of %d "
                         "bytes, expected %d and more than 0",
                         head.number, sqlite3_column_bytes(statement, 1),
                         sqlite3_column_bytes(statement, 2), LEDGER_JOURNAL_HASH_LEN);
    memcpy(head.hash, sqlite3_column_blob(statement, 1), LEDGER_JOURNAL_HASH_LEN);
    return visitor->entry(visitor->context, &head, entry,
                          (size_t)sqlite3_column_bytes(statement, 2), err);
}

int ledger_sqlite_each_entry(struct ledger_session *session, int64_t after, ledger_entry_fn *visit,
                             void *context, struct error *err)
{
    const struct visitor visitor = {.entry = visit, .context = context};

    sqlite3_bind_int64(session->statements[EACH_ENTRY], 1, after);
    return walk(session, EACH_ENTRY, visit_entry, &visitor, err);
}

static int visit_row(const struct visitor *visitor, sqlite3_stmt *statement, struct error *err)
{
    struct reservation row;
    const int code = ledger_sqlite_read_row(statement, &row, err);

    return code != 0 ? code : visitor->row(visitor->context, &row, err);
}

int ledger_sqlite_each_row(struct ledger_session *session, ledger_row_fn *visit, void *context,
                           struct error *err)
{
    const struct visitor visitor = {.row = visit, .context = context};

    return walk(session, EACH_ROW, visit_row, &visitor, err);
}

/* A scope's name, or "" where there is no memory for it: that is found to differ then. */
static const char *scope_of(sqlite3_stmt *statement)
{
    const char *scope = (const char *)sqlite3_column_text(statement, 0);

    return scope != NULL ? scope : "";
}

static int visit_usage(const struct visitor *visitor, sqlite3_stmt *statement, struct error *err)
{
    const struct quota_usage usage = {
        .used_units = sqlite3_column_int64(statement, 1),
        .reserved_units = sqlite3_column_int64(statement, 2),
        .used_models = sqlite3_column_int64(statement, 3),
        .reserved_models = sqlite3_column_int64(statement, 4),
    };

    return visitor->usage(visitor->context, scope_of(statement), &usage, err);
}

int ledger_sqlite_each_usage(struct ledger_session *session, ledger_usage_fn *visit, void *context,
                             struct error *err)
{
    const struct visitor visitor = {.usage = visit, .context = context};

    return walk(session, EACH_USAGE, visit_usage, &visitor, err);
}

static int visit_settled(const struct visitor *visitor, sqlite3_stmt *statement, struct error *err)
{
    return visitor->settled(visitor->context, scope_of(statement),
                            sqlite3_column_int(statement, 1) == 0 ? LEDGER_QUARTERS : LEDGER_DAYS,
                            sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
                            err);
}

int ledger_sqlite_each_settled(struct ledger_session *session, ledger_settled_fn *visit,
                               void *context, struct error *err)
{
    const struct visitor visitor = {.settled = visit, .context = context};

    return walk(session, EACH_SETTLED, visit_settled, &visitor, err);
}
