/* The contract of rows: edges, compare-and-set, what is fixed, listings, balances. */
#include "tests/ledger/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ledger *opened(void **state)
{
    struct contract_fixture *fixture = *state;

    contract_open(fixture);
    return fixture->ledger;
}

/* Row: from; column: to; the order is that of the enum. */
static const char *const edges[RESERVATION_STATES] = {
    /* PUASCV */
    "xxxx.x", /* PENDING */
    ".xxxxx", /* UNCERTAIN */
    "..xxx.", /* ACTIVE */
    "...xx.", /* STOPPING */
    "...xx.", /* CLOSED */
    "...x.x", /* VOID */
};

static void test_every_edge(void **state)
{
    static const char *const teams[] = {"red", NULL};
    struct ledger *ledger = opened(state);
    char project[32];

    for (int from = 0; from < RESERVATION_STATES; from++) {
        for (int to = 0; to < RESERVATION_STATES; to++) {
            struct reservation row, found;
            struct error err;

            snprintf(project, sizeof(project), "boards-%d-%d", from, to);
            row = contract_row_in(ledger, "red", project, 2, (enum reservation_state)from);
            contract_move(ledger, &row, (enum reservation_state)to,
                          edges[from][to] == 'x' ? 0 : ERROR_INVALID);
            assert_int_equal(ledger_get(ledger, row.id, &found, &err), 0);
            assert_int_equal(found.state, edges[from][to] == 'x' ? to : from);
            contract_check_balances(ledger, teams);
        }
    }
}

static void test_compare_and_set(void **state)
{
    struct ledger *ledger = opened(state);
    struct reservation row = contract_row_in(ledger, "red", "boards", 1, RESERVATION_PENDING);
    struct reservation stale = row, absent = contract_row("red", "boards", 1);
    struct error err;

    contract_move(ledger, &row, RESERVATION_ACTIVE, 0);
    contract_move(ledger, &stale, RESERVATION_UNCERTAIN, ERROR_CONFLICT);
    assert_int_equal(ledger_get(ledger, row.id, &stale, &err), 0);
    assert_int_equal(stale.state, RESERVATION_ACTIVE);
    contract_move(ledger, &stale, RESERVATION_STOPPING, 0);
    assert_int_equal(ledger_update(ledger, &absent, &contract_cause, &err), ERROR_NOT_FOUND);
}

static int settle(struct ledger *ledger, struct reservation *row, enum reservation_state to)
{
    struct error err;

    row->state = to;
    if (!reservation_state_is_live(to))
        row->closed_ms = CONTRACT_NOW_MS;
    return ledger_settle(ledger, row, &contract_cause, &err);
}

static void test_settle(void **state)
{
    struct contract_fixture *fixture = *state;
    struct ledger *ledger = opened(state);
    struct reservation row, stale, found;
    struct error err;

    row = stale = contract_row_in(ledger, "red", "boards", 1, RESERVATION_PENDING);
    assert_int_equal(settle(ledger, &row, RESERVATION_ACTIVE), 0);
    assert_int_equal(row.row_version, stale.row_version + 1);
    assert_int_equal(ledger_find_live(ledger, "boards", "1", &found, &err), 0);
    assert_int_equal(found.state, RESERVATION_ACTIVE);
    contract_check_balances(ledger, (const char *const[]){"red", NULL});
    assert_int_equal(settle(ledger, &stale, RESERVATION_ACTIVE), ERROR_CONFLICT);
    contract_reopen(fixture);
    assert_int_equal(ledger_get(fixture->ledger, row.id, &found, &err), 0);
    assert_memory_equal(&found, &row, sizeof(row));
}

/* Whatever else changes has to be durable. */
static void test_settle_is_for_one_edge(void **state)
{
    struct ledger *ledger = opened(state);
    char project[32];

    for (int from = 0; from < RESERVATION_STATES; from++) {
        for (int to = 0; to < RESERVATION_STATES; to++) {
            struct reservation row, found;
            struct error err;

            if (from == RESERVATION_PENDING && to == RESERVATION_ACTIVE)
                continue;
            snprintf(project, sizeof(project), "boards-%d-%d", from, to);
            row = contract_row_in(ledger, "red", project, 2, (enum reservation_state)from);
            assert_int_equal(settle(ledger, &row, (enum reservation_state)to), ERROR_INVALID);
            assert_int_equal(ledger_get(ledger, row.id, &found, &err), 0);
            assert_int_equal(found.state, from);
            assert_int_equal(found.row_version, row.row_version);
        }
    }
}

static void test_what_is_fixed(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation row = contract_row_in(ledger, "red", "boards", 2, RESERVATION_PENDING);
    struct reservation changed;
    struct error err;

#define REFUSES(change)                                                                            \
    changed = row;                                                                                 \
    change;                                                                                        \
    assert_int_equal(ledger_update(ledger, &changed, &contract_cause, &err), ERROR_INVALID)
    REFUSES(changed.team[0] = 'x');
    REFUSES(changed.subject[0] = 'x');
    REFUSES(changed.project[0] = 'x');
    REFUSES(changed.version[0] = '2');
    REFUSES(changed.units = 1);
    REFUSES(changed.min_units = 1);
    REFUSES(changed.origin = RESERVATION_ORIGIN_DRIFT);
    REFUSES(changed.worst_end_ms = -1);
    REFUSES(changed.ended_ms = -1);
    REFUSES(changed.max_units = 2);
    REFUSES(changed.client_token[0] = 'x');
    REFUSES(changed.body[0] = 'x');
    REFUSES(changed.body_len--);
    REFUSES(changed.created_ms++);
    REFUSES(changed.lease_from_ms++);
    REFUSES(changed.state = RESERVATION_VOID); /* without its closed_ms */
#undef REFUSES
}

static void fill_times(struct reservation *row)
{
    int64_t *const times[] = {
        &row->lease_end_ms,    &row->first_send_ms,  &row->last_send_ms,     &row->accepted_ms,
        &row->seen_running_ms, &row->not_running_ms, &row->observed_ms,      &row->stop_asked_ms,
        &row->stop_sent_ms,    &row->stop_doubt_ms,  &row->stop_accepted_ms, &row->ended_ms,
        &row->closed_ms,       &row->worst_end_ms,   &row->warned_ms,
    };

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        *times[i] = CONTRACT_NOW_MS + (int64_t)i;
}

static void test_whole_row_survives(void **state)
{
    struct contract_fixture *fixture = *state;
    struct ledger *ledger = opened(state);
    struct reservation row = contract_row("red", "boards", 1), found;
    struct ledger_reserve request;
    struct error err;

    row.max_units = row.units = 5;
    memset(row.subject, 's', RESERVATION_SUBJECT_MAX);
    memset(row.project, 'p', RESERVATION_PROJECT_MAX);
    memset(row.version, '9', RESERVATION_VERSION_MAX);
    memset(row.body, 0, RESERVATION_BODY_MAX); /* bytes, not text */
    row.body_len = RESERVATION_BODY_MAX;
    request = contract_request(&row, NULL, 0);
    row = contract_reserve(ledger, &request, LEDGER_RESERVED).row;

    fill_times(&row);
    row.unobserved = true;
    row.end = RESERVATION_END_HOSTING_FAILED;
    row.refusal_status = 400;
    memset(row.stop_token, 't', RESERVATION_TOKEN_LEN);
    memset(row.status, 'S', RESERVATION_STATUS_MAX - 1);
    memset(row.refusal_type, 'T', RESERVATION_TYPE_MAX - 1);
    memset(row.refusal_message, '\xC3', 1);
    memset(row.refusal_message + 1, '\xA4', 1);
    contract_move(ledger, &row, RESERVATION_ACTIVE, 0);
    contract_move(ledger, &row, RESERVATION_CLOSED, 0);
    row.closed_ms += 7; /* alone, and nothing that moves the row */
    assert_int_equal(ledger_update(ledger, &row, &contract_cause, &err), 0);
    contract_reopen(fixture);
    assert_int_equal(ledger_get(fixture->ledger, row.id, &found, &err), 0);
    assert_memory_equal(&found, &row, sizeof(row));
}

static void test_reopen_needs_the_model(void **state)
{
    struct ledger *ledger = opened(state);
    struct reservation old = contract_row_in(ledger, "red", "boards", 1, RESERVATION_CLOSED);
    struct reservation other = contract_row_in(ledger, "blue", "boards", 1, RESERVATION_ACTIVE);
    struct reservation found;
    struct error err;

    contract_move(ledger, &old, RESERVATION_STOPPING, ERROR_REFUSED);
    contract_move(ledger, &other, RESERVATION_CLOSED, 0);
    assert_int_equal(ledger_get(ledger, old.id, &old, &err), 0);
    contract_move(ledger, &old, RESERVATION_STOPPING, 0);
    assert_int_equal(ledger_find_live(ledger, "boards", "1", &found, &err), 0);
    assert_string_equal(found.id, old.id);
    contract_check_balances(ledger, (const char *const[]){"red", "blue", NULL});
}

#define LISTED 25

/* Pages through a listing; the expected projects stand in `expected`, one character a row. */
static void check_list(struct ledger *ledger, const struct ledger_filter *filter, size_t page,
                       const char *expected)
{
    struct reservation rows[LISTED];
    char after[RESERVATION_ID_LEN + 1] = "", seen[LISTED + 1] = "";
    size_t count = page, sum = 0;
    struct error err = {0};

    while (count == page) {
        if (ledger_list_live(ledger, filter, after, rows, page, &count, &err) != 0)
            fail_msg("%s", err.message);
        for (size_t i = 0; i < count && sum < LISTED; i++)
            seen[sum++] = rows[i].project[0];
        if (count > 0)
            memcpy(after, rows[count - 1].id, sizeof(after));
    }
    assert_string_equal(seen, expected);
}

static void test_lists(void **state)
{
    static const struct {
        const char *team, *project;
        enum reservation_state state;
    } rows[] = {
        {"red", "a", RESERVATION_ACTIVE},  {"blue", "b", RESERVATION_PENDING},
        {"red", "c", RESERVATION_CLOSED},  {"red", "d", RESERVATION_STOPPING},
        {"blue", "e", RESERVATION_ACTIVE}, {"red", "f", RESERVATION_UNCERTAIN},
        {"blue", "g", RESERVATION_VOID},   {"red", "h", RESERVATION_ACTIVE},
    };
    const unsigned active = 1U << RESERVATION_ACTIVE;
    const unsigned urgent =
        1U << RESERVATION_PENDING | 1U << RESERVATION_UNCERTAIN | 1U << RESERVATION_STOPPING;
    struct ledger *ledger = opened(state);
    struct reservation row;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        row = contract_row_in(ledger, rows[i].team, rows[i].project, 1, rows[i].state);
        row.lease_end_ms = CONTRACT_NOW_MS + 1000 * (int64_t)(i + 1);
        contract_move(ledger, &row, rows[i].state, 0);
    }
    for (size_t page = 1; page <= 7; page++) {
        check_list(ledger, &(struct ledger_filter){0}, page, "abdefh");
        check_list(ledger, &(struct ledger_filter){.team = "red"}, page, "adfh");
        check_list(ledger, &(struct ledger_filter){.team = "red", .states = active}, page, "ah");
        check_list(ledger, &(struct ledger_filter){.states = urgent}, page, "bdf");
        check_list(ledger, &(struct ledger_filter){.states = active}, page, "aeh");
        check_list(
            ledger,
            &(struct ledger_filter){.states = active, .lease_before_ms = CONTRACT_NOW_MS + 5000},
            page, "ae");
        check_list(ledger, &(struct ledger_filter){.project = "d"}, page, "d");
        check_list(ledger, &(struct ledger_filter){.project = "d", .team = "blue"}, page, "");
        check_list(ledger, &(struct ledger_filter){.states = 1U << RESERVATION_CLOSED}, page, "");
    }
}

#define MODELS 12
#define STEPS  3000

/* xorshift64: the same histories everywhere. */
static int random_below(uint64_t *seed, int limit)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (int)(*seed % (uint64_t)limit);
}

/* Takes one of `MODELS` models a step further, at random, also where there is no such edge. */
static void random_step(struct ledger *ledger, struct reservation *models, uint64_t *seed)
{
    static const char *const teams[] = {"red", "blue", "green"};
    const int number = random_below(seed, MODELS);
    struct reservation *row = &models[number];
    const enum reservation_state to =
        (enum reservation_state)(random_below(seed, RESERVATION_STATES));
    struct error err;
    char project[32];
    int code;

    if (row->id[0] == '\0' ||
        (!reservation_state_is_live(row->state) && random_below(seed, 2) == 0)) {
        struct ledger_reserve_result result;
        struct ledger_reserve request;

        snprintf(project, sizeof(project), "boards-%d", number);
        *row = contract_row(teams[random_below(seed, 3)], project, 1 + random_below(seed, 5));
        request = contract_request(row, NULL, 0);
        assert_int_equal(ledger_reserve(ledger, &request, &result, &err), 0);
        *row = result.row;
        return;
    }
    if (!reservation_state_is_live(to))
        row->closed_ms = CONTRACT_NOW_MS;
    if (random_below(seed, 10) == 0)
        row->row_version--; /* stale */
    row->state = to;
    code = ledger_update(ledger, row, &contract_cause, &err);
    assert_true(code == 0 || code == ERROR_CONFLICT || code == ERROR_INVALID);
    if (code != 0)
        assert_int_equal(ledger_get(ledger, row->id, row, &err), 0);
}

static void test_balances_after_random_histories(void **state)
{
    static const char *const teams[] = {"red", "blue", "green", NULL};
    struct contract_fixture *fixture = *state;
    struct reservation *models = calloc(MODELS, sizeof(*models));
    uint64_t seed = 20251031;

    assert_non_null(models);
    contract_open(fixture);
    for (int i = 1; i <= STEPS; i++) {
        random_step(fixture->ledger, models, &seed);
        if (i % 100 == 0)
            contract_check_balances(fixture->ledger, teams);
        if (i % 1000 == 0)
            contract_reopen(fixture);
    }
    contract_check_balances(fixture->ledger, teams);
    free(models);
}

const struct contract_case contract_row_cases[] = {
    {"every_edge", test_every_edge},
    {"compare_and_set", test_compare_and_set},
    {"settle", test_settle},
    {"settle_is_for_one_edge", test_settle_is_for_one_edge},
    {"what_is_fixed", test_what_is_fixed},
    {"whole_row_survives", test_whole_row_survives},
    {"reopen_needs_the_model", test_reopen_needs_the_model},
    {"lists", test_lists},
    {"balances_after_random_histories", test_balances_after_random_histories},
    {NULL, NULL},
};
