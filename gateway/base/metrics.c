/* Counters, gauges and histograms for Prometheus (text exposition format 0.0.4). */
#include "gateway/base/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

static const char *const kind_names[] = {
    [KIND_COUNTER] = "counter", [KIND_GAUGE] = "gauge", [KIND_HISTOGRAM] = "histogram"};

/* Upper bounds; what is above the last falls into +Inf. */
static const struct {
    int64_t us;
    const char *le; /* the same in seconds */
} buckets[] = {{500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},
               {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},
               {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},
               {5000000, "5"},   {10000000, "10"}};
#define BUCKET_COUNT (sizeof(buckets) / sizeof(buckets[0]))

struct metric {
    _Atomic int64_t value;
};

struct metric_histogram {
    _Atomic uint64_t counts[BUCKET_COUNT + 1]; /* each its own; summed up when rendered */
    _Atomic int64_t sum_us;
};

struct series {
    struct series *next;
    const char *labels; /* "" when it has none */
    union {
        struct metric metric;
        struct metric_histogram histogram;
    };
};

struct family {
    struct family *next;
    const char *name;
    const char *help;
    enum kind kind;
    struct series *series; /* in the order of registration, as families are */
};

struct metrics {
    struct family *families;
    bool failed;
};

int metrics_create(struct metrics **out, struct error *err)
{
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "no memory for the metrics");
    return 0;
}

void metrics_free(struct metrics **metrics)
{
    struct family *family = *metrics != NULL ? (*metrics)->families : NULL;
    struct family *next_family;
    struct series *series;
    struct series *next;

    for (; family != NULL; family = next_family) {
        for (series = family->series; series != NULL; series = next) {
            next = series->next;
            free(series);
        }
        next_family = family->next;
        free(family);
    }
    free(*metrics);
    *metrics = NULL;
}

/* NULL when memory is out or the name belongs to another kind. */
static struct family *find_or_add_family(struct metrics *metrics, enum kind kind, const char *name,
                                         const char *help)
{
    struct family **at = &metrics->families;

    for (; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->name, name) == 0)
            return (*at)->kind == kind ? *at : NULL;
    }
    *at = calloc(1, sizeof(**at));
    if (*at != NULL) {
        (*at)->name = name;
        (*at)->help = help;
        (*at)->kind = kind;
    }
    return *at;
}

static struct series *register_series(struct metrics *metrics, enum kind kind, const char *name,
                                      const char *help, const char *labels)
{
    struct family *family = find_or_add_family(metrics, kind, name, help);
    struct series **at;

    labels = labels != NULL ? labels : "";
    if (family == NULL) {
        metrics->failed = true;
        return NULL;
    }
    for (at = &family->series; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->labels, labels) == 0)
            return *at;
    }
    *at = calloc(1, sizeof(**at));
    if (*at != NULL)
        (*at)->labels = labels;
    else
        metrics->failed = true;
    return *at;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *labels)
{
    struct series *series = register_series(metrics, KIND_COUNTER, name, help, labels);

    return series != NULL ? &series->metric : NULL;
}

struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                             const char *labels)
{
    struct series *series = register_series(metrics, KIND_GAUGE, name, help, labels);

    return series != NULL ? &series->metric : NULL;
}

struct metric_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                           const char *help, const char *labels)
{
    struct series *series = register_series(metrics, KIND_HISTOGRAM, name, help, labels);

    return series != NULL ? &series->histogram : NULL;
}

bool metrics_complete(const struct metrics *metrics)
{
    return !metrics->failed;
}

void metric_add(struct metric *metric, int64_t delta)
{
    if (metric != NULL)
        atomic_fetch_add_explicit(&metric->value, delta, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t value)
{
    if (metric != NULL)
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric)
{
    return metric != NULL ? atomic_load_explicit(&metric->value, memory_order_relaxed) : 0;
}

void metric_observe_us(struct metric_histogram *histogram, int64_t microseconds)
{
    size_t i = 0;

    if (histogram == NULL)
        return;
    if (microseconds < 0)
        microseconds = 0;
    while (i < BUCKET_COUNT && microseconds > buckets[i].us)
        i++;
    atomic_fetch_add_explicit(&histogram->counts[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histogram->sum_us, microseconds, memory_order_relaxed);
}

/* A backslash and a line's end are escaped in HELP, nothing else is. */
static void render_help(const struct family *family, struct strbuf *out)
{
    strbuf_addf(out, "# HELP %s ", family->name);
    for (const char *c = family->help; *c != '\0'; c++) {
        if (*c == '\\')
            strbuf_addstr(out, "\\\\");
        else if (*c == '\n')
            strbuf_addstr(out, "\\n");
        else
            strbuf_addch(out, *c);
    }
    strbuf_addf(out, "\n# TYPE %s %s\n", family->name, kind_names[family->kind]);
}

static void render_value(const char *name, const struct series *series, struct strbuf *out)
{
    const char *labels = series->labels;

    if (labels[0] != '\0')
        strbuf_addf(out, "%s{%s}", name, labels);
    else
        strbuf_addstr(out, name);
    strbuf_addf(out, " %" PRId64 "\n", metric_value(&series->metric));
}

static void render_histogram(const char *name, const struct series *series, struct strbuf *out)
{
    const struct metric_histogram *histogram = &series->histogram;
    const char *comma = series->labels[0] != '\0' ? "," : "";
    const char *open = series->labels[0] != '\0' ? "{" : "";
    const char *close = series->labels[0] != '\0' ? "}" : "";
    int64_t sum_us = atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
    uint64_t total = 0;

    for (size_t i = 0; i <= BUCKET_COUNT; i++) {
        total += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
        strbuf_addf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, series->labels, comma,
                    i < BUCKET_COUNT ? buckets[i].le : "+Inf", total);
    }
    strbuf_addf(out, "%s_sum%s%s%s %" PRId64 ".%06" PRId64 "\n", name, open, series->labels, close,
                sum_us / 1000000, sum_us % 1000000);
    strbuf_addf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, series->labels, close, total);
}

void metrics_render(const struct metrics *metrics, struct strbuf *out)
{
    for (const struct family *family = metrics->families; family != NULL; family = family->next) {
        render_help(family, out);
        for (const struct series *series = family->series; series != NULL; series = series->next) {
            if (family->kind == KIND_HISTOGRAM)
                render_histogram(family->name, series, out);
            else
                render_value(family->name, series, out);
        }
    }
}
