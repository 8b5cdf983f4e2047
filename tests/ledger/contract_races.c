/* The contract under threads: exactly what fits is admitted, one of two wins, nothing is torn. */
#include "tests/ledger/contract.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define THREADS    64
#define FREE_UNITS 10
#define ROUNDS     50

static int fits(void *context, const struct quota_books *books, bool *admitted, struct error *err)
{
    const int64_t *limit = context;

    (void)err;
    *admitted = books->team.used_units + books->team.reserved_units + 1 <= *limit;
    return 0;
}

struct starter {
    pthread_t thread;
    struct ledger *ledger;
    pthread_barrier_t *barrier;
    int number;
    int code;
    struct ledger_reserve_result result;
};

static void *start_one(void *context)
{
    struct starter *starter = context;
    int64_t limit = FREE_UNITS;
    struct reservation row;
    struct ledger_reserve request;
    struct error err;
    char project[32];

    snprintf(project, sizeof(project), "boards-%d", starter->number);
    row = contract_row("red", project, 1);
    request = contract_request(&row, NULL, 0);
    request.decide = fits;
    request.decide_context = &limit;
    pthread_barrier_wait(starter->barrier);
    starter->code = ledger_reserve(starter->ledger, &request, &starter->result, &err);
    return NULL;
}

static void test_never_over(void **state)
{
    struct contract_fixture *fixture = *state;
    static struct starter starters[THREADS];
    pthread_barrier_t barrier;
    int reserved = 0;

    contract_open(fixture);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        starters[i] = (struct starter){.ledger = fixture->ledger, .barrier = &barrier, .number = i};
        assert_int_equal(pthread_create(&starters[i].thread, NULL, start_one, &starters[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(starters[i].thread, NULL);
        assert_int_equal(starters[i].code, 0);
        reserved += starters[i].result.outcome == LEDGER_RESERVED;
    }
    pthread_barrier_destroy(&barrier);
    assert_int_equal(reserved, FREE_UNITS);
    contract_check_balances(fixture->ledger, (const char *const[]){"red", NULL});
}

struct racer {
    pthread_t thread;
    struct ledger *ledger;
    pthread_barrier_t *barrier;
    struct reservation row;
    enum reservation_state to;
    int code;
};

static void *race(void *context)
{
    struct racer *racer = context;
    struct error err;

    racer->row.state = racer->to;
    pthread_barrier_wait(racer->barrier);
    racer->code = ledger_update(racer->ledger, &racer->row, &contract_cause, &err);
    return NULL;
}

static void test_one_of_two_wins(void **state)
{
    struct contract_fixture *fixture = *state;
    pthread_barrier_t barrier;
    struct error err;

    contract_open(fixture);
    pthread_barrier_init(&barrier, NULL, 2);
    for (int i = 0; i < ROUNDS; i++) {
        struct racer racers[2];
        struct reservation row, found;
        char project[32];
        int winner;

        snprintf(project, sizeof(project), "boards-%d", i);
        row = contract_row_in(fixture->ledger, "red", project, 1, RESERVATION_PENDING);
        for (int r = 0; r < 2; r++) {
            racers[r] = (struct racer){.ledger = fixture->ledger,
                                       .barrier = &barrier,
                                       .row = row,
                                       .to = r == 0 ? RESERVATION_ACTIVE : RESERVATION_STOPPING};
            assert_int_equal(pthread_create(&racers[r].thread, NULL, race, &racers[r]), 0);
        }
        for (int r = 0; r < 2; r++)
            pthread_join(racers[r].thread, NULL);
        winner = racers[0].code == 0 ? 0 : 1;
        assert_int_equal(racers[winner].code, 0);
        assert_int_equal(racers[1 - winner].code, ERROR_CONFLICT);
        assert_int_equal(ledger_get(fixture->ledger, row.id, &found, &err), 0);
        assert_int_equal(found.state, racers[winner].to);
        assert_int_equal(found.row_version, 2);
    }
    pthread_barrier_destroy(&barrier);
}

struct mixer {
    pthread_t thread;
    struct ledger *ledger;
    int number;
    const char *wrong; /* what was seen that must not be */
};

/* One worker's life: each row is read back by a reader as soon as it is acknowledged. */
static const char *mix_once(struct mixer *mixer, int round)
{
    struct reservation row, found;
    struct ledger_reserve request;
    struct ledger_reserve_result result;
    struct error err;
    char project[32], key[32];

    snprintf(project, sizeof(project), "boards-%d", mixer->number);
    snprintf(key, sizeof(key), "key-%d-%d", mixer->number, round);
    row = contract_row(mixer->number % 2 == 0 ? "red" : "blue", project, 1);
    request = contract_request(&row, key, 1);
    if (ledger_reserve(mixer->ledger, &request, &result, &err) != 0 ||
        result.outcome != LEDGER_RESERVED)
        return "not reserved";
    if (ledger_get(mixer->ledger, row.id, &found, &err) != 0 ||
        strcmp(found.project, project) != 0 || found.row_version != 1 ||
        found.state != RESERVATION_PENDING)
        return "an acknowledged row is not what a reader sees";
    if (ledger_find_key(mixer->ledger, row.team, key, request.fingerprint, &result, &err) != 0)
        return "an acknowledged key is not seen";
    found.state = RESERVATION_ACTIVE;
    if (ledger_update(mixer->ledger, &found, &contract_cause, &err) != 0)
        return "not activated";
    found.state = RESERVATION_CLOSED;
    found.closed_ms = CONTRACT_NOW_MS;
    if (ledger_update(mixer->ledger, &found, &contract_cause, &err) != 0)
        return "not closed";
    if (ledger_find_live(mixer->ledger, project, "1", &found, &err) != ERROR_NOT_FOUND)
        return "a closed row is live for a reader";
    return NULL;
}

static void *mix(void *context)
{
    struct mixer *mixer = context;

    for (int i = 0; i < ROUNDS / 2 && mixer->wrong == NULL; i++)
        mixer->wrong = mix_once(mixer, i);
    return NULL;
}

static void test_readers_see_what_was_acknowledged(void **state)
{
    struct contract_fixture *fixture = *state;
    static struct mixer mixers[THREADS / 4];
    int64_t commits = 0, changes = 0;

    contract_open(fixture);
    for (int i = 0; i < THREADS / 4; i++) {
        mixers[i] = (struct mixer){.ledger = fixture->ledger, .number = i};
        assert_int_equal(pthread_create(&mixers[i].thread, NULL, mix, &mixers[i]), 0);
    }
    for (int i = 0; i < THREADS / 4; i++) {
        pthread_join(mixers[i].thread, NULL);
        if (mixers[i].wrong != NULL)
            fail_msg("%s", mixers[i].wrong);
    }
    ledger_counters(fixture->ledger, &commits, &changes);
    /* Two pins come from opening. */
    assert_int_equal(changes, 2 + 3 * (THREADS / 4) * (ROUNDS / 2));
    assert_true(commits <= changes);
    contract_check_balances(fixture->ledger, (const char *const[]){"red", "blue", NULL});
}

const struct contract_case contract_race_cases[] = {
    {"never_over", test_never_over},
    {"one_of_two_wins", test_one_of_two_wins},
    {"readers_see_what_was_acknowledged", test_readers_see_what_was_acknowledged},
    {NULL, NULL},
};
