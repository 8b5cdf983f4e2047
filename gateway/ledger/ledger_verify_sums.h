/*
 * What the rows add up to, computed for a check by other means than the ledger's own: what a row
 * settled is kept as the moments at which its rate begins and ends, and only at the end summed up
 * along the time.
 */
#ifndef LOOKOUT_LEDGER_LEDGER_VERIFY_SUMS_H
#define LOOKOUT_LEDGER_LEDGER_VERIFY_SUMS_H

#include "gateway/ledger/ledger_backend.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"
#include "policy/quota.h"

#include <stddef.h>
#include <stdint.h>

struct verify_sums; /* of the account and of each team */

int verify_sums_create(struct verify_sums **out, struct error *err)
    __attribute__((warn_unused_result));
void verify_sums_free(struct verify_sums **sums);

int verify_sums_add(struct verify_sums *sums, const struct reservation *row, struct error *err)
    __attribute__((warn_unused_result));

/* After the last row, before the first comparison. */
void verify_sums_finish(struct verify_sums *sums);

/* Each compares one of the ledger's with ours: ERROR_REFUSED where they differ. */
int verify_sums_check_usage(struct verify_sums *sums, const char *name,
                            const struct quota_usage *usage, struct error *err)
    __attribute__((warn_unused_result));
int verify_sums_check_settled(struct verify_sums *sums, const char *name, enum ledger_span span,
                              int64_t bucket, int64_t unit_ms, struct error *err)
    __attribute__((warn_unused_result));
/* After the last of them: ERROR_REFUSED where one of ours was not compared and is not zero. */
int verify_sums_check_rest(const struct verify_sums *sums, struct error *err)
    __attribute__((warn_unused_result));

#endif
