/* How the SQLite ledger's file is made, recognised, brought up to date and opened. */
#include "gateway/ledger/ledger_sqlite_file.h"

#include "gateway/base/crash_point.h"
#include "gateway/ledger/ledger_sqlite_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALUE_MAX 32 /* of what a PRAGMA answers, with its NUL */

int ledger_sqlite_fail(sqlite3 *db, const char *what, struct error *err)
{
    const int seen = sqlite3_extended_errcode(db);
    enum error_code code = ERROR_IO;

    if ((seen & 0xFF) == SQLITE_NOMEM)
        code = ERROR_NOMEM;
    else if ((seen & 0xFF) == SQLITE_CONSTRAINT)
        code = ERROR_INVALID;
    return error_set(err, code, "SQLite can't %s: %s (code %d)", what, sqlite3_errmsg(db), seen);
}

/* --- connections --------------------------------------------------------------------------- */

#define TEXT_OF(number)  TEXT_AS_IS(number)
#define TEXT_AS_IS(text) #text

/*
 * A checkpoint is the writer's own, after a commit that left the log at this many pages (16 MiB):
 * it copies each page once, however often it was written, so a longer log costs less altogether;
 * the limit is what one caller waits for it and what a restart has to read. A burst's log is cut
 * back.
 */
#define WAL_PAGES       4096
#define WAL_PAGES_TEXT  TEXT_OF(WAL_PAGES)
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
    {"wal_autocheckpoint", WAL_PAGES_TEXT, WAL_PAGES_TEXT},
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
static int ask(sqlite3 *db, const char *sql, char value[VALUE_MAX], struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int stepped, code = 0;

    value[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return ledger_sqlite_fail(db, sql, err);
    stepped = sqlite3_step(statement);
    if (stepped == SQLITE_ROW)
        snprintf(value, VALUE_MAX, "%s", (const char *)sqlite3_column_text(statement, 0));
    else if (stepped != SQLITE_DONE)
        code = ledger_sqlite_fail(db, sql, err);
    sqlite3_finalize(statement);
    return code;
}

static int apply_pragma(sqlite3 *db, const struct pragma *pragma, struct error *err)
{
    char sql[64], value[VALUE_MAX];
    int code;

    snprintf(sql, sizeof(sql), "PRAGMA %s = %s", pragma->name, pragma->value);
    code = ask(db, sql, value, err);
    if (code != 0)
        return code;
    snprintf(sql, sizeof(sql), "PRAGMA %s", pragma->name);
    code = ask(db, sql, value, err);
    if (code == 0 && strcmp(value, pragma->seen) != 0)
        code = error_set(err, ERROR_IO,
                         "PRAGMA %s reads %s after it was set to %s: the ledger is not safe here "
                         "(a file system without shared memory?)",
                         pragma->name, value, pragma->value);
    return code;
}

/* A connection that is set up and checked, with nothing prepared. */
int ledger_sqlite_connect(const char *path, enum ledger_access access, sqlite3 **out,
                          struct error *err)
{
    const struct pragma *pragma = access == LEDGER_WRITE ? write_pragmas : read_pragmas;
    const int mode = access == LEDGER_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    sqlite3 *db = NULL;
    int code = 0;

    if (sqlite3_open_v2(path, &db, mode | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        code = db == NULL ? error_set(err, ERROR_NOMEM, "out of memory for SQLite")
                          : ledger_sqlite_fail(db, "open the file", err);
    for (; code == 0 && pragma->name != NULL; pragma++)
        code = apply_pragma(db, pragma, err);
    /* A close writes nothing but in a clean end: rule 8 has to find the log as a crash would leave
     * it.
     */
    if (code == 0 && sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK)
        code = ledger_sqlite_fail(db, "configure the connection", err);
    if (code != 0)
        sqlite3_close(db);
    else
        *out = db;
    return code;
}

/*
 * NORMAL leaves out the sync of a commit. A sync covers the whole log, so the next FULL commit
 * makes durable what came before it. No checkpoint follows a NORMAL commit: SQLite's own drops the
 * result of its sync of the log, and a FULL commit behind one that failed would not be durable.
 */
int ledger_sqlite_set_durable(sqlite3 *db, bool durable, struct error *err)
{
    static const struct pragma full = {"synchronous", "FULL", "2"};
    static const struct pragma normal = {"synchronous", "NORMAL", "1"};

    if (sqlite3_wal_autocheckpoint(db, durable ? WAL_PAGES : 0) != SQLITE_OK)
        return ledger_sqlite_fail(db, "set when its log is moved into the database", err);
    return apply_pragma(db, durable ? &full : &normal, err);
}

void ledger_sqlite_allow_checkpoint_on_close(sqlite3 *db)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
}

/* --- the file ------------------------------------------------------------------------------ */

static int ask_number(sqlite3 *db, const char *sql, long *out, struct error *err)
{
    char value[VALUE_MAX];
    const int code = ask(db, sql, value, err);

    *out = strtol(value, NULL, 10);
    return code;
}

/* A file is a ledger by its application_id, or empty and about to become one. */
static int check_identity(const char *path, int mode, struct error *err)
{
    sqlite3 *db = NULL;
    long application = 0, objects = 0;
    int code;

    if (sqlite3_open_v2(path, &db, mode | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        code = ledger_sqlite_fail(db, "open the file", err);
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

static int apply_migration(sqlite3 *db, long step, struct error *err)
{
    char mark[96];

    snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %ld; COMMIT",
             LEDGER_SQLITE_APPLICATION_ID, LEDGER_SQLITE_FIRST_VERSION + step);
    CRASH_POINT(LEDGER_MIGRATION_BEFORE);
    if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, ledger_sqlite_migrations[step], NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, mark, NULL, NULL, NULL) != SQLITE_OK)
        return ledger_sqlite_fail(db, "bring the schema up to date",
                                  err); /* closing rolls it back */
    CRASH_POINT(LEDGER_MIGRATED);
    return 0;
}

static long newest_version(void)
{
    long newest = LEDGER_SQLITE_FIRST_VERSION;

    while (ledger_sqlite_migrations[newest - LEDGER_SQLITE_FIRST_VERSION + 1] != NULL)
        newest++;
    return newest;
}

static int migrate(sqlite3 *db, struct error *err)
{
    const long newest = newest_version();
    long version = 0, step;
    int code = ask_number(db, "PRAGMA user_version", &version, err);

    if (code == 0 && version > 0 && version < LEDGER_SQLITE_FIRST_VERSION)
        code = error_set(err, ERROR_REFUSED,
                         "its schema is version %ld, of a program that was never released: this "
                         "one knows version %d to %ld and begins with an empty ledger; move the "
                         "file away once every model of it is stopped",
                         version, LEDGER_SQLITE_FIRST_VERSION, newest);
    else if (code == 0 && (version < 0 || version > newest))
        code = error_set(err, ERROR_REFUSED,
                         "its schema is version %ld, this program knows up to %ld: use the newer "
                         "program",
                         version, newest);
    step = version == 0 ? 0 : version - LEDGER_SQLITE_FIRST_VERSION + 1;
    for (; code == 0 && ledger_sqlite_migrations[step] != NULL; step++)
        code = apply_migration(db, step, err);
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

/*
 * SQLite counts its memory under one mutex of the process, which the writer and all readers would
 * take at every allocation; nobody reads that count. Refused once SQLite is in use: no harm then.
 */
static void configure_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int ledger_sqlite_prepare_file(const char *path, struct error *err)
{
    static pthread_once_t configured = PTHREAD_ONCE_INIT;
    sqlite3 *db = NULL;
    int code;

    pthread_once(&configured, configure_library);
    code = create_file(path, err);
    CRASH_POINT(LEDGER_FILE_CREATED);
    if (code == 0)
        code = check_identity(path, SQLITE_OPEN_READWRITE, err);
    if (code == 0)
        code = ledger_sqlite_connect(path, LEDGER_WRITE, &db, err);
    if (code == 0)
        code = migrate(db, err);
    sqlite3_close(db);
    return code;
}

int ledger_sqlite_check_file(const char *path, struct error *err)
{
    sqlite3 *db = NULL;
    long version = 0;
    int code;

    if (access(path, R_OK) != 0)
        return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "can't read it: %s",
                         strerror(errno));
    code = check_identity(path, SQLITE_OPEN_READONLY, err);
    if (code == 0)
        code = ledger_sqlite_connect(path, LEDGER_READ, &db, err);
    if (code == 0)
        code = ask_number(db, "PRAGMA user_version", &version, err);
    if (code == 0 && version != newest_version())
        code = error_set(err, ERROR_REFUSED,
                         "its schema is version %ld, this program reads version %ld: open it once "
                         "with the gateway of this version, or use the program that made it",
                         version, newest_version());
    sqlite3_close(db);
    return code;
}

/* --- copies -------------------------------------------------------------------------------- */

/* All pages in one step: within one read transaction, so that no writer makes it begin anew. */
static int copy_pages(sqlite3 *from, sqlite3 *to, struct error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int stepped;

    if (backup == NULL)
        return ledger_sqlite_fail(to, "begin a copy", err);
    stepped = sqlite3_backup_step(backup, -1);
    if (sqlite3_backup_finish(backup) != SQLITE_OK || stepped != SQLITE_DONE)
        return ledger_sqlite_fail(to, "copy the ledger", err);
    return 0;
}

int ledger_sqlite_copy_file(const char *from, const char *to, struct error *err)
{
    char mode[VALUE_MAX];
    sqlite3 *source = NULL, *copy = NULL;
    int code = ledger_sqlite_connect(from, LEDGER_READ, &source, err);

    if (code == 0 &&
        sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        code = ledger_sqlite_fail(copy, "open the copy", err);
    if (code == 0)
        code = copy_pages(source, copy, err);
    /* The copied header says WAL; a copy is one file. Whoever opens it as a ledger sets WAL again.
     */
    if (code == 0)
        code = ask(copy, "PRAGMA journal_mode = DELETE", mode, err);
    if (code == 0 && strcmp(mode, "delete") != 0)
        code = error_set(err, ERROR_IO, "the copy keeps journal_mode %s, expected delete", mode);
    sqlite3_close(copy);
    sqlite3_close(source);
    return code;
}
