/* A text file of cases: a case a line, columns between blanks, `#` before remarks. */
#ifndef LOOKOUT_TESTS_TABLE_H
#define LOOKOUT_TESTS_TABLE_H

#include "policy/document.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_MAX_COLUMNS 16
#define TABLE_ANSWER_SIZE 512

struct table {
    const char *path; /* below the source tree */
    size_t columns, min_cases;
    void (*run_case)(struct table *table, char *const columns[]);
    /* From here on it is the table's own. */
    size_t line, cases, failures;
    char policy_name[64]; /* of the policy that is loaded */
    struct policy *policy;
    /* What was said about the last case; a line `= sentence` expects it. Set by run_case. */
    char last_sentence[TABLE_ANSWER_SIZE];
};

/* Runs all lines. 0, or 1 where a case failed or there are fewer than min_cases. */
int table_run(struct table *table);

void table_fail(struct table *table, const char *expected, const char *got);

/* tests/policy/NAME.json becomes table->policy. */
void table_load_policy(struct table *table, const char *name);

/* "12", "-3", "max", "max-1"; moves `*text` behind it. */
bool table_read_number(const char **text, int64_t *out);
void table_write_number(char *out, size_t size, int64_t number);

#endif
