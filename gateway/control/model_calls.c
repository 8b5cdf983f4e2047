/* Markers of the calls in flight: a short list under one lock. */
#include "gateway/control/model_calls.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls ever begun, counted per bucket of models: what a ticket compares. A collision only makes an
 * observation be taken once more. */
#define TICKET_BUCKETS 1024

struct model_calls {
    const struct clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t released;
    struct model_call *in_flight; /* as many as there are workers, at most */
    unsigned waiters;
    bool closed;
    uint64_t begun[TICKET_BUCKETS];
};

int model_calls_create(const struct clock *clock, struct model_calls **out, struct error *err)
{
    struct model_calls *calls = calloc(1, sizeof(*calls));
    if (calls == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the calls in flight");
    if (pthread_mutex_init(&calls->lock, NULL) != 0)
        goto no_lock;
    if (clock_cond_init(&calls->released) != 0)
        goto no_cond;
    calls->clock = clock;
    *out = calls;
    return 0;

no_cond:
    (void)pthread_mutex_destroy(&calls->lock);
no_lock:
    free(calls);
    return error_set(err, ERROR_IO, "can't make a lock for the calls in flight");
}

void model_calls_free(struct model_calls **calls)
{
    if (*calls == NULL)
        return;
    (void)pthread_cond_destroy(&(*calls)->released);
    (void)pthread_mutex_destroy(&(*calls)->lock);
    free(*calls);
    *calls = NULL;
}

static struct model_call *find(const struct model_calls *calls, const char *project,
                               const char *version, uint64_t hash)
{
    struct model_call *call = calls->in_flight;
    while (call != NULL && (call->hash != hash || strcmp(call->project, project) != 0 ||
                            strcmp(call->version, version) != 0))
        call = call->next;
    return call;
}

int model_calls_acquire(struct model_calls *calls, const char *project, const char *version,
                        int64_t deadline_ms, struct model_call *call)
{
    uint64_t hash = reservation_hash_model(project, version);
    int result = 0;
    pthread_mutex_lock(&calls->lock);
    while (!calls->closed && find(calls, project, version, hash) != NULL) {
        calls->waiters++;
        bool late = clock_monotonic_ms(calls->clock) >= deadline_ms ||
                    clock_wait_until(calls->clock, &calls->released, &calls->lock, deadline_ms);
        calls->waiters--;
        if (late)
            break;
    }
    if (calls->closed || find(calls, project, version, hash) != NULL) {
        result = ERROR_RETRY;
    } else {
        (void)snprintf(call->project, sizeof(call->project), "%s", project);
        (void)snprintf(call->version, sizeof(call->version), "%s", version);
        call->hash = hash;
        call->sending = false;
        call->next = calls->in_flight;
        calls->in_flight = call;
    }
    pthread_mutex_unlock(&calls->lock);
    return result;
}

void model_calls_release(struct model_calls *calls, struct model_call *call)
{
    pthread_mutex_lock(&calls->lock);
    struct model_call **link = &calls->in_flight;
    while (*link != call)
        link = &(*link)->next;
    *link = call->next;
    if (calls->waiters > 0)
        pthread_cond_broadcast(&calls->released);
    pthread_mutex_unlock(&calls->lock);
}

void model_calls_begin(struct model_calls *calls, const char *project, const char *version)
{
    uint64_t hash = reservation_hash_model(project, version);
    pthread_mutex_lock(&calls->lock);
    struct model_call *call = find(calls, project, version, hash);
    assert(call != NULL);
    call->sending = true;
    calls->begun[hash % TICKET_BUCKETS]++;
    pthread_mutex_unlock(&calls->lock);
}

bool model_calls_ticket(struct model_calls *calls, const char *project, const char *version,
                        uint64_t *ticket)
{
    uint64_t hash = reservation_hash_model(project, version);
    pthread_mutex_lock(&calls->lock);
    const struct model_call *call = find(calls, project, version, hash);
    bool quiet = call == NULL || !call->sending;
    *ticket = calls->begun[hash % TICKET_BUCKETS];
    pthread_mutex_unlock(&calls->lock);
    return quiet;
}

bool model_calls_ticket_holds(struct model_calls *calls, const char *project, const char *version,
                              uint64_t ticket)
{
    uint64_t now = 0;
    return model_calls_ticket(calls, project, version, &now) && now == ticket;
}

void model_calls_close(struct model_calls *calls)
{
    pthread_mutex_lock(&calls->lock);
    calls->closed = true;
    pthread_cond_broadcast(&calls->released);
    pthread_mutex_unlock(&calls->lock);
}
