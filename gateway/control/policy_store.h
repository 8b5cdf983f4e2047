/* The policy in force: an immutable snapshot, swapped whole by a reload. */
#ifndef LOOKOUT_CONTROL_POLICY_STORE_H
#define LOOKOUT_CONTROL_POLICY_STORE_H

#include "policy/document.h"

struct policy_store;

/* A reference to one policy; whoever holds it may use it while others reload. */
struct policy_snapshot;

int policy_store_create(struct policy_store **out, struct error *err)
    __attribute__((warn_unused_result));
void policy_store_free(struct policy_store **store);

/* Parses `text` and, only where that succeeds, puts it in force. */
int policy_store_load(struct policy_store *store, const char *text, size_t len, struct error *err)
    __attribute__((warn_unused_result));

/* Never NULL after the first successful load. Release it when the request is done. */
struct policy_snapshot *policy_store_acquire(struct policy_store *store);
void policy_snapshot_release(struct policy_snapshot **snapshot);
const struct policy *policy_snapshot_policy(const struct policy_snapshot *snapshot);
/* Hex SHA-256 of the document's bytes: which policy decided. */
const char *policy_snapshot_digest(const struct policy_snapshot *snapshot);

#endif
