/* The SQLite backend: connections that are proven safe, and the statements of ledger_backend.h. */
#include "gateway/ledger/ledger_sqlite.h"

#include "gateway/ledger/ledger_lock.h"
#include "gateway/ledger/ledger_sqlite_schema.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQL_MAX 8192 /* bytes of the longest statement, with its NUL */

#define LIVE_NAMES_SIZE 64 /* "PENDING UNCERTAIN ACTIVE STOPPING " */

struct ledger_store {
    char path[PATH_MAX];
    int lock_fd;
};

/* --- the columns of a reservation --------------------------------------------------------------
 */

enum column_type {
    COLUMN_TEXT,
    COLUMN_INT64,
    COLUMN_INT,
    COLUMN_BOOL,
    COLUMN_BODY,
    COLUMN_STATE,
    COLUMN_END
};
/* An update writes the columns up to the class that it needs, and touches only their indexes. */
enum column_change {
    COLUMN_FIXED,  /* for life */
    COLUMN_FREE,   /* in no index */
    COLUMN_MOVED,  /* in the index of states only */
    COLUMN_INDEXED /* in the others */
};

struct column {
    const char *name;
    enum column_type type;
    enum column_change change;
    size_t offset, size; /* of the member of struct reservation */
};

#define COLUMN(name, member, type, change)                                                         \
    {                                                                                              \
        name, type, change, offsetof(struct reservation, member),                                  \
            sizeof(((struct reservation *)NULL)->member)                                           \
    }
#define COLUMN_ID          0
#define COLUMN_ROW_VERSION 1

/* The n-th column is parameter n + 1 of the statements that write a row. */
static const struct column columns[] = {
    COLUMN("id", id, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("row_version", row_version, COLUMN_INT64, COLUMN_FREE),
    COLUMN("state", state, COLUMN_STATE, COLUMN_MOVED),
    COLUMN("team", team, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("subject", subject, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("project", project, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("version", version, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("min_units", min_units, COLUMN_INT64, COLUMN_FIXED),
    COLUMN("max_units", max_units, COLUMN_INT64, COLUMN_FIXED),
    COLUMN("units", units, COLUMN_INT64, COLUMN_FIXED),
    COLUMN("client_token", client_token, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("body", body, COLUMN_BODY, COLUMN_FIXED),
    COLUMN("created_ms", created_ms, COLUMN_INT64, COLUMN_FIXED),
    COLUMN("lease_end_ms", lease_end_ms, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("first_send_ms", first_send_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("last_send_ms", last_send_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("accepted_ms", accepted_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("seen_running_ms", seen_running_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("not_running_ms", not_running_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("observed_ms", observed_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("unobserved", unobserved, COLUMN_BOOL, COLUMN_FREE),
    COLUMN("stop_asked_ms", stop_asked_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("stop_token", stop_token, COLUMN_TEXT, COLUMN_FREE),
    COLUMN("stop_sent_ms", stop_sent_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("stop_accepted_ms", stop_accepted_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("stop_doubt_ms", stop_doubt_ms, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("ended_ms", ended_ms, COLUMN_INT64, COLUMN_FREE),
    COLUMN("closed_ms", closed_ms, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("end_reason", end, COLUMN_END, COLUMN_FREE),
    COLUMN("status", status, COLUMN_TEXT, COLUMN_FREE),
    COLUMN("refusal_status", refusal_status, COLUMN_INT, COLUMN_FREE),
    COLUMN("refusal_type", refusal_type, COLUMN_TEXT, COLUMN_FREE),
    COLUMN("refusal_message", refusal_message, COLUMN_TEXT, COLUMN_FREE),
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

#define PARAMETER_LIVE     ((int)COLUMNS + 1)
#define PARAMETER_EXPECTED ((int)COLUMNS + 2) /* the row_version before */

/* --- the statements -----------------------------------------------------------------------------
 */

enum statement {
    GET_ROW,
    GET_LIVE,
    GET_KEY,
    GET_META,
    GET_STOP_DOUBT,
    GET_USAGE,
    LIST_BY_PROJECT,
    LIST_BY_LEASE,
    LIST_BY_TEAM,
    LIST_BY_STATE,
    READ_STATEMENTS, /* those before are prepared in every session, those after to write */
    BEGIN = READ_STATEMENTS,
    COMMIT,
    ROLLBACK,
    INSERT_ROW,
    UPDATE_FREE,
    UPDATE_MOVED,
    UPDATE_INDEXED,
    PUT_KEY,
    PUT_META,
    ADD_USAGE,
    INSERT_USAGE,
    FORGET_KEYS,
    FORGET_ROWS,
    ALL_STATEMENTS
};

#define FINISHED_ROWS                                                                              \
    "(SELECT number FROM reservation INDEXED BY reservation_finished"                              \
    " WHERE live = 0 AND keys_kept = 1 AND closed_ms < ?1 ORDER BY closed_ms LIMIT ?2)"

/* What a listing wants of a row: ?1 after that id, ?2 team, ?3 project, ?4 states, ?5 lease. */
#define WANTED                                                                                     \
    "r.live = 1 AND r.number > coalesce((SELECT number FROM reservation WHERE id = ?1), 0)"        \
    " AND (?2 IS NULL OR r.team = ?2) AND (?3 IS NULL OR r.project = ?3)"                          \
    " AND (?5 = 0 OR r.lease_end_ms <= ?5)"
#define WANTED_STATE " AND instr(?4, r.state || ' ') > 0"
#define BY_STATE(name)                                                                             \
    "SELECT @, r.number FROM reservation r INDEXED BY reservation_by_state"                        \
    " WHERE r.state = '" name "' AND instr(?4, '" name " ') > 0 AND " WANTED
#define IN_ORDER " ORDER BY number LIMIT ?6"

/* "@" stands for the list of a row's columns. INDEXED BY: a plan that needs a scan is an error. */
static const char *const statement_texts[ALL_STATEMENTS] = {
    [GET_ROW] = "SELECT @ FROM reservation r WHERE r.id = ?1",
    [GET_LIVE] = "SELECT @ FROM reservation r INDEXED BY reservation_live"
                 " WHERE r.live = 1 AND r.project = ?1 AND r.version = ?2",
    [GET_KEY] = "SELECT @, k.fingerprint FROM idempotency_key k"
                " JOIN reservation r ON r.number = k.reservation WHERE k.team = ?1 AND k.key = ?2",
    [GET_META] = "SELECT value FROM meta WHERE name = ?1",
    [GET_STOP_DOUBT] = "SELECT max(stop_doubt_ms) FROM reservation INDEXED BY reservation_doubt"
                       " WHERE stop_doubt_ms > 0 AND project = ?1 AND version = ?2",
    [GET_USAGE] = "SELECT scope, used_units, reserved_units, used_models, reserved_models"
                  " FROM balance WHERE scope IN (?1, ?2)",
    [LIST_BY_PROJECT] = "SELECT @, r.number FROM reservation r INDEXED BY reservation_live"
                        " WHERE r.project = ?3 AND " WANTED WANTED_STATE IN_ORDER,
    [LIST_BY_LEASE] = "SELECT @, r.number FROM reservation r INDEXED BY reservation_by_lease"
                      " WHERE r.lease_end_ms <= ?5 AND " WANTED WANTED_STATE IN_ORDER,
    [LIST_BY_TEAM] = "SELECT @, r.number FROM reservation r INDEXED BY reservation_by_team"
                     " WHERE r.team = ?2 AND " WANTED WANTED_STATE IN_ORDER,
    [LIST_BY_STATE] = BY_STATE("PENDING") " UNION ALL " BY_STATE(
        "UNCERTAIN") " UNION ALL " BY_STATE("ACTIVE") " UNION ALL " BY_STATE("STOPPING") IN_ORDER,
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PUT_KEY] = "INSERT INTO idempotency_key (team, key, fingerprint, reservation)"
                " SELECT ?1, ?2, ?3, number FROM reservation WHERE id = ?4"
                " ON CONFLICT (team, key) DO UPDATE"
                " SET fingerprint = excluded.fingerprint, reservation = excluded.reservation",
    [PUT_META] = "INSERT INTO meta (name, value) VALUES (?1, ?2)"
                 " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [ADD_USAGE] = "UPDATE balance SET used_units = used_units + ?2,"
                  " reserved_units = reserved_units + ?3, used_models = used_models + ?4,"
                  " reserved_models = reserved_models + ?5 WHERE scope = ?1",
    [INSERT_USAGE] = "INSERT INTO balance"
                     " (scope, used_units, reserved_units, used_models, reserved_models)"
                     " VALUES (?1, ?2, ?3, ?4, ?5)",
    [FORGET_KEYS] = "DELETE FROM idempotency_key WHERE reservation IN " FINISHED_ROWS,
    [FORGET_ROWS] = "UPDATE reservation SET keys_kept = 0 WHERE number IN " FINISHED_ROWS,
};

struct ledger_session {
    sqlite3 *db;
    sqlite3_stmt *statements[ALL_STATEMENTS];
};

/* Text that grows in a buffer of SQL_MAX bytes, which holds every statement (asserted by prepare).
 */
struct sql {
    char text[SQL_MAX];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void sql_add(struct sql *sql, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(sql->text + sql->len, SQL_MAX - sql->len, format, args);
    va_end(args);
    sql->len = len < 0 || (size_t)len >= SQL_MAX - sql->len ? SQL_MAX - 1 : sql->len + (size_t)len;
}

static void sql_select(struct sql *sql, const char *pattern)
{
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c != '@') {
            sql_add(sql, "%c", *c);
            continue;
        }
        for (size_t i = 0; i < COLUMNS; i++)
            sql_add(sql, "%sr.%s", i > 0 ? ", " : "", columns[i].name);
    }
}

static void sql_insert(struct sql *sql)
{
    sql_add(sql, "INSERT INTO reservation (");
    for (size_t i = 0; i < COLUMNS; i++)
        sql_add(sql, "%s, ", columns[i].name);
    sql_add(sql, "live) VALUES (");
    for (size_t i = 0; i < COLUMNS; i++)
        sql_add(sql, "?%zu, ", i + 1);
    sql_add(sql, "?%d)", PARAMETER_LIVE);
}

static void sql_update(struct sql *sql, enum column_change most)
{
    sql_add(sql, "UPDATE reservation SET ");
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].change != COLUMN_FIXED && columns[i].change <= most)
            sql_add(sql, "%s%s = ?%zu", i > COLUMN_ROW_VERSION ? ", " : "", columns[i].name, i + 1);
    }
    if (most == COLUMN_INDEXED)
        sql_add(sql, ", live = ?%d", PARAMETER_LIVE);
    sql_add(sql, " WHERE id = ?%d AND row_version = ?%d", COLUMN_ID + 1, PARAMETER_EXPECTED);
}

/* --- errors -------------------------------------------------------------------------------------
 */

static int fail(sqlite3 *db, const char *what, struct error *err)
{
    const int seen = sqlite3_extended_errcode(db);
    enum error_code code = ERROR_IO;

    if ((seen & 0xFF) == SQLITE_NOMEM)
        code = ERROR_NOMEM;
    else if ((seen & 0xFF) == SQLITE_CONSTRAINT)
        code = ERROR_INVALID;
    return error_set(err, code, "SQLite can't %s: %s (code %d)", what, sqlite3_errmsg(db), seen);
}

/* Steps a statement that returns no rows, and resets it. */
static int run(struct ledger_session *session, enum statement which, const char *what,
               struct error *err)
{
    sqlite3_stmt *statement = session->statements[which];
    const int stepped = sqlite3_step(statement);
    int code = 0;

    if (stepped != SQLITE_DONE)
        code = fail(session->db, what, err);
    sqlite3_reset(statement);
    return code;
}

/* Steps a query once: 0 = a row stands (reset is the caller's), ERROR_NOT_FOUND = there is none. */
static int first(struct ledger_session *session, enum statement which, const char *what,
                 struct error *err)
{
    sqlite3_stmt *statement = session->statements[which];
    const int stepped = sqlite3_step(statement);
    int code;

    if (stepped == SQLITE_ROW)
        return 0;
    code = stepped == SQLITE_DONE ? error_set(err, ERROR_NOT_FOUND, "the ledger has no such row")
                                  : fail(session->db, what, err);
    sqlite3_reset(statement);
    return code;
}

static void bind_text(sqlite3_stmt *statement, int parameter, const char *text)
{
    sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC);
}

/* --- rows ---------------------------------------------------------------------------------------
 */

static void bind_column(sqlite3_stmt *statement, int parameter, const struct column *column,
                        const struct reservation *row)
{
    const void *member = (const char *)row + column->offset;

    switch (column->type) {
    case COLUMN_TEXT:
        bind_text(statement, parameter, member);
        break;
    case COLUMN_INT64:
        sqlite3_bind_int64(statement, parameter, *(const int64_t *)member);
        break;
    case COLUMN_INT:
        sqlite3_bind_int(statement, parameter, *(const int *)member);
        break;
    case COLUMN_BOOL:
        sqlite3_bind_int(statement, parameter, *(const bool *)member);
        break;
    case COLUMN_BODY:
        sqlite3_bind_blob(statement, parameter, row->body, (int)row->body_len, SQLITE_STATIC);
        break;
    case COLUMN_STATE:
        bind_text(statement, parameter, reservation_state_name(row->state));
        break;
    case COLUMN_END:
        bind_text(statement, parameter, reservation_end_name(row->end));
        break;
    }
}

static bool copy_text(sqlite3_stmt *statement, int index, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(statement, index);
    const size_t len = (size_t)sqlite3_column_bytes(statement, index);

    if (text == NULL || len >= size)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static bool copy_body(sqlite3_stmt *statement, int index, struct reservation *row)
{
    const void *body = sqlite3_column_blob(statement, index);

    row->body_len = (size_t)sqlite3_column_bytes(statement, index);
    if (row->body_len > sizeof(row->body))
        return false;
    if (row->body_len > 0)
        memcpy(row->body, body, row->body_len);
    return true;
}

/* False when the value is none that we could have written. */
static bool read_column(sqlite3_stmt *statement, int index, const struct column *column,
                        struct reservation *row)
{
    void *member = (char *)row + column->offset;

    switch (column->type) {
    case COLUMN_TEXT:
        return copy_text(statement, index, member, column->size);
    case COLUMN_INT64:
        *(int64_t *)member = sqlite3_column_int64(statement, index);
        return true;
    case COLUMN_INT:
        *(int *)member = sqlite3_column_int(statement, index);
        return true;
    case COLUMN_BOOL:
        *(bool *)member = sqlite3_column_int(statement, index) != 0;
        return true;
    case COLUMN_BODY:
        return copy_body(statement, index, row);
    case COLUMN_STATE:
        return reservation_state_parse((const char *)sqlite3_column_text(statement, index),
                                       &row->state);
    case COLUMN_END:
        return reservation_end_parse((const char *)sqlite3_column_text(statement, index),
                                     &row->end);
    }
    return false;
}

static int read_row(sqlite3_stmt *statement, struct reservation *row, struct error *err)
{
    memset(row, 0, sizeof(*row));
    for (size_t i = 0; i < COLUMNS; i++) {
        if (!read_column(statement, (int)i, &columns[i], row))
            return error_set(err, ERROR_IO, "reservation %s has an unreadable %s: restore a backup",
                             row->id, columns[i].name);
    }
    return 0;
}

static int first_row(struct ledger_session *session, enum statement which, struct reservation *row,
                     struct error *err)
{
    int code = first(session, which, "read a reservation", err);

    if (code != 0)
        return code;
    code = read_row(session->statements[which], row, err);
    sqlite3_reset(session->statements[which]);
    return code;
}

/* --- reads --------------------------------------------------------------------------------------
 */

static int get_row(struct ledger_session *session, const char *id, struct reservation *out,
                   struct error *err)
{
    bind_text(session->statements[GET_ROW], 1, id);
    return first_row(session, GET_ROW, out, err);
}

static int get_live(struct ledger_session *session, const char *project, const char *version,
                    struct reservation *out, struct error *err)
{
    bind_text(session->statements[GET_LIVE], 1, project);
    bind_text(session->statements[GET_LIVE], 2, version);
    return first_row(session, GET_LIVE, out, err);
}

static int get_key(struct ledger_session *session, const char *team, const char *key,
                   struct ledger_key *out, struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_KEY];
    int code;

    bind_text(statement, 1, team);
    bind_text(statement, 2, key);
    code = first(session, GET_KEY, "look for a key", err);
    if (code != 0)
        return code;
    code = read_row(statement, &out->row, err);
    if (code == 0 && sqlite3_column_bytes(statement, (int)COLUMNS) != LEDGER_FINGERPRINT_LEN)
        code = error_set(err, ERROR_IO, "a key's fingerprint is unreadable: restore a backup");
    if (code == 0)
        memcpy(out->fingerprint, sqlite3_column_blob(statement, (int)COLUMNS),
               LEDGER_FINGERPRINT_LEN);
    sqlite3_reset(statement);
    return code;
}

static int get_meta(struct ledger_session *session, const char *name,
                    char value[LEDGER_META_MAX + 1], struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_META];
    int code;

    bind_text(statement, 1, name);
    code = first(session, GET_META, "read a setting", err);
    if (code != 0)
        return code;
    if (!copy_text(statement, 0, value, LEDGER_META_MAX + 1))
        code = error_set(err, ERROR_IO, "the ledger's %s is unreadable: restore a backup", name);
    sqlite3_reset(statement);
    return code;
}

static int get_stop_doubt(struct ledger_session *session, const char *project, const char *version,
                          int64_t *doubt_ms, struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_STOP_DOUBT];
    int code;

    bind_text(statement, 1, project);
    bind_text(statement, 2, version);
    code = first(session, GET_STOP_DOUBT, "look for a fence", err);
    if (code != 0)
        return code;
    *doubt_ms = sqlite3_column_int64(statement, 0); /* no row: NULL, which reads as 0 */
    sqlite3_reset(statement);
    return 0;
}

static int get_usage(struct ledger_session *session, const char *team, struct quota_usage *account,
                     struct quota_usage *of_team, struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_USAGE];
    int stepped, code = 0;

    memset(account, 0, sizeof(*account));
    if (team != NULL)
        memset(of_team, 0, sizeof(*of_team));
    bind_text(statement, 1, LEDGER_ACCOUNT_SCOPE);
    bind_text(statement, 2, team);
    while ((stepped = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *scope = (const char *)sqlite3_column_text(statement, 0);
        struct quota_usage *usage = strcmp(scope, LEDGER_ACCOUNT_SCOPE) == 0 ? account : of_team;

        usage->used_units = sqlite3_column_int64(statement, 1);
        usage->reserved_units = sqlite3_column_int64(statement, 2);
        usage->used_models = sqlite3_column_int64(statement, 3);
        usage->reserved_models = sqlite3_column_int64(statement, 4);
    }
    if (stepped != SQLITE_DONE)
        code = fail(session->db, "read a balance", err);
    sqlite3_reset(statement);
    return code;
}

/* The index that leaves the fewest rows to look at. */
static enum statement choose_list(const struct ledger_filter *filter)
{
    if (filter->project != NULL)
        return LIST_BY_PROJECT;
    if (filter->lease_before_ms != 0)
        return LIST_BY_LEASE;
    return filter->team != NULL ? LIST_BY_TEAM : LIST_BY_STATE;
}

/* "ACTIVE STOPPING ": the names of the live states in a set of bits, each with a blank behind. */
static void name_states(unsigned states, char out[LIVE_NAMES_SIZE])
{
    size_t len = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < RESERVATION_STATES; i++) {
        const enum reservation_state state = (enum reservation_state)i;

        if ((states == 0 || (states & (1U << i)) != 0) && reservation_state_is_live(state))
            len += (size_t)snprintf(out + len, LIVE_NAMES_SIZE - len, "%s ",
                                    reservation_state_name(state));
    }
}

static int list_live(struct ledger_session *session, const struct ledger_filter *filter,
                     const char *after_id, struct reservation *rows, size_t capacity, size_t *count,
                     struct error *err)
{
    sqlite3_stmt *statement = session->statements[choose_list(filter)];
    char states[LIVE_NAMES_SIZE];
    int stepped = SQLITE_DONE, code = 0;

    *count = 0;
    name_states(filter->states, states);
    bind_text(statement, 1, after_id);
    bind_text(statement, 2, filter->team);
    bind_text(statement, 3, filter->project);
    bind_text(statement, 4, states);
    sqlite3_bind_int64(statement, 5, filter->lease_before_ms);
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)capacity);
    while (code == 0 && (stepped = sqlite3_step(statement)) == SQLITE_ROW) {
        code = read_row(statement, &rows[*count], err);
        *count += code == 0;
    }
    if (code == 0 && stepped != SQLITE_DONE)
        code = fail(session->db, "list reservations", err);
    sqlite3_reset(statement);
    return code;
}

/* --- transactions and writes
 * ---------------------------------------------------------------------- */

static int begin(struct ledger_session *session, struct error *err)
{
    return run(session, BEGIN, "begin a transaction", err);
}

static int commit(struct ledger_session *session, struct error *err)
{
    return run(session, COMMIT, "commit", err);
}

static void rollback(struct ledger_session *session)
{
    struct error ignored;

    /* A full disk or an I/O error may have rolled back already: autocommit is on again then. */
    if (!sqlite3_get_autocommit(session->db))
        (void)run(session, ROLLBACK, "roll back", &ignored);
}

static int insert_row(struct ledger_session *session, const struct reservation *row,
                      struct error *err)
{
    sqlite3_stmt *statement = session->statements[INSERT_ROW];

    for (size_t i = 0; i < COLUMNS; i++)
        bind_column(statement, (int)i + 1, &columns[i], row);
    sqlite3_bind_int(statement, PARAMETER_LIVE, reservation_state_is_live(row->state));
    return run(session, INSERT_ROW, "insert a reservation", err);
}

static enum column_change change_needed(const struct reservation *before,
                                        const struct reservation *after)
{
    if (reservation_state_is_live(before->state) != reservation_state_is_live(after->state) ||
        before->lease_end_ms != after->lease_end_ms || before->closed_ms != after->closed_ms ||
        before->stop_doubt_ms != after->stop_doubt_ms)
        return COLUMN_INDEXED;
    return before->state != after->state ? COLUMN_MOVED : COLUMN_FREE;
}

static int update_row(struct ledger_session *session, const struct reservation *before,
                      const struct reservation *after, struct error *err)
{
    const enum column_change most = change_needed(before, after);
    const enum statement which = most == COLUMN_INDEXED ? UPDATE_INDEXED
                                 : most == COLUMN_MOVED ? UPDATE_MOVED
                                                        : UPDATE_FREE;
    sqlite3_stmt *statement = session->statements[which];
    int code;

    bind_column(statement, COLUMN_ID + 1, &columns[COLUMN_ID], after);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (columns[i].change != COLUMN_FIXED)
            bind_column(statement, (int)i + 1, &columns[i], after);
    }
    sqlite3_bind_int(statement, PARAMETER_LIVE, reservation_state_is_live(after->state));
    sqlite3_bind_int64(statement, PARAMETER_EXPECTED, before->row_version);
    code = run(session, which, "update a reservation", err);
    if (code == 0 && sqlite3_changes(session->db) != 1)
        code = error_set(err, ERROR_CONFLICT, "reservation %s is no longer at version %" PRId64,
                         after->id, before->row_version);
    return code;
}

static int put_key(struct ledger_session *session, const char *team, const char *key,
                   const unsigned char fingerprint[LEDGER_FINGERPRINT_LEN], const char *id,
                   struct error *err)
{
    sqlite3_stmt *statement = session->statements[PUT_KEY];

    bind_text(statement, 1, team);
    bind_text(statement, 2, key);
    sqlite3_bind_blob(statement, 3, fingerprint, LEDGER_FINGERPRINT_LEN, SQLITE_STATIC);
    bind_text(statement, 4, id);
    return run(session, PUT_KEY, "write a key", err);
}

static int put_meta(struct ledger_session *session, const char *name, const char *value,
                    struct error *err)
{
    bind_text(session->statements[PUT_META], 1, name);
    bind_text(session->statements[PUT_META], 2, value);
    return run(session, PUT_META, "write a setting", err);
}

static int change_usage(struct ledger_session *session, enum statement which, const char *scope,
                        const struct quota_usage *delta, struct error *err)
{
    sqlite3_stmt *statement = session->statements[which];

    bind_text(statement, 1, scope);
    sqlite3_bind_int64(statement, 2, delta->used_units);
    sqlite3_bind_int64(statement, 3, delta->reserved_units);
    sqlite3_bind_int64(statement, 4, delta->used_models);
    sqlite3_bind_int64(statement, 5, delta->reserved_models);
    return run(session, which, "change a balance", err);
}

static int add_usage(struct ledger_session *session, const char *scope,
                     const struct quota_usage *delta, struct error *err)
{
    const int code = change_usage(session, ADD_USAGE, scope, delta, err);

    if (code != 0 || sqlite3_changes(session->db) == 1)
        return code;
    return change_usage(session, INSERT_USAGE, scope, delta, err);
}

static int forget_keys(struct ledger_session *session, int64_t before_ms, size_t limit,
                       size_t *rows, size_t *keys, struct error *err)
{
    const enum statement steps[] = {FORGET_KEYS, FORGET_ROWS};
    size_t *const counts[] = {keys, rows};

    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *statement = session->statements[steps[i]];
        int code;

        sqlite3_bind_int64(statement, 1, before_ms);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit);
        code = run(session, steps[i], "forget keys", err);
        if (code != 0)
            return code;
        *counts[i] = (size_t)sqlite3_changes(session->db);
    }
    return 0;
}

/* --- sessions
 * ------------------------------------------------------------------------------------- */

/*
 * A checkpoint is the writer's own, after a commit that left the log at this many pages (16 MiB):
 * it copies each page once, however often it was written, so a longer log costs less altogether;
 * the limit is what one caller waits for it and what a restart has to read. A burst's log is cut
 * back.
 */
#define WAL_PAGES       "4096"
#define WAL_LIMIT_BYTES "33554432"
#define BUSY_MS         "2000" /* only for a stranger, such as sqlite3 in an administrator's shell */

struct pragma {
    const char *name, *value;
    const char *seen; /* what it must read afterwards */
};

static const struct pragma write_pragmas[] = {
    {"busy_timeout", BUSY_MS, BUSY_MS},
    {"journal_mode", "WAL", "wal"},
    {"synchronous", "FULL", "2"},
    {"foreign_keys", "ON", "1"},
    {"wal_autocheckpoint", WAL_PAGES, WAL_PAGES},
    {"journal_size_limit", WAL_LIMIT_BYTES, WAL_LIMIT_BYTES},
    {"cache_size", "-8192", "-8192"}, /* KiB */
    {NULL, NULL, NULL},
};

static const struct pragma read_pragmas[] = {
    {"busy_timeout", BUSY_MS, BUSY_MS},
    {"query_only", "ON", "1"},
    {"cache_size", "-256", "-256"}, /* KiB; behind it is the kernel's cache */
    {NULL, NULL, NULL},
};

/* Runs one statement and keeps the text of its first value ("" where there is none). */
static int ask(sqlite3 *db, const char *sql, char *value, size_t size, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int stepped, code = 0;

    value[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return fail(db, sql, err);
    stepped = sqlite3_step(statement);
    if (stepped == SQLITE_ROW && !copy_text(statement, 0, value, size))
        value[0] = '\0';
    else if (stepped != SQLITE_ROW && stepped != SQLITE_DONE)
        code = fail(db, sql, err);
    sqlite3_finalize(statement);
    return code;
}

static int apply_pragma(sqlite3 *db, const struct pragma *pragma, struct error *err)
{
    char sql[64], value[32];
    int code;

    snprintf(sql, sizeof(sql), "PRAGMA %s = %s", pragma->name, pragma->value);
    code = ask(db, sql, value, sizeof(value), err);
    if (code != 0)
        return code;
    snprintf(sql, sizeof(sql), "PRAGMA %s", pragma->name);
    code = ask(db, sql, value, sizeof(value), err);
    if (code == 0 && strcmp(value, pragma->seen) != 0)
        code = error_set(err, ERROR_IO,
                         "PRAGMA %s reads %s after it was set to %s: the ledger is not safe here "
                         "(a file system without shared memory?)",
                         pragma->name, value, pragma->value);
    return code;
}

/* A connection that is set up and checked, with nothing prepared. */
static int open_db(const char *path, enum ledger_access access, sqlite3 **out, struct error *err)
{
    const struct pragma *pragma = access == LEDGER_WRITE ? write_pragmas : read_pragmas;
    const int mode = access == LEDGER_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    sqlite3 *db = NULL;
    int code = 0;

    if (sqlite3_open_v2(path, &db, mode | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        code = db == NULL ? error_set(err, ERROR_NOMEM, "out of memory for SQLite")
                          : fail(db, "open the file", err);
    for (; code == 0 && pragma->name != NULL; pragma++)
        code = apply_pragma(db, pragma, err);
    /* A close writes nothing but in tidy(): rule 8 has to find the log as a crash would leave it.
     */
    if (code == 0 && sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK)
        code = fail(db, "configure the connection", err);
    if (code != 0)
        sqlite3_close(db);
    else
        *out = db;
    return code;
}

static void write_sql(enum statement which, struct sql *sql)
{
    if (which == INSERT_ROW)
        sql_insert(sql);
    else if (which == UPDATE_FREE)
        sql_update(sql, COLUMN_FREE);
    else if (which == UPDATE_MOVED)
        sql_update(sql, COLUMN_MOVED);
    else if (which == UPDATE_INDEXED)
        sql_update(sql, COLUMN_INDEXED);
    else
        sql_select(sql, statement_texts[which]);
}

static int prepare_all(struct ledger_session *session, enum ledger_access access, struct error *err)
{
    const int count = access == LEDGER_WRITE ? ALL_STATEMENTS : READ_STATEMENTS;

    for (int i = 0; i < count; i++) {
        struct sql sql = {.len = 0};

        write_sql((enum statement)i, &sql);
        assert(sql.len < SQL_MAX - 1);
        if (sqlite3_prepare_v3(session->db, sql.text, (int)sql.len + 1, SQLITE_PREPARE_PERSISTENT,
                               &session->statements[i], NULL) != SQLITE_OK)
            return fail(session->db, "prepare a statement", err);
    }
    return 0;
}

static void disconnect(struct ledger_session **session)
{
    struct ledger_session *s = *session;

    if (s == NULL)
        return;
    for (int i = 0; i < ALL_STATEMENTS; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    free(s);
    *session = NULL;
}

static int connect_session(struct ledger_store *store, enum ledger_access access,
                           struct ledger_session **out, struct error *err)
{
    struct ledger_session *session = calloc(1, sizeof(*session));
    int code;

    if (session == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for a session of the ledger");
    code = open_db(store->path, access, &session->db, err);
    if (code == 0)
        code = prepare_all(session, access, err);
    if (code != 0)
        disconnect(&session);
    *out = session;
    return code;
}

/* The close that follows moves the log into the database and removes it. */
static void tidy(struct ledger_session *session)
{
    sqlite3_db_config(session->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
}

/* --- the file
 * ------------------------------------------------------------------------------------- */

static int ask_number(sqlite3 *db, const char *sql, long *out, struct error *err)
{
    char value[32];
    const int code = ask(db, sql, value, sizeof(value), err);

    *out = strtol(value, NULL, 10);
    return code;
}

/* A file is a ledger by its application_id, or empty and about to become one. */
static int check_identity(const char *path, struct error *err)
{
    sqlite3 *db = NULL;
    long application = 0, objects = 0;
    int code;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        code = fail(db, "open the file", err);
    else
        code = ask_number(db, "PRAGMA application_id", &application, err);
    if (code == 0)
        code = ask_number(db, "SELECT count(*) FROM sqlite_schema", &objects, err);
    if (code != 0 && db != NULL && sqlite3_errcode(db) == SQLITE_NOTADB)
        code = error_set(err, ERROR_REFUSED,
                         "the file is not a SQLite database: name another, or move it away");
    if (code == 0 && application != LEDGER_SQLITE_APPLICATION_ID &&
        (application != 0 || objects != 0))
        code = error_set(err, ERROR_REFUSED,
                         "the file belongs to another program (application_id %ld, a ledger has "
                         "%d): name another",
                         application, LEDGER_SQLITE_APPLICATION_ID);
    sqlite3_close(db);
    return code;
}

static int apply_migration(sqlite3 *db, int version, struct error *err)
{
    char mark[96];

    snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             LEDGER_SQLITE_APPLICATION_ID, version);
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, ledger_sqlite_migrations[version - 1], NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, mark, NULL, NULL, NULL) != SQLITE_OK)
        return fail(db, "bring the schema up to date", err); /* closing rolls it back */
    return 0;
}

static int migrate(sqlite3 *db, struct error *err)
{
    long version = 0, newest = 0;
    int code = ask_number(db, "PRAGMA user_version", &version, err);

    while (ledger_sqlite_migrations[newest] != NULL)
        newest++;
    if (code == 0 && (version < 0 || version > newest))
        code = error_set(err, ERROR_REFUSED,
                         "its schema is version %ld, this program knows up to %ld: use the newer "
                         "program",
                         version, newest);
    for (; code == 0 && version < newest; version++)
        code = apply_migration(db, (int)version + 1, err);
    return code;
}

/* SQLite gives the log the mode of the database. The folder's entry must survive a power loss, too.
 */
static int create_file(const char *path, struct error *err)
{
    char folder[PATH_MAX];
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return error_set(err, ERROR_IO, "can't create it: %s", strerror(errno));
    close(fd);
    snprintf(folder, sizeof(folder), "%s", path);
    fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        error_set(err, ERROR_IO, "can't sync its folder: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERROR_IO;
    }
    close(fd);
    return 0;
}

static int prepare_file(const char *path, struct error *err)
{
    sqlite3 *db = NULL;
    int code = create_file(path, err);

    if (code == 0)
        code = check_identity(path, err);
    if (code == 0)
        code = open_db(path, LEDGER_WRITE, &db, err);
    if (code == 0)
        code = migrate(db, err);
    sqlite3_close(db);
    return code;
}

static void store_close(struct ledger_store **store)
{
    if (*store == NULL)
        return;
    if ((*store)->lock_fd >= 0)
        close((*store)->lock_fd);
    free(*store);
    *store = NULL;
}

int ledger_sqlite_open(const char *path, struct ledger_store **out, struct error *err)
{
    char lock_path[PATH_MAX];
    struct ledger_store *store;
    int code;

    if (strlen(path) + sizeof(".lock") > sizeof(store->path))
        return error_set(err, ERROR_INVALID, "the path is longer than %d bytes", PATH_MAX);
    store = calloc(1, sizeof(*store));
    if (store == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the ledger");
    store->lock_fd = -1;
    snprintf(store->path, sizeof(store->path), "%s", path);
    snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
    code = ledger_lock_take(lock_path, &store->lock_fd, err);
    if (code == 0)
        code = prepare_file(path, err);
    if (code != 0)
        store_close(&store);
    *out = store;
    return code;
}

const struct ledger_backend *ledger_sqlite_backend(void)
{
    static const struct ledger_backend backend = {
        .connect = connect_session,
        .disconnect = disconnect,
        .tidy = tidy,
        .close = store_close,
        .begin = begin,
        .commit = commit,
        .rollback = rollback,
        .get_row = get_row,
        .get_live = get_live,
        .get_key = get_key,
        .get_meta = get_meta,
        .get_stop_doubt = get_stop_doubt,
        .get_usage = get_usage,
        .list_live = list_live,
        .insert_row = insert_row,
        .update_row = update_row,
        .put_key = put_key,
        .put_meta = put_meta,
        .add_usage = add_usage,
        .forget_keys = forget_keys,
    };

    return &backend;
}
