/* The contract of what people do and read: freezes, notes, reports of usage. */
#include "gateway/ledger/usage_report.h"
#include "tests/ledger/contract.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* --- freezes and notes --------------------------------------------------------------------- */

static int freeze(struct ledger *ledger, const char *team, const char *reason, bool on)
{
    struct ledger_freeze freeze = {.actor = "admin@example.com", .since_ms = CONTRACT_NOW_MS};
    struct error err = {0};

    snprintf(freeze.team, sizeof(freeze.team), "%s", team);
    snprintf(freeze.reason, sizeof(freeze.reason), "%s", reason);
    return ledger_set_freeze(ledger, &freeze, on, &contract_cause, &err);
}

static void test_freezes(void **state)
{
    struct contract_fixture *fixture = *state;
    struct ledger *ledger = contract_opened(state);
    const struct reservation row = contract_row("red", "boards", 1);
    const struct ledger_reserve request = contract_request(&row, NULL, 0);
    struct ledger_reserve_result result;
    struct ledger_freeze freezes[4];
    struct error err = {0};
    size_t count = 0;

    assert_int_equal(freeze(ledger, "red", "", false), ERROR_NOT_FOUND);
    contract_row_in(ledger, "red", "glass", 1, RESERVATION_ACTIVE);
    assert_int_equal(freeze(ledger, "blue", "audit", true), 0);
    assert_int_equal(freeze(ledger, "red", "too much", true), 0);
    result = contract_reserve(ledger, &request, LEDGER_FROZEN);
    assert_string_equal(result.freeze.team, "red");
    assert_string_equal(result.freeze.reason, "too much");
    assert_string_equal(result.freeze.actor, "admin@example.com");
    assert_int_equal(freeze(ledger, "", "everything", true), 0);
    assert_string_equal(contract_reserve(ledger, &request, LEDGER_FROZEN).freeze.reason,
                        "everything");
    contract_reopen(fixture);
    ledger = fixture->ledger;
    assert_string_equal(contract_reserve(ledger, &request, LEDGER_FROZEN).freeze.team, "");
    assert_int_equal(ledger_list_freezes(ledger, freezes, 4, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(freezes[0].team, "");
    assert_string_equal(freezes[1].team, "blue");
    assert_int_equal(freeze(ledger, "red", "", false), 0);
    assert_int_equal(ledger_find_freeze(ledger, "red", &freezes[0], &err), 0);
    assert_string_equal(freezes[0].reason, "everything");
    assert_int_equal(freeze(ledger, "", "", false), 0);
    assert_int_equal(ledger_find_freeze(ledger, "red", &freezes[0], &err), ERROR_NOT_FOUND);
    assert_int_equal(ledger_find_freeze(ledger, "blue", &freezes[0], &err), 0);
    assert_string_equal(freezes[0].reason, "audit");
    contract_reserve(ledger, &request, LEDGER_RESERVED);
}

static void test_notes(void **state)
{
    struct ledger *ledger = contract_opened(state);
    const struct reservation row = contract_row_in(ledger, "red", "boards", 1, RESERVATION_ACTIVE);
    struct error err = {0};
    char event[66];

    assert_int_equal(ledger_note(ledger, "policy", NULL, NULL, &contract_cause, &err), 0);
    assert_int_equal(ledger_note(ledger, "lease-warning", NULL, row.id, &contract_cause, &err), 0);
    assert_int_equal(ledger_note(ledger, "lease-warning", NULL,
                                 "00000000-0000-4000-8000-000000000000", &contract_cause, &err),
                     ERROR_NOT_FOUND);
    memset(event, 'e', 65);
    event[65] = '\0';
    assert_int_equal(ledger_note(ledger, event, NULL, NULL, &contract_cause, &err), ERROR_INVALID);
    assert_int_equal(ledger_note(ledger, "", NULL, NULL, &contract_cause, &err), ERROR_INVALID);
}

/* --- reports ------------------------------------------------------------------------------- */

static int write_csv(void *context, const struct usage_line *line, struct error *err)
{
    (void)err;
    usage_write_line(USAGE_CSV, line, context);
    return 0;
}

static int write_json(void *context, const struct usage_line *line, struct error *err)
{
    (void)err;
    usage_write_line(USAGE_JSON, line, context);
    return 0;
}

static void test_report(void **state)
{
    struct ledger *ledger = contract_opened(state);
    const int64_t midnight = CONTRACT_NOW_MS / DAY_MS * DAY_MS;
    struct usage_query query = {.from_ms = midnight - DAY_MS,
                                .until_ms = midnight + 2 * DAY_MS,
                                .now_ms = midnight + 2 * 3600000,
                                .window = {.period = POLICY_DAY}};
    struct reservation row = contract_row("red", "boards", 2);
    struct ledger_reserve request;
    struct strbuf out;
    struct error err = {0};

    row.created_ms = row.lease_from_ms = midnight - 3600000;
    snprintf(row.subject, sizeof(row.subject), "a, \"b\"");
    request = contract_request(&row, NULL, 0);
    row = contract_reserve(ledger, &request, LEDGER_RESERVED).row;
    row.ended_ms = midnight + 1800000 + 1;
    contract_move(ledger, &row, RESERVATION_ACTIVE, 0);
    contract_move(ledger, &row, RESERVATION_CLOSED, 0);
    row = contract_row("blue", "glass", 3);
    row.created_ms = row.lease_from_ms = midnight;
    request = contract_request(&row, NULL, 0);
    contract_reserve(ledger, &request, LEDGER_RESERVED);
    row = contract_row("blue", "never", 3);
    row.created_ms = row.lease_from_ms = midnight;
    row.ended_ms = midnight + 5;
    request = contract_request(&row, NULL, 0);
    row = contract_reserve(ledger, &request, LEDGER_RESERVED).row;
    contract_move(ledger, &row, RESERVATION_VOID, 0);

    strbuf_init(&out, 10000);
    usage_write_head(USAGE_CSV, &out);
    assert_int_equal(usage_report(ledger, &query, write_csv, &out, &err), 0);
    assert_string_equal(
        out.data,
        "PeriodFrom,PeriodUntil,Team,ProjectName,ModelVersion,Subject,UnitHours,"
        "UnitMilliseconds,Reservations,Running\r\n"
        "2023-11-13T00:00:00.000Z,2023-11-14T00:00:00.000Z,red,boards,1,\"a, \"\"b\"\"\",2.000,"
        "7200000,1,false\r\n"
        "2023-11-14T00:00:00.000Z,2023-11-15T00:00:00.000Z,blue,glass,1,someone@example.com,6.000,"
        "21600000,1,true\r\n"
        "2023-11-14T00:00:00.000Z,2023-11-15T00:00:00.000Z,red,boards,1,\"a, \"\"b\"\"\",1.000,"
        "3600002,1,false\r\n");
    strbuf_clear(&out);
    query.team = "red";
    query.window.period = POLICY_TOTAL;
    query.from_ms = midnight - 1000;
    query.until_ms = midnight + 1000;
    assert_int_equal(usage_report(ledger, &query, write_json, &out, &err), 0);
    assert_string_equal(out.data,
                        "{\"PeriodFrom\":\"2023-11-13T23:59:59.000Z\",\"PeriodUntil\":"
                        "\"2023-11-14T00:00:01.000Z\",\"Team\":\"red\",\"ProjectName\":\"boards\","
                        "\"ModelVersion\":\"1\",\"Subject\":\"a, \\\"b\\\"\",\"UnitHours\":0.001,"
                        "\"UnitMilliseconds\":4000,\"Reservations\":1,\"Running\":false}\n");
    query.until_ms = query.from_ms;
    assert_int_equal(usage_report(ledger, &query, write_json, &out, &err), ERROR_INVALID);
    strbuf_free(&out);
}

/* A subject is the identity provider's word; a spreadsheet must not run it. */
static void test_csv_has_no_formulas(void **state)
{
    static const char *const subjects[][2] = {{"=1+1", ",'=1+1,"},      {"+49", ",'+49,"},
                                              {"-x", ",'-x,"},          {"@me", ",'@me,"},
                                              {"\t=1", ",'\t=1,"},      {"=a,\"", ",\"'=a,\"\"\","},
                                              {"a=b@c-d", ",a=b@c-d,"}, {"'a", ",'a,"}};
    struct usage_line line = {.team = "red", .project = "boards", .version = "1"};
    struct strbuf out;

    (void)state;
    strbuf_init(&out, 1000);
    for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        line.subject = subjects[i][0];
        strbuf_clear(&out);
        usage_write_line(USAGE_CSV, &line, &out);
        if (strstr(out.data, subjects[i][1]) == NULL)
            fail_msg("%s became %s", subjects[i][0], out.data);
    }
    line.subject = "=1+1";
    strbuf_clear(&out);
    usage_write_line(USAGE_JSON, &line, &out);
    assert_non_null(strstr(out.data, "\"Subject\":\"=1+1\""));
    strbuf_free(&out);
}

struct nested {
    struct ledger *ledger;
    const struct usage_query *query;
    int depth;
};

/* Asks for another report while one is being made. */
static int report_within(void *context, const struct usage_line *line, struct error *err)
{
    struct nested *nested = context;
    struct reservation row;

    (void)line;
    nested->depth++;
    assert_int_equal(usage_report(nested->ledger, nested->query, report_within, nested, err),
                     nested->depth < USAGE_REPORTS_MAX ? 0 : ERROR_RETRY);
    assert_int_equal(ledger_find_live(nested->ledger, "glass", "1", &row, err), 0);
    nested->depth--;
    return 0;
}

/* However many are asked for: those who read one row find a session. */
static void test_reports_leave_sessions(void **state)
{
    struct ledger *ledger = contract_opened(state);
    const struct usage_query query = {.until_ms = 2 * CONTRACT_NOW_MS,
                                      .now_ms = 2 * CONTRACT_NOW_MS,
                                      .window = {.period = POLICY_TOTAL}};
    struct nested nested = {.ledger = ledger, .query = &query};
    struct error err = {0};

    contract_row_in(ledger, "red", "glass", 1, RESERVATION_ACTIVE);
    assert_int_equal(usage_report(ledger, &query, report_within, &nested, &err), 0);
    assert_int_equal(usage_report(ledger, &query, report_within, &nested, &err), 0);
}

const struct contract_case contract_report_cases[] = {
    {"freezes", test_freezes},
    {"notes", test_notes},
    {"report", test_report},
    {"csv_has_no_formulas", test_csv_has_no_formulas},
    {"reports_leave_sessions", test_reports_leave_sessions},
    {NULL, NULL},
};
