/*
 * What policy and ledger say to one request, a start or a longer lease, with all that an answer
 * tells: the rules with their numbers, what would fit, and when.
 */
#ifndef LOOKOUT_CONTROL_DECISION_H
#define LOOKOUT_CONTROL_DECISION_H

#include "gateway/control/context.h"
#include "policy/quota.h"

struct decision {
    const struct policy *policy; /* outlives it */
    struct quota_request request;
    struct quota_decision answer;
    bool made; /* `answer` is set */
};

/* How long a lease of this team is where nobody says it, by the policy or else the settings. */
int64_t decision_default_lease_ms(const struct policy *policy,
                                  const struct control_settings *settings, const char *team);

/* Decides with these books: what ledger_reserve and ledger_change_lease call in their transaction
 * (ledger_decide_fn); `context` is the decision. */
int decision_make(void *context, const struct quota_books *books, bool *admitted,
                  struct error *err);

/*
 * Decides outside of any change, with the books as they are. The change itself decides again. False
 * where the ledger can't be read.
 */
bool decision_preview(struct control *control, struct decision *decision);

/*
 * What a caller is told of a decision that was made: a sentence for people, and where it refuses,
 * or looks ahead, the earliest time at which the request fits (answer.earliest_ms). Returns how
 * long that is: 0 where it fits now, or nobody knows. Reads the ledger, outside of its
 * transactions.
 */
int64_t decision_tell(struct control *control, struct decision *decision, char *out, size_t size);

#endif
