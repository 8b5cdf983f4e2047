/* The ledger's calls: each a job for the writer or a read on a session of the pool. */
#include "gateway/ledger/ledger.h"

#include "gateway/base/crash_point.h"
#include "gateway/ledger/ledger_backend.h"
#include "gateway/ledger/ledger_handle.h"
#include "gateway/ledger/ledger_logic.h"
#include "gateway/ledger/ledger_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- changes ------------------------------------------------------------------------------- */

struct reserve_call {
    const struct ledger_reserve *request;
    struct ledger_reserve_result *out;
};

static int run_reserve(struct ledger_change *change, void *context, struct error *err)
{
    struct reserve_call *call = context;

    return ledger_logic_reserve(change, call->request, call->out, err);
}

/* Also where only a key was attached: whether that was written is seen by the key alone. */
static int look_reserve(const struct ledger_backend *backend, struct ledger_session *session,
                        void *context, struct error *err)
{
    const struct reserve_call *call = context;
    const struct ledger_reserve *request = call->request;
    struct reservation row;
    struct ledger_key key;
    int code;

    if (call->out->outcome != LEDGER_HELD) {
        code = backend->get_row(session, request->row.id, &row, err);
        return code == ERROR_NOT_FOUND ? 0 : ERROR_UNCERTAIN;
    }
    code = backend->get_key(session, request->row.team, request->key, &key, err);
    if (code == 0 && strcmp(key.row.id, call->out->row.id) != 0)
        return 0;
    return code == ERROR_NOT_FOUND ? 0 : ERROR_UNCERTAIN;
}

int ledger_reserve(struct ledger *ledger, const struct ledger_reserve *request,
                   struct ledger_reserve_result *out, struct error *err)
{
    struct reserve_call call = {.request = request, .out = out};
    struct ledger_job job = {.run = run_reserve, .look = look_reserve, .context = &call};
    int code = ledger_logic_check_reserve(request, err);

    if (code != 0)
        return code;
    code = ledger_writer_do(ledger->writer, &job, err);
    live_cache_forget(ledger->live, request->row.project, request->row.version);
    return code;
}

int ledger_mark_gap(struct ledger *ledger, bool gap, struct error *err)
{
    return ledger->backend->set_gap(ledger->store, gap, err);
}

bool ledger_has_gap(struct ledger *ledger)
{
    return ledger->backend->has_gap(ledger->store);
}

struct update_call {
    const struct reservation *row;
    const struct ledger_cause *cause;
};

static int run_update(struct ledger_change *change, void *context, struct error *err)
{
    const struct update_call *call = context;

    return ledger_logic_update(change, call->row, call->cause, err);
}

static int look_update(const struct ledger_backend *backend, struct ledger_session *session,
                       void *context, struct error *err)
{
    const struct update_call *call = context;
    struct reservation found;

    if (backend->get_row(session, call->row->id, &found, err) != 0)
        return ERROR_UNCERTAIN;
    return found.row_version == call->row->row_version ? 0 : ERROR_UNCERTAIN;
}

static int run_settle(struct ledger_change *change, void *context, struct error *err)
{
    change->settles = true;
    return run_update(change, context, err);
}

/* `job` is complete but for its context. */
static int change_row(struct ledger *ledger, struct ledger_job job, struct reservation *row,
                      const struct ledger_cause *cause, struct error *err)
{
    struct update_call call = {.row = row, .cause = cause};
    int code = ledger_logic_check_row(row, err);

    if (code != 0)
        return code;
    job.context = &call;
    code = ledger_writer_do(ledger->writer, &job, err);
    live_cache_forget(ledger->live, row->project, row->version);
    if (code == 0)
        row->row_version++;
    return code;
}

int ledger_update(struct ledger *ledger, struct reservation *row, const struct ledger_cause *cause,
                  struct error *err)
{
    const struct ledger_job job = {.run = run_update, .look = look_update};

    return change_row(ledger, job, row, cause, err);
}

int ledger_settle(struct ledger *ledger, struct reservation *row, const struct ledger_cause *cause,
                  struct error *err)
{
    const struct ledger_job job = {.run = run_settle, .look = look_update, .may_be_undone = true};

    return change_row(ledger, job, row, cause, err);
}

struct pin_call {
    const char *name, *value;
};

static int run_pin(struct ledger_change *change, void *context, struct error *err)
{
    const struct pin_call *call = context;

    return ledger_logic_pin(change, call->name, call->value, err);
}

static int pin(struct ledger *ledger, const char *name, const char *value, struct error *err)
{
    struct pin_call call = {.name = name, .value = value};
    struct ledger_job job = {.run = run_pin, .context = &call};

    if (value == NULL || value[0] == '\0' || strlen(value) > LEDGER_META_MAX)
        return error_set(err, ERROR_INVALID,
                         "the %s to pin the ledger to is not 1 to %d bytes long", name,
                         LEDGER_META_MAX);
    return ledger_writer_do(ledger->writer, &job, err);
}

/* Every answer of AWS is checked: the pin, once known, is compared in memory. */
int ledger_pin_account(struct ledger *ledger, const char *account, struct error *err)
{
    pthread_mutex_lock(&ledger->lock);
    const bool known = ledger->account[0] != '\0' && strcmp(ledger->account, account) == 0;
    pthread_mutex_unlock(&ledger->lock);
    if (known)
        return 0;

    const int code = pin(ledger, "account", account, err);
    CRASH_POINT(LEDGER_PINNED);
    if (code == 0) {
        pthread_mutex_lock(&ledger->lock);
        (void)snprintf(ledger->account, sizeof(ledger->account), "%s", account);
        pthread_mutex_unlock(&ledger->lock);
    }
    return code;
}

struct forget_call {
    int64_t before_ms;
    size_t forgotten;
    bool more;
};

static int run_forget(struct ledger_change *change, void *context, struct error *err)
{
    struct forget_call *call = context;

    return ledger_logic_forget_keys(change, call->before_ms, &call->forgotten, &call->more, err);
}

int ledger_forget_keys(struct ledger *ledger, int64_t before_ms, size_t *forgotten,
                       struct error *err)
{
    struct forget_call call = {.before_ms = before_ms, .more = true};
    size_t sum = 0;
    int code = 0;

    /* Round by round, so that no start waits for a whole day's keys. */
    while (code == 0 && call.more) {
        struct ledger_job job = {.run = run_forget, .context = &call};

        code = ledger_writer_do(ledger->writer, &job, err);
        if (code == 0)
            sum += call.forgotten;
    }
    if (forgotten != NULL)
        *forgotten = sum;
    return code;
}

/* --- reads --------------------------------------------------------------------------------- */

int ledger_get(struct ledger *ledger, const char *id, struct reservation *out, struct error *err)
{
    struct ledger_session *session = NULL;
    const int code = ledger_readers_take(ledger->readers, &session, err);

    if (code != 0)
        return code;
    return ledger_finish_read(ledger, &session, ledger->backend->get_row(session, id, out, err));
}

static int read_live(struct ledger *ledger, const char *project, const char *version,
                     struct reservation *out, struct error *err)
{
    struct ledger_session *session = NULL;
    const int code = ledger_readers_take(ledger->readers, &session, err);

    if (code != 0)
        return code;
    return ledger_finish_read(ledger, &session,
                              ledger->backend->get_live(session, project, version, out, err));
}

int ledger_find_live(struct ledger *ledger, const char *project, const char *version,
                     struct reservation *out, struct error *err)
{
    uint64_t ticket = 0;
    bool found = false;
    int code;

    if (!live_cache_get(ledger->live, project, version, out, &found, &ticket)) {
        code = read_live(ledger, project, version, out, err);
        if (code != 0 && code != ERROR_NOT_FOUND)
            return code;
        found = code == 0;
        live_cache_put(ledger->live, project, version, ticket, found ? out : NULL);
    }
    if (found)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "no live reservation holds model %s/%s", project,
                     version);
}

int ledger_find_key(struct ledger *ledger, const char *team, const char *key,
                    const unsigned char fingerprint[LEDGER_FINGERPRINT_LEN],
                    struct ledger_reserve_result *out, struct error *err)
{
    struct ledger_session *session = NULL;
    const int code = ledger_readers_take(ledger->readers, &session, err);

    if (code != 0)
        return code;
    return ledger_finish_read(
        ledger, &session,
        ledger_logic_find_key(ledger->backend, session, team, key, fingerprint, out, err));
}

int ledger_list_live(struct ledger *ledger, const struct ledger_filter *filter,
                     const char *after_id, struct reservation *rows, size_t capacity, size_t *count,
                     struct error *err)
{
    struct ledger_session *session = NULL;
    const int code = ledger_readers_take(ledger->readers, &session, err);

    if (code != 0)
        return code;
    return ledger_finish_read(
        ledger, &session,
        ledger->backend->list_live(session, filter, after_id, rows, capacity, count, err));
}

int ledger_usage(struct ledger *ledger, const char *team, struct quota_usage *account,
                 struct quota_usage *of_team, struct error *err)
{
    struct ledger_session *session = NULL;
    const int code = ledger_readers_take(ledger->readers, &session, err);

    if (code != 0)
        return code;
    return ledger_finish_read(ledger, &session,
                              ledger->backend->get_usage(session, team, account, of_team, err));
}

/* --- life ---------------------------------------------------------------------------------- */

int ledger_open_on(const struct ledger_backend *backend, struct ledger_store **store,
                   const struct ledger_settings *settings, struct ledger **out, struct error *err)
{
    struct ledger *ledger = calloc(1, sizeof(*ledger));
    int code;

    if (ledger == NULL) {
        backend->close(store);
        return error_set(err, ERROR_NOMEM, "out of memory for the ledger");
    }
    pthread_mutex_init(&ledger->lock, NULL);
    ledger->backend = backend;
    ledger->store = *store;
    *store = NULL;
    code = live_cache_create(&ledger->live, err);
    if (code == 0)
        code = ledger_releases_create(&ledger->releases, err);
    if (code == 0)
        code = ledger_readers_create(backend, ledger->store, &ledger->readers, err);
    if (code == 0)
        code = ledger_writer_start(backend, ledger->store, ledger->readers, &ledger->writer, err);
    if (code == 0)
        code = pin(ledger, "endpoint", settings->endpoint, err);
    if (code == 0)
        code = pin(ledger, "region", settings->region, err);
    if (code != 0)
        ledger_close(&ledger);
    *out = ledger;
    return code;
}

int ledger_open(const struct ledger_settings *settings, struct ledger **out, struct error *err)
{
    struct ledger_store *store = NULL;
    int code = ledger_sqlite_open(settings->path, &store, err);

    *out = NULL;
    if (code == 0)
        code = ledger_open_on(ledger_sqlite_backend(), &store, settings, out, err);
    if (code != 0)
        error_prefix(err, "ledger %s", settings->path);
    return code;
}

void ledger_close(struct ledger **ledger)
{
    struct ledger *l = *ledger;

    if (l == NULL)
        return;
    ledger_writer_stop(&l->writer, &l->readers);
    ledger_readers_free(&l->readers);
    ledger_releases_free(&l->releases);
    live_cache_free(&l->live);
    l->backend->close(&l->store);
    pthread_mutex_destroy(&l->lock);
    free(l);
    *ledger = NULL;
}

bool ledger_is_writable(const struct ledger *ledger)
{
    return ledger_writer_is_writable(ledger->writer);
}

void ledger_counters(const struct ledger *ledger, int64_t *commits, int64_t *changes)
{
    ledger_writer_counters(ledger->writer, commits, changes);
}
