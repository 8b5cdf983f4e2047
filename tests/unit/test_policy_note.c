/* What the journal says of a policy that comes into force. */
#include "gateway/base/clock.h"
#include "gateway/control/admission.h"
#include "gateway/control/context.h"
#include "gateway/control/policy_note.h"
#include "gateway/ledger/ledger_entry.h"
#include "gateway/ledger/ledger_file.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/control_world.h"

#include <stdio.h>
#include <string.h>

#define POLICY(account, day)                                                                       \
    "{\"version\":1,\"account\":{\"concurrent_units\":" account "},\"teams\":{\"a\":{"             \
    "\"projects\":[\"*\"],\"limits\":{\"unit_hours\":[{\"amount\":" day ",\"period\":\"day\"}]}}," \
    "\"b\":{\"projects\":[\"*\"],\"limits\":{\"concurrent_units\":1}}}}"

#define ENTRIES_MAX 4

static struct world world;

/* What was told as exceeded: of which team, and the words. */
struct told {
    size_t count;
    struct {
        char about[RESERVATION_TEAM_MAX + 1], why[LEDGER_CAUSE_MAX + 1];
    } of[ENTRIES_MAX];
};

static int open_world(void **state)
{
    (void)state;
    world_open(&world, POLICY("9", "100"), 1);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

static int keep_told(void *context, const struct ledger_journal_head *head,
                     const unsigned char *bytes, size_t len, struct error *err)
{
    struct told *told = context;
    struct ledger_entry_view entry;
    (void)head;
    (void)err;
    assert_true(ledger_entry_read(bytes, len, &entry));
    if (!ledger_text_equals(entry.event, "over-limit"))
        return 0;
    assert_true(told->count < ENTRIES_MAX);
    (void)snprintf(told->of[told->count].about, sizeof(told->of[0].about), "%.*s",
                   (int)entry.about.len, entry.about.data);
    (void)snprintf(told->of[told->count].why, sizeof(told->of[0].why), "%.*s", (int)entry.why.len,
                   entry.why.data);
    told->count++;
    return 0;
}

/* Puts a policy into force, and reads what the journal says by then. */
static struct told note(const char *policy)
{
    struct ledger_file file;
    struct told told = {.count = 0};
    struct error err = {0};
    char path[128];
    world_load_policy(&world, policy);
    policy_note(world.control, "reloaded");
    (void)snprintf(path, sizeof(path), "%s/ledger.db", world.folder);
    assert_int_equal(ledger_file_open(path, &file, &err), 0);
    assert_int_equal(file.backend->each_entry(file.session, 0, keep_told, &told, &err), 0);
    ledger_file_close(&file);
    return told;
}

/* Five units for ten hours from 23:00 on: 5 unit-hours today, 46.250 tomorrow. Returns tomorrow. */
static int64_t start_at_eleven(void)
{
    const struct start_request request = {.team = "a",
                                          .subject = "s",
                                          .project = "p",
                                          .version = "1",
                                          .min_units = 5,
                                          .lease_minutes = 600};
    struct start_result result;
    int64_t now_ms = control_now_ms(world.control);
    int64_t midnight_ms = now_ms - now_ms % (1440 * MINUTE_MS) + 2 * 1440 * MINUTE_MS;
    world_advance(&world, midnight_ms - 60 * MINUTE_MS - now_ms);
    admission_start(world.control, &request, FOREVER, &result);
    assert_int_equal(result.outcome, START_ACCEPTED);
    return midnight_ms;
}

static void test_a_period_to_come_is_told(void **state)
{
    char midnight[CLOCK_RFC3339_SIZE];
    (void)state;
    clock_format_rfc3339(start_at_eleven(), midnight);
    assert_int_equal(note(POLICY("9", "60")).count, 0);
    struct told told = note(POLICY("9", "40"));
    assert_int_equal(told.count, 1);
    assert_string_equal(told.of[0].about, "a");
    const char *why = told.of[0].why;
    assert_non_null(strstr(why, "/teams/a/limits/unit_hours/0 is 40.000 unit-hours, and "));
    assert_non_null(strstr(why, " 0.000 used and 46.2"));
    assert_non_null(strstr(why, " reserved are held in the day from "));
    assert_non_null(strstr(why, midnight));
}

static void test_each_is_told_by_whose_limit_it_is(void **state)
{
    (void)state;
    (void)start_at_eleven();
    struct told told = note(POLICY("4", "40"));
    assert_int_equal(told.count, 2);
    assert_string_equal(told.of[0].about, "");
    assert_string_equal(told.of[0].why,
                        "/account/concurrent_units is 4 units, and 5 used and 0 reserved are held");
    assert_string_equal(told.of[1].about, "a");
}

int main(void)
{
#define NOTE_TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        NOTE_TEST(test_a_period_to_come_is_told),
        NOTE_TEST(test_each_is_told_by_whose_limit_it_is),
    };
    return cmocka_run_group_tests_name("policy-note", tests, NULL, NULL);
}
