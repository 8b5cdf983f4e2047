/*
 * How long a check of a large ledger takes, and how soon such a ledger is opened:
 * bench_verify FILE [ENTRIES]. Where there is no FILE, it is made first: reservations of twenty
 * teams through the ledger's own logic, each reserved, accepted, stopped and closed, without a sync
 * for each. Prints one line a step.
 */
#include "gateway/base/crypto.h"
#include "gateway/ledger/ledger_file.h"
#include "gateway/ledger/ledger_logic.h"
#include "gateway/ledger/ledger_sqlite.h"
#include "gateway/ledger/ledger_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TEAMS            20
#define ENTRIES_DEFAULT  10000000
#define ENTRIES_OF_ONE   4 /* reserve, accepted, stop, closed */
#define ROWS_OF_A_COMMIT 1000
#define BEGIN_MS         INT64_C(1700000000000)
#define STEP_MS          12000 /* from one start to the next: a year and a day for ten million */
#define RUN_MS           INT64_C(5400000)

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what, const struct error *err)
{
    fprintf(stderr, "bench_verify: %s: %s\n", what, err->message);
    exit(1);
}

/* --- making one ---------------------------------------------------------------------------- */

struct maker {
    struct ledger_store *store;
    struct ledger_session *session;
    struct ledger_balances balances;
    struct ledger_journal journal;
    enum ledger_freezes freezes;
    struct ledger_recent recent;
    struct ledger_windows windows;
};

static int admit(void *context, const struct quota_books *books, bool *admitted, struct error *err)
{
    (void)context;
    (void)books;
    (void)err;
    *admitted = true;
    return 0;
}

static void fill_row(struct reservation *row, int64_t number)
{
    memset(row, 0, sizeof(*row));
    row->created_ms = row->first_send_ms = BEGIN_MS + number * STEP_MS;
    if (crypto_uuid7(row->created_ms, row->id) != 0 || crypto_uuid4(row->client_token) != 0)
        abort();
    row->state = RESERVATION_PENDING;
    snprintf(row->team, sizeof(row->team), "team-%d", (int)(number % TEAMS));
    snprintf(row->subject, sizeof(row->subject), "someone-%d@example.com", (int)(number % 300));
    snprintf(row->project, sizeof(row->project), "project-%d", (int)(number % 50000));
    snprintf(row->version, sizeof(row->version), "1");
    row->min_units = row->units = 1 + number % 5;
    row->body_len = (size_t)snprintf(row->body, sizeof(row->body), "{\"MinInferenceUnits\":1}");
    row->lease_from_ms = row->created_ms;
    row->lease_end_ms = row->created_ms + 8 * 3600 * 1000;
    row->worst_end_ms = row->lease_end_ms + 900000;
}

static void update(struct ledger_change *change, struct reservation *row, const char *why,
                   int64_t at_ms)
{
    const struct ledger_cause cause = {.at_ms = at_ms, .actor = "gateway", .why = why};
    struct error err = {0};

    if (ledger_logic_update(change, row, &cause, &err) != 0)
        die("update", &err);
    row->row_version++;
}

static void make_one(struct ledger_change *change, int64_t number)
{
    struct ledger_reserve request = {.quiet_ms = 900000,
                                     .decide = admit,
                                     .cause = {.actor = "someone@example.com",
                                               .request_id = "0123456789abcdef0123456789abcdef0123",
                                               .policy = "0123456789abcdef0123456789abcdef",
                                               .why = "start"}};
    struct ledger_reserve_result result;
    struct error err = {0};

    fill_row(&request.row, number);
    request.now_ms = request.cause.at_ms = request.row.created_ms;
    if (ledger_logic_reserve(change, &request, &result, &err) != 0 ||
        result.outcome != LEDGER_RESERVED)
        die("reserve", &err);
    result.row.state = RESERVATION_ACTIVE;
    update(change, &result.row, "start answered", request.now_ms + 300);
    result.row.state = RESERVATION_STOPPING;
    update(change, &result.row, "stop", request.now_ms + RUN_MS);
    result.row.state = RESERVATION_CLOSED;
    result.row.end = RESERVATION_END_STOPPED;
    result.row.closed_ms = result.row.ended_ms = request.now_ms + RUN_MS + number % 600000;
    update(change, &result.row, "observed", result.row.ended_ms);
}

static void make_batch(struct maker *maker, int64_t first, int64_t end)
{
    const struct ledger_backend *backend = ledger_sqlite_backend();
    struct ledger_change change = {.backend = backend,
                                   .session = maker->session,
                                   .balances = &maker->balances,
                                   .journal = &maker->journal,
                                   .freezes = &maker->freezes,
                                   .recent = &maker->recent,
                                   .windows = &maker->windows};
    struct error err = {0};

    if (backend->begin(maker->session, false, &err) != 0 ||
        ledger_journal_load(&maker->journal, backend, maker->session, &err) != 0)
        die("begin", &err);
    ledger_balances_begin(&maker->balances);
    for (int64_t number = first; number < end; number++)
        make_one(&change, number);
    if (ledger_balances_write(&maker->balances, backend, maker->session, &err) != 0 ||
        backend->commit(maker->session, &err) != 0)
        die("commit", &err);
    ledger_journal_commit(&maker->journal);
}

static void make(const char *path, int64_t entries)
{
    const struct ledger_backend *backend = ledger_sqlite_backend();
    const int64_t rows = entries / ENTRIES_OF_ONE;
    const double begin = seconds();
    static struct maker maker;
    struct error err = {0};

    if (ledger_sqlite_open(path, &maker.store, &err) != 0 ||
        backend->connect(maker.store, LEDGER_WRITE, &maker.session, &err) != 0)
        die(path, &err);
    for (int64_t first = 0; first < rows; first += ROWS_OF_A_COMMIT)
        make_batch(&maker, first,
                   first + ROWS_OF_A_COMMIT < rows ? first + ROWS_OF_A_COMMIT : rows);
    backend->tidy(maker.session);
    backend->disconnect(&maker.session);
    backend->close(&maker.store);
    printf("made entries=%" PRId64 " seconds=%.1f\n", rows * ENTRIES_OF_ONE, seconds() - begin);
}

/* --- measuring ----------------------------------------------------------------------------- */

static void measure_verify(const char *path)
{
    const double begin = seconds();
    struct ledger_verified verified;
    struct ledger_file file;
    struct rusage usage;
    struct error err = {0};

    if (ledger_file_open(path, &file, &err) != 0 ||
        ledger_verify(file.backend, file.session, NULL, &verified, &err) != 0)
        die("verify", &err);
    ledger_file_close(&file);
    getrusage(RUSAGE_SELF, &usage);
    printf("verify entries=%" PRId64 " reservations=%" PRId64 " sums=%" PRId64
           " seconds=%.1f memory_mb=%ld\n",
           verified.entries, verified.rows, verified.sums, seconds() - begin,
           usage.ru_maxrss / 1024);
}

static void measure_open(const char *path)
{
    const struct ledger_settings settings = {.path = path, .endpoint = "bench", .region = "bench"};
    const double begin = seconds();
    struct quota_usage account;
    struct ledger *ledger = NULL;
    struct error err = {0};

    if (ledger_open(&settings, &ledger, &err) != 0 ||
        ledger_usage(ledger, NULL, &account, NULL, &err) != 0)
        die("open", &err);
    printf("open seconds=%.3f\n", seconds() - begin);
    ledger_close(&ledger);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: bench_verify FILE [ENTRIES]\n");
        return 64;
    }
    if (access(argv[1], F_OK) != 0)
        make(argv[1], argc > 2 ? strtoll(argv[2], NULL, 10) : ENTRIES_DEFAULT);
    measure_verify(argv[1]);
    measure_open(argv[1]);
    return 0;
}
