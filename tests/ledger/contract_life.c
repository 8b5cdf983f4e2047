/* The contract of a ledger's life: pins, exclusive hold, reopening, and kill -9 at any instant. */
#include "tests/ledger/contract.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_as(struct contract_fixture *fixture, const char *endpoint, const char *region,
                   struct error *err)
{
    return fixture->contract->open(fixture->place, endpoint, region, &fixture->ledger, err);
}

static void test_pinned(void **state)
{
    struct contract_fixture *fixture = *state;
    struct error err = {0};

    contract_open(fixture);
    assert_int_equal(ledger_pin_account(fixture->ledger, "123456789012", &err), 0);
    assert_int_equal(ledger_pin_account(fixture->ledger, "123456789012", &err), 0);
    assert_int_equal(ledger_pin_account(fixture->ledger, "210987654321", &err), ERROR_REFUSED);
    assert_non_null(strstr(err.message, "123456789012"));
    assert_non_null(strstr(err.message, "210987654321"));
    assert_int_equal(ledger_pin_account(fixture->ledger, "", &err), ERROR_INVALID);
    ledger_close(&fixture->ledger);

    assert_int_equal(open_as(fixture, CONTRACT_ENDPOINT, "us-east-1", &err), ERROR_REFUSED);
    assert_null(fixture->ledger);
    assert_non_null(strstr(err.message, "us-east-1"));
    assert_non_null(strstr(err.message, CONTRACT_REGION));
    assert_int_equal(open_as(fixture, "http://127.0.0.1:1", CONTRACT_REGION, &err), ERROR_REFUSED);
    contract_open(fixture);
    assert_int_equal(ledger_pin_account(fixture->ledger, "210987654321", &err), ERROR_REFUSED);
}

static void test_held_by_one_process(void **state)
{
    struct contract_fixture *fixture = *state;
    struct ledger *second = NULL;
    struct error err = {0};
    int status = 0;
    pid_t child;

    contract_open(fixture);
    assert_int_equal(
        fixture->contract->open(fixture->place, CONTRACT_ENDPOINT, CONTRACT_REGION, &second, &err),
        ERROR_REFUSED);
    assert_null(second);
    child = fork();
    if (child == 0)
        _exit(fixture->contract->open(fixture->place, CONTRACT_ENDPOINT, CONTRACT_REGION, &second,
                                      &err) == ERROR_REFUSED
                  ? 0
                  : 1);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    contract_reopen(fixture);
}

static void test_reopened(void **state)
{
    static const char *const teams[] = {"red", "blue", NULL};
    struct contract_fixture *fixture = *state;
    const struct reservation row = contract_row("red", "boards", 3);
    struct ledger_reserve request = contract_request(&row, "key", 1);
    struct quota_usage before, after, team;
    struct reservation found;
    struct error err;

    contract_open(fixture);
    contract_reserve(fixture->ledger, &request, LEDGER_RESERVED);
    contract_row_in(fixture->ledger, "blue", "solder", 2, RESERVATION_ACTIVE);
    assert_int_equal(ledger_usage(fixture->ledger, "red", &before, &team, &err), 0);
    contract_reopen(fixture);
    assert_int_equal(ledger_usage(fixture->ledger, NULL, &after, NULL, &err), 0);
    assert_memory_equal(&after, &before, sizeof(after));
    assert_int_equal(ledger_find_live(fixture->ledger, "boards", "1", &found, &err), 0);
    assert_string_equal(found.id, row.id);
    contract_reserve(fixture->ledger, &request, LEDGER_REPLAY);
    contract_check_balances(fixture->ledger, teams);
}

/* --- kill -9 ------------------------------------------------------------------------------- */

#define WORKERS 8
#define ACKS_WANTED                                                                                \
    400 /* acknowledgements before the kill; it comes while more are on their way                  \
         */
#define ACKS_MAX 20000

struct worker {
    struct ledger *ledger;
    int number;
    int pipe;
};

/* Written after the acknowledgement, whole (it is shorter than PIPE_BUF). */
struct ack {
    char id[RESERVATION_ID_LEN + 1];
    int64_t row_version;
};

static void *work_until_killed(void *context)
{
    const struct worker *worker = context;
    struct ledger_reserve_result result;
    struct ledger_reserve request;
    struct reservation row;
    struct error err;
    struct ack ack;
    char project[32];

    for (int i = 0;; i++) {
        snprintf(project, sizeof(project), "boards-%d-%d", worker->number, i);
        row = contract_row("red", project, 1);
        request = contract_request(&row, row.id, 1);
        if (ledger_reserve(worker->ledger, &request, &result, &err) != 0)
            _exit(2);
        memset(&ack, 0, sizeof(ack));
        memcpy(ack.id, result.row.id, sizeof(ack.id));
        ack.row_version = 1;
        if (write(worker->pipe, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
            _exit(3);
        if (i % 3 == 0)
            continue;
        result.row.state = RESERVATION_ACTIVE;
        if (ledger_update(worker->ledger, &result.row, &contract_cause, &err) != 0)
            _exit(4);
        ack.row_version = 2;
        if (write(worker->pipe, &ack, sizeof(ack)) != (ssize_t)sizeof(ack))
            _exit(5);
    }
    return NULL;
}

static void live_and_die(struct contract_fixture *fixture, int out)
{
    static struct worker workers[WORKERS];
    pthread_t thread;
    struct error err;

    if (open_as(fixture, CONTRACT_ENDPOINT, CONTRACT_REGION, &err) != 0)
        _exit(1);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.ledger = fixture->ledger, .number = i, .pipe = out};
        if (pthread_create(&thread, NULL, work_until_killed, &workers[i]) != 0)
            _exit(1);
    }
    for (;;)
        pause();
}

static size_t read_acks(int in, pid_t child, struct ack *acks)
{
    size_t count = 0;

    while (count < ACKS_MAX &&
           read(in, &acks[count], sizeof(acks[count])) == (ssize_t)sizeof(acks[count])) {
        if (++count == ACKS_WANTED)
            kill(child, SIGKILL);
    }
    return count;
}

static void test_killed(void **state)
{
    struct contract_fixture *fixture = *state;
    struct ack *acks = calloc(ACKS_MAX, sizeof(*acks));
    struct reservation found;
    struct error err;
    int ends[2], status = 0;
    size_t count;
    pid_t child;

    assert_non_null(acks);
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0)
        live_and_die(fixture, ends[1]);
    assert_true(child > 0);
    close(ends[1]);
    count = read_acks(ends[0], child, acks);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(count >= ACKS_WANTED);

    contract_open(fixture);
    for (size_t i = 0; i < count; i++) {
        if (ledger_get(fixture->ledger, acks[i].id, &found, &err) != 0)
            fail_msg("acknowledged and lost: %s", acks[i].id);
        assert_true(found.row_version >= acks[i].row_version);
    }
    contract_check_balances(fixture->ledger, (const char *const[]){"red", NULL});
    contract_row_in(fixture->ledger, "red", "after", 1, RESERVATION_ACTIVE);
    free(acks);
}

/* The mark of a gap outlives the process that set it, and is not changed by the record. */
static void test_gap(void **state)
{
    struct contract_fixture *fixture = *state;
    struct error err = {0};
    int status = 0;
    pid_t child;

    contract_open(fixture);
    assert_false(ledger_has_gap(fixture->ledger));
    ledger_close(&fixture->ledger);
    child = fork();
    if (child == 0) {
        if (open_as(fixture, CONTRACT_ENDPOINT, CONTRACT_REGION, &err) == 0 &&
            ledger_mark_gap(fixture->ledger, true, &err) == 0)
            (void)kill(getpid(), SIGKILL);
        _exit(1);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    contract_open(fixture);
    assert_true(ledger_has_gap(fixture->ledger));
    contract_row_in(fixture->ledger, "red", "after", 1, RESERVATION_ACTIVE);
    contract_reopen(fixture);
    assert_true(ledger_has_gap(fixture->ledger));
    assert_int_equal(ledger_mark_gap(fixture->ledger, false, &err), 0);
    assert_false(ledger_has_gap(fixture->ledger));
    contract_reopen(fixture);
    assert_false(ledger_has_gap(fixture->ledger));
}

const struct contract_case contract_life_cases[] = {
    {"pinned", test_pinned},     {"held_by_one_process", test_held_by_one_process},
    {"reopened", test_reopened}, {"killed", test_killed},
    {"gap", test_gap},           {NULL, NULL},
};
