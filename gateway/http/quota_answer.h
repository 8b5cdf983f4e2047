/* What the policy decided about a start or an extension, as a whole answer. */
#ifndef LOOKOUT_HTTP_QUOTA_ANSWER_H
#define LOOKOUT_HTTP_QUOTA_ANSWER_H

#include "gateway/http/exchange.h"
#include "gateway/ledger/reservation.h"
#include "policy/quota.h"

struct quota_answer {
    const struct quota_decision *decision; /* NULL: nothing was decided */
    const char *policy_digest;
    const char *detail;            /* the sentence of a refusal; "" = none */
    const struct reservation *row; /* what it is about, or NULL */
    int64_t retry_after_ms;        /* 0 = not known */
    bool extension;                /* else a start */
    bool dry_run;
};

/*
 * The refusal: 403 where it can never fit under this policy, else 429; with the rule that binds,
 * its numbers, and when it would fit, or what it waits for where no time can be told.
 */
void quota_answer_refusal(struct exchange *exchange, const struct quota_answer *answer);

/* A dry run that would be admitted: 200. */
void quota_answer_admission(struct exchange *exchange, const struct quota_answer *answer);

#endif
