/* The contract of time: unit-time in any window, leases, drift. */
#include "gateway/ledger/ledger_unit_time.h"
#include "gateway/ledger/usage_report.h"
#include "policy/unit_time.h"
#include "tests/ledger/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUARTER_MS INT64_C(900000)
#define DAY_MS     INT64_C(86400000)
#define MODELS     24
#define STEPS      400

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* --- unit-time against a slow model -------------------------------------------------------- */

struct window {
    enum quota_scope scope;
    int64_t from_ms, until_ms;
    struct quota_unit_time seen;
    int code;
};

static int ask(void *context, const struct quota_books *books, struct error *err)
{
    struct window *window = context;

    window->code = books->unit_time(books->self, window->scope, window->from_ms, window->until_ms,
                                    &window->seen, err);
    return window->code;
}

static int ask_and_admit(void *context, const struct quota_books *books, bool *admitted,
                         struct error *err)
{
    *admitted = true;
    return ask(context, books, err);
}

/* Millisecond intervals cut by hand: no sums, no buckets. */
static struct quota_unit_time model_of(const struct reservation *rows, size_t count,
                                       const char *team, int64_t now_ms,
                                       const struct window *window)
{
    struct quota_unit_time sum = {0};

    for (size_t i = 0; i < count; i++) {
        const struct reservation *row = &rows[i];
        const bool live = row->state <= RESERVATION_STOPPING;
        const int64_t turn =
            live ? (now_ms > row->created_ms ? now_ms : row->created_ms) : row->ended_ms;
        int64_t begin = row->created_ms > window->from_ms ? row->created_ms : window->from_ms;
        int64_t end = turn < window->until_ms ? turn : window->until_ms;

        if (row->state == RESERVATION_VOID || (team != NULL && strcmp(row->team, team) != 0))
            continue;
        if (end > begin)
            sum.used += row->units * (end - begin);
        begin = turn > window->from_ms ? turn : window->from_ms;
        end = row->worst_end_ms < window->until_ms ? row->worst_end_ms : window->until_ms;
        if (live && end > begin)
            sum.reserved += row->units * (end - begin);
    }
    return sum;
}

static void check_window(struct ledger *ledger, const struct reservation *rows, size_t count,
                         const char *team, int64_t now_ms, struct window *window)
{
    const struct quota_unit_time expected =
        model_of(rows, count, window->scope == QUOTA_SCOPE_TEAM ? team : NULL, now_ms, window);
    struct ledger_reserve request;
    struct reservation asked;
    struct error err = {0};

    if (ledger_with_books(ledger, team, now_ms, ask, window, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(window->seen.used, expected.used);
    assert_int_equal(window->seen.reserved, expected.reserved);
    /* What a decision sees, which may remember what it saw before. */
    asked = contract_row(team, "asked", 1);
    request = contract_request(&asked, NULL, 0);
    request.dry_run = true;
    request.now_ms = now_ms;
    request.decide = ask_and_admit;
    request.decide_context = window;
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    assert_int_equal(window->seen.used, expected.used);
    assert_int_equal(window->seen.reserved, expected.reserved);
}

static void check_windows(struct ledger *ledger, const struct reservation *rows, size_t count,
                          int64_t now_ms, uint64_t *seed)
{
    static const char *const teams[] = {"red", "blue", RESERVATION_TEAM_UNASSIGNED};
    const int64_t begin_ms = CONTRACT_NOW_MS / QUARTER_MS * QUARTER_MS;

    for (int i = 0; i < 6; i++) {
        const int64_t from = (int64_t)(next(seed) % 1200) - 100;
        struct window window = {.scope = i % 2 == 0 ? QUOTA_SCOPE_TEAM : QUOTA_SCOPE_ACCOUNT,
                                .from_ms = begin_ms + from * QUARTER_MS};

        window.until_ms = window.from_ms + (int64_t)(next(seed) % 800) * QUARTER_MS;
        check_window(ledger, rows, count, teams[next(seed) % 3], now_ms, &window);
    }
    /* The same ones at every step: what is remembered of them must move along. */
    for (int i = 0; i < 4; i++) {
        struct window same = {.scope = i % 2 == 0 ? QUOTA_SCOPE_TEAM : QUOTA_SCOPE_ACCOUNT,
                              .from_ms = i < 2 ? 0 : begin_ms + 90 * QUARTER_MS,
                              .until_ms = i < 2 ? INT64_MAX : begin_ms + 400 * QUARTER_MS};

        check_window(ledger, rows, count, "blue", now_ms, &same);
    }
}

/* One random legal step of a row; what it changes is in the ledger afterwards. */
static void step_row(struct ledger *ledger, struct reservation *row, int64_t now_ms, uint64_t *seed)
{
    struct reservation changed = *row;
    struct error err = {0};
    int code;

    switch (row->state) {
    case RESERVATION_PENDING:
        changed.state = next(seed) % 4 == 0 ? RESERVATION_VOID : RESERVATION_ACTIVE;
        break;
    case RESERVATION_ACTIVE:
        if (next(seed) % 3 == 0)
            changed.units++;
        else if (next(seed) % 3 == 0)
            changed.worst_end_ms += (int64_t)(next(seed) % 40000000) - 20000000;
        else
            changed.state = RESERVATION_STOPPING;
        if (strcmp(row->team, RESERVATION_TEAM_UNASSIGNED) == 0 && next(seed) % 2 == 0) {
            snprintf(changed.team, sizeof(changed.team), "blue");
            changed.lease_from_ms = contract_cause.at_ms;
        }
        break;
    case RESERVATION_STOPPING:
        changed.state = RESERVATION_CLOSED;
        changed.ended_ms = now_ms - (int64_t)(next(seed) % 1000000);
        break;
    case RESERVATION_CLOSED: /* settled anew, or reopened by a late answer */
        changed.ended_ms += (int64_t)(next(seed) % 4000000);
        if (next(seed) % 2 == 0)
            changed.state = RESERVATION_STOPPING;
        break;
    case RESERVATION_UNCERTAIN:
    case RESERVATION_VOID:
        return;
    }
    if (!reservation_state_is_live(changed.state))
        changed.closed_ms = now_ms;
    code = ledger_update(ledger, &changed, &contract_cause, &err);
    if (code != 0)
        fail_msg("%s", err.message);
    *row = changed;
}

static struct reservation make_row(struct ledger *ledger, size_t number, int64_t now_ms,
                                   uint64_t *seed)
{
    struct reservation row;
    struct error err = {0};
    char project[32];

    snprintf(project, sizeof(project), "boards-%zu", number);
    row = contract_row(number % 2 == 0 ? "red" : "blue", project, 1 + (int64_t)(next(seed) % 5));
    row.created_ms = row.lease_from_ms = now_ms;
    row.lease_end_ms = now_ms + (int64_t)(next(seed) % (3 * DAY_MS));
    row.worst_end_ms = row.lease_end_ms + QUARTER_MS;
    if (number % 5 == 4) {
        snprintf(row.team, sizeof(row.team), RESERVATION_TEAM_UNASSIGNED);
        row.origin = RESERVATION_ORIGIN_DRIFT;
        row.state = RESERVATION_ACTIVE;
        row.lease_from_ms = 0;
        row.lease_end_ms = INT64_MAX;
        row.worst_end_ms = now_ms;
        assert_int_equal(ledger_adopt(ledger, &row, &contract_cause, &err), 0);
    } else {
        struct ledger_reserve request = contract_request(&row, NULL, 0);

        request.now_ms = now_ms;
        row = contract_reserve(ledger, &request, LEDGER_RESERVED).row;
    }
    return row;
}

static void test_unit_time_of_random_histories(void **state)
{
    struct contract_fixture *fixture = *state;
    struct ledger *ledger = contract_opened(state);
    static struct reservation rows[MODELS];
    int64_t now_ms = CONTRACT_NOW_MS;
    uint64_t seed = 4711;
    size_t count = 0;

    for (int i = 0; i < STEPS; i++) {
        now_ms += (int64_t)(next(&seed) % 3000000);
        if (count < MODELS && next(&seed) % 8 == 0) {
            rows[count] = make_row(ledger, count, now_ms, &seed);
            count++;
        } else if (count > 0) {
            step_row(ledger, &rows[next(&seed) % count], now_ms, &seed);
        }
        check_windows(ledger, rows, count, now_ms, &seed);
    }
    assert_int_equal(count, MODELS);
    contract_check_balances(ledger, (const char *const[]){"red", "blue", NULL});
    contract_reopen(fixture);
    check_windows(fixture->ledger, rows, count, now_ms, &seed);
}

static void test_decision_sees_unit_time(void **state)
{
    struct ledger *ledger = contract_opened(state);
    struct reservation row = contract_row("red", "boards", 3);
    struct ledger_reserve request = contract_request(&row, NULL, 0);
    struct window window = {.scope = QUOTA_SCOPE_TEAM, .until_ms = INT64_MAX};
    struct ledger_reserve_result result;
    struct error err = {0};

    row = contract_row_in(ledger, "red", "glass", 2, RESERVATION_ACTIVE);
    request.now_ms = CONTRACT_NOW_MS + 500;
    request.decide = ask_and_admit;
    request.decide_context = &window;
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    assert_int_equal(window.seen.used, 2 * 500);
    assert_int_equal(window.seen.reserved, 2 * 1500);
    window.from_ms = -1;
    row = contract_row("red", "wood", 1);
    request = contract_request(&row, NULL, 0);
    request.decide = ask_and_admit;
    request.decide_context = &window;
    assert_int_equal(ledger_reserve(ledger, &request, &result, &err), ERROR_INVALID);
}

/* --- leases -------------------------------------------------------------------------------- */

static int say_no(void *context, const struct quota_books *books, bool *admitted, struct error *err)
{
    int *asked = context;

    (void)books;
    (void)err;
    ++*asked;
    *admitted = false;
    return 0;
}

static struct ledger_lease lease_of(const struct reservation *row, int64_t end_ms, int *asked)
{
    return (struct ledger_lease){.id = row->id,
                                 .row_version = row->row_version,
                                 .lease_end_ms = end_ms,
                                 .worst_end_ms = end_ms + 1000,
                                 .now_ms = CONTRACT_NOW_MS,
                                 .decide = say_no,
                                 .decide_context = asked,
                                 .cause = contract_cause};
}

static void test_lease(void **state)
{
    struct ledger *ledger = contract_opened(state);
    struct reservation row = contract_row_in(ledger, "red", "boards", 2, RESERVATION_ACTIVE);
    const struct reservation old = row;
    struct reservation found;
    struct window window = {.scope = QUOTA_SCOPE_TEAM, .until_ms = INT64_MAX};
    struct error err = {0};
    int asked = 0;
    struct ledger_lease lease = lease_of(&row, row.lease_end_ms - 400, &asked);
    bool admitted = false;

    /* Shorter: nobody is asked, and it is given back at once. */
    assert_int_equal(ledger_change_lease(ledger, &lease, &admitted, &row, &err), 0);
    assert_true(admitted);
    assert_int_equal(asked, 0);
    assert_int_equal(row.lease_end_ms, old.lease_end_ms - 400);
    assert_int_equal(row.row_version, old.row_version + 1);
    assert_int_equal(ledger_find_live(ledger, "boards", "1", &found, &err), 0);
    assert_memory_equal(&found, &row, sizeof(row));
    assert_int_equal(ledger_with_books(ledger, "red", CONTRACT_NOW_MS, ask, &window, &err), 0);
    assert_int_equal(window.seen.reserved, 2 * 1600);
    /* Longer: a decision, that sees what it already holds. */
    lease = lease_of(&row, old.lease_end_ms + 5000, &asked);
    assert_int_equal(ledger_change_lease(ledger, &lease, &admitted, &row, &err), 0);
    assert_false(admitted);
    assert_int_equal(asked, 1);
    assert_int_equal(row.lease_end_ms, old.lease_end_ms - 400);
    lease.decide = ask_and_admit;
    lease.decide_context = &window;
    lease.dry_run = true;
    assert_int_equal(ledger_change_lease(ledger, &lease, &admitted, &found, &err), 0);
    assert_true(admitted);
    assert_int_equal(window.seen.reserved, 2 * 1600);
    assert_int_equal(found.lease_end_ms, old.lease_end_ms + 5000);
    assert_int_equal(ledger_get(ledger, row.id, &found, &err), 0);
    assert_int_equal(found.lease_end_ms, old.lease_end_ms - 400);
    lease.dry_run = false;
    assert_int_equal(ledger_change_lease(ledger, &lease, &admitted, &row, &err), 0);
    assert_int_equal(ledger_get(ledger, row.id, &found, &err), 0);
    assert_int_equal(found.worst_end_ms, old.lease_end_ms + 6000);
    /* Stale, and unknown. */
    assert_int_equal(ledger_change_lease(ledger, &lease, &admitted, &found, &err), ERROR_CONFLICT);
    lease.id = "00000000-0000-4000-8000-000000000000";
    assert_int_equal(ledger_change_lease(ledger, &lease, &admitted, &found, &err), ERROR_NOT_FOUND);
}

static void test_lease_needs_a_state(void **state)
{
    /* P U A S C V: shorter, longer */
    static const char *const allowed[] = {"xxx...", "..x..."};
    struct ledger *ledger = contract_opened(state);
    char project[32];

    for (int longer = 0; longer < 2; longer++) {
        for (int from = 0; from < RESERVATION_STATES; from++) {
            struct window window = {.scope = QUOTA_SCOPE_TEAM, .until_ms = INT64_MAX};
            struct reservation row;
            struct ledger_lease lease;
            struct error err = {0};
            bool admitted;

            snprintf(project, sizeof(project), "boards-%d-%d", longer, from);
            row = contract_row_in(ledger, "red", project, 1, (enum reservation_state)from);
            lease = lease_of(&row, row.lease_end_ms + (longer == 0 ? -1 : 1), NULL);
            lease.decide = ask_and_admit;
            lease.decide_context = &window;
            assert_int_equal(ledger_change_lease(ledger, &lease, &admitted, &row, &err),
                             allowed[longer][from] == 'x' ? 0 : ERROR_REFUSED);
        }
    }
}

/* --- drift --------------------------------------------------------------------------------- */

static struct reservation drift_row(const char *project)
{
    struct reservation row = contract_row(RESERVATION_TEAM_UNASSIGNED, project, 2);

    row.state = RESERVATION_ACTIVE;
    row.origin = RESERVATION_ORIGIN_DRIFT;
    row.lease_end_ms = INT64_MAX;
    row.worst_end_ms = row.created_ms;
    return row;
}

static void test_adopt_and_assign(void **state)
{
    static const char *const teams[] = {"red", RESERVATION_TEAM_UNASSIGNED, NULL};
    struct contract_fixture *fixture = *state;
    struct ledger *ledger = contract_opened(state);
    struct reservation row = drift_row("boards"), again = drift_row("boards"), found;
    struct ledger_cause later = contract_cause;
    struct error err = {0};

    later.at_ms = CONTRACT_NOW_MS + 2000;
    again.state = RESERVATION_PENDING;
    assert_int_equal(ledger_adopt(ledger, &again, &contract_cause, &err), ERROR_INVALID);
    again = drift_row("boards");
    again.origin = RESERVATION_ORIGIN_START;
    assert_int_equal(ledger_adopt(ledger, &again, &contract_cause, &err), ERROR_INVALID);
    again = drift_row("boards");
    again.lease_from_ms = again.created_ms; /* it has no lease yet */
    assert_int_equal(ledger_adopt(ledger, &again, &contract_cause, &err), ERROR_INVALID);
    again = drift_row("boards");
    assert_int_equal(ledger_adopt(ledger, &row, &contract_cause, &err), 0);
    assert_int_equal(row.row_version, 1);
    assert_int_equal(ledger_adopt(ledger, &again, &contract_cause, &err), ERROR_CONFLICT);
    assert_int_equal(ledger_find_live(ledger, "boards", "1", &found, &err), 0);
    assert_memory_equal(&found, &row, sizeof(row));
    contract_check_balances(ledger, teams);

    memset(row.team, 0, sizeof(row.team));
    memset(row.subject, 0, sizeof(row.subject));
    snprintf(row.team, sizeof(row.team), "red");
    snprintf(row.subject, sizeof(row.subject), "admin@example.com");
    row.lease_end_ms = CONTRACT_NOW_MS + 5000;
    row.worst_end_ms = CONTRACT_NOW_MS + 6000;
    /* Its lease counts from the assignment: not from the first sighting, and not from nowhere. */
    assert_int_equal(ledger_update(ledger, &row, &later, &err), ERROR_INVALID);
    row.lease_from_ms = row.created_ms;
    assert_int_equal(ledger_update(ledger, &row, &later, &err), ERROR_INVALID);
    row.lease_from_ms = later.at_ms;
    assert_int_equal(ledger_update(ledger, &row, &later, &err), 0);
    contract_reopen(fixture);
    ledger = fixture->ledger;
    assert_int_equal(ledger_get(ledger, row.id, &found, &err), 0);
    assert_memory_equal(&found, &row, sizeof(row));
    contract_check_balances(ledger, teams);
    row.lease_from_ms++;
    assert_int_equal(ledger_update(ledger, &row, &contract_cause, &err), ERROR_INVALID);
    row.lease_from_ms--;
    snprintf(row.team, sizeof(row.team), "blue");
    assert_int_equal(ledger_update(ledger, &row, &contract_cause, &err), ERROR_INVALID);
}

static void test_releases(void **state)
{
    struct ledger *ledger = contract_opened(state);
    struct quota_release releases[8];
    struct reservation row = drift_row("drift");
    struct error err = {0};
    size_t count = 0;

    assert_int_equal(ledger_adopt(ledger, &row, &contract_cause, &err), 0);
    contract_row_in(ledger, "red", "done", 9, RESERVATION_CLOSED);
    for (int i = 0; i < 3; i++) {
        char project[32];
        struct ledger_reserve request;

        snprintf(project, sizeof(project), "boards-%d", i);
        row = contract_row(i == 1 ? "blue" : "red", project, i + 1);
        row.worst_end_ms = CONTRACT_NOW_MS + 3000 - 1000 * i;
        request = contract_request(&row, NULL, 0);
        contract_reserve(ledger, &request, LEDGER_RESERVED);
    }
    assert_int_equal(ledger_list_releases(ledger, "red", releases, 8, &count, &err), 0);
    assert_int_equal(count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(releases[i].at_ms, CONTRACT_NOW_MS + 1000 * (i + 1));
        assert_int_equal(releases[i].units, 3 - i);
        assert_int_equal(releases[i].of_team, i != 1);
    }
    assert_int_equal(ledger_list_releases(ledger, "red", releases, 2, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(releases[0].units, 3);
    /* For whoever asks, and after each change. */
    assert_int_equal(ledger_list_releases(ledger, "blue", releases, 8, &count, &err), 0);
    assert_int_equal(releases[0].of_team, false);
    assert_int_equal(releases[1].of_team, true);
    assert_int_equal(ledger_find_live(ledger, "boards-2", "1", &row, &err), 0);
    contract_move(ledger, &row, RESERVATION_ACTIVE, 0);
    row.worst_end_ms += 5000;
    contract_move(ledger, &row, RESERVATION_STOPPING, 0);
    assert_int_equal(ledger_list_releases(ledger, "red", releases, 8, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_int_equal(releases[2].units, 3);
    assert_int_equal(releases[2].at_ms, CONTRACT_NOW_MS + 6000);
}

static int ask_held_until(void *context, const struct quota_books *books, struct error *err)
{
    int64_t *until_ms = context;
    const int code = books->held_until(books->self, QUOTA_SCOPE_ACCOUNT, &until_ms[0], err);

    return code != 0 ? code : books->held_until(books->self, QUOTA_SCOPE_TEAM, &until_ms[1], err);
}

static void expect_held_until(struct ledger *ledger, const char *team, int64_t account_ms,
                              int64_t team_ms)
{
    int64_t until_ms[2] = {-1, -1};
    struct error err = {0};

    assert_int_equal(
        ledger_with_books(ledger, team, CONTRACT_NOW_MS, ask_held_until, until_ms, &err), 0);
    assert_int_equal(until_ms[0], account_ms);
    assert_int_equal(until_ms[1], team_ms);
}

static void test_held_until(void **state)
{
    static const char *const teams[] = {"red", "blue", "red"};
    struct ledger *ledger = contract_opened(state);
    struct reservation row;

    expect_held_until(ledger, "red", 0, 0);
    for (int i = 0; i < 3; i++) {
        char project[32];
        struct ledger_reserve request;

        snprintf(project, sizeof(project), "boards-%d", i);
        row = contract_row(teams[i], project, 1);
        row.worst_end_ms = CONTRACT_NOW_MS + (int64_t[]){3000, 9000, 2000}[i];
        request = contract_request(&row, NULL, 0);
        row = contract_reserve(ledger, &request, LEDGER_RESERVED).row;
        if (i == 0)
            expect_held_until(ledger, "blue", CONTRACT_NOW_MS + 3000, 0);
        if (i != 1)
            continue;
        expect_held_until(ledger, "red", CONTRACT_NOW_MS + 9000, CONTRACT_NOW_MS + 3000);
        row.ended_ms = CONTRACT_NOW_MS + 1;
        contract_move(ledger, &row, RESERVATION_VOID, 0);
    }
    expect_held_until(ledger, "red", CONTRACT_NOW_MS + 3000, CONTRACT_NOW_MS + 3000);
}

const struct contract_case contract_book_cases[] = {
    {"unit_time_of_random_histories", test_unit_time_of_random_histories},
    {"decision_sees_unit_time", test_decision_sees_unit_time},
    {"lease", test_lease},
    {"lease_needs_a_state", test_lease_needs_a_state},
    {"adopt_and_assign", test_adopt_and_assign},
    {"releases", test_releases},
    {"held_until", test_held_until},
    {NULL, NULL},
};
