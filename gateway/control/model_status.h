/*
 * What readers see of models: one DescribeModel in flight per model, its answer shared by all who
 * wait and kept for seconds, so that a hundred dashboards cost AWS one call.
 */
#ifndef LOOKOUT_CONTROL_MODEL_STATUS_H
#define LOOKOUT_CONTROL_MODEL_STATUS_H

#include "gateway/control/control.h"
#include "gateway/upstream/upstream.h"

#define MODEL_STATUS_MAX_ENTRIES 1024

struct model_status_cache;

int model_status_cache_create(struct control *control, struct model_status_cache **out,
                              struct error *err) __attribute__((warn_unused_result));
void model_status_cache_free(struct model_status_cache **cache);

struct model_status_view {
    struct upstream_answer answer;           /* of the DescribeModel that this view comes from */
    struct upstream_description description; /* valid where answer.fate is UPSTREAM_ACCEPTED */
    int64_t observed_ms;                     /* wall time when that request began */
};

/*
 * The status from the cache, from a flight under way, or from a new one. Where the deadline
 * (monotonic) passes first, answer.fate is UPSTREAM_NOT_SENT.
 */
void model_status_get(struct model_status_cache *cache, const char *project, const char *version,
                      int64_t deadline_ms, struct model_status_view *out);

/*
 * Forgets a model (and the project's `latest`): a start or stop was sent. A flight that began
 * before answers those who waited for it, and is not kept.
 */
void model_status_drop(struct model_status_cache *cache, const char *project, const char *version);

#endif
