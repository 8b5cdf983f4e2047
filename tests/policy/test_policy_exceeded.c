/* Holds the limits that are told as exceeded to tests/policy/exceeded.txt, a case a line. */
#include "policy/evaluator.h"
#include "policy/unit_time.h"
#include "tests/policy/held_list.h"
#include "tests/policy/instant.h"
#include "tests/policy/policy_file.h"
#include "tests/policy/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_HELD 8

enum column { POLICY, TEAM, AT, HELD, EXCEEDED, COLUMNS };

/* "/account/concurrent_units:5+0>4", of unit-hours "...:20.000+0.000>10.000@begin". */
static void write_rule(const struct quota_rule *rule, char *out, size_t size)
{
    char used[UNIT_TIME_TEXT_SIZE], reserved[UNIT_TIME_TEXT_SIZE], limit[UNIT_TIME_TEXT_SIZE];
    char from[INSTANT_SIZE];

    if (rule->kind != QUOTA_UNIT_HOURS) {
        snprintf(out, size, "%s:%" PRId64 "+%" PRId64 ">%" PRId64, rule->pointer, rule->used,
                 rule->reserved, rule->limit);
        return;
    }
    unit_time_format(rule->used, used);
    unit_time_format(rule->reserved, reserved);
    unit_time_format(rule->limit, limit);
    instant_write(rule->period_from_ms, from);
    snprintf(out, size, "%s:%s+%s>%s@%s", rule->pointer, used, reserved, limit,
             rule->period == POLICY_TOTAL ? "ever" : from);
}

static void write_answer(const struct quota_decision *decision, char *out, size_t size)
{
    size_t len = 0;

    snprintf(out, size, "-");
    for (size_t i = 0; i < decision->rule_count && len < size; i++) {
        char rule[TABLE_ANSWER_SIZE];

        write_rule(&decision->rules[i], rule, sizeof(rule));
        len += (size_t)snprintf(out + len, size - len, "%s%s", len > 0 ? "," : "", rule);
    }
}

static void run_case(struct table *table, char *const columns[])
{
    const char *const team = strcmp(columns[TEAM], "account") != 0 ? columns[TEAM] : NULL;
    struct held list[MAX_HELD];
    struct held_view view = {.team = team != NULL ? team : "", .list = list};
    struct quota_books books;
    struct quota_decision decision;
    char got[TABLE_ANSWER_SIZE];

    if (!instant_read(columns[AT], &view.now_ms) ||
        !held_list_read(columns[HELD], list, MAX_HELD, &view.count)) {
        table_fail(table, "a time and what is held", "something else");
        return;
    }
    held_books(&view, &books);
    table_load_policy(table, columns[POLICY]);
    if (policy_find_exceeded(table->policy, team, view.now_ms, &books, &decision, NULL) != 0)
        snprintf(got, sizeof(got), "error");
    else
        write_answer(&decision, got, sizeof(got));
    if (strcmp(columns[EXCEEDED], got) != 0)
        table_fail(table, columns[EXCEEDED], got);
    for (size_t i = 0; i < decision.rule_count; i++)
        if (decision.rules[i].admits || !decision.rules[i].ever_admits)
            table_fail(table, "a rule that admits nothing now", decision.rules[i].pointer);
}

static int count_question(void *self, enum quota_scope scope, int64_t from_ms, int64_t until_ms,
                          struct quota_unit_time *out, struct error *err)
{
    int *asked = self;

    (void)scope, (void)from_ms, (void)until_ms, (void)err;
    ++*asked;
    *out = (struct quota_unit_time){0};
    return 0;
}

static int hold_for_ever(void *self, enum quota_scope scope, int64_t *until_ms, struct error *err)
{
    (void)self, (void)scope, (void)err;
    *until_ms = INT64_MAX;
    return 0;
}

/* However far ahead an end lies: as many days are looked at as 400 days touch. */
static bool stops_looking(void)
{
    struct policy *policy = policy_file_load("tests/policy/exceeded.json");
    struct quota_decision decision;
    int asked = 0;
    const struct quota_books books = {
        .unit_time = count_question, .held_until = hold_for_ever, .self = &asked};
    int64_t now_ms;
    const bool told = instant_read("2026-11-25T12:00", &now_ms) &&
                      policy_find_exceeded(policy, NULL, now_ms, &books, &decision, NULL) == 0;

    policy_free(&policy);
    if (!told || asked != 401)
        fprintf(stderr, "asked for %d days, expected 401\n", asked);
    return told && asked == 401;
}

int main(void)
{
    struct table table = {.path = "tests/policy/exceeded.txt",
                          .columns = COLUMNS,
                          .min_cases = 15,
                          .run_case = run_case};

    return stops_looking() ? table_run(&table) : 1;
}
