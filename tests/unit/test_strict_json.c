/* The gate before jansson, and the readers: what gets through, and what people are told. */
#include "policy/strict_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct json_limits limits = {.max_bytes = 4096, .max_depth = 4};

/* The message of a refusal, or "" where the text is taken. */
static const char *refusal_of(const char *text, size_t len, struct error *err)
{
    json_t *json = NULL;
    const int rc = strict_json_parse(text, len, &limits, &json, err);

    assert_true((rc == 0) == (json != NULL));
    if (rc != 0)
        assert_int_equal(rc, ERROR_INVALID);
    json_decref(json);
    return rc == 0 ? "" : err->message;
}

static void assert_taken(const char *text)
{
    struct error err;

    assert_string_equal(refusal_of(text, strlen(text), &err), "");
}

static void assert_refused(const char *text, size_t len, const char *message)
{
    struct error err;

    assert_string_equal(refusal_of(text, len, &err), message);
}

static json_t *parse(const char *text)
{
    json_t *json = NULL;

    assert_int_equal(strict_json_parse(text, strlen(text), &limits, &json, NULL), 0);
    return json;
}

static void test_takes_json(void **state)
{
    (void)state;
    assert_taken("{}");
    assert_taken("[]");
    assert_taken(" {\"a\": [1, -2.5e3, true, false, null, \"\\u00e4\\n\"]}\n\t ");
    assert_taken("[[[[]]]]");
    assert_taken("[[[[]],[[]]],[[[]]]]");
    assert_taken("{\"a\":{\"b\":[{}]}}");
}

static void test_brackets_in_strings_have_no_depth(void **state)
{
    (void)state;
    assert_taken("[\"[[[[[[[[\"]");
    assert_taken("[\"\\\"[[[[[[[[\"]");
    assert_taken("{\"{{{{{{{{\": \"\\\\\"}");
    assert_refused(
        "[\"\\\\\", [[[[]]]]]", 16,
        "line 1, column 11: saw arrays and objects nested deeper than 4, expected at most "
        "4 levels");
}

static void test_refuses_depth(void **state)
{
    (void)state;
    assert_refused(
        "[[[[[]]]]]", 10,
        "line 1, column 5: saw arrays and objects nested deeper than 4, expected at most 4 "
        "levels");
    assert_refused(
        "{\"\xC3\xA4\":\n [[{\"b\":\n  []}]]}", 23,
        "line 3, column 3: saw arrays and objects nested deeper than 4, expected at most 4 "
        "levels");
    assert_refused(
        "]]]][[[[[", 9,
        "line 1, column 9: saw arrays and objects nested deeper than 4, expected at most 4 "
        "levels");
}

/* A hundred thousand levels are refused by the scan, also by one that allows the bytes. */
static void test_refuses_depth_of_100000(void **state)
{
    const struct json_limits wide = {.max_bytes = 1000000, .max_depth = 64};
    const size_t len = 100000;
    char *text = malloc(len);
    struct error err;
    json_t *json = NULL;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 2 == 0 ? '[' : '{';
    assert_int_equal(strict_json_parse(text, len, &wide, &json, &err), ERROR_INVALID);
    assert_string_equal(err.message, "line 1, column 65: saw arrays and objects nested deeper than "
                                     "64, expected at most 64 levels");
    memset(text, '[', len);
    assert_int_equal(strict_json_parse(text, len, &wide, &json, &err), ERROR_INVALID);
    assert_null(json);
    free(text);
}

static void test_refuses_size(void **state)
{
    char text[4097];

    (void)state;
    memset(text, ' ', sizeof(text));
    text[0] = '[';
    text[1] = ']';
    assert_refused(text, 4096, "");
    assert_refused(text, 4097, "saw 4097 bytes of JSON, expected at most 4096");
    assert_refused(NULL, 0, "saw nothing, expected a JSON object or array");
}

static void test_refuses_nul(void **state)
{
    (void)state;
    assert_refused("[1]\0", 4, "line 1, column 4: saw a NUL byte, expected JSON without any");
    assert_refused("[\n\"a\0b\"]", 8,
                   "line 2, column 3: saw a NUL byte, expected JSON without any");
    assert_refused("[\"a\\u0000\"]", 11,
                   "line 1, column 10: saw \\u0000 in a string, expected strings without NUL");
    assert_refused("{\"a\\u0000\":1}", 13,
                   "line 1, column 10: saw \\u0000 in a name, expected names without NUL");
}

static void test_refuses_what_is_no_json(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"{\"a\":1,\"a\":2}",
         "line 1, column 10: duplicate object key near '\"a\"', expected each name once"},
        {"[{\"a\":1,\n\"\\u0061\":1}]",
         "line 2, column 8: duplicate object key near '\"\\u0061\"', expected each name once"},
        {"{} x", "line 1, column 4: saw more after the value, expected the text to end there: send "
                 "one JSON value only"},
        {"[1][2]", "line 1, column 4: saw more after the value, expected the text to end there: "
                   "send one JSON value only"},
        {"[1,", "line 1, column 3: saw the end of the text, expected the JSON to go on"},
        {"\"a\"", "line 1, column 3: '[' or '{' expected near '\"a\"'"},
        {"[1,]", "line 1, column 4: unexpected token near ']'"},
        {"[NaN]", "line 1, column 4: invalid token near 'NaN'"},
        {"[\"\xC3(\"]",
         "line 1, column 2: saw bytes that are not UTF-8, expected UTF-8 throughout"},
        {"[9223372036854775808]",
         "line 1, column 20: saw a number that fits into no 64-bit integer "
         "or double, expected a smaller one"},
        {"[1e999]", "line 1, column 6: saw a number that fits into no 64-bit integer or double, "
                    "expected a smaller one"},
        {"\xEF\xBB\xBF{}",
         "saw a byte order mark, expected JSON from the first byte: save without it"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i].text, strlen(cases[i].text), cases[i].message);
}

/* How many allocations jansson still gets; its hooks take no argument for it. */
static size_t allocations_left;

static void *allocate_or_fail(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

/* Whichever allocation fails, that is an error with a message, and nothing is left behind. */
static void test_survives_out_of_memory(void **state)
{
    const char *text = "{\"a\": [1, 2.5, \"bcd\", {\"e\": null}], \"f\": true}";
    size_t out_of_memory = 0, failures = 0;
    int rc = ERROR_NOMEM;

    (void)state;
    json_set_alloc_funcs(allocate_or_fail, free);
    for (size_t allowed = 0; rc != 0; allowed++) {
        struct error err = {.message = ""};
        json_t *json = NULL;

        allocations_left = allowed;
        rc = strict_json_parse(text, strlen(text), &limits, &json, &err);
        out_of_memory += rc == ERROR_NOMEM;
        failures += rc != 0 && json == NULL && err.code == rc && err.message[0] != '\0';
        json_decref(json);
        if (rc == 0)
            assert_int_equal(failures, allowed);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(out_of_memory > 0);
}

static void assert_error(const struct error *err, const char *pointer, const char *message)
{
    assert_int_equal(err->code, ERROR_INVALID);
    assert_string_equal(err->pointer, pointer);
    assert_string_equal(err->message, message);
}

static void test_reads_int(void **state)
{
    json_t *json = parse("{\"n\": 5, \"r\": 5.0, \"s\": \"5\", \"z\": null, \"e\": 1e2,"
                         "\"min\": -9223372036854775808, \"max\": 9223372036854775807}");
    struct error err;
    int64_t out = 77;

    (void)state;
    assert_int_equal(strict_json_int(json, "/a", "n", true, 5, 6, &out, &err), 0);
    assert_int_equal(out, 5);
    assert_int_equal(strict_json_int(json, "", "min", true, INT64_MIN, 0, &out, &err), 0);
    assert_true(out == INT64_MIN);
    assert_int_equal(strict_json_int(json, "", "max", true, 0, INT64_MAX, &out, &err), 0);
    assert_true(out == INT64_MAX);
    out = 77;
    assert_int_equal(strict_json_int(json, "", "none", false, 1, 2, &out, &err), 0);
    assert_int_equal(strict_json_int(json, "/a", "none", true, 1, 2, &out, &err), ERROR_INVALID);
    assert_error(&err, "/a/none", "\"none\" is missing, expected an integer from 1 to 2");
    assert_int_equal(strict_json_int(json, "/a", "n", true, 6, 9, &out, &err), ERROR_INVALID);
    assert_error(&err, "/a/n", "saw 5, expected an integer from 6 to 9");
    assert_int_equal(strict_json_int(json, "/a", "n", true, 1, 4, &out, &err), ERROR_INVALID);
    assert_int_equal(strict_json_int(json, "", "max", true, 7, 7, &out, &err), ERROR_INVALID);
    assert_error(&err, "/max", "saw 9223372036854775807, expected the integer 7");
    assert_int_equal(strict_json_int(json, "", "r", true, 1, 9, &out, &err), ERROR_INVALID);
    assert_error(&err, "/r",
                 "saw a number with a fraction or exponent, expected an integer from 1 to 9");
    assert_int_equal(strict_json_int(json, "", "e", true, 1, 900, &out, &err), ERROR_INVALID);
    assert_int_equal(strict_json_int(json, "", "s", true, 1, 9, &out, &err), ERROR_INVALID);
    assert_error(&err, "/s", "saw a string, expected an integer from 1 to 9");
    assert_int_equal(strict_json_int(json, "", "z", false, 1, 9, &out, &err), ERROR_INVALID);
    assert_error(&err, "/z", "saw null, expected an integer from 1 to 9");
    assert_int_equal(out, 77);
    json_decref(json);
}

static void test_reads_bool(void **state)
{
    json_t *json = parse("{\"t\": true, \"f\": false, \"n\": 1}");
    struct error err;
    bool out = false;

    (void)state;
    assert_int_equal(strict_json_bool(json, "", "t", true, &out, &err), 0);
    assert_true(out);
    assert_int_equal(strict_json_bool(json, "", "none", false, &out, &err), 0);
    assert_true(out);
    assert_int_equal(strict_json_bool(json, "", "f", true, &out, &err), 0);
    assert_false(out);
    assert_int_equal(strict_json_bool(json, "", "n", true, &out, &err), ERROR_INVALID);
    assert_error(&err, "/n", "saw an integer, expected true or false");
    assert_int_equal(strict_json_bool(json, "", "none", true, &out, &err), ERROR_INVALID);
    assert_error(&err, "/none", "\"none\" is missing, expected true or false");
    json_decref(json);
}

static void test_reads_string(void **state)
{
    json_t *json = parse("{\"s\": \"abc\", \"u\": \"\xC3\xA4\", \"n\": [\"abc\"]}");
    struct error err;
    const char *out = NULL;

    (void)state;
    assert_int_equal(strict_json_string(json, "", "none", false, 1, 3, &out, &err), 0);
    assert_null(out);
    assert_int_equal(strict_json_string(json, "", "s", true, 1, 3, &out, &err), 0);
    assert_string_equal(out, "abc");
    assert_int_equal(strict_json_string(json, "", "s", true, 3, 3, &out, &err), 0);
    assert_int_equal(strict_json_string(json, "", "s", true, 1, 2, &out, &err), ERROR_INVALID);
    assert_error(&err, "/s", "saw a string of 3 bytes, expected a string of 1 to 2 bytes");
    assert_int_equal(strict_json_string(json, "", "u", true, 1, 1, &out, &err), ERROR_INVALID);
    assert_error(&err, "/u", "saw a string of 2 bytes, expected a string of 1 to 1 bytes");
    assert_int_equal(strict_json_string(json, "", "s", true, 4, 9, &out, &err), ERROR_INVALID);
    assert_int_equal(strict_json_string(json, "", "n", true, 1, 3, &out, &err), ERROR_INVALID);
    assert_error(&err, "/n", "saw an array, expected a string of 1 to 3 bytes");
    assert_int_equal(strict_json_string(json, "", "none", true, 1, 3, &out, &err), ERROR_INVALID);
    json_decref(json);
}

static void test_reads_container(void **state)
{
    json_t *json = parse("{\"a\": [], \"o\": {}, \"t\": true}");
    struct error err;
    json_t *out = NULL;

    (void)state;
    assert_int_equal(strict_json_container(json, "", "a", true, JSON_ARRAY, &out, &err), 0);
    assert_true(json_is_array(out));
    assert_int_equal(strict_json_container(json, "", "o", true, JSON_OBJECT, &out, &err), 0);
    assert_true(json_is_object(out));
    assert_int_equal(strict_json_container(json, "", "none", false, JSON_ARRAY, &out, &err), 0);
    assert_int_equal(strict_json_container(json, "", "o", true, JSON_ARRAY, &out, &err),
                     ERROR_INVALID);
    assert_error(&err, "/o", "saw an object, expected an array");
    assert_int_equal(strict_json_container(json, "/x", "t", false, JSON_OBJECT, &out, &err),
                     ERROR_INVALID);
    assert_error(&err, "/x/t", "saw true, expected an object");
    assert_int_equal(strict_json_container(json, "", "none", true, JSON_OBJECT, &out, &err),
                     ERROR_INVALID);
    assert_error(&err, "/none", "\"none\" is missing, expected an object");
    json_decref(json);
}

static void test_only_known_members(void **state)
{
    static const char *const allowed[] = {"a", "b", NULL};
    static const char *const none[] = {NULL};
    json_t *json = parse("{\"a\": 1, \"x/y\": 2, \"z\": 3}");
    json_t *array = parse("[]"), *empty = parse("{}");
    struct error err;

    (void)state;
    assert_int_equal(strict_json_only(json, "/q", allowed, &err), ERROR_INVALID);
    assert_error(&err, "/q/x~1y", "saw an unknown member, expected only: a, b; remove \"x/y\"");
    assert_int_equal(json_object_del(json, "x/y"), 0);
    assert_int_equal(json_object_del(json, "z"), 0);
    assert_int_equal(strict_json_only(json, "", allowed, &err), 0);
    assert_int_equal(strict_json_only(json, "", none, &err), ERROR_INVALID);
    assert_error(&err, "/a", "saw an unknown member, expected none; remove \"a\"");
    assert_int_equal(strict_json_only(empty, "", none, &err), 0);
    assert_int_equal(strict_json_only(array, "/q", allowed, &err), ERROR_INVALID);
    assert_error(&err, "/q", "saw an array, expected an object");
    json_decref(json);
    json_decref(array);
    json_decref(empty);
}

/* However long and hostile a name is, the error can stand in JSON again. */
static void test_long_names_stay_utf8(void **state)
{
    static const char *const allowed[] = {"a", NULL};

    (void)state;
    for (size_t before = 200; before < 400; before++) {
        char name[512], pointer[ERROR_POINTER_MAX];
        struct error err;
        json_t *object = json_object(), *text;

        memset(name, 'x', before);
        snprintf(name + before, sizeof(name) - before, "%s",
                 "\xE2\x82\xAC\xF0\x9D\x84\x9E/~\xC3\xA4");
        assert_int_equal(json_object_set_new(object, name, json_null()), 0);
        assert_int_equal(strict_json_only(object, "", allowed, &err), ERROR_INVALID);
        strict_json_pointer(pointer, "/q", name);
        text = json_pack("[s, s, s]", err.pointer, err.message, pointer);
        assert_non_null(text);
        json_decref(text);
        json_decref(object);
    }
}

static void test_pointer_escapes_and_is_cut(void **state)
{
    char pointer[ERROR_POINTER_MAX], name[ERROR_POINTER_MAX + 9];

    (void)state;
    strict_json_pointer(pointer, "", "");
    assert_string_equal(pointer, "/");
    strict_json_pointer(pointer, "/a", "m~n/o~1");
    assert_string_equal(pointer, "/a/m~0n~1o~01");
    for (size_t len = ERROR_POINTER_MAX - 9; len < sizeof(name); len++) {
        memset(name, 'x', len);
        name[len - 1] = '/';
        name[len] = '\0';
        strict_json_pointer(pointer, "/", name);
        assert_true(strlen(pointer) < ERROR_POINTER_MAX);
        /* An escape is whole or absent. */
        assert_true(pointer[strlen(pointer) - 1] != '~');
    }
    strict_json_pointer(pointer, name, "b");
    assert_int_equal(strlen(pointer), ERROR_POINTER_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_json),
        cmocka_unit_test(test_brackets_in_strings_have_no_depth),
        cmocka_unit_test(test_refuses_depth),
        cmocka_unit_test(test_refuses_depth_of_100000),
        cmocka_unit_test(test_refuses_size),
        cmocka_unit_test(test_refuses_nul),
        cmocka_unit_test(test_refuses_what_is_no_json),
        cmocka_unit_test(test_survives_out_of_memory),
        cmocka_unit_test(test_reads_int),
        cmocka_unit_test(test_reads_bool),
        cmocka_unit_test(test_reads_string),
        cmocka_unit_test(test_reads_container),
        cmocka_unit_test(test_only_known_members),
        cmocka_unit_test(test_long_names_stay_utf8),
        cmocka_unit_test(test_pointer_escapes_and_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
