/* struct error: what is filled, what is cut, and that a cut leaves whole UTF-8. */
#include "policy/error.h"
#include "policy/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UMLAUT "\xC3\xA4"         /* 2 bytes */
#define EURO   "\xE2\x82\xAC"     /* 3 bytes */
#define CLEF   "\xF0\x9D\x84\x9E" /* 4 bytes */

static void test_set_returns_and_fills(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(error_set(&err, ERROR_RETRY, "saw %d, expected %s", 3, "4"), ERROR_RETRY);
    assert_int_equal(err.code, ERROR_RETRY);
    assert_string_equal(err.message, "saw 3, expected 4");
    assert_string_equal(err.pointer, "");
}

static void test_set_at_keeps_pointer(void **state)
{
    struct error err;

    (void)state;
    assert_int_equal(error_set_at(&err, ERROR_INVALID, "/a/0", "saw %s", "x"), ERROR_INVALID);
    assert_string_equal(err.pointer, "/a/0");
    assert_string_equal(err.message, "saw x");
    assert_int_equal(error_set(&err, ERROR_IO, "no"), ERROR_IO);
    assert_string_equal(err.pointer, "");
}

static void test_null_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, ERROR_NOMEM, "x"), ERROR_NOMEM);
    assert_int_equal(error_set_at(NULL, ERROR_UNCERTAIN, "/a", "x"), ERROR_UNCERTAIN);
    error_prefix(NULL, "x");
}

static void test_prefix_keeps_code_and_pointer(void **state)
{
    struct error err;

    (void)state;
    (void)error_set_at(&err, ERROR_CONFLICT, "/a", "saw %d", 1);
    error_prefix(&err, "%s.json", "policy");
    assert_string_equal(err.message, "policy.json: saw 1");
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(err.pointer, "/a");
}

static void test_arguments_may_be_the_old_error(void **state)
{
    struct error err;

    (void)state;
    (void)error_set_at(&err, ERROR_IO, "/a", "old");
    (void)error_set_at(&err, ERROR_RETRY, err.pointer, "new after %s", err.message);
    assert_string_equal(err.message, "new after old");
    assert_string_equal(err.pointer, "/a");
    error_prefix(&err, "%s", err.message);
    assert_string_equal(err.message, "new after old: new after old");
}

static void test_long_message_is_cut(void **state)
{
    char text[2 * ERROR_MESSAGE_MAX];
    struct error err;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    (void)error_set_at(&err, ERROR_IO, text, "%s", text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_MAX - 1);
    assert_int_equal(strlen(err.pointer), ERROR_POINTER_MAX - 1);
    error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_MAX - 1);
}

/* Whatever stands before them, characters of every length are there whole or not at all. */
static void test_cut_leaves_whole_characters(void **state)
{
    static const char *const characters[] = {UMLAUT, EURO, CLEF};
    char text[ERROR_MESSAGE_MAX + 8];
    struct error err;

    (void)state;
    for (size_t c = 0; c < 3; c++) {
        const size_t width = strlen(characters[c]);

        for (size_t before = ERROR_MESSAGE_MAX - 8; before < ERROR_MESSAGE_MAX; before++) {
            const bool fits = before + width < ERROR_MESSAGE_MAX;

            memset(text, 'x', before);
            memcpy(text + before, characters[c], width + 1);
            (void)error_set(&err, ERROR_IO, "%s", text);
            assert_int_equal(strlen(err.message), before + (fits ? width : 0));
            (void)error_set_at(&err, ERROR_IO, text + ERROR_MESSAGE_MAX - ERROR_POINTER_MAX, "x");
            assert_int_equal(strlen(err.pointer),
                             before + (fits ? width : 0) - (ERROR_MESSAGE_MAX - ERROR_POINTER_MAX));
        }
    }
}

static void test_prefix_cut_leaves_whole_characters(void **state)
{
    struct error err;
    char text[ERROR_MESSAGE_MAX];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[ERROR_MESSAGE_MAX - 6] = '\0'; /* with ": " there is room for 3 bytes */
    (void)error_set(&err, ERROR_IO, "%s", UMLAUT UMLAUT);
    error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.message), ERROR_MESSAGE_MAX - 2);
}

static void test_drop_partial(void **state)
{
    static const struct {
        const char *text, *left;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"a" UMLAUT, "a" UMLAUT},
        {"a" CLEF, "a" CLEF},
        {"a\xC3", "a"},
        {"a\xE2", "a"},
        {"a\xE2\x82", "a"},
        {"a\xF0\x9D\x84", "a"},
        {"\xF0", ""},
        {UMLAUT "\xE2\x82", UMLAUT},
    };
    char text[16];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "%s", cases[i].text);
        text_drop_partial(text);
        assert_string_equal(text, cases[i].left);
    }
}

static void test_each_class_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(error_code_name(ERROR_INVALID), "invalid");
    assert_string_equal(error_code_name(ERROR_REFUSED), "refused");
    assert_string_equal(error_code_name(ERROR_RETRY), "retry");
    assert_string_equal(error_code_name(ERROR_UNCERTAIN), "uncertain");
    for (int code = ERROR_NOMEM; code <= ERROR_INVALID; code++)
        for (int other = ERROR_NOMEM; other < code; other++)
            assert_string_not_equal(error_code_name((enum error_code)code),
                                    error_code_name((enum error_code)other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_returns_and_fills),
        cmocka_unit_test(test_set_at_keeps_pointer),
        cmocka_unit_test(test_null_is_allowed),
        cmocka_unit_test(test_prefix_keeps_code_and_pointer),
        cmocka_unit_test(test_arguments_may_be_the_old_error),
        cmocka_unit_test(test_long_message_is_cut),
        cmocka_unit_test(test_cut_leaves_whole_characters),
        cmocka_unit_test(test_prefix_cut_leaves_whole_characters),
        cmocka_unit_test(test_drop_partial),
        cmocka_unit_test(test_each_class_has_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
