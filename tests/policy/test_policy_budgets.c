/* Holds leases, unit-hours and the earliest time to tests/policy/budgets.txt. */
#include "policy/evaluator.h"
#include "tests/policy/held_list.h"
#include "tests/policy/instant.h"
#include "tests/policy/table.h"
#include "tests/policy/zones.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS    INT64_C(60000)
#define HOUR_MS      (60 * MINUTE_MS)
#define ALLOWANCE_MS (15 * MINUTE_MS) /* what a stop may take */
#define MAX_HELD     8

enum column {
    POLICY,
    TEAM,
    UNITS,
    AT,
    LEASE,
    HELD,
    VERDICT,
    BINDING,
    FITS,
    LARGEST,
    LONGEST,
    EARLIEST,
    COLUMNS
};

/* "240", or of an extension "240>360@2026-11-25T08:00": old and new lease, and when it began. */
static bool read_lease(const char *text, struct quota_request *request)
{
    int64_t minutes, longer, began_ms = request->now_ms;

    if (!table_read_number(&text, &minutes))
        return false;
    request->extension = *text == '>';
    longer = minutes;
    if (request->extension) {
        text++;
        if (!table_read_number(&text, &longer) || *text++ != '@' || !instant_read(text, &began_ms))
            return false;
        text += strlen(text);
    }
    request->lease_ms = longer * MINUTE_MS;
    request->from_ms =
        request->extension ? began_ms + minutes * MINUTE_MS + ALLOWANCE_MS : request->now_ms;
    request->until_ms = began_ms + request->lease_ms + ALLOWANCE_MS;
    return *text == '\0';
}

/* Minutes, "max", and milliseconds behind them where it is no whole minute. */
static void write_lease(char *out, size_t size, int64_t ms)
{
    size_t len;

    table_write_number(out, size, ms == INT64_MAX ? ms : ms / MINUTE_MS);
    len = strlen(out);
    if (ms != INT64_MAX && ms % MINUTE_MS != 0)
        snprintf(out + len, size - len, "+%" PRId64 "ms", ms % MINUTE_MS);
}

static void write_answer(const struct quota_decision *decision, char *out, size_t size)
{
    const bool admitted = decision->verdict == QUOTA_ADMITTED;
    const struct quota_rule *binding = &decision->rules[decision->binding];
    char fits[24], largest[24], longest[40], earliest[INSTANT_SIZE];

    table_write_number(fits, sizeof(fits), binding->fits_now);
    table_write_number(largest, sizeof(largest), decision->largest_units_now);
    write_lease(longest, sizeof(longest), decision->largest_lease_now_ms);
    instant_write(decision->earliest_ms, earliest);
    snprintf(out, size, "%s %s %s %s %s %s", quota_verdict_name(decision->verdict),
             admitted ? "-" : binding->pointer, admitted ? "-" : fits, largest, longest, earliest);
}

static void run_case(struct table *table, char *const columns[])
{
    struct quota_request request = {.team = columns[TEAM], .project = "p", .look_ahead = true};
    struct quota_release releases[MAX_HELD];
    struct quota_decision decision;
    struct quota_books books;
    struct held list[MAX_HELD];
    struct held_view view = {.team = columns[TEAM], .list = list};
    char expected[TABLE_ANSWER_SIZE], got[TABLE_ANSWER_SIZE];
    const char *units = columns[UNITS];

    if (!table_read_number(&units, &request.units) || !instant_read(columns[AT], &request.now_ms) ||
        !read_lease(columns[LEASE], &request) ||
        !held_list_read(columns[HELD], list, MAX_HELD, &view.count)) {
        table_fail(table, "units, a time, a lease and what is held", "something else");
        return;
    }
    view.now_ms = request.now_ms;
    held_books(&view, &books);
    table_load_policy(table, columns[POLICY]);
    if (policy_evaluate(table->policy, &request, &books, &decision, NULL) != 0 ||
        policy_find_earliest(table->policy, &request, &books, releases,
                             held_releases(&view, releases), &decision.earliest_ms, NULL) != 0) {
        table_fail(table, "a decision", "an error");
        return;
    }
    policy_explain(&decision, &request, table->last_sentence, sizeof(table->last_sentence));

    snprintf(expected, sizeof(expected), "%s %s %s %s %s %s", columns[VERDICT], columns[BINDING],
             columns[FITS], columns[LARGEST], columns[LONGEST], columns[EARLIEST]);
    write_answer(&decision, got, sizeof(got));
    if (strcmp(expected, got) != 0)
        table_fail(table, expected, got);
}

int main(void)
{
    struct table table = {.path = "tests/policy/budgets.txt",
                          .columns = COLUMNS,
                          .min_cases = 40,
                          .run_case = run_case};

    if (!zones_present()) {
        printf("skipped: this system has no time zones (Debian: tzdata)\n");
        return 77;
    }
    return table_run(&table);
}
