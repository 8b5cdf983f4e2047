/* The contract of ledger_reserve: the order of its steps, keys, fence, dry run. */
#include "tests/ledger/contract.h"

#include <stdio.h>
#include <string.h>

static struct ledger *opened(void **state)
{
    struct contract_fixture *fixture = *state;

    contract_open(fixture);
    return fixture->ledger;
}

static void assert_no_row(struct ledger *ledger, const char *id)
{
    struct reservation found;
    struct error err;

    assert_int_equal(ledger_get(ledger, id, &found, &err), ERROR_NOT_FOUND);
}

static void test_reserved_row_is_there(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct ledger_reserve request = contract_request(&row, "key", 1);
    struct ledger_reserve_result result = contract_reserve(ledger, &request, LEDGER_RESERVED);
    struct reservation found;
    struct error err;

    assert_int_equal(result.row.row_version, 1);
    assert_int_equal(ledger_get(ledger, row.id, &found, &err), 0);
    assert_memory_equal(&found, &result.row, sizeof(found));
    assert_int_equal(ledger_find_live(ledger, "boards", "1", &found, &err), 0);
    assert_string_equal(found.id, row.id);
    assert_int_equal(ledger_find_live(ledger, "boards", "2", &found, &err), ERROR_NOT_FOUND);
}

static void test_invalid_is_refused(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation row = contract_row("red", "boards", 1);
    struct ledger_reserve request = contract_request(&row, "", 1);
    struct ledger_reserve_result result;
    struct error err;
    char key[LEDGER_KEY_MAX + 2];

    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_INVALID);
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    request.key = key;
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_INVALID);
    request.key = NULL;
    request.row.state = RESERVATION_ACTIVE;
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_INVALID);
    request.row = row;
    request.row.units = 0;
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_INVALID);
    request.row = row;
    request.row.team[0] = '\0'; /* would be the account's balance */
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_INVALID);
    assert_no_row(ledger, row.id);
    assert_true(ledger_is_writable(ledger));
}

static void test_same_id_twice(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation row = contract_row("red", "boards", 1);
    struct ledger_reserve request = contract_request(&row, NULL, 0);
    struct ledger_reserve_result result;
    struct error err;

    contract_reserve(ledger, &request, LEDGER_RESERVED);
    snprintf(request.row.project, sizeof(request.row.project), "solder");
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_INVALID);
    assert_true(ledger_is_writable(ledger));
    contract_check_balances(ledger, (const char *const[]){"red", NULL});
}

static void test_held_by_another(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation first = contract_row("red", "boards", 1);
    const struct reservation second = contract_row("blue", "boards", 1);
    struct ledger_reserve request = contract_request(&first, NULL, 0);
    struct ledger_reserve_result result;
    struct error err;

    contract_reserve(ledger, &request, LEDGER_RESERVED);
    request = contract_request(&second, "key", 1);
    result = contract_reserve(ledger, &request, LEDGER_HELD);
    assert_string_equal(result.row.id, first.id);
    assert_no_row(ledger, second.id);
    assert_int_equal(ledger_find_key(ledger, "blue", "key", request.fingerprint, &result, &err),
                     ERROR_NOT_FOUND);
}

static void test_key_attached_to_held(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation first = contract_row("red", "boards", 2);
    const struct reservation repeat = contract_row("red", "boards", 2);
    struct reservation other = contract_row("red", "boards", 3);
    struct ledger_reserve request = contract_request(&first, NULL, 0);
    struct ledger_reserve_result result;
    struct error err;

    contract_reserve(ledger, &request, LEDGER_RESERVED);
    request = contract_request(&other, "three", 3);
    contract_reserve(ledger, &request, LEDGER_HELD);
    assert_int_equal(ledger_find_key(ledger, "red", "three", request.fingerprint, &result, &err),
                     ERROR_NOT_FOUND);
    /* The same worst case, but other numbers: not what is held. */
    other = repeat;
    other.min_units = 1;
    other.max_units = 2;
    request = contract_request(&other, "one to two", 4);
    contract_reserve(ledger, &request, LEDGER_HELD);
    assert_int_equal(
        ledger_find_key(ledger, "red", "one to two", request.fingerprint, &result, &err),
        ERROR_NOT_FOUND);
    request = contract_request(&repeat, "two", 2);
    contract_reserve(ledger, &request, LEDGER_HELD);
    result = contract_reserve(ledger, &request, LEDGER_REPLAY);
    assert_string_equal(result.row.id, first.id);
}

static void test_key_not_attached_to_stopping(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation repeat = contract_row("red", "boards", 2);
    struct ledger_reserve request = contract_request(&repeat, "again", 2);
    struct reservation held = contract_row_in(ledger, "red", "boards", 2, RESERVATION_STOPPING);

    contract_reserve(ledger, &request, LEDGER_HELD);
    contract_reserve(ledger, &request, LEDGER_HELD);
    contract_move(ledger, &held, RESERVATION_CLOSED, 0);
    contract_reserve(ledger, &request, LEDGER_RESERVED);
}

static void test_key_replayed_and_reused(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation first = contract_row("red", "boards", 1);
    const struct reservation second = contract_row("red", "solder", 1);
    const struct reservation foreign = contract_row("blue", "solder", 1);
    struct ledger_reserve request = contract_request(&first, "key", 1);
    struct ledger_reserve_result result = contract_reserve(ledger, &request, LEDGER_RESERVED);
    struct error err;

    contract_move(ledger, &result.row, RESERVATION_ACTIVE, 0);
    contract_move(ledger, &result.row, RESERVATION_CLOSED, 0);
    request = contract_request(&second, "key", 1);
    result = contract_reserve(ledger, &request, LEDGER_REPLAY);
    assert_string_equal(result.row.id, first.id);
    assert_int_equal(result.row.state, RESERVATION_CLOSED);
    request = contract_request(&second, "key", 2);
    result = contract_reserve(ledger, &request, LEDGER_KEY_REUSED);
    assert_string_equal(result.row.id, first.id);
    assert_int_equal(ledger_find_key(ledger, "red", "key", request.fingerprint, &result, &err), 0);
    assert_int_equal(result.outcome, LEDGER_KEY_REUSED);
    assert_no_row(ledger, second.id);

    request = contract_request(&foreign, "key", 2); /* a key belongs to its team */
    contract_reserve(ledger, &request, LEDGER_RESERVED);
}

static void test_key_rearms(void **state)
{
    static const enum reservation_end ends[] = {RESERVATION_END_NOT_SENT, RESERVATION_END_THROTTLED,
                                                RESERVATION_END_OUR_FAULT};
    struct ledger *ledger = opened(state);
    struct ledger_reserve_result result;
    struct ledger_reserve request;
    struct reservation row;
    struct error err;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        row = contract_row("red", "boards", 1);
        request = contract_request(&row, "key", (unsigned char)i);
        result = contract_reserve(ledger, &request, LEDGER_RESERVED);
        assert_string_equal(result.row.id, row.id);
        result.row.end = ends[i];
        contract_move(ledger, &result.row, RESERVATION_VOID, 0);
        assert_int_equal(ledger_find_key(ledger, "red", "key", request.fingerprint, &result, &err),
                         ERROR_NOT_FOUND);
    }
    row = contract_row("red", "boards", 1);
    request = contract_request(&row, "key", 9);
    result = contract_reserve(ledger, &request, LEDGER_RESERVED);
    result.row.end = RESERVATION_END_REFUSED; /* AWS's word: replayed */
    contract_move(ledger, &result.row, RESERVATION_VOID, 0);
    result = contract_reserve(ledger, &request, LEDGER_REPLAY);
    assert_string_equal(result.row.id, row.id);
}

static void test_keys_are_forgotten(void **state)
{
    const int rows = 1203; /* more than a round's worth, twice */
    struct ledger *ledger = opened(state);
    struct ledger_reserve_result result;
    struct ledger_reserve request;
    struct reservation row;
    struct error err = {0};
    size_t forgotten = 99;
    char key[16];

    for (int i = 0; i < rows; i++) {
        row = contract_row("red", "boards", 1);
        snprintf(key, sizeof(key), "key-%d", i);
        request = contract_request(&row, key, 1);
        result = contract_reserve(ledger, &request, LEDGER_RESERVED);
        contract_move(ledger, &result.row, RESERVATION_ACTIVE, 0);
        contract_move(ledger, &result.row, RESERVATION_CLOSED, 0);
    }
    row = contract_row("red", "boards", 1);
    request = contract_request(&row, "live", 1);
    contract_reserve(ledger, &request, LEDGER_RESERVED);

    assert_int_equal(ledger_forget_keys(ledger, CONTRACT_NOW_MS, &forgotten, &err), 0);
    assert_int_equal(forgotten, 0);
    assert_int_equal(ledger_forget_keys(ledger, CONTRACT_NOW_MS + 1, &forgotten, &err), 0);
    assert_int_equal(forgotten, rows);
    assert_int_equal(ledger_find_key(ledger, "red", "key-0", request.fingerprint, &result, &err),
                     ERROR_NOT_FOUND);
    assert_int_equal(ledger_find_key(ledger, "red", "live", request.fingerprint, &result, &err), 0);
    assert_int_equal(ledger_forget_keys(ledger, CONTRACT_NOW_MS + 1, NULL, &err), 0);
}

static void test_fence(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation next = contract_row("blue", "boards", 1);
    struct reservation older = contract_row_in(ledger, "red", "boards", 1, RESERVATION_STOPPING);
    struct ledger_reserve request = contract_request(&next, NULL, 0);
    struct ledger_reserve_result result;
    struct reservation newer;

    older.stop_doubt_ms = CONTRACT_NOW_MS - 1000;
    contract_move(ledger, &older, RESERVATION_CLOSED, 0);
    result = contract_reserve(ledger, &request, LEDGER_FENCED);
    assert_int_equal(result.fence_until_ms, CONTRACT_NOW_MS - 1000 + CONTRACT_QUIET_MS);
    request.now_ms = CONTRACT_NOW_MS - 1000 + CONTRACT_QUIET_MS;
    request.dry_run = true;
    contract_reserve(ledger, &request, LEDGER_RESERVED);

    /* The latest doubt counts, whichever row has it. */
    request.dry_run = false;
    request.row = contract_row("red", "boards", 1);
    newer = contract_reserve(ledger, &request, LEDGER_RESERVED).row;
    contract_move(ledger, &newer, RESERVATION_STOPPING, 0);
    newer.stop_doubt_ms = CONTRACT_NOW_MS - 5000;
    contract_move(ledger, &newer, RESERVATION_CLOSED, 0);
    older.stop_doubt_ms = request.now_ms;
    contract_move(ledger, &older, RESERVATION_CLOSED, 0);
    request.row = next;
    contract_reserve(ledger, &request, LEDGER_FENCED);

    older.stop_doubt_ms = 0; /* its fate became known */
    contract_move(ledger, &older, RESERVATION_CLOSED, 0);
    contract_reserve(ledger, &request, LEDGER_RESERVED);
}

struct seen_usage {
    struct quota_usage account, team;
    bool admit;
    int code;
};

static int see(void *context, const struct quota_books *books, bool *admitted, struct error *err)
{
    struct seen_usage *seen = context;

    seen->account = books->account;
    seen->team = books->team;
    *admitted = seen->admit;
    return seen->code == 0 ? 0 : error_set(err, seen->code, "no decision");
}

static void test_decide_sees_usage(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation row = contract_row("red", "solder", 4);
    struct ledger_reserve request = contract_request(&row, "key", 1);
    struct ledger_reserve_result result;
    struct seen_usage seen = {.admit = false};
    struct error err;

    contract_row_in(ledger, "red", "boards", 2, RESERVATION_ACTIVE);
    contract_row_in(ledger, "red", "glass", 3, RESERVATION_UNCERTAIN);
    contract_row_in(ledger, "blue", "paint", 5, RESERVATION_PENDING);
    contract_row_in(ledger, "blue", "wood", 7, RESERVATION_VOID);
    request.decide = see;
    request.decide_context = &seen;
    contract_reserve(ledger, &request, LEDGER_REFUSED);
    assert_int_equal(seen.account.used_units, 2);
    assert_int_equal(seen.account.reserved_units, 8);
    assert_int_equal(seen.account.used_models, 1);
    assert_int_equal(seen.account.reserved_models, 2);
    assert_int_equal(seen.team.used_units, 2);
    assert_int_equal(seen.team.reserved_units, 3);
    assert_no_row(ledger, row.id);
    assert_int_equal(ledger_find_key(ledger, "red", "key", request.fingerprint, &result, &err),
                     ERROR_NOT_FOUND);
    seen = (struct seen_usage){.admit = true, .code = ERROR_INVALID};
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_INVALID);
    assert_string_equal(err.message, "no decision");
    assert_no_row(ledger, row.id);
}

static void test_dry_run_writes_nothing(void **state)
{
    struct ledger *ledger = opened(state);
    const struct reservation row = contract_row("red", "boards", 2);
    const struct reservation repeat = contract_row("red", "solder", 2);
    struct ledger_reserve request = contract_request(&row, "key", 1);
    struct ledger_reserve_result result;
    struct error err;

    contract_row_in(ledger, "red", "solder", 2, RESERVATION_ACTIVE);
    request.dry_run = true;
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    assert_no_row(ledger, row.id);
    request = contract_request(&repeat, "key", 1);
    request.dry_run = true;
    contract_reserve(ledger, &request, LEDGER_HELD);
    assert_int_equal(ledger_find_key(ledger, "red", "key", request.fingerprint, &result, &err),
                     ERROR_NOT_FOUND);
    contract_check_balances(ledger, (const char *const[]){"red", NULL});
}

const struct contract_case contract_reserve_cases[] = {
    {"reserved_row_is_there", test_reserved_row_is_there},
    {"invalid_is_refused", test_invalid_is_refused},
    {"same_id_twice", test_same_id_twice},
    {"held_by_another", test_held_by_another},
    {"key_attached_to_held", test_key_attached_to_held},
    {"key_not_attached_to_stopping", test_key_not_attached_to_stopping},
    {"key_replayed_and_reused", test_key_replayed_and_reused},
    {"key_rearms", test_key_rearms},
    {"keys_are_forgotten", test_keys_are_forgotten},
    {"fence", test_fence},
    {"decide_sees_usage", test_decide_sees_usage},
    {"dry_run_writes_nothing", test_dry_run_writes_nothing},
    {NULL, NULL},
};
