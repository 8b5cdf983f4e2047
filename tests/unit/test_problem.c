/* The table of problem types, and the document that explains them to clients. */
#include "tests/unit/cmocka_all.h"

#include "gateway/http/problem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *document;

static int read_document(void **state)
{
    char path[4096];
    const char *top = getenv("top_srcdir");
    (void)state;
    snprintf(path, sizeof(path), "%s/gateway/http/PROBLEMS.md", top != NULL ? top : ".");
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    document = calloc(1, 256 * 1024);
    size_t len = document != NULL ? fread(document, 1, 256 * 1024 - 1, file) : 0;
    fclose(file);
    return len > 0 ? 0 : -1;
}

static int free_document(void **state)
{
    (void)state;
    free(document);
    return 0;
}

/* The JSON of the example below the heading of that type; the caller owns it. */
static json_t *example_of(const struct problem_info *info)
{
    char heading[128];
    json_error_t error;
    snprintf(heading, sizeof(heading), "\n## /problems/%s\n", info->name);
    const char *section = strstr(document, heading);
    if (section == NULL) {
        fail_msg("PROBLEMS.md has no section for %s", info->name);
        return NULL;
    }
    const char *begin = strstr(section, "```json\n");
    const char *next = strstr(section + 1, "\n## ");
    if (begin == NULL || (next != NULL && next < begin)) {
        fail_msg("PROBLEMS.md has no example for %s", info->name);
        return NULL;
    }
    begin += strlen("```json\n");
    const char *end = strstr(begin, "```");
    assert_non_null(end);
    json_t *json = json_loadb(begin, (size_t)(end - begin), JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        fail_msg("the example for %s: %s", info->name, error.text);
    return json;
}

static void document_and_table_agree(void **state)
{
    (void)state;
    for (int type = PROBLEM_NONE + 1; type < PROBLEM_TYPE_COUNT; type++) {
        const struct problem_info *info = problem_info((enum problem_type)type);
        char uri[128];
        json_t *json = example_of(info);
        snprintf(uri, sizeof(uri), "/problems/%s", info->name);
        assert_string_equal(json_string_value(json_object_get(json, "type")), uri);
        assert_string_equal(json_string_value(json_object_get(json, "title")), info->title);
        assert_int_equal(json_integer_value(json_object_get(json, "status")), info->status);
        assert_non_null(json_string_value(json_object_get(json, "detail")));
        assert_non_null(json_string_value(json_object_get(json, "RequestId")));
        json_decref(json);
    }
}

static void document_has_no_type_that_the_table_lacks(void **state)
{
    (void)state;
    int sections = 0;
    for (const char *at = document; (at = strstr(at, "\n## ")) != NULL; at++)
        sections++;
    assert_int_equal(sections, PROBLEM_TYPE_COUNT - 1);
}

static void names_and_statuses_are_well_formed(void **state)
{
    (void)state;
    for (int type = PROBLEM_NONE + 1; type < PROBLEM_TYPE_COUNT; type++) {
        const struct problem_info *info = problem_info((enum problem_type)type);
        assert_int_equal(strspn(info->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(info->name));
        assert_in_range(info->status, 400, 599);
        for (int other = type + 1; other < PROBLEM_TYPE_COUNT; other++)
            assert_string_not_equal(info->name, problem_info((enum problem_type)other)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_and_table_agree),
        cmocka_unit_test(document_has_no_type_that_the_table_lacks),
        cmocka_unit_test(names_and_statuses_are_well_formed),
    };
    return cmocka_run_group_tests_name("problem", tests, read_document, free_document);
}
