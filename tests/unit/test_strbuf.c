/* strbuf: growth up to the maximum, the failure that sticks, JSON escaping. */
#include "gateway/base/strbuf.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_grows_by_every_append(void **state)
{
    struct strbuf buf;
    char want[1001] = "";

    (void)state;
    strbuf_init(&buf, 1000);
    assert_string_equal(buf.data, "");
    for (int i = 0; i < 100; i++) {
        strbuf_addf(&buf, "%03d", i);
        strbuf_addstr(&buf, "-abc");
        strbuf_add(&buf, "de", 2);
        strbuf_addch(&buf, 'f');
        snprintf(want + i * 10, sizeof(want) - (size_t)i * 10, "%03d-abcdef", i);
    }
    assert_true(strbuf_ok(&buf));
    assert_int_equal(buf.len, 1000);
    assert_string_equal(buf.data, want);
    strbuf_free(&buf);
    assert_string_equal(buf.data, "");
}

static void test_fails_above_the_maximum_and_stays_failed(void **state)
{
    struct strbuf buf;

    (void)state;
    strbuf_init(&buf, 8);
    strbuf_addstr(&buf, "12345678");
    assert_true(strbuf_ok(&buf));
    strbuf_addf(&buf, "%d", 9);
    assert_false(strbuf_ok(&buf));
    assert_string_equal(buf.data, "12345678");
    strbuf_clear(&buf);
    assert_true(strbuf_ok(&buf));
    assert_string_equal(buf.data, "");
    strbuf_addf(&buf, "%s", "123456789");
    strbuf_addstr(&buf, "x");
    assert_false(strbuf_ok(&buf));
    assert_string_equal(buf.data, "");
    assert_null(strbuf_detach(&buf));
}

static void test_a_secret_survives_its_moves(void **state)
{
    struct strbuf buf;

    (void)state;
    strbuf_init_secret(&buf, 4096);
    for (int i = 0; i < 400; i++)
        strbuf_addstr(&buf, "0123456789");
    assert_true(strbuf_ok(&buf));
    assert_int_equal(strspn(buf.data, "0123456789"), 4000);
    strbuf_free(&buf);
    assert_true(buf.secret);
}

static void test_detach_hands_over(void **state)
{
    struct strbuf buf;
    char *text;

    (void)state;
    strbuf_init(&buf, 8);
    text = strbuf_detach(&buf);
    assert_string_equal(text, "");
    free(text);
    strbuf_addstr(&buf, "again");
    text = strbuf_detach(&buf);
    assert_string_equal(text, "again");
    assert_string_equal(buf.data, "");
    free(text);
}

static void test_json_escapes_and_replaces(void **state)
{
#define BAD "\xEF\xBF\xBD"
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain /path", 11, "\"plain /path\""},
        {"\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
        {"a\0\x1f\x7f", 4, "\"a\\u0000\\u001f\\u007f\""},
        {"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\""},
        {"\xC0\xAF", 2, "\"" BAD BAD "\""},                 /* overlong */
        {"\xE0\x9F\xBF", 3, "\"" BAD BAD BAD "\""},         /* overlong */
        {"\xED\xA0\x80", 3, "\"" BAD BAD BAD "\""},         /* surrogate */
        {"\xF4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\""}, /* above U+10FFFF */
        {"\xE2\x82", 2, "\"" BAD BAD "\""},                 /* ends too early */
        {"\xE2\x28\xA1x", 4, "\"" BAD "(" BAD "x\""},       /* broken in the middle */
    };
#undef BAD
    struct strbuf buf;

    (void)state;
    strbuf_init(&buf, 256);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        strbuf_clear(&buf);
        strbuf_add_json(&buf, cases[i].text, cases[i].len);
        assert_string_equal(buf.data, cases[i].want);
    }
    strbuf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_by_every_append),
        cmocka_unit_test(test_fails_above_the_maximum_and_stays_failed),
        cmocka_unit_test(test_a_secret_survives_its_moves),
        cmocka_unit_test(test_detach_hands_over),
        cmocka_unit_test(test_json_escapes_and_replaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
