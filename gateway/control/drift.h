/*
 * Rule 12: the search for models that run and that no reservation holds. It walks AWS's lists a few
 * pages at a time, so that it has a share of each pass of the reconciler and no more. A list is a
 * hint; whether a model runs is asked with DescribeModel, and what is found becomes a row of the
 * ledger.
 */
#ifndef LOOKOUT_CONTROL_DRIFT_H
#define LOOKOUT_CONTROL_DRIFT_H

#include "gateway/control/control.h"
#include "gateway/control/rules.h"

struct drift;

int drift_create(struct control *control, struct metrics *metrics, struct drift **out,
                 struct error *err) __attribute__((warn_unused_result));
void drift_free(struct drift **drift);

/*
 * Goes on with the scan, or begins one when it is due, until `until_ms` (monotonic); a call to AWS
 * that was begun before is waited for. For the reconciler's thread alone.
 */
void drift_scan(struct drift *drift, const struct control_settings *settings, int64_t until_ms);

/*
 * What else an observation says of the live row that it was applied to: more units than it holds
 * are charged, fewer are told once, and drift is begun to be stopped where the policy wants that.
 * True when `row` was changed and has to be written, for the reason `*why`. As drift_scan.
 */
bool drift_judge(struct drift *drift, const struct control_settings *settings,
                 const struct observation *observation,
                 const struct upstream_description *description, struct reservation *row,
                 const char **why);

/* What is known of the scans, for people. Any thread. */
struct drift_scan_state {
    int64_t ended_ms; /* wall; of the last scan that saw all lists; 0 = none yet */
    bool failed;      /* the last one that ended did not see all of them */
};
void drift_get_scan_state(const struct drift *drift, struct drift_scan_state *out);

#endif
