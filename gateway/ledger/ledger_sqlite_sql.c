/* The statements of the SQLite ledger. */
#include "gateway/ledger/ledger_sqlite_sql.h"

#include "gateway/ledger/reservation.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#define COLUMN(name, member, type, change)                                                         \
    {                                                                                              \
        name, type, change, offsetof(struct reservation, member),                                  \
            sizeof(((struct reservation *)NULL)->member)                                           \
    }

const struct column ledger_sqlite_columns[COLUMNS] = {
    COLUMN("id", id, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("row_version", row_version, COLUMN_INT64, COLUMN_FREE),
    COLUMN("state", state, COLUMN_STATE, COLUMN_MOVED),
    COLUMN("origin", origin, COLUMN_ORIGIN, COLUMN_FIXED),
    COLUMN("team", team, COLUMN_TEXT, COLUMN_INDEXED),
    COLUMN("subject", subject, COLUMN_TEXT, COLUMN_INDEXED),
    COLUMN("project", project, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("version", version, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("min_units", min_units, COLUMN_INT64, COLUMN_FIXED),
    COLUMN("max_units", max_units, COLUMN_INT64, COLUMN_FIXED),
    COLUMN("units", units, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("client_token", client_token, COLUMN_TEXT, COLUMN_FIXED),
    COLUMN("body", body, COLUMN_BODY, COLUMN_FIXED),
    COLUMN("created_ms", created_ms, COLUMN_INT64, COLUMN_FIXED),
    COLUMN("lease_from_ms", lease_from_ms, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("lease_end_ms", lease_end_ms, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("worst_end_ms", worst_end_ms, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("warned_ms", warned_ms, COLUMN_INT64, COLUMN_FREE),
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
    COLUMN("ended_ms", ended_ms, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("closed_ms", closed_ms, COLUMN_INT64, COLUMN_INDEXED),
    COLUMN("end_reason", end, COLUMN_END, COLUMN_FREE),
    COLUMN("status", status, COLUMN_TEXT, COLUMN_FREE),
    COLUMN("refusal_status", refusal_status, COLUMN_INT, COLUMN_FREE),
    COLUMN("refusal_type", refusal_type, COLUMN_TEXT, COLUMN_FREE),
    COLUMN("refusal_message", refusal_message, COLUMN_TEXT, COLUMN_FREE),
};

#define FINISHED_ROWS                                                                              \
    "(SELECT number FROM reservation INDEXED BY reservation_finished"                              \
    " WHERE live = 0 AND keys_kept = 1 AND closed_ms < ?1 ORDER BY closed_ms LIMIT ?2)"

#define BALANCE(mark, parameter)                                                                   \
    "SELECT " mark ", used_units, reserved_units, used_models, reserved_models"                    \
    " FROM balance WHERE scope = " parameter

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
    [GET_ROW] = "SELECT @, r.number FROM reservation r WHERE r.id = ?1",
    [GET_LIVE] = "SELECT @, r.number FROM reservation r INDEXED BY reservation_live"
                 " WHERE r.live = 1 AND r.project = ?1 AND r.version = ?2",
    [GET_KEY] = "SELECT @, r.number, k.fingerprint FROM idempotency_key k"
                " JOIN reservation r ON r.number = k.reservation WHERE k.team = ?1 AND k.key = ?2",
    [GET_META] = "SELECT value FROM meta WHERE name = ?1",
    [GET_STOP_DOUBT] = "SELECT max(stop_doubt_ms) FROM reservation INDEXED BY reservation_doubt"
                       " WHERE stop_doubt_ms > 0 AND project = ?1 AND version = ?2",
    /* Two points in one statement are one instant; "scope IN" would build a table first. */
    [GET_USAGE] = BALANCE("0", "?1") " UNION ALL " BALANCE("1", "?2"),
    [GET_JOURNAL_HEAD] = "SELECT number, hash FROM journal ORDER BY number DESC LIMIT 1",
    /* The index has all columns: no row is looked up. */
    [LIVE_TIMES] = "SELECT team, units, created_ms, worst_end_ms"
                   " FROM reservation INDEXED BY reservation_by_team WHERE live = 1",
    [LIVE_TIMES_OF_TEAM] = "SELECT team, units, created_ms, worst_end_ms"
                           " FROM reservation INDEXED BY reservation_by_team"
                           " WHERE live = 1 AND team = ?1",
    [SUM_SETTLED] = "SELECT coalesce(sum(unit_ms), 0) FROM settled"
                    " WHERE scope = ?1 AND span = ?2 AND bucket >= ?3 AND bucket < ?4",
    [EACH_USED] =
        "SELECT team, project, version, subject, units, created_ms, ended_ms, live"
        " FROM reservation INDEXED BY reservation_by_team"
        " WHERE live = 1 AND created_ms < ?3 AND (?1 IS NULL OR team = ?1)"
        " UNION ALL SELECT team, project, version, subject, units, created_ms, ended_ms, live"
        " FROM reservation INDEXED BY reservation_ended"
        " WHERE live = 0 AND ended_ms > 0 AND ended_ms > ?2 AND created_ms < ?3"
        " AND state = 'CLOSED' AND (?1 IS NULL OR team = ?1)",
    [GET_FREEZE] = "SELECT team, reason, actor, since_ms FROM freeze"
                   " WHERE team = '' OR team = ?1 ORDER BY team LIMIT 1",
    [LIST_FREEZES] = "SELECT team, reason, actor, since_ms FROM freeze ORDER BY team LIMIT ?1",
    [EACH_ENTRY] = "SELECT number, hash, entry FROM journal WHERE number > ?1 ORDER BY number",
    [EACH_ROW] = "SELECT @ FROM reservation r ORDER BY r.number",
    [EACH_USAGE] = "SELECT scope, used_units, reserved_units, used_models, reserved_models"
                   " FROM balance ORDER BY scope",
    [EACH_SETTLED] = "SELECT scope, span, bucket, unit_ms FROM settled"
                     " ORDER BY scope, span, bucket",
    [BEGIN_SNAPSHOT] = "BEGIN",
    [END_SNAPSHOT] = "COMMIT",
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
    [FIND_NUMBER] = "SELECT number FROM reservation WHERE id = ?1",
    [PUT_KEY] = "INSERT INTO idempotency_key (team, key, fingerprint, reservation)"
                " VALUES (?1, ?2, ?3, ?4)"
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
    [APPEND_ENTRY] = "INSERT INTO journal (number, hash, entry) VALUES (?1, ?2, ?3)",
    [ADD_SETTLED] = "INSERT INTO settled (scope, span, bucket, unit_ms) VALUES (?1, ?2, ?3, ?4)"
                    " ON CONFLICT (scope, span, bucket)"
                    " DO UPDATE SET unit_ms = unit_ms + excluded.unit_ms",
    [TAKE_SETTLED] = "UPDATE settled SET unit_ms = unit_ms + ?4"
                     " WHERE scope = ?1 AND span = ?2 AND bucket = ?3",
    [PUT_FREEZE] = "INSERT INTO freeze (team, reason, actor, since_ms) VALUES (?1, ?2, ?3, ?4)"
                   " ON CONFLICT (team) DO UPDATE SET reason = excluded.reason,"
                   " actor = excluded.actor, since_ms = excluded.since_ms",
    [DELETE_FREEZE] = "DELETE FROM freeze WHERE team = ?1",
    [FORGET_KEYS] = "DELETE FROM idempotency_key WHERE reservation IN " FINISHED_ROWS,
    [FORGET_ROWS] = "UPDATE reservation SET keys_kept = 0 WHERE number IN " FINISHED_ROWS,
};

__attribute__((format(printf, 2, 3))) static void sql_add(struct ledger_sql *sql,
                                                          const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(sql->text + sql->len, LEDGER_SQL_MAX - sql->len, format, args);
    va_end(args);
    sql->len = len < 0 || (size_t)len >= LEDGER_SQL_MAX - sql->len ? LEDGER_SQL_MAX - 1
                                                                   : sql->len + (size_t)len;
}

static void sql_select(struct ledger_sql *sql, const char *pattern)
{
    for (const char *c = pattern; *c != '\0'; c++) {
        if (*c != '@') {
            sql_add(sql, "%c", *c);
            continue;
        }
        for (size_t i = 0; i < COLUMNS; i++)
            sql_add(sql, "%sr.%s", i > 0 ? ", " : "", ledger_sqlite_columns[i].name);
    }
}

static void sql_insert(struct ledger_sql *sql)
{
    sql_add(sql, "INSERT INTO reservation (");
    for (size_t i = 0; i < COLUMNS; i++)
        sql_add(sql, "%s, ", ledger_sqlite_columns[i].name);
    sql_add(sql, "live) VALUES (");
    for (size_t i = 0; i < COLUMNS; i++)
        sql_add(sql, "?%zu, ", i + 1);
    sql_add(sql, "?%d)", PARAMETER_LIVE);
}

static void sql_update(struct ledger_sql *sql, enum column_change most)
{
    sql_add(sql, "UPDATE reservation SET ");
    for (size_t i = 0; i < COLUMNS; i++) {
        if (ledger_sqlite_columns[i].change != COLUMN_FIXED &&
            ledger_sqlite_columns[i].change <= most)
            sql_add(sql, "%s%s = ?%zu", i > COLUMN_ROW_VERSION ? ", " : "",
                    ledger_sqlite_columns[i].name, i + 1);
    }
    if (most == COLUMN_INDEXED)
        sql_add(sql, ", live = ?%d", PARAMETER_LIVE);
    sql_add(sql, " WHERE number = ?%d AND id = ?%d AND row_version = ?%d", PARAMETER_NUMBER,
            COLUMN_ID + 1, PARAMETER_EXPECTED);
}

void ledger_sqlite_write_sql(enum statement which, struct ledger_sql *out)
{
    out->len = 0;
    if (which == INSERT_ROW)
        sql_insert(out);
    else if (which == UPDATE_FREE)
        sql_update(out, COLUMN_FREE);
    else if (which == UPDATE_MOVED)
        sql_update(out, COLUMN_MOVED);
    else if (which == UPDATE_INDEXED)
        sql_update(out, COLUMN_INDEXED);
    else
        sql_select(out, statement_texts[which]);
    assert(out->len < LEDGER_SQL_MAX - 1); /* so it was not cut */
}
