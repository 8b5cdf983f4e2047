/* GET /v1/usage: what it asks the ledger, and what it makes of the lines. */
#include "tests/unit/cmocka_all.h"

#include "tests/unit/api_call.h"
#include "tests/unit/api_world.h"

#include "policy/civil.h"

#include <stdio.h>
#include <string.h>

#define USAGE   "/v1/usage"
#define HOUR_MS INT64_C(3600000)

static int64_t at(int64_t year, int month, int day, int hour)
{
    return civil_to_day(year, month, day) * CIVIL_DAY_MS + hour * HOUR_MS;
}

static void one_line(void)
{
    world.line = (struct usage_line){
        .from_ms = at(2026, 11, 1, 0),
        .until_ms = at(2026, 11, 23, 16),
        .team = "assembly-line",
        .project = "circuit-boards",
        .version = "3",
        .subject = "ada \"the first\", of Berlin",
        .unit_ms = 90 * 60000 + 1,
        .reservations = 2,
        .running = true,
    };
    world.line_count = 1;
}

static void tells_this_month_so_far(void **state)
{
    (void)state;
    one_line();
    call("GET", USAGE, NULL, reader, 200);
    assert_string_equal(world.query.team, "assembly-line");
    assert_int_equal(world.query.from_ms, at(2026, 11, 1, 0));
    assert_int_equal(world.query.until_ms, WORLD_NOW_MS);
    assert_int_equal(world.query.now_ms, WORLD_NOW_MS);
    assert_int_equal(world.query.window.period, POLICY_MONTH);
    assert_string_equal(text_of("From"), "2026-11-01T00:00:00.000Z");
    assert_string_equal(text_of("Until"), "2026-11-23T16:00:00.000Z");
    assert_string_equal(text_of("AsOf"), "2026-11-23T16:00:00.000Z");
    assert_string_equal(text_of("Period"), "month");
    assert_string_equal(text_of("TimeZone"), "UTC");
    assert_string_equal(text_of("Team"), "assembly-line");
    assert_string_equal(text_of("Usage.0.Subject"), "ada \"the first\", of Berlin");
    assert_int_equal(number_of("Usage.0.UnitMilliseconds"), 5400001);
    assert_int_equal(number_of("Usage.0.Reservations"), 2);
    assert_true(json_is_true(member_of("Usage.0.Running")));
    assert_int_equal(number_of("UnitMilliseconds"), 5400001);
    assert_non_null(strstr(exchange.body.data, "\"UnitHours\":1.500"));

    world.line_count = 3;
    call("GET", USAGE, NULL, reader, 200);
    assert_int_equal(json_array_size(member_of("Usage")), 3);
    assert_int_equal(number_of("UnitMilliseconds"), 3 * 5400001);
    world.line_count = 0;
    call("GET", USAGE, NULL, reader, 200);
    assert_int_equal(json_array_size(member_of("Usage")), 0);
    assert_int_equal(number_of("UnitMilliseconds"), 0);
}

static void reads_the_interval_in_its_zone(void **state)
{
    (void)state;
    call("GET", USAGE, "TimeZone=Europe%2FBerlin", reader, 200);
    assert_string_equal(world.query_zone, "Europe/Berlin");
    assert_string_equal(text_of("TimeZone"), "Europe/Berlin");
    assert_int_equal(world.query.from_ms, at(2026, 10, 31, 23));
    /* A date is midnight there: the last day of summer time has 25 hours. */
    call("GET", USAGE, "TimeZone=Europe%2FBerlin&From=2026-10-25&Until=2026-10-26", reader, 200);
    assert_int_equal(world.query.from_ms, at(2026, 10, 24, 22));
    assert_int_equal(world.query.until_ms - world.query.from_ms, 25 * HOUR_MS);
    /* A time says its offset itself. */
    call("GET", USAGE, "From=2026-11-02T01:30:00%2B01:00&Until=2026-11-02T01:00:00Z", reader, 200);
    assert_int_equal(world.query.from_ms, at(2026, 11, 2, 0) + HOUR_MS / 2);
    assert_int_equal(world.query.until_ms, at(2026, 11, 2, 1));
    /* Without `from` it is the month in which the interval ends, to its last moment. */
    call("GET", USAGE, "Until=2026-11-01", reader, 200);
    assert_int_equal(world.query.from_ms, at(2026, 10, 1, 0));
    call("GET", USAGE, "From=2025-10-20&Until=2026-11-23", reader, 200);
    assert_int_equal(world.query.from_ms, at(2025, 10, 20, 0));
}

static void reads_period_and_week(void **state)
{
    (void)state;
    call("GET", USAGE, "Period=day", reader, 200);
    assert_int_equal(world.query.window.period, POLICY_DAY);
    call("GET", USAGE, "Period=week", reader, 200);
    assert_int_equal(world.query.window.week_start, 0);
    call("GET", USAGE, "Period=week&WeekStarts=sunday", reader, 200);
    assert_int_equal(world.query.window.period, POLICY_WEEK);
    assert_int_equal(world.query.window.week_start, 6);
    call("GET", USAGE, "Period=total", reader, 200);
    assert_int_equal(world.query.window.period, POLICY_TOTAL);
}

/* The days of a budget with "day_starts": a date is where that day begins. */
static void reads_when_the_day_starts(void **state)
{
    (void)state;
    call("GET", USAGE, "Period=day&From=2026-11-01&Until=2026-11-02", reader, 200);
    assert_int_equal(world.query.window.day_start_minutes, 0);
    call("GET", USAGE,
         "Period=day&DayStarts=06:15&TimeZone=Europe%2FBerlin&From=2026-11-01&Until=2026-11-02",
         reader, 200);
    assert_int_equal(world.query.window.day_start_minutes, 6 * 60 + 15);
    assert_int_equal(world.query.from_ms, at(2026, 11, 1, 5) + HOUR_MS / 4);
    assert_int_equal(world.query.until_ms, at(2026, 11, 2, 5) + HOUR_MS / 4);
    call("GET", USAGE, "Period=week&WeekStarts=sunday&DayStarts=22:00", reader, 200);
    assert_int_equal(world.query.window.week_start, 6);
    assert_int_equal(world.query.window.day_start_minutes, 22 * 60);
    /* A time is what it says; and the present month begins with its first day. */
    call("GET", USAGE, "DayStarts=06:00&From=2026-11-01T00:00:00Z", reader, 200);
    assert_int_equal(world.query.from_ms, at(2026, 11, 1, 0));
    call("GET", USAGE, "DayStarts=06:00", reader, 200);
    assert_int_equal(world.query.from_ms, at(2026, 11, 1, 6));
    call("GET", USAGE, "DayStarts=06:00&Until=2026-11-01", reader, 200);
    assert_int_equal(world.query.from_ms, at(2026, 10, 1, 6));
    /* A start that is skipped is the end of the gap: 2026-03-29 02:30 in Berlin. */
    call("GET", USAGE, "DayStarts=02:30&TimeZone=Europe%2FBerlin&From=2026-03-29", reader, 200);
    assert_int_equal(world.query.from_ms, at(2026, 3, 29, 1));
}

static void says_what_is_wrong_with_the_query(void **state)
{
    static const struct {
        const char *query, *part;
    } cases[] = {
        {"Period=year", "expected one of day, week, month, total"},
        {"Period=", "saw Period=\"\""},
        {"Format=xml", "expected one of csv, json"},
        {"WeekStarts=sunday", "WeekStarts says nothing about the period \"month\""},
        {"Period=total&WeekStarts=sunday", "WeekStarts says nothing about the period \"total\""},
        {"Period=total&DayStarts=06:00", "DayStarts says nothing about the period \"total\""},
        {"Period=day&DayStarts=6:00", "saw DayStarts=\"6:00\", expected a quarter of an hour"},
        {"Period=day&DayStarts=06:10", "from \"00:00\" to \"23:45\""},
        {"Period=day&DayStarts=24:00", "saw DayStarts=\"24:00\""},
        {"Period=week&WeekStarts=Sunday", "expected one of monday, tuesday"},
        {"TimeZone=Mars%2FPhobos", "saw TimeZone=\"Mars/Phobos\""},
        {"TimeZone=..%2F..%2Fetc%2Fpasswd", "saw TimeZone="},
        {"From=yesterday", "saw From=\"yesterday\""},
        {"From=2026-02-29", "saw From=\"2026-02-29\""},
        {"Until=2026-11-2", "saw Until=\"2026-11-2\""},
        {"From=2026-11-02&Until=2026-11-02", "From is not before Until"},
        {"From=2026-11-24", "From is not before Until"},
        {"From=2025-10-19T15:59:59Z", "more than 400 days apart"},
        {"TimeZone=Asia%2FTokyo&From=1970-01-01&Until=1970-01-02", "From is before 1970"},
        {"from=2026-11-01", "\"from\" is not known here"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        call("GET", USAGE, cases[i].query, reader, 400);
        expect_problem("invalid-parameter");
        if (strstr(text_of("detail"), cases[i].part) == NULL)
            fail_msg("%s: no \"%s\" in \"%s\"", cases[i].query, cases[i].part, text_of("detail"));
    }
}

static void writes_csv(void **state)
{
    (void)state;
    one_line();
    world.line_count = 2;
    call("GET", USAGE, "Format=csv", reader, 200);
    assert_string_equal(exchange.content_type, "text/csv; charset=utf-8; header=present");
    static const char line[] = "2026-11-01T00:00:00.000Z,2026-11-23T16:00:00.000Z,assembly-line,"
                               "circuit-boards,3,\"ada \"\"the first\"\", of Berlin\",1.500,"
                               "5400001,2,true\r\n";
    char expected[1024];
    snprintf(expected, sizeof(expected),
             "PeriodFrom,PeriodUntil,Team,ProjectName,ModelVersion,Subject,UnitHours,"
             "UnitMilliseconds,Reservations,Running\r\n%s%s",
             line, line);
    assert_string_equal(exchange.body.data, expected);
}

static void shows_a_team_its_own_usage(void **state)
{
    (void)state;
    call("GET", USAGE, "Team=paint-shop", reader, 403);
    expect_problem("team-forbidden");
    call("GET", USAGE, NULL, two_teams, 400);
    expect_problem("team-required");
    call("GET", USAGE, NULL, NULL, 401);
    call("GET", USAGE, "Team=paint-shop", two_teams, 200);
    assert_string_equal(world.query.team, "paint-shop");
    call("GET", USAGE, NULL, admin, 200);
    assert_null(world.query.team);
    assert_null(member_of("Team"));
}

static void says_when_it_is_too_much(void **state)
{
    static const char *const formats[] = {"Format=json", "Format=csv"};
    (void)state;
    one_line();
    world.line_count = 40000;
    for (size_t i = 0; i < 2; i++) {
        call("GET", USAGE, formats[i], reader, 400);
        expect_problem("result-too-large");
        assert_non_null(strstr(text_of("detail"), "shorter interval"));
        assert_non_null(strstr(text_of("detail"), "4194304 bytes"));
    }
    world.ledger_result = ERROR_REFUSED;
    call("GET", USAGE, NULL, reader, 400);
    expect_problem("result-too-large");
    world.ledger_result = ERROR_IO;
    call("GET", USAGE, NULL, reader, 503);
    expect_problem("unavailable");
    assert_false(has_header("Retry-After"));
    world.ledger_result = ERROR_RETRY; /* others are being made */
    call("GET", USAGE, NULL, reader, 503);
    expect_problem("unavailable");
    assert_true(has_header("Retry-After: 2\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(tells_this_month_so_far),
        API_TEST(reads_the_interval_in_its_zone),
        API_TEST(reads_period_and_week),
        API_TEST(reads_when_the_day_starts),
        API_TEST(writes_csv),
        API_TEST(says_what_is_wrong_with_the_query),
        API_TEST(shows_a_team_its_own_usage),
        API_TEST(says_when_it_is_too_much),
    };
    return cmocka_run_group_tests_name("api-usage", tests, NULL, NULL);
}
