/* A decision for people who read it in a terminal: every rule with its numbers, and what would fit.
 */
#ifndef LOOKOUT_EXPLAIN_H
#define LOOKOUT_EXPLAIN_H

#include "policy/earliest.h"
#include "policy/quota.h"

#include <stdio.h>

/*
 * Decides the request by the books and prints the sentence, a line for each rule (the one that
 * binds is marked), the largest requests that fit now and the earliest time at which this one does.
 * Where the books come from is the caller's business. `releases` as for policy_find_earliest.
 */
int explain_print(FILE *out, const struct policy *policy, const struct quota_request *request,
                  const struct quota_books *books, const struct quota_release *releases,
                  size_t count, bool *admitted, struct error *err)
    __attribute__((warn_unused_result));

/* The limits of the account or of a team as `policy check` lists them, each window in a line. */
void explain_print_limits(FILE *out, const struct policy_limits *limits);

#endif
