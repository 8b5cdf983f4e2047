/* The router, over a table of its own. */
#include "tests/unit/cmocka_all.h"

#include "gateway/http/router.h"

#include <string.h>

static void nothing(void *context, struct exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static const struct route table[] = {
    {"POST", "/v1/projects/{ProjectName}/models/{ModelVersion}/start", 1, nothing},
    {"GET", "/v1/projects/{ProjectName}/models/{ModelVersion}", 1, nothing},
    {"DELETE", "/v1/projects/{ProjectName}/models/{ModelVersion}", 1, nothing},
    {"GET", "/v1/models", 1, nothing},
    {"GET", "/", 0, nothing},
};
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

static enum router_result find(const char *method, const char *path, struct router_match *match,
                               struct request_target *target)
{
    struct request_head head = {.path = path};
    struct error err;
    assert_int_equal(request_parse_target(&head, target, &err), PROBLEM_NONE);
    return router_find(table, TABLE_COUNT, method, target, match);
}

static void finds_by_method_and_path(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        enum router_result result;
        size_t index;
        const char *allow;
    } cases[] = {
        {"POST", "/v1/projects/p/models/3/start", ROUTER_FOUND, 0, ""},
        {"GET", "/v1/projects/p/models/3", ROUTER_FOUND, 1, ""},
        {"HEAD", "/v1/projects/p/models/3", ROUTER_FOUND, 1, ""},
        {"DELETE", "/v1/projects/p/models/3", ROUTER_FOUND, 2, ""},
        {"GET", "/", ROUTER_FOUND, 4, ""},
        {"PUT", "/v1/projects/p/models/3", ROUTER_NO_METHOD, 0, "GET, HEAD, DELETE"},
        {"GET", "/v1/projects/p/models/3/start", ROUTER_NO_METHOD, 0, "POST"},
        {"HEAD", "/v1/projects/p/models/3/start", ROUTER_NO_METHOD, 0, "POST"},
        {"get", "/v1/models", ROUTER_NO_METHOD, 0, "GET, HEAD"},
        {"GET", "/v1/models/", ROUTER_NO_PATH, 0, ""},
        {"GET", "/v1/model", ROUTER_NO_PATH, 0, ""},
        {"GET", "/v1/modelss", ROUTER_NO_PATH, 0, ""},
        {"GET", "/V1/models", ROUTER_NO_PATH, 0, ""},
        {"GET", "/v1", ROUTER_NO_PATH, 0, ""},
        {"GET", "//v1/models", ROUTER_NO_PATH, 0, ""},
        {"GET", "/v1/projects//models/3", ROUTER_NO_PATH, 0, ""},
        {"GET", "/v1/projects/p/models/3/x", ROUTER_NO_PATH, 0, ""},
        {"GET", "/v1/projects/../models", ROUTER_NO_PATH, 0, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct router_match match = {0};
        struct request_target target;
        enum router_result result = find(cases[i].method, cases[i].path, &match, &target);
        if (result != cases[i].result)
            fail_msg("%s %s: saw %d, expected %d", cases[i].method, cases[i].path, (int)result,
                     (int)cases[i].result);
        if (result == ROUTER_FOUND)
            assert_int_equal(match.index, cases[i].index);
        else
            assert_string_equal(match.allow, cases[i].allow);
    }
}

static void gives_the_names_in_the_path(void **state)
{
    (void)state;
    struct router_match match;
    struct request_target target;
    assert_int_equal(find("POST", "/v1/projects/a%20b/models/latest/start", &match, &target),
                     ROUTER_FOUND);
    assert_string_equal(router_segment(table[0].pattern, &target, "ProjectName"), "a b");
    assert_string_equal(router_segment(table[0].pattern, &target, "ModelVersion"), "latest");
    assert_null(router_segment(table[0].pattern, &target, "Model"));
    assert_null(router_segment(table[0].pattern, &target, "projects"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_method_and_path),
        cmocka_unit_test(gives_the_names_in_the_path),
    };
    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
