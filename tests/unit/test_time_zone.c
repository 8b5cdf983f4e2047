/* Time zones against the C library, which reads the same files by itself; and rules, and bad files.
 */
#include "gateway/base/zone_file.h"
#include "policy/time_rule.h"
#include "policy/time_zone.h"
#include "tests/policy/zones.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ZONE_TABLE "/usr/share/zoneinfo/tzdata.zi"
#define INSTANTS   400
#define MIN_ZONES  300
#define HOUR_MS    INT64_C(3600000)

/* --- against the C library ----------------------------------------------------------------- */

static int64_t libc_offset_ms(int64_t at_s)
{
    const time_t seconds = (time_t)at_s;
    struct tm parts;

    assert_non_null(localtime_r(&seconds, &parts));
    return parts.tm_gmtoff * INT64_C(1000);
}

/* No instant before it shows as much, as far as the clock can be put back. */
static void check_first(const struct time_zone *zone, int64_t local_ms)
{
    const int64_t at_ms = time_zone_to_utc_ms(zone, local_ms);

    if (at_ms + time_zone_offset_ms(zone, at_ms) < local_ms)
        fail_msg("%s: %lld is not reached yet", time_zone_name(zone), (long long)local_ms);
    for (int64_t before = at_ms - 1; before > at_ms - 27 * HOUR_MS; before -= HOUR_MS / 4) {
        if (before + time_zone_offset_ms(zone, before) >= local_ms)
            fail_msg("%s: %lld was reached before", time_zone_name(zone), (long long)local_ms);
    }
}

/* Half of the instants until 2106, half until 2500, which no table reaches. */
static void check_zone(const char *name, uint64_t *state)
{
    struct time_zone *zone = zones_load(name);

    assert_non_null(zone);
    setenv("TZ", name, 1);
    tzset();
    for (int i = 0; i < INSTANTS; i++) {
        int64_t at_s;

        *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        at_s = (int64_t)((*state >> 20) % (i % 2 == 0 ? 4294967296 : 16725225600));
        if (time_zone_offset_ms(zone, at_s * 1000) != libc_offset_ms(at_s))
            fail_msg("%s at %lld: %lld ms, the C library says %lld", name, (long long)at_s,
                     (long long)time_zone_offset_ms(zone, at_s * 1000),
                     (long long)libc_offset_ms(at_s));
        if (i % 16 == 0)
            check_first(zone, at_s * 1000);
    }
    time_zone_free(&zone);
}

/* Of tzdata's compact source: "Z Europe/Berlin ..." begins a zone, "L Europe/Berlin ..." names one.
 */
static void test_agrees_with_the_c_library(void **state)
{
    FILE *table = fopen(ZONE_TABLE, "r");
    uint64_t random = 0x7a31f;
    char line[512], name[128];
    size_t zones = 0;

    (void)state;
    if (table == NULL)
        skip();
    while (fgets(line, sizeof(line), table) != NULL) {
        if (sscanf(line, "Z %127s", name) != 1)
            continue;
        check_zone(name, &random);
        zones++;
    }
    fclose(table);
    assert_true(zones >= MIN_ZONES);
}

/* Each second around the changes of a few years. */
static void test_changes_at_the_second(void **state)
{
    static const char *const names[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                        "America/Santiago", "Africa/Casablanca"};

    (void)state;
    if (!zones_present())
        skip();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct time_zone *zone = zones_load(names[i]);
        size_t changes = 0;

        assert_non_null(zone);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t hour = 1767225600; hour < 1893456000; hour += 3600) {
            const int64_t before_ms = time_zone_offset_ms(zone, hour * 1000 - 1000);

            if (before_ms == time_zone_offset_ms(zone, (hour + 3599) * 1000))
                continue;
            changes++;
            for (int64_t at_s = hour - 1; at_s < hour + 3600; at_s++)
                assert_true(time_zone_offset_ms(zone, at_s * 1000) == libc_offset_ms(at_s));
        }
        assert_true(changes >= 8); /* two a year from 2026 to 2029 */
        time_zone_free(&zone);
    }
}

/* --- rules --------------------------------------------------------------------------------- */

/* The C library reads TZ strings, too. */
static void test_rules_agree_with_the_c_library(void **state)
{
    static const char *const rules[] = {
        "UTC0",
        "CET-1CEST,M3.5.0,M10.5.0/3",
        "EST5EDT,M3.2.0,M11.1.0",
        "<+0545>-5:45",
        "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "EET-2EEST,M3.4.4/50,M10.4.4/50",
        "AAA0BBB,J60/0,J300/3",
        "AAA0BBB,59/0,300/3",
        "AAA-3BBB-4:30,M1.1.1,M12.5.6/23:15",
    };
    uint64_t random = 0x2e5;

    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        unsigned char tzif[ZONES_TZIF_MAX];
        const size_t len = zones_make_tzif(rules[i], tzif);
        struct time_zone *zone = NULL;

        assert_int_equal(time_zone_parse("Test", tzif, len, &zone, NULL), 0);
        setenv("TZ", rules[i], 1);
        tzset();
        for (int k = 0; k < 4000; k++) {
            int64_t at_s;

            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            at_s = (int64_t)((random >> 20) % 250000000000);
            if (time_zone_offset_ms(zone, at_s * 1000) != libc_offset_ms(at_s))
                fail_msg("%s at %lld: %lld ms, the C library says %lld", rules[i], (long long)at_s,
                         (long long)time_zone_offset_ms(zone, at_s * 1000),
                         (long long)libc_offset_ms(at_s));
        }
        time_zone_free(&zone);
    }
}

/* RFC 9636, section 3.3.1: from the first second of the year to the last of the standard clock. */
static void test_summer_that_never_ends(void **state)
{
    unsigned char tzif[ZONES_TZIF_MAX];
    const size_t len = zones_make_tzif("XXX3EDT4,0/0,J365/23", tzif);
    struct time_zone *zone = NULL;

    (void)state;
    assert_int_equal(time_zone_parse("Test", tzif, len, &zone, NULL), 0);
    for (int64_t at_ms = 0; at_ms < INT64_C(4102444800000); at_ms += 7 * HOUR_MS)
        assert_true(time_zone_offset_ms(zone, at_ms) == -4 * HOUR_MS);
    time_zone_free(&zone);
}

static void test_refuses_bad_rules(void **state)
{
    static const char *const rules[] = {
        "C-1",
        "CET",
        "CET-",
        "CET-25",
        "CET-1:60",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M3.5.0,",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M0.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J365",
        "CET-1CEST,J366,J365",
        "CET-1CEST,366,365",
        "CET-1CEST,M3.5.0/168,M10.5.0",
        "CET-1CEST,M3.5.0,M10.5.0/3x",
        "<CET-1",
        "<>-1",
        " CET-1",
        "CET-1 ",
    };
    struct time_rule rule;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (time_rule_parse(rules[i], strlen(rules[i]), &rule, &err) != ERROR_INVALID)
            fail_msg("\"%s\" was taken", rules[i]);
        assert_non_null(strstr(err.message, rules[i]));
    }
    assert_int_equal(time_rule_parse("UTC0\0x", 6, &rule, &err), ERROR_INVALID);
}

/* --- files --------------------------------------------------------------------------------- */

static void test_refuses_a_file_that_is_cut_anywhere(void **state)
{
    unsigned char tzif[ZONES_TZIF_MAX];
    const size_t len = zones_make_tzif("CET-1CEST,M3.5.0,M10.5.0/3", tzif);
    struct time_zone *zone = NULL;
    struct error err;

    (void)state;
    for (size_t cut = 0; cut < len; cut++) {
        unsigned char *exact = malloc(cut + 1); /* so that reading beyond is seen by a sanitizer */

        assert_non_null(exact);
        memcpy(exact, tzif, cut);
        assert_int_equal(time_zone_parse("Test", exact, cut, &zone, &err), ERROR_INVALID);
        assert_null(zone);
        free(exact);
    }
    tzif[4] = '\0';
    assert_int_equal(time_zone_parse("Test", tzif, len, &zone, &err), ERROR_INVALID);
    assert_non_null(strstr(err.message, "version 1"));
}

/* Budgets are kept by quarter-hours, so every clock has to be on one. */
static void test_refuses_a_clock_between_quarters(void **state)
{
    unsigned char tzif[ZONES_TZIF_MAX];
    struct time_zone *zone = NULL;
    struct error err;
    size_t len = zones_make_tzif("LMT-0:53:28", tzif);

    (void)state;
    assert_int_equal(time_zone_parse("Test", tzif, len, &zone, &err), ERROR_INVALID);
    assert_non_null(strstr(err.message, "15 minutes"));
    len = zones_make_tzif("CET-1CEST,M3.5.0/2:05,M10.5.0/3", tzif);
    assert_int_equal(time_zone_parse("Test", tzif, len, &zone, &err), ERROR_INVALID);
}

static void test_says_which_zone_is_missing_and_where(void **state)
{
    char folder[] = "/tmp/lookout-zones-XXXXXX";
    struct time_zone *zone = NULL;
    struct error err;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(zone_file_load(folder, "Europe/Berlin", &zone, &err), ERROR_NOT_FOUND);
    assert_null(zone);
    assert_non_null(strstr(err.message, "Europe/Berlin"));
    assert_non_null(strstr(err.message, folder));
    assert_non_null(strstr(err.message, "tzdata"));
    setenv("TZDIR", folder, 1);
    assert_int_equal(zone_file_load(NULL, "Europe/Berlin", &zone, &err), ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, folder));
    unsetenv("TZDIR");
    assert_int_equal(remove(folder), 0);
}

static void test_refuses_names_that_lead_elsewhere(void **state)
{
    static const char *const names[] = {
        "",  "/etc/passwd", "../passwd",      "Europe/../../etc/passwd", "Europe/Ber lin",
        ".", "1/2",         "Europe/Berlin\n"};
    struct time_zone *zone = NULL;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (zone_file_load(NULL, names[i], &zone, &err) != ERROR_INVALID)
            fail_msg("\"%s\" was taken", names[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_the_c_library),
        cmocka_unit_test(test_changes_at_the_second),
        cmocka_unit_test(test_rules_agree_with_the_c_library),
        cmocka_unit_test(test_summer_that_never_ends),
        cmocka_unit_test(test_refuses_bad_rules),
        cmocka_unit_test(test_refuses_a_file_that_is_cut_anywhere),
        cmocka_unit_test(test_refuses_a_clock_between_quarters),
        cmocka_unit_test(test_says_which_zone_is_missing_and_where),
        cmocka_unit_test(test_refuses_names_that_lead_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
