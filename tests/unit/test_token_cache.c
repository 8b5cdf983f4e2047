/* token_cache: what is put is found until it ends, is pushed out, or another authority asks. */
#include "gateway/auth/token_cache.h"
#include "tests/unit/jwt_fixture.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define LATER_MS (FIXTURE_NOW_SECONDS * 1000 + 3600 * 1000)

/* The number in the token's text comes back as the subject. */
static void put(struct token_cache *cache, uint64_t authority, const char *token,
                int64_t expires_wall_ms)
{
    struct token_cache_key key;
    struct principal principal = {.expires_wall_ms = expires_wall_ms};
    struct principal unused;

    snprintf(principal.subject, sizeof(principal.subject), "%s", token);
    (void)token_cache_find(cache, authority, token, strlen(token), &key, &unused);
    token_cache_put(cache, &key, &principal);
}

static bool has(struct token_cache *cache, uint64_t authority, const char *token)
{
    struct token_cache_key key;
    struct principal out = {.subject = ""};
    bool found = token_cache_find(cache, authority, token, strlen(token), &key, &out);

    if (found)
        assert_string_equal(out.subject, token);
    return found;
}

static void test_finds_by_token_and_authority(void **state)
{
    struct clock clock = FIXTURE_CLOCK;
    struct token_cache *cache = NULL;

    (void)state;
    assert_int_equal(token_cache_create(4, &clock, &cache, NULL), 0);
    assert_false(has(cache, 1, "a"));
    put(cache, 1, "a", LATER_MS);
    assert_true(has(cache, 1, "a"));
    assert_false(has(cache, 2, "a"));
    assert_false(has(cache, 1, "b"));
    put(cache, 2, "a", LATER_MS);
    assert_true(has(cache, 1, "a"));
    assert_true(has(cache, 2, "a"));
    token_cache_free(&cache);
    assert_null(cache);
    token_cache_free(&cache);
}

static void test_entries_end(void **state)
{
    struct clock clock = FIXTURE_CLOCK;
    struct token_cache *cache = NULL;

    (void)state;
    assert_int_equal(token_cache_create(4, &clock, &cache, NULL), 0);
    put(cache, 1, "long", LATER_MS);
    put(cache, 1, "short", clock.wall_ms + 5000);
    clock.wall_ms += 4999;
    clock.monotonic_ms += 4999;
    assert_true(has(cache, 1, "short"));
    clock.wall_ms++;
    clock.monotonic_ms++;
    assert_false(has(cache, 1, "short"));
    assert_true(has(cache, 1, "long"));
    /* 60 s, even when the wall clock was set back */
    clock.wall_ms -= 3600 * 1000;
    clock.monotonic_ms += TOKEN_CACHE_TTL_MS - 5001;
    assert_true(has(cache, 1, "long"));
    clock.monotonic_ms++;
    assert_false(has(cache, 1, "long"));
    /* verified again: it lives again */
    put(cache, 1, "long", LATER_MS);
    assert_true(has(cache, 1, "long"));
    /* exp, even when the wall clock jumps ahead */
    clock.wall_ms = LATER_MS;
    assert_false(has(cache, 1, "long"));
    token_cache_free(&cache);
}

/* Against a plain model: exactly the last `size` different tokens are there. */
static void test_oldest_goes(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 16, 100};
    struct clock clock = FIXTURE_CLOCK;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct token_cache *cache = NULL;
        char token[32];

        assert_int_equal(token_cache_create(sizes[i], &clock, &cache, NULL), 0);
        for (size_t n = 0; n < 5 * sizes[i]; n++) {
            snprintf(token, sizeof(token), "token %zu", n);
            put(cache, 1, token, LATER_MS);
            put(cache, 1, token, LATER_MS); /* again takes no second place */
            for (size_t k = 0; k <= n; k++) {
                snprintf(token, sizeof(token), "token %zu", k);
                assert_int_equal(has(cache, 1, token), n - k < sizes[i]);
            }
        }
        token_cache_free(&cache);
    }
}

static void test_bounds(void **state)
{
    const struct clock clock = FIXTURE_CLOCK;
    struct token_cache *cache = NULL;

    (void)state;
    assert_int_equal(token_cache_create(0, &clock, &cache, NULL), ERROR_INVALID);
    assert_int_equal(token_cache_create(TOKEN_CACHE_MAX_ENTRIES + 1, &clock, &cache, NULL),
                     ERROR_INVALID);
    assert_null(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_by_token_and_authority),
        cmocka_unit_test(test_entries_end),
        cmocka_unit_test(test_oldest_goes),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
