/* The parsed policy: what is found in it, and which patterns match and cover. */
#include "policy/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct policy *parse(const char *text)
{
    struct policy *policy = NULL;
    struct error err;

    if (policy_parse(text, strlen(text), NULL, NULL, &policy, &err) != 0)
        fail_msg("%s: %s", err.pointer, err.message);
    return policy;
}

static void test_keeps_limits(void **state)
{
    struct policy *policy =
        parse("{\"version\": 1, \"account\": {\"running_models\": 2, \"units_per_model\": 5},"
              "\"teams\": {\"a\": {\"projects\": [\"p\"], \"limits\": {\"concurrent_units\": 3}},"
              "\"b\": {\"projects\": [\"q\"]}}}");
    const struct policy_limits *account = policy_account(policy);
    const struct policy_team *team = policy_find_team(policy, "a");

    (void)state;
    assert_true(account->concurrent_units == POLICY_NO_LIMIT);
    assert_int_equal(account->running_models, 2);
    assert_int_equal(account->units_per_model, 5);
    assert_non_null(team);
    assert_int_equal(team->limits.concurrent_units, 3);
    assert_true(team->limits.running_models == POLICY_NO_LIMIT);
    assert_true(team->limits.units_per_model == POLICY_NO_LIMIT);
    assert_true(policy_find_team(policy, "b")->limits.concurrent_units == POLICY_NO_LIMIT);
    policy_free(&policy);
    assert_null(policy);
}

static void test_without_account_nothing_is_limited(void **state)
{
    struct policy *policy = parse("{\"version\": 1, \"teams\": {}}");

    (void)state;
    assert_true(policy_account(policy)->concurrent_units == POLICY_NO_LIMIT);
    assert_true(policy_account(policy)->running_models == POLICY_NO_LIMIT);
    assert_true(policy_account(policy)->units_per_model == POLICY_NO_LIMIT);
    assert_int_equal(policy_team_count(policy), 0);
    assert_null(policy_team_at(policy, 0));
    assert_null(policy_find_team(policy, "a"));
    policy_free(&policy);
}

static void test_finds_teams_and_lists_them_by_name(void **state)
{
    static const char *const names[] = {"B", "a", "ab", "b", "m", "z-1"};
    struct policy *policy = parse(
        "{\"version\": 1, \"teams\": {\"m\": {\"projects\": [\"m\"]}, \"z-1\": {\"projects\": "
        "[\"z-1\"]}, \"a\": {\"projects\": [\"a\"]}, \"b\": {\"projects\": [\"b\"]}, \"B\": "
        "{\"projects\": [\"B\"]}, \"ab\": {\"projects\": [\"ab\"]}}}");

    (void)state;
    assert_int_equal(policy_team_count(policy), 6);
    for (size_t i = 0; i < 6; i++) {
        const struct policy_team *team = policy_team_at(policy, i);

        assert_string_equal(team->name, names[i]);
        assert_string_equal(team->projects[0], names[i]); /* sorted as a whole, not names alone */
        assert_ptr_equal(policy_find_team(policy, names[i]), team);
    }
    assert_null(policy_team_at(policy, 6));
    assert_null(policy_find_team(policy, "A"));
    assert_null(policy_find_team(policy, ""));
    assert_null(policy_find_team(policy, "z-"));
    policy_free(&policy);
}

static void test_match_names_the_pattern(void **state)
{
    struct policy *policy = parse("{\"version\": 1, \"teams\": {\"a\": {\"projects\": [\"one\", "
                                  "\"two-*\", \"*-three\"]}}}");
    const struct policy_team *team = policy_find_team(policy, "a");

    (void)state;
    assert_string_equal(policy_match_project(team, "one"), "one");
    assert_string_equal(policy_match_project(team, "two-three"), "two-*");
    assert_string_equal(policy_match_project(team, "x-three"), "*-three");
    assert_null(policy_match_project(team, "three"));
    policy_free(&policy);
}

/* All ways to read a pattern, tried one after the other: slow, and plainly right. */
static bool naive_match(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return naive_match(pattern + 1, text) || (*text != '\0' && naive_match(pattern, text + 1));
    return *pattern == *text && naive_match(pattern + 1, text + 1);
}

/* Counts through every word of 1 to `max` letters; false behind the last. */
static bool next_word(char *word, size_t max, const char *letters)
{
    size_t i = 0;

    for (; i < max && word[i] != '\0'; i++) {
        const char *next = strchr(letters, word[i]) + 1;

        word[i] = *next != '\0' ? *next : letters[0];
        if (*next != '\0')
            return true;
    }
    if (i == max)
        return false;
    word[i] = letters[0];
    return true;
}

/* Every pattern of up to 5 of `a`, `b`, `*` against every name of up to 6 of `a`, `b`. */
static void test_matches_like_a_naive_matcher(void **state)
{
    char pattern[8] = "";
    size_t matches = 0;

    (void)state;
    while (next_word(pattern, 5, "ab*")) {
        char text[128], name[8] = "";
        struct policy *policy;

        snprintf(text, sizeof(text),
                 "{\"version\": 1, \"teams\": {\"t\": {\"projects\": [\"%s\"]}}}", pattern);
        policy = parse(text);
        while (next_word(name, 6, "ab")) {
            const bool expected = naive_match(pattern, name);

            if ((policy_match_project(policy_team_at(policy, 0), name) != NULL) != expected)
                fail_msg("%s on %s: expected %s", pattern, name, expected ? "yes" : "no");
            matches += expected;
        }
        policy_free(&policy);
    }
    assert_true(matches > 1000);
}

/*
 * The load refuses a pair of patterns exactly where every name that one admits the other admits
 * too: judged here over all names of up to 5 letters of an alphabet with a letter that no pattern
 * has.
 */
static bool covers(const char *wide, const char *narrow)
{
    char name[8] = "";

    while (next_word(name, 5, "abc")) {
        if (naive_match(narrow, name) && !naive_match(wide, name))
            return false;
    }
    return true;
}

static void test_refuses_exactly_covered_patterns(void **state)
{
    char first[8] = "";
    size_t refused = 0, taken = 0;

    (void)state;
    while (next_word(first, 3, "ab*")) {
        char second[8] = "", text[128];

        while (next_word(second, 3, "ab*")) {
            const bool idle = covers(first, second) || covers(second, first);
            struct policy *policy = NULL;
            int rc;

            snprintf(text, sizeof(text),
                     "{\"version\": 1, \"teams\": {\"t\": {\"projects\": [\"%s\", \"%s\"]}}}",
                     first, second);
            rc = policy_parse(text, strlen(text), NULL, NULL, &policy, NULL);
            if ((rc != 0) != idle)
                fail_msg("%s and %s: expected %s", first, second, idle ? "an error" : "no error");
            refused += idle;
            taken += !idle;
            policy_free(&policy);
        }
    }
    assert_true(refused > 100);
    assert_true(taken > 100);
}

static void test_free_takes_null(void **state)
{
    struct policy *policy = NULL;

    (void)state;
    policy_free(NULL);
    policy_free(&policy);
    assert_null(policy);
}

static void test_refusal_leaves_nothing(void **state)
{
    const char *text = "{\"version\": 1, \"teams\": {\"a\": {\"projects\": [\"p\", \"q\", 3]}}}";
    struct policy *policy = (struct policy *)(uintptr_t)1;

    (void)state;
    assert_int_equal(policy_parse(text, strlen(text), NULL, NULL, &policy, NULL), ERROR_INVALID);
    assert_null(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_limits),
        cmocka_unit_test(test_without_account_nothing_is_limited),
        cmocka_unit_test(test_finds_teams_and_lists_them_by_name),
        cmocka_unit_test(test_match_names_the_pattern),
        cmocka_unit_test(test_matches_like_a_naive_matcher),
        cmocka_unit_test(test_refuses_exactly_covered_patterns),
        cmocka_unit_test(test_free_takes_null),
        cmocka_unit_test(test_refusal_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
