/* The authority in force, behind a lock that is held for a pointer's copy only. */
#include "gateway/http/authority_store.h"

#include <pthread.h>
#include <stdlib.h>

struct authority_store {
    pthread_mutex_t mutex;
    struct authority *authority;
};

int authority_store_create(struct authority_store **out, struct error *err)
{
    struct authority_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the keys' holder");
    pthread_mutex_init(&store->mutex, NULL);
    *out = store;
    return 0;
}

void authority_store_free(struct authority_store **store)
{
    struct authority_store *self = *store;
    if (self == NULL)
        return;
    authority_unref(&self->authority);
    pthread_mutex_destroy(&self->mutex);
    free(self);
    *store = NULL;
}

void authority_store_set(struct authority_store *store, struct authority *authority)
{
    pthread_mutex_lock(&store->mutex);
    struct authority *former = store->authority;
    store->authority = authority;
    pthread_mutex_unlock(&store->mutex);
    authority_unref(&former);
}

struct authority *authority_store_acquire(struct authority_store *store)
{
    pthread_mutex_lock(&store->mutex);
    struct authority *authority = store->authority;
    if (authority != NULL)
        authority = authority_ref(authority);
    pthread_mutex_unlock(&store->mutex);
    return authority;
}
