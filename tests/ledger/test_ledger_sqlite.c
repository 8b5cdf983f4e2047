/* What only the SQLite backend promises: the file, whose it is, and a disk that refuses. */
#include "gateway/ledger/ledger_sqlite_schema.h"
#include "tests/ledger/place_sqlite.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the disk: how much of each log was synced; SQLite calls these ------------------------- */

static off_t synced_wal_bytes;

static int sync_and_note(int number, int fd)
{
    char link[40], path[160];
    struct stat status;
    ssize_t len;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    if (len > 4 && strcmp(path + len - 4, "-wal") == 0 && fstat(fd, &status) == 0)
        synced_wal_bytes = status.st_size;
    return (int)syscall(number, fd);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): of the C library */
int fdatasync(int fd)
{
    return sync_and_note(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_and_note(SYS_fsync, fd);
}

/* ------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
    static const struct ledger_contract sqlite = {.open = place_open};
    static struct contract_fixture fixture;

    fixture = (struct contract_fixture){.contract = &sqlite, .place = place_make()};
    *state = &fixture;
    return fixture.place == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct contract_fixture *fixture = *state;

    ledger_close(&fixture->ledger);
    place_destroy(&fixture->place);
    return 0;
}

/* Runs SQL in a connection of its own, as another program would. */
static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(db);
}

static void check_refused(struct contract_fixture *fixture, const char *word)
{
    struct error err = {0};

    assert_int_equal(
        place_open(fixture->place, CONTRACT_ENDPOINT, CONTRACT_REGION, &fixture->ledger, &err),
        ERROR_REFUSED);
    assert_null(fixture->ledger);
    if (strstr(err.message, word) == NULL)
        fail_msg("no '%s' in: %s", word, err.message);
    assert_non_null(strstr(err.message, fixture->place->path));
}

static void test_file(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    struct contract_fixture *fixture = *state;
    unsigned char header[20];
    struct stat status;
    char path[128];
    int fd;

    contract_open(fixture);
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", fixture->place->path, suffixes[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    ledger_close(&fixture->ledger);
    snprintf(path, sizeof(path), "%s-wal", fixture->place->path);
    assert_int_not_equal(stat(path, &status), 0); /* a clean close leaves one file */
    fd = open(fixture->place->path, O_RDONLY);
    assert_int_equal(read(fd, header, sizeof(header)), sizeof(header));
    close(fd);
    assert_int_equal(header[18], 2); /* file format: WAL */
    assert_int_equal(header[19], 2);
}

static void test_foreign_files(void **state)
{
    struct contract_fixture *fixture = *state;
    int fd = open(fixture->place->path, O_WRONLY | O_CREAT, 0600);

    assert_int_equal(write(fd, "this is no database, but it is long enough", 42), 42);
    close(fd);
    check_refused(fixture, "not a SQLite database");
    unlink(fixture->place->path);
    run_sql(fixture->place->path, "CREATE TABLE invoices (id INTEGER)");
    check_refused(fixture, "another program");
    unlink(fixture->place->path);
    run_sql(fixture->place->path, "PRAGMA application_id = 7");
    check_refused(fixture, "another program");
}

static void test_other_schemas(void **state)
{
    struct contract_fixture *fixture = *state;

    contract_open(fixture);
    ledger_close(&fixture->ledger);
    run_sql(fixture->place->path, "PRAGMA user_version = 77");
    check_refused(fixture, "77");
    run_sql(fixture->place->path, "PRAGMA user_version = 2");
    check_refused(fixture, "never released");
    run_sql(fixture->place->path, "PRAGMA user_version = 3");
    contract_open(fixture);
}

static void test_holder_is_named(void **state)
{
    struct contract_fixture *fixture = *state;
    struct ledger *second = NULL;
    struct error err = {0};
    char pid[24];

    contract_open(fixture);
    assert_int_equal(place_open(fixture->place, CONTRACT_ENDPOINT, CONTRACT_REGION, &second, &err),
                     ERROR_REFUSED);
    snprintf(pid, sizeof(pid), "id %ld ", (long)getpid());
    assert_non_null(strstr(err.message, pid));
}

static void test_missing_folder(void **state)
{
    struct contract_fixture *fixture = *state;
    const struct ledger_settings settings = {
        .path = "/nonexistent/ledger", .endpoint = "e", .region = "r"};
    struct error err = {0};

    assert_int_equal(ledger_open(&settings, &fixture->ledger, &err), ERROR_IO);
    assert_non_null(strstr(err.message, "/nonexistent/ledger"));
}

static void test_balance_never_negative(void **state)
{
    struct contract_fixture *fixture = *state;
    struct reservation row, found;
    struct error err;

    contract_open(fixture);
    row = contract_row_in(fixture->ledger, "red", "boards", 2, RESERVATION_ACTIVE);
    run_sql(fixture->place->path, "UPDATE balance SET used_units = 1 WHERE scope = 'red'");
    contract_move(fixture->ledger, &row, RESERVATION_CLOSED, ERROR_INVALID);
    /* The row was written before its balance was refused: both are undone. */
    assert_int_equal(ledger_get(fixture->ledger, row.id, &found, &err), 0);
    assert_int_equal(found.state, RESERVATION_ACTIVE);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[65536];
    ssize_t len;
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(in >= 0 && out >= 0);
    while ((len = read(in, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(out, bytes, (size_t)len), len);
    close(out);
    close(in);
}

/* Opens a ledger on database and log as they are now, or, after a loss of power, were synced. */
static void open_copy(const struct contract_fixture *fixture, struct contract_fixture *copy,
                      bool power_lost)
{
    char from[128], to[128];

    copy_file(fixture->place->path, copy->place->path);
    snprintf(from, sizeof(from), "%s-wal", fixture->place->path);
    snprintf(to, sizeof(to), "%s-wal", copy->place->path);
    copy_file(from, to);
    if (power_lost)
        assert_int_equal(truncate(to, synced_wal_bytes), 0);
    contract_open(copy);
}

static void check_state(const struct contract_fixture *copy, const char *id,
                        enum reservation_state expected)
{
    struct reservation found;
    struct error err;

    assert_int_equal(ledger_get(copy->ledger, id, &found, &err), 0);
    assert_int_equal(found.state, expected);
    contract_check_balances(copy->ledger, (const char *const[]){"red", NULL});
}

/* A start that was settled without a sync: the process's death changes nothing, the loss of power
 * makes it PENDING again, unless anything durable came after it. */
static void test_settle_and_the_loss_of_power(void **state)
{
    struct contract_fixture *fixture = *state;
    struct contract_fixture copy = {.contract = fixture->contract, .place = place_make()};
    struct reservation row, second;
    struct error err;
    off_t synced;

    contract_open(fixture);
    row = contract_row_in(fixture->ledger, "red", "boards", 1, RESERVATION_PENDING);
    synced = synced_wal_bytes;
    row.state = RESERVATION_ACTIVE;
    assert_int_equal(ledger_settle(fixture->ledger, &row, &contract_cause, &err), 0);
    assert_int_equal(synced_wal_bytes, synced);
    for (int power_lost = 0; power_lost < 2; power_lost++) {
        synced = synced_wal_bytes;
        open_copy(fixture, &copy, power_lost == 1);
        check_state(&copy, row.id, power_lost ? RESERVATION_PENDING : RESERVATION_ACTIVE);
        ledger_close(&copy.ledger);
        synced_wal_bytes = synced; /* the copy has a log, too */
    }
    second = contract_row_in(fixture->ledger, "red", "solder", 1, RESERVATION_PENDING);
    open_copy(fixture, &copy, true);
    check_state(&copy, row.id, RESERVATION_ACTIVE);
    check_state(&copy, second.id, RESERVATION_PENDING);
    ledger_close(&copy.ledger);
    place_destroy(&copy.place);
}

/* Database and log as a crash leaves them, between any two acknowledgements. */
static void test_copies_keep_all(void **state)
{
    struct contract_fixture *fixture = *state;
    struct contract_fixture copy = {.contract = fixture->contract, .place = place_make()};
    char ids[24][RESERVATION_ID_LEN + 1];
    char project[32];
    struct reservation found;
    struct error err;

    contract_open(fixture);
    for (int i = 0; i < 24; i++) {
        snprintf(project, sizeof(project), "boards-%d", i);
        memcpy(ids[i], contract_row_in(fixture->ledger, "red", project, 1, RESERVATION_ACTIVE).id,
               sizeof(ids[i]));
        open_copy(fixture, &copy, false);
        for (int k = 0; k <= i; k++) {
            assert_int_equal(ledger_get(copy.ledger, ids[k], &found, &err), 0);
            assert_int_equal(found.state, RESERVATION_ACTIVE);
        }
        contract_check_balances(copy.ledger, (const char *const[]){"red", NULL});
        ledger_close(&copy.ledger);
    }
    place_destroy(&copy.place);
}

/* --- a disk that refuses: RLIMIT_FSIZE in a child, so that writes fail with EFBIG ---------- */

#define GROWN   64 /* rows before the limit */
#define REFUSED 8  /* rows under it */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Whether the next reservation came through; when not, that it is told truly. */
static bool try_one(struct ledger *ledger, int number)
{
    struct ledger_reserve_result result;
    struct ledger_reserve request;
    struct reservation row, found;
    struct error err;
    char project[32];
    int code;

    snprintf(project, sizeof(project), "boards-%d", number);
    row = contract_row("red", project, 1);
    request = contract_request(&row, NULL, 0);
    code = ledger_reserve(ledger, &request, &result, &err);
    assert_int_equal(ledger_is_writable(ledger), code == 0);
    if (code == ERROR_RETRY)
        assert_int_equal(ledger_get(ledger, row.id, &found, &err), ERROR_NOT_FOUND);
    else
        assert_true(code == 0 || code == ERROR_UNCERTAIN);
    return code == 0;
}

static void fill_the_disk(struct contract_fixture *fixture, bool shrink)
{
    struct quota_usage account;
    struct error err;
    struct stat status;
    char wal[128];
    int64_t held = GROWN;

    signal(SIGXFSZ, SIG_IGN);
    contract_open(fixture);
    for (int i = 0; i < GROWN; i++)
        assert_true(try_one(fixture->ledger, i));
    snprintf(wal, sizeof(wal), "%s-wal", fixture->place->path);
    assert_int_equal(stat(wal, &status), 0);
    /* Either not a byte fits any more, or the first pages of a commit do and the rest doesn't. */
    limit_files((rlim_t)status.st_size + (shrink ? 0 : 6000));
    for (int i = 0; i < REFUSED; i++)
        assert_false(try_one(fixture->ledger, GROWN + i));
    limit_files(RLIM_INFINITY);
    assert_true(try_one(fixture->ledger, 2 * GROWN));
    held++;
    contract_reopen(fixture);
    assert_int_equal(ledger_usage(fixture->ledger, NULL, &account, NULL, &err), 0);
    assert_int_equal(account.reserved_units, held);
    contract_check_balances(fixture->ledger, (const char *const[]){"red", NULL});
    ledger_close(&fixture->ledger);
}

/* In a child, because the limit is the process's; a failed assertion there ends it with a signal.
 */
static void test_full_disk(void **state)
{
    struct contract_fixture *fixture = *state;
    int status = 0;

    for (int shrink = 0; shrink < 2; shrink++) {
        const pid_t child = fork();

        if (child == 0) {
            setenv("CMOCKA_TEST_ABORT", "1", 1);
            fill_the_disk(fixture, shrink == 1);
            _exit(0);
        }
        assert_true(child > 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        place_destroy(&fixture->place);
        fixture->place = place_make();
        assert_non_null(fixture->place);
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_file),
        CASE(test_foreign_files),
        CASE(test_other_schemas),
        CASE(test_holder_is_named),
        CASE(test_missing_folder),
        CASE(test_balance_never_negative),
        CASE(test_settle_and_the_loss_of_power),
        CASE(test_copies_keep_all),
        CASE(test_full_disk),
    };

    return cmocka_run_group_tests_name("ledger in SQLite", tests, NULL, NULL);
}
