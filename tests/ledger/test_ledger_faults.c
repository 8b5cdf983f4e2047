/*
 * Rule 8 and the batch under a backend that fails on demand: SQLite's, with some functions replaced
 * by ones that follow a plan.
 */
#include "gateway/ledger/ledger_backend.h"
#include "gateway/ledger/ledger_file.h"
#include "gateway/ledger/ledger_sqlite.h"
#include "gateway/ledger/ledger_verify.h"
#include "tests/ledger/place_sqlite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POISON  "poison"
#define THREADS 32
#define ROUNDS  20

/* How many of the next calls fail. */
static struct {
    atomic_int connects, begins, inserts, usages, entries;
    atomic_int commits_undone; /* nothing was written */
    atomic_int commits_done;   /* it was written, but the answer says no */
    atomic_int sessions;       /* that exist now */
    atomic_int seen_on_write_connect;
    atomic_int durable, unsynced; /* transactions begun */
    atomic_bool in_unsynced;      /* the last one */
    atomic_bool misplaced;        /* a row was inserted in an unsynced one */
} plan;

static bool fails(atomic_int *left)
{
    if (atomic_load(left) == 0)
        return false;
    atomic_fetch_sub(left, 1);
    return true;
}

static int planned(struct error *err)
{
    return error_set(err, ERROR_IO, "planned failure");
}

static int faulty_connect(struct ledger_store *store, enum ledger_access access,
                          struct ledger_session **out, struct error *err)
{
    int code;

    if (access == LEDGER_WRITE) {
        atomic_store(&plan.seen_on_write_connect, atomic_load(&plan.sessions));
        if (fails(&plan.connects))
            return planned(err);
    }
    code = ledger_sqlite_backend()->connect(store, access, out, err);
    if (code == 0)
        atomic_fetch_add(&plan.sessions, 1);
    return code;
}

static void faulty_disconnect(struct ledger_session **session)
{
    if (*session != NULL)
        atomic_fetch_sub(&plan.sessions, 1);
    ledger_sqlite_backend()->disconnect(session);
}

static int faulty_begin(struct ledger_session *session, bool durable, struct error *err)
{
    atomic_fetch_add(durable ? &plan.durable : &plan.unsynced, 1);
    atomic_store(&plan.in_unsynced, !durable);
    return fails(&plan.begins) ? planned(err)
                               : ledger_sqlite_backend()->begin(session, durable, err);
}

static int faulty_commit(struct ledger_session *session, struct error *err)
{
    if (fails(&plan.commits_undone)) {
        ledger_sqlite_backend()->rollback(session);
        return planned(err);
    }
    if (fails(&plan.commits_done)) {
        assert_int_equal(ledger_sqlite_backend()->commit(session, err), 0);
        return planned(err);
    }
    return ledger_sqlite_backend()->commit(session, err);
}

static int faulty_insert_row(struct ledger_session *session, const struct reservation *row,
                             struct error *err)
{
    if (atomic_load(&plan.in_unsynced))
        atomic_store(&plan.misplaced, true);
    if (fails(&plan.inserts) || strcmp(row->project, POISON) == 0)
        return planned(err);
    return ledger_sqlite_backend()->insert_row(session, row, err);
}

static int faulty_add_usage(struct ledger_session *session, const char *scope,
                            const struct quota_usage *delta, struct error *err)
{
    if (fails(&plan.usages))
        return planned(err);
    return ledger_sqlite_backend()->add_usage(session, scope, delta, err);
}

static int faulty_append_entry(struct ledger_session *session,
                               const struct ledger_journal_head *head, const void *entry,
                               size_t len, struct error *err)
{
    if (fails(&plan.entries))
        return planned(err);
    return ledger_sqlite_backend()->append_entry(session, head, entry, len, err);
}

static int open_faulty(struct contract_place *place, const char *endpoint, const char *region,
                       struct ledger **out, struct error *err)
{
    static struct ledger_backend backend;
    const struct ledger_settings settings = {
        .path = place->path, .endpoint = endpoint, .region = region};
    struct ledger_store *store = NULL;
    int code;

    memset(&plan, 0, sizeof(plan));
    backend = *ledger_sqlite_backend();
    backend.connect = faulty_connect;
    backend.disconnect = faulty_disconnect;
    backend.begin = faulty_begin;
    backend.commit = faulty_commit;
    backend.insert_row = faulty_insert_row;
    backend.add_usage = faulty_add_usage;
    backend.append_entry = faulty_append_entry;
    code = ledger_sqlite_open(place->path, &store, err);
    if (code != 0)
        return code;
    return ledger_open_on(&backend, &store, &settings, out, err);
}

static int setup(void **state)
{
    static const struct ledger_contract faulty = {.open = open_faulty};
    static struct contract_fixture fixture;

    fixture = (struct contract_fixture){.contract = &faulty, .place = place_make()};
    if (fixture.place == NULL)
        return -1;
    contract_open(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct contract_fixture *fixture = *state;

    ledger_close(&fixture->ledger);
    place_destroy(&fixture->place);
    return atomic_load(&plan.sessions); /* every session was given back */
}

static struct ledger *ledger_of(void **state)
{
    const struct contract_fixture *fixture = *state;

    return fixture->ledger;
}

static void check_sound(struct ledger *ledger)
{
    contract_check_balances(ledger, (const char *const[]){"red", "blue", NULL});
}

/* Reserves and expects a failure; returns whether the row is there afterwards. */
static bool reserve_fails(struct ledger *ledger, const struct ledger_reserve *request, int expected)
{
    struct ledger_reserve_result result;
    struct reservation found;
    struct error err = {0};

    assert_int_equal(ledger_reserve(ledger, request, &result, &err), expected);
    assert_non_null(strstr(err.message, "planned failure"));
    assert_false(ledger_is_writable(ledger));
    return ledger_get(ledger, request->row.id, &found, &err) == 0;
}

static void test_commit_failed_and_absent(void **state)
{
    struct ledger *ledger = ledger_of(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct ledger_reserve request = contract_request(&row, "key", 1);
    struct reservation found;
    struct error err;

    /* A reader's session exists, and must be gone when the writer looks. */
    assert_int_equal(ledger_get(ledger, row.id, &found, &err), ERROR_NOT_FOUND);
    atomic_store(&plan.commits_undone, 1);
    assert_false(reserve_fails(ledger, &request, ERROR_RETRY));
    assert_int_equal(atomic_load(&plan.seen_on_write_connect), 0);
    check_sound(ledger);
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    assert_true(ledger_is_writable(ledger));
    check_sound(ledger);
}

static void test_commit_failed_but_there(void **state)
{
    struct ledger *ledger = ledger_of(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct ledger_reserve request = contract_request(&row, "key", 1);

    atomic_store(&plan.commits_done, 1);
    assert_true(reserve_fails(ledger, &request, ERROR_UNCERTAIN));
    contract_reserve(ledger, &request, LEDGER_REPLAY);
    check_sound(ledger);
}

static void test_commit_failed_and_blind(void **state)
{
    struct ledger *ledger = ledger_of(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct ledger_reserve request = contract_request(&row, "key", 1);

    atomic_store(&plan.commits_undone, 1);
    atomic_store(&plan.connects, 1);
    assert_false(reserve_fails(ledger, &request, ERROR_UNCERTAIN));
    atomic_store(&plan.connects, 1);
    assert_false(reserve_fails(ledger, &request, ERROR_RETRY));
    contract_reserve(ledger, &request, LEDGER_RESERVED); /* it recovers by itself */
    assert_true(ledger_is_writable(ledger));
}

static void test_update_in_doubt(void **state)
{
    struct ledger *ledger = ledger_of(state);
    struct reservation row = contract_row_in(ledger, "red", "boards", 2, RESERVATION_PENDING);
    struct reservation found;
    struct error err;

    atomic_store(&plan.commits_undone, 1);
    contract_move(ledger, &row, RESERVATION_ACTIVE, ERROR_RETRY);
    atomic_store(&plan.commits_done, 1);
    contract_move(ledger, &row, RESERVATION_ACTIVE, ERROR_UNCERTAIN);
    contract_move(ledger, &row, RESERVATION_ACTIVE, ERROR_CONFLICT);
    assert_int_equal(ledger_get(ledger, row.id, &found, &err), 0);
    assert_int_equal(found.state, RESERVATION_ACTIVE);
    atomic_store(&plan.commits_undone, 1);
    atomic_store(&plan.connects, 1);
    contract_move(ledger, &found, RESERVATION_STOPPING, ERROR_UNCERTAIN);
    check_sound(ledger);
}

static void test_attached_key_in_doubt(void **state)
{
    struct ledger *ledger = ledger_of(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct ledger_reserve request = contract_request(&row, "key", 1);
    struct ledger_reserve_result result;
    struct error err;

    contract_row_in(ledger, "red", "boards", 2, RESERVATION_ACTIVE);
    atomic_store(&plan.commits_undone, 1);
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_RETRY);
    atomic_store(&plan.commits_done, 1);
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_UNCERTAIN);
    contract_reserve(ledger, &request, LEDGER_REPLAY);
}

/* "Nothing was done" is never said of a freeze that is in force, or of one that no longer is. */
static void test_freeze_in_doubt(void **state)
{
    struct ledger *ledger = ledger_of(state);
    const struct ledger_freeze freeze = {.team = "red", .reason = "the bill", .actor = "eve"};
    struct ledger_freeze seen[2];
    size_t count = 0;
    struct error err;

    atomic_store(&plan.commits_done, 1);
    assert_int_equal(ledger_set_freeze(ledger, &freeze, true, &contract_cause, &err),
                     ERROR_UNCERTAIN);
    assert_int_equal(ledger_list_freezes(ledger, seen, 2, &count, &err), 0);
    assert_int_equal(count, 1);
    atomic_store(&plan.commits_done, 1);
    assert_int_equal(ledger_set_freeze(ledger, &freeze, false, &contract_cause, &err),
                     ERROR_UNCERTAIN);
    assert_int_equal(ledger_list_freezes(ledger, seen, 2, &count, &err), 0);
    assert_int_equal(count, 0);
}

/* What wrote nothing read what is in doubt: it has to be asked again. */
static void test_answer_that_wrote_nothing(void **state)
{
    struct ledger *ledger = ledger_of(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct ledger_reserve request = contract_request(&row, "key", 1);

    contract_reserve(ledger, &request, LEDGER_RESERVED);
    atomic_store(&plan.commits_done, 1);
    assert_true(reserve_fails(ledger, &request, ERROR_RETRY));
    contract_reserve(ledger, &request, LEDGER_REPLAY);
}

static void test_begin_failed(void **state)
{
    struct ledger *ledger = ledger_of(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct ledger_reserve request = contract_request(&row, "key", 1);

    atomic_store(&plan.begins, 1);
    assert_false(reserve_fails(ledger, &request, ERROR_RETRY));
    contract_reserve(ledger, &request, LEDGER_RESERVED);
}

static void test_write_failed_once(void **state)
{
    struct ledger *ledger = ledger_of(state);
    struct reservation row = contract_row("red", "boards", 2);
    struct ledger_reserve request = contract_request(&row, "key", 1);

    atomic_store(&plan.inserts, 1);
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    row = contract_row("red", "solder", 2);
    request = contract_request(&row, "other", 1);
    atomic_store(&plan.usages, 1); /* row and key were written by then */
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    assert_true(ledger_is_writable(ledger));
    check_sound(ledger);
}

/* No change without its entry, and no entry without its change: the chain holds over both. */
static void test_entry_failed(void **state)
{
    struct contract_fixture *fixture = *state;
    struct ledger *ledger = ledger_of(state);
    struct reservation row = contract_row("red", "boards", 2), found;
    struct ledger_reserve request = contract_request(&row, "key", 1);
    struct ledger_freeze freeze = {.team = "red", .reason = "audit"};
    struct ledger_verified verified;
    struct ledger_file file;
    struct error err = {0};

    atomic_store(&plan.entries, 2); /* as on a disk that is full: also at the second try */
    assert_false(reserve_fails(ledger, &request, ERROR_RETRY));
    row = contract_reserve(ledger, &request, LEDGER_RESERVED).row;
    assert_true(ledger_is_writable(ledger));
    atomic_store(&plan.entries, 1); /* the second try alone */
    contract_move(ledger, &row, RESERVATION_ACTIVE, 0);
    atomic_store(&plan.entries, 2);
    contract_move(ledger, &row, RESERVATION_STOPPING, ERROR_RETRY);
    assert_int_equal(ledger_get(ledger, row.id, &found, &err), 0);
    assert_int_equal(found.state, RESERVATION_ACTIVE);
    atomic_store(&plan.entries, 2);
    assert_int_equal(ledger_set_freeze(ledger, &freeze, true, &contract_cause, &err), ERROR_RETRY);
    row = contract_row("red", "glass", 1);
    request = contract_request(&row, NULL, 1);
    contract_reserve(ledger, &request, LEDGER_RESERVED); /* and nobody is frozen */
    atomic_store(&plan.usages, 1); /* its entry was appended by then, and is undone */
    row = contract_row("red", "wood", 1);
    request = contract_request(&row, NULL, 1);
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    atomic_store(&plan.commits_undone, 1);
    contract_move(ledger, &found, RESERVATION_STOPPING, ERROR_RETRY);
    contract_move(ledger, &found, RESERVATION_STOPPING, 0);
    atomic_store(&plan.commits_done, 1);
    contract_move(ledger, &found, RESERVATION_CLOSED, ERROR_UNCERTAIN);
    check_sound(ledger);
    assert_int_equal(ledger_file_open(fixture->place->path, &file, &err), 0);
    if (ledger_verify(file.backend, file.session, NULL, &verified, &err) != 0)
        fail_msg("%s", err.message);
    ledger_file_close(&file);
    assert_int_equal(verified.entries, 6);
}

static int see_total(void *context, const struct quota_books *books, bool *admitted,
                     struct error *err)
{
    *admitted = true;
    return books->unit_time(books->self, QUOTA_SCOPE_TEAM, 0, INT64_MAX, context, err);
}

/* What was remembered of a window is not moved by a settling that was undone. */
static void test_settling_undone(void **state)
{
    struct ledger *ledger = ledger_of(state);
    struct reservation row = contract_row_in(ledger, "red", "boards", 2, RESERVATION_ACTIVE);
    const struct reservation asked = contract_row("red", "glass", 1);
    struct ledger_reserve request = contract_request(&asked, NULL, 1);
    struct quota_unit_time total;

    request.dry_run = true;
    request.decide = see_total;
    request.decide_context = &total;
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    assert_int_equal(total.used, 0);
    atomic_store(&plan.entries, 1); /* after the buckets; the second try does it */
    row.ended_ms = CONTRACT_NOW_MS + 1000;
    contract_move(ledger, &row, RESERVATION_CLOSED, 0);
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    assert_int_equal(total.used, 2 * 1000);
}

static void test_write_failed_twice(void **state)
{
    struct ledger *ledger = ledger_of(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct ledger_reserve request = contract_request(&row, "key", 1);

    atomic_store(&plan.usages, 2);
    assert_false(reserve_fails(ledger, &request, ERROR_RETRY));
    check_sound(ledger);
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    assert_true(ledger_is_writable(ledger));
}

static int settle(struct ledger *ledger, struct reservation *row)
{
    struct error err;

    row->state = RESERVATION_ACTIVE;
    return ledger_settle(ledger, row, &contract_cause, &err);
}

static void test_settle_alone_is_not_synced(void **state)
{
    struct ledger *ledger = ledger_of(state);
    struct reservation row = contract_row_in(ledger, "red", "boards", 2, RESERVATION_PENDING);
    const int durable = atomic_load(&plan.durable);

    assert_int_equal(settle(ledger, &row), 0);
    assert_int_equal(atomic_load(&plan.durable), durable);
    assert_int_equal(atomic_load(&plan.unsynced), 1);
    contract_move(ledger, &row, RESERVATION_ACTIVE, 0); /* such as another lease */
    contract_move(ledger, &row, RESERVATION_STOPPING, 0);
    assert_int_equal(atomic_load(&plan.durable), durable + 2);
    assert_int_equal(atomic_load(&plan.unsynced), 1);
}

static void test_settle_in_doubt(void **state)
{
    struct ledger *ledger = ledger_of(state);
    struct reservation row = contract_row_in(ledger, "red", "boards", 2, RESERVATION_PENDING);

    atomic_store(&plan.commits_undone, 1);
    assert_int_equal(settle(ledger, &row), ERROR_RETRY);
    assert_false(ledger_is_writable(ledger));
    atomic_store(&plan.begins, 1);
    assert_int_equal(settle(ledger, &row), ERROR_RETRY);
    atomic_store(&plan.commits_done, 1);
    assert_int_equal(settle(ledger, &row), ERROR_UNCERTAIN);
    assert_int_equal(settle(ledger, &row), ERROR_CONFLICT);
    check_sound(ledger);
}

/* What was not synced proves nothing of the disk. */
static void test_settle_does_not_prove_the_disk(void **state)
{
    struct ledger *ledger = ledger_of(state);
    struct reservation row = contract_row_in(ledger, "red", "boards", 2, RESERVATION_PENDING);

    atomic_store(&plan.commits_undone, 1);
    assert_int_equal(settle(ledger, &row), ERROR_RETRY);
    assert_int_equal(settle(ledger, &row), 0);
    assert_false(ledger_is_writable(ledger));
    contract_move(ledger, &row, RESERVATION_STOPPING, 0);
    assert_true(ledger_is_writable(ledger));
}

struct starter {
    pthread_t thread;
    struct ledger *ledger;
    int number;
    const char *wrong;
};

/* Every seventh is poisoned: it fails, and nobody else does. */
static void *start_many(void *context)
{
    struct starter *starter = context;
    const bool poisoned = starter->number % 7 == 0;
    struct ledger_reserve_result result;
    struct ledger_reserve request;
    struct reservation row;
    struct error err;
    char project[32];
    int code;

    for (int i = 0; i < ROUNDS && starter->wrong == NULL; i++) {
        snprintf(project, sizeof(project), "boards-%d-%d", starter->number, i);
        row = contract_row("red", poisoned ? POISON : project, 1);
        request = contract_request(&row, row.id, 1);
        code = ledger_reserve(starter->ledger, &request, &result, &err);
        if (poisoned && code != ERROR_RETRY)
            starter->wrong = "a write that fails for ever is not ERROR_RETRY";
        if (!poisoned && (code != 0 || result.outcome != LEDGER_RESERVED ||
                          settle(starter->ledger, &result.row) != 0))
            starter->wrong = "a sound job suffers from its neighbour";
    }
    return NULL;
}

static void test_poisoned_batch(void **state)
{
    static struct starter starters[THREADS];
    struct ledger *ledger = ledger_of(state);
    struct quota_usage account;
    struct error err;
    int sound = 0;

    for (int i = 0; i < THREADS; i++) {
        starters[i] = (struct starter){.ledger = ledger, .number = i};
        sound += i % 7 != 0;
        assert_int_equal(pthread_create(&starters[i].thread, NULL, start_many, &starters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(starters[i].thread, NULL);
    for (int i = 0; i < THREADS; i++) {
        if (starters[i].wrong != NULL)
            fail_msg("%s", starters[i].wrong);
    }
    assert_int_equal(ledger_usage(ledger, NULL, &account, NULL, &err), 0);
    assert_int_equal(account.used_units, sound * ROUNDS);
    assert_false(atomic_load(&plan.misplaced));
    check_sound(ledger);
}

struct reader {
    pthread_t thread;
    struct ledger *ledger;
    const char *id;
    atomic_bool stop, wrong;
};

static void *read_on(void *context)
{
    struct reader *reader = context;
    struct reservation found;
    struct error err;

    while (!atomic_load(&reader->stop)) {
        if (ledger_get(reader->ledger, reader->id, &found, &err) != 0)
            atomic_store(&reader->wrong, true);
    }
    return NULL;
}

static void test_readers_outlive_doubt(void **state)
{
    static struct reader readers[4];
    struct ledger *ledger = ledger_of(state);
    const struct reservation first = contract_row_in(ledger, "red", "glass", 1, RESERVATION_ACTIVE);

    for (int i = 0; i < 4; i++) {
        readers[i] = (struct reader){.ledger = ledger, .id = first.id};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        const struct reservation row = contract_row("blue", "boards", 2);
        const struct ledger_reserve request = contract_request(&row, NULL, 1);

        atomic_store(&plan.commits_undone, 1);
        assert_false(reserve_fails(ledger, &request, ERROR_RETRY));
        assert_int_equal(atomic_load(&plan.seen_on_write_connect), 0);
    }
    for (int i = 0; i < 4; i++) {
        atomic_store(&readers[i].stop, true);
        pthread_join(readers[i].thread, NULL);
        assert_false(atomic_load(&readers[i].wrong));
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_commit_failed_and_absent),
        CASE(test_commit_failed_but_there),
        CASE(test_commit_failed_and_blind),
        CASE(test_update_in_doubt),
        CASE(test_attached_key_in_doubt),
        CASE(test_freeze_in_doubt),
        CASE(test_answer_that_wrote_nothing),
        CASE(test_settle_alone_is_not_synced),
        CASE(test_settle_in_doubt),
        CASE(test_settle_does_not_prove_the_disk),
        CASE(test_begin_failed),
        CASE(test_write_failed_once),
        CASE(test_entry_failed),
        CASE(test_settling_undone),
        CASE(test_write_failed_twice),
        CASE(test_poisoned_batch),
        CASE(test_readers_outlive_doubt),
    };

    return cmocka_run_group_tests_name("ledger with failures", tests, NULL, NULL);
}
