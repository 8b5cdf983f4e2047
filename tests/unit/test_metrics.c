/* metrics: what a scrape sees. */
#include "gateway/base/metrics.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static void test_renders_the_exposition(void **state)
{
    static const char want[] = "# HELP starts_total Starts, \\\\ and\\nmore.\n"
                               "# TYPE starts_total counter\n"
                               "starts_total{outcome=\"admitted\"} 3\n"
                               "starts_total{outcome=\"refused\"} 0\n"
                               "# HELP units Units.\n"
                               "# TYPE units gauge\n"
                               "units -2\n";
    struct metrics *metrics;
    struct metric *admitted;
    struct strbuf out;

    (void)state;
    assert_int_equal(metrics_create(&metrics, NULL), 0);
    admitted =
        metrics_counter(metrics, "starts_total", "Starts, \\ and\nmore.", "outcome=\"admitted\"");
    metric_set(metrics_gauge(metrics, "units", "Units.", NULL), -2);
    assert_non_null(metrics_counter(metrics, "starts_total", "", "outcome=\"refused\""));
    metric_add(admitted, 1);
    metric_add(metrics_counter(metrics, "starts_total", "", "outcome=\"admitted\""), 2);
    assert_int_equal(metric_value(admitted), 3);
    assert_true(metrics_complete(metrics));
    strbuf_init(&out, 4096);
    metrics_render(metrics, &out);
    assert_string_equal(out.data, want);
    strbuf_free(&out);
    metrics_free(&metrics);
    assert_null(metrics);
    metrics_free(&metrics);
}

static void test_histogram_counts_up(void **state)
{
    static const char want[] = "# HELP wait_seconds Wait.\n"
                               "# TYPE wait_seconds histogram\n"
                               "wait_seconds_bucket{le=\"0.0005\"} 2\n"
                               "wait_seconds_bucket{le=\"0.001\"} 3\n"
                               "wait_seconds_bucket{le=\"0.0025\"} 3\n"
                               "wait_seconds_bucket{le=\"0.005\"} 3\n"
                               "wait_seconds_bucket{le=\"0.01\"} 3\n"
                               "wait_seconds_bucket{le=\"0.025\"} 3\n"
                               "wait_seconds_bucket{le=\"0.05\"} 3\n"
                               "wait_seconds_bucket{le=\"0.1\"} 3\n"
                               "wait_seconds_bucket{le=\"0.25\"} 3\n"
                               "wait_seconds_bucket{le=\"0.5\"} 3\n"
                               "wait_seconds_bucket{le=\"1\"} 3\n"
                               "wait_seconds_bucket{le=\"2.5\"} 4\n"
                               "wait_seconds_bucket{le=\"5\"} 4\n"
                               "wait_seconds_bucket{le=\"10\"} 4\n"
                               "wait_seconds_bucket{le=\"+Inf\"} 5\n"
                               "wait_seconds_sum 12.501002\n"
                               "wait_seconds_count 5\n"
                               "wait_seconds_bucket{op=\"x\",le=\"0.0005\"} 0\n";
    static const int64_t seen_us[] = {-5, 500, 501, 2500000, 10000001};
    struct metrics *metrics;
    struct metric_histogram *histogram;
    struct strbuf out;

    (void)state;
    assert_int_equal(metrics_create(&metrics, NULL), 0);
    histogram = metrics_histogram(metrics, "wait_seconds", "Wait.", NULL);
    assert_non_null(metrics_histogram(metrics, "wait_seconds", "Wait.", "op=\"x\""));
    for (size_t i = 0; i < sizeof(seen_us) / sizeof(seen_us[0]); i++)
        metric_observe_us(histogram, seen_us[i]);
    strbuf_init(&out, 8192);
    metrics_render(metrics, &out);
    assert_memory_equal(out.data, want, sizeof(want) - 1);
    assert_non_null(strstr(out.data, "wait_seconds_sum{op=\"x\"} 0.000000\n"));
    assert_non_null(strstr(out.data, "wait_seconds_count{op=\"x\"} 0\n"));
    strbuf_free(&out);
    metrics_free(&metrics);
}

static void test_a_name_has_one_kind(void **state)
{
    struct metrics *metrics;

    (void)state;
    assert_int_equal(metrics_create(&metrics, NULL), 0);
    assert_non_null(metrics_counter(metrics, "a", "A.", NULL));
    assert_null(metrics_gauge(metrics, "a", "A.", NULL));
    assert_false(metrics_complete(metrics));
    metric_add(NULL, 1);
    metric_set(NULL, 1);
    metric_observe_us(NULL, 1);
    assert_int_equal(metric_value(NULL), 0);
    metrics_free(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renders_the_exposition),
        cmocka_unit_test(test_histogram_counts_up),
        cmocka_unit_test(test_a_name_has_one_kind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
