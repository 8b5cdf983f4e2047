/*
 * One start or stop call in flight per model (rule 5), without a lock held over the network: a
 * marker that others wait for.
 */
#ifndef LOOKOUT_CONTROL_MODEL_CALLS_H
#define LOOKOUT_CONTROL_MODEL_CALLS_H

#include "gateway/base/clock.h"
#include "gateway/ledger/reservation.h"
#include "policy/error.h"

#include <stdbool.h>
#include <stdint.h>

struct model_calls;

int model_calls_create(const struct clock *clock, struct model_calls **out, struct error *err)
    __attribute__((warn_unused_result));
void model_calls_free(struct model_calls **calls);

/* A caller's marker; lives on its stack from a successful acquire to the release. */
struct model_call {
    char project[RESERVATION_PROJECT_MAX + 1];
    char version[RESERVATION_VERSION_MAX + 1];
    uint64_t hash;
    bool sending; /* from model_calls_begin on */
    struct model_call *next;
};

/*
 * Waits until nobody else holds the model's marker. 0, or ERROR_RETRY when `deadline_ms`
 * (monotonic) passed or model_calls_close was called. A deadline in the past asks without waiting.
 */
int model_calls_acquire(struct model_calls *calls, const char *project, const char *version,
                        int64_t deadline_ms, struct model_call *call)
    __attribute__((warn_unused_result));
void model_calls_release(struct model_calls *calls, struct model_call *call);

/* Who holds the model's marker is about to send: ends its tickets. */
void model_calls_begin(struct model_calls *calls, const char *project, const char *version);

/*
 * For observations, which need no marker: a ticket taken before reading a row proves, when it still
 * holds after DescribeModel answered, that no start or stop call of that model was in flight in
 * between. False when one is in flight now. A marker whose holder sends nothing, such as a repeated
 * request's, disturbs no ticket: else callers could keep a model from ever being observed.
 */
bool model_calls_ticket(struct model_calls *calls, const char *project, const char *version,
                        uint64_t *ticket);
bool model_calls_ticket_holds(struct model_calls *calls, const char *project, const char *version,
                              uint64_t ticket);

void model_calls_close(struct model_calls *calls);

#endif
