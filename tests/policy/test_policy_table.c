/* Holds the evaluator to tests/policy/cases.txt, a case a line. */
#include "policy/evaluator.h"
#include "tests/policy/table.h"

#include <stdio.h>
#include <string.h>

enum column {
    POLICY,
    TEAM,
    PROJECT,
    UNITS,
    ACCOUNT,
    TEAM_USAGE,
    VERDICT,
    BINDING,
    FITS,
    LARGEST,
    COLUMNS
};

static bool read_sign(const char **text, char sign)
{
    if (**text != sign)
        return false;
    (*text)++;
    return true;
}

/* used+reserved units / used+reserved models */
static bool read_usage(const char *text, struct quota_usage *out)
{
    return table_read_number(&text, &out->used_units) && read_sign(&text, '+') &&
           table_read_number(&text, &out->reserved_units) && read_sign(&text, '/') &&
           table_read_number(&text, &out->used_models) && read_sign(&text, '+') &&
           table_read_number(&text, &out->reserved_models) && *text == '\0';
}

/* The decision as the table writes it. */
static void write_answer(const struct quota_decision *decision, char *out, size_t size)
{
    const struct quota_rule *binding = &decision->rules[decision->binding];
    char fits[24], largest[24];

    table_write_number(fits, sizeof(fits), binding->fits_now);
    table_write_number(largest, sizeof(largest), decision->largest_units_now);
    if (decision->verdict == QUOTA_ADMITTED)
        snprintf(out, size, "admitted - - %s", largest);
    else
        snprintf(out, size, "%s %s %s %s", quota_verdict_name(decision->verdict), binding->pointer,
                 fits, largest);
}

/* The same without the name rules, and whatever these say. */
static void check_limits(struct table *table, const struct quota_request *request,
                         const struct quota_books *books, const struct quota_decision *decision)
{
    const bool named = decision->rules[0].admits;
    const bool allowed = named && decision->rules[1].admits;
    struct quota_decision limits;

    if (policy_evaluate_limits(table->policy, request, books, &limits, NULL) !=
        (named ? 0 : ERROR_NOT_FOUND))
        table_fail(table, "what the limits say of a team that is named", "something else");
    if (!named)
        return;
    for (size_t i = 0; i < limits.rule_count; i++)
        if (limits.rules[i].kind == QUOTA_TEAM_KNOWN ||
            limits.rules[i].kind == QUOTA_PROJECT_ALLOWED)
            table_fail(table, "no name rule", limits.rules[i].pointer);
    if (allowed &&
        (limits.rule_count + 2 != decision->rule_count || limits.verdict != decision->verdict ||
         limits.largest_units_now != decision->largest_units_now))
        table_fail(table, "the same answer from the limits alone", "another");
    if (limits.largest_units_now < request->units && limits.verdict == QUOTA_ADMITTED)
        table_fail(table, "what the limits refuse", "admitted");
}

static void run_case(struct table *table, char *const columns[])
{
    struct quota_request request = {.team = columns[TEAM], .project = columns[PROJECT]};
    struct quota_books books = {.self = NULL};
    struct quota_decision decision;
    char expected[TABLE_ANSWER_SIZE], got[TABLE_ANSWER_SIZE];
    const char *units = columns[UNITS];

    if (!table_read_number(&units, &request.units) || *units != '\0' ||
        !read_usage(columns[ACCOUNT], &books.account) ||
        !read_usage(columns[TEAM_USAGE], &books.team)) {
        table_fail(table, "numbers of units and usage like 2 3+1/1+0 0+0/0+0", "something else");
        return;
    }
    table_load_policy(table, columns[POLICY]);
    if (policy_evaluate(table->policy, &request, &books, &decision, NULL) != 0) {
        table_fail(table, "a decision", "an error");
        return;
    }
    policy_explain(&decision, &request, table->last_sentence, sizeof(table->last_sentence));

    snprintf(expected, sizeof(expected), "%s %s %s %s", columns[VERDICT], columns[BINDING],
             columns[FITS], columns[LARGEST]);
    write_answer(&decision, got, sizeof(got));
    if (strcmp(expected, got) != 0)
        table_fail(table, expected, got);
    check_limits(table, &request, &books, &decision);
}

int main(void)
{
    struct table table = {.path = "tests/policy/cases.txt",
                          .columns = COLUMNS,
                          .min_cases = 60,
                          .run_case = run_case};

    return table_run(&table);
}
