/* Reads the lines of a table and hands their columns on. */
#include "tests/policy/table.h"

#include "tests/policy/policy_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_fail(struct table *table, const char *expected, const char *got)
{
    table->failures++;
    fprintf(stderr, "%s:%zu: expected %s, got %s\n", table->path, table->line, expected, got);
}

bool table_read_number(const char **text, int64_t *out)
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

void table_write_number(char *out, size_t size, int64_t number)
{
    if (number == INT64_MAX)
        snprintf(out, size, "max");
    else
        snprintf(out, size, "%" PRId64, number);
}

void table_load_policy(struct table *table, const char *name)
{
    char path[128];

    if (strcmp(table->policy_name, name) == 0)
        return;
    policy_free(&table->policy);
    snprintf(path, sizeof(path), "tests/policy/%s.json", name);
    table->policy = policy_file_load(path);
    snprintf(table->policy_name, sizeof(table->policy_name), "%s", name);
}

static void run_line(struct table *table, char *line)
{
    char *columns[TABLE_MAX_COLUMNS + 1], *rest = NULL;
    char empty[] = "", expected[32];
    size_t count = 0;

    if (line[0] == '#' || line[0] == '\0')
        return;
    if (line[0] == '=') {
        if (strcmp(line + 2, table->last_sentence) != 0)
            table_fail(table, line + 2, table->last_sentence);
        return;
    }
    for (char *word = strtok_r(line, " ", &rest); word != NULL && count <= table->columns;
         word = strtok_r(NULL, " ", &rest))
        columns[count++] = strcmp(word, "\"\"") == 0 ? empty : word;
    if (count == table->columns) {
        table->cases++;
        table->run_case(table, columns);
        return;
    }
    snprintf(expected, sizeof(expected), "%zu columns", table->columns);
    table_fail(table, expected, count < table->columns ? "fewer" : "more");
}

int table_run(struct table *table)
{
    size_t len;
    char *text = policy_file_read(table->path, &len);

    if (text == NULL)
        return 1;
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        table->line++;
        run_line(table, line);
    }
    printf("%s: %zu cases, %zu failures\n", table->path, table->cases, table->failures);
    policy_free(&table->policy);
    free(text);
    if (table->cases < table->min_cases)
        fprintf(stderr, "%s: expected at least %zu cases\n", table->path, table->min_cases);
    return table->failures == 0 && table->cases >= table->min_cases ? 0 : 1;
}
