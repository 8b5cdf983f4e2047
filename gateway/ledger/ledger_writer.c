/*
 * The writer: takes all jobs that wait, runs them in one transaction, commits, answers. While it
 * commits, the next ones gather; so the group grows with the load and one job alone waits for
 * nobody.
 */
#include "gateway/ledger/ledger_writer.h"

#include "gateway/base/crash_point.h"
#include "gateway/ledger/ledger_balances.h"
#include "gateway/ledger/ledger_journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(LEDGER_BATCH_MAX <= LEDGER_SCOPES_MAX - LEDGER_SCOPES_KEPT,
               "each change may be another team's");

struct ledger_writer {
    const struct ledger_backend *backend;
    struct ledger_store *store;
    struct ledger_readers *readers;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards the queue, never held across a statement */
    pthread_cond_t arrived;
    struct ledger_job *first, **last;
    bool idle; /* the thread sleeps on `arrived` */
    bool stopping;

    /* The thread's. */
    struct ledger_session *session; /* NULL after a failure, until it reconnects */
    bool unsettled; /* the log may differ from the disk: a commit failed, or of a former process */
    struct ledger_balances balances;
    struct ledger_journal journal;
    enum ledger_freezes freezes;
    struct ledger_recent recent;
    struct ledger_windows windows;
    atomic_bool writable;
    atomic_llong commits, changes;
};

static void answer(struct ledger_job *job, int code, const struct error *why)
{
    job->code = code;
    if (code == ERROR_RETRY)
        error_set(&job->error, code, "the ledger wrote nothing, repeat later: %s", why->message);
    else if (code == ERROR_UNCERTAIN)
        error_set(&job->error, code, "the ledger can't tell whether it wrote this: %s",
                  why->message);
}

static void answer_retry(struct ledger_job **jobs, size_t count, const struct error *why)
{
    for (size_t i = 0; i < count; i++)
        answer(jobs[i], ERROR_RETRY, why);
}

/* What the transaction that is rolled back, or in doubt, may have taught. */
static void forget_written(struct ledger_writer *writer)
{
    writer->freezes = LEDGER_FREEZES_UNKNOWN;
    ledger_balances_forget(&writer->balances);
    ledger_recent_forget(&writer->recent);
    ledger_windows_forget(&writer->windows);
}

static int connect_writer(struct ledger_writer *writer, struct error *err)
{
    if (writer->session != NULL)
        return 0;
    return writer->backend->connect(writer->store, LEDGER_WRITE, &writer->session, err);
}

/* A transaction on a log that is what the disk has. It is durable where that is not known yet. */
static int begin_settled(struct ledger_writer *writer, bool durable, struct error *err)
{
    int code = connect_writer(writer, err);

    if (code == 0)
        code = writer->backend->begin(writer->session, durable || writer->unsettled, err);
    if (code != 0 || !writer->unsettled)
        return code;
    code = writer->backend->settle_log(writer->session, err);
    if (code != 0)
        writer->backend->rollback(writer->session);
    return code;
}

/*
 * Makes what the new session sees the truth: durable, and with nothing else in the log. True when
 * the session may look for what it sees. On a disk that takes nothing that is all that can be had:
 * only another process that keeps the log's index alive could prove it wrong.
 */
static bool settle(struct ledger_writer *writer)
{
    struct error ignored;
    const int code = begin_settled(writer, true, &ignored);

    if (code != 0)
        return code == ERROR_RETRY;
    if (writer->backend->touch(writer->session, &ignored) == 0 &&
        writer->backend->commit(writer->session, &ignored) == 0)
        writer->unsettled = false;
    else
        writer->backend->rollback(writer->session);
    return true;
}

/*
 * Rule 8. Frames of a commit that failed may stand in the log, unseen by whoever was connected, and
 * come to life at the next restart. So all sessions go, and the first that comes back sees what a
 * restart would see: only that is proof, once the log is settled.
 */
static void resolve_doubt(struct ledger_writer *writer, struct ledger_job **jobs, size_t count,
                          const struct error *why)
{
    struct error ignored;
    bool sees;

    CRASH_POINT(LEDGER_DOUBT);
    ledger_readers_suspend(writer->readers);
    writer->backend->disconnect(&writer->session);
    writer->unsettled = true;
    sees = settle(writer);
    CRASH_POINT(LEDGER_REOPENED);
    for (size_t i = 0; i < count; i++) {
        struct ledger_job *job = jobs[i];
        const bool absent =
            !job->wrote || job->look == NULL ||
            (sees && job->look(writer->backend, writer->session, job->context, &ignored) == 0);

        /* What wrote nothing may still have read what is now in doubt: its answer is void, too. */
        answer(job, absent ? ERROR_RETRY : ERROR_UNCERTAIN, why);
    }
    CRASH_POINT(LEDGER_DOUBT_RESOLVED);
    ledger_readers_resume(writer->readers);
}

/* True when the transaction has to be undone for it: the backend failed, or half of it is written.
 */
static bool spoils(const struct ledger_job *job)
{
    return job->code == ERROR_IO || job->code == ERROR_NOMEM || (job->code != 0 && job->wrote);
}

static bool run_job(struct ledger_writer *writer, struct ledger_job *job)
{
    struct ledger_change change = {
        .backend = writer->backend,
        .session = writer->session,
        .balances = &writer->balances,
        .journal = &writer->journal,
        .freezes = &writer->freezes,
        .recent = &writer->recent,
        .windows = &writer->windows,
    };

    job->code = job->run(&change, job->context, &job->error);
    job->wrote = change.wrote;
    return !spoils(job);
}

/* All that the jobs write. False when one of them, `*spoiler`, makes it worthless. */
static bool write_together(struct ledger_writer *writer, struct ledger_job **jobs, size_t count,
                           struct ledger_job **spoiler, int64_t *written)
{
    struct error err;
    int code;

    ledger_balances_begin(&writer->balances);
    for (size_t i = 0; i < count; i++) {
        *spoiler = jobs[i];
        if (!run_job(writer, jobs[i]))
            return false;
        *written += jobs[i]->wrote;
    }
    code = ledger_balances_write(&writer->balances, writer->backend, writer->session, &err);
    CRASH_POINT(LEDGER_BALANCES_WRITTEN);
    if (code == 0)
        return true;
    /* No job's own failure: it is told of the last, and all get their second try. */
    (*spoiler)->code = code;
    (*spoiler)->error = err;
    return false;
}

static bool must_be_durable(struct ledger_job *const *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!jobs[i]->may_be_undone)
            return true;
    }
    return false;
}

/*
 * Runs the jobs in one transaction. True when each has its answer; false when one of them spoiled
 * the transaction, which is rolled back then: `*spoiler` is that job.
 */
static bool run_together(struct ledger_writer *writer, struct ledger_job **jobs, size_t count,
                         struct ledger_job **spoiler)
{
    const bool durable = must_be_durable(jobs, count);
    struct error err;
    int64_t written = 0;

    if (begin_settled(writer, durable, &err) != 0 ||
        ledger_journal_load(&writer->journal, writer->backend, writer->session, &err) != 0) {
        writer->backend->disconnect(&writer->session);
        atomic_store(&writer->writable, false);
        answer_retry(jobs, count, &err);
        return true;
    }
    CRASH_POINT(LEDGER_BEGUN);
    if (!write_together(writer, jobs, count, spoiler, &written)) {
        writer->backend->rollback(writer->session);
        ledger_journal_roll_back(&writer->journal);
        forget_written(writer);
        CRASH_POINT(LEDGER_ROLLED_BACK);
        return false;
    }
    CRASH_POINT(LEDGER_COMMIT_BEFORE);
    if (writer->backend->commit(writer->session, &err) != 0) {
        atomic_store(&writer->writable, false);
        ledger_journal_forget(&writer->journal);
        forget_written(writer);
        resolve_doubt(writer, jobs, count, &err);
        return true;
    }
    ledger_journal_commit(&writer->journal);
    CRASH_POINT(LEDGER_COMMITTED);
    if (written > 0) {
        writer->unsettled = false;
        if (durable) /* without a sync the disk was not asked */
            atomic_store(&writer->writable, true);
        atomic_fetch_add(&writer->commits, 1);
        atomic_fetch_add(&writer->changes, written);
    }
    return true;
}

/* The second and last try of one job, in a transaction and, where the disk failed, a session of its
 * own. */
static void run_alone(struct ledger_writer *writer, struct ledger_job *job)
{
    struct ledger_job *spoiler = NULL;

    if (run_together(writer, &job, 1, &spoiler))
        return;
    if (job->code == ERROR_IO || job->code == ERROR_NOMEM) {
        const struct error why = job->error;

        writer->backend->disconnect(&writer->session);
        atomic_store(&writer->writable, false);
        answer(job, ERROR_RETRY, &why);
    }
}

static void run_batch(struct ledger_writer *writer, struct ledger_job **jobs, size_t count)
{
    struct ledger_job *spoiler = NULL;

    if (run_together(writer, jobs, count, &spoiler))
        return;
    if (spoiler->code == ERROR_IO)
        writer->backend->disconnect(&writer->session);
    for (size_t i = 0; i < count; i++)
        run_alone(writer, jobs[i]);
}

/* Sleeps until there is work. 0 = to stop, and nothing is left. */
static size_t take_batch(struct ledger_writer *writer, struct ledger_job **jobs)
{
    size_t count = 0;

    pthread_mutex_lock(&writer->mutex);
    while (writer->first == NULL && !writer->stopping) {
        writer->idle = true;
        pthread_cond_wait(&writer->arrived, &writer->mutex);
    }
    writer->idle = false;
    while (writer->first != NULL && count < LEDGER_BATCH_MAX) {
        jobs[count++] = writer->first;
        writer->first = writer->first->next;
    }
    if (writer->first == NULL)
        writer->last = &writer->first;
    pthread_mutex_unlock(&writer->mutex);
    return count;
}

/*
 * Wakes one caller, each of whom wakes two more. A wake-up for each was a fifth of the writer's
 * time, and most of them took the processor from it.
 */
static void wake_all(struct ledger_job **jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i]->wakes[0] = 2 * i + 1 < count ? jobs[2 * i + 1] : NULL;
        jobs[i]->wakes[1] = 2 * i + 2 < count ? jobs[2 * i + 2] : NULL;
    }
    sem_post(&jobs[0]->answered); /* the last use of them all: they are their callers' again */
}

static void *writer_main(void *context)
{
    struct ledger_writer *writer = context;
    struct ledger_job *jobs[LEDGER_BATCH_MAX];
    size_t count;

    while ((count = take_batch(writer, jobs)) > 0) {
        run_batch(writer, jobs, count);
        wake_all(jobs, count);
    }
    return NULL;
}

int ledger_writer_do(struct ledger_writer *writer, struct ledger_job *job, struct error *err)
{
    bool wake;

    job->next = NULL;
    sem_init(&job->answered, 0, 0);
    pthread_mutex_lock(&writer->mutex);
    *writer->last = job;
    writer->last = &job->next;
    wake = writer->idle;
    writer->idle = false; /* one wake-up is enough for all who come before it has happened */
    pthread_mutex_unlock(&writer->mutex);
    if (wake)
        pthread_cond_signal(&writer->arrived);

    while (sem_wait(&job->answered) != 0 && errno == EINTR)
        ;
    for (int i = 0; i < 2 && job->wakes[i] != NULL; i++)
        sem_post(&job->wakes[i]->answered);
    sem_destroy(&job->answered);
    if (job->code != 0 && err != NULL)
        *err = job->error;
    return job->code;
}

int ledger_writer_start(const struct ledger_backend *backend, struct ledger_store *store,
                        struct ledger_readers *readers, struct ledger_writer **out,
                        struct error *err)
{
    struct ledger_writer *writer = calloc(1, sizeof(*writer));
    int code, failed;

    if (writer == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the ledger's writer");
    writer->backend = backend;
    writer->store = store;
    writer->readers = readers;
    writer->last = &writer->first;
    writer->unsettled = true;
    atomic_init(&writer->writable, true);
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->arrived, NULL);
    code = connect_writer(writer, err);
    if (code != 0)
        goto out;
    failed = pthread_create(&writer->thread, NULL, writer_main, writer);
    if (failed != 0) {
        code = error_set(err, ERROR_IO, "can't start the ledger's writer: %s", strerror(failed));
        goto out;
    }
    pthread_setname_np(writer->thread, "ledger-writer"); /* for top and perf */
    *out = writer;
    return 0;

out:
    backend->disconnect(&writer->session);
    pthread_cond_destroy(&writer->arrived);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
    return code;
}

void ledger_writer_stop(struct ledger_writer **writer, struct ledger_readers **readers)
{
    struct ledger_writer *w = *writer;

    if (w == NULL)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_mutex_unlock(&w->mutex);
    pthread_cond_signal(&w->arrived);
    pthread_join(w->thread, NULL);

    ledger_readers_free(readers);
    if (w->session != NULL && w->backend->tidy != NULL)
        w->backend->tidy(w->session);
    w->backend->disconnect(&w->session);
    pthread_cond_destroy(&w->arrived);
    pthread_mutex_destroy(&w->mutex);
    free(w);
    *writer = NULL;
}

bool ledger_writer_is_writable(const struct ledger_writer *writer)
{
    return atomic_load(&writer->writable);
}

void ledger_writer_counters(const struct ledger_writer *writer, int64_t *commits, int64_t *changes)
{
    *commits = atomic_load(&writer->commits);
    *changes = atomic_load(&writer->changes);
}
