/* Holds the evaluator to tests/policy/cases.txt, a case a line. */
#include "policy/evaluator.h"
#include "tests/policy/policy_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_PATH  "tests/policy/cases.txt"
#define COLUMNS     10
#define MIN_CASES   60
#define ANSWER_SIZE 512

enum column { POLICY, TEAM, PROJECT, UNITS, ACCOUNT, TEAM_USAGE, VERDICT, BINDING, FITS, LARGEST };

struct table {
    size_t line, cases, failures;
    char policy_name[64]; /* of the policy that is loaded */
    struct policy *policy;
    char last_sentence[ANSWER_SIZE]; /* what policy_explain said to the last case */
};

static void fail(struct table *table, const char *expected, const char *got)
{
    table->failures++;
    fprintf(stderr, "%s:%zu: expected %s, got %s\n", TABLE_PATH, table->line, expected, got);
}

/* "12", "-3", "max", "max-1"; moves `*text` behind it. */
static bool read_number(const char **text, int64_t *out)
{
    char *end;

    if (strncmp(*text, "max", 3) == 0) {
        *text += 3;
        *out = INT64_MAX;
        if (strncmp(*text, "-1", 2) == 0) {
            *text += 2;
            *out -= 1;
        }
        return true;
    }
    errno = 0;
    *out = strtoll(*text, &end, 10);
    if (end == *text || errno != 0)
        return false;
    *text = end;
    return true;
}

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
    return read_number(&text, &out->used_units) && read_sign(&text, '+') &&
           read_number(&text, &out->reserved_units) && read_sign(&text, '/') &&
           read_number(&text, &out->used_models) && read_sign(&text, '+') &&
           read_number(&text, &out->reserved_models) && *text == '\0';
}

static void load_policy(struct table *table, const char *name)
{
    char path[128];

    if (strcmp(table->policy_name, name) == 0)
        return;
    policy_free(&table->policy);
    snprintf(path, sizeof(path), "tests/policy/%s.json", name);
    table->policy = policy_file_load(path);
    snprintf(table->policy_name, sizeof(table->policy_name), "%s", name);
}

static void write_number(char *out, size_t size, int64_t number)
{
    if (number == INT64_MAX)
        snprintf(out, size, "max");
    else
        snprintf(out, size, "%" PRId64, number);
}

/* The decision as the table writes it. */
static void write_answer(const struct quota_decision *decision, char *out, size_t size)
{
    const struct quota_rule *binding = &decision->rules[decision->binding];
    char fits[24], largest[24];

    write_number(fits, sizeof(fits), binding->fits_now);
    write_number(largest, sizeof(largest), decision->largest_units_now);
    if (decision->verdict == QUOTA_ADMITTED)
        snprintf(out, size, "admitted - - %s", largest);
    else
        snprintf(out, size, "%s %s %s %s", quota_verdict_name(decision->verdict), binding->pointer,
                 fits, largest);
}

static void run_case(struct table *table, char *const columns[COLUMNS])
{
    struct quota_request request = {.team = columns[TEAM], .project = columns[PROJECT]};
    struct quota_books books = {.self = NULL};
    struct quota_decision decision;
    char expected[ANSWER_SIZE], got[ANSWER_SIZE];
    const char *units = columns[UNITS];

    if (!read_number(&units, &request.units) || *units != '\0' ||
        !read_usage(columns[ACCOUNT], &books.account) || !read_usage(columns[TEAM_USAGE], &books.team)) {
        fail(table, "numbers of units and usage like 2 3+1/1+0 0+0/0+0", "something else");
        return;
    }
    load_policy(table, columns[POLICY]);
    if (policy_evaluate(table->policy, &request, &books, &decision, NULL) != 0) {
        fail(table, "a decision", "an error");
        return;
    }
    policy_explain(&decision, &request, table->last_sentence, sizeof(table->last_sentence));

    table->cases++;
    snprintf(expected, sizeof(expected), "%s %s %s %s", columns[VERDICT], columns[BINDING],
             columns[FITS], columns[LARGEST]);
    write_answer(&decision, got, sizeof(got));
    if (strcmp(expected, got) != 0)
        fail(table, expected, got);
}

static void run_line(struct table *table, char *line)
{
    char *columns[COLUMNS + 1], *rest = NULL;
    char empty[] = "";
    size_t count = 0;

    if (line[0] == '#' || line[0] == '\0')
        return;
    if (line[0] == '=') {
        if (strcmp(line + 2, table->last_sentence) != 0)
            fail(table, line + 2, table->last_sentence);
        return;
    }
    for (char *word = strtok_r(line, " ", &rest); word != NULL && count <= COLUMNS;
         word = strtok_r(NULL, " ", &rest))
        columns[count++] = strcmp(word, "\"\"") == 0 ? empty : word;
    if (count == COLUMNS)
        run_case(table, columns);
    else
        fail(table, "10 columns", count < COLUMNS ? "fewer" : "more");
}

int main(void)
{
    struct table table = {.policy_name = ""};
    size_t len;
    char *text = policy_file_read(TABLE_PATH, &len);

    if (text == NULL)
        return 1;
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        table.line++;
        run_line(&table, line);
    }
    printf("%zu cases, %zu failures\n", table.cases, table.failures);
    policy_free(&table.policy);
    free(text);
    if (table.cases < MIN_CASES)
        fprintf(stderr, "%s: expected at least %d cases\n", TABLE_PATH, MIN_CASES);
    return table.failures == 0 && table.cases >= MIN_CASES ? 0 : 1;
}
