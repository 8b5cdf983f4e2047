/* Reference-counted snapshots of the policy, swapped under a lock. */
#include "gateway/control/policy_store.h"

#include "gateway/base/crypto.h"
#include "gateway/base/zone_file.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct policy_snapshot {
    atomic_uint references;
    struct policy *policy;
    char digest[CRYPTO_SHA256_HEX_LEN + 1];
};

struct policy_store {
    pthread_mutex_t lock;
    struct policy_snapshot *current;
};

int policy_store_create(struct policy_store **out, struct error *err)
{
    struct policy_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the policy");
    if (pthread_mutex_init(&store->lock, NULL) != 0) {
        free(store);
        return error_set(err, ERROR_IO, "can't make the policy's lock");
    }
    *out = store;
    return 0;
}

void policy_store_free(struct policy_store **store)
{
    if (*store == NULL)
        return;
    policy_snapshot_release(&(*store)->current);
    (void)pthread_mutex_destroy(&(*store)->lock);
    free(*store);
    *store = NULL;
}

int policy_store_load(struct policy_store *store, const char *text, size_t len, struct error *err)
{
    unsigned char hash[CRYPTO_SHA256_LEN];
    struct policy_snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the policy");
    atomic_init(&snapshot->references, 1);
    int result = policy_parse(text, len, zone_file_load, NULL, &snapshot->policy, err);
    if (result == 0 && crypto_sha256(text, len, hash) != 0)
        result = error_set(err, ERROR_IO, "can't hash the policy");
    if (result != 0) {
        policy_snapshot_release(&snapshot);
        return result;
    }
    crypto_hex(hash, sizeof(hash), snapshot->digest);

    pthread_mutex_lock(&store->lock);
    struct policy_snapshot *old = store->current;
    store->current = snapshot;
    pthread_mutex_unlock(&store->lock);
    policy_snapshot_release(&old);
    return 0;
}

struct policy_snapshot *policy_store_acquire(struct policy_store *store)
{
    pthread_mutex_lock(&store->lock);
    struct policy_snapshot *snapshot = store->current;
    if (snapshot != NULL)
        atomic_fetch_add(&snapshot->references, 1);
    pthread_mutex_unlock(&store->lock);
    return snapshot;
}

void policy_snapshot_release(struct policy_snapshot **snapshot)
{
    if (*snapshot != NULL && atomic_fetch_sub(&(*snapshot)->references, 1) == 1) {
        policy_free(&(*snapshot)->policy);
        free(*snapshot);
    }
    *snapshot = NULL;
}

const struct policy *policy_snapshot_policy(const struct policy_snapshot *snapshot)
{
    return snapshot->policy;
}

const char *policy_snapshot_digest(const struct policy_snapshot *snapshot)
{
    return snapshot->digest;
}
