/*
 * A check of a ledger sees whatever was altered behind its back, and says where; copies are whole
 * and verified. The file is altered by SQL, as an intruder with the disk in his hands would.
 */
#include "gateway/ledger/ledger_copy.h"
#include "gateway/ledger/ledger_file.h"
#include "gateway/ledger/ledger_journal.h"
#include "gateway/ledger/ledger_sqlite.h"
#include "gateway/ledger/ledger_verify.h"
#include "tests/ledger/contract.h"
#include "tests/ledger/place_sqlite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR_MS INT64_C(3600000)

struct world {
    struct contract_fixture fixture;
    char path[256];
};

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

static int64_t ask(const char *path, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    int64_t value;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static int verify(const char *path, const struct ledger_journal_head *expect,
                  struct ledger_verified *out, struct error *err)
{
    struct ledger_file file;
    int code = ledger_file_open(path, &file, err);

    if (code != 0)
        return code;
    code = ledger_verify(file.backend, file.session, expect, out, err);
    ledger_file_close(&file);
    return code;
}

static struct ledger_verified verify_well(const char *path)
{
    struct ledger_verified verified;
    struct error err = {0};

    if (verify(path, NULL, &verified, &err) != 0)
        fail_msg("%s", err.message);
    return verified;
}

/* Alters the file, checks that this is found and named, and puts it back. */
static void finds(const struct world *world, const char *sql, const char *words)
{
    struct ledger_verified verified;
    struct error err = {0};
    char copy[300];

    (void)snprintf(copy, sizeof(copy), "%s.altered", world->path);
    (void)verify_well(world->path);
    assert_int_equal(ledger_copy(world->path, copy, &verified, &err), 0);
    run_sql(copy, sql);
    if (verify(copy, NULL, &verified, &err) != ERROR_REFUSED)
        fail_msg("not found: %s", sql);
    if (strstr(err.message, words) == NULL)
        fail_msg("%s: expected \"%s\", the check said: %s", sql, words, err.message);
    assert_int_equal(unlink(copy), 0);
}

/* Two teams, each state, a freeze, a note, a key that joined, drift that was assigned. */
static void fill(struct ledger *ledger)
{
    struct ledger_freeze freeze = {.team = "blue", .reason = "audit", .actor = "admin"};
    struct reservation row = contract_row("red", "boards", 2);
    struct ledger_reserve request;
    struct ledger_lease lease;
    struct ledger_cause assigned = contract_cause;
    struct error err = {0};
    bool admitted;

    assigned.at_ms += HOUR_MS;
    row.subject[0] = 'S';
    request = contract_request(&row, "key", 1);
    row = contract_reserve(ledger, &request, LEDGER_RESERVED).row;
    request.row = contract_row("red", "boards", 2);
    request.key = "other";
    contract_reserve(ledger, &request, LEDGER_HELD);
    contract_move(ledger, &row, RESERVATION_ACTIVE, 0);
    lease = (struct ledger_lease){.id = row.id,
                                  .row_version = row.row_version,
                                  .lease_end_ms = row.lease_end_ms - 100,
                                  .worst_end_ms = row.worst_end_ms - 100,
                                  .cause = contract_cause};
    assert_int_equal(ledger_change_lease(ledger, &lease, &admitted, &row, &err), 0);
    contract_move(ledger, &row, RESERVATION_STOPPING, 0);
    row.end = RESERVATION_END_STOPPED;
    row.ended_ms = CONTRACT_NOW_MS + 30 * HOUR_MS;
    contract_move(ledger, &row, RESERVATION_CLOSED, 0);
    contract_row_in(ledger, "blue", "glass", 3, RESERVATION_UNCERTAIN);
    contract_row_in(ledger, "blue", "wood", 1, RESERVATION_VOID);
    row = contract_row(RESERVATION_TEAM_UNASSIGNED, "drift", 4);
    row.state = RESERVATION_ACTIVE;
    row.origin = RESERVATION_ORIGIN_DRIFT;
    assert_int_equal(ledger_adopt(ledger, &row, &contract_cause, &err), 0);
    snprintf(row.team, sizeof(row.team), "red");
    row.lease_from_ms = assigned.at_ms;
    assert_int_equal(ledger_update(ledger, &row, &assigned, &err), 0);
    assert_int_equal(ledger_note(ledger, "lease-warning", NULL, row.id, &contract_cause, &err), 0);
    assert_int_equal(ledger_set_freeze(ledger, &freeze, true, &contract_cause, &err), 0);
    freeze.team[0] = '\0';
    assert_int_equal(ledger_set_freeze(ledger, &freeze, true, &contract_cause, &err), 0);
    assert_int_equal(ledger_set_freeze(ledger, &freeze, false, &contract_cause, &err), 0);
}

static int setup(void **state)
{
    static const struct ledger_contract contract = {.open = place_open};
    static struct world world;

    memset(&world, 0, sizeof(world));
    world.fixture = (struct contract_fixture){.contract = &contract, .place = place_make()};
    if (world.fixture.place == NULL)
        return -1;
    (void)snprintf(world.path, sizeof(world.path), "%s", world.fixture.place->path);
    contract_open(&world.fixture);
    fill(world.fixture.ledger);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    ledger_close(&world->fixture.ledger);
    place_destroy(&world->fixture.place);
    return 0;
}

static void test_sound_while_held(void **state)
{
    struct world *world = *state;
    struct ledger_verified verified = verify_well(world->path); /* the ledger is open */

    assert_int_equal(verified.entries, 16);
    assert_int_equal(verified.rows, 4);
    assert_int_equal(verified.head.number, 16);
    contract_row_in(world->fixture.ledger, "red", "more", 1, RESERVATION_PENDING);
    assert_int_equal(verify_well(world->path).entries, 17);
    contract_reopen(&world->fixture);
    contract_row_in(world->fixture.ledger, "red", "after", 1, RESERVATION_PENDING);
    assert_int_equal(verify_well(world->path).entries, 18);
}

/* Every single byte of an entry, and of its hash. */
static void test_each_byte_of_an_entry(void **state)
{
    struct world *world = *state;
    const char *path = world->path;
    struct ledger_verified verified;
    const int64_t number = 6, len = ask(path, "SELECT length(entry) FROM journal WHERE number = 6");
    char sql[256];

    ledger_close(&world->fixture.ledger);
    for (int64_t at = 1; at <= len; at++) {
        struct error err = {0};

        (void)snprintf(sql, sizeof(sql),
                       "UPDATE journal SET entry = CAST(substr(entry, 1, %d) || CASE "
                       "substr(entry, %d, 1) WHEN x'41' THEN x'42' ELSE x'41' END || "
                       "substr(entry, %d) AS BLOB) WHERE number = %d",
                       (int)at - 1, (int)at, (int)at + 1, (int)number);
        run_sql(path, "CREATE TABLE kept AS SELECT entry FROM journal WHERE number = 6");
        run_sql(path, sql);
        assert_int_equal(verify(path, NULL, &verified, &err), ERROR_REFUSED);
        if (strstr(err.message, "entry 6 ") == NULL)
            fail_msg("byte %d: %s", (int)at, err.message);
        run_sql(path, "UPDATE journal SET entry = (SELECT entry FROM kept) WHERE number = 6;"
                      "DROP TABLE kept");
    }
    (void)verify_well(path);
    finds(world, "UPDATE journal SET hash = randomblob(32) WHERE number = 3",
          "entry 3 was altered");
    finds(world, "UPDATE journal SET hash = x'00' WHERE number = 3", "entry 3 ");
}

static void test_order_of_entries(void **state)
{
    struct world *world = *state;

    ledger_close(&world->fixture.ledger);
    finds(world, "DELETE FROM journal WHERE number = 5", "entry 5 is missing: after 4 comes 6");
    finds(world, "DELETE FROM journal WHERE number = 1", "entry 1 is missing");
    finds(world,
          "UPDATE journal SET number = 99 WHERE number = 5;"
          "UPDATE journal SET number = 5 WHERE number = 6;"
          "UPDATE journal SET number = 6 WHERE number = 99",
          "entry 5 was put there from place 6");
    finds(world,
          "INSERT INTO journal SELECT number + 1, hash, entry FROM journal WHERE number = 16",
          "entry 17 was put there from place 16");
    /* The last ones cut off: the rows know more than the journal. */
    finds(world, "DELETE FROM journal WHERE number > 11", "differs from entry 11");
    finds(world, "DELETE FROM journal", "in no entry of the journal");
}

static void test_rows(void **state)
{
    static const char *const columns[][2] = {
        {"row_version = row_version + 1", "row_version is 6, expected 5"},
        {"state = 'VOID'", "state is \"VOID\", expected \"CLOSED\""},
        {"team = 'blue'", "team is \"blue\", expected \"red\""},
        {"units = 1", "units is 1, expected 2"},
        {"created_ms = created_ms + 1", "created_ms is"},
        {"lease_from_ms = lease_from_ms + 1", "lease_from_ms is"},
        {"lease_end_ms = lease_end_ms + 1", "lease_end_ms is"},
        {"worst_end_ms = worst_end_ms + 1", "worst_end_ms is"},
        {"ended_ms = ended_ms - 1", "ended_ms is"},
        {"end_reason = 'lease-ended'", "end is \"lease-ended\", expected \"stopped\""},
        {"subject = 'me'", "fixed for life"},
        {"project = 'me'", "fixed for life"},
        {"version = '2'", "fixed for life"},
        {"origin = 'drift'", "fixed for life"},
        {"client_token = 'me'", "fixed for life"},
        {"min_units = 1", "fixed for life"},
        {"max_units = 1", "fixed for life"},
    };
    struct world *world = *state;
    char sql[256];

    ledger_close(&world->fixture.ledger);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        (void)snprintf(sql, sizeof(sql), "UPDATE reservation SET %s WHERE number = 1",
                       columns[i][0]);
        finds(world, sql, columns[i][1]);
    }
    finds(world, "UPDATE reservation SET lease_from_ms = created_ms WHERE origin = 'drift'",
          "lease_from_ms is");
    finds(world, "DELETE FROM idempotency_key; DELETE FROM reservation WHERE number = 1",
          "reservation of entry 6 is missing");
    finds(world,
          "UPDATE reservation SET id = '00000000-0000-4000-8000-000000000000' WHERE number = 1",
          "in no entry");
    /* Of several, the one that the journal told of first. */
    finds(world, "UPDATE reservation SET units = units + 1", "differs from entry 6");
}

static void test_sums(void **state)
{
    struct world *world = *state;

    ledger_close(&world->fixture.ledger);
    finds(world, "UPDATE balance SET used_units = used_units + 1 WHERE scope = 'red'",
          "the balance of team red is 5 units used");
    finds(world, "UPDATE balance SET reserved_models = 0 WHERE scope = ''",
          "the balance of the account is");
    finds(world, "DELETE FROM balance WHERE scope = 'blue'", "the balance of team blue is 0 units");
    finds(world, "INSERT INTO balance VALUES ('green', 1, 0, 0, 0)", "the balance of team green");
    finds(world, "UPDATE settled SET unit_ms = unit_ms - 1 WHERE scope = 'red' AND span = 1",
          "the settled unit-time of team red in the day from 2023-11-14T00:00:00.000Z");
    finds(world, "UPDATE settled SET unit_ms = unit_ms + 1 WHERE scope = '' AND span = 0",
          "the settled unit-time of the account in the quarter-hour from");
    finds(world, "DELETE FROM settled WHERE scope = '' AND span = 0 AND bucket % 50 = 0",
          "is 0 unit-milliseconds; the rows add up to 1800000");
    finds(world, "DELETE FROM settled WHERE scope = '' AND span = 1", "in the day from");
    finds(world, "INSERT INTO settled VALUES ('red', 0, 5, 5)", "1970-01-01T01:15");
    finds(world, "INSERT INTO freeze VALUES ('red', '', '', 0)", "\"red\" is frozen");
    finds(world, "DELETE FROM freeze", "freezes 0 teams, the journal 1");
}

/* Appends an entry that is well chained, as whoever can hash could. */
static void forge(const char *path, const char *event, const struct reservation *row, bool identity)
{
    const struct ledger_backend *backend = ledger_sqlite_backend();
    const struct ledger_entry entry = {
        .event = event, .row = row, .identity = identity, .cause = &contract_cause};
    struct ledger_session *session = NULL;
    struct ledger_store *store = NULL;
    struct ledger_journal journal = {.known = false};
    struct error err = {0};

    assert_int_equal(ledger_sqlite_open(path, &store, &err), 0);
    assert_int_equal(backend->connect(store, LEDGER_WRITE, &session, &err), 0);
    assert_int_equal(backend->begin(session, true, &err), 0);
    assert_int_equal(ledger_journal_load(&journal, backend, session, &err), 0);
    assert_int_equal(ledger_journal_append(&journal, backend, session, &entry, &err), 0);
    assert_int_equal(backend->commit(session, &err), 0);
    backend->tidy(session);
    backend->disconnect(&session);
    backend->close(&store);
}

static void finds_forged(const struct world *world, const char *event,
                         const struct reservation *row, bool identity, const char *words)
{
    struct ledger_verified verified;
    struct error err = {0};
    char copy[300];

    (void)snprintf(copy, sizeof(copy), "%s.forged", world->path);
    assert_int_equal(ledger_copy(world->path, copy, &verified, &err), 0);
    forge(copy, event, row, identity);
    assert_int_equal(verify(copy, NULL, &verified, &err), ERROR_REFUSED);
    if (strstr(err.message, words) == NULL)
        fail_msg("%s: expected \"%s\", the check said: %s", event, words, err.message);
    assert_int_equal(unlink(copy), 0);
}

static void test_forged_entries(void **state)
{
    struct world *world = *state;
    struct reservation row =
        contract_row_in(world->fixture.ledger, "red", "forged", 2, RESERVATION_ACTIVE);
    const struct reservation sound = row;

    ledger_close(&world->fixture.ledger);
    (void)verify_well(world->path);
    row.units = 9;
    finds_forged(world, "lease-warning", &row, false, "is no change");
    finds_forged(world, "update", &row, false, "does not follow version 2");
    row = sound;
    finds_forged(world, "reserve", &row, true, "is there already");
    row.row_version++;
    finds_forged(world, "update", &row, false, "differs from entry 19");
    row.state = RESERVATION_PENDING;
    finds_forged(world, "update", &row, false, "can't come after ACTIVE");
    row = contract_row("red", "new", 1);
    row.row_version = 1;
    finds_forged(world, "update", &row, true, "that no entry began");
    finds_forged(world, "reserve", &row, false, "without its identity");
    finds_forged(world, "reserve", &row, true, "the reservation of entry 19 is missing");
    row.id[0] = 'x';
    finds_forged(world, "reserve", &row, true, "names no reservation");
    finds_forged(world, "freeze", NULL, false, "freezes 1 teams, the journal 2");
}

/* Who writes the whole chain anew is found only by what was noted of the old one. */
static void test_expected_entry(void **state)
{
    struct world *world = *state;
    const struct ledger_verified verified = verify_well(world->path);
    struct ledger_journal_head expect = verified.head;
    struct ledger_verified again;
    struct error err = {0};

    contract_row_in(world->fixture.ledger, "red", "more", 1, RESERVATION_PENDING);
    assert_int_equal(verify(world->path, &expect, &again, &err), 0);
    expect.hash[0] ^= 1;
    assert_int_equal(verify(world->path, &expect, &again, &err), ERROR_REFUSED);
    assert_non_null(strstr(err.message, "entry 16 has another hash"));
    expect.number = 1000;
    assert_int_equal(verify(world->path, &expect, &again, &err), ERROR_REFUSED);
    assert_non_null(strstr(err.message, "the journal ends with 17"));
}

static void test_copies(void **state)
{
    struct world *world = *state;
    struct ledger_verified verified;
    struct error err = {0};
    struct stat status;
    FILE *log;
    char backup[300], restored[300], part[310];

    (void)snprintf(backup, sizeof(backup), "%s.backup", world->path);
    (void)snprintf(restored, sizeof(restored), "%s.restored", world->path);
    (void)snprintf(part, sizeof(part), "%s.part", backup);
    /* While the ledger is held. */
    assert_int_equal(ledger_copy(world->path, backup, &verified, &err), 0);
    assert_int_equal(verified.entries, 16);
    assert_int_equal(stat(backup, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_not_equal(access(part, F_OK), 0);
    assert_int_equal(ledger_copy(world->path, backup, &verified, &err), ERROR_CONFLICT);
    assert_int_equal(ledger_restore(backup, world->path, &verified, &err), ERROR_REFUSED);
    assert_non_null(strstr(err.message, "lock"));
    ledger_close(&world->fixture.ledger);
    assert_int_equal(ledger_restore(backup, world->path, &verified, &err), ERROR_CONFLICT);
    assert_int_equal(ledger_restore(world->path, restored, &verified, &err), 0);
    assert_int_equal(unlink(world->path), 0);
    /* A log with pages in it, of whichever ledger was there: it would be played into this one. */
    (void)snprintf(part, sizeof(part), "%s-wal", world->path);
    log = fopen(part, "w");
    assert_non_null(log);
    assert_int_equal(fputs("pages", log), 1);
    assert_int_equal(fclose(log), 0);
    assert_int_equal(ledger_restore(backup, world->path, &verified, &err), ERROR_CONFLICT);
    assert_int_equal(truncate(part, 0), 0);
    assert_int_equal(ledger_restore(backup, world->path, &verified, &err), 0);
    contract_open(&world->fixture);
    contract_row_in(world->fixture.ledger, "red", "more", 1, RESERVATION_PENDING);
    assert_int_equal(verify_well(world->path).entries, 17);
    /* What does not verify gets no name. */
    run_sql(backup, "UPDATE reservation SET units = 7");
    unlink(restored);
    assert_int_equal(ledger_restore(backup, restored, &verified, &err), ERROR_REFUSED);
    assert_int_not_equal(access(restored, F_OK), 0);
    (void)snprintf(part, sizeof(part), "%s.part", restored);
    assert_int_not_equal(access(part, F_OK), 0);
}

static void test_what_is_no_ledger(void **state)
{
    struct world *world = *state;
    struct ledger_verified verified;
    struct error err = {0};
    char path[300];

    (void)snprintf(path, sizeof(path), "%s.none", world->path);
    assert_int_equal(verify(path, NULL, &verified, &err), ERROR_NOT_FOUND);
    assert_int_not_equal(access(path, F_OK), 0);
    run_sql(path, "CREATE TABLE t (a)");
    assert_int_equal(verify(path, NULL, &verified, &err), ERROR_REFUSED);
    assert_non_null(strstr(err.message, "another program"));
    unlink(path);
    ledger_close(&world->fixture.ledger);
    run_sql(world->path, "PRAGMA user_version = 77");
    assert_int_equal(verify(world->path, NULL, &verified, &err), ERROR_REFUSED);
    assert_non_null(strstr(err.message, "77"));
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_sound_while_held),
        CASE(test_each_byte_of_an_entry),
        CASE(test_order_of_entries),
        CASE(test_rows),
        CASE(test_sums),
        CASE(test_forged_entries),
        CASE(test_expected_entry),
        CASE(test_copies),
        CASE(test_what_is_no_ledger),
    };

    return cmocka_run_group_tests_name("checks of a ledger", tests, NULL, NULL);
}
