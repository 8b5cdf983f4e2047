/* log: every line is one JSON object, whatever is put into it. */
#include "gateway/base/log.h"

#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    struct clock *clock;
    int pipe[2];
    char line[2 * LOG_LINE_MAX];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (f == NULL || pipe(f->pipe) != 0 || clock_open(&f->clock, NULL) != 0)
        return -1;
    log_init(f->clock, f->pipe[1], LOG_INFO);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    log_init(NULL, -1, LOG_INFO);
    close(f->pipe[0]);
    close(f->pipe[1]);
    clock_close(&f->clock);
    free(f);
    return 0;
}

/* One read is one line, because one line is one write. */
static json_t *read_line(struct fixture *f)
{
    ssize_t len = read(f->pipe[0], f->line, sizeof(f->line) - 1);
    json_t *json;

    assert_true(len > 0 && len <= LOG_LINE_MAX);
    f->line[len] = '\0';
    assert_int_equal(strchr(f->line, '\n') - f->line, len - 1);
    json = json_loads(f->line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void test_writes_typed_fields(void **state)
{
    struct fixture *f = *state;
    json_t *json;

    errno = EBADF;
    LOG(LOG_WARNING, "ledger.commit_failed", log_str("who", "a\"\n\xFF"), log_str("none", NULL),
        log_int("count", INT64_MIN), log_bool("yes", true), log_bool("no", false));
    assert_int_equal(errno, EBADF);
    json = read_line(f);
    assert_int_equal(json_object_size(json), 7);
    assert_int_equal(strlen(json_string_value(json_object_get(json, "time"))), 24);
    assert_string_equal(json_string_value(json_object_get(json, "level")), "warning");
    assert_string_equal(json_string_value(json_object_get(json, "event")), "ledger.commit_failed");
    assert_string_equal(json_string_value(json_object_get(json, "who")), "a\"\n\xEF\xBF\xBD");
    assert_true(json_integer_value(json_object_get(json, "count")) == INT64_MIN);
    assert_true(json_is_true(json_object_get(json, "yes")));
    assert_true(json_is_false(json_object_get(json, "no")));
    json_decref(json);
}

static void test_takes_no_fields(void **state)
{
    json_t *json;

    LOG(LOG_ERROR, "main.started");
    json = read_line(*state);
    assert_int_equal(json_object_size(json), 3);
    json_decref(json);
}

static void test_keeps_to_its_level(void **state)
{
    enum log_level level;
    json_t *json;

    LOG(LOG_DEBUG, "too.small");
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_ERROR);
    log_set_level(level);
    LOG(LOG_WARNING, "too.small");
    log_set_level(LOG_DEBUG);
    LOG(LOG_DEBUG, "now");
    json = read_line(*state);
    assert_string_equal(json_string_value(json_object_get(json, "event")), "now");
    json_decref(json);
    assert_false(log_level_parse("loud", &level));
    assert_false(log_level_parse("", &level));
}

/* Every length near the limit, so that the cut meets each part of the last fields once. */
static void test_a_long_line_is_cut_and_stays_json(void **state)
{
    char value[LOG_LINE_MAX + 1];
    bool seen_whole = false;
    bool seen_cut = false;

    for (size_t len = LOG_LINE_MAX - 200; len < LOG_LINE_MAX; len++) {
        json_t *json;
        bool cut;

        memset(value, 'x', len);
        memcpy(value + len - 4, "\xE2\x82\xAC", 4);
        LOG(LOG_INFO, "long", log_str("value", value), log_str("tail", "\n\n\n\n\n\n"),
            log_int("number", 1234567890), log_bool("flag", true));
        json = read_line(*state);
        cut = json_is_true(json_object_get(json, "cut"));
        assert_true(cut != (json_object_get(json, "flag") != NULL));
        seen_cut |= cut;
        seen_whole |= !cut;
        json_decref(json);
    }
    assert_true(seen_whole && seen_cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_writes_typed_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_takes_no_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keeps_to_its_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_long_line_is_cut_and_stays_json, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
