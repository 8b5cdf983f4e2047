/* Strict reading of targets, fields and single values. The head's bytes: test_http_server.c. */
#include "tests/unit/cmocka_all.h"

#include "gateway/http/request.h"

#include <stdlib.h>
#include <string.h>

static enum problem_type parse(const char *path, const char *query, struct request_target *out)
{
    struct request_head head = {.path = path, .query = query};
    struct error err = {0};
    enum problem_type problem = request_parse_target(&head, out, &err);
    if (problem != PROBLEM_NONE)
        assert_string_not_equal(err.message, "");
    return problem;
}

static void decodes_segments(void **state)
{
    (void)state;
    struct request_target target;
    assert_int_equal(parse("/a/%62%63/d%20e/%C3%A9/%25", NULL, &target), PROBLEM_NONE);
    assert_int_equal(target.segment_count, 5);
    assert_string_equal(target.segments[0], "a");
    assert_string_equal(target.segments[1], "bc");
    assert_string_equal(target.segments[2], "d e");
    assert_string_equal(target.segments[3], "\xc3\xa9");
    assert_string_equal(target.segments[4], "%");
    assert_int_equal(parse("/", NULL, &target), PROBLEM_NONE);
    assert_int_equal(target.segment_count, 1);
    assert_string_equal(target.segments[0], "");
}

static void decodes_parameters(void **state)
{
    (void)state;
    struct request_target target;
    assert_int_equal(parse("/a", "x=1%26&y=&z=a+b/c?d=e", &target), PROBLEM_NONE);
    assert_int_equal(target.parameter_count, 3);
    assert_string_equal(request_parameter(&target, "x"), "1&");
    assert_string_equal(request_parameter(&target, "y"), "");
    assert_string_equal(request_parameter(&target, "z"), "a+b/c?d=e");
    assert_null(request_parameter(&target, "w"));
    assert_int_equal(parse("/a", "", &target), PROBLEM_NONE);
    assert_int_equal(target.parameter_count, 0);
}

static void refuses_malformed_targets(void **state)
{
    (void)state;
    static const struct {
        const char *path, *query;
        enum problem_type problem;
    } cases[] = {
        {"a", NULL, PROBLEM_INVALID_TARGET},
        {"http://h/", NULL, PROBLEM_INVALID_TARGET},
        {"/%", NULL, PROBLEM_INVALID_TARGET},
        {"/%4", NULL, PROBLEM_INVALID_TARGET},
        {"/%g0", NULL, PROBLEM_INVALID_TARGET},
        {"/%00", NULL, PROBLEM_INVALID_TARGET},
        {"/%1f", NULL, PROBLEM_INVALID_TARGET},
        {"/%7F", NULL, PROBLEM_INVALID_TARGET},
        {"/a%2fb", NULL, PROBLEM_INVALID_TARGET},
        {"/a#b", NULL, PROBLEM_INVALID_TARGET},
        {"/a\\b", NULL, PROBLEM_INVALID_TARGET},
        {"/\x80", NULL, PROBLEM_INVALID_TARGET},
        {"/1/2/3/4/5/6/7/8/9", NULL, PROBLEM_NOT_FOUND},
        {"/a", "b", PROBLEM_INVALID_TARGET},
        {"/a", "=b", PROBLEM_INVALID_TARGET},
        {"/a", "b=1&", PROBLEM_INVALID_TARGET},
        {"/a", "&b=1", PROBLEM_INVALID_TARGET},
        {"/a", "b=1&&c=2", PROBLEM_INVALID_TARGET},
        {"/a", "b=1&%62=2", PROBLEM_INVALID_TARGET},
        {"/a", "b=%0a", PROBLEM_INVALID_TARGET},
        {"/a", "b=%", PROBLEM_INVALID_TARGET},
        {"/a", "a=&b=&c=&d=&e=&f=&g=&h=&i=", PROBLEM_INVALID_TARGET},
    };
    struct request_target target;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum problem_type problem = parse(cases[i].path, cases[i].query, &target);
        if (problem != cases[i].problem)
            fail_msg("%s ? %s: saw %d", cases[i].path, cases[i].query ? cases[i].query : "",
                     (int)problem);
    }
}

/* The longest target fits its buffer to the byte (seen by the address sanitizer), one more is
 * refused. */
static void bounds_the_target(void **state)
{
    (void)state;
    struct request_target *target = malloc(sizeof(*target));
    char path[REQUEST_MAX_TARGET + 2], query[REQUEST_MAX_TARGET + 2];
    assert_non_null(target);
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[REQUEST_MAX_TARGET / 2] = '\0';
    memset(query, 'b', sizeof(query));
    query[1] = '=';
    query[REQUEST_MAX_TARGET / 2] = '\0';
    assert_int_equal(parse(path, query, target), PROBLEM_NONE);
    query[REQUEST_MAX_TARGET / 2] = 'b';
    query[REQUEST_MAX_TARGET / 2 + 1] = '\0';
    assert_int_equal(parse(path, query, target), PROBLEM_TARGET_TOO_LONG);
    free(target);
}

static void finds_fields_and_sees_doubles(void **state)
{
    (void)state;
    struct request_head head = {.fields = {{"Host", "h"}, {"X-A", "1"}, {"x-a", "2"}},
                                .field_count = 3};
    struct error err = {0};
    const char *value = NULL;
    assert_string_equal(request_field(&head, "HOST"), "h");
    assert_string_equal(request_field(&head, "x-a"), "1");
    assert_null(request_field(&head, "X"));
    assert_int_equal(request_single_field(&head, "host", &value, &err), PROBLEM_NONE);
    assert_string_equal(value, "h");
    assert_int_equal(request_single_field(&head, "X-A", &value, &err), PROBLEM_INVALID_PARAMETER);
    assert_int_equal(request_single_field(&head, "absent", &value, &err), PROBLEM_NONE);
    assert_null(value);
}

static void judges_ids_and_types(void **state)
{
    (void)state;
    char id[REQUEST_ID_MAX + 2];
    memset(id, 'a', sizeof(id));
    id[REQUEST_ID_MAX + 1] = '\0';
    assert_false(request_id_is_valid(id));
    id[REQUEST_ID_MAX] = '\0';
    assert_true(request_id_is_valid(id));
    assert_false(request_id_is_valid(""));
    assert_false(request_id_is_valid("a b"));
    assert_false(request_id_is_valid("a\"b"));

    assert_true(request_is_json_type("application/json"));
    assert_true(request_is_json_type("Application/JSON; charset=UTF-8"));
    assert_true(request_is_json_type("application/json;charset=\"utf-8\""));
    assert_false(request_is_json_type("application/jsonp"));
    assert_false(request_is_json_type("application/json; charset=latin1"));
    assert_false(request_is_json_type("application/json; a=b"));
    assert_false(request_is_json_type("text/plain"));
    assert_false(request_is_json_type(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_segments),
        cmocka_unit_test(decodes_parameters),
        cmocka_unit_test(refuses_malformed_targets),
        cmocka_unit_test(bounds_the_target),
        cmocka_unit_test(finds_fields_and_sees_doubles),
        cmocka_unit_test(judges_ids_and_types),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
