/* The suite's runner and what its parts share. */
#include "tests/ledger/contract.h"

#include "gateway/base/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES_MAX 64
#define PAGE      32

const struct ledger_cause contract_cause = {.at_ms = CONTRACT_NOW_MS,
                                            .actor = "someone@example.com",
                                            .request_id = "request-1",
                                            .policy = "0123456789abcdef0123456789abcdef",
                                            .why = "the suite"};

static int admit_all(void *context, const struct quota_books *books, bool *admitted,
                     struct error *err)
{
    (void)context;
    (void)books;
    (void)err;
    *admitted = true;
    return 0;
}

void contract_open(struct contract_fixture *fixture)
{
    struct error err = {0};

    if (fixture->contract->open(fixture->place, CONTRACT_ENDPOINT, CONTRACT_REGION,
                                &fixture->ledger, &err) != 0)
        fail_msg("open: %s", err.message);
}

struct ledger *contract_opened(void **state)
{
    struct contract_fixture *fixture = *state;

    contract_open(fixture);
    return fixture->ledger;
}

void contract_reopen(struct contract_fixture *fixture)
{
    ledger_close(&fixture->ledger);
    assert_null(fixture->ledger);
    contract_open(fixture);
}

struct reservation contract_row(const char *team, const char *project, int64_t units)
{
    struct reservation row;

    memset(&row, 0, sizeof(row));
    assert_int_equal(crypto_uuid4(row.id), 0);
    assert_int_equal(crypto_uuid4(row.client_token), 0);
    row.state = RESERVATION_PENDING;
    snprintf(row.team, sizeof(row.team), "%s", team);
    snprintf(row.subject, sizeof(row.subject), "someone@example.com");
    snprintf(row.project, sizeof(row.project), "%s", project);
    snprintf(row.version, sizeof(row.version), "1");
    row.min_units = row.units = units;
    row.body_len =
        (size_t)snprintf(row.body, sizeof(row.body), "{\"MinInferenceUnits\":%d}", (int)units);
    row.created_ms = CONTRACT_NOW_MS;
    row.lease_from_ms = strcmp(team, RESERVATION_TEAM_UNASSIGNED) == 0 ? 0 : CONTRACT_NOW_MS;
    row.lease_end_ms = CONTRACT_NOW_MS + 1000;
    row.worst_end_ms = CONTRACT_NOW_MS + 2000;
    return row;
}

struct ledger_reserve contract_request(const struct reservation *row, const char *key,
                                       unsigned char print)
{
    struct ledger_reserve request = {
        .row = *row,
        .key = key,
        .now_ms = CONTRACT_NOW_MS,
        .quiet_ms = CONTRACT_QUIET_MS,
        .decide = admit_all,
        .cause = contract_cause,
    };

    memset(request.fingerprint, print, sizeof(request.fingerprint));
    return request;
}

struct ledger_reserve_result contract_reserve(struct ledger *ledger,
                                              const struct ledger_reserve *request,
                                              enum ledger_reserve_outcome expected)
{
    struct ledger_reserve_result result;
    struct error err = {0};

    if (ledger_reserve(ledger, request, &result, &err) != 0)
        fail_msg("reserve: %s", err.message);
    assert_int_equal(result.outcome, expected);
    return result;
}

void contract_move(struct ledger *ledger, struct reservation *row, enum reservation_state to,
                   int expected)
{
    const int64_t version = row->row_version;
    struct error err = {0};
    int code;

    row->state = to;
    if (!reservation_state_is_live(to))
        row->closed_ms = CONTRACT_NOW_MS;
    code = ledger_update(ledger, row, &contract_cause, &err);
    if (code != expected)
        fail_msg("to %s: %d %s", reservation_state_name(to), code, err.message);
    assert_int_equal(row->row_version, code == 0 ? version + 1 : version);
}

struct reservation contract_row_in(struct ledger *ledger, const char *team, const char *project,
                                   int64_t units, enum reservation_state state)
{
    const struct reservation row = contract_row(team, project, units);
    const struct ledger_reserve request = contract_request(&row, NULL, 0);
    struct ledger_reserve_result result = contract_reserve(ledger, &request, LEDGER_RESERVED);

    if (state == RESERVATION_CLOSED)
        contract_move(ledger, &result.row, RESERVATION_ACTIVE, 0);
    if (state != RESERVATION_PENDING)
        contract_move(ledger, &result.row, state, 0);
    return result.row;
}

static void add_row(struct quota_usage *usage, const struct reservation *row)
{
    const bool used = row->state == RESERVATION_ACTIVE || row->state == RESERVATION_STOPPING;

    *(used ? &usage->used_units : &usage->reserved_units) += row->units;
    *(used ? &usage->used_models : &usage->reserved_models) += 1;
}

static void check_scope(struct ledger *ledger, const char *team)
{
    const struct ledger_filter filter = {.team = team};
    struct quota_usage sum = {0}, account, of_team;
    struct reservation rows[PAGE];
    char after[RESERVATION_ID_LEN + 1] = "";
    size_t count = PAGE;
    struct error err = {0};

    while (count == PAGE) {
        assert_int_equal(ledger_list_live(ledger, &filter, after, rows, PAGE, &count, &err), 0);
        for (size_t i = 0; i < count; i++)
            add_row(&sum, &rows[i]);
        if (count > 0)
            memcpy(after, rows[count - 1].id, sizeof(after));
    }
    assert_int_equal(ledger_usage(ledger, team, &account, &of_team, &err), 0);
    assert_memory_equal(team == NULL ? &account : &of_team, &sum, sizeof(sum));
}

void contract_check_balances(struct ledger *ledger, const char *const *teams)
{
    check_scope(ledger, NULL);
    for (; *teams != NULL; teams++)
        check_scope(ledger, *teams);
}

static int setup(void **state)
{
    struct contract_fixture *fixture = calloc(1, sizeof(*fixture));

    if (fixture == NULL)
        return -1;
    fixture->contract = *state;
    fixture->place = fixture->contract->make();
    *state = fixture;
    return fixture->place == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    struct contract_fixture *fixture = *state;

    ledger_close(&fixture->ledger);
    fixture->contract->destroy(&fixture->place);
    free(fixture);
    return 0;
}

int ledger_contract_run(const struct ledger_contract *contract)
{
    static const struct contract_case *const parts[] = {
        contract_reserve_cases, contract_row_cases,  contract_race_cases,
        contract_life_cases,    contract_book_cases, contract_report_cases};
    struct CMUnitTest tests[CASES_MAX];
    size_t count = 0;
    void *given;

    memcpy(&given, &contract, sizeof(given));
    memset(tests, 0, sizeof(tests));
    for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
        for (const struct contract_case *c = parts[p]; c->name != NULL && count < CASES_MAX; c++)
            tests[count++] = (struct CMUnitTest){c->name, c->run, setup, teardown, given};
    }
    return _cmocka_run_group_tests(contract->name, tests, count, NULL, NULL);
}
