/* The one thread that changes the ledger: those who wait together share one transaction. */
#ifndef LOOKOUT_LEDGER_LEDGER_WRITER_H
#define LOOKOUT_LEDGER_LEDGER_WRITER_H

#include "gateway/ledger/ledger_backend.h"
#include "gateway/ledger/ledger_logic.h"
#include "gateway/ledger/ledger_readers.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

/* Changes in one transaction: more than there are workers, so that all who wait fit. */
#define LEDGER_BATCH_MAX 256

/* One change; stands on the stack of the caller, who sleeps until it has its answer. */
struct ledger_job {
    /* Does the change. May be called a second time, after the first was rolled back. */
    int (*run)(struct ledger_change *change, void *context, struct error *err);
    /*
     * After a failed commit, outside of any transaction: 0 = proven not written. Anything else is
     * doubt. NULL: for a change that does no harm when it is done twice.
     */
    int (*look)(const struct ledger_backend *backend, struct ledger_session *session, void *context,
                struct error *err);
    void *context;
    /*
     * True: no harm is done when a loss of power undoes it together with all that came after it. A
     * group of such jobs alone is committed without a sync.
     */
    bool may_be_undone;

    /* The writer's part. */
    struct ledger_job *next;
    sem_t answered;
    struct ledger_job *wakes[2]; /* whom this caller wakes when it has its answer; NULL = nobody */
    bool wrote;
    int code;
    struct error error;
};

struct ledger_writer;

/* Connects the write session, so that a database that can't be written is seen here. */
int ledger_writer_start(const struct ledger_backend *backend, struct ledger_store *store,
                        struct ledger_readers *readers, struct ledger_writer **out,
                        struct error *err) __attribute__((warn_unused_result));
/* Finishes what is queued, ends the thread, frees the readers, tidies and disconnects. */
void ledger_writer_stop(struct ledger_writer **writer, struct ledger_readers **readers);

/* Waits for the answer: that of `run`, durable if it must be; or ERROR_RETRY or ERROR_UNCERTAIN
 * (rule 8). */
int ledger_writer_do(struct ledger_writer *writer, struct ledger_job *job, struct error *err)
    __attribute__((warn_unused_result));

bool ledger_writer_is_writable(const struct ledger_writer *writer);
void ledger_writer_counters(const struct ledger_writer *writer, int64_t *commits, int64_t *changes);

#endif
