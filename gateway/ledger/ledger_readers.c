/* The pool of read sessions. The one given back last is taken first: its cache is warm. */
#include "gateway/ledger/ledger_readers.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct ledger_readers {
    const struct ledger_backend *backend;
    struct ledger_store *store;
    pthread_mutex_t mutex; /* guards what follows; never held across a statement or a connect */
    pthread_cond_t changed;
    struct ledger_session *idle[LEDGER_READERS_MAX];
    unsigned idle_count;
    unsigned taken; /* also those that are just being connected */
    unsigned waiting;
    bool suspended;
};

int ledger_readers_create(const struct ledger_backend *backend, struct ledger_store *store,
                          struct ledger_readers **out, struct error *err)
{
    struct ledger_readers *readers = calloc(1, sizeof(*readers));

    if (readers == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the ledger's readers");
    readers->backend = backend;
    readers->store = store;
    pthread_mutex_init(&readers->mutex, NULL);
    pthread_cond_init(&readers->changed, NULL);
    *out = readers;
    return 0;
}

void ledger_readers_free(struct ledger_readers **readers)
{
    struct ledger_readers *r = *readers;

    if (r == NULL)
        return;
    assert(r->taken == 0);
    while (r->idle_count > 0)
        r->backend->disconnect(&r->idle[--r->idle_count]);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->mutex);
    free(r);
    *readers = NULL;
}

int ledger_readers_take(struct ledger_readers *readers, struct ledger_session **out,
                        struct error *err)
{
    struct ledger_session *session = NULL;
    int code;

    pthread_mutex_lock(&readers->mutex);
    readers->waiting++;
    while (readers->suspended || readers->taken == LEDGER_READERS_MAX)
        pthread_cond_wait(&readers->changed, &readers->mutex);
    readers->waiting--;
    readers->taken++;
    if (readers->idle_count > 0)
        session = readers->idle[--readers->idle_count];
    pthread_mutex_unlock(&readers->mutex);

    if (session == NULL) {
        code = readers->backend->connect(readers->store, LEDGER_READ, &session, err);
        if (code != 0) {
            ledger_readers_give(readers, &session, true);
            return code;
        }
    }
    *out = session;
    return 0;
}

void ledger_readers_give(struct ledger_readers *readers, struct ledger_session **session,
                         bool broken)
{
    bool wake_all, wake_one;

    if (broken)
        readers->backend->disconnect(session);
    pthread_mutex_lock(&readers->mutex);
    if (*session != NULL)
        readers->idle[readers->idle_count++] = *session;
    readers->taken--;
    wake_all = readers->suspended; /* the one that has to hear it is the writer */
    wake_one = readers->waiting > 0;
    pthread_mutex_unlock(&readers->mutex);
    *session = NULL;
    if (wake_all)
        pthread_cond_broadcast(&readers->changed);
    else if (wake_one)
        pthread_cond_signal(&readers->changed);
}

void ledger_readers_suspend(struct ledger_readers *readers)
{
    pthread_mutex_lock(&readers->mutex);
    readers->suspended = true;
    while (readers->taken > 0)
        pthread_cond_wait(&readers->changed, &readers->mutex);
    while (readers->idle_count > 0)
        readers->backend->disconnect(&readers->idle[--readers->idle_count]);
    pthread_mutex_unlock(&readers->mutex);
}

void ledger_readers_resume(struct ledger_readers *readers)
{
    pthread_mutex_lock(&readers->mutex);
    readers->suspended = false;
    pthread_mutex_unlock(&readers->mutex);
    pthread_cond_broadcast(&readers->changed);
}
