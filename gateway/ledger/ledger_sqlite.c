/* The SQLite backend: the statements of ledger_backend.h over connections that are proven safe. */
#include "gateway/ledger/ledger_sqlite.h"

#include "gateway/ledger/ledger_lock.h"
#include "gateway/ledger/ledger_sqlite_books.h"
#include "gateway/ledger/ledger_sqlite_file.h"
#include "gateway/ledger/ledger_sqlite_journal.h"
#include "gateway/ledger/ledger_sqlite_log.h"
#include "gateway/ledger/ledger_sqlite_row.h"
#include "gateway/ledger/ledger_sqlite_scan.h"
#include "gateway/ledger/ledger_sqlite_session.h"
#include "gateway/ledger/ledger_sqlite_sql.h"

#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIVE_NAMES_SIZE 64 /* "PENDING UNCERTAIN ACTIVE STOPPING " */

struct ledger_store {
    char path[PATH_MAX];
    int lock_fd;
};

/* --- rows ---------------------------------------------------------------------------------- */

static struct known_number *known_place(struct ledger_session *session, const char *id)
{
    return &session->known[reservation_hash_id(id) % LEDGER_SQLITE_KNOWN];
}

static void know_number(struct ledger_session *session, const char *id, sqlite3_int64 number)
{
    struct known_number *known = known_place(session, id);

    memcpy(known->id, id, sizeof(known->id));
    known->number = number;
}

static int find_number(struct ledger_session *session, const char *id, sqlite3_int64 *number,
                       struct error *err)
{
    sqlite3_stmt *statement = session->statements[FIND_NUMBER];
    const struct known_number *known = known_place(session, id);
    int code;

    if (strcmp(known->id, id) != 0) {
        ledger_sqlite_bind_text(statement, 1, id);
        code = ledger_sqlite_first(session, FIND_NUMBER, "look for a reservation", err);
        if (code != 0)
            return code;
        know_number(session, id, sqlite3_column_int64(statement, 0));
        sqlite3_reset(statement);
    }
    *number = known->number;
    return 0;
}

static int first_row(struct ledger_session *session, enum statement which, struct reservation *row,
                     struct error *err)
{
    int code = ledger_sqlite_first(session, which, "read a reservation", err);

    if (code != 0)
        return code;
    code = ledger_sqlite_read_row(session->statements[which], row, err);
    if (code == 0)
        know_number(session, row->id, sqlite3_column_int64(session->statements[which], COLUMNS));
    sqlite3_reset(session->statements[which]);
    return code;
}

/* --- reads --------------------------------------------------------------------------------- */

static int get_row(struct ledger_session *session, const char *id, struct reservation *out,
                   struct error *err)
{
    ledger_sqlite_bind_text(session->statements[GET_ROW], 1, id);
    return first_row(session, GET_ROW, out, err);
}

static int get_live(struct ledger_session *session, const char *project, const char *version,
                    struct reservation *out, struct error *err)
{
    ledger_sqlite_bind_text(session->statements[GET_LIVE], 1, project);
    ledger_sqlite_bind_text(session->statements[GET_LIVE], 2, version);
    return first_row(session, GET_LIVE, out, err);
}

static int get_key(struct ledger_session *session, const char *team, const char *key,
                   struct ledger_key *out, struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_KEY];
    int code;

    ledger_sqlite_bind_text(statement, 1, team);
    ledger_sqlite_bind_text(statement, 2, key);
    code = ledger_sqlite_first(session, GET_KEY, "look for a key", err);
    if (code != 0)
        return code;
    code = ledger_sqlite_read_row(statement, &out->row, err);
    if (code == 0 && sqlite3_column_bytes(statement, COLUMNS + 1) != LEDGER_FINGERPRINT_LEN)
        code = error_set(err, ERROR_IO, "a key's fingerprint is unreadable: restore a backup");
    if (code == 0)
        memcpy(out->fingerprint, sqlite3_column_blob(statement, COLUMNS + 1),
               LEDGER_FINGERPRINT_LEN);
    sqlite3_reset(statement);
    return code;
}

static int get_meta(struct ledger_session *session, const char *name,
                    char value[LEDGER_META_MAX + 1], struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_META];
    int code;

    ledger_sqlite_bind_text(statement, 1, name);
    code = ledger_sqlite_first(session, GET_META, "read a setting", err);
    if (code != 0)
        return code;
    if (!ledger_sqlite_copy_text(statement, 0, value, LEDGER_META_MAX + 1))
        code = error_set(err, ERROR_IO, "the ledger's %s is unreadable: restore a backup", name);
    sqlite3_reset(statement);
    return code;
}

static int get_stop_doubt(struct ledger_session *session, const char *project, const char *version,
                          int64_t *doubt_ms, struct error *err)
{
    sqlite3_stmt *statement = session->statements[GET_STOP_DOUBT];
    int code;

    ledger_sqlite_bind_text(statement, 1, project);
    ledger_sqlite_bind_text(statement, 2, version);
    code = ledger_sqlite_first(session, GET_STOP_DOUBT, "look for a fence", err);
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
    ledger_sqlite_bind_text(statement, 1, LEDGER_ACCOUNT_SCOPE);
    ledger_sqlite_bind_text(statement, 2, team);
    while ((stepped = sqlite3_step(statement)) == SQLITE_ROW) {
        struct quota_usage *usage = sqlite3_column_int(statement, 0) == 0 ? account : of_team;

        usage->used_units = sqlite3_column_int64(statement, 1);
        usage->reserved_units = sqlite3_column_int64(statement, 2);
        usage->used_models = sqlite3_column_int64(statement, 3);
        usage->reserved_models = sqlite3_column_int64(statement, 4);
    }
    if (stepped != SQLITE_DONE)
        code = ledger_sqlite_fail(session->db, "read a balance", err);
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
    ledger_sqlite_bind_text(statement, 1, after_id);
    ledger_sqlite_bind_text(statement, 2, filter->team);
    ledger_sqlite_bind_text(statement, 3, filter->project);
    ledger_sqlite_bind_text(statement, 4, states);
    sqlite3_bind_int64(statement, 5, filter->lease_before_ms);
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)capacity);
    while (code == 0 && (stepped = sqlite3_step(statement)) == SQLITE_ROW) {
        code = ledger_sqlite_read_row(statement, &rows[*count], err);
        *count += code == 0;
    }
    if (code == 0 && stepped != SQLITE_DONE)
        code = ledger_sqlite_fail(session->db, "list reservations", err);
    sqlite3_reset(statement);
    return code;
}

/* --- transactions and writes --------------------------------------------------------------- */

static int begin(struct ledger_session *session, bool durable, struct error *err)
{
    if (session->unsynced == durable) {
        const int code = ledger_sqlite_set_durable(session->db, durable, err);

        if (code != 0)
            return code;
        session->unsynced = !durable;
    }
    return ledger_sqlite_run(session, BEGIN, "begin a transaction", err);
}

static int commit(struct ledger_session *session, struct error *err)
{
    return ledger_sqlite_run(session, COMMIT, "commit", err);
}

static void rollback(struct ledger_session *session)
{
    struct error ignored;

    memset(session->known, 0, sizeof(session->known)); /* a number may become another's */
    /* A full disk or an I/O error may have rolled back already: autocommit is on again then. */
    if (!sqlite3_get_autocommit(session->db))
        (void)ledger_sqlite_run(session, ROLLBACK, "roll back", &ignored);
}

static int insert_row(struct ledger_session *session, const struct reservation *row,
                      struct error *err)
{
    sqlite3_stmt *statement = session->statements[INSERT_ROW];
    int code;

    for (size_t i = 0; i < COLUMNS; i++)
        ledger_sqlite_bind_column(statement, (int)i + 1, &ledger_sqlite_columns[i], row);
    sqlite3_bind_int(statement, PARAMETER_LIVE, reservation_state_is_live(row->state));
    code = ledger_sqlite_run(session, INSERT_ROW, "insert a reservation", err);
    if (code == 0)
        know_number(session, row->id, sqlite3_last_insert_rowid(session->db));
    return code;
}

static enum column_change change_needed(const struct reservation *before,
                                        const struct reservation *after)
{
    if (reservation_state_is_live(before->state) != reservation_state_is_live(after->state) ||
        strcmp(before->team, after->team) != 0 || before->units != after->units ||
        before->worst_end_ms != after->worst_end_ms ||
        before->lease_end_ms != after->lease_end_ms || before->closed_ms != after->closed_ms ||
        before->ended_ms != after->ended_ms || before->stop_doubt_ms != after->stop_doubt_ms)
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
    sqlite3_int64 number;
    int code = find_number(session, after->id, &number, err);

    if (code != 0)
        return code;
    ledger_sqlite_bind_column(statement, COLUMN_ID + 1, &ledger_sqlite_columns[COLUMN_ID], after);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (ledger_sqlite_columns[i].change != COLUMN_FIXED)
            ledger_sqlite_bind_column(statement, (int)i + 1, &ledger_sqlite_columns[i], after);
    }
    sqlite3_bind_int(statement, PARAMETER_LIVE, reservation_state_is_live(after->state));
    sqlite3_bind_int64(statement, PARAMETER_EXPECTED, before->row_version);
    sqlite3_bind_int64(statement, PARAMETER_NUMBER, number);
    code = ledger_sqlite_run(session, which, "update a reservation", err);
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
    sqlite3_int64 number;
    const int code = find_number(session, id, &number, err);

    if (code != 0)
        return code;
    ledger_sqlite_bind_text(statement, 1, team);
    ledger_sqlite_bind_text(statement, 2, key);
    sqlite3_bind_blob(statement, 3, fingerprint, LEDGER_FINGERPRINT_LEN, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, number);
    return ledger_sqlite_run(session, PUT_KEY, "write a key", err);
}

static int put_meta(struct ledger_session *session, const char *name, const char *value,
                    struct error *err)
{
    ledger_sqlite_bind_text(session->statements[PUT_META], 1, name);
    ledger_sqlite_bind_text(session->statements[PUT_META], 2, value);
    return ledger_sqlite_run(session, PUT_META, "write a setting", err);
}

static int change_usage(struct ledger_session *session, enum statement which, const char *scope,
                        const struct quota_usage *delta, struct error *err)
{
    sqlite3_stmt *statement = session->statements[which];

    ledger_sqlite_bind_text(statement, 1, scope);
    sqlite3_bind_int64(statement, 2, delta->used_units);
    sqlite3_bind_int64(statement, 3, delta->reserved_units);
    sqlite3_bind_int64(statement, 4, delta->used_models);
    sqlite3_bind_int64(statement, 5, delta->reserved_models);
    return ledger_sqlite_run(session, which, "change a balance", err);
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
        code = ledger_sqlite_run(session, steps[i], "forget keys", err);
        if (code != 0)
            return code;
        *counts[i] = (size_t)sqlite3_changes(session->db);
    }
    return 0;
}

/* --- sessions ------------------------------------------------------------------------------ */

static int prepare_all(struct ledger_session *session, enum ledger_access access, struct error *err)
{
    const int count = access == LEDGER_WRITE ? ALL_STATEMENTS : READ_STATEMENTS;

    for (int i = 0; i < count; i++) {
        struct ledger_sql sql;

        ledger_sqlite_write_sql((enum statement)i, &sql);
        if (sqlite3_prepare_v3(session->db, sql.text, (int)sql.len + 1, SQLITE_PREPARE_PERSISTENT,
                               &session->statements[i], NULL) != SQLITE_OK)
            return ledger_sqlite_fail(session->db, "prepare a statement", err);
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
    code = ledger_sqlite_connect(store->path, access, &session->db, err);
    if (code == 0)
        code = prepare_all(session, access, err);
    if (code != 0)
        disconnect(&session);
    *out = session;
    return code;
}

static int settle_log(struct ledger_session *session, struct error *err)
{
    return ledger_sqlite_settle_log(session->db, err);
}

static int touch(struct ledger_session *session, struct error *err)
{
    return ledger_sqlite_touch(session->db, err);
}

static void tidy(struct ledger_session *session)
{
    ledger_sqlite_allow_checkpoint_on_close(session->db);
}

static int make_store(const char *path, struct ledger_store **out, struct error *err)
{
    *out = NULL;
    if (strlen(path) + sizeof(".lock") > sizeof((*out)->path))
        return error_set(err, ERROR_INVALID, "the path is longer than %d bytes", PATH_MAX);
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the ledger");
    (*out)->lock_fd = -1;
    snprintf((*out)->path, sizeof((*out)->path), "%s", path);
    return 0;
}

static int set_gap(struct ledger_store *store, bool gap, struct error *err)
{
    return ledger_lock_set_mark(store->lock_fd, gap, err);
}

static bool has_gap(const struct ledger_store *store)
{
    return ledger_lock_has_mark(store->lock_fd);
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
    int code = make_store(path, &store, err);

    *out = NULL;
    if (code != 0)
        return code;
    snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
    code = ledger_lock_take(lock_path, &store->lock_fd, err);
    if (code == 0)
        code = ledger_sqlite_prepare_file(path, err);
    if (code != 0)
        store_close(&store);
    *out = store;
    return code;
}

int ledger_sqlite_open_to_read(const char *path, struct ledger_store **out, struct error *err)
{
    int code = make_store(path, out, err);

    if (code == 0)
        code = ledger_sqlite_check_file(path, err);
    if (code != 0)
        store_close(out);
    return code;
}

const struct ledger_backend *ledger_sqlite_backend(void)
{
    static const struct ledger_backend backend = {
        .connect = connect_session,
        .disconnect = disconnect,
        .tidy = tidy,
        .set_gap = set_gap,
        .has_gap = has_gap,
        .close = store_close,
        .begin = begin,
        .commit = commit,
        .settle_log = settle_log,
        .touch = touch,
        .rollback = rollback,
        .begin_snapshot = ledger_sqlite_begin_snapshot,
        .end_snapshot = ledger_sqlite_end_snapshot,
        .get_row = get_row,
        .get_live = get_live,
        .get_key = get_key,
        .get_meta = get_meta,
        .get_stop_doubt = get_stop_doubt,
        .get_usage = get_usage,
        .each_live_time = ledger_sqlite_each_live_time,
        .sum_settled = ledger_sqlite_sum_settled,
        .each_entry = ledger_sqlite_each_entry,
        .each_row = ledger_sqlite_each_row,
        .each_usage = ledger_sqlite_each_usage,
        .each_settled = ledger_sqlite_each_settled,
        .each_used = ledger_sqlite_each_used,
        .get_freeze = ledger_sqlite_get_freeze,
        .list_freezes = ledger_sqlite_list_freezes,
        .get_journal_head = ledger_sqlite_get_journal_head,
        .list_live = list_live,
        .insert_row = insert_row,
        .update_row = update_row,
        .put_key = put_key,
        .put_meta = put_meta,
        .add_usage = add_usage,
        .add_settled = ledger_sqlite_add_settled,
        .put_freeze = ledger_sqlite_put_freeze,
        .delete_freeze = ledger_sqlite_delete_freeze,
        .append_entry = ledger_sqlite_append_entry,
        .forget_keys = forget_keys,
    };

    return &backend;
}
