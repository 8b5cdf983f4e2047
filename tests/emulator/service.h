/*
 * The service behind the wire: one request in, one answer out, or silence. It verifies, throttles,
 * meets the armed faults and calls the models; it knows no sockets. Any thread.
 */
#ifndef LOOKOUT_EMULATOR_SERVICE_H
#define LOOKOUT_EMULATOR_SERVICE_H

#include "gateway/base/clock.h"
#include "policy/error.h"
#include "tests/emulator/answer.h"
#include "tests/emulator/faults.h"
#include "tests/emulator/hosting.h"
#include "tests/emulator/late.h"
#include "tests/emulator/rate.h"
#include "tests/emulator/settings.h"
#include "tests/emulator/verifier.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVICE_BODY_MAX    65536
#define SERVICE_ANSWERS_MAX 24 /* kinds of answers that are counted one by one */
#define SERVICE_LABEL_SIZE  48

struct service_tally {
    char label[SERVICE_LABEL_SIZE]; /* "202", "409 ConflictException", "dropped" */
    int64_t count;
};

/* Of one operation. */
struct service_counters {
    int64_t received; /* well-formed route, whatever came of it */
    int64_t applied;  /* took effect, late ones included */
    int64_t replayed; /* known client token */
    int64_t faulted;
    struct service_tally answers[SERVICE_ANSWERS_MAX];
    size_t answer_count;
};

/* Open to control.c, which holds the lock while it looks or changes. */
struct service {
    const struct clock *clock;
    const struct verifier *verifier;
    const char *region;
    const char *account;
    int64_t epoch_ms; /* wall time of the monotonic clock's zero, when the service was made */

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t wake;  /* those whose answer is delayed; broadcast by service_release */
    bool stopping;
    int64_t generation; /* counts resets: a delayed answer does not outlive one */
    int64_t shift_ms;   /* of the wall clock that signatures and Date are judged by */
    struct settings settings;
    struct hosting *hosting;
    struct faults faults;
    struct late late;
    struct rate rates[HOSTING_OPERATIONS];
    struct service_counters counters[HOSTING_OPERATIONS];
    int64_t unknown_operations;
};

struct service_config {
    const char *region; /* borrowed, as all of this */
    const char *account;
    const struct clock *clock;
    const struct verifier *verifier;
    const struct settings *settings; /* copied: the initial ones */
};

int service_create(struct service **out, const struct service_config *config, struct error *err)
    __attribute__((warn_unused_result));
void service_free(struct service **service);

/*
 * Time as the models see it: it starts as wall time, runs with the monotonic clock, and never goes
 * back. A clock that is set does not change what was billed.
 */
int64_t service_now_ms(const struct service *service);

/* The emulator's own wall clock, shifted as it was told. Takes the lock. */
int64_t service_wall_ms(struct service *service);

/* What happens to the answer on the wire. */
enum service_delivery {
    SERVICE_DELIVER,
    SERVICE_DROP,   /* close the connection, say nothing */
    SERVICE_HALF,   /* the head, half of the body, close */
    SERVICE_GARBAGE /* a body that is not JSON */
};

/* Handles one request of the AWS API; returns when its answer is due. */
void service_handle(struct service *service, const struct verifier_request *request,
                    struct answer *answer, enum service_delivery *delivery);

/*
 * One call that needs no wire: it was verified and read, or comes from a test in this process.
 * Throttles, meets the armed faults, calls the models; returns at once, and `*delay_ms` tells how
 * much later the answer is due.
 */
void service_call(struct service *service, enum hosting_operation operation,
                  const struct hosting_call *call, struct answer *answer,
                  enum service_delivery *delivery, int64_t *delay_ms);

/* Does the late calls that are due. With the lock held; before anybody looks at the models. */
void service_apply_due(struct service *service, int64_t now_ms);

/*
 * Forgets models, tokens, faults, late calls, counters and the shift; lets delayed answers go. With
 * the lock held.
 */
void service_reset(struct service *service);

/* Lets all delayed answers go, now and from now on: the program ends. */
void service_release(struct service *service);

#endif
