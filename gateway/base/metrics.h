/* Counters, gauges and histograms for Prometheus (text exposition format 0.0.4). */
#ifndef LOOKOUT_BASE_METRICS_H
#define LOOKOUT_BASE_METRICS_H

#include "gateway/base/strbuf.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A registry is filled while the program is wired; afterwards only the values change, atomically
 * and without a lock. Series that come up at run time (one a status code) are registered before.
 */
struct metrics;
struct metric;           /* a counter or a gauge; lives as long as its registry */
struct metric_histogram; /* seconds, in fixed buckets from 0.5 ms to 10 s */

int metrics_create(struct metrics **out, struct error *err) __attribute__((warn_unused_result));
void metrics_free(struct metrics **metrics);

/*
 * Registers a series and returns it; the same name and labels give the same series. `labels` is the
 * text between the braces (`outcome="admitted"`), or NULL. All strings must be literals. NULL when
 * memory is out: every call below accepts a NULL series and does nothing, so that wiring code
 * checks once, with metrics_complete.
 */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *labels);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                             const char *labels);
struct metric_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                           const char *help, const char *labels);
/* False when any registration failed. */
bool metrics_complete(const struct metrics *metrics);

void metric_add(struct metric *metric, int64_t delta);
void metric_set(struct metric *metric, int64_t value);
int64_t metric_value(const struct metric *metric);
void metric_observe_us(struct metric_histogram *histogram, int64_t microseconds);

/* Appends the whole exposition; HELP and TYPE stand once for each name. */
void metrics_render(const struct metrics *metrics, struct strbuf *out);

#endif
